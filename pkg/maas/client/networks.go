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
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// ListSubnets implements maas.Networks.
func (c *Client) ListSubnets(ctx context.Context) ([]maas.Subnet, error) {
	var subnets []maas.Subnet
	err := c.do(ctx, request{
		operation: "list subnets", method: http.MethodGet, path: "subnets/", decode: decodeInto(&subnets, decodeSubnets),
	})
	return subnets, err
}

// ListVLANs implements maas.Networks.
func (c *Client) ListVLANs(ctx context.Context) ([]maas.VLAN, error) {
	var vlans []maas.VLAN
	err := c.do(ctx, request{
		operation: "list VLANs", method: http.MethodGet, path: "fabrics/", decode: decodeInto(&vlans, decodeVLANs),
	})
	return vlans, err
}

// ListStaticRoutes implements maas.Networks.
func (c *Client) ListStaticRoutes(ctx context.Context) ([]maas.StaticRoute, error) {
	var routes []maas.StaticRoute
	err := c.do(ctx, request{
		operation: "list static routes", method: http.MethodGet, path: "static-routes/", decode: decodeInto(&routes, decodeStaticRoutes),
	})
	return routes, err
}

// ListInterfaces implements maas.Networks. MAAS's own list of interfaces does not say which link has the default route.
func (c *Client) ListInterfaces(ctx context.Context, systemID string) ([]maas.Interface, error) {
	m, err := c.GetMachine(ctx, systemID)
	if err != nil {
		return nil, err
	}
	return m.Interfaces, nil
}

// ReserveAddress implements maas.Networks.
func (c *Client) ReserveAddress(ctx context.Context, subnet netip.Prefix, address netip.Addr, hostname string) (*maas.ReservedAddress, error) {
	const operation = "reserve address"
	subnet = subnet.Masked()
	if !subnet.IsValid() {
		return nil, invalid(operation, "a subnet is needed")
	}
	if hostname == "" || strings.Contains(hostname, ".") {
		return nil, invalid(operation, "a host name without a domain is needed")
	}
	params := url.Values{"subnet": {subnet.String()}, "hostname": {hostname}}
	if address.IsValid() {
		// MAAS does not mind.
		if !subnet.Contains(address) {
			return nil, invalid(operation, fmt.Sprintf("%s is not in subnet %s", address, subnet))
		}
		params.Set("ip", address.String())
	}
	var reserved maas.ReservedAddress
	err := c.do(ctx, request{
		operation: operation, object: addressOrSubnet(subnet, address), method: http.MethodPost, path: "ipaddresses/", op: "reserve",
		params: params, decode: decodeInto(&reserved, decodeAddress),
	})
	// "… is within the reserved range from … to …" is a 404, and a dynamic range a 403.
	if err := reword(err, maas.Invalid, "reserved range", "dynamic range"); err != nil {
		return nil, err
	}
	return &reserved, nil
}

func addressOrSubnet(subnet netip.Prefix, address netip.Addr) string {
	if address.IsValid() {
		return address.String()
	}
	return "in " + subnet.String()
}

// ReleaseAddress implements maas.Networks.
func (c *Client) ReleaseAddress(ctx context.Context, address netip.Addr) error {
	const operation = "release address"
	if !address.IsValid() {
		return invalid(operation, "an address is needed")
	}
	err := c.do(ctx, request{
		operation: operation, object: address.String(), method: http.MethodPost, path: "ipaddresses/", op: "release",
		params: url.Values{"ip": {address.String()}},
	})
	return reword(err, maas.NotFound, "does not exist")
}

// ReservedUnder implements maas.Networks. MAAS lists reservations without their names, and names with their addresses.
func (c *Client) ReservedUnder(ctx context.Context, hostname string) ([]netip.Addr, error) {
	const operation = "get reservation"
	if hostname == "" {
		return nil, invalid(operation, "a host name is needed")
	}
	var found []dnsJSON
	err := c.do(ctx, request{
		operation: operation, object: hostname, method: http.MethodGet, path: "dnsresources/",
		params: url.Values{"name": {hostname}}, decode: decodeInto(&found, decodeJSON),
	})
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	for i := range found {
		for _, text := range found[i].resource().Addresses {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, &maas.Error{Kind: maas.Unavailable, Op: operation + " " + hostname, Message: fmt.Sprintf("MAAS answered with address %q", text)}
			}
			addresses = append(addresses, address)
		}
	}
	return addresses, nil
}

// reword gives a refusal with one of the texts another kind: MAAS's status does not tell what is the matter.
func reword(err error, kind maas.ErrorKind, texts ...string) error {
	e, isOurs := errors.AsType[*maas.Error](err)
	if !isOurs || !maas.IsAnswer(err) {
		return err
	}
	for _, text := range texts {
		if strings.Contains(e.Message, text) {
			e.Kind = kind
		}
	}
	return err
}
