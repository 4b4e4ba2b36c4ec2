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

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// Confirm implements storagehealth.Prober: Portworx itself says, in one call, which of the nodes share a volume with one another or with those that
// are down or not whole.
func (p *Prober) Confirm(ctx context.Context, nodes, without []string) (map[string]string, error) {
	if p.options.Mode == FlashArrayDirectAccess || len(nodes) == 0 {
		return nil, nil
	}
	session, known, objects, err := p.roster(ctx)
	if err != nil {
		return nil, err
	}
	var down []string
	for _, name := range without {
		if words := known.doubt(name, objects); words != "" {
			return nil, errors.New(words)
		}
		down = append(down, known.byName[name]...)
	}
	refused := map[string]string{}
	ids := map[string]string{}
	var input []string
	for _, name := range nodes {
		if words := known.doubt(name, objects); words != "" {
			refused[name] = words
			continue
		}
		if id := known.id(name); id != "" {
			ids[name] = id
			input = append(input, id)
		}
	}
	if len(input) == 0 {
		return refused, nil
	}
	return refused, overlap(ctx, session, refused, ids, overlapRequest{
		InputNodes: input, DownNodes: slices.DeleteFunc(down, func(id string) bool { return slices.Contains(input, id) }),
	})
}

func overlap(ctx context.Context, s *session, refused, ids map[string]string, request overlapRequest) error {
	answer := overlapResponse{}
	err := s.call(ctx, http.MethodPost, "/v1/nodes/filter-nonoverlapping", request, into(&answer))
	alone := len(request.InputNodes) == 1 && len(request.DownNodes) == 0
	switch {
	case errors.Is(err, errLacksCall) && alone:
		return nil
	case err != nil && !errors.Is(err, errLacksCall):
		return err
	}
	for name, id := range ids {
		switch {
		case err != nil:
			refused[name] = "this version of Portworx cannot say which nodes share volumes (it takes 3.1.2), so nodes go one at a time and while all others are well"
		case !slices.Contains(answer.NodeIDs, id):
			refused[name] = "it shares volumes with nodes that are down, not whole, or about to go"
		}
	}
	return nil
}

// roster reads which nodes there are.
func (p *Prober) roster(ctx context.Context) (*session, *roster, *operatorView, error) {
	session, objects, err := p.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	nodes, err := readNodes(ctx, session)
	if err != nil {
		return nil, nil, nil, err
	}
	known := newRoster(nodes, objects)
	return session, known, objects, known.err
}

// doubt says what speaks against knowing who a node is, "" when nothing does.
func (r *roster) doubt(name string, objects *operatorView) string {
	if id := objects.nodes[name].id; id != "" && !slices.Contains(r.byName[name], id) {
		return fmt.Sprintf("the operator knows %s as node %s of Portworx, and Portworx does not list that", name, id)
	}
	return ""
}

// id is Portworx's id of the node that has the name now, "" when there is none.
func (r *roster) id(name string) string {
	for i := range r.nodes {
		if r.nodes[i].Name == name {
			return r.nodes[i].Identity
		}
	}
	return ""
}

var _ storagehealth.AttachmentDrainer = (*Prober)(nil)

// DrainAttachments implements storagehealth.AttachmentDrainer for shared volumes (sharedv4): others leave with their Pods.
func (p *Prober) DrainAttachments(ctx context.Context, node string) (bool, error) {
	for _, act := range []string{"disable", "drain"} {
		if can, err := p.attachments(ctx, act, node); err != nil || !can {
			return can, err
		}
	}
	return true, nil
}

// UncordonAttachments implements storagehealth.AttachmentDrainer.
func (p *Prober) UncordonAttachments(ctx context.Context, node string) error {
	_, err := p.attachments(ctx, "enable", node)
	return err
}

// attachments makes one of the calls about a node's attachments; false when this version has none.
func (p *Prober) attachments(ctx context.Context, act, node string) (bool, error) {
	session, known, _, err := p.roster(ctx)
	if err != nil {
		return false, err
	}
	id := known.id(node)
	if id == "" {
		return true, nil
	}
	err = session.call(ctx, http.MethodPut, "/v1/nodes/attachments/"+act+"/"+id, attachmentsRequest{OnlySharedv4: act == "drain"}, discard)
	if errors.Is(err, errLacksCall) {
		return false, nil
	}
	return err == nil, err
}
