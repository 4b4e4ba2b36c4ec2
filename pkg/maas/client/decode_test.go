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
