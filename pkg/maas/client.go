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

// Package maas is the provider's view of Canonical MAAS: the values it reads, the verbs it uses and the errors it
// tells apart. It knows no SDK and no Kubernetes; pkg/maas/client implements it over the MAAS 2.0 API.
package maas

import (
	"context"
)

// Machines are the verbs on MAAS machines.
//
// Every method may fail with an *Error of kind Unauthorized, Forbidden, Throttled, Unavailable or Untrusted; the kinds
// that are particular to one verb stand with it. A write that fails with Unavailable may or may not have been
// carried out: the caller has to look again before it repeats it.
type Machines interface {
	// GetMachine reads one machine. NotFound when MAAS has no machine of that id (any more).
	// It costs MAAS about 0.1 s.
	GetMachine(ctx context.Context, systemID string) (*Machine, error)

	// ListMachines reads the machines a filter selects, all that the key may see for a zero filter. The cost to MAAS is
	// about 20 ms for each machine returned, so only the inventory lists everything.
	ListMachines(ctx context.Context, filter Filter) ([]Machine, error)

	// Allocate takes exactly the named machine for the key's user. MAAS serialises allocations: of several callers one
	// wins. Conflict when the machine is not Ready or is someone's already, the caller's own included: it is not
	// idempotent, and ListMachines by agent name tells whether an earlier call of ours got through.
	Allocate(ctx context.Context, req AllocateRequest) (*Machine, error)

	// Deploy installs an operating system on an allocated machine and returns at once. MAAS acquires a machine that is
	// Ready for the caller, so the caller has to know that it holds the machine. Conflict when the machine is
	// in a state that cannot be deployed; Invalid when MAAS refuses an argument, which changes nothing.
	Deploy(ctx context.Context, systemID string, req DeployRequest) (*Machine, error)

	// Release gives a machine back. It is idempotent in MAAS in the dangerous way: a late second call releases the next
	// holder's machine, so the caller has to know that it still holds it. Conflict when the state does not allow it
	// (Testing, disk erasing), Forbidden when the machine is locked or another user's. With an erase the machine is Disk erasing first,
	// for minutes or hours, and Failed disk erasing when that fails; on a machine that is Ready or Releasing nothing is erased.
	Release(ctx context.Context, systemID string, req ReleaseRequest) (*Machine, error)

	// Annotate sets workload annotations, shown in the MAAS UI and gone with the release. A value of "" removes the key.
	// Conflict when the machine is not the caller's.
	Annotate(ctx context.Context, systemID string, annotations map[string]string) (*Machine, error)
}

// Marks say whether a machine is fit for use.
type Marks interface {
	// MarkBroken takes a machine of ours out of use: MAAS releases it, without erasing its disks, switches it off, and nobody can
	// allocate it. Only its owner may, an administrator not excepted (Forbidden otherwise), so a machine that nobody holds has to be
	// allocated first. A locked machine is Forbidden too.
	MarkBroken(ctx context.Context, systemID string, comment string) (*Machine, error)

	// MarkFixed makes a Broken machine Ready. It needs an administrator's key; Conflict when the machine is not Broken.
	MarkFixed(ctx context.Context, systemID string, comment string) (*Machine, error)
}

// Events read MAAS's event log, which serves as its change feed.
type Events interface {
	// ListEvents reads up to Limit events of all levels, newest first. Without After these are the newest events; with
	// After they are the oldest of the later ones, so reading goes on after the first of a full page. It costs MAAS
	// about 10 ms whatever the size of the fleet. Of machines that another user holds, an ordinary key may see nothing.
	ListEvents(ctx context.Context, query EventQuery) ([]Event, error)
}

// Region reads what concerns the MAAS region as a whole.
type Region interface {
	// Version reads the MAAS version, such as "3.4.1". It needs no credentials, so it tells an unreachable MAAS from
	// a refused key.
	Version(ctx context.Context) (string, error)

	// WhoAmI reads whose the API key is.
	WhoAmI(ctx context.Context) (*User, error)
}

// DNS keeps MAAS's DNS resources; every write needs an administrator's key (Forbidden otherwise).
type DNS interface {
	// GetDNSResource reads the resource of a fully qualified name. NotFound when there is none.
	GetDNSResource(ctx context.Context, fqdn string) (*DNSResource, error)

	// CreateDNSResource makes the resource with these addresses. Invalid when the domain does not exist or the name is
	// taken.
	CreateDNSResource(ctx context.Context, fqdn string, addresses []string) (*DNSResource, error)

	// UpdateDNSResource replaces the addresses. NotFound when it is gone.
	UpdateDNSResource(ctx context.Context, id int, addresses []string) (*DNSResource, error)

	// DeleteDNSResource removes it. NotFound when it is gone.
	DeleteDNSResource(ctx context.Context, id int) error
}

// Client is the whole of MAAS as one set of credentials sees it. It is safe for concurrent use.
type Client interface {
	Machines
	Marks
	Storage
	Powers
	Images
	Configuration
	Events
	Region
	DNS
	Networks
}
