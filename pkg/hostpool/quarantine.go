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

package hostpool

import "time"

// Bounds of the wait of a server whose installations fail.
const (
	firstQuarantine   = 10 * time.Minute
	longestQuarantine = 24 * time.Hour
)

// QuarantineWait is how long a server is given to nobody after so many failed installations in a row: not at all after one, which may have
// been bad luck, ten minutes after the second, and from there twice as long each time up to a day.
func QuarantineWait(failedDeploys int) time.Duration {
	if failedDeploys < 2 {
		return 0
	}
	wait := firstQuarantine
	for range failedDeploys - 2 {
		if wait *= 2; wait >= longestQuarantine {
			return longestQuarantine
		}
	}
	return wait
}
