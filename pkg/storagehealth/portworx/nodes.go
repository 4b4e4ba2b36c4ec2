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
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// statuses are the values of the SDK's enumeration Status, by their numbers.
var statuses = []string{
	"STATUS_NONE", "STATUS_INIT", "STATUS_OK", "STATUS_OFFLINE", "STATUS_ERROR", "STATUS_NOT_IN_QUORUM", "STATUS_DECOMMISSION", "STATUS_MAINTENANCE",
	"STATUS_STORAGE_DOWN", "STATUS_STORAGE_DEGRADED", "STATUS_NEEDS_REBOOT", "STATUS_STORAGE_REBALANCE", "STATUS_STORAGE_DRIVE_REPLACE",
	"STATUS_NOT_IN_QUORUM_NO_STORAGE", "STATUS_POOLMAINTENANCE",
}

// statusName is the name of a Status, which is left out when it is the first.
func statusName(w word) string { return enumName(w, statuses) }

func enumName(w word, names []string) string {
	if w == "" {
		return names[0]
	}
	if text, ok := strings.CutPrefix(string(w), "#"); ok {
		if i, err := strconv.Atoi(text); err == nil && i >= 0 && i < len(names) {
			return names[i]
		}
	}
	return string(w)
}

// plain turns STATUS_NOT_IN_QUORUM into "not in quorum".
func plain(status string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(status, "STATUS_")), "_", " ")
}

// nodeState maps what Portworx says of a node. Degraded ones serve what they have; words that are not here serve nothing.
func nodeState(w word) (state storagehealth.NodeState, detail string) {
	status := statusName(w)
	detail = plain(status)
	switch status {
	case "STATUS_OK":
		return storagehealth.Online, ""
	case "STATUS_STORAGE_DEGRADED", "STATUS_STORAGE_REBALANCE", "STATUS_STORAGE_DRIVE_REPLACE":
		return storagehealth.Degraded, detail
	case "STATUS_MAINTENANCE", "STATUS_POOLMAINTENANCE", "STATUS_DECOMMISSION":
		return storagehealth.Maintenance, detail
	case "STATUS_INIT":
		return storagehealth.Starting, detail
	case "STATUS_OFFLINE", "STATUS_ERROR", "STATUS_NOT_IN_QUORUM", "STATUS_NOT_IN_QUORUM_NO_STORAGE", "STATUS_NEEDS_REBOOT", "STATUS_STORAGE_DOWN":
		return storagehealth.Offline, detail
	}
	return storagehealth.StateUnknown, detail
}

func readNodes(ctx context.Context, s *session) ([]sdkNode, error) {
	answer := nodesResponse{}
	if err := s.call(ctx, http.MethodGet, "/v1/nodes/filters", nil, into(&answer)); err != nil {
		return nil, err
	}
	if len(answer.Nodes) == 0 {
		return nil, errors.New("portworx lists no node")
	}
	seen := make(map[string]bool, len(answer.Nodes))
	for i := range answer.Nodes {
		id := answer.Nodes[i].ID
		if id == "" || seen[id] {
			return nil, fmt.Errorf("portworx lists a node with no id, or twice with the id %q", id)
		}
		seen[id] = true
	}
	for _, id := range answer.NodeIDs {
		if !seen[id] {
			return nil, fmt.Errorf("portworx names node %s and does not describe it", id)
		}
	}
	slices.SortFunc(answer.Nodes, func(a, b sdkNode) int {
		return strings.Compare(a.SchedulerNodeName+"\x00"+a.ID, b.SchedulerNodeName+"\x00"+b.ID)
	})
	return answer.Nodes, nil
}

// roster knows the nodes by all their names.
type roster struct {
	nodes []storagehealth.Node
	// byID finds a node by Portworx's id, byAddress by what volumes may be said to be attached on.
	byID, byAddress map[string]int32
	// byName are the ids that a Kubernetes Node has and had.
	byName map[string][]string
	busy   []string
	// external is true when Portworx's database is not on its nodes at all.
	external bool
	err      error
}

// newRoster joins what the SDK and the operator say of the nodes. A server that came back as another node of Portworx has two: the one that the
// operator knows, or else the one that is online, has the Node's name.
func newRoster(nodes []sdkNode, objects *operatorView) *roster {
	r := &roster{byID: map[string]int32{}, byAddress: map[string]int32{}, byName: map[string][]string{}, external: objects.external}
	owner := map[string]int{}
	for i := range nodes {
		n := &nodes[i]
		name := kubernetesName(n, objects)
		if name == "" {
			continue
		}
		r.byName[name] = append(r.byName[name], n.ID)
		other, taken := owner[name]
		if !taken || better(n, &nodes[other], objects.nodes[name]) {
			owner[name] = i
		}
		if taken && present(n) && present(&nodes[other]) && objects.nodes[name].id == "" {
			r.err = fmt.Errorf("portworx has two nodes at work that both claim to be Node %s: %s and %s", name, nodes[other].ID, n.ID)
		}
	}
	for i := range nodes {
		n := &nodes[i]
		name := kubernetesName(n, objects)
		if name == "" || owner[name] != i {
			// The id is what Portworx's own tools take.
			r.add(n, n.ID, operatorNode{})
			continue
		}
		r.add(n, name, objects.nodes[name])
	}
	return r
}

// kubernetesName is the name that Portworx or its operator give the node, "" when neither does.
func kubernetesName(n *sdkNode, objects *operatorView) string {
	if n.SchedulerNodeName != "" {
		return n.SchedulerNodeName
	}
	return objects.names[n.ID]
}

// better tells which of two nodes with the same name is the one that lives.
func better(n, other *sdkNode, object operatorNode) bool {
	if object.id != "" && (n.ID == object.id) != (other.ID == object.id) {
		return n.ID == object.id
	}
	return present(n) && !present(other)
}

func present(n *sdkNode) bool {
	state, _ := nodeState(n.Status)
	return state != storagehealth.Offline && state != storagehealth.StateUnknown
}

func (r *roster) add(n *sdkNode, name string, object operatorNode) {
	state, detail := nodeState(n.Status)
	node := storagehealth.Node{Name: name, Identity: n.ID, State: state, Detail: detail, Domain: object.domain}
	switch {
	case r.external:
	case object.id == n.ID:
		node.QuorumMember = object.kvdb
		node.QuorumHealthy = object.kvdb && object.kvdbHealthy && state != storagehealth.Offline && state != storagehealth.StateUnknown
	case state != storagehealth.Offline:
		// The operator does not describe this node: it may be a member of the database, and nobody says that it is well.
		node.QuorumMember = true
	}
	for i := range n.Pools {
		pool := &n.Pools[i]
		if pool.UUID != "" {
			node.Pools = append(node.Pools, pool.UUID)
		}
		if pool.LastOperation.Status == "OPERATION_IN_PROGRESS" || pool.LastOperation.Status == "#1" {
			r.busy = append(r.busy, fmt.Sprintf("an operation is in progress on pool %s of %s", pool.UUID, name))
		}
	}
	slices.Sort(node.Pools)
	index := int32(len(r.nodes))
	r.byID[n.ID] = index
	for _, address := range []string{n.ID, n.MgmtIP, n.DataIP, n.Hostname, name} {
		if _, taken := r.byAddress[address]; address != "" && !taken {
			r.byAddress[address] = index
		}
	}
	r.nodes = append(r.nodes, node)
}

// index finds a node by id. One that Portworx does not list is added as unknown: what it holds does not count.
func (r *roster) index(id string) int32 {
	if i, ok := r.byID[id]; ok {
		return i
	}
	i := int32(len(r.nodes))
	r.nodes = append(r.nodes, storagehealth.Node{
		Name: id, Identity: id, State: storagehealth.StateUnknown, Detail: "volumes have copies there and Portworx does not list it",
	})
	r.byID[id] = i
	return i
}
