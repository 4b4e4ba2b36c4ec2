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

// Package maassim simulates Canonical MAAS as its API clients and the servers
// of a rack see it: the MAAS 2.0 API over HTTP with OAuth 1.0 PLAINTEXT, and
// behind it machines that take time to power on, to install, to erase and to
// power off.
//
// # Where the facts come from
//
// Requests and answers of a MAAS 3.4.1 region and rack were recorded. A
// trimmed copy of them lives in testdata, and the fidelity test replays it:
// status, error text and JSON shape (keys, types, nullability) must agree.
// Of what MAAS 3.5 or later changed, only deployment to memory is simulated
// (Config.Version).
//
// # What it simulates
//
//   - the machine life cycle (allocate, deploy, abort, release, erase, lock,
//     rescue, test, commission, break and fix) with MAAS's owner checks,
//     refusals (403, 404, 409, 503) and event log;
//   - power that takes time, is retried and gives up, and a BMC that refuses;
//   - the moment at which MAAS says Deployed: when the installed system
//     fetches its user data, not before;
//   - disks with contents (WritePattern, FindPattern): a deploy wipes the
//     superblocks of every disk MAAS knows of that machine when its installer
//     runs, and a block device that was deleted from the inventory is left
//     alone; an erase takes every disk the machine shows, LUNs of a shared array
//     included; a deployment to memory takes none; commissioning records
//     all disks again;
//   - storage layouts flat, lvm and blank, the boot disk, and the installer's
//     configuration as MAAS makes it of them;
//   - networks: bonds, VLAN interfaces, bridges and links, and how they follow
//     one another; AUTO addresses, claimed after deploy has answered and freed
//     at release, and STATIC ones, which stay; bridges of the machine's holder,
//     which go at release; default gateways; what commissioning resets;
//   - subnets, fabrics, VLANs, ranges, static routes, reserved addresses;
//   - zones, pools, tags, domains, DNS resources.
//
// # What it leaves out
//
// Endpoints and operations that are not served are listed in [NotServed] with
// the reason; a call to one answers 501 with a text that names it, so that a
// client that starts to need it fails loudly. Of the rest, these are left out:
//
//   - partitions, RAID, volume groups, caches and file systems other than the
//     layouts', and the layouts bcache, vmfs6, vmfs7 and custom;
//   - disks that share a serial number, and paths of a multipath device: a LUN is
//     one disk, as commissioning condenses it;
//   - names of disks that change from boot to boot, read-only disks, and disks'
//     own commands for erasing themselves;
//   - the time an erase takes by its kind and the size of the disks, and what an
//     installer has wiped when power fails half way;
//   - the order in which curtin meets a disk that is not there: here it fails
//     before it wipes any;
//   - hardware sync of a deployed machine, which records its disks;
//   - hardware tests at commissioning, destructive ones among them;
//   - soft power off, which acts like a hard one;
//   - an image's architecture: a deploy takes any;
//   - what DHCP gives to DHCP links, IPv6 router advertisements, SR-IOV,
//     interfaces that are disabled, what is special about unmanaged subnets, and
//     addresses that a rack controller or a lease holds.
package maassim
