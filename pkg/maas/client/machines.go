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
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// maxIDsPerCall keeps the address of a list below the 8 KB that servers take.
const maxIDsPerCall = 300

// GetMachine implements maas.Machines.
func (c *Client) GetMachine(ctx context.Context, systemID string) (*maas.Machine, error) {
	return c.machine(ctx, systemID, request{operation: "get machine", method: http.MethodGet})
}

// ListMachines implements maas.Machines.
func (c *Client) ListMachines(ctx context.Context, filter maas.Filter) ([]maas.Machine, error) {
	if len(filter.SystemIDs) <= maxIDsPerCall {
		return c.listMachines(ctx, filter)
	}
	var all []maas.Machine
	for ids := range slices.Chunk(filter.SystemIDs, maxIDsPerCall) {
		part, err := c.listMachines(ctx, maas.Filter{SystemIDs: ids, AgentName: filter.AgentName})
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

func (c *Client) listMachines(ctx context.Context, filter maas.Filter) ([]maas.Machine, error) {
	params := url.Values{}
	if len(filter.SystemIDs) > 0 {
		params["id"] = filter.SystemIDs
	}
	if filter.AgentName != "" {
		params.Set("agent_name", filter.AgentName)
	}
	var machines []maas.Machine
	err := c.do(ctx, request{
		operation: "list machines", method: http.MethodGet, path: "machines/",
		params: params, timeout: c.settings.listTimeout,
		decode: decodeInto(&machines, decodeMachines),
	})
	if err != nil {
		return nil, err
	}
	return machines, nil
}

// Allocate implements maas.Machines.
func (c *Client) Allocate(ctx context.Context, req maas.AllocateRequest) (*maas.Machine, error) {
	const operation = "allocate machine"
	// Without an id MAAS would take whichever machine is cheapest.
	if !validID(req.SystemID) {
		return nil, invalid(operation, "malformed system id")
	}
	params := url.Values{"system_id": {req.SystemID}}
	setIf(params, "agent_name", req.AgentName)
	setIf(params, "comment", req.Comment)
	var m maas.Machine
	err := c.do(ctx, request{
		operation: operation, object: req.SystemID, method: http.MethodPost, path: "machines/", op: "allocate",
		params: params, decode: decodeInto(&m, decodeMachine),
	})
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// Deploy implements maas.Machines.
func (c *Client) Deploy(ctx context.Context, systemID string, req maas.DeployRequest) (*maas.Machine, error) {
	params := url.Values{}
	setIf(params, "agent_name", req.AgentName)
	setIf(params, "distro_series", req.DistroSeries)
	setIf(params, "hwe_kernel", req.Kernel)
	setIf(params, "comment", req.Comment)
	if req.Ephemeral {
		params.Set("ephemeral_deploy", "true")
	}
	if len(req.UserData) > 0 {
		params.Set("user_data", base64.StdEncoding.EncodeToString(req.UserData))
	}
	return c.machine(ctx, systemID, request{
		operation: "deploy machine", method: http.MethodPost, op: "deploy", params: params,
	})
}

// Release implements maas.Machines.
func (c *Client) Release(ctx context.Context, systemID string, req maas.ReleaseRequest) (*maas.Machine, error) {
	const operation = "release machine"
	params := url.Values{}
	setIf(params, "comment", req.Comment)
	if req.Erase != maas.EraseNone {
		switch req.Erase {
		case maas.EraseQuick, maas.EraseSecure, maas.EraseFull:
		default:
			return nil, invalid(operation, "unknown erase mode")
		}
		params.Set("erase", "true")
		// Both are said in any case: what is left out follows the region's settings.
		params.Set("quick_erase", strconv.FormatBool(req.Erase == maas.EraseQuick))
		params.Set("secure_erase", strconv.FormatBool(req.Erase == maas.EraseSecure))
	}
	return c.machine(ctx, systemID, request{operation: operation, method: http.MethodPost, op: "release", params: params})
}

// MarkBroken implements maas.Marks.
func (c *Client) MarkBroken(ctx context.Context, systemID string, comment string) (*maas.Machine, error) {
	params := url.Values{}
	setIf(params, "comment", comment)
	return c.machine(ctx, systemID, request{operation: "mark machine broken", method: http.MethodPost, op: "mark_broken", params: params})
}

// MarkFixed implements maas.Marks.
func (c *Client) MarkFixed(ctx context.Context, systemID string, comment string) (*maas.Machine, error) {
	params := url.Values{}
	setIf(params, "comment", comment)
	return c.machine(ctx, systemID, request{operation: "mark machine fixed", method: http.MethodPost, op: "mark_fixed", params: params})
}

// Annotate implements maas.Machines.
func (c *Client) Annotate(ctx context.Context, systemID string, annotations map[string]string) (*maas.Machine, error) {
	params := make(url.Values, len(annotations))
	for k, v := range annotations {
		params.Set(k, v)
	}
	return c.machine(ctx, systemID, request{
		operation: "annotate machine", method: http.MethodPost, op: "set_workload_annotations", params: params,
	})
}

// machine carries out a request on one machine that answers with the machine.
func (c *Client) machine(ctx context.Context, systemID string, r request) (*maas.Machine, error) {
	if !validID(systemID) {
		return nil, invalid(r.operation, "malformed system id")
	}
	var m maas.Machine
	r.object = systemID
	r.path = "machines/" + systemID + "/"
	r.decode = decodeInto(&m, decodeMachine)
	if err := c.do(ctx, r); err != nil {
		return nil, err
	}
	return &m, nil
}

// validID refuses ids that would lead to another address of the API.
func validID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

func setIf(params url.Values, key, value string) {
	if value != "" {
		params.Set(key, value)
	}
}
