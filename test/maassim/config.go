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
	"log/slog"
	"time"
)

// Config says what a Server is made of. The zero value is a MAAS in real time
// whose machines fetch their user data as soon as they boot.
type Config struct {
	// Timings are the simulated durations; zero fields take DefaultTimings.
	Timings Timings
	// Speed is simulated seconds per real second, 1 by default. It is not used
	// when Clock is set.
	Speed float64
	// Clock replaces the scaled real clock; see ManualClock.
	Clock Clock
	// Logger receives one line per API call at debug level and one per
	// operation that is not served at error level. Nil discards.
	Logger *slog.Logger
	// Version is MAAS's, 3.4.1 by default. It decides what becomes of
	// ephemeral_deploy: before 2.9 it is not known and passed over, before 3.5
	// only Ubuntu's own images run from memory, and from 3.5 on the machine's
	// JSON shows it. All else is as recorded of 3.4.1.
	Version string
	// DiskDir is the folder for the contents of disks that WriteDisk has
	// written on; a temporary one, made when the first is written on and removed
	// by Close, when empty.
	DiskDir string
	// Chassis plays the servers. Nil means that a booted machine fetches its
	// user data at once and does nothing else.
	Chassis Chassis
	// ListDelayPerMachine delays answers that hold a list of machines, in wall
	// clock time per machine listed. MAAS takes about 20 ms.
	ListDelayPerMachine time.Duration
	// MaxCalls bounds the call log (100000 by default, the oldest go first).
	// Counters are not affected.
	MaxCalls int
	// MaxEvents bounds the event log (200000 by default, the oldest go first).
	MaxEvents int
}

// Timings are simulated durations of what machines do.
type Timings struct {
	// Commit is the time between the answer of deploy and MAAS's claim of AUTO
	// addresses and start of power-on.
	Commit time.Duration
	// PowerOn and PowerOff are what the BMC takes.
	PowerOn  time.Duration
	PowerOff time.Duration
	// PowerRetry is how long MAAS retries a power action that the BMC refuses
	// before it gives up.
	PowerRetry time.Duration
	// NetBoot is the time from power on until the ephemeral system runs: the
	// installer then wipes the disks.
	NetBoot time.Duration
	// Install is the time from the wipe until the installed system boots.
	Install time.Duration
	// Boot is the time a deployed machine takes to boot after power on.
	Boot time.Duration
	// Erase is what erasing the disks on release takes, after NetBoot.
	Erase time.Duration
	// Commission and Test are what commissioning and testing take, after
	// NetBoot.
	Commission time.Duration
	Test       time.Duration
	// NodeTimeout is MAAS's node_timeout: a Deploying, Commissioning or
	// Releasing machine that has not got on by then is marked failed.
	NodeTimeout time.Duration
}

// DefaultTimings are those of ordinary servers.
func DefaultTimings() Timings {
	return Timings{
		Commit:      200 * time.Millisecond,
		PowerOn:     5 * time.Second,
		PowerOff:    5 * time.Second,
		PowerRetry:  35 * time.Second,
		NetBoot:     2 * time.Minute,
		Install:     5 * time.Minute,
		Boot:        2 * time.Minute,
		Erase:       3 * time.Minute,
		Commission:  4 * time.Minute,
		Test:        5 * time.Minute,
		NodeTimeout: 30 * time.Minute,
	}
}

func (t Timings) withDefaults() Timings {
	d := DefaultTimings()
	for _, p := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&t.Commit, d.Commit},
		{&t.PowerOn, d.PowerOn},
		{&t.PowerOff, d.PowerOff},
		{&t.PowerRetry, d.PowerRetry},
		{&t.NetBoot, d.NetBoot},
		{&t.Install, d.Install},
		{&t.Boot, d.Boot},
		{&t.Erase, d.Erase},
		{&t.Commission, d.Commission},
		{&t.Test, d.Test},
		{&t.NodeTimeout, d.NodeTimeout},
	} {
		if *p.v <= 0 {
			*p.v = p.d
		}
	}
	return t
}
