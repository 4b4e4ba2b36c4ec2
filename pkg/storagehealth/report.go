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

// Package storagehealth is what a distributed store says of itself, in values that any store can give: which nodes take part, where the
// replicas of each volume are, what is whole and what is being rebuilt. The packages below read it from the stores; pkg/repave judges it.
//
// Everything that can be unknown has three values, and what was said has an age: a stale "healthy" is the classic way to lose data.
package storagehealth

import (
	"context"
	"time"
)

// Answer is three-valued.
type Answer string

// The answers. The zero value is no answer, which counts as Unknown.
const (
	Yes     Answer = "Yes"
	No      Answer = "No"
	Unknown Answer = "Unknown"
)

// Locality tells what of the data depends on a node.
type Locality string

const (
	// Local data lies on the node's own disks and is away while the node is.
	Local Locality = "Local"
	// Movable data lies on an array; a drive set that one node attaches moves to another when that node is gone. It needs no rebuild.
	Movable Locality = "Movable"
	// Remote data lies on an array and is attached volume by volume; no node holds any.
	Remote Locality = "Remote"
)

// NodeState is what the store says of its part on a node.
type NodeState string

// The states of a node. Only Online serves all of its data.
const (
	Online      NodeState = "Online"
	Degraded    NodeState = "Degraded"
	Maintenance NodeState = "Maintenance"
	Starting    NodeState = "Starting"
	Offline     NodeState = "Offline"
	// StateUnknown also stands for words of the store that the adapter does not know.
	StateUnknown NodeState = "Unknown"
)

// Node is a Kubernetes Node as the store sees it.
type Node struct {
	// Name is the Kubernetes Node's.
	Name string
	// Domain is the failure domain (rack, zone) that the store spreads replicas over, "" when it has none.
	Domain string
	// Identity is the store's own id of the node, and Pools those of its pools. Both have to be the same after a repave that kept the data.
	Identity string
	Pools    []string
	State    NodeState
	// Detail is what the store says of a state that is not Online.
	Detail string
	// QuorumMember tells whether the store's own metadata (kvdb, monitor) has a member here, QuorumHealthy whether it is well.
	QuorumMember, QuorumHealthy bool
	// Servers is how many shared volumes this node serves to others over the network now.
	Servers int32
	// DriveSets are the sets of array volumes attached here (Movable).
	DriveSets []string
	// InUse says what of the store is still at work on the server, or attached to it, that has to end before the server is given away; "" when
	// nothing is, or nothing that the store can tell.
	InUse string
}

// Replica is one copy of a volume.
type Replica struct {
	// Node is an index into Report.Nodes.
	Node int32
	// InSync is true when the copy is complete and current.
	InSync bool
}

// Volume is a volume and its copies.
type Volume struct {
	// Name is what the store calls it.
	Name string
	// Wanted is the number of replicas asked for, Quorum how many have to be in sync for the volume to be writable; 1 where the store
	// has no such rule.
	Wanted, Quorum int32
	Replicas       []Replica
	// PendingBytes is how much is still to be copied before all replicas are in sync, 0 when nothing is or the store does not say.
	PendingBytes int64
}

// Report is one look at a store. Shared between readers: treat it as read-only.
type Report struct {
	// At is when the store knew this, by the clock of the reader: the time of the request or, where the store dates its answer, that.
	At time.Time
	// Locality of the data.
	Locality Locality
	// Nodes in a stable order.
	Nodes []Node
	// Placed is true when Volumes is the complete placement. Stores that do not show theirs leave it false and answer Available and Whole.
	Placed  bool
	Volumes []Volume
	// DriveSets is how many sets of array volumes there are, attached or not (Movable).
	DriveSets int32
	// Available tells whether all data can be read without the nodes that are offline now; Whole whether every copy that is wanted exists
	// and is in sync. Adapters that give a placement leave both empty: they follow from it.
	Available, Whole Answer
	// Detail says in a sentence why Whole or Available is not Yes.
	Detail string
	// Busy says what the store is about that forbids disturbance, such as its own rolling update; "" when nothing.
	Busy string
	// Progress in percent of what is being rebuilt, negative when the store does not say.
	Progress int32
}

// Prober reads a store. It is safe for concurrent use.
type Prober interface {
	// Probe takes one look. Its cost must not depend on the number of Machines. An error means Unknown.
	Probe(ctx context.Context) (*Report, error)

	// Confirm asks the store itself, right before the act, whether the nodes may go together while those in without are down or not whole, all
	// by Kubernetes name. It returns the store's words for each that may not. Stores with no such call refuse none: the report was the
	// whole truth. Its cost must not depend on the number of nodes.
	Confirm(ctx context.Context, nodes, without []string) (refused map[string]string, err error)
}

// AttachmentDrainer is a Prober of a store whose nodes serve volumes to others over the network, and that can be told to serve them elsewhere.
type AttachmentDrainer interface {
	// DrainAttachments has the store serve elsewhere what the node serves, and attach nothing new there. It only starts that; Node.Servers of later
	// reports tells how far it is. It may be called again. False means that this version of the store cannot: it fails over when the node goes.
	DrainAttachments(ctx context.Context, node string) (bool, error)

	// UncordonAttachments lets the store attach on the node again, also when it was never told otherwise.
	UncordonAttachments(ctx context.Context, node string) error
}
