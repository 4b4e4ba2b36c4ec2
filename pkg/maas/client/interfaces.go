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
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// CreateBond implements maas.Networks.
func (c *Client) CreateBond(ctx context.Context, systemID string, bond maas.CreateBond) (*maas.Interface, error) {
	params := url.Values{}
	setIf(params, "name", bond.Name)
	setIf(params, "mac_address", bond.MACAddress)
	for _, id := range bond.ParentIDs {
		params.Add("parents", strconv.Itoa(id))
	}
	setNumber(params, "vlan", bond.VLANID)
	setNumber(params, "mtu", bond.MTU)
	setBond(params, &bond.Parameters)
	return c.createInterface(ctx, systemID, "create bond", "create_bond", bond.Name, params)
}

// CreateVLANInterface implements maas.Networks.
func (c *Client) CreateVLANInterface(ctx context.Context, systemID string, parentID, vlanID int, mtu int) (*maas.Interface, error) {
	params := url.Values{"parent": {strconv.Itoa(parentID)}, "vlan": {strconv.Itoa(vlanID)}}
	setNumber(params, "mtu", mtu)
	return c.createInterface(ctx, systemID, "create VLAN interface", "create_vlan", "", params)
}

// CreateBridge implements maas.Networks.
func (c *Client) CreateBridge(ctx context.Context, systemID string, bridge maas.CreateBridge) (*maas.Interface, error) {
	params := url.Values{"parent": {strconv.Itoa(bridge.ParentID)}}
	setIf(params, "name", bridge.Name)
	setIf(params, "mac_address", bridge.MACAddress)
	setNumber(params, "vlan", bridge.VLANID)
	setNumber(params, "mtu", bridge.MTU)
	setBridge(params, &bridge.Parameters)
	return c.createInterface(ctx, systemID, "create bridge", "create_bridge", bridge.Name, params)
}

func (c *Client) createInterface(ctx context.Context, systemID, operation, op, name string, params url.Values) (*maas.Interface, error) {
	if !validID(systemID) {
		return nil, invalid(operation, "malformed system id")
	}
	object := systemID
	if name != "" {
		object = name + " of " + systemID
	}
	return c.writeInterface(ctx, request{
		operation: operation, object: object, method: http.MethodPost, path: "nodes/" + systemID + "/interfaces/", op: op, params: params,
	})
}

// UpdateInterface implements maas.Networks.
func (c *Client) UpdateInterface(ctx context.Context, systemID string, interfaceID int, update maas.InterfaceUpdate) (*maas.Interface, error) {
	params := url.Values{}
	if update.Name != nil {
		params.Set("name", *update.Name)
	}
	if update.VLANID != nil {
		params.Set("vlan", strconv.Itoa(*update.VLANID))
	}
	if update.MTU != nil {
		params.Set("mtu", strconv.Itoa(*update.MTU))
	}
	if update.Bond != nil {
		setBond(params, update.Bond)
	}
	if update.Bridge != nil {
		setBridge(params, update.Bridge)
	}
	for _, id := range update.ParentIDs {
		params.Add("parents", strconv.Itoa(id))
	}
	return c.changeInterface(ctx, systemID, interfaceID, request{operation: "update interface", method: http.MethodPut, params: params})
}

// DeleteInterface implements maas.Networks.
func (c *Client) DeleteInterface(ctx context.Context, systemID string, interfaceID int) error {
	r := request{operation: "delete interface", method: http.MethodDelete}
	if err := onInterface(&r, systemID, interfaceID); err != nil {
		return err
	}
	return c.do(ctx, r)
}

// LinkSubnet implements maas.Networks.
func (c *Client) LinkSubnet(ctx context.Context, systemID string, interfaceID int, link maas.LinkRequest) (*maas.Interface, error) {
	params := url.Values{"mode": {strings.ToUpper(string(link.Mode))}}
	setNumber(params, "subnet", link.SubnetID)
	if link.Address.IsValid() {
		params.Set("ip_address", link.Address.String())
	}
	if link.DefaultGateway {
		params.Set("default_gateway", "true")
	}
	if link.Force {
		params.Set("force", "true")
	}
	return c.changeInterface(ctx, systemID, interfaceID, request{
		operation: "link subnet", method: http.MethodPost, op: "link_subnet", params: params,
	})
}

// UnlinkSubnet implements maas.Networks.
func (c *Client) UnlinkSubnet(ctx context.Context, systemID string, interfaceID, linkID int) (*maas.Interface, error) {
	f, err := c.changeInterface(ctx, systemID, interfaceID, request{
		operation: "unlink subnet", method: http.MethodPost, op: "unlink_subnet", params: url.Values{"id": {strconv.Itoa(linkID)}},
	})
	return f, reword(err, maas.NotFound, "is not a valid id")
}

// SetDefaultGateway implements maas.Networks.
func (c *Client) SetDefaultGateway(ctx context.Context, systemID string, interfaceID, linkID int) error {
	_, err := c.changeInterface(ctx, systemID, interfaceID, request{
		operation: "set default gateway", method: http.MethodPost, op: "set_default_gateway",
		params: url.Values{"link_id": {strconv.Itoa(linkID)}},
	})
	return err
}

// changeInterface carries out a request on one interface that answers with the interface.
func (c *Client) changeInterface(ctx context.Context, systemID string, interfaceID int, r request) (*maas.Interface, error) {
	if err := onInterface(&r, systemID, interfaceID); err != nil {
		return nil, err
	}
	return c.writeInterface(ctx, r)
}

// onInterface addresses a request to an interface.
func onInterface(r *request, systemID string, interfaceID int) error {
	if !validID(systemID) {
		return invalid(r.operation, "malformed system id")
	}
	r.object = fmt.Sprintf("%d of %s", interfaceID, systemID)
	r.path = fmt.Sprintf("nodes/%s/interfaces/%d/", systemID, interfaceID)
	return nil
}

func (c *Client) writeInterface(ctx context.Context, r request) (*maas.Interface, error) {
	var f maas.Interface
	r.decode = decodeInto(&f, decodeInterface)
	if err := c.do(ctx, r); err != nil {
		return nil, err
	}
	return &f, nil
}

// setBond sets what is not MAAS's default.
func setBond(params url.Values, p *maas.BondParameters) {
	setIf(params, "bond_mode", p.Mode)
	setIf(params, "bond_lacp_rate", p.LACPRate)
	setIf(params, "bond_xmit_hash_policy", p.XmitHashPolicy)
	setNumber(params, "bond_miimon", p.MIIMonMS)
}

func setBridge(params url.Values, p *maas.BridgeParameters) {
	setIf(params, "bridge_type", p.Type)
	params.Set("bridge_stp", strconv.FormatBool(p.STP))
}

func setNumber(params url.Values, key string, n int) {
	if n != 0 {
		params.Set(key, strconv.Itoa(n))
	}
}
