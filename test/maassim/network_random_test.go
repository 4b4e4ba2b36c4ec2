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

package maassim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"testing"
)

// TestAnyNetworkHoldsTogether makes calls at random, most of them refused, and
// looks at the whole after each: a refusal changes nothing, and what is accepted
// leaves no contradiction.
func TestAnyNetworkHoldsTogether(t *testing.T) {
	t.Parallel()
	accepted := map[string]int{}
	for seed := range uint64(25) {
		w := newWired(t)
		r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // the same calls every time
		for step := range 60 {
			on, op, form := w.anyCall(r)
			before := w.machineJSON()
			code, body := w.try(on, op, form...)
			what := fmt.Sprintf("seed %d, step %d: %s on %q with %v: %d %.200s", seed, step, op, on, form, code, body)
			switch {
			case code >= http.StatusInternalServerError && code != http.StatusServiceUnavailable:
				t.Fatal(what)
			case code >= http.StatusBadRequest:
				if after := w.machineJSON(); after != before {
					t.Fatalf("%s: a refusal changed\n%s\nto\n%s", what, before, after)
				}
			default:
				accepted[op]++
			}
			w.checkNetwork(what)
			if t.Failed() {
				t.FailNow()
			}
		}
		w.s.Close()
	}
	for _, op := range networkOps {
		if accepted[op] < 10 {
			t.Errorf("%s was accepted %d times: that says little", op, accepted[op])
		}
	}
}

var networkOps = []string{
	"create_bond", "create_vlan", "create_bridge", "create_physical", "PUT", "DELETE", "link_subnet", "unlink_subnet", "disconnect",
	"set_default_gateway", "allocate", "release", "restore_networking_configuration",
}

func (w *wired) machineJSON() string {
	return w.do(w.admin, http.MethodGet, "machines/"+w.id+"/", nil).Body.String()
}

// anyCall makes a call up.
func (w *wired) anyCall(r *rand.Rand) (on, op string, form []string) {
	ifs := w.interfaces()
	var all []string
	for name := range ifs {
		all = append(all, name)
	}
	slices.Sort(all)
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	anyIface := func() string {
		if len(all) == 0 {
			return ""
		}
		return pick(all...)
	}
	name := pick("bond0", "bond1", "br0", "br1", "eth7")
	op = pick(networkOps...)
	if op == "DELETE" && r.IntN(3) > 0 {
		op = "link_subnet"
	}
	switch op {
	case "create_bond":
		return "", op, []string{"name", name, "parents", anyIface(), "parents", anyIface()}
	case "create_vlan":
		return "", op, []string{"parent", anyIface(), "vlan", pick("0", "10", "20")}
	case "create_bridge":
		return "", op, []string{"name", name, "parent", anyIface(), "mtu", pick("", "1500", "9000")}
	case "create_physical":
		return "", op, []string{"name", name, "mac_address", fmt.Sprintf("02:00:00:00:00:%02x", r.IntN(8)), "vlan", pick("0", "10")}
	case "PUT":
		return anyIface(), op, []string{pick("name", "vlan", "mtu", "parents", "parent"), pick("10", "20", "9000", "1500", anyIface(), name)}
	case "link_subnet":
		return anyIface(), op, []string{
			"mode", pick("AUTO", "STATIC", "DHCP", "LINK_UP"), "subnet", pick("native", "mgmt", "data", "tiny", "elsewhere"),
			"ip_address", pick("", "", "172.16.0.9", "192.168.0.9", "192.168.3.9", "10.20.0.9"),
			"default_gateway", pick("", "true"), "force", pick("", "", "true"),
		}
	case "unlink_subnet", "set_default_gateway":
		on = anyIface()
		key, id := "id", "0"
		if op == "set_default_gateway" {
			key = "link_id"
		}
		if links := ifs[on].Links; len(links) > 0 {
			id = fmt.Sprint(links[r.IntN(len(links))].ID)
		}
		return on, op, []string{key, id}
	}
	return anyIface(), op, nil
}

// checkNetwork looks for contradictions.
func (w *wired) checkNetwork(when string) {
	w.t.Helper()
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	held := map[netip.Addr]bool{}
	for _, m := range s.order {
		seen := map[string]bool{}
		var links []*link
		for _, f := range m.ifs {
			if seen[f.name] {
				w.t.Errorf("%s: two interfaces %s", when, f.name)
			}
			seen[f.name] = true
			links = append(links, f.links...)
			if f.discovered.IsValid() {
				held[f.discovered] = true
			}
			w.checkInterface(when, m, f)
		}
		for _, l := range links {
			if l.addr.IsValid() {
				if held[l.addr] {
					w.t.Errorf("%s: address %s is there twice", when, l.addr)
				}
				held[l.addr] = true
			}
		}
		for _, g := range m.gateways {
			if g != nil && !slices.Contains(links, g) {
				w.t.Errorf("%s: the default route goes through a link that is gone", when)
			}
		}
	}
	for _, sn := range s.subnets {
		for a := range sn.used {
			if !held[a] {
				w.t.Errorf("%s: address %s is in use by nobody", when, a)
			}
			delete(held, a)
		}
	}
	if len(held) > 0 {
		w.t.Errorf("%s: addresses %v are not marked as used", when, held)
	}
}

func (w *wired) checkInterface(when string, m *machine, f *iface) {
	w.t.Helper()
	ups := 0
	for _, l := range f.links {
		if l.mode == LinkUp {
			ups++
		}
	}
	if ups > 0 && ups < len(f.links) {
		w.t.Errorf("%s: %s is link_up beside other links", when, f.name)
	}
	for _, p := range f.parents {
		if !slices.Contains(m.ifs, p) {
			w.t.Errorf("%s: the parent %s of %s is gone", when, p.name, f.name)
		}
		switch {
		case f.kind == kindVLAN && f.mac != p.mac:
			w.t.Errorf("%s: %s has not the MAC of %s", when, f.name, p.name)
		case f.kind == kindVLAN:
		case p.vlan != f.vlan:
			w.t.Errorf("%s: %s is not in the VLAN of its parent %s", when, f.name, p.name)
		case len(p.links) > 0:
			w.t.Errorf("%s: %s has links under %s", when, p.name, f.name)
		}
	}
	if (f.kind == kindPhysical) != (len(f.parents) == 0) {
		w.t.Errorf("%s: %s %s has %d parents", when, f.kind, f.name, len(f.parents))
	}
}
