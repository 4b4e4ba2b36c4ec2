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
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/controllers/external"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// maxFailureDomains is what a Cluster's status holds.
const maxFailureDomains = 100

// reportZones makes a failure domain of each zone that has machines. The last known ones stay while MAAS cannot be looked at.
//
// A control plane takes the failure domain with the fewest of its machines, and any of several. It never takes that back: a machine that was
// given a zone without a server for it waits for ever. So the zones for control planes are those that have one.
func (r *Reconciler) reportZones(ctx context.Context, s *scope) error {
	if s.session == nil || !s.session.Snapshot().Synced() {
		return nil
	}
	for _, m := range s.session.Snapshot().List() {
		if i, found := slices.BinarySearch(s.zones, m.Zone); !found {
			s.zones = slices.Insert(s.zones, i, m.Zone)
		}
	}
	request, err := r.controlPlaneRequest(ctx, s)
	if err != nil || s.zonesWait != "" || len(s.zones) == 0 {
		return err
	}
	suitable := s.zones
	if request != nil {
		hosts := &infrav1.MaasHostList{}
		if err := r.Client.List(ctx, hosts, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("listing MaasHosts: %w", err)
		}
		suitable = zonesFor(*request, access.WithKeptDisks(s.session.Snapshot().List(), hosts.Items))
	}
	s.maasCluster.Status.FailureDomains, s.unsuitable = failureDomains(s.zones, s.maasCluster.Spec.ControlPlaneZones, suitable)
	return nil
}

// zonesFor are the zones of the machines that match, whatever these do now.
func zonesFor(request allocation.Request, machines []*maas.Machine) []string {
	var zones []string
	for _, m := range machines {
		if !slices.Contains(zones, m.Zone) && allocation.Matches(request, m) {
			zones = append(zones, m.Zone)
		}
	}
	return zones
}

// failureDomains marks the zones for control planes: those wanted, all when none is, that are suitable. When none is, all that are wanted stay marked,
// so that the machine says which servers it does not find. The second result are those that were not marked for that reason.
func failureDomains(zones, wanted, suitable []string) (domains []clusterv1.FailureDomain, unsuitable []string) {
	isWanted := func(zone string) bool { return len(wanted) == 0 || slices.Contains(wanted, zone) }
	marked := func(zone string) bool { return isWanted(zone) && slices.Contains(suitable, zone) }
	if !slices.ContainsFunc(zones, marked) {
		marked = isWanted
	}
	for _, zone := range zones[:min(len(zones), maxFailureDomains)] {
		controlPlane := marked(zone)
		domains = append(domains, clusterv1.FailureDomain{Name: zone, ControlPlane: &controlPlane})
		if !controlPlane && isWanted(zone) {
			unsuitable = append(unsuitable, zone)
		}
	}
	return domains, unsuitable
}

// controlPlaneRequest is what the control plane's machines ask of a server; nil when they cannot be told: there is no control plane, or it is
// not a KubeadmControlPlane, the only kind that the manager may read. It is nil as well, and zonesWait says why, while the cluster names objects that are not there
// yet and nothing was reported so far.
func (r *Reconciler) controlPlaneRequest(ctx context.Context, s *scope) (*allocation.Request, error) {
	ref := s.cluster.Spec.ControlPlaneRef
	if ref.Kind != "KubeadmControlPlane" {
		return nil, nil //nolint:nilnil // documented
	}
	controlPlane, err := external.GetObjectFromContractVersionedRef(ctx, r.Client, ref, s.cluster.Namespace)
	if err != nil {
		return nil, s.waitForZones(err, ref.Kind, ref.Name)
	}
	name := templateOf(controlPlane)
	if name == "" {
		return nil, nil //nolint:nilnil // documented
	}
	template := &infrav1.MaasMachineTemplate{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.cluster.Namespace, Name: name}, template); err != nil {
		return nil, s.waitForZones(err, "MaasMachineTemplate", name)
	}
	spec := &template.Spec.Template.Spec
	request := &allocation.Request{}
	if name := spec.HostPoolRef.Name; name != "" {
		pool := &infrav1.MaasHostPool{}
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: s.cluster.Namespace, Name: name}, pool); err != nil {
			return nil, s.waitForZones(err, "MaasHostPool", name)
		}
		*request = access.PoolRequest(pool)
	}
	request.Selectors = append(request.Selectors, access.Selector(spec.Selector))
	return request, nil
}

// waitForZones notes what is not there yet. Objects that are deleted later on change nothing: what was reported stays.
func (s *scope) waitForZones(err error, kind, name string) error {
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("getting %s %s: %w", kind, name, err)
	}
	s.zonesWait = fmt.Sprintf("Waiting for %s %s: the servers that it asks for tell which zones can serve the control plane", kind, name)
	return nil
}

// templateOf is the name of the MaasMachineTemplate of a control plane, where contract v1beta2 of Cluster API has it; "" when it has none.
func templateOf(controlPlane *unstructured.Unstructured) string {
	ref, _, _ := unstructured.NestedStringMap(controlPlane.Object, "spec", "machineTemplate", "spec", "infrastructureRef")
	if ref["kind"] != "MaasMachineTemplate" {
		return ""
	}
	return ref["name"]
}

// zonesCondition compares the zones that control plane machines are wanted in with those that exist.
func zonesCondition(s *scope) metav1.Condition {
	c := metav1.Condition{Type: infrav1.FailureDomainsReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.FailureDomainsReadyReason}
	known := len(s.maasCluster.Status.FailureDomains) > 0
	var missing []string
	for _, zone := range s.maasCluster.Spec.ControlPlaneZones {
		if !slices.Contains(s.zones, zone) {
			missing = append(missing, zone)
		}
	}
	switch {
	case s.zones == nil && (s.session == nil || !s.session.Snapshot().Synced()):
		if known {
			return c
		}
		c.Status, c.Reason, c.Message = metav1.ConditionUnknown, infrav1.ConnectingReason, "Waiting for the first look at MAAS"
	case len(s.zones) == 0:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, infrav1.NoMachinesReason, "The API key sees no machine in MAAS"
	case len(missing) > 0:
		c.Status, c.Reason = metav1.ConditionFalse, infrav1.ZoneNotFoundReason
		c.Message = fmt.Sprintf("spec.controlPlaneZones: no machine in zone %s; zones with machines: %s",
			strings.Join(missing, ", "), strings.Join(s.zones, ", "))
	case s.zonesWait != "" && !known:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, infrav1.WaitingForControlPlaneReason, s.zonesWait
	case len(s.unsuitable) > 0:
		c.Message = "No server for the control plane in zone " + strings.Join(s.unsuitable, ", ")
	}
	return c
}
