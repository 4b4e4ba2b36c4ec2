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

package pxsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ClusterID is the id of the simulated cluster.
const ClusterID = "5ad7bf1e-0000-4000-8000-000000000001"

// Faults make the REST gateway misbehave.
type Faults struct {
	// Status answers every call with that status; 503 is a gateway that is down.
	Status int
	// Latency delays every answer.
	Latency time.Duration
	// TruncateAt cuts answers off after that many bytes.
	TruncateAt int
	// LieClean says that every volume is up and clean, whatever is true.
	LieClean bool
	// LacksOverlap answers filter-nonoverlapping as a version without it.
	LacksOverlap bool
	// LacksAttachments answers the calls about attachments as a version without them; StuckDrains has their jobs move nothing.
	LacksAttachments, StuckDrains bool
}

// SetFaults replaces the faults.
func (s *Sim) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Calls counts the calls that were made, by path.
func (s *Sim) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := map[string]int{}
	for path, n := range s.calls {
		calls[path] = n
	}
	return calls
}

// ServeHTTP is the REST gateway of the SDK.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	s.calls[r.URL.Path]++
	if s.faults.Latency > 0 {
		s.mu.Unlock()
		select {
		case <-time.After(s.faults.Latency):
		case <-r.Context().Done():
		}
		s.mu.Lock()
	}
	if s.faults.Status != 0 {
		refuse(w, s.faults.Status, "injected")
		return
	}
	if s.options.Token != "" && r.Header.Get("Grpc-Metadata-Authorization") != "bearer "+s.options.Token {
		refuse(w, http.StatusUnauthorized, "access denied, no valid token")
		return
	}
	answer, status := s.answer(r)
	if status != http.StatusOK {
		refuse(w, status, http.StatusText(status))
		return
	}
	s.send(w, answer)
}

func (s *Sim) answer(r *http.Request) (any, int) {
	if strings.HasPrefix(r.URL.Path, attachmentsPath) {
		return s.attachments(r)
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/clusters/inspectcurrent":
		return map[string]any{"cluster": map[string]any{"id": ClusterID, "name": "px-cluster", "status": "STATUS_OK"}}, http.StatusOK
	case "GET /v1/nodes/filters":
		return s.describeNodes(), http.StatusOK
	case "POST /v1/volumes/inspectwithfilters":
		return s.describeVolumes(), http.StatusOK
	case "POST /v1/nodes/filter-nonoverlapping":
		if s.faults.LacksOverlap {
			return nil, http.StatusNotFound
		}
		request := struct {
			InputNodes []string `json:"input_nodes"`
			DownNodes  []string `json:"down_nodes"`
		}{}
		if json.NewDecoder(r.Body).Decode(&request) != nil {
			return nil, http.StatusBadRequest
		}
		return map[string]any{"node_ids": s.nonOverlapping(request.InputNodes, request.DownNodes)}, http.StatusOK
	}
	return nil, http.StatusNotFound
}

// refuse words an error as grpc-gateway does.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": message, "message": message, "code": status})
}

func (s *Sim) send(w http.ResponseWriter, answer any) {
	var text bytes.Buffer
	_ = json.NewEncoder(&text).Encode(answer)
	w.Header().Set("Content-Type", "application/json")
	if cut := s.faults.TruncateAt; cut > 0 && cut < text.Len() {
		w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
		_, _ = w.Write(text.Bytes()[:cut])
		return
	}
	_, _ = w.Write(text.Bytes())
}

func (s *Sim) describeNodes() any {
	all := make([]any, 0, len(s.nodes))
	nodeIDs := make([]string, 0, len(s.nodes))
	for _, n := range s.nodes {
		pools := make([]any, 0, len(n.identity.Pools))
		for _, id := range n.identity.Pools {
			pools = append(pools, map[string]any{"uuid": id, "last_operation": map[string]any{"status": "OPERATION_SUCCESSFUL"}})
		}
		all = append(all, map[string]any{
			"id": n.identity.ID, "status": s.status(n), "scheduler_node_name": n.Host, "hostname": n.Host, "pools": pools, "mem_total": "67108864",
		})
		nodeIDs = append(nodeIDs, n.identity.ID)
	}
	return map[string]any{"node_ids": nodeIDs, "nodes": all}
}

func (s *Sim) status(n *node) string {
	switch {
	case !n.up:
		return "STATUS_OFFLINE"
	case n.status != "":
		return n.status
	}
	return "STATUS_OK"
}

func (s *Sim) describeVolumes() any {
	all := make([]any, 0, len(s.volumes))
	for _, v := range s.volumes {
		described := s.describe(v)
		all = append(all, map[string]any{"volume": described, "name": v.Name})
	}
	if len(all) == 0 {
		return map[string]any{}
	}
	return map[string]any{"volumes": all}
}

// blockSize is that of the simulated volumes, in bytes.
const blockSize = 4096

func (s *Sim) describe(v *volume) map[string]any {
	var nodes, current, next, currentNumbers, nextNumbers, blocks, adding []string
	var used int64
	for i, r := range v.replicas {
		number := strconv.Itoa(i)
		if r.joining {
			adding = append(adding, r.node.identity.ID)
			used = v.Bytes - r.pending
			continue
		}
		nodes = append(nodes, r.node.identity.ID)
		if r.serves() || s.faults.LieClean {
			current, currentNumbers = append(current, r.node.identity.ID), append(currentNumbers, number)
		}
		if r.node.up || s.faults.LieClean {
			next, nextNumbers = append(next, r.node.identity.ID), append(nextNumbers, number)
			pending := (r.pending + blockSize - 1) / blockSize
			if s.faults.LieClean {
				pending = 0
			}
			blocks = append(blocks, fmt.Sprintf("{%s %d}", number, pending))
		}
	}
	state, status := s.word(v, len(current), len(next), len(adding))
	runtime := map[string]string{
		"ID": "0", "RuntimeState": state, "ReplicaSetCreateMid": strings.Join(nodes, ","),
		"ReplicaSetCurr": list(currentNumbers), "ReplicaSetCurrMid": strings.Join(current, ","), "ReadSet": list(currentNumbers),
		"ReplicaSetNext": list(nextNumbers), "ReplicaSetNextMid": strings.Join(next, ","), "WriteSet": list(nextNumbers),
		"ResyncBlocks": list(blocks), "FullResyncBlocks": "[{-1 0}]", "ReplRemoveMids": "", "PXReplReAddNodeMid": "",
	}
	if len(adding) > 0 {
		runtime["ReplNewNodeMid"] = strings.Join(adding, ",")
		runtime["PXReplReAddUsedSize"] = strconv.FormatInt(used, 10)
	}
	described := map[string]any{
		"id": v.id, "locator": map[string]any{"name": v.Name}, "status": status, "usage": strconv.FormatInt(v.Bytes, 10),
		"spec": map[string]any{
			"size": strconv.FormatInt(v.Bytes*2, 10), "ha_level": strconv.Itoa(len(v.Nodes)), "block_size": strconv.Itoa(blockSize),
			"sharedv4": v.ServedBy != "",
		},
		"replica_sets":  []any{map[string]any{"nodes": nodes}},
		"runtime_state": []any{map[string]any{"runtime_state": runtime}},
	}
	if n := s.living(v.ServedBy); n != nil {
		described["attached_on"] = n.identity.ID
	}
	return described
}

// word says how a volume is, of whose copies so many are current, in reach and being made. A volume can be up while a copy of it catches up.
func (s *Sim) word(v *volume, current, next, adding int) (state, status string) {
	switch {
	case s.faults.LieClean:
		return "clean", "VOLUME_STATUS_UP"
	case current == 0:
		status = "VOLUME_STATUS_DOWN"
	case next < len(v.Nodes):
		status = "VOLUME_STATUS_DEGRADED"
	default:
		status = "VOLUME_STATUS_UP"
	}
	if next > current || adding > 0 {
		return "resync", status
	}
	return "clean", status
}

func list(items []string) string { return "[" + strings.Join(items, " ") + "]" }

// nonOverlapping picks, in the order asked, the nodes that share no volume with one that is down or was picked.
func (s *Sim) nonOverlapping(input, down []string) []string {
	taken := slices.Clone(down)
	picked := []string{}
	for _, id := range input {
		if !slices.ContainsFunc(s.volumes, func(v *volume) bool { return v.on(id) && slices.ContainsFunc(taken, v.on) }) {
			picked, taken = append(picked, id), append(taken, id)
		}
	}
	return picked
}

func (v *volume) on(id string) bool {
	return slices.ContainsFunc(v.replicas, func(r *replica) bool { return r.node.identity.ID == id })
}
