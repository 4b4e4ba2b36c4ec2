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
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"reflect"
	"testing"

	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
	"github.com/capmaas/cluster-api-provider-maas/test/pxsim"
)

// TestDataDisks: who a node of Portworx is stands on its server's data disks, and goes when an installation wipes them.
func TestDataDisks(t *testing.T) {
	maas := maassim.New(maassim.Config{Speed: 1000})
	defer maas.Close()
	id := maas.AddRack(maassim.RackSpec{Hosts: 1, DataDisks: 2})[0]
	disks := dataDisks{maas: maas, log: slog.New(slog.DiscardHandler)}
	if got, ok := disks.Load("node01"); ok {
		t.Errorf("a new server is %+v to Portworx, want it blank", got)
	}
	identity := pxsim.Identity{ID: "id", Pools: []string{"pool"}}
	disks.Store("node01", identity)
	if got, ok := disks.Load("node01"); !ok || !reflect.DeepEqual(got, identity) {
		t.Errorf("read %+v, %t, want %+v", got, ok, identity)
	}
	if err := maas.Operator().DeployAs("someone", id, base64.StdEncoding.EncodeToString([]byte("#cloud-config\n"))); err != nil {
		t.Fatal(err)
	}
	err := WaitFor(t.Context(), "the server to be deployed", patience, func(context.Context) error {
		if view, _ := maas.Machine(id); view.Status != maassim.StatusDeployed {
			return fmt.Errorf("it is %s", view.StatusName)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := disks.Load("node01"); ok {
		t.Errorf("MAAS has wiped the disks, and Portworx still knows the server as %+v", got)
	}
}
