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

package provider

import (
	"slices"
	"strings"
	"sync"
	"testing"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// act is what a person does to a server in MAAS.
type act func(o *maassim.Operator, id string) error

func inTurn(acts ...act) act {
	return func(o *maassim.Operator, id string) error {
		for _, a := range acts {
			if err := a(o, id); err != nil {
				return err
			}
		}
		return nil
	}
}

var (
	release   act = func(o *maassim.Operator, id string) error { return o.ReleaseByHand(id) }
	broken    act = func(o *maassim.Operator, id string) error { return o.MarkBroken(id, "fan") }
	fixed     act = func(o *maassim.Operator, id string) error { return o.MarkFixed(id) }
	underTest act = func(o *maassim.Operator, id string) error { return o.StartTesting(id) }
	rescue    act = func(o *maassim.Operator, id string) error { return o.EnterRescue(id) }
	off       act = func(o *maassim.Operator, id string) error { return o.PowerOff(id) }
	gone      act = func(o *maassim.Operator, id string) error { return o.ForceDelete(id) }
	abort     act = func(o *maassim.Operator, id string) error { return o.Abort(id) }
	rename    act = func(o *maassim.Operator, id string) error { return o.Rename(id, "renamed-"+id) }
	lock      act = func(o *maassim.Operator, id string) error { return o.Lock(id) }
)

// takenByEve releases the server and, once it is Ready, takes it for another MAAS user.
func (w *world) takenByEve(o *maassim.Operator, id string) error {
	if err := o.ReleaseByHand(id); err != nil {
		return err
	}
	w.await("the server to be Ready", func() (bool, string) { v := w.view(id); return v.StatusName == "Ready", v.StatusName })
	return o.TakeAs("eve", id)
}

// TestSurprises: what people do to a deployed or a half-installed server behind the provider's back is reported and left alone; the
// deletion of the Machine then ends without harm to anybody.
func TestSurprises(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// deploying has it happen while the server is being installed, otherwise when it is deployed.
		deploying bool
		do        func(*world) act
		reason    string
		// undo lets the deletion end where the provider has to wait for a person.
		undo act
		// theirs is set when the server is somebody else's in the end.
		theirs bool
		gone   bool
	}{
		{name: "released while deployed", do: only(release), reason: infrav1.HostReleasedReason},
		{name: "released and taken while deployed", do: func(w *world) act { return w.takenByEve }, reason: infrav1.HostTakenReason, theirs: true},
		{name: "marked broken while deployed", do: only(broken), reason: infrav1.HostNotInServiceReason, theirs: true},
		{name: "tested while deployed", do: only(underTest), reason: infrav1.HostNotInServiceReason,
			undo: func(o *maassim.Operator, id string) error { return o.FinishTesting(id, false) }},
		{name: "rescue mode while deployed", do: only(rescue), reason: infrav1.HostNotInServiceReason,
			undo: func(o *maassim.Operator, id string) error { return o.ExitRescue(id) }},
		{name: "powered off while deployed", do: only(off), reason: infrav1.HostPoweredOffReason},
		{name: "deleted while deployed", do: only(gone), reason: infrav1.HostGoneReason, gone: true},
		{name: "released while deploying", deploying: true, do: only(release), reason: infrav1.HostReleasedReason},
		{name: "aborted while deploying", deploying: true, do: only(abort), reason: infrav1.DeployAbortedReason},
		{name: "deleted while deploying", deploying: true, do: only(gone), reason: infrav1.HostGoneReason, gone: true},
		{name: "released and taken while deploying", deploying: true, do: func(w *world) act { return w.takenByEve }, reason: infrav1.HostTakenReason, theirs: true},
		{name: "renamed while deployed", do: only(rename), reason: infrav1.ReadyReason},
		{name: "locked while deployed", do: only(lock), reason: infrav1.ReadyReason,
			undo: func(o *maassim.Operator, id string) error { return o.Unlock(id) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			id := w.bringUp(tt.deploying)
			before := w.sim().CallStats().ByMachineName[id]
			if err := tt.do(w)(w.sim().Operator(), id); err != nil {
				t.Fatal(err)
			}
			w.awaitReason("m", tt.reason)
			if got := w.deploys(); !tt.gone && got != 1 {
				t.Errorf("want no further deployment, got %d in all", got)
			}
			w.noHarm(id, before)

			w.deleteMachine("m")
			if tt.undo != nil {
				w.await("the deletion to say what it waits for", func() (bool, string) {
					_, seen := w.condition(w.maasMachine("m"), infrav1.ReadyCondition, "")
					return strings.Contains(seen, "left alone until that ends"), seen
				})
				w.noHarm(id, before)
				if err := tt.undo(w.sim().Operator(), id); err != nil {
					t.Fatal(err)
				}
			}
			w.awaitGone("m")
			switch {
			case tt.gone:
			case tt.theirs:
				if got := w.sim().CallStats().ByMachineName[id]["machine.release"] - before["machine.release"]; got != 0 {
					t.Errorf("want somebody else's server left alone, got %d release calls", got)
				}
			default:
				w.awaitAllFree()
			}
		})
	}
}

func only(a act) func(*world) act { return func(*world) act { return inTurn(a) } }

// bringUp makes a machine and returns its server, deployed or held in the middle of its installation.
func (w *world) bringUp(deploying bool) string {
	w.Helper()
	if deploying {
		w.hangInstalls()
	}
	w.machine("m")
	if deploying {
		w.awaitReason("m", infrav1.DeployingReason)
	} else {
		w.awaitProvisioned("m")
	}
	id := w.maasMachine("m").Status.HostRef.Name
	if deploying {
		w.await("the server to be powered on", func() (bool, string) {
			v := w.view(id)
			return v.PoweredOn && v.StatusName == "Deploying", v.StatusName
		})
	}
	return id
}

// hangInstalls has every installation on the world's servers wait until goOn is called.
func (w *world) hangInstalls() (goOn func()) {
	w.Helper()
	set := func(f maassim.HostFault) {
		w.Helper()
		for _, id := range w.ids {
			if err := w.sim().SetHostFault(id, f); err != nil {
				w.Fatal(err)
			}
		}
	}
	set(maassim.HostFault{InstallHangs: true})
	return func() {
		w.Helper()
		set(maassim.HostFault{})
	}
}

// noHarm asserts that nothing was done to the server since.
func (w *world) noHarm(id string, since map[string]int) {
	w.Helper()
	now := w.sim().CallStats().ByMachineName[id]
	for _, name := range []string{"machines.allocate", "machine.deploy", "machine.release", "machine.abort", "machine.power_on"} {
		if now[name] != since[name] {
			w.Errorf("want no act on the server after the surprise, got %d calls of %s", now[name]-since[name], name)
		}
	}
}

// TestSurpriseBeforeAllocation: a server that is taken between the choice and the allocation is not ours; another is chosen.
func TestSurpriseBeforeAllocation(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]act{
		"taken by another user": func(o *maassim.Operator, id string) error { return o.TakeAs("eve", id) },
		"taken by our own user": func(o *maassim.Operator, id string) error { return o.TakeAs("capmaas", id) },
		"put into testing":      underTest,
		"marked broken":         broken,
		"deleted":               gone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			var mu sync.Mutex
			var taken string
			remove := w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
				mu.Lock()
				defer mu.Unlock()
				if c.Name != "machines.allocate" || p != maassim.Before || taken != "" || !slices.Contains(w.ids, c.Form["system_id"][0]) {
					return maassim.Pass()
				}
				taken = c.Form["system_id"][0]
				// The operator's act takes the same way into MAAS as a call; it is done before MAAS looks at ours.
				if err := do(w.sim().Operator(), taken); err != nil {
					t.Errorf("acting on %s: %v", taken, err)
				}
				return maassim.Pass()
			})
			defer remove()
			w.machine("m")
			w.awaitProvisioned("m")
			remove()
			if got := w.maasMachine("m").Status.HostRef.Name; got == taken || taken == "" {
				t.Errorf("want another server than %q, got %s", taken, got)
			}
			if got := w.deploys(); name != "deleted" && got != 1 {
				t.Errorf("want one deployment, got %d", got)
			}
			w.deleteMachine("m")
			w.awaitGone("m")
			w.awaitNoLease()
		})
	}
}

// TestLeaseDeletedByHand: kubectl delete maashost does not pull a server from under a living machine.
func TestLeaseDeletedByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.machine("m")
	w.awaitProvisioned("m")
	host := w.lease()
	if err := w.Delete(w.ctx, host); err != nil {
		t.Fatal(err)
	}
	w.await("the lease to say that its machine lives", func() (bool, string) {
		host := w.lease()
		return w.condition(host, infrav1.ReadyCondition, infrav1.ConsumerExistsReason)
	})
	if v := w.view(w.ids[0]); v.Releases != 0 || v.StatusName != "Deployed" {
		t.Errorf("want the server untouched, got %s after %d releases", v.StatusName, v.Releases)
	}
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
}
