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
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostnetwork"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// mostAddresses is how many spec.addresses holds.
const mostAddresses = 32

// loadAddresses gathers the static addresses that the server is to have: those it keeps, and those from IPAM pools.
func (r *Reconciler) loadAddresses(ctx context.Context, s *scope) error {
	n := &s.network
	n.kept, n.waiting = nil, nil
	for _, a := range s.host.Spec.Addresses {
		subnet, err := netip.ParsePrefix(a.Subnet)
		if err != nil {
			continue
		}
		address, err := netip.ParseAddr(a.Address)
		if err != nil {
			continue
		}
		n.kept = append(n.kept, hostnetwork.Address{Interface: a.Interface, Subnet: subnet, Address: address})
	}
	pools := access.AddressPools(s.host.Spec.Network)
	for _, pool := range pools {
		subnet, problem := n.catalog.FindSubnet(pool.Subnet)
		if problem != nil {
			continue // Resolve says so.
		}
		address, err := r.claimAddress(ctx, s, pool)
		if err != nil {
			return err
		}
		n.kept = slices.DeleteFunc(n.kept, func(a hostnetwork.Address) bool {
			return a.Interface == pool.Interface && a.Subnet.Masked() == subnet.CIDR.Masked()
		})
		if address.IsValid() {
			n.kept = append(n.kept, hostnetwork.Address{Interface: pool.Interface, Subnet: subnet.CIDR.Masked(), Address: address})
		}
	}
	return nil
}

// claimAddress returns the address of a pool for a link, invalid while there is none yet. The claim belongs to the lease and not to its consumer,
// so that the next consumer finds the server with the same address.
func (r *Reconciler) claimAddress(ctx context.Context, s *scope, pool access.AddressPool) (netip.Addr, error) {
	claim := &ipamv1.IPAddressClaim{ObjectMeta: metav1.ObjectMeta{Namespace: s.host.Namespace, Name: claimName(s.host.Name, pool)}}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(claim), claim)
	switch {
	case apierrors.IsNotFound(err) && s.host.Spec.ConsumerRef.Name == "":
		return netip.Addr{}, nil
	case apierrors.IsNotFound(err):
		if err := r.makeClaim(ctx, s, claim, pool); err != nil {
			return netip.Addr{}, err
		}
	case err != nil:
		return netip.Addr{}, fmt.Errorf("getting IPAddressClaim %s: %w", claim.Name, err)
	}
	if claim.Status.AddressRef.Name == "" {
		s.network.waiting = &refusedAct{infrav1.WaitingForAddressReason, fmt.Sprintf("IPAddressClaim %s has no address from %s %s yet%s",
			claim.Name, pool.Ref.Kind, pool.Ref.Name, saying(claim))}
		return netip.Addr{}, nil
	}
	address := &ipamv1.IPAddress{}
	key := client.ObjectKey{Namespace: claim.Namespace, Name: claim.Status.AddressRef.Name}
	if err := r.Client.Get(ctx, key, address); err != nil {
		return netip.Addr{}, fmt.Errorf("getting IPAddress %s: %w", key, err)
	}
	parsed, err := netip.ParseAddr(address.Spec.Address)
	if err != nil {
		s.network.waiting = &refusedAct{infrav1.WaitingForAddressReason, fmt.Sprintf("IPAddress %s has %q for an address", key.Name, address.Spec.Address)}
	}
	return parsed, nil
}

// saying adds why the IPAM provider has given no address.
func saying(claim *ipamv1.IPAddressClaim) string {
	ready := conditions.Get(claim, ipamv1.IPAddressClaimReadyCondition)
	if ready == nil || ready.Status == metav1.ConditionTrue {
		return ""
	}
	return fmt.Sprintf(": %s", cmp.Or(ready.Message, ready.Reason))
}

func (r *Reconciler) makeClaim(ctx context.Context, s *scope, claim *ipamv1.IPAddressClaim, pool access.AddressPool) error {
	claim.Labels = map[string]string{}
	if s.host.Spec.ClusterName != "" {
		claim.Labels[clusterv1.ClusterNameLabel] = s.host.Spec.ClusterName
	}
	if v, ok := s.host.Labels[clusterv1.WatchLabel]; ok {
		claim.Labels[clusterv1.WatchLabel] = v
	}
	claim.Spec = ipamv1.IPAddressClaimSpec{ClusterName: s.host.Spec.ClusterName,
		PoolRef: ipamv1.IPPoolReference{APIGroup: pool.Ref.APIGroup, Kind: pool.Ref.Kind, Name: pool.Ref.Name}}
	if err := controllerutil.SetControllerReference(s.host, claim, r.Client.Scheme(), controllerutil.WithBlockOwnerDeletion(false)); err != nil {
		return fmt.Errorf("owning IPAddressClaim %s: %w", claim.Name, err)
	}
	if err := r.Client.Create(ctx, claim); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making IPAddressClaim %s: %w", claim.Name, err)
	}
	return nil
}

// claimName is the same for the same link and pool, whoever asks and when.
func claimName(host string, pool access.AddressPool) string {
	hash := fnv.New32a()
	_, _ = fmt.Fprintf(hash, "%s|%s|%s|%s|%s", pool.Interface, pool.Subnet, pool.Ref.APIGroup, pool.Ref.Kind, pool.Ref.Name)
	readable := strings.Map(func(c rune) rune {
		if (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') {
			return c
		}
		return '-'
	}, strings.ToLower(pool.Interface))
	return fmt.Sprintf("%s-%s-%08x", host, readable, hash.Sum32())
}

// addressesToKeep is what spec.addresses is to say: the static addresses that the machine has for the network, but for those of pools, whose
// claims keep them, and what it says of other links.
func (s *scope) addressesToKeep(m *maas.Machine) []infrav1.HostAddress {
	fromPool := map[string]bool{}
	for _, pool := range access.AddressPools(s.host.Spec.Network) {
		fromPool[pool.Interface] = true
	}
	var keep []infrav1.HostAddress
	for _, a := range s.network.target.Addresses(m.Interfaces) {
		if !fromPool[a.Interface] {
			keep = append(keep, infrav1.HostAddress{Interface: a.Interface, Subnet: a.Subnet.String(), Address: a.Address.String()})
		}
	}
	for _, old := range s.host.Spec.Addresses {
		if len(keep) < mostAddresses && !slices.ContainsFunc(keep, func(a infrav1.HostAddress) bool {
			return a.Interface == old.Interface && a.Subnet == old.Subnet
		}) {
			keep = append(keep, old)
		}
	}
	slices.SortFunc(keep, func(a, b infrav1.HostAddress) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Subnet, b.Subnet))
	})
	return keep
}

func sameAddresses(a, b []infrav1.HostAddress) bool { return slices.Equal(a, b) }

// settleAddresses ends a network that is as it should be: addresses of pools that it does not use any more go back, and those that the server
// keeps are written down.
func (r *Reconciler) settleAddresses(ctx context.Context, s *scope) error {
	if err := r.dropClaims(ctx, s); err != nil {
		return err
	}
	return r.rememberAddresses(ctx, s)
}

// dropClaims deletes the claims of this lease that its network has no link for, now that MAAS has none for them either.
func (r *Reconciler) dropClaims(ctx context.Context, s *scope) error {
	claims := &ipamv1.IPAddressClaimList{}
	if err := r.Client.List(ctx, claims, client.InNamespace(s.host.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing IPAddressClaims: %w", err)
	}
	used := map[string]bool{}
	for _, pool := range access.AddressPools(s.host.Spec.Network) {
		used[claimName(s.host.Name, pool)] = true
	}
	for i := range claims.Items {
		claim := &claims.Items[i]
		if !metav1.IsControlledBy(claim, s.host) || used[claim.Name] || !claim.DeletionTimestamp.IsZero() {
			continue
		}
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, claim.DeepCopy())); err != nil {
			return fmt.Errorf("deleting IPAddressClaim %s: %w", claim.Name, err)
		}
	}
	return nil
}

// rememberAddresses writes down the static addresses before the installation, so that they survive whatever happens to the links.
func (r *Reconciler) rememberAddresses(ctx context.Context, s *scope) error {
	keep := s.addressesToKeep(s.observation.Machine)
	if sameAddresses(s.host.Spec.Addresses, keep) {
		return nil
	}
	return r.changeLease(ctx, s, func(h *infrav1.MaasHost) { h.Spec.Addresses = keep })
}

// isAddressTaken tells a taken address, which MAAS answers with 404, from a machine that is in another state by now (409).
func isAddressTaken(err error) bool {
	e, ok := errors.AsType[*maas.Error](err)
	return ok && e.StatusCode == http.StatusNotFound
}
