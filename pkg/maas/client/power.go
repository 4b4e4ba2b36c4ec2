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
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// queryPowerTimeout leaves MAAS the 60 s after which it gives a BMC up.
const queryPowerTimeout = 70 * time.Second

// PowerOn implements maas.Powers.
func (c *Client) PowerOn(ctx context.Context, systemID string, comment string) (*maas.Machine, error) {
	const operation = "power on machine"
	m, err := c.GetMachine(ctx, systemID)
	if err != nil {
		return nil, err
	}
	if m.Status == maas.StatusAllocated {
		return nil, &maas.Error{
			Kind: maas.Conflict, Op: operation + " " + systemID,
			Message: "the machine is Allocated, and MAAS would take this for the order to deploy it",
		}
	}
	params := url.Values{}
	setIf(params, "comment", comment)
	return c.machine(ctx, systemID, request{operation: operation, method: http.MethodPost, op: "power_on", params: params})
}

// PowerOff implements maas.Powers.
func (c *Client) PowerOff(ctx context.Context, systemID string, hard bool, comment string) (*maas.Machine, error) {
	const operation = "power off machine"
	if !validID(systemID) {
		return nil, invalid(operation, "malformed system id")
	}
	params := url.Values{"stop_mode": {"soft"}}
	if hard {
		params.Set("stop_mode", "hard")
	}
	setIf(params, "comment", comment)
	var m *maas.Machine
	err := c.do(ctx, request{
		operation: operation, object: systemID, method: http.MethodPost, path: "machines/" + systemID + "/", op: "power_off",
		params: params, decode: decodeInto(&m, decodeMachineOrNull),
	})
	if err != nil {
		return nil, err
	}
	if m == nil { // MAAS's answer when it cannot switch the machine, which is no error to it
		return c.GetMachine(ctx, systemID)
	}
	return m, nil
}

// decodeMachineOrNull gives nil for null.
func decodeMachineOrNull(r io.Reader) (*maas.Machine, error) {
	var j *machineJSON
	if err := json.NewDecoder(r).Decode(&j); err != nil {
		return nil, unexpectedEOF(err)
	}
	if j == nil {
		return nil, nil //nolint:nilnil // null is a valid answer
	}
	m, err := j.machine()
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// QueryPower implements maas.Powers.
func (c *Client) QueryPower(ctx context.Context, systemID string) (maas.Power, error) {
	const operation = "query power"
	if !validID(systemID) {
		return "", invalid(operation, "malformed system id")
	}
	var v struct {
		State maas.Power `json:"state"`
	}
	err := c.do(ctx, request{
		operation: operation, object: systemID, method: http.MethodGet, path: "machines/" + systemID + "/", op: "query_power_state",
		timeout: queryPowerTimeout, decode: decodeInto(&v, decodeJSON),
	})
	if err != nil {
		return "", err
	}
	switch v.State {
	case maas.PowerOn, maas.PowerOff, maas.PowerUnknown, maas.PowerError:
		return v.State, nil
	}
	return "", &maas.Error{Kind: maas.Unavailable, Op: operation + " " + systemID, Message: "the answer holds no power state"}
}

// Abort implements maas.Powers.
func (c *Client) Abort(ctx context.Context, systemID string, comment string) (*maas.Machine, error) {
	params := url.Values{}
	setIf(params, "comment", comment)
	return c.machine(ctx, systemID, request{operation: "abort machine", method: http.MethodPost, op: "abort", params: params})
}
