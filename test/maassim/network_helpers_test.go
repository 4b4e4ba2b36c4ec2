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
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// wired is a server with four NICs in the networks of the reference.
type wired struct {
	*rig
	id string
}

func newWired(t *testing.T) *wired {
	t.Helper()
	g := newRig(t, Config{})
	g.s.AddSubnet(SubnetSpec{
		Name: "native", CIDR: "192.168.0.0/22", Gateway: "192.168.0.1", Reserved: []string{"192.168.0.1-192.168.0.31"},
		Dynamic: []string{"192.168.3.0-192.168.3.254"},
	})
	g.s.AddSubnet(SubnetSpec{Name: "mgmt", CIDR: "172.16.0.0/22", VID: 10})
	g.s.AddSubnet(SubnetSpec{Name: "data", CIDR: "10.20.0.0/16", Gateway: "10.20.30.1", VID: 20})
	g.s.AddSubnet(SubnetSpec{Name: "tiny", CIDR: "10.66.0.0/30"})
	g.s.AddSubnet(SubnetSpec{Name: "elsewhere", CIDR: "10.99.0.0/24", Fabric: "oob"})
	return &wired{g, g.s.AddMachine(MachineSpec{NICs: []NIC{
		{Subnet: "native", Address: "192.168.1.2"}, {}, {}, {},
	}})}
}

// ifaceView is an interface as the API shows it.
type ifaceView struct {
	ID       int
	Name     string
	Type     string
	MAC      string `json:"mac_address"`
	Parents  []string
	Children []string
	MTU      int  `json:"effective_mtu"`
	Carrier  bool `json:"link_connected"`
	Tags     []string
	VLAN     *struct {
		ID, VID int
		Fabric  string
	}
	Links []struct {
		ID     int
		Mode   string
		IP     string `json:"ip_address"`
		Subnet struct{ Name string }
	}
}

func (f *ifaceView) modes() string {
	var out []string
	for _, l := range f.Links {
		out = append(out, strings.TrimSuffix(l.Mode+" "+l.Subnet.Name, " "))
	}
	return strings.Join(out, ",")
}

func (w *wired) interfaces() map[string]ifaceView {
	w.t.Helper()
	var list []ifaceView
	if err := json.Unmarshal(w.do(w.admin, http.MethodGet, "nodes/"+w.id+"/interfaces/", nil).Body.Bytes(), &list); err != nil {
		w.t.Fatal(err)
	}
	out := map[string]ifaceView{}
	for _, f := range list {
		out[f.Name] = f
	}
	return out
}

// try makes a call on the machine's interfaces, on one of them or on the machine
// itself; values that name an interface or a VLAN are given its id.
func (w *wired) try(on, op string, kv ...string) (int, string) {
	w.t.Helper()
	ids := w.interfaces()
	path := "nodes/" + w.id + "/interfaces/"
	if !strings.HasPrefix(op, "create_") {
		path += fmt.Sprintf("%d/", ids[on].ID)
	}
	form := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v := kv[i+1]
		if f, found := ids[v]; found && strings.HasPrefix(kv[i], "parent") {
			v = fmt.Sprint(f.ID)
		}
		if kv[i] == "vlan" {
			v = fmt.Sprint(w.vlanID(v))
		}
		form.Add(kv[i], v)
	}
	method := http.MethodPost
	switch op {
	case "PUT", "DELETE":
		method = op
	case "allocate":
		path, form = "machines/?op=allocate", url.Values{"system_id": {w.id}}
	case "release", "restore_networking_configuration":
		path = "machines/" + w.id + "/?op=" + op
	default:
		path += "?op=" + op
	}
	r := w.do(w.admin, method, path, form)
	return r.Code, r.Body.String()
}

func (w *wired) must(on, op string, kv ...string) {
	w.t.Helper()
	if code, body := w.try(on, op, kv...); code >= http.StatusBadRequest {
		w.t.Fatalf("%s on %q with %v: %d %s", op, on, kv, code, body)
	}
}

func (w *wired) refused(code int, text, on, op string, kv ...string) {
	w.t.Helper()
	if got, body := w.try(on, op, kv...); got != code || !strings.Contains(body, text) {
		w.t.Errorf("%s on %q with %v: %d %s, want %d with %q", op, on, kv, got, body, code, text)
	}
}

// vlanID finds a VLAN by its VID in the first fabric.
func (w *wired) vlanID(vid string) int {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	for _, v := range w.s.vlans {
		if fmt.Sprint(v.vid) == vid && v.fabric == w.s.fabrics[0] {
			return v.id
		}
	}
	return 0
}

func (w *wired) deployAndRelease() (deployed, released []string) {
	w.t.Helper()
	w.post(w.key, w.id, "deploy", nil, http.StatusOK)
	w.clock.Advance(time.Hour)
	w.expect(w.id, StatusDeployed)
	m, _ := w.s.Machine(w.id)
	w.post(w.key, w.id, "release", nil, http.StatusOK)
	w.clock.Advance(time.Hour)
	w.expect(w.id, StatusReady)
	r, _ := w.s.Machine(w.id)
	return m.IPAddresses, r.IPAddresses
}
