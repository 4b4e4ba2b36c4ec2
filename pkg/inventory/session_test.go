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

package inventory

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func TestOwnWritesAreSeenAtOnce(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	before, _ := b.snapshot.Get("a")
	b.clock.Step(time.Second)
	_, err := b.session.Annotate(t.Context(), "a", nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.difference()).To(BeEmpty())
	g.Expect(b.told).To(Equal([][]string{{"a"}}))
	after, _ := b.snapshot.Get("a")
	g.Expect(after.AsOf).To(Equal(b.clock.Now()))
	g.Expect(before.Machine.StatusMessage).NotTo(Equal(after.Machine.StatusMessage), "readers keep what they had")
}

func TestLostAndRefusedWritesAreLookedAt(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	b.maas.lose = func(call string) error {
		if call == "annotate" {
			return refusal(maas.Unavailable)
		}
		return nil
	}
	_, err := b.session.Annotate(t.Context(), "a", nil)
	g.Expect(err).To(HaveOccurred())
	g.Expect(b.snapshot.wake).To(Receive())
	b.follower.fetch(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
}

func TestLateReadsDoNotUndo(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	read := b.snapshot.begin()
	old := b.maas.machines["a"]
	_, err := b.session.Annotate(t.Context(), "a", nil)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.snapshot.takeDirty()).To(BeEmpty())

	b.snapshot.sawRead(read, old)
	g.Expect(b.difference()).To(BeEmpty())
	g.Expect(b.snapshot.takeDirty()).To(Equal([]string{"a"}), "to be fetched again")

	b.snapshot.sawGone(read, "a")
	g.Expect(b.difference()).To(BeEmpty())
	g.Expect(b.snapshot.takeDirty()).To(Equal([]string{"a"}))

	b.snapshot.sawAll(read, []maas.Machine{b.maas.machines["b"]})
	g.Expect(b.difference()).To(BeEmpty())
	g.Expect(b.snapshot.takeDirty()).To(Equal([]string{"a"}))
}

func TestLateReadsDoNotBringBack(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b")
	read := b.snapshot.begin()
	old := b.maas.machines["a"]
	b.maas.remove("a")
	_, err := b.session.GetMachine(t.Context(), "a")
	g.Expect(maas.IsNotFound(err)).To(BeTrue())
	g.Expect(b.snapshot.Absent("a")).To(BeTrue())
	b.snapshot.sawRead(read, old)
	g.Expect(b.snapshot.Absent("a")).To(BeTrue())
	b.follower.fetch(t.Context())
	g.Expect(b.difference()).To(BeEmpty())

	// It may come back for real, and the memory of its end is not kept for ever.
	b.maas.remove("b")
	b.maas.change("a")
	b.step(t.Context())
	b.clock.Step(ignoreFor)
	b.step(t.Context())
	g.Expect(b.difference()).To(BeEmpty())
	b.clock.Step(2 * tombstoneAge)
	b.step(t.Context())
	g.Expect(b.snapshot.removed).To(BeEmpty())
}

func TestListsOfSome(t *testing.T) {
	g := NewWithT(t)
	b := primed(t, "a", "b", "c")
	b.maas.remove("b")
	_, err := b.session.ListMachines(t.Context(), maas.Filter{AgentName: "ours"})
	g.Expect(err).NotTo(HaveOccurred())
	_, ok := b.snapshot.Get("b")
	g.Expect(ok).To(BeTrue(), "it may only be of another name")
	_, err = b.session.ListMachines(t.Context(), maas.Filter{SystemIDs: []string{"a", "b"}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.difference()).To(BeEmpty())
}

func TestSessionWithoutFollower(t *testing.T) {
	g := NewWithT(t)
	clk := clocktesting.NewFakeClock(time.Now())
	s := NewSession(newFake(clk.Now, "a"), clk)
	g.Expect(s.Snapshot().Synced()).To(BeFalse())
	_, err := s.ListMachines(t.Context(), maas.Filter{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Snapshot().Synced()).To(BeTrue())
}

func TestListIsOrderedAndShared(t *testing.T) {
	g := NewWithT(t)
	clk := clocktesting.NewFakeClock(time.Now())
	s := newSnapshot(clk, nil)
	s.sawRead(s.begin(),
		maas.Machine{SystemID: "1", Zone: "b", Hostname: "x"}, maas.Machine{SystemID: "2", Zone: "a", Hostname: "y"},
		maas.Machine{SystemID: "4", Zone: "a", Hostname: "x"}, maas.Machine{SystemID: "3", Zone: "a", Hostname: "x"})
	order := ""
	for _, m := range s.List() {
		order += m.SystemID
	}
	g.Expect(order).To(Equal("3421"))
	g.Expect(&s.List()[0]).To(BeIdenticalTo(&s.List()[0]))
	was := s.List()
	s.sawRead(s.begin(), maas.Machine{SystemID: "1", Zone: "b", Hostname: "x"})
	g.Expect(&s.List()[0]).To(BeIdenticalTo(&was[0]), "nothing changed")
	s.sawGone(s.begin(), "3")
	g.Expect(s.List()).To(HaveLen(3))
	g.Expect(was).To(HaveLen(4))
	g.Expect(was[0].SystemID).To(Equal("3"), "readers keep what they had")
}

// TestEqualLooksAtEveryField fails when maas.Machine, or what it consists of, gets a field that equal does not compare,
// and when keep shares with the caller what the caller may change.
func TestEqualLooksAtEveryField(t *testing.T) {
	g := NewWithT(t)
	typ := reflect.TypeFor[maas.Machine]()
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		machines := []*maas.Machine{{}}
		for _, v := range variants(t, typ.Field(i).Type) {
			m := &maas.Machine{}
			reflect.ValueOf(m).Elem().Field(i).Set(v)
			machines = append(machines, m)
		}
		for j, a := range machines {
			for k, b := range machines {
				g.Expect(equal(a, b)).To(Equal(j == k), "%s: %+v and %+v", name, a, b)
			}
		}
		for _, m := range machines[1:] {
			kept := keep(m)
			g.Expect(*kept).To(Equal(*m))
			if changeBehind(reflect.ValueOf(m).Elem().Field(i)) {
				g.Expect(equal(kept, m)).To(BeFalse(), "%s changed by the caller: %+v", name, m)
			}
		}
	}
}

// variants are values of a type that each differ from the others in one place.
func variants(t *testing.T, typ reflect.Type) []reflect.Value {
	t.Helper()
	one := func(v any) []reflect.Value { return []reflect.Value{reflect.ValueOf(v).Convert(typ)} }
	switch typ {
	case reflect.TypeFor[netip.Addr]():
		return one(netip.MustParseAddr("192.0.2.1"))
	case reflect.TypeFor[netip.Prefix]():
		return one(netip.MustParsePrefix("192.0.2.0/24"))
	}
	var out []reflect.Value
	switch typ.Kind() {
	case reflect.String:
		return one("x")
	case reflect.Bool:
		return one(true)
	case reflect.Int, reflect.Int64:
		return one(1)
	case reflect.Map:
		return one(map[string]string{"x": "y"})
	case reflect.Slice:
		for _, e := range variants(t, typ.Elem()) {
			v := reflect.MakeSlice(typ, 1, 1)
			v.Index(0).Set(e)
			out = append(out, v)
		}
	case reflect.Pointer:
		for _, e := range variants(t, typ.Elem()) {
			v := reflect.New(typ.Elem())
			v.Elem().Set(e)
			out = append(out, v)
		}
	case reflect.Struct:
		for i := range typ.NumField() {
			for _, f := range variants(t, typ.Field(i).Type) {
				v := reflect.New(typ).Elem()
				v.Field(i).Set(f)
				out = append(out, v)
			}
		}
	default:
		t.Fatal("a field of kind", typ.Kind())
	}
	return out
}

// changeBehind changes what a slice or pointer leads to, the farthest first.
func changeBehind(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		if v.Len() == 0 {
			return false
		}
		if !changeBehind(v.Index(0)) {
			v.Index(0).SetZero()
		}
		return true
	case reflect.Pointer:
		if v.IsNil() {
			return false
		}
		v.Elem().SetZero()
		return true
	case reflect.Struct:
		for _, f := range v.Fields() {
			if f.CanSet() && changeBehind(f) {
				return true
			}
		}
	default:
	}
	return false
}

func TestNothingPrintsTheKey(t *testing.T) {
	g := NewWithT(t)
	creds := Credentials{Endpoint: "http://maas:5240/MAAS", APIKey: "consumer:token:hunter2"}
	clk := clocktesting.NewFakeClock(time.Now())
	r := NewRegistry(Options{Clock: clk, NewClient: func(Credentials) (maas.Client, error) { return newFake(clk.Now), nil }})
	s, err := r.Session(t.Context(), creds)
	g.Expect(err).NotTo(HaveOccurred())
	for _, v := range []any{creds, &creds, []Credentials{creds}, s, *s, r} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			text := fmt.Sprintf(verb, v)
			g.Expect(text).NotTo(ContainSubstring("hunter2"))
			g.Expect(text).NotTo(ContainSubstring(fmt.Sprintf("%x", "hunter2")))
		}
	}
	b, err := creds.MarshalJSON()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(b)).NotTo(ContainSubstring("hunter2"))
}
