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

package maashost

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// networkPasses bounds how often a network is looked at again after its calls were made, and networkCalls the calls of one pass. From whatever
// state one pass is enough; a second mends what somebody changed in between.
const (
	networkPasses = 2
	networkCalls  = 128
)

// networkFacts are what was judged of the server's network in this reconcile.
type networkFacts struct {
	// loaded tells that the network, the catalog and the addresses are set.
	loaded  bool
	wanted  hostnetwork.Network
	catalog hostnetwork.Catalog
	kept    []hostnetwork.Address
	// waiting says why an IPAM pool has given no address yet.
	waiting *refusedAct
	// target is what the network comes to on this server.
	target *hostnetwork.Target
	// matches tells that the server has it.
	matches bool
	// refusal says why the server cannot have it.
	refusal *refusedAct
}

// networkMatters tells whether the network is to be looked at: before an installation, while MAAS lets it be changed. That of an empty lease
// is mended while the server is Ready, for a bridge made then stays.
func (s *scope) networkMatters() bool {
	m := s.observation.Machine
	if m == nil || !access.HasNetwork(s.host.Spec.Network) || s.deleting() || s.lease().Vacate {
		return false
	}
	switch m.Status {
	case maas.StatusReady:
		return m.Owner == "" && s.observation.Ownership == lifecycle.OwnershipNotOurs
	case maas.StatusAllocated:
		return s.observation.Ownership == lifecycle.OwnershipOurs && s.host.Spec.ConsumerRef.Name != "" && !s.lease().DeployStarted
	default:
		return false
	}
}

// loadNetwork gathers what the network is judged by. It asks MAAS for its subnets and VLANs at most once in a minute for all servers together.
func (r *Reconciler) loadNetwork(ctx context.Context, s *scope) error {
	if s.network.loaded || !s.networkMatters() {
		return nil
	}
	n := &s.network
	n.wanted = access.Network(s.host.Spec.Network)
	catalog, err := r.Access.Networks(ctx, s.session, len(n.wanted.Routes) > 0)
	if err != nil {
		return err
	}
	n.catalog = catalog
	if err := r.loadAddresses(ctx, s); err != nil {
		return err
	}
	n.loaded = true
	return nil
}

// networkWork compares the interfaces of the observed machine, which is not nil, to the network. It asks nobody.
func (s *scope) networkWork() lifecycle.Work {
	n := &s.network
	n.target, n.matches, n.refusal = nil, false, nil
	if !s.networkMatters() || !n.loaded {
		return lifecycle.WorkNone
	}
	target, problems := hostnetwork.Resolve(n.wanted, s.observation.Machine.Interfaces, n.catalog, n.kept)
	switch {
	case len(problems) > 0 && s.host.Spec.ConsumerRef.Name == "":
		// Nobody is kept waiting by it yet.
		return lifecycle.WorkNone
	case n.waiting != nil:
		n.refusal = n.waiting
		return lifecycle.WorkRefused
	case len(problems) > 0:
		n.refusal = refusalOf(problems[0])
		return lifecycle.WorkRefused
	}
	n.target = target
	n.matches = target.Next(s.observation.Machine.Interfaces) == nil
	switch {
	case !n.matches:
		return lifecycle.WorkDue
	case s.observation.Machine.Status == maas.StatusAllocated && !sameAddresses(s.host.Spec.Addresses, s.addressesToKeep(s.observation.Machine)):
		// They are written down before the installation. What allocation answers is fresh, so that costs no read.
		return lifecycle.WorkDue
	default:
		return lifecycle.WorkNone
	}
}

// refusalOf names the problem as the conditions do.
func refusalOf(p hostnetwork.Problem) *refusedAct {
	reasons := map[hostnetwork.Reason]string{
		hostnetwork.NICNotFound:        infrav1.NICNotFoundReason,
		hostnetwork.CablingMismatch:    infrav1.CablingMismatchReason,
		hostnetwork.NameTaken:          infrav1.InterfaceNameTakenReason,
		hostnetwork.SubnetNotFound:     infrav1.SubnetNotFoundReason,
		hostnetwork.SubnetMismatch:     infrav1.SubnetMismatchReason,
		hostnetwork.VLANNotFound:       infrav1.VLANNotFoundReason,
		hostnetwork.GatewayMissing:     infrav1.GatewayMissingReason,
		hostnetwork.StaticRouteMissing: infrav1.StaticRouteMissingReason,
		hostnetwork.AddressMissing:     infrav1.WaitingForAddressReason,
		hostnetwork.AddressOutside:     infrav1.AddressOutsideSubnetReason,
	}
	return &refusedAct{reasons[p.Reason], p.Message}
}

// prepareNetwork makes the network, on a machine that a fresh read in this reconcile showed to be Ready and nobody's, or allocated to us and
// never installed. It leaves what MAAS says then in the observation and tells whether another step may follow at once.
func (r *Reconciler) prepareNetwork(ctx context.Context, s *scope) (bool, error) {
	if wait, refusal := r.refusals.pending(s.host.UID, r.Clock.Now()); wait > 0 {
		s.retryAfter = wait
		if held, ok := refusal.(heldNetwork); ok { //nolint:errorlint // it is never wrapped
			s.network.refusal = held.refusal
		} else {
			s.refusal = refusal
		}
		return false, nil
	}
	if !s.network.matches {
		region, err := r.Access.Region(ctx, s.session)
		if err != nil {
			return false, err
		}
		if region.Role != infrav1.MaasRoleAdministrator {
			s.holdNetwork(r, infrav1.NetworkForbiddenReason, "MAAS lets administrators alone change the network of a server, and the API key is that of %s, "+
				"who is none. Put the key of an administrator into the Secret, or set up the network in MAAS by hand", region.User)
			return false, nil
		}
	}
	for range networkPasses {
		if s.network.matches {
			return true, r.settleAddresses(ctx, s)
		}
		again, err := r.networkPass(ctx, s)
		if err != nil || !again || s.network.target == nil {
			return again, err
		}
	}
	if s.network.matches {
		return true, r.settleAddresses(ctx, s)
	}
	left := s.network.target.Next(s.observation.Machine.Interfaces)
	s.holdNetwork(r, infrav1.NetworkNotTakenReason, "MAAS took every call and the network is not as it should be: %s is still to be done", left)
	return false, nil
}

// networkPass makes the calls that lead to the network and reads the machine again. It tells whether the observation may be judged anew.
func (r *Reconciler) networkPass(ctx context.Context, s *scope) (bool, error) {
	m, interfaces := s.observation.Machine, s.observation.Machine.Interfaces
	log := ctrl.LoggerFrom(ctx)
	log.Info("Setting up the network", "systemID", m.SystemID, "calls", len(s.network.target.Plan(interfaces)))
	for range networkCalls {
		step := s.network.target.Next(interfaces)
		if step == nil {
			break
		}
		log.V(1).Info("Changing the network", "systemID", m.SystemID, "step", step.String())
		answer, err := networkCall(ctx, s.session, m.SystemID, step)
		if err != nil {
			return r.afterNetworkCall(ctx, s, step, err)
		}
		interfaces = step.After(interfaces, answer)
	}
	read, err := s.session.GetMachine(ctx, m.SystemID)
	if err != nil {
		return false, err
	}
	if read.Status != m.Status || read.Owner != m.Owner {
		return true, r.verify(ctx, s)
	}
	s.observation.Machine = read
	s.networkWork()
	if s.network.matches {
		r.Recorder.Eventf(s.host, nil, corev1.EventTypeNormal, "NetworkConfigured", "PrepareNetwork", "The network of %s is set up", read.Hostname)
	}
	return true, nil
}

// networkCall makes the call of a step. A call that answers with no interface returns nil.
func networkCall(ctx context.Context, n maas.Networks, systemID string, s *hostnetwork.Step) (*maas.Interface, error) {
	switch s.Verb {
	case hostnetwork.Delete:
		err := n.DeleteInterface(ctx, systemID, s.InterfaceID)
		if maas.IsNotFound(err) {
			err = nil
		}
		return nil, err
	case hostnetwork.MakeBond:
		return n.CreateBond(ctx, systemID, *s.CreateBond)
	case hostnetwork.MakeVLAN:
		return n.CreateVLANInterface(ctx, systemID, s.CreateVLAN.ParentID, s.CreateVLAN.VLANID, s.CreateVLAN.MTU)
	case hostnetwork.MakeBridge:
		return n.CreateBridge(ctx, systemID, *s.CreateBridge)
	case hostnetwork.Change:
		return n.UpdateInterface(ctx, systemID, s.InterfaceID, *s.Update)
	case hostnetwork.LinkTo:
		return n.LinkSubnet(ctx, systemID, s.InterfaceID, *s.Link)
	case hostnetwork.Unlink:
		return n.UnlinkSubnet(ctx, systemID, s.InterfaceID, s.LinkID)
	case hostnetwork.SetGateway:
		return nil, n.SetDefaultGateway(ctx, systemID, s.InterfaceID, s.LinkID)
	}
	return nil, fmt.Errorf("no call for step %s", s)
}

// afterNetworkCall sorts out a failed call: somebody may have taken the machine or be at work on it, and what MAAS will not have waits for a
// person.
func (r *Reconciler) afterNetworkCall(ctx context.Context, s *scope, step *hostnetwork.Step, err error) (bool, error) {
	wantsAddress := step.Verb == hostnetwork.LinkTo && step.Link.Address.IsValid()
	switch kind := maas.KindOf(err); {
	case kind == maas.Conflict && wantsAddress && isAddressTaken(err):
		s.holdNetwork(r, infrav1.AddressInUseReason, "%s. Find out in MAAS who has %s, or remove the address from spec.addresses of the MaasHost to "+
			"have another", err, step.Link.Address)
		return false, nil
	case kind == maas.Conflict, kind == maas.NotFound:
		return true, r.verify(ctx, s)
	case kind == maas.Exhausted:
		s.holdNetwork(r, infrav1.AddressesExhaustedReason, "%s. Make room in the subnet in MAAS", err)
		return false, nil
	case kind == maas.Forbidden:
		s.holdNetwork(r, infrav1.NetworkForbiddenReason, "%s. Put the key of an administrator into the Secret", err)
		return false, nil
	case kind == maas.Invalid:
		s.holdNetwork(r, infrav1.NetworkRefusedReason, "%s. Correct the network in a new MaasMachineTemplate, or what stands against it in MAAS", err)
		return false, nil
	}
	return false, err
}

// holdNetwork waits, and remembers to: what was tried wakes the reconciler by its traces in MAAS.
func (s *scope) holdNetwork(r *Reconciler, reason, format string, args ...any) {
	refusal := &refusedAct{reason, fmt.Sprintf(format, args...)}
	r.refusals.note(s.host.UID, heldNetwork{refusal}, r.Clock.Now().Add(holdRecheck))
	s.network.refusal, s.retryAfter = refusal, holdRecheck
}

// heldNetwork is a judgement of the network among the refusals.
type heldNetwork struct{ refusal *refusedAct }

func (h heldNetwork) Error() string { return h.refusal.message }

// learnNodeSubnet learns what the subnet of the node's own address is. Where it is given by name, MAAS is asked once.
func (r *Reconciler) learnNodeSubnet(ctx context.Context, s *scope) error {
	if !access.HasNetwork(s.host.Spec.Network) {
		s.host.Status.NodeSubnet = ""
		return nil
	}
	ref := access.Network(s.host.Spec.Network).NodeSubnet
	switch {
	case ref.CIDR.IsValid():
		s.host.Status.NodeSubnet = ref.CIDR.Masked().String()
		return nil
	case ref.IsZero():
		s.host.Status.NodeSubnet = ""
		return nil
	case s.host.Status.NodeSubnet != "" && !s.network.loaded:
		return nil
	}
	catalog, err := r.Access.Networks(ctx, s.session, false)
	if err != nil {
		return err
	}
	if subnet, problem := catalog.FindSubnet(ref); problem == nil {
		s.host.Status.NodeSubnet = subnet.CIDR.Masked().String()
	}
	return nil
}

// nodeSubnet returns the subnet of the node's own address, invalid when there is no preference.
func (s *scope) nodeSubnet() netip.Prefix {
	subnet, err := netip.ParsePrefix(s.host.Status.NodeSubnet)
	if err != nil {
		return netip.Prefix{}
	}
	return subnet
}
