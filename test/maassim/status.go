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

// Status is a machine's status as MAAS numbers it.
type Status int

// The statuses of MAAS 3.4.
const (
	StatusNew                  Status = 0
	StatusCommissioning        Status = 1
	StatusFailedCommissioning  Status = 2
	StatusMissing              Status = 3
	StatusReady                Status = 4
	StatusReserved             Status = 5
	StatusDeployed             Status = 6
	StatusRetired              Status = 7
	StatusBroken               Status = 8
	StatusDeploying            Status = 9
	StatusAllocated            Status = 10
	StatusFailedDeployment     Status = 11
	StatusReleasing            Status = 12
	StatusReleasingFailed      Status = 13
	StatusDiskErasing          Status = 14
	StatusFailedDiskErasing    Status = 15
	StatusRescueMode           Status = 16
	StatusEnteringRescueMode   Status = 17
	StatusFailedEnteringRescue Status = 18
	StatusExitingRescueMode    Status = 19
	StatusFailedExitingRescue  Status = 20
	StatusTesting              Status = 21
	StatusFailedTesting        Status = 22
)

// statusNames has the name MAAS shows and the one its filters take.
var statusNames = [...]struct{ shown, filter string }{
	StatusNew:                  {"New", "new"},
	StatusCommissioning:        {"Commissioning", "commissioning"},
	StatusFailedCommissioning:  {"Failed commissioning", "failed_commissioning"},
	StatusMissing:              {"Missing", "missing"},
	StatusReady:                {"Ready", "ready"},
	StatusReserved:             {"Reserved", "reserved"},
	StatusDeployed:             {"Deployed", "deployed"},
	StatusRetired:              {"Retired", "retired"},
	StatusBroken:               {"Broken", "broken"},
	StatusDeploying:            {"Deploying", "deploying"},
	StatusAllocated:            {"Allocated", "allocated"},
	StatusFailedDeployment:     {"Failed deployment", "failed_deployment"},
	StatusReleasing:            {"Releasing", "releasing"},
	StatusReleasingFailed:      {"Releasing failed", "releasing_failed"},
	StatusDiskErasing:          {"Disk erasing", "disk_erasing"},
	StatusFailedDiskErasing:    {"Failed disk erasing", "failed_disk_erasing"},
	StatusRescueMode:           {"Rescue mode", "rescue_mode"},
	StatusEnteringRescueMode:   {"Entering rescue mode", "entering_rescue_mode"},
	StatusFailedEnteringRescue: {"Failed to enter rescue mode", "failed_entering_rescue_mode"},
	StatusExitingRescueMode:    {"Exiting rescue mode", "exiting_rescue_mode"},
	StatusFailedExitingRescue:  {"Failed to exit rescue mode", "failed_exiting_rescue_mode"},
	StatusTesting:              {"Testing", "testing"},
	StatusFailedTesting:        {"Failed testing", "failed_testing"},
}

// String is the status_name MAAS shows.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return "Unknown"
	}
	return statusNames[s].shown
}

// statusByFilter maps MAAS's filter names.
func statusByFilter(name string) (Status, bool) {
	for i, n := range statusNames {
		if n.filter == name {
			return Status(i), true
		}
	}
	return 0, false
}
