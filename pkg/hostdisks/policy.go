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

package hostdisks

// Policy is what somebody said is to become of the disks that a server does not boot from.
type Policy string

const (
	// Unsaid means that nobody said anything. Data is kept, and what stands in the way holds the server.
	Unsaid Policy = ""
	// Preserve keeps them.
	Preserve Policy = "Preserve"
	// Wipe lets MAAS wipe them at each deploy.
	Wipe Policy = "Wipe"
)

// Strictest is the policy that holds when several have a say: one Preserve suffices to keep the disks, and they are wiped only if somebody
// says so and nobody says otherwise.
func Strictest(said ...Policy) Policy {
	effective := Unsaid
	for _, p := range said {
		switch p {
		case Unsaid:
		case Wipe:
			if effective == Unsaid {
				effective = Wipe
			}
		default:
			return Preserve
		}
	}
	return effective
}

// Keeps tells whether disks are kept under the policy.
func (p Policy) Keeps() bool { return p != Wipe }
