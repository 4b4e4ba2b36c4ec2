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
	"encoding/json"
	"fmt"
	"strconv"
)

// What the REST gateway of the SDK says, as far as the gate reads it (openstorage.api, the SDK's api.proto). It is grpc-gateway's JSON: names as in
// the protocol, 64-bit numbers as strings, enumerations by name, zero values left out.

// number is a 64-bit number, as a string or not.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(text []byte) error {
	text = bytes.Trim(text, `"`)
	if string(text) == "null" || len(text) == 0 {
		*n = 0
		return nil
	}
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		// Unsigned numbers beyond the signed ones are no sizes.
		return fmt.Errorf("reading a 64-bit number: %w", err)
	}
	*n = number(v)
	return nil
}

// word is the name of a value of an enumeration. Gateways that are set up to write numbers get "#" and the number.
type word string

// UnmarshalJSON implements json.Unmarshaler.
func (w *word) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return fmt.Errorf("reading the name of a value: %w", err)
		}
		*w = word(s)
		return nil
	}
	if string(text) == "null" {
		*w = ""
		return nil
	}
	v, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil {
		return fmt.Errorf("reading an enumeration: %w", err)
	}
	*w = word("#" + strconv.FormatInt(v, 10))
	return nil
}

// nodesResponse is the answer to GET /v1/nodes/filters.
type nodesResponse struct {
	NodeIDs []string  `json:"node_ids"`
	Nodes   []sdkNode `json:"nodes"`
}

type sdkNode struct {
	ID                string    `json:"id"`
	Status            word      `json:"status"`
	Pools             []sdkPool `json:"pools"`
	MgmtIP            string    `json:"mgmt_ip"`
	DataIP            string    `json:"data_ip"`
	Hostname          string    `json:"hostname"`
	SchedulerNodeName string    `json:"scheduler_node_name"`
}

type sdkPool struct {
	UUID          string `json:"uuid"`
	LastOperation struct {
		Status  word   `json:"status"`
		Type    word   `json:"type"`
		Message string `json:"msg"`
	} `json:"last_operation"`
}

// clusterResponse is the answer to GET /v1/clusters/inspectcurrent.
type clusterResponse struct {
	Cluster struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Status word   `json:"status"`
	} `json:"cluster"`
}

// sdkVolume is an entry of the answer to POST /v1/volumes/inspectwithfilters.
type sdkVolume struct {
	Volume struct {
		ID      string `json:"id"`
		Locator struct {
			Name string `json:"name"`
		} `json:"locator"`
		Spec struct {
			Size      number `json:"size"`
			BlockSize number `json:"block_size"`
			HALevel   number `json:"ha_level"`
			Sharedv4  bool   `json:"sharedv4"`
			ProxySpec *struct {
				Protocol word `json:"proxy_protocol"`
			} `json:"proxy_spec"`
		} `json:"spec"`
		Usage       number `json:"usage"`
		Status      word   `json:"status"`
		AttachedOn  string `json:"attached_on"`
		ReplicaSets []struct {
			Nodes []string `json:"nodes"`
		} `json:"replica_sets"`
		RuntimeState []struct {
			RuntimeState map[string]string `json:"runtime_state"`
		} `json:"runtime_state"`
	} `json:"volume"`
}

// proxied tells whether the volume's data lies on an array or a server of its own, so that no node has a copy.
func (v *sdkVolume) proxied() bool {
	p := v.Volume.Spec.ProxySpec
	return p != nil && p.Protocol != "" && p.Protocol != "PROXY_PROTOCOL_INVALID" && p.Protocol != "#0"
}

// name is what the volume is called, by people if they do.
func (v *sdkVolume) name() string {
	if v.Volume.Locator.Name != "" {
		return v.Volume.Locator.Name
	}
	return v.Volume.ID
}

// overlapRequest and overlapResponse are those of POST /v1/nodes/filter-nonoverlapping.
type overlapRequest struct {
	InputNodes []string `json:"input_nodes"`
	DownNodes  []string `json:"down_nodes,omitempty"`
}

type overlapResponse struct {
	NodeIDs []string `json:"node_ids"`
}

// attachmentsRequest is that of PUT /v1/nodes/attachments/{disable,drain,enable}/{id}; whose answer only names a job.
type attachmentsRequest struct {
	OnlySharedv4 bool `json:"only_sharedv4,omitempty"`
}
