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

package hostpool_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/allocation"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
	"github.com/capmaas/cluster-api-provider-maas/pkg/lifecycle"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	"github.com/capmaas/cluster-api-provider-maas/pkg/succession"
)

// The model is a rack, an API server and everybody who works on them. Every actor decides from what it has read, with the functions that
// the controllers decide with, and acts later: in between anybody else may act, and the actor may die. The API server takes a write only to the
// version that was read; MAAS serialises its calls and asks for no version.

const (
	ns     = "ns"
	user   = "capi"
	expiry = 100 * time.Second
)

var pool = ns + "/pool"

type server struct {
	maas.Machine
	agent string
	// installedFor is the machine whose installation is on the disks and may run.
	installedFor string
}

type machine struct {
	name, cluster string
	owner         infrav1.HostReservationOwner
	zone          string
	deleting      bool
	provisioned   bool
}

type owner struct {
	cluster  string
	ref      infrav1.HostReservationOwner
	wanted   int
	zone     string
	deleting bool
}

type rack struct {
	*testing.T
	rng      *rand.Rand
	now      time.Time
	servers  map[string]*server
	seen     map[string]maas.Machine
	leases   map[string]*infrav1.MaasHost
	machines map[string]*machine
	owners   []*owner
	holds    bool
	version  int
	names    int
	log      []string
	// pending are acts that were decided and not carried out yet, by actor: no actor works twice at a time.
	pending map[string]func()
	calm    bool
}

func newRack(t *testing.T, seed uint64) *rack {
	t.Helper()
	w := &rack{T: t, rng: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1_000_000, 0), servers: map[string]*server{}, seen: map[string]maas.Machine{},
		leases: map[string]*infrav1.MaasHost{}, machines: map[string]*machine{}, pending: map[string]func(){}}
	w.holds = w.rng.IntN(3) > 0
	for i := range 2 + w.rng.IntN(4) {
		id := fmt.Sprintf("h%d", i)
		w.servers[id] = &server{Machine: maas.Machine{SystemID: id, Hostname: id, Zone: fmt.Sprintf("z%d", i%2), Status: maas.StatusReady}}
	}
	for i, cluster := range []string{"c1", "c1", "c2"} {
		o := &owner{cluster: cluster, ref: infrav1.HostReservationOwner{Kind: "MachineDeployment", Name: fmt.Sprintf("md%d", i)}, wanted: w.rng.IntN(3)}
		if w.rng.IntN(3) == 0 {
			o.zone = "z0"
		}
		w.owners = append(w.owners, o)
	}
	w.follow()
	return w
}

func (w *rack) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *rack) violated(format string, args ...any) {
	w.Helper()
	w.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(w.log[max(0, len(w.log)-60):], "\n"))
}

// write stores an object if nobody wrote it since it was read; nil deletes it.
func (w *rack) write(id string, read, changed *infrav1.MaasHost) bool {
	current := w.leases[id]
	if (current == nil) != (read == nil) || (read != nil && current.ResourceVersion != read.ResourceVersion) {
		return false
	}
	w.version++
	if changed == nil {
		delete(w.leases, id)
		return true
	}
	changed.ResourceVersion = fmt.Sprint(w.version)
	w.leases[id] = changed
	return true
}

func (w *rack) list() []infrav1.MaasHost {
	var out []infrav1.MaasHost
	for _, id := range slices.Sorted(maps.Keys(w.leases)) {
		out = append(out, *w.leases[id].DeepCopy())
	}
	return out
}

// follow brings the shared look at MAAS up to date.
func (w *rack) follow() {
	for id, s := range w.servers {
		m := s.Machine
		m.Annotations = maps.Clone(s.Annotations)
		w.seen[id] = m
	}
}

func (w *rack) snapshot() []*maas.Machine {
	var out []*maas.Machine
	for _, id := range slices.Sorted(maps.Keys(w.seen)) {
		m := w.seen[id]
		if m.Owner == "eve" {
			continue
		}
		out = append(out, &m)
	}
	return out
}

func (w *rack) leaseOf(name string) *infrav1.MaasHost {
	var found *infrav1.MaasHost
	for _, id := range slices.Sorted(maps.Keys(w.leases)) {
		if w.leases[id].Spec.ConsumerRef.Name == name {
			if found != nil {
				w.violated("machine %s holds %s and %s", name, found.Name, id)
			}
			found = w.leases[id].DeepCopy()
		}
	}
	return found
}

func (w *rack) ownerOf(cluster string, ref infrav1.HostReservationOwner) *owner {
	for _, o := range w.owners {
		if o.cluster == cluster && o.ref == ref {
			return o
		}
	}
	return nil
}

func (w *rack) demand(cluster string, ref infrav1.HostReservationOwner) hostpool.Demand {
	o := w.ownerOf(cluster, ref)
	if o == nil || o.deleting {
		return hostpool.Demand{}
	}
	d := hostpool.Demand{Wanted: o.wanted}
	for _, name := range slices.Sorted(maps.Keys(w.machines)) {
		m := w.machines[name]
		lease := w.leaseOf(name)
		if m.owner == ref && m.cluster == cluster && !m.deleting && lease != nil && lease.DeletionTimestamp.IsZero() && lease.Spec.Vacate.Purpose != infrav1.VacateFree {
			d.Served = append(d.Served, name)
		}
	}
	return d
}

// machineController takes a server for a machine, or lets go of it.
func (w *rack) machineController(name string) func() {
	m := w.machines[name]
	lease := w.leaseOf(name)
	switch {
	case m.deleting && lease == nil:
		return func() { delete(w.machines, name) }
	case m.deleting && (!lease.DeletionTimestamp.IsZero() || lease.Spec.Vacate.Purpose == infrav1.VacateFree):
		return nil
	case m.deleting:
		return w.vacate(m, lease)
	case lease != nil:
		if !lease.Status.DeployedTime.IsZero() {
			m.provisioned = true
		}
		return nil
	case m.provisioned:
		return nil
	}
	decision := w.choose(m)
	if decision.Machine == nil {
		return nil
	}
	id := decision.Machine.SystemID
	read := w.leases[id]
	changed := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: id},
		Spec: infrav1.MaasHostSpec{SystemID: id, LeaseID: w.name("lease"), HostPoolRef: infrav1.LocalObjectReference{Name: "pool"}}}
	if decision.Leased {
		if read == nil {
			return nil
		}
		changed = read.DeepCopy()
	} else if read != nil {
		return nil
	}
	reservation := changed.Spec.Reservation
	changed.Spec.ConsumerRef.Name, changed.Spec.ClusterName, changed.Spec.Reservation = name, m.cluster, infrav1.HostReservation{}
	return func() {
		if !w.write(id, read, changed) {
			return
		}
		w.note("%s takes %s", name, id)
		inForce := reservation.ClusterName != "" && w.now.Before(reservation.ExpirationTime.Time)
		if inForce && (reservation.ClusterName != m.cluster || reservation.Owner != m.owner) {
			w.violated("%s of %s/%s took %s, which is reserved for %s/%s", name, m.cluster, m.owner.Name, id, reservation.ClusterName, reservation.Owner.Name)
		}
		if m.zone != "" && w.servers[id].Zone != m.zone {
			w.violated("%s asked for zone %s and took %s", name, m.zone, id)
		}
	}
}

func (w *rack) choose(m *machine) allocation.Decision {
	return allocation.Choose(allocation.Input{
		Request: allocation.Request{Pool: pool, Zone: m.zone, Requester: allocation.Requester{Name: m.name, Cluster: m.cluster, Owner: access.Owner(m.owner)}},
		Leases:  access.Leases(w.list(), w.now), Machines: w.snapshot(),
	})
}

func (w *rack) vacate(m *machine, read *infrav1.MaasHost) func() {
	reserved := succession.Reserved(ns, m.cluster, m.owner, w.list())
	changed := read.DeepCopy()
	if hostpool.Expects(w.demand(m.cluster, m.owner), m.name, reserved) {
		changed.Spec.Reservation = infrav1.HostReservation{ClusterName: m.cluster, Owner: m.owner, Predecessor: m.name, FailureDomain: m.zone}
	} else if !w.holds && !read.Spec.Quarantine.InForce(w.now) && read.Spec.Unschedulable == nil {
		changed.DeletionTimestamp = &metav1.Time{Time: w.now}
	}
	if changed.DeletionTimestamp.IsZero() {
		changed.Spec.Vacate = infrav1.HostVacate{Purpose: infrav1.VacateFree}
	}
	return func() {
		if w.write(read.Name, read, changed) {
			w.note("%s leaves %s, reserved %t, ends %t", m.name, read.Name, changed.Spec.Reservation.ClusterName != "", !changed.DeletionTimestamp.IsZero())
		}
	}
}

// hostController drives one lease.
func (w *rack) hostController(id string) func() {
	read := w.leases[id].DeepCopy()
	consumer := w.machines[read.Spec.ConsumerRef.Name]
	lease := leaseOf(read, consumer)
	lives := consumer != nil && !consumer.deleting
	switch {
	case !read.DeletionTimestamp.IsZero() || read.Spec.Vacate.Purpose == infrav1.VacateFree:
		if lives && lease.Allocated {
			return nil
		}
	case read.Spec.ConsumerRef.Name != "" && consumer == nil:
		return nil
	}
	o := w.look(read, false)
	step := lifecycle.Next(lease, o)
	if step.Verb == lifecycle.Verify {
		o = w.look(read, true)
		step = lifecycle.Next(lease, o)
	}
	noted := read.DeepCopy()
	if o.Ownership == lifecycle.OwnershipOurs && !lease.Vacate && o.Machine != nil {
		progress(noted, o.Machine.Status, w.now)
		if !equalProgress(read, noted) {
			return func() { w.write(id, read, noted) }
		}
	}
	return w.act(read, step)
}

func leaseOf(h *infrav1.MaasHost, consumer *machine) lifecycle.Lease {
	provisioned := consumer != nil && consumer.provisioned
	return lifecycle.Lease{
		ID: h.Spec.LeaseID, End: !h.DeletionTimestamp.IsZero(), Vacate: h.Spec.Vacate.Purpose != "", Empty: h.Spec.ConsumerRef.Name == "",
		Allocated: !h.Status.AllocatedTime.IsZero() || provisioned, DeployStarted: !h.Status.DeployStartTime.IsZero() || provisioned,
		Deployed: !h.Status.DeployedTime.IsZero() || provisioned,
	}
}

func progress(h *infrav1.MaasHost, status maas.Status, now time.Time) {
	set := func(t *metav1.Time) {
		if t.IsZero() {
			*t = metav1.NewTime(now)
		}
	}
	set(&h.Status.AllocatedTime)
	if h.Spec.ConsumerRef.Name == "" {
		return
	}
	switch status {
	case maas.StatusDeployed:
		set(&h.Status.DeployStartTime)
		set(&h.Status.DeployedTime)
		h.Spec.Quarantine = infrav1.HostQuarantine{}
	case maas.StatusDeploying:
		set(&h.Status.DeployStartTime)
	case maas.StatusFailedDeployment:
		if q := &h.Spec.Quarantine; q.LastFailure != h.Spec.ConsumerRef.Name {
			q.Cause, q.LastFailure = infrav1.QuarantineFailedDeploys, h.Spec.ConsumerRef.Name
			q.FailedDeploys++
			q.UntilTime = metav1.NewTime(now.Add(hostpool.QuarantineWait(int(q.FailedDeploys))))
		}
	}
}

func equalProgress(a, b *infrav1.MaasHost) bool {
	return a.Status.AllocatedTime.Equal(&b.Status.AllocatedTime) && a.Status.DeployStartTime.Equal(&b.Status.DeployStartTime) &&
		a.Status.DeployedTime.Equal(&b.Status.DeployedTime) && a.Spec.Quarantine == b.Spec.Quarantine
}

func (w *rack) look(h *infrav1.MaasHost, fresh bool) lifecycle.Observation {
	s := w.servers[h.Name]
	m := w.seen[h.Name]
	o := lifecycle.Observation{Known: true, Fresh: fresh, Machine: &m}
	if fresh {
		m = s.Machine
		o.Hidden = s.Owner == "eve"
	}
	if m.Owner == "eve" {
		o.Machine, o.Ownership = nil, lifecycle.OwnershipNotOurs
		return o
	}
	o.OurUser = m.Owner == user
	o.Annotated = m.Annotations["lease"] == h.Spec.LeaseID
	o.Ownership = lifecycle.OwnershipOf(&m, "lease", h.Spec.LeaseID)
	if fresh {
		o.Ownership = lifecycle.OwnershipNotOurs
		if s.agent == h.Spec.LeaseID && s.Owner == user {
			o.Ownership = lifecycle.OwnershipOurs
		}
	}
	return o
}

// act returns what a step does; nil for nothing.
func (w *rack) act(read *infrav1.MaasHost, step lifecycle.Step) func() {
	id, s := read.Name, w.servers[read.Name]
	changed := read.DeepCopy()
	switch step.Verb {
	case lifecycle.Allocate:
		return func() {
			if s.Status == maas.StatusReady && s.Owner == "" {
				s.Status, s.Owner, s.agent = maas.StatusAllocated, user, read.Spec.LeaseID
				w.note("%s allocated", id)
			}
		}
	case lifecycle.Annotate:
		return func() {
			if s.Owner == user {
				s.Annotations = map[string]string{"lease": read.Spec.LeaseID}
			}
		}
	case lifecycle.Deploy:
		return func() { w.deploy(read, s) }
	case lifecycle.Release:
		return func() { w.release(read, s) }
	case lifecycle.Vacated:
		changed.Status = infrav1.MaasHostStatus{}
		if changed.Spec.Reservation.ClusterName != "" {
			changed.Spec.Reservation.ExpirationTime = metav1.NewTime(w.now.Add(expiry))
		}
		changed.Spec.Vacate, changed.Spec.ConsumerRef, changed.Spec.ClusterName = infrav1.HostVacate{}, infrav1.LocalObjectReference{}, ""
	case lifecycle.GiveUp:
		if w.holds {
			changed.Spec.Vacate.Purpose = infrav1.VacateFree
		} else {
			changed.DeletionTimestamp = &metav1.Time{Time: w.now}
		}
	case lifecycle.Finish:
		changed = nil
	default:
		return nil
	}
	return func() {
		if w.write(id, read, changed) {
			w.note("%s: %s", id, step.Verb)
		}
	}
}

func (w *rack) deploy(read *infrav1.MaasHost, s *server) {
	if s.Owner == "eve" || (s.Status != maas.StatusAllocated && s.Status != maas.StatusReady) {
		return
	}
	if s.installedFor != "" {
		w.violated("%s is deployed for %s and %s is on it", read.Name, read.Spec.ConsumerRef.Name, s.installedFor)
	}
	if current := w.leases[read.Name]; current == nil || current.Spec.ConsumerRef.Name != read.Spec.ConsumerRef.Name {
		w.violated("%s is deployed for %s, whose lease it is not", read.Name, read.Spec.ConsumerRef.Name)
	}
	s.Status, s.Owner, s.agent, s.installedFor = maas.StatusDeploying, user, read.Spec.LeaseID, read.Spec.ConsumerRef.Name
	w.note("%s deploys for %s", read.Name, s.installedFor)
}

func (w *rack) release(read *infrav1.MaasHost, s *server) {
	if s.Owner != user {
		return
	}
	if m := w.machines[s.installedFor]; m != nil && !m.deleting {
		w.violated("%s is released while %s lives on it", read.Name, s.installedFor)
	}
	w.note("%s released", read.Name)
	w.free(s)
}

func (w *rack) free(s *server) {
	s.agent, s.Annotations, s.installedFor = "", nil, ""
	s.Status = maas.StatusReleasing
	if w.rng.IntN(2) == 0 {
		s.Status, s.Owner = maas.StatusReady, ""
	}
}

// poolController judges the empty leases of the pool and holds what is free.
func (w *rack) poolController() func() {
	hosts := w.list()
	leases := access.Leases(hosts, w.now)
	var acts []func()
	for i := range hosts {
		read := &hosts[i]
		if read.Spec.ConsumerRef.Name != "" || !read.DeletionTimestamp.IsZero() {
			continue
		}
		r := read.Spec.Reservation
		reserved := succession.Reserved(ns, r.ClusterName, r.Owner, hosts)
		excess := hostpool.Excess(w.demand(r.ClusterName, r.Owner), reserved)
		verdict, why := hostpool.Judge(hostpool.Host{
			PoolHolds: w.holds, Matches: true, Reserved: r.ClusterName != "", Expires: r.ExpirationTime.Time,
			Wanted:      !slices.ContainsFunc(excess, func(e hostpool.Reservation) bool { return e.Host == read.Name }),
			Quarantined: read.Spec.Quarantine.InForce(w.now),
		}, w.now)
		changed := read.DeepCopy()
		switch verdict {
		case hostpool.Keep:
			continue
		case hostpool.Unreserve:
			changed.Spec.Reservation = infrav1.HostReservation{}
		case hostpool.LetGo:
			changed.DeletionTimestamp = &metav1.Time{Time: w.now}
		}
		acts = append(acts, func() {
			if w.write(read.Name, read, changed) {
				w.note("%s: %s, %s", read.Name, verdict, why)
			}
		})
	}
	for _, m := range w.snapshot() {
		if _, leased := leases[m.SystemID]; w.holds && !leased && m.Status == maas.StatusReady && m.Owner == "" {
			host := &infrav1.MaasHost{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: m.SystemID},
				Spec: infrav1.MaasHostSpec{SystemID: m.SystemID, LeaseID: w.name("lease"), HostPoolRef: infrav1.LocalObjectReference{Name: "pool"}}}
			acts = append(acts, func() { w.write(m.SystemID, nil, host) })
		}
	}
	if len(acts) == 0 {
		return nil
	}
	return func() {
		for _, act := range acts {
			act()
		}
	}
}

func (w *rack) name(prefix string) string { w.names++; return fmt.Sprintf("%s%d", prefix, w.names) }

// ownerController is Cluster API with maxSurge 0: it makes a machine when an old one has gone, and deletes what is too much.
func (w *rack) ownerController(o *owner) {
	var mine []string
	for _, name := range slices.Sorted(maps.Keys(w.machines)) {
		if m := w.machines[name]; m.owner == o.ref && m.cluster == o.cluster {
			mine = append(mine, name)
		}
	}
	wanted := o.wanted
	if o.deleting {
		wanted = 0
	}
	switch {
	case len(mine) < wanted:
		name := w.name("m")
		w.machines[name] = &machine{name: name, cluster: o.cluster, owner: o.ref, zone: o.zone}
	case len(mine) > wanted:
		w.machines[mine[w.rng.IntN(len(mine))]].deleting = true
	}
}

// actors are all that decide and act later, by name.
func (w *rack) actors() []string {
	out := []string{"pool"}
	for name := range w.machines {
		out = append(out, "m/"+name)
	}
	for id := range w.leases {
		out = append(out, "h/"+id)
	}
	slices.Sort(out)
	return out
}

func (w *rack) decide(actor string) func() {
	kind, name, _ := strings.Cut(actor, "/")
	switch kind {
	case "m":
		return w.machineController(name)
	case "h":
		return w.hostController(name)
	}
	return w.poolController()
}

// disturb does what people, MAAS and time do.
func (w *rack) disturb() {
	id := w.pick(slices.Sorted(maps.Keys(w.servers)))
	s := w.servers[id]
	switch w.rng.IntN(12) {
	case 0, 1, 2:
		w.proceed(s)
	case 3:
		if s.Status == maas.StatusReady && s.Owner == "" {
			s.Status, s.Owner = maas.StatusAllocated, "eve"
			w.note("eve takes %s", id)
		}
	case 4:
		if s.Owner == "eve" {
			s.Status, s.Owner = maas.StatusReady, ""
		}
	case 5:
		if s.Owner == user && w.rng.IntN(10) == 0 {
			w.note("%s is released by hand", id)
			w.free(s)
		}
	case 6:
		if len(w.machines) > 0 {
			w.machines[w.pick(slices.Sorted(maps.Keys(w.machines)))].deleting = true
		}
	case 7:
		o := w.owners[w.rng.IntN(len(w.owners))]
		o.wanted = w.rng.IntN(4)
		o.deleting = o.deleting || w.rng.IntN(40) == 0
	case 8:
		w.now = w.now.Add(time.Duration(w.rng.IntN(60)) * time.Second)
	case 9:
		w.holds = w.holds != (w.rng.IntN(20) == 0)
	default:
		w.follow()
	}
}

func (w *rack) pick(of []string) string { return of[w.rng.IntN(len(of))] }

// proceed ends what MAAS is about.
func (w *rack) proceed(s *server) {
	switch s.Status {
	case maas.StatusDeploying:
		s.Status, s.Power = maas.StatusDeployed, maas.PowerOn
		if !w.calm && w.rng.IntN(4) == 0 {
			s.Status = maas.StatusFailedDeployment
		}
	case maas.StatusReleasing:
		s.Status, s.Owner, s.Power = maas.StatusReady, "", maas.PowerOff
	}
}

// step lets one of them take one step.
func (w *rack) step() {
	switch w.rng.IntN(10) {
	case 0:
		w.disturb()
	case 1:
		w.ownerController(w.owners[w.rng.IntN(len(w.owners))])
	case 2:
		// The process dies: what was decided is not carried out.
		if w.rng.IntN(4) == 0 {
			clear(w.pending)
		}
	default:
		actor := w.pick(w.actors())
		if commit, ok := w.pending[actor]; ok {
			delete(w.pending, actor)
			commit()
		} else if commit := w.decide(actor); commit != nil {
			w.pending[actor] = commit
		}
	}
	for name := range w.machines {
		w.leaseOf(name)
	}
}

// settle lets everybody work in turn, with nobody in between, until nothing changes: for a while where time stands still, and for as long as
// a reservation lasts otherwise.
func (w *rack) settle(pace time.Duration) {
	clear(w.pending)
	w.calm = true
	quiet, before := 0, ""
	for range 200 {
		if now := w.fingerprint(); now == before {
			quiet++
		} else {
			quiet, before = 0, now
		}
		if quiet > 5 && pace == 0 || quiet > int(expiry/(5*time.Second))+2 {
			return
		}
		w.now = w.now.Add(pace)
		for _, o := range w.owners {
			w.ownerController(o)
		}
		for _, id := range slices.Sorted(maps.Keys(w.servers)) {
			w.proceed(w.servers[id])
		}
		w.follow()
		for _, actor := range w.actors() {
			if kind, name, _ := strings.Cut(actor, "/"); (kind == "m" && w.machines[name] == nil) || (kind == "h" && w.leases[name] == nil) {
				continue
			}
			if commit := w.decide(actor); commit != nil {
				commit()
			}
			w.follow()
		}
	}
}

// fingerprint changes with everything that anybody does.
func (w *rack) fingerprint() string {
	out := fmt.Sprint(w.version, len(w.machines), len(w.log))
	for _, id := range slices.Sorted(maps.Keys(w.servers)) {
		out += string(w.servers[id].Status)
	}
	return out
}

// checkExpected holds the rack to reserving nothing for an owner that lacks no machine: a scale-in or a deletion does not wait for the expiry.
func (w *rack) checkExpected() {
	w.Helper()
	for _, h := range w.list() {
		r := h.Spec.Reservation
		if r.ClusterName == "" || h.Spec.ConsumerRef.Name != "" {
			continue
		}
		if d := w.demand(r.ClusterName, r.Owner); len(d.Served) >= d.Wanted {
			w.violated("%s is reserved for %s, which wants %d and has %d", h.Name, r.Owner.Name, d.Wanted, len(d.Served))
		}
	}
}

// checkSettled holds the rack to what has to be true when nobody disturbs it any more.
func (w *rack) checkSettled() {
	w.Helper()
	for _, h := range w.list() {
		if h.Spec.Reservation.ClusterName != "" {
			w.violated("%s is reserved for ever, until %s at %s", h.Name, h.Spec.Reservation.ExpirationTime, w.now)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.machines)) {
		m := w.machines[name]
		if m.deleting {
			w.violated("%s never ends", name)
		}
		if d := w.choose(m); w.leaseOf(name) == nil && !m.provisioned && d.Machine != nil {
			w.violated("%s has no server although %s can be taken", name, d.Machine.Hostname)
		}
	}
}

// checkEmpty holds the rack to giving everything back.
func (w *rack) checkEmpty() {
	w.Helper()
	for id, s := range w.servers {
		if s.Owner == user {
			w.violated("%s is left %s under lease %q", id, s.Status, s.agent)
		}
	}
	for _, h := range w.list() {
		if !h.Spec.Quarantine.InForce(w.now) {
			w.violated("the lease on %s is left: %+v", h.Name, h.Spec)
		}
	}
}

// TestClaims plays thousands of racks.
func TestClaims(t *testing.T) {
	t.Parallel()
	seeds := 2000
	if testing.Short() {
		seeds = 300
	}
	taken, again := 0, 0
	for seed := range uint64(seeds) {
		w := newRack(t, seed)
		for range 400 {
			w.step()
		}
		w.settle(0)
		w.checkExpected()
		w.settle(5 * time.Second)
		w.checkSettled()
		for _, line := range w.log {
			if strings.Contains(line, " takes ") {
				taken++
			}
			if strings.Contains(line, "reserved true") {
				again++
			}
		}
		w.holds = false
		for _, o := range w.owners {
			o.deleting = true
		}
		// Beyond every quarantine.
		w.now = w.now.Add(48 * time.Hour)
		w.settle(5 * time.Second)
		w.checkEmpty()
		if t.Failed() {
			return
		}
	}
	if taken < 4*seeds || again < seeds {
		t.Errorf("want the racks busy, got %d servers taken and %d reserved over %d racks", taken, again, seeds)
	}
	t.Logf("%d racks: %d servers taken, %d reserved", seeds, taken, again)
}
