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
	"context"
	"errors"
	"sync"
)

// ErrNoUserData is returned by Boot.FetchUserData when the machine was not
// given any, and once the machine does not run the installed system any more.
var ErrNoUserData = errors.New("no user data for this machine")

// Chassis plays the servers whose power MAAS switches. Methods are called
// without any lock of the simulator held; for one machine Boot never overlaps
// another Boot or a PowerOff still running.
type Chassis interface {
	// Boot is called when the installed system starts. It may block for as
	// long as the machine runs; ctx ends when the power goes off, and Boot then
	// has to return. For a Deploying machine MAAS says Deployed when
	// FetchUserData is first called.
	Boot(ctx context.Context, b Boot)
	// PowerOff is called after ctx of the machine's Boot has ended and Boot has
	// returned. The BMC reports off once PowerOff has returned.
	PowerOff(systemID string)
}

// DiskWiper is what a Chassis implements to be told which disks the installer
// or an erase at release wipes. WipeDisks is called after any Dir was emptied,
// and before Boot.
type DiskWiper interface {
	WipeDisks(systemID string, disks []Disk)
}

// Boot is one start of the installed system of a machine.
type Boot struct {
	SystemID     string
	Hostname     string
	FQDN         string
	OSystem      string
	DistroSeries string
	// Addresses are those MAAS configured on the machine, in interface order.
	Addresses []string
	// Disks are the machine's disks as built, whether MAAS knows them or not.
	Disks []Disk
	// FetchUserData is the call of cloud-init to the metadata service. It may
	// be called any number of times.
	FetchUserData func() ([]byte, error)
}

// Disk is one physical disk of a machine.
type Disk struct {
	Name      string
	Model     string
	Serial    string
	SizeBytes int64
	Tags      []string
	// IDPath is the stable path, made of model and serial when empty.
	IDPath string
	// LUN marks a volume of a shared array: machines that show a LUN of the
	// same serial show the same contents.
	LUN bool
	// Dir, when set, is a folder that stands for the disk's contents beside
	// what WriteDisk writes. A wipe of any kind empties it.
	Dir string
}

// powerSlot serializes what happens to one machine's chassis.
type powerSlot struct {
	mu     sync.Mutex // guards the fields
	cancel context.CancelFunc
	// last is closed when the last Boot or PowerOff has returned.
	last chan struct{}
}

// start runs f in a goroutine of its own once what ran before has returned.
func (p *powerSlot) start(s *Server, f func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	p.mu.Lock()
	before := p.last
	p.last, p.cancel = done, cancel
	p.mu.Unlock()
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer close(done)
		defer cancel()
		if before != nil {
			<-before
		}
		if ctx.Err() == nil {
			f(ctx)
		}
	}()
}

// stop ends what runs and calls after when it has returned.
func (p *powerSlot) stop(s *Server, after func()) {
	p.mu.Lock()
	if p.cancel != nil {
		p.cancel()
	}
	before := p.last
	done := make(chan struct{})
	p.last, p.cancel = done, nil
	p.mu.Unlock()
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		defer close(done)
		if before != nil {
			<-before
		}
		after()
	}()
}
