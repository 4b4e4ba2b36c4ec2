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

package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/canonical/gomaasclient/entity"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

func FuzzDecodeMachines(f *testing.F) {
	f.Add(testdata(f, "machines.json"))
	f.Add([]byte("[" + string(testdata(f, "machine.json")) + "]"))
	f.Add([]byte(`[{"system_id": "a", "zone": null, "tag_names": null, "memory": 1e3}]`))
	f.Add([]byte(`[{"system_id": 1}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		machines, err := decodeMachines(bytes.NewReader(body))
		if err != nil {
			return
		}
		for i := range machines {
			if machines[i].SystemID == "" {
				t.Error("a machine without id")
			}
			if !slices.IsSorted(machines[i].Tags) {
				t.Error("tags are not sorted")
			}
			if !slices.IsSortedFunc(machines[i].BlockDevices, func(a, b maas.BlockDevice) int { return cmp.Compare(a.ID, b.ID) }) {
				t.Error("block devices are not sorted")
			}
		}
		// What was taken for a whole list must be one.
		var raw []json.RawMessage
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&raw); err != nil || len(raw) != len(machines) {
			t.Errorf("decoded %d machines of %d: %v", len(machines), len(raw), err)
		}
	})
}

func FuzzDecodeEvents(f *testing.F) {
	f.Add(testdata(f, "events.json"))
	f.Add([]byte(`{"events": []}`))
	f.Add([]byte(`{"events": [{"id": 1, "created": "Sun, 02 Nov. 2026 14:02:02"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := decodeEvents(bytes.NewReader(body))
		for _, e := range events {
			if e.ID <= 0 {
				t.Error("an event without id")
			}
		}
		if err == nil && events == nil {
			t.Error("neither events nor an error")
		}
	})
}

func FuzzDecodeInterface(f *testing.F) {
	f.Add([]byte(`{"id": 53, "name": "br0", "type": "bridge", "mac_address": "52:54:00:03:00:00", "vlan": {"id": 1, "vid": 0},
		"params": {"bridge_fd": 0, "bridge_stp": false, "bridge_type": "standard", "mtu": 9000},
		"links": [{"id": 117, "mode": "auto", "ip_address": "192.168.0.32", "subnet": {"id": 1, "cidr": "192.168.0.0/22"}}]}`))
	f.Add([]byte(`{"id": 1, "vlan": null, "params": "", "links": [{"id": 1, "mode": "link_up", "subnet": null}]}`))
	f.Add([]byte(`{"id": 2, "params": {"mtu": "9000", "bond_mode": 4}, "links": [{"ip_address": 7}], "tags": ["b", "a"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		i, err := decodeInterface(bytes.NewReader(body))
		if err != nil {
			return
		}
		if i.ID <= 0 {
			t.Error("an interface without id")
		}
		for _, names := range [][]string{i.Tags, i.Parents, i.Children} {
			if !slices.IsSorted(names) {
				t.Error("names are not sorted")
			}
		}
		for _, l := range i.Links {
			if l.Gateway {
				t.Error("MAAS does not say of an interface alone which link has the default route")
			}
		}
	})
}

func FuzzDecodeNetworks(f *testing.F) {
	f.Add([]byte(`[{"id": 1, "cidr": "192.168.0.0/22", "gateway_ip": null, "managed": true, "vlan": {"id": 1}, "vlans": [{"id": 1}]}]`))
	f.Add([]byte(`[{"ip": "172.16.0.16", "subnet": null, "owner": null, "source": {"cidr": "172.16.0.0/22"}, "destination": {}}]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, notJSON := decodeJSON[[]json.RawMessage](bytes.NewReader(body))
		isNull := func() bool {
			l, _ := decodeJSON[[]json.RawMessage](bytes.NewReader(body))
			return l == nil
		}
		check := func(what string, isNil bool, err error) {
			switch {
			case err == nil && (isNil || notJSON != nil || isNull()):
				t.Errorf("%s were read from what is no list", what)
			case err != nil && !isNil:
				t.Errorf("%s came with an error", what)
			}
		}
		subnets, err := decodeSubnets(bytes.NewReader(body))
		check("subnets", subnets == nil, err)
		vlans, err := decodeVLANs(bytes.NewReader(body))
		check("VLANs", vlans == nil, err)
		routes, err := decodeStaticRoutes(bytes.NewReader(body))
		check("routes", routes == nil, err)
	})
}

// list500 is what MAAS answers for 500 machines.
func list500(b *testing.B) []byte {
	b.Helper()
	return []byte("[" + string(bytes.Repeat(append(testdata(b, "machine.json"), ','), 499)) + string(testdata(b, "machine.json")) + "]")
}

// BenchmarkListMachines500 compares our decoding, from the connection into our fields, with the SDK's, which reads the
// whole answer and makes all of entity.Machine.
func BenchmarkListMachines500(b *testing.B) {
	body := list500(b)
	c := newTestClient(b, answerJSON(body), nil)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			list, err := c.ListMachines(b.Context(), maas.Filter{})
			if err != nil || len(list) != 500 {
				b.Fatal(len(list), err)
			}
		}
	})
	b.Run("sdk", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			auth := c.sdk.AuthClient
			auth.HTTPClient = &http.Client{}
			data, err := auth.Get(auth.APIURL, "", nil)
			if err != nil {
				b.Fatal(err)
			}
			var list []entity.Machine
			if err := json.Unmarshal(data, &list); err != nil || len(list) != 500 {
				b.Fatal(len(list), err)
			}
		}
	})
}
