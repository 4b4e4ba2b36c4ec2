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

package pxsim

import "sync"

// Identity is what Portworx writes on a node's data disk: who the node is, and its pools.
type Identity struct {
	ID    string
	Pools []string
}

// Disks are the hosts' data disks. What is stored there is all that survives a reinstallation, if they do.
type Disks interface {
	// Load reads the identity on a host's data disk; false when the disk is blank.
	Load(host string) (Identity, bool)
	// Store writes it.
	Store(host string, identity Identity)
}

// MemoryDisks keeps the hosts' data disks in memory.
type MemoryDisks struct {
	mu    sync.Mutex
	disks map[string]Identity
}

// NewMemoryDisks makes blank disks.
func NewMemoryDisks() *MemoryDisks { return &MemoryDisks{disks: map[string]Identity{}} }

// Load implements Disks.
func (d *MemoryDisks) Load(host string) (Identity, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	identity, ok := d.disks[host]
	return identity, ok
}

// Store implements Disks.
func (d *MemoryDisks) Store(host string, identity Identity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.disks[host] = identity
}

// Wipe blanks a disk.
func (d *MemoryDisks) Wipe(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.disks, host)
}
