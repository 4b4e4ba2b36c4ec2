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
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// leaveBehindAfter is how long a deletion waits for a MAAS that does not answer, or for credentials that are gone, before it leaves the DNS
// record and the reserved address behind. Servers are never left behind by themselves: their leases hold the deletion before it comes
// to this.
const leaveBehindAfter = 15 * time.Minute

// giveBack removes the DNS record and the reserved address, or says in s.remaining what it waits for.
func (r *Reconciler) giveBack(ctx context.Context, s *scope) error {
	things := leftovers(s.maasCluster)
	if len(things) == 0 {
		return nil
	}
	what := strings.Join(things, " and ")
	if reason := strings.TrimSpace(s.maasCluster.Annotations[infrav1.LeaveBehindAnnotation]); reason != "" {
		r.leaveBehind(ctx, s, what, fmt.Sprintf("annotation %s says: %s", infrav1.LeaveBehindAnnotation, reason))
		return nil
	}
	if err := r.connect(ctx, s); err != nil {
		return err
	}
	if s.problem != nil {
		until := s.waitingSince(r.Clock.Now()).Add(leaveBehindAfter)
		if !r.Clock.Now().Before(until) {
			r.leaveBehind(ctx, s, what, s.problem.Message)
			return nil
		}
		s.remaining = fmt.Sprintf("MAAS, to remove %s, until %s at the longest. %s", what, until.UTC().Format(time.RFC3339), s.problem.Message)
		return nil
	}
	for _, remove := range []func(context.Context, *scope) error{r.deleteRecord, r.releaseVIP} {
		if err := remove(ctx, s); err != nil {
			// MAAS is there and refuses, which somebody can end.
			s.remaining = fmt.Sprintf("%s to be removed: %s. It is tried again; annotation %s with a reason leaves it behind", what, err,
				infrav1.LeaveBehindAnnotation)
			return refusalOnly(s, err)
		}
	}
	return nil
}

// leftovers names what the cluster has in MAAS beside its servers. What it did not make it does not have.
func leftovers(c *infrav1.MaasCluster) []string {
	var things []string
	if fqdn := c.Annotations[infrav1.DNSRecordAnnotation]; fqdn != "" {
		things = append(things, "DNS record "+fqdn)
	}
	if name := c.Annotations[infrav1.VIPReservationAnnotation]; name != "" {
		things = append(things, "the address reserved as "+name)
	}
	return things
}

// waitingSince is since when the deletion has waited for MAAS: since it does not answer, as the condition remembers, or since the deletion.
func (s *scope) waitingSince(now time.Time) time.Time {
	since := now
	if c := conditions.Get(s.maasCluster, infrav1.MaasAvailableCondition); c != nil && c.Status != metav1.ConditionTrue {
		since = c.LastTransitionTime.Time
	}
	if deleted := s.maasCluster.DeletionTimestamp.Time; since.Before(deleted) {
		since = deleted
	}
	return since
}

func (r *Reconciler) leaveBehind(ctx context.Context, s *scope, what, why string) {
	ctrl.LoggerFrom(ctx).Info("Leaving behind in MAAS", "what", what, "why", why)
	r.Recorder.Eventf(s.maasCluster, nil, corev1.EventTypeWarning, "LeftBehind", "Delete", "%s may be left in MAAS: %s", what, why)
}

// deleteRecord removes the DNS record if it is the cluster's.
func (r *Reconciler) deleteRecord(ctx context.Context, s *scope) error {
	fqdn := s.maasCluster.Annotations[infrav1.DNSRecordAnnotation]
	if fqdn == "" {
		return nil
	}
	record, err := s.session.GetDNSResource(ctx, fqdn)
	if err == nil {
		err = s.session.DeleteDNSResource(ctx, record.ID)
	}
	if maas.IsNotFound(err) {
		return nil
	}
	return err
}

// releaseVIP gives back what is reserved under the cluster's name, and nothing else.
func (r *Reconciler) releaseVIP(ctx context.Context, s *scope) error {
	name := s.maasCluster.Annotations[infrav1.VIPReservationAnnotation]
	if name == "" {
		return nil
	}
	held, err := s.session.ReservedUnder(ctx, name)
	if err != nil {
		return err
	}
	for _, address := range held {
		if err := s.session.ReleaseAddress(ctx, address); err != nil && !maas.IsNotFound(err) {
			return err
		}
	}
	if len(held) == 0 {
		return nil
	}
	// MAAS says of another user's reservation that there is none.
	if held, err = s.session.ReservedUnder(ctx, name); err != nil || len(held) == 0 {
		return err
	}
	return &maas.Error{Kind: maas.Forbidden, Op: "release address " + held[0].String(),
		Message: "MAAS still has it: it was reserved by another user than the API key's"}
}
