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

package provider

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// Where time is judged, API server and provider come first, and the others on the same two cores give way: in production Cluster API's
// managers, MAAS, 200 servers that are being installed and whoever asks for them have computers of their own. An API server that they leave no
// CPU is not the provider's fault, and the provider cannot mend it.
const (
	coreNiceness = 15
	testNiceness = 10
)

// coreArgs lets Cluster API ask no more of the API server at the same time than two cores answer: each of its requests takes two calls of
// webhooks, and each change of a MaasMachine several requests.
func coreArgs() []string {
	if !*costTiming {
		return nil
	}
	return []string{"--machine-concurrency=2"}
}

func coreNice() map[string]int {
	if !*costTiming {
		return nil
	}
	return map[string]int{lab.ClusterAPI: coreNiceness}
}

// giveWay does the same to this process, which has the simulated MAAS in it, once the lab has started what would inherit it.
func giveWay() error {
	if !*costTiming {
		return nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("finding the own threads: %w", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return fmt.Errorf("finding the own threads: %w", err)
		}
		// A thread may have ended meanwhile.
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, testNiceness); err != nil && err != unix.ESRCH {
			return fmt.Errorf("giving way: %w", err)
		}
	}
	return nil
}
