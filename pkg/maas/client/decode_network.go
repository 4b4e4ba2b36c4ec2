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
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

var errNoInterfaceID = errors.New("an interface without id")

type vlanJSON struct {
	ID       int    `json:"id"`
	VID      int    `json:"vid"`
	MTU      int    `json:"mtu"`
	Fabric   string `json:"fabric"`
	FabricID int    `json:"fabric_id"`
}

func (j *vlanJSON) vlan() maas.VLAN {
	return maas.VLAN{ID: j.ID, VID: j.VID, FabricID: j.FabricID, Fabric: j.Fabric, MTU: j.MTU}
}

type subnetJSON struct {
	ID      int        `json:"id"`
	Name    string     `json:"name"`
	CIDR    prefixJSON `json:"cidr"`
	Gateway addrJSON   `json:"gateway_ip"`
	Managed bool       `json:"managed"`
	VLAN    vlanJSON   `json:"vlan"`
}

func (j *subnetJSON) subnet() maas.Subnet {
	return maas.Subnet{
		ID: j.ID, Name: j.Name, CIDR: netip.Prefix(j.CIDR), VLAN: j.VLAN.vlan(), Gateway: netip.Addr(j.Gateway), Managed: j.Managed,
	}
}

// addrJSON is an IP address; what is none stays invalid, for one odd address must not cost a list of machines.
type addrJSON netip.Addr

// UnmarshalJSON implements json.Unmarshaler.
func (a *addrJSON) UnmarshalJSON(b []byte) error {
	v, _ := netip.ParseAddr(string(bytes.Trim(b, `"`)))
	*a = addrJSON(v)
	return nil
}

// prefixJSON is a CIDR; what is none stays invalid.
type prefixJSON netip.Prefix

// UnmarshalJSON implements json.Unmarshaler.
func (p *prefixJSON) UnmarshalJSON(b []byte) error {
	v, _ := netip.ParsePrefix(string(bytes.Trim(b, `"`)))
	*p = prefixJSON(v)
	return nil
}

// paramsJSON are the parameters of an interface, which MAAS stores as they came. What is not of the expected type stays
// zero.
type paramsJSON struct {
	mtu, miimon                            int
	mode, lacpRate, hashPolicy, bridgeType string
	stp                                    bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *paramsJSON) UnmarshalJSON(b []byte) error {
	if len(b) <= len("{}") { // none; in some MAAS it is ""
		return nil
	}
	var raw struct {
		MTU        json.RawMessage `json:"mtu"`
		MIIMon     json.RawMessage `json:"bond_miimon"`
		Mode       json.RawMessage `json:"bond_mode"`
		LACPRate   json.RawMessage `json:"bond_lacp_rate"`
		HashPolicy json.RawMessage `json:"bond_xmit_hash_policy"`
		BridgeType json.RawMessage `json:"bridge_type"`
		STP        json.RawMessage `json:"bridge_stp"`
	}
	_ = json.Unmarshal(b, &raw)
	for _, f := range []struct {
		raw json.RawMessage
		to  any
	}{
		{raw.MTU, &p.mtu},
		{raw.MIIMon, &p.miimon},
		{raw.Mode, &p.mode},
		{raw.LACPRate, &p.lacpRate},
		{raw.HashPolicy, &p.hashPolicy},
		{raw.BridgeType, &p.bridgeType},
		{raw.STP, &p.stp},
	} {
		if f.raw != nil {
			_ = json.Unmarshal(f.raw, f.to)
		}
	}
	return nil
}

type linkJSON struct {
	ID      int      `json:"id"`
	Mode    string   `json:"mode"`
	Address addrJSON `json:"ip_address"`
	Subnet  struct {
		ID   int        `json:"id"`
		CIDR prefixJSON `json:"cidr"`
	} `json:"subnet"`
}

type interfaceJSON struct {
	ID             int        `json:"id"`
	Name           string     `json:"name"`
	Type           string     `json:"type"`
	MACAddress     string     `json:"mac_address"`
	Enabled        bool       `json:"enabled"`
	LinkConnected  bool       `json:"link_connected"`
	LinkSpeed      int        `json:"link_speed"`
	InterfaceSpeed int        `json:"interface_speed"`
	Tags           []string   `json:"tags"`
	VLAN           *vlanJSON  `json:"vlan"`
	Parents        []string   `json:"parents"`
	Children       []string   `json:"children"`
	EffectiveMTU   int        `json:"effective_mtu"`
	Params         paramsJSON `json:"params"`
	Links          []linkJSON `json:"links"`
}

// iface gives our value of it; gateways are the ids of the links chosen for the default routes.
func (j *interfaceJSON) iface(gateways []int) (maas.Interface, error) {
	if j.ID <= 0 {
		return maas.Interface{}, errNoInterfaceID
	}
	for _, names := range [][]string{j.Tags, j.Parents, j.Children} {
		slices.Sort(names)
	}
	i := maas.Interface{
		ID: j.ID, Name: j.Name, Type: maas.InterfaceType(j.Type), MACAddress: strings.ToLower(j.MACAddress),
		Enabled: j.Enabled, LinkConnected: j.LinkConnected, LinkSpeedMbps: j.LinkSpeed, InterfaceSpeedMbps: j.InterfaceSpeed,
		Tags: j.Tags, Parents: j.Parents, Children: j.Children, MTU: j.Params.mtu, EffectiveMTU: j.EffectiveMTU,
		Bond: maas.BondParameters{
			Mode: j.Params.mode, LACPRate: j.Params.lacpRate, XmitHashPolicy: j.Params.hashPolicy, MIIMonMS: j.Params.miimon,
		},
		Bridge: maas.BridgeParameters{Type: j.Params.bridgeType, STP: j.Params.stp},
	}
	if j.VLAN != nil {
		v := j.VLAN.vlan()
		i.VLAN = &v
	}
	for _, l := range j.Links {
		i.Links = append(i.Links, maas.Link{
			ID: l.ID, Mode: maas.LinkMode(l.Mode), SubnetID: l.Subnet.ID, CIDR: netip.Prefix(l.Subnet.CIDR),
			Address: netip.Addr(l.Address), Gateway: slices.Contains(gateways, l.ID),
		})
	}
	return i, nil
}

// gatewaysJSON are a machine's default routes; a link is named where somebody chose it.
type gatewaysJSON struct {
	IPv4 gatewayJSON `json:"ipv4"`
	IPv6 gatewayJSON `json:"ipv6"`
}

type gatewayJSON struct {
	LinkID int `json:"link_id"`
}

func (j *gatewaysJSON) links() []int {
	return slices.DeleteFunc([]int{j.IPv4.LinkID, j.IPv6.LinkID}, func(id int) bool { return id == 0 })
}

func interfaces(js []interfaceJSON, gateways *gatewaysJSON) ([]maas.Interface, error) {
	if len(js) == 0 {
		return nil, nil
	}
	links := gateways.links()
	out := make([]maas.Interface, 0, len(js))
	for i := range js {
		f, err := js[i].iface(links)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// decodeInterface reads the answer of a write.
func decodeInterface(r io.Reader) (maas.Interface, error) {
	j, err := decodeJSON[interfaceJSON](r)
	if err != nil {
		return maas.Interface{}, err
	}
	return j.iface(nil)
}

// list gives our values of a list, which must be one.
func list[J, T any](js *[]J, value func(*J) T) ([]T, error) {
	if *js == nil {
		return nil, errNotAList
	}
	out := make([]T, 0, len(*js))
	for i := range *js {
		out = append(out, value(&(*js)[i]))
	}
	return out, nil
}

func decodeSubnets(r io.Reader) ([]maas.Subnet, error) {
	js, err := decodeJSON[[]subnetJSON](r)
	if err != nil {
		return nil, err
	}
	return list(&js, (*subnetJSON).subnet)
}

// decodeVLANs reads the VLANs out of a list of fabrics.
func decodeVLANs(r io.Reader) ([]maas.VLAN, error) {
	fabrics, err := decodeJSON[[]struct {
		VLANs []vlanJSON `json:"vlans"`
	}](r)
	if err != nil {
		return nil, err
	}
	if fabrics == nil {
		return nil, errNotAList
	}
	vlans := []maas.VLAN{}
	for _, f := range fabrics {
		for i := range f.VLANs {
			vlans = append(vlans, f.VLANs[i].vlan())
		}
	}
	return vlans, nil
}

type routeJSON struct {
	ID          int        `json:"id"`
	Source      subnetJSON `json:"source"`
	Destination subnetJSON `json:"destination"`
	Gateway     addrJSON   `json:"gateway_ip"`
	Metric      int        `json:"metric"`
}

func (j *routeJSON) route() maas.StaticRoute {
	return maas.StaticRoute{
		ID: j.ID, Source: netip.Prefix(j.Source.CIDR), Destination: netip.Prefix(j.Destination.CIDR),
		Gateway: netip.Addr(j.Gateway), Metric: j.Metric,
	}
}

func decodeStaticRoutes(r io.Reader) ([]maas.StaticRoute, error) {
	js, err := decodeJSON[[]routeJSON](r)
	if err != nil {
		return nil, err
	}
	return list(&js, (*routeJSON).route)
}

type addressJSON struct {
	IP     addrJSON   `json:"ip"`
	Subnet subnetJSON `json:"subnet"`
	Owner  struct {
		Username string `json:"username"`
	} `json:"owner"`
}

func (j *addressJSON) address() maas.ReservedAddress {
	return maas.ReservedAddress{Address: netip.Addr(j.IP), SubnetID: j.Subnet.ID, Owner: j.Owner.Username}
}

var errNoAddress = errors.New("a reservation without an address")

func decodeAddress(r io.Reader) (maas.ReservedAddress, error) {
	j, err := decodeJSON[addressJSON](r)
	if err == nil && !netip.Addr(j.IP).IsValid() {
		err = errNoAddress
	}
	return j.address(), err
}
