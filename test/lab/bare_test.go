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
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const bareObjects = `
apiVersion: v1
kind: Secret
metadata: {name: user-data, namespace: bare}
type: cluster.x-k8s.io/secret
stringData: {value: "#cloud-config\n"}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: bare, namespace: bare}
spec:
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: MaasCluster, name: bare}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: MaasCluster
metadata: {name: bare, namespace: bare}
spec:
  controlPlaneEndpoint: {host: 172.16.3.9, port: 6443}
  endpoint: {type: VIP}
  credentialsRef: {name: maas-credentials}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: MaasMachine
metadata: {name: bare-0, namespace: bare}
spec:
  selector: {zones: [az1]}
  image: {name: ubuntu/jammy}
---
apiVersion: cluster.x-k8s.io/v1beta2
kind: Machine
metadata: {name: bare-0, namespace: bare}
spec:
  clusterName: bare
  bootstrap: {dataSecretName: user-data}
  infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: MaasMachine, name: bare-0}
`

// TestBareMachine shows the small lab: no kubeadm, servers that do nothing with
// the user data a Machine brings along.
func TestBareMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	ctx := t.Context()
	l, err := Start(ctx, Config{Artifacts: artifacts(t), Providers: BareProviders(), MAAS: MAASConfig{Hollow: true}, Logger: testLogger()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	if _, err := l.AddRack(0, 1); err != nil {
		t.Fatal(err)
	}
	objects, err := ParseObjects([]byte(bareObjects))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Apply(ctx, "bare", objects); err != nil {
		t.Fatal(err)
	}
	machine := objects[len(objects)-1]
	started := time.Now()
	err = WaitFor(ctx, "the Machine to be provisioned", patience, func(ctx context.Context) error {
		if err := l.Client().Get(ctx, client.ObjectKeyFromObject(machine), machine); err != nil {
			return err
		}
		if phase, _, _ := unstructured.NestedString(machine.Object, "status", "phase"); phase != "Provisioned" {
			return fmt.Errorf("phase %s: %s", phase, conditionsOf(machine))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("provisioned after %s", time.Since(started).Round(time.Millisecond))
	if host, _ := l.MAAS().MachineByHostname("worker-1"); string(host.UserData) != "#cloud-config\n" {
		t.Errorf("user data %q", host.UserData)
	}
	logMemory(t, l)
}
