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
	"errors"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	members, err := r.controlPlane(ctx, s)
	if err != nil {
		return err
	}
	err = r.keepRecord(ctx, s, members)
	switch {
	case maas.KindOf(err) == maas.Forbidden:
		s.endpointProblem = &access.Problem{Reason: infrav1.DNSForbiddenReason,
			Message: fmt.Sprintf("DNS records need an administrator's API key: %s", err)}
	case maas.IsAnswer(err):
		s.endpointProblem = &access.Problem{Reason: infrav1.DNSRecordFailedReason, Message: fmt.Sprintf("%s. It is tried again", err)}
	}
	return refusalOnly(s, err)
}

// refusalOnly makes of a refusal a fact, which is looked at again soon, and leaves other errors to be retried with back-off.
func refusalOnly(s *scope, err error) error {
	if _, ok := errors.AsType[*maas.Error](err); ok && maas.IsAnswer(err) {
		s.endpointRetry = true
		return nil
	}
	return err
}

// keepRecord makes or mends the record, with no write when it is as it should be.
func (r *Reconciler) keepRecord(ctx context.Context, s *scope, members []member) error {
	fqdn := s.maasCluster.Spec.ControlPlaneEndpoint.Host
	record, err := s.session.GetDNSResource(ctx, fqdn)
	if maas.IsNotFound(err) {
		record, err = nil, nil
	}
	if err != nil {
		return err
	}
	log := ctrl.LoggerFrom(ctx).WithValues("fqdn", fqdn)
	step, addresses := planRecord(record, s.maasCluster.Annotations[infrav1.DNSRecordAnnotation] == fqdn, members)
	switch step {
	case recordClaim:
		// Written with the status at the end of this reconcile, which wakes the next.
		metav1.SetMetaDataAnnotation(&s.maasCluster.ObjectMeta, infrav1.DNSRecordAnnotation, fqdn)
	case recordTaken:
		s.endpointProblem = &access.Problem{Reason: infrav1.DNSRecordTakenReason, Message: fmt.Sprintf("MAAS has a DNS record %s that points at %v and "+
			"was not made for this cluster. It is left alone: delete it in MAAS, or make the cluster anew with another endpoint.dns.name", fqdn,
			record.Addresses)}
		s.endpointRetry = true
	case recordCreate:
		log.Info("Creating DNS record", "addresses", addresses)
		_, err = s.session.CreateDNSResource(ctx, fqdn, addresses)
	case recordUpdate:
		log.Info("Updating DNS record", "addresses", addresses, "previously", record.Addresses)
		if _, err = s.session.UpdateDNSResource(ctx, record.ID, addresses); err == nil {
			r.Recorder.Eventf(s.maasCluster, nil, corev1.EventTypeNormal, "DNSUpdated", "UpdateDNS", "%s points at %v now, no longer at %v", fqdn,
				addresses, record.Addresses)
		}
	case recordKeep:
	}
	return err
}

// controlPlane are the control plane's machines with their addresses in the chosen subnet.
func (r *Reconciler) controlPlane(ctx context.Context, s *scope) ([]member, error) {
	machines := &infrav1.MaasMachineList{}
	if err := r.Client.List(ctx, machines, client.InNamespace(s.maasCluster.Namespace), client.MatchingLabels{
		clusterv1.ClusterNameLabel: s.cluster.Name,
	}, client.HasLabels{clusterv1.MachineControlPlaneLabel}); err != nil {
		return nil, fmt.Errorf("listing the control plane's MaasMachines: %w", err)
	}
	members := make([]member, 0, len(machines.Items))
	for i := range machines.Items {
		m := &machines.Items[i]
		members = append(members, member{
			addresses: inSubnet(m.Status.Addresses, s.maasCluster.Spec.Endpoint.DNS.SubnetCIDR),
			leaving:   !m.DeletionTimestamp.IsZero(),
			deployed:  m.Spec.ProviderID != "",
		})
	}
	return members, nil
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
