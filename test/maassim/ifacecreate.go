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

package maassim

import (
	"fmt"
	"maps"
)

// create makes the interface of a form in which nothing is wrong.
func (f *ifaceForm) create() *iface {
	n := f.next
	n.id = f.s.ids.next("interface")
	if n.name == "" {
		for i := 0; n.name == "" || f.m.iface(n.name) != nil; i++ {
			n.name = fmt.Sprintf("eth%d", i)
		}
	}
	f.m.ifs = append(f.m.ifs, &n)
	params := obj{}
	switch n.kind {
	case kindBond:
		maps.Copy(params, bondDefaults)
	case kindBridge:
		maps.Copy(params, bridgeDefaults)
	}
	maps.Copy(params, f.params)
	f.m.setParams(&n, params)
	if n.kind == kindBridge && f.m.status == StatusAllocated {
		f.s.acquireBridge(f.m, &n, n.parents[0])
	}
	f.s.changed(f.m, &n)
	f.s.ensureLinkUp(f.m, &n)
	return &n
}

// update changes the interface as a form says in which nothing is wrong.
func (f *ifaceForm) update() {
	i := f.old
	i.name, i.mac, i.parents, i.tags = f.next.name, f.next.mac, f.next.parents, f.next.tags
	f.s.setVLAN(f.m, i, f.next.vlan)
	f.m.setParams(i, f.params)
	f.s.changed(f.m, i)
}
