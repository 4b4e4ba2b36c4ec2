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

// TestEqualLooksAtEveryField fails when maas.Machine gets a field that equal does not compare.
func TestEqualLooksAtEveryField(t *testing.T) {
	g := NewWithT(t)
	typ := reflect.TypeFor[maas.Machine]()
	for i := range typ.NumField() {
		var a, b maas.Machine
		v := reflect.ValueOf(&b).Elem().Field(i)
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
			checkEveryField(t, typ.Field(i).Name, v.Type().Elem(), i)
			continue
		}
		fill(t, v)
		g.Expect(equal(&a, &b)).To(BeFalse(), typ.Field(i).Name)
		kept := keep(&b)
		g.Expect(*kept).To(Equal(b))
		if v.Kind() == reflect.Slice {
			v.Index(0).SetString("changed by the caller")
			g.Expect(equal(kept, &b)).To(BeFalse())
		}
	}
}

// checkEveryField checks a list of structs, the machine's field of the given index.
func checkEveryField(t *testing.T, name string, typ reflect.Type, index int) {
	t.Helper()
	g := NewWithT(t)
	for i := range typ.NumField() {
		var a, b maas.Machine
		for _, m := range []*maas.Machine{&a, &b} {
			list := reflect.ValueOf(m).Elem().Field(index)
			list.Set(reflect.MakeSlice(list.Type(), 1, 1))
		}
		v := reflect.ValueOf(&b).Elem().Field(index).Index(0).Field(i)
		fill(t, v)
		g.Expect(equal(&a, &b)).To(BeFalse(), name+"."+typ.Field(i).Name)
		kept := keep(&b)
		g.Expect(*kept).To(Equal(b))
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String {
			v.Index(0).SetString("changed by the caller")
		} else {
			v.SetZero()
		}
		g.Expect(equal(kept, &b)).To(BeFalse(), name+"."+typ.Field(i).Name+" is shared with the caller")
	}
}

// fill sets a value other than zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"x": "y"}))
	case reflect.Struct:
		fill(t, v.Field(0))
	default:
		t.Fatal("a field of kind", v.Kind())
	}
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
