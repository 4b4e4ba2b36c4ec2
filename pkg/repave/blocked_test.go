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

package repave

import (
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// deadOn adds a Machine of a dead node that its owner leaves to the rollout of set s.
func (w *world) deadOn(node string, changes ...func(*Candidate)) *world {
	c := Candidate{Machine: "m-" + node, Node: node, Role: Worker, Set: "s", Purpose: Replacement, Dead: true, StorageExpected: true, DataKept: storagehealth.Yes,
		Stuck: true}
	for _, change := range changes {
		change(&c)
	}
	w.Dead = append(w.Dead, c)
	return w
}

func inSet(c *Candidate)       { c.Set = "s" }
func notStuck(c *Candidate)    { c.Stuck = false }
func ofControl(c *Candidate)   { c.Role = ControlPlane }
func alone(c *Candidate)       { c.Set = "" }
func alive(c *Candidate)       { c.Dead = false }
func neverJoined(c *Candidate) { c.Node, c.Dead = "", false }

// TestUnblock names what a rollout has to take next, if anything.
func TestUnblock(t *testing.T) {
	t.Parallel()
	// a is held, for c is dead, and v has copies on a, b and c.
	held := func() *world {
		return newWorld("a", "b", "c").parallel(3).volume("v", 3, "a", "b", "c!").node("c", offline).wants("a", inSet)
	}
	tests := map[string]struct {
		in   *world
		want string
	}{
		"nobody is dead":                             {held(), ""},
		"the rollout waits for it":                   {held().deadOn("c"), "m-c"},
		"nobody asked its owner":                     {held().deadOn("c", notStuck), ""},
		"another set waits":                          {held().deadOn("c", func(c *Candidate) { c.Set = "other" }), ""},
		"it stands alone":                            {held().deadOn("c", alone), ""},
		"the control plane goes its own way":         {held().deadOn("c", ofControl), ""},
		"it lives":                                   {held().deadOn("c", alive), ""},
		"it never had a Node":                        {held().deadOn("c", neverJoined), "m-c"},
		"two are dead, and one goes":                 {held().deadOn("c").deadOn("b"), "m-b"},
		"nothing waits":                              {newWorld("a", "c").volume("v", 2, "a", "c!").node("c", offline).deadOn("c"), ""},
		"one of its set is away":                     {newWorld("a", "c").volume("v", 2, "a", "c!").node("c", offline).with(flies("a")).deadOn("c"), "m-c"},
		"it has the only copy, and its disks go":     {newWorld("a", "c").volume("v", 2, "a!", "c").node("c", offline).wants("a", inSet).deadOn("c", wiped), ""},
		"it has the only copy, and its disks stay":   {newWorld("a", "c").volume("v", 2, "a!", "c").node("c", offline).wants("a", inSet).deadOn("c"), "m-c"},
		"nobody knows":                               {held().deadOn("c").with(func(in *Input) { in.Report = nil }), ""},
		"somebody overrides the gate, nobody knows":  {held().deadOn("c").with(func(in *Input) { in.Report, in.Override = nil, &Override{Until: noon.Add(1)} }), ""},
		"a storage without placement has all":        {newWorld("a", "c").with(opaque(storagehealth.No, storagehealth.Yes)).wants("a", inSet).deadOn("c"), "m-c"},
		"a storage without placement lacks data":     {newWorld("a", "c").with(opaque(storagehealth.No, storagehealth.No)).wants("a", inSet).deadOn("c", wiped), ""},
		"a storage that knows neither, and is asked": {newWorld("a").volume("v", 1, "a").wants("a", inSet).deadOn("x"), "m-x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Unblock(tt.in.Input); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func flies(node string) func(*Input) {
	return func(in *Input) { in.Flights = append(in.Flights, Flight{Machine: "old-" + node, Node: node, Set: "s"}) }
}

// TestHoldsNameTheDead has a hold that a dead node is the cause of say so, and what ends it.
func TestHoldsNameTheDead(t *testing.T) {
	t.Parallel()
	held := func() *world {
		return newWorld("a", "b", "c").parallel(3).volume("v", 3, "a", "b", "c!").node("c", offline).wants("a", inSet)
	}
	tests := map[string]struct {
		in   *world
		want string
	}{
		"nobody asked its owner":     {held().deadOn("c", notStuck), "c, which has copies, is dead. It ends when that is back, or its Machine m-c is replaced: whoever deletes it"},
		"nobody will":                {held().deadOn("c"), "or its Machine m-c is replaced, which the gate sees to"},
		"of the control plane":       {held().deadOn("c", ofControl), "is dead. It ends when that is back, or its copies are made elsewhere"},
		"it has copies of no volume": {held().deadOn("x"), "It ends when they are rebuilt"},
		"it may not go either": {newWorld("a", "c").volume("v", 2, "a", "c!").volume("w", 2, "a!", "c").node("c", offline).wants("a").deadOn("c", wiped),
			"is dead. It ends when that is back"},
		"a storage without placement": {newWorld("a", "c").with(opaque(storagehealth.No, storagehealth.Yes)).wants("a").deadOn("c", notStuck),
			"c is dead. It ends when that is back, or its Machine m-c is replaced: whoever deletes it"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Decide(tt.in.Input)[0]
			if got.Admitted || !strings.Contains(got.Message, tt.want) || (strings.HasSuffix(tt.want, "back") && !strings.HasSuffix(got.Message, tt.want)) {
				t.Errorf("got %q, want %q", got.Message, tt.want)
			}
		})
	}
}
