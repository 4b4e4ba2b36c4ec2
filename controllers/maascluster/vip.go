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
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// provideVIP reserves the address in MAAS and finds it again. A reservation in MAAS has nothing of its own to know it by but a host name,
// so each cluster has one that nobody else can have, which is written down before anything is reserved.
func (r *Reconciler) provideVIP(ctx context.Context, s *scope) error {
	vip := s.maasCluster.Spec.Endpoint.VIP
	if vip.SubnetCIDR == "" {
		// The address was given and nothing is to be reserved.
		return nil
	}
	known := s.maasCluster.Spec.ControlPlaneEndpoint.Host != ""
	if s.session == nil || s.problem != nil {
		if !known {
			s.endpointProblem = &access.Problem{Reason: infrav1.VIPNotReservedReason, Message: "An address is reserved once MAAS can be asked"}
		}
		return nil
	}
	name := s.maasCluster.Annotations[infrav1.VIPReservationAnnotation]
	if name == "" {
		// Written with the status at the end of this reconcile, which wakes the next.
		metav1.SetMetaDataAnnotation(&s.maasCluster.ObjectMeta, infrav1.VIPReservationAnnotation, reservationName(s.cluster.Name, uuid.NewString()))
		s.endpointProblem = &access.Problem{Reason: infrav1.VIPNotReservedReason, Message: "An address is about to be reserved"}
		return nil
	}
	address, err := r.keepReservation(ctx, s, name)
	if err != nil {
		if !known || maas.IsAnswer(err) {
			s.endpointProblem = vipProblem(s.maasCluster, err)
		}
		return refusalOnly(s, err)
	}
	if !known {
		s.maasCluster.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: address.String(), Port: cmp.Or(vip.Port, defaultAPIServerPort)}
		r.Recorder.Eventf(s.maasCluster, nil, corev1.EventTypeNormal, "VIPReserved", "ReserveAddress", "Reserved %s of %s in MAAS, as %s",
			address, vip.SubnetCIDR, name)
	}
	return nil
}

// keepReservation finds the address reserved under the name, or reserves one, and gives back what is reserved beyond it.
func (r *Reconciler) keepReservation(ctx context.Context, s *scope, name string) (netip.Addr, error) {
	subnet, err := netip.ParsePrefix(s.maasCluster.Spec.Endpoint.VIP.SubnetCIDR)
	if err != nil {
		return netip.Addr{}, &maas.Error{Kind: maas.Invalid, Op: "reserve address", Message: err.Error()}
	}
	var wanted netip.Addr
	if host := s.maasCluster.Spec.ControlPlaneEndpoint.Host; host != "" {
		if wanted, err = netip.ParseAddr(host); err != nil {
			return netip.Addr{}, &maas.Error{Kind: maas.Invalid, Op: "reserve address", Message: err.Error()}
		}
	}
	held, err := s.session.ReservedUnder(ctx, name)
	if err != nil {
		return netip.Addr{}, err
	}
	keep, surplus := chooseReservation(held, wanted, subnet)
	for _, address := range surplus {
		ctrl.LoggerFrom(ctx).Info("Giving back an address that was reserved twice", "address", address, "name", name)
		if err := s.session.ReleaseAddress(ctx, address); err != nil && !maas.IsNotFound(err) {
			return netip.Addr{}, err
		}
	}
	if keep.IsValid() {
		return keep, nil
	}
	ctrl.LoggerFrom(ctx).Info("Reserving an address", "subnet", subnet, "address", wanted, "name", name)
	reserved, err := s.session.ReserveAddress(ctx, subnet, wanted, name)
	if err != nil {
		return netip.Addr{}, err
	}
	return reserved.Address, nil
}

// chooseReservation picks from the addresses reserved under a cluster's name the one to keep: the wanted one, or, while none is, the
// lowest of the subnet. There are others when a reply of MAAS was lost, or the subnet was changed before the address was known.
func chooseReservation(held []netip.Addr, wanted netip.Addr, subnet netip.Prefix) (keep netip.Addr, surplus []netip.Addr) {
	held = slices.Clone(held)
	slices.SortFunc(held, netip.Addr.Compare)
	for _, a := range held {
		if !keep.IsValid() && (a == wanted || (!wanted.IsValid() && subnet.Contains(a))) {
			keep = a
			continue
		}
		surplus = append(surplus, a)
	}
	return keep, surplus
}

func vipProblem(c *infrav1.MaasCluster, err error) *access.Problem {
	if host := c.Spec.ControlPlaneEndpoint.Host; maas.IsConflict(err) && host != "" {
		return &access.Problem{Reason: infrav1.VIPInUseReason, Message: fmt.Sprintf("controlPlaneEndpoint.host: MAAS has %s in use and not as this "+
			"cluster's reservation %s: %s. It is tried again", host, c.Annotations[infrav1.VIPReservationAnnotation], err)}
	}
	return &access.Problem{Reason: infrav1.VIPNotReservedReason, Message: fmt.Sprintf("endpoint.vip.subnetCIDR: %s. It is tried again", err)}
}

var notInHostName = regexp.MustCompile("[^a-z0-9]+")

// reservationName makes a host name that nobody else has, and that tells people in MAAS whose address it is.
func reservationName(cluster, unique string) string {
	unique = strings.ReplaceAll(unique, "-", "")[:12]
	cluster = strings.Trim(notInHostName.ReplaceAllString(strings.ToLower(cluster), "-"), "-")
	// A label of a host name has at most 63 characters.
	cluster = strings.Trim(cluster[:min(len(cluster), 63-len("-vip-")-len(unique))], "-")
	return strings.TrimPrefix(cluster+"-vip-"+unique, "-")
}
