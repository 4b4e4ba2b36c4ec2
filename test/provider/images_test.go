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
	"strings"
	"sync/atomic"
	"testing"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// withImage makes a machine of a Kubernetes version with an image.
func (w *world) withImage(name, version string, image infrav1.Image) {
	w.Helper()
	w.machineOf(name, func(m *infrav1.MaasMachine, machine *clusterv1.Machine) {
		m.Spec.Image, machine.Spec.Version = image, version
	})
}

// TestImageByVersion: while MAAS lacks the image of the version no server is taken; the condition names it and what is near; and it goes on by itself
// once the image is there.
func TestImageByVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.sim().AddImage(w.ns + "-1283")
	w.withImage("m", "v1.28.4", infrav1.Image{Name: "custom/" + w.ns + "-{major}{minor}{patch}"})
	w.awaitReason("m", infrav1.ImageNotFoundReason)
	w.await("the condition to name the image and what is near", func() (bool, string) {
		_, seen := w.condition(w.maasMachine("m"), infrav1.HostLeasedCondition, "")
		// The list may be half a minute older than the image that is near.
		return strings.Contains(seen, "no image custom/"+w.ns+"-1284") && strings.Contains(seen, "custom/"+w.ns+"-1283"), seen
	})
	w.meanwhile()
	if hosts := w.hosts(); len(hosts) > 0 || w.writes() > 0 {
		t.Errorf("want no server taken while the image is missing, got %d leases and %d calls", len(hosts), w.writes())
	}
	w.sim().AddImage(w.ns + "-1284")
	w.awaitProvisioned("m")
	if host := w.lease(); host.Spec.Image.Name != "custom/"+w.ns+"-1284" {
		t.Errorf("want the lease to name the image of the version, got %q", host.Spec.Image.Name)
	}
	if v := w.view(w.ids[0]); v.Distro != w.ns+"-1284" {
		t.Errorf("want the image of the version installed, got %q", v.Distro)
	}
}

// TestImageUnresolved: without a version, or with a kernel that MAAS does not have, no server is taken either.
func TestImageUnresolved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.withImage("versionless", "", infrav1.Image{Name: "custom/k-{version}"})
	w.withImage("kernel", "v1.28.4", infrav1.Image{Name: "ubuntu/jammy", Kernel: "hwe-24.04"})
	w.awaitReason("versionless", infrav1.ImageUnresolvedReason)
	w.awaitReason("kernel", infrav1.ImageNotFoundReason)
	if _, seen := w.condition(w.maasMachine("kernel"), infrav1.HostLeasedCondition, ""); !strings.Contains(seen, "without kernel hwe-24.04; it has ga-22.04") {
		t.Errorf("want the condition to say which kernels there are, got %s", seen)
	}
	w.meanwhile()
	if hosts := w.hosts(); len(hosts) > 0 || w.writes() > 0 {
		t.Errorf("want no server taken, got %d leases and %d calls", len(hosts), w.writes())
	}
	w.deleteMachine("versionless", "kernel")
	w.awaitGone("versionless", "kernel")
}

// TestManyMachinesReadImagesSeldom: what MAAS has is read for all machines together.
func TestManyMachinesReadImagesSeldom(t *testing.T) {
	t.Parallel()
	var reads atomic.Int32
	w := ownWorld(t, 10)
	t.Cleanup(w.sim().Intercept(func(c *maassim.Call, p maassim.Phase) maassim.Action {
		if p == maassim.Before && c.Name == "boot-resources.list" && c.User == w.user {
			reads.Add(1)
		}
		return maassim.Pass()
	}))
	w.bringUpMany(10)
	if got := reads.Load(); got == 0 || got > 2 {
		t.Errorf("want the images read once or twice for 10 machines, got %d times", got)
	}
}
