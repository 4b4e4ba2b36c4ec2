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

package portworx

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// state is a runtime state as published outputs of pxctl show it, with changes.
func state(changes ...string) map[string]string {
	s := map[string]string{
		"ID": "0", "RuntimeState": "clean", "ReplicaSetCreateMid": "a,b,c", "ReplicaSetCurr": "[0 1 2]", "ReplicaSetCurrMid": "a,b,c",
		"ReplicaSetNext": "[0 1 2]", "ReplicaSetNextMid": "a,b,c", "ReadSet": "[0 1 2]", "WriteSet": "[0 1 2]", "ReadQuorum": "1", "WriteQuorum": "2",
		"ReplRemoveMids": "", "PXReplReAddNodeMid": "", "ResyncBlocks": "[{0 0} {1 0} {2 0} {-1 0} {-1 0}]",
		"FullResyncBlocks": "[{0 0} {1 0} {2 0} {-1 0} {-1 0}]", "TimestampBlocksTotal": "0",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if changes[i+1] == "-" {
			delete(s, changes[i])
			continue
		}
		s[changes[i]] = changes[i+1]
	}
	return s
}

func TestStandings(t *testing.T) {
	t.Parallel()
	three := []string{"a", "b", "c"}
	tests := map[string]struct {
		up, allClean bool
		nodes        []string
		state        map[string]string
		want         string
	}{
		"clean":                                     {true, true, three, state(), "a,b,c"},
		"clean, an old version without ids":         {true, true, three, state("ReplicaSetCurrMid", "-", "ReplicaSetNextMid", "-"), "a,b,c"},
		"no ids and not up":                         {false, true, three, state("ReplicaSetCurrMid", "-"), ""},
		"no ids and another set is not clean":       {true, false, three, state("ReplicaSetCurrMid", "-"), ""},
		"no ids and a node too few":                 {true, true, three[:2], state("ReplicaSetCurrMid", "-"), ""},
		"a node is down, and it calls itself clean": {true, true, three, state("ReplicaSetCurr", "[0 2]", "ReplicaSetCurrMid", "a,c"), "a,c"},
		"up and one catches up": {
			true, false, three, state("RuntimeState", "resync", "ReplicaSetCurr", "[0 2]", "ReplicaSetCurrMid", "a,c", "ReadSet", "[0 2]"), "a,c",
		},
		"one catches up within the current set":  {true, false, three, state("RuntimeState", "resync", "ResyncBlocks", "[{0 0} {1 77} {2 0}]"), "a,c"},
		"one is not read from":                   {true, false, three, state("RuntimeState", "resync", "ReadSet", "[0 2]", "ResyncBlocks", "[{1 1}]"), "a,c"},
		"a resync of nobody knows what":          {true, false, three, state("RuntimeState", "resync"), ""},
		"a resync without a current set":         {true, false, three, state("RuntimeState", "resync", "ReplicaSetCurrMid", "-"), ""},
		"a counter that is no number":            {true, false, three, state("RuntimeState", "resync", "ResyncBlocks", "[{1 many}]"), "a,c"},
		"a third copy is being made":             {true, false, three[:2], state("RuntimeState", "resync", "ReplNewNodeMid", "d", "ReplicaSetCurrMid", "a,b", "ReplicaSetCurr", "[0 1]", "ReadSet", "[0 1]"), "a,b"},
		"one is added again":                     {true, true, three, state("PXReplReAddNodeMid", "b"), "a,c"},
		"one is being removed":                   {true, true, three, state("ReplRemoveMids", "c"), "a,b"},
		"resync failed":                          {true, false, three, state("RuntimeState", "resync_failed"), ""},
		"a word that nobody knows":               {true, false, three, state("RuntimeState", "fine"), ""},
		"no word":                                {true, false, three, state("RuntimeState", "-"), ""},
		"no runtime state":                       {true, false, three, nil, ""},
		"the current set is empty":               {true, true, three, state("ReplicaSetCurrMid", ""), ""},
		"the current set has somebody else only": {true, true, three, state("ReplicaSetCurrMid", "x"), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := replicaSet{up: tt.up, allClean: tt.allClean, wanted: 3, nodes: tt.nodes, state: tt.state}
			var in []string
			for _, one := range set.standings() {
				if one.inSync {
					in = append(in, one.node)
				}
			}
			if got := strings.Join(in, ","); got != tt.want {
				t.Errorf("copies in sync: %q, expected %q", got, tt.want)
			}
		})
	}
}

func testRoster() *roster {
	view := &operatorView{nodes: map[string]operatorNode{}, names: map[string]string{}}
	return newRoster([]sdkNode{
		{ID: "a", SchedulerNodeName: "wa", Status: "STATUS_OK"}, {ID: "b", SchedulerNodeName: "wb", Status: "STATUS_OK", DataIP: "10.0.0.2"},
		{ID: "c", SchedulerNodeName: "wc", Status: "STATUS_OFFLINE"},
	}, view)
}

const cleanVolume = `{"volume":{"id":"1","locator":{"name":"v"},"status":"VOLUME_STATUS_UP","usage":"1000","spec":{"ha_level":"2","size":"2000"%s},` +
	`"replica_sets":[{"nodes":["a","b"]}]%s,"runtime_state":[{"runtime_state":{"RuntimeState":"clean","ReplicaSetCurrMid":"a,b"}}]}}`

func TestDecode(t *testing.T) {
	t.Parallel()
	clean := fmt.Sprintf(cleanVolume, "", "")
	tests := map[string]struct {
		text string
		want string // volumes with their copies in sync, or "error"
	}{
		"none":                  {`{}`, ""},
		"none, in words":        {`{"volumes":[]}`, ""},
		"null":                  {`{"volumes":null}`, ""},
		"one":                   {`{"volumes":[` + clean + `]}`, "v:wa,wb"},
		"one among other words": {`{"page":{"next":[1,2]},"volumes":[` + clean + `],"more":false}`, "v:wa,wb"},
		"two sets": {
			`{"volumes":[{"volume":{"id":"1","status":"VOLUME_STATUS_UP","spec":{"ha_level":1},"replica_sets":[{"nodes":["a"]},{"nodes":["b"]}],` +
				`"runtime_state":[{"runtime_state":{"RuntimeState":"clean"}},{"runtime_state":{"RuntimeState":"resync"}}]}}]}`,
			"1 (replica set 0): 1 (replica set 1):",
		},
		"a volume that is down":            {strings.Replace(`{"volumes":[`+clean+`]}`, "STATUS_UP", "STATUS_DOWN", 1), "v:"},
		"a volume that says nothing of it": {strings.Replace(`{"volumes":[`+clean+`]}`, `"status":"VOLUME_STATUS_UP",`, "", 1), "v:"},
		"a number for the status":          {strings.Replace(`{"volumes":[`+clean+`]}`, `"VOLUME_STATUS_UP"`, "2", 1), "v:wa,wb"},
		"a node named twice":               {strings.Replace(`{"volumes":[`+clean+`]}`, `["a","b"]`, `["a","a"]`, 1), "v:wa"},
		"a node that is not listed":        {strings.ReplaceAll(`{"volumes":[`+clean+`]}`, `"b"`, `"z"`), "v:wa"},
		"data on an array":                 {`{"volumes":[` + fmt.Sprintf(cleanVolume, `,"proxy_spec":{"proxy_protocol":"PROXY_PROTOCOL_PURE_BLOCK"}`, "") + `]}`, ""},
		"served by a node":                 {`{"volumes":[` + fmt.Sprintf(cleanVolume, `,"sharedv4":true`, `,"attached_on":"10.0.0.2"`) + `]}`, "v:wa,wb"},
		"served by nobody knows whom":      {`{"volumes":[` + fmt.Sprintf(cleanVolume, `,"sharedv4":true`, `,"attached_on":"10.0.0.9"`) + `]}`, "error"},
		"no copies wanted":                 {strings.Replace(`{"volumes":[`+clean+`]}`, `"ha_level":"2",`, "", 1), "error"},
		"no place":                         {strings.Replace(`{"volumes":[`+clean+`]}`, `"replica_sets":[{"nodes":["a","b"]}]`, `"replica_sets":[]`, 1), "error"},
		"no name":                          {`{"volumes":[{}]}`, "error"},
		"an error":                         {`{"error":"not in quorum","code":14}`, "error"},
		"cut off":                          {`{"volumes":[` + clean, "error"},
		"cut off after the list":           {`{"volumes":[` + clean + `]`, "error"},
		"more than was asked for":          {`{"volumes":[]}{"volumes":[]}`, "error"},
		"a list":                           {`[]`, "error"},
		"a page":                           {`<html>`, "error"},
		"nothing":                          {``, "error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &reader{known: testRoster()}
			err := r.decode(strings.NewReader(tt.text))
			if (err != nil) != (tt.want == "error") {
				t.Fatalf("error %v, expected %q", err, tt.want)
			}
			if err != nil {
				return
			}
			if got := words(r); got != tt.want {
				t.Errorf("%q, expected %q", got, tt.want)
			}
		})
	}
}

func words(r *reader) string {
	var all []string
	for i := range r.volumes {
		var in []string
		for _, one := range r.volumes[i].Replicas {
			if one.InSync {
				in = append(in, r.known.nodes[one.Node].Name)
			}
		}
		slices.Sort(in)
		all = append(all, r.volumes[i].Name+":"+strings.Join(in, ","))
	}
	return strings.Join(all, " ")
}

// FuzzDecode gives the reader any answer: a copy counts only when the answer has the words that prove it, on a node that exists, once.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"volumes":[` + fmt.Sprintf(cleanVolume, "", "") + `]}`))
	f.Add([]byte(`{"volumes":[` + fmt.Sprintf(cleanVolume, `,"sharedv4":true`, `,"attached_on":"b"`) + `]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &reader{known: testRoster()}
		if r.decode(bytes.NewReader(text)) != nil {
			return
		}
		if p := r.progress(); p < -1 || p > 100 {
			t.Errorf("progress %d", p)
		}
		for i := range r.volumes {
			v := &r.volumes[i]
			seen := map[int32]bool{}
			for _, one := range v.Replicas {
				if one.Node < 0 || int(one.Node) >= len(r.known.nodes) || seen[one.Node] {
					t.Fatalf("volume %s has a copy on node %d of %d, or two", v.Name, one.Node, len(r.known.nodes))
				}
				seen[one.Node] = true
				if one.InSync && !bytes.Contains(text, []byte(`\u`)) && !bytes.Contains(text, []byte("clean")) && !bytes.Contains(text, []byte("resync")) &&
					!bytes.Contains(text, []byte("degraded")) {
					t.Errorf("in sync by %s", text)
				}
			}
			if v.PendingBytes < 0 {
				t.Errorf("%d bytes are pending", v.PendingBytes)
			}
		}
	})
}

// manyVolumes writes an answer about n volumes piece by piece, and watches what the reader keeps.
type manyVolumes struct {
	left, n int
	rest    []byte
	watch   func(done int)
}

func (m *manyVolumes) Read(p []byte) (int, error) {
	if len(m.rest) == 0 {
		switch {
		case m.left < 0:
			return 0, io.EOF
		case m.left == m.n:
			m.rest = []byte(`{"volumes":[`)
		case m.left == 0:
			m.rest = []byte(`]}`)
		}
		if m.left > 0 {
			one := strings.Replace(fmt.Sprintf(cleanVolume, "", ""), `"name":"v"`, fmt.Sprintf(`"name":"pvc-5ad7bf1e-0000-4000-8000-%012d","volume_labels":{"pad":"%s"}`,
				m.left, strings.Repeat("x", 1500)), 1)
			m.rest = append(m.rest, one...)
			if m.left > 1 {
				m.rest = append(m.rest, ',')
			}
			if m.watch != nil && m.left%2000 == 0 {
				m.watch(m.n - m.left)
			}
		}
		m.left--
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// TestManyVolumes keeps what 20,000 volumes need in memory, of an answer of 40 megabytes, below 50 MiB.
func TestManyVolumes(t *testing.T) {
	const volumes, bound = 20_000, 50 << 20
	var most, before uint64
	live := func(int) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	live(0)
	before, most = most, 0
	r := &reader{known: testRoster()}
	if err := r.decode(&manyVolumes{left: volumes, n: volumes, watch: live}); err != nil {
		t.Fatal(err)
	}
	live(0)
	if len(r.volumes) != volumes || r.volumes[0].Wanted != 2 {
		t.Fatalf("%d volumes were read, expected %d", len(r.volumes), volumes)
	}
	if kept := int64(most) - int64(before); kept > bound {
		t.Errorf("%d MiB are kept, expected less than %d", kept>>20, bound>>20)
	}
	runtime.KeepAlive(r)
}

func BenchmarkDecode20000Volumes(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		r := &reader{known: testRoster()}
		if err := r.decode(&manyVolumes{left: 20_000, n: 20_000}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTwoSelves joins nodes that claim the same Kubernetes Node.
func TestTwoSelves(t *testing.T) {
	t.Parallel()
	nodes := func(first, second word) []sdkNode {
		return []sdkNode{{ID: "old", SchedulerNodeName: "w", Status: first}, {ID: "new", SchedulerNodeName: "w", Status: second}}
	}
	none := &operatorView{nodes: map[string]operatorNode{}, names: map[string]string{}}
	knows := &operatorView{nodes: map[string]operatorNode{"w": {id: "new", kvdb: true, kvdbHealthy: true}}, names: map[string]string{"new": "w"}}
	tests := map[string]struct {
		nodes []sdkNode
		view  *operatorView
		want  string
	}{
		"one is offline":                    {nodes("STATUS_OFFLINE", "STATUS_OK"), none, "new"},
		"the other is offline":              {nodes("STATUS_OK", "STATUS_OFFLINE"), none, "old"},
		"both are online":                   {nodes("STATUS_OK", "STATUS_OK"), none, ""},
		"both are, and the operator knows":  {nodes("STATUS_OK", "STATUS_OK"), knows, "new"},
		"the one the operator knows is off": {nodes("STATUS_OFFLINE", "STATUS_OFFLINE"), knows, "new"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoster(tt.nodes, tt.view)
			if tt.want == "" {
				if r.err == nil {
					t.Errorf("%+v, expected an error", r.nodes)
				}
				return
			}
			if r.err != nil || len(r.nodes) != 2 {
				t.Fatalf("%v, %+v", r.err, r.nodes)
			}
			for _, n := range r.nodes {
				if (n.Name == "w") != (n.Identity == tt.want) {
					t.Errorf("%s is called %s, expected w to be %s", n.Identity, n.Name, tt.want)
				}
				if n.Name == "w" && n.State == storagehealth.Offline && n.QuorumHealthy {
					t.Errorf("%+v is offline and its database is called well", n)
				}
			}
		})
	}
}
