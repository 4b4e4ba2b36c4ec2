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

package inventory

import (
	"context"
	"fmt"

	"k8s.io/utils/clock"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Session is a MAAS as one set of credentials sees it: a maas.Client, and the Snapshot into which goes all that passes
// through it.
type Session struct {
	maas.Client
	identity string
	snapshot *Snapshot
}

var _ maas.Client = (*Session)(nil)

// NewSession makes a session without a follower: its snapshot holds what has passed through it, and is synced once
// ListMachines was called with a zero filter. In production a Registry makes sessions.
func NewSession(client maas.Client, clk clock.PassiveClock) *Session {
	return newSession("", client, clk, nil)
}

func newSession(identity string, client maas.Client, clk clock.PassiveClock, changed func([]string)) *Session {
	return &Session{Client: client, identity: identity, snapshot: newSnapshot(clk, changed)}
}

// Identity names the MAAS and the credentials, the same for the same ones, without telling them.
func (s *Session) Identity() string { return s.identity }

// Snapshot is what is known of the machines.
func (s *Session) Snapshot() *Snapshot { return s.snapshot }

// String names the session.
func (s *Session) String() string { return "MAAS session " + s.identity }

// Format implements fmt.Formatter, so that no verb looks into the client.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// GetMachine implements maas.Machines.
func (s *Session) GetMachine(ctx context.Context, systemID string) (*maas.Machine, error) {
	o := s.snapshot.begin()
	m, err := s.Client.GetMachine(ctx, systemID)
	switch {
	case err == nil:
		s.snapshot.sawRead(o, *m)
	case hidden(err):
		s.snapshot.sawGone(o, systemID)
	}
	return m, err
}

// hidden tells whether the machine is not there for this key: gone, or another user's, which lists leave out as well.
func hidden(err error) bool {
	kind := maas.KindOf(err)
	return kind == maas.NotFound || kind == maas.Forbidden
}

// ListMachines implements maas.Machines.
func (s *Session) ListMachines(ctx context.Context, filter maas.Filter) ([]maas.Machine, error) {
	o := s.snapshot.begin()
	machines, err := s.Client.ListMachines(ctx, filter)
	if err != nil {
		return nil, err
	}
	switch {
	case filter.AgentName != "": // whoever is missing is only not of that name
		s.snapshot.sawRead(o, machines...)
	case len(filter.SystemIDs) > 0:
		s.snapshot.sawSome(o, filter.SystemIDs, machines)
	default:
		s.snapshot.sawAll(o, machines)
	}
	return machines, nil
}

// Allocate implements maas.Machines.
func (s *Session) Allocate(ctx context.Context, req maas.AllocateRequest) (*maas.Machine, error) {
	return s.write(req.SystemID, func() (*maas.Machine, error) { return s.Client.Allocate(ctx, req) })
}

// Deploy implements maas.Machines.
func (s *Session) Deploy(ctx context.Context, systemID string, req maas.DeployRequest) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.Deploy(ctx, systemID, req) })
}

// Release implements maas.Machines.
func (s *Session) Release(ctx context.Context, systemID string, req maas.ReleaseRequest) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.Release(ctx, systemID, req) })
}

// Annotate implements maas.Machines.
func (s *Session) Annotate(ctx context.Context, systemID string, annotations map[string]string) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.Annotate(ctx, systemID, annotations) })
}

// MarkBroken implements maas.Marks.
func (s *Session) MarkBroken(ctx context.Context, systemID string, comment string) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.MarkBroken(ctx, systemID, comment) })
}

// MarkFixed implements maas.Marks.
func (s *Session) MarkFixed(ctx context.Context, systemID string, comment string) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.MarkFixed(ctx, systemID, comment) })
}

// DeleteBlockDevice implements maas.Storage.
func (s *Session) DeleteBlockDevice(ctx context.Context, systemID string, deviceID int) error {
	return s.touch(systemID, func() error { return s.Client.DeleteBlockDevice(ctx, systemID, deviceID) })
}

// SetStorageLayout implements maas.Storage.
func (s *Session) SetStorageLayout(ctx context.Context, systemID string, layout maas.StorageLayout) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.SetStorageLayout(ctx, systemID, layout) })
}

// SetBootDisk implements maas.Storage.
func (s *Session) SetBootDisk(ctx context.Context, systemID string, deviceID int) error {
	return s.touch(systemID, func() error { return s.Client.SetBootDisk(ctx, systemID, deviceID) })
}

// PowerOn implements maas.Powers.
func (s *Session) PowerOn(ctx context.Context, systemID string, comment string) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.PowerOn(ctx, systemID, comment) })
}

// PowerOff implements maas.Powers.
func (s *Session) PowerOff(ctx context.Context, systemID string, hard bool, comment string) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.PowerOff(ctx, systemID, hard, comment) })
}

// QueryPower implements maas.Powers.
func (s *Session) QueryPower(ctx context.Context, systemID string) (maas.Power, error) {
	var power maas.Power
	err := s.touch(systemID, func() (err error) {
		power, err = s.Client.QueryPower(ctx, systemID)
		return err
	})
	return power, err
}

// Abort implements maas.Powers.
func (s *Session) Abort(ctx context.Context, systemID string, comment string) (*maas.Machine, error) {
	return s.write(systemID, func() (*maas.Machine, error) { return s.Client.Abort(ctx, systemID, comment) })
}

// touch carries out what changes a machine without showing it: MAAS's event log does not tell of all of it either.
func (s *Session) touch(systemID string, call func() error) error {
	err := call()
	s.snapshot.refetch(systemID)
	return err
}

// write takes in the answer to a write. A failed one may have been carried out nevertheless, and a refused one shows
// that the snapshot was behind, so the machine is fetched in either case.
func (s *Session) write(systemID string, call func() (*maas.Machine, error)) (*maas.Machine, error) {
	o := s.snapshot.begin()
	m, err := call()
	if err != nil {
		s.snapshot.refetch(systemID)
		return nil, err
	}
	s.snapshot.sawWrite(o, m)
	return m, nil
}
