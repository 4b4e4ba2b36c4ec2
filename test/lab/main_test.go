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

package lab

import (
	"os"
	"testing"
	"time"
)

// patience is how long is waited for what comes within seconds, or a minute where much has to be installed, on a computer that has nothing else to do.
const patience = 5 * time.Minute

func TestMain(m *testing.M) {
	Enter()
	os.Exit(m.Run())
}
