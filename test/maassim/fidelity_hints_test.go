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

import "time"

// hints are keyed by file, user and sequence number of the recording before
// which they happen.
var hints = map[string][]hint{
	"03_allocate capi 1": {readied("wsf373")},

	"04_interfaces admin 8":  {takenBy("admin", "tkbnbg")},
	"04_interfaces admin 12": {lastID("link", 109)},
	"04_interfaces admin 91": {lastID("fabric", 38)},
	"04_interfaces capi 7":   {takenBy("capi", "bytgwe")},
	"04_interfaces admin 93": {lastID("link", 135)},
	"04_interfaces admin 95": {deployHeld("capi", "bytgwe")},
	"04_interfaces capi 17":  {advance(300 * time.Millisecond)},
	"04_interfaces admin 98": {untilDeployed("bytgwe")},

	"05_storage admin 8":  {takenBy("capi", "tkbnbg")},
	"05_storage admin 11": {readied("tkbnbg")},
	"05_storage admin 65": {untainted("tkbnbg")}, // what came before is gone by then
	"05_storage admin 72": {untainted("tkbnbg")},
	"05_storage admin 77": {untainted("tkbnbg"), blankStorage("tkbnbg")},
	"05_storage admin 82": {advance(5 * time.Second)},

	"06_deploy_release capi 39":  {deployingBy("capi", "tkbnbg"), advance(5 * time.Second)},
	"06_deploy_release capi 48":  {deployingBy("capi", "tkbnbg"), fault("tkbnbg", HostFault{InstallFails: true})},
	"06_deploy_release capi 52":  {fault("tkbnbg", HostFault{})},
	"06_deploy_release capi 142": {deployedBy("capi", "tkbnbg")},
	"06_deploy_release capi 144": {advance(time.Second)},
	"06_deploy_release capi 154": {advance(time.Second)},
	"06_deploy_release capi 164": {advance(time.Second)},
	"06_deploy_release capi 205": {advance(time.Second)},
	"06_deploy_release capi 152": {deployedBy("capi", "tkbnbg")},
	"06_deploy_release capi 162": {deployedBy("capi", "tkbnbg")},
	"06_deploy_release capi 172": {deployedBy("capi", "tkbnbg")},
	"06_deploy_release capi 179": {deployedBy("capi", "tkbnbg")},
	"06_deploy_release capi 186": {deployedBy("capi", "tkbnbg"), fault("tkbnbg", HostFault{EraseFails: true})},
	"06_deploy_release capi 190": {fault("tkbnbg", HostFault{})},
	"06_deploy_release capi 196": {takenBy("capi", "tkbnbg")},
	"06_deploy_release capi 210": {deployingBy("capi", "nhqsdp"), fault("nhqsdp", HostFault{PowerOnFails: true}), advance(5 * time.Second)},
	"06_deploy_release capi 320": {fault("nhqsdp", HostFault{PowerOnFails: true})},
	"06_deploy_release capi 386": {fault("nhqsdp", HostFault{PowerOffFails: true}), powerOn("nhqsdp")},
	"06_deploy_release capi 452": {fault("nhqsdp", HostFault{})},

	"08_tags_pools_zones admin 41": {func(p *player, _ *recording) { _ = p.s.Operator().SetPool("wsf373", "default") }},
	"08_tags_pools_zones admin 53": {func(p *player, _ *recording) { p.s.AddZone("z9", "") }},

	"09_network capi 39": {func(p *player, _ *recording) {
		p.s.AddSubnet(SubnetSpec{Name: "tiny", CIDR: "10.66.0.0/30", VID: 20})
	}},

	"10_dns_events_misc admin 33": {deployedBy("capi", "66s7qb")},
	"10_dns_events_misc admin 34": {readied("66s7qb")},

	"06_deploy_release capi 22": {advance(300 * time.Millisecond)},
	"14_extra admin 11":         {advance(300 * time.Millisecond)},
	"14_extra admin 9":          {untilDeployed("tkbnbg")},
	"14_extra capi 11":          {advance(500 * time.Millisecond)},
}

// shapeOnly are event queries by id: the ids of this rack are others.
var shapeOnly = map[string]bool{
	"10_dns_events_misc admin 48": true,
	"10_dns_events_misc admin 49": true,
}

// untainted is where a machine is again as the simulator has it.
func untainted(id string) hint {
	return func(p *player, _ *recording) { p.tainted[id] = false }
}

// blankStorage takes the layout away.
func blankStorage(id string) hint {
	return func(p *player, _ *recording) {
		p.s.mu.Lock()
		defer p.s.mu.Unlock()
		p.s.applyLayout(p.s.machines[id], &layout{name: "blank"})
	}
}

func powerOn(id string) hint {
	return func(p *player, r *recording) {
		if err := p.s.Operator().PowerOn(id); err != nil {
			p.t.Errorf("%s: %v", r, err)
		}
	}
}

func untilDeployed(id string) hint {
	return func(p *player, r *recording) {
		p.until(r, func() bool { m, _ := p.s.Machine(id); return m.Status == StatusDeployed })
	}
}

// lastID sets a sequence of the database to where the recorded one was: what
// used the ids between was not recorded.
func lastID(kind string, id int) hint {
	return func(p *player, _ *recording) {
		p.s.mu.Lock()
		defer p.s.mu.Unlock()
		p.s.ids.m[kind] = id
	}
}

// deployHeld deploys a machine that user holds.
func deployHeld(user, id string) hint {
	return func(p *player, r *recording) {
		if err := p.s.Operator().DeployAs(user, id, ""); err != nil {
			p.t.Errorf("%s: %v", r, err)
		}
	}
}

// hint is an event outside of MAAS's API, or a call that was not recorded.
type hint func(p *player, r *recording)

func fault(id string, f HostFault) hint {
	return func(p *player, _ *recording) {
		if err := p.s.SetHostFault(id, f); err != nil {
			p.t.Error(err)
		}
	}
}

func advance(d time.Duration) hint {
	return func(p *player, _ *recording) { p.clock.Advance(d) }
}

// deployedBy brings a machine to Deployed.
func deployedBy(user, id string) hint {
	return func(p *player, r *recording) {
		p.makeReady(id)
		if err := p.s.Operator().DeployAs(user, id, ""); err != nil {
			p.t.Errorf("%s: %v", r, err)
		}
		p.until(r, func() bool { m, _ := p.s.Machine(id); return m.Status == StatusDeployed })
	}
}

func deployingBy(user, id string) hint {
	return func(p *player, r *recording) {
		p.makeReady(id)
		if err := p.s.Operator().DeployAs(user, id, ""); err != nil {
			p.t.Errorf("%s: %v", r, err)
		}
	}
}

func takenBy(user, id string) hint {
	return func(p *player, r *recording) {
		p.makeReady(id)
		if err := p.s.Operator().TakeAs(user, id); err != nil {
			p.t.Errorf("%s: %v", r, err)
		}
	}
}

func readied(id string) hint {
	return func(p *player, _ *recording) { p.makeReady(id) }
}
