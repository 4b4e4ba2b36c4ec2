/*
Copyright 2026 The cluster-api-provider-maas Authors.

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
*/

package maascluster

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// defaultAPIServerPort is the port of an API server that nobody moved.
const defaultAPIServerPort = 6443

// provideDNS fixes the endpoint's name at once and keeps the record at the control plane's addresses. There is no record while there
// is no address.
func (r *Reconciler) provideDNS(ctx context.Context, s *scope) error {
	dns := s.maasCluster.Spec.Endpoint.DNS
	if s.maasCluster.Spec.ControlPlaneEndpoint.Host == "" {
		s.maasCluster.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{
			Host: cmp.Or(dns.Name, s.cluster.Name) + "." + dns.Domain,
			Port: cmp.Or(dns.Port, defaultAPIServerPort),
		}
	}
	if s.session == nil || s.problem != nil {
		return nil
	}
	addresses, err := r.controlPlaneAddresses(ctx, s)
	if err != nil || len(addresses) == 0 {
		return err
	}
	err = r.keepRecord(ctx, s, addresses)
	switch maas.KindOf(err) {
	case maas.Forbidden:
		s.endpointProblem = &access.Problem{Reason: infrav1.DNSForbiddenReason,
			Message: fmt.Sprintf("DNS records need an administrator's API key: %s", err)}
		return nil
	case maas.Invalid:
		s.endpointProblem = &access.Problem{Reason: infrav1.DNSRecordFailedReason, Message: err.Error()}
		return nil
	}
	return err
}

// keepRecord makes or mends the record, with no write when it is as it should be.
func (r *Reconciler) keepRecord(ctx context.Context, s *scope, addresses []string) error {
	fqdn := s.maasCluster.Spec.ControlPlaneEndpoint.Host
	record, err := s.session.GetDNSResource(ctx, fqdn)
	switch {
	case maas.IsNotFound(err):
		ctrl.LoggerFrom(ctx).Info("Creating DNS record", "fqdn", fqdn, "addresses", addresses)
		_, err = s.session.CreateDNSResource(ctx, fqdn, addresses)
		return err
	case err != nil:
		return err
	case slices.Equal(record.Addresses, addresses):
		return nil
	}
	ctrl.LoggerFrom(ctx).Info("Updating DNS record", "fqdn", fqdn, "addresses", addresses, "previously", record.Addresses)
	r.Recorder.Eventf(s.maasCluster, nil, corev1.EventTypeNormal, "DNSUpdated", "UpdateDNS", "%s points at %v now", fqdn, addresses)
	_, err = s.session.UpdateDNSResource(ctx, record.ID, addresses)
	return err
}

// controlPlaneAddresses are the addresses of the deployed control plane machines that stay, in the chosen subnet, sorted. Machines on
// their way out count only while they are all there is.
func (r *Reconciler) controlPlaneAddresses(ctx context.Context, s *scope) ([]string, error) {
	machines := &infrav1.MaasMachineList{}
	if err := r.Client.List(ctx, machines, client.InNamespace(s.maasCluster.Namespace), client.MatchingLabels{
		clusterv1.ClusterNameLabel: s.cluster.Name,
	}, client.HasLabels{clusterv1.MachineControlPlaneLabel}); err != nil {
		return nil, fmt.Errorf("listing the control plane's MaasMachines: %w", err)
	}
	var staying, leaving []string
	for i := range machines.Items {
		m := &machines.Items[i]
		addresses := inSubnet(m.Status.Addresses, s.maasCluster.Spec.Endpoint.DNS.SubnetCIDR)
		if m.DeletionTimestamp.IsZero() {
			staying = append(staying, addresses...)
		} else {
			leaving = append(leaving, addresses...)
		}
	}
	if len(staying) == 0 {
		staying = leaving
	}
	slices.Sort(staying)
	return slices.Compact(staying), nil
}

// inSubnet picks the IP addresses of a subnet, all of them for "".
func inSubnet(addresses []clusterv1.MachineAddress, cidr string) []string {
	subnet, err := netip.ParsePrefix(cidr)
	var in []string
	for _, a := range addresses {
		ip, parseErr := netip.ParseAddr(a.Address)
		if parseErr != nil {
			continue
		}
		if cidr == "" || (err == nil && subnet.Contains(ip)) {
			in = append(in, a.Address)
		}
	}
	return in
}

// deleteDNS removes the record that this cluster's endpoint names.
func (r *Reconciler) deleteDNS(ctx context.Context, s *scope) error {
	if s.maasCluster.Spec.Endpoint.Type != infrav1.EndpointDNS || s.maasCluster.Spec.ControlPlaneEndpoint.Host == "" {
		return nil
	}
	if err := r.connect(ctx, s); err != nil {
		return err
	}
	if s.session == nil || s.problem != nil {
		s.remaining = "DNS record " + s.maasCluster.Spec.ControlPlaneEndpoint.Host + ", which needs MAAS"
		return nil
	}
	record, err := s.session.GetDNSResource(ctx, s.maasCluster.Spec.ControlPlaneEndpoint.Host)
	if maas.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = s.session.DeleteDNSResource(ctx, record.ID)
	if maas.IsNotFound(err) {
		return nil
	}
	return err
}
