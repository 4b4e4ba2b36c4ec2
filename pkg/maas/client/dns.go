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
	"slices"
	"strconv"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

type dnsJSON struct {
	ID          int    `json:"id"`
	FQDN        string `json:"fqdn"`
	IPAddresses []struct {
		// IP is null for the address of a machine that was released.
		IP string `json:"ip"`
	} `json:"ip_addresses"`
}

func (j *dnsJSON) resource() *maas.DNSResource {
	r := &maas.DNSResource{ID: j.ID, FQDN: j.FQDN}
	for _, a := range j.IPAddresses {
		if a.IP != "" {
			r.Addresses = append(r.Addresses, a.IP)
		}
	}
	slices.Sort(r.Addresses)
	return r
}

// GetDNSResource implements maas.DNS.
func (c *Client) GetDNSResource(ctx context.Context, fqdn string) (*maas.DNSResource, error) {
	const operation = "get DNS resource"
	if fqdn == "" {
		return nil, invalid(operation, "empty name")
	}
	var found []dnsJSON
	err := c.do(ctx, request{
		operation: operation, object: fqdn, method: http.MethodGet, path: "dnsresources/",
		params: url.Values{"fqdn": {fqdn}}, decode: decodeInto(&found, decodeJSON),
	})
	if err != nil {
		return nil, err
	}
	for i := range found {
		if strings.EqualFold(found[i].FQDN, fqdn) {
			return found[i].resource(), nil
		}
	}
	return nil, &maas.Error{Kind: maas.NotFound, Op: operation + " " + fqdn, Message: "MAAS has no such name"}
}

// CreateDNSResource implements maas.DNS.
func (c *Client) CreateDNSResource(ctx context.Context, fqdn string, addresses []string) (*maas.DNSResource, error) {
	r, err := c.writeDNS(ctx, request{operation: "create DNS resource", object: fqdn, method: http.MethodPost, path: "dnsresources/"},
		url.Values{"fqdn": {fqdn}}, addresses)
	// "No Domain matches the given query": what is missing is not what was asked for.
	if e, ok := errors.AsType[*maas.Error](err); ok && e.Kind == maas.NotFound {
		e.Kind = maas.Invalid
	}
	return r, err
}

// UpdateDNSResource implements maas.DNS.
func (c *Client) UpdateDNSResource(ctx context.Context, id int, addresses []string) (*maas.DNSResource, error) {
	return c.writeDNS(ctx, dnsRequest("update DNS resource", http.MethodPut, id), url.Values{}, addresses)
}

// DeleteDNSResource implements maas.DNS.
func (c *Client) DeleteDNSResource(ctx context.Context, id int) error {
	return c.do(ctx, dnsRequest("delete DNS resource", http.MethodDelete, id))
}

func dnsRequest(operation, method string, id int) request {
	return request{
		operation: operation, object: strconv.Itoa(id), method: method,
		path: fmt.Sprintf("dnsresources/%d/", id),
	}
}

func (c *Client) writeDNS(ctx context.Context, r request, params url.Values, addresses []string) (*maas.DNSResource, error) {
	for _, a := range addresses {
		// MAAS answers a malformed address with 500.
		if _, err := netip.ParseAddr(a); err != nil {
			return nil, invalid(r.name(), fmt.Sprintf("%q is no IP address", a))
		}
	}
	params.Set("ip_addresses", strings.Join(addresses, " "))
	var j dnsJSON
	r.params = params
	r.decode = decodeInto(&j, decodeJSON)
	if err := c.do(ctx, r); err != nil {
		return nil, err
	}
	return j.resource(), nil
}
