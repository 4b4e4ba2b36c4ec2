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
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestAPIServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	started := time.Now()
	s, err := StartAPIServer(t.Context(), APIServerConfig{ControllerManager: true, CRDs: []string{Repository() + "/config/crd/bases"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %s", time.Since(started).Round(time.Millisecond))
	c, err := client.New(s.AdminConfig(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Processes() {
		rss, err := p.RSS()
		if err != nil {
			t.Error(err)
		}
		t.Logf("%s: %d MB", p.Name(), rss>>20)
	}
	s.Stop()
	for _, p := range s.Processes() {
		if p.Running() {
			t.Errorf("%s still runs", p.Name())
		}
	}
}
