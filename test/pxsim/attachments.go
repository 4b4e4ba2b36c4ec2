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
	"net/http"
	"slices"
	"strings"
	"time"
)

// moveTime is how long it takes to serve one volume from another node, in Portworx's time.
const moveTime = 10 * time.Second

// attachments answers PUT /v1/nodes/attachments/{disable,drain,enable}/{node id}: whether volumes may be served from a node, and a job that moves the
// shared ones (sharedv4) which it serves, one after the other, to nodes that may.
func (s *Sim) attachments(r *http.Request) (any, int) {
	act, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, attachmentsPath), "/")
	i := slices.IndexFunc(s.nodes, func(n *node) bool { return n.identity.ID == id })
	switch {
	case r.Method != http.MethodPut || s.faults.LacksAttachments:
		return nil, http.StatusNotFound
	case i < 0:
		return nil, http.StatusBadRequest
	}
	n := s.nodes[i]
	switch act {
	case "disable":
		n.cordoned = true
	case "drain":
		if n.drainedAt.IsZero() {
			n.drainedAt = s.now.Add(moveTime)
		}
	case "enable":
		n.cordoned, n.drainedAt = false, time.Time{}
	default:
		return nil, http.StatusNotFound
	}
	return map[string]any{"job": map[string]any{"id": "1", "type": "DRAIN_ATTACHMENTS"}}, http.StatusOK
}

const attachmentsPath = "/v1/nodes/attachments/"

// moveAttachments lets the jobs that drain nodes go on. One that has nothing left to move is over.
func (s *Sim) moveAttachments() {
	for _, n := range s.nodes {
		for !n.drainedAt.IsZero() && !s.now.Before(n.drainedAt) {
			i := slices.IndexFunc(s.volumes, func(v *volume) bool { return v.ServedBy == n.Host })
			if i < 0 || s.faults.StuckDrains {
				n.drainedAt = time.Time{}
				break
			}
			if to := s.otherServer(s.volumes[i]); to != "" {
				s.volumes[i].ServedBy = to
			}
			n.drainedAt = n.drainedAt.Add(moveTime)
		}
	}
}

// otherServer is a node that can serve a volume in place of the one that does, those with a copy first; "" when there is none.
func (s *Sim) otherServer(v *volume) string {
	can := func(n *node) bool { return n.up && !n.cordoned && n.Host != v.ServedBy }
	for _, r := range v.replicas {
		if r.serves() && can(r.node) {
			return r.node.Host
		}
	}
	for _, n := range s.nodes {
		if can(n) {
			return n.Host
		}
	}
	return ""
}

// interrupt fails over what a node served that went down without a warning, which those who use the volume notice.
func (s *Sim) interrupt(gone *node) {
	gone.drainedAt = time.Time{}
	for _, v := range s.volumes {
		if v.ServedBy == gone.Host {
			s.interruptions = append(s.interruptions, Loss{Volume: v.Name, At: s.now, Why: gone.Host + " went down while it served it"})
			v.ServedBy = s.otherServer(v)
		}
	}
}

// Interruptions are the times that a node went down while it served a volume to others.
func (s *Sim) Interruptions() []Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.interruptions)
}

// Server is the host that serves a volume to others, "" for none.
func (s *Sim) Server(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	for _, v := range s.volumes {
		if v.Name == name {
			return v.ServedBy
		}
	}
	return ""
}

// Cordoned tells whether the living self of a host was told to serve no volumes.
func (s *Sim) Cordoned(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.living(host)
	return n != nil && n.cordoned
}
