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

package succession_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/hostpool"
	"github.com/capmaas/cluster-api-provider-maas/pkg/succession"
)

var (
	deployment = infrav1.HostReservationOwner{Kind: "MachineDeployment", Name: "md"}
	set        = infrav1.HostReservationOwner{Kind: "MachineSet", Name: "ms"}
	planes     = infrav1.HostReservationOwner{Kind: "KubeadmControlPlane", Name: "cp"}
)

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "ns", Name: name} }

// going is an object that is being deleted; the API server keeps it for its finalizer.
func going(o client.Object) client.Object {
	o.SetDeletionTimestamp(ptr.To(metav1.NewTime(time.Unix(1, 0))))
	o.SetFinalizers([]string{"test/held"})
	return o
}

func cluster(change ...func(*clusterv1.Cluster)) *clusterv1.Cluster {
	c := &clusterv1.Cluster{ObjectMeta: meta("c")}
	c.Spec.ControlPlaneRef.Name = "cp"
	c.Status.ControlPlane = &clusterv1.ClusterControlPlaneStatus{DesiredReplicas: ptr.To[int32](3)}
	for _, f := range change {
		f(c)
	}
	return c
}

func machineDeployment(replicas *int32) *clusterv1.MachineDeployment {
	return &clusterv1.MachineDeployment{ObjectMeta: meta("md"), Spec: clusterv1.MachineDeploymentSpec{Replicas: replicas}}
}

func machineSet(replicas *int32) *clusterv1.MachineSet {
	return &clusterv1.MachineSet{ObjectMeta: meta("ms"), Spec: clusterv1.MachineSetSpec{Replicas: replicas}}
}

// machine of the MachineDeployment, with a MaasMachine of its name.
func machine(name string) *clusterv1.Machine {
	m := &clusterv1.Machine{ObjectMeta: meta(name)}
	m.Labels = map[string]string{clusterv1.ClusterNameLabel: "c", clusterv1.MachineDeploymentNameLabel: "md"}
	m.Spec.InfrastructureRef.Name = name
	return m
}

func lease(name, consumer string) infrav1.MaasHost {
	h := infrav1.MaasHost{ObjectMeta: meta(name)}
	h.Spec.ClusterName, h.Spec.ConsumerRef.Name = "c", consumer
	return h
}

func vacated(h infrav1.MaasHost) infrav1.MaasHost {
	h.Spec.Vacate.Purpose = infrav1.VacateFree
	return h
}

func reader(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clusterv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

// TestOf: what an owner wants is read of what makes its machines, and nothing is concluded while that cannot be known.
func TestOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		owner   infrav1.HostReservationOwner
		objects []client.Object
		leases  []infrav1.MaasHost
		want    string
	}{
		{"a MachineDeployment", deployment, []client.Object{cluster(), machineDeployment(ptr.To[int32](2))}, nil, "2 []"},
		{"of one machine, as nobody says more", deployment, []client.Object{cluster(), machineDeployment(nil)}, nil, "1 []"},
		{"that was scaled to nothing", deployment, []client.Object{cluster(), machineDeployment(ptr.To[int32](0)), machine("a")},
			[]infrav1.MaasHost{lease("h", "a")}, "0 []"},
		{"that goes", deployment, []client.Object{cluster(), going(machineDeployment(ptr.To[int32](2)))}, nil, "0 []"},
		{"that is gone", deployment, []client.Object{cluster()}, nil, "0 []"},
		{"a MachineSet", set, []client.Object{cluster(), machineSet(ptr.To[int32](4))}, nil, "4 []"},
		{"a MachineSet that goes", set, []client.Object{cluster(), going(machineSet(ptr.To[int32](4)))}, nil, "0 []"},
		{"a control plane", planes, []client.Object{cluster()}, nil, "3 []"},
		{"another control plane than the Cluster's", infrav1.HostReservationOwner{Kind: "KubeadmControlPlane", Name: "old"}, []client.Object{cluster()}, nil, "0 []"},
		{"a control plane of which the Cluster knows nothing yet", planes, []client.Object{cluster(func(c *clusterv1.Cluster) { c.Status.ControlPlane = nil })},
			nil, "unknown"},
		{"the Cluster goes", deployment, []client.Object{going(cluster()), machineDeployment(ptr.To[int32](2))}, nil, "0 []"},
		{"the Cluster is gone", deployment, []client.Object{machineDeployment(ptr.To[int32](2))}, nil, "0 []"},
		{"the Cluster is paused", deployment, []client.Object{
			cluster(func(c *clusterv1.Cluster) { c.Spec.Paused = ptr.To(true) }), machineDeployment(ptr.To[int32](2)),
		}, nil, "paused"},
		{"the Cluster is paused and goes", deployment, []client.Object{
			going(cluster(func(c *clusterv1.Cluster) { c.Spec.Paused = ptr.To(true) })), machineDeployment(ptr.To[int32](2)),
		}, nil, "paused"},
		{"machines with and without a server", deployment, []client.Object{cluster(), machineDeployment(ptr.To[int32](3)), machine("a"), machine("b")},
			[]infrav1.MaasHost{lease("h", "a")}, "3 [a]"},
		{"a machine that goes", deployment, []client.Object{cluster(), machineDeployment(ptr.To[int32](3)), going(machine("a"))},
			[]infrav1.MaasHost{lease("h", "a")}, "3 []"},
		{"a machine whose server is vacated", deployment, []client.Object{cluster(), machineDeployment(ptr.To[int32](3)), machine("a")},
			[]infrav1.MaasHost{vacated(lease("h", "a"))}, "3 []"},
		{"machines of another owner", set, []client.Object{cluster(), machineSet(ptr.To[int32](3)), machine("a")}, []infrav1.MaasHost{lease("h", "a")}, "3 []"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := reader(t, tt.objects...)
			// The cache knows the Machines, and nothing else yet.
			stale := interceptor.NewClient(c, interceptor.Funcs{Get: func(ctx context.Context, _ client.WithWatch, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
				return reader(t).Get(ctx, key, o)
			}})
			for name, cache := range map[string]client.Reader{"cache": c, "cache that is behind": stale} {
				e, err := succession.Reader{Cache: cache, Live: c}.Of(t.Context(), "ns", "c", tt.owner, tt.leases)
				if err != nil {
					t.Fatal(err)
				}
				if got := told(e); got != tt.want {
					t.Errorf("%s: want %s, got %s", name, tt.want, got)
				}
			}
		})
	}
}

func told(e succession.Expectation) string {
	switch {
	case e.Paused:
		return "paused"
	case e.Unknown:
		return "unknown"
	}
	return fmt.Sprintf("%d %v", e.Wanted, e.Served)
}

// TestOfCannotRead: what cannot be read is an error, and not taken for gone.
func TestOfCannotRead(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for _, kind := range []string{"Cluster", "MachineDeployment", "MachineList"} {
		c := interceptor.NewClient(reader(t, cluster(), machineDeployment(ptr.To[int32](2))), interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if fmt.Sprintf("%T", o) == "*v1beta2."+kind {
					return refused
				}
				return c.Get(ctx, key, o, opts...)
			},
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if kind == "MachineList" {
					return refused
				}
				return c.List(ctx, list, opts...)
			},
		})
		if e, err := (succession.Reader{Cache: c, Live: c}).Of(t.Context(), "ns", "c", deployment, nil); !errors.Is(err, refused) {
			t.Errorf("%s: want the error, got %v and %s", kind, err, told(e))
		}
	}
}

// TestNothingIsConcludedInThePause: neither is a successor expected that may be made elsewhere, nor a reservation ended.
func TestNothingIsConcludedInThePause(t *testing.T) {
	t.Parallel()
	reserved := []hostpool.Reservation{{Host: "h", Predecessor: "a"}}
	paused, unknown := succession.Expectation{Paused: true}, succession.Expectation{Unknown: true}
	if paused.Expects("b", reserved) || paused.Excess(reserved) != nil {
		t.Errorf("paused: got %t and %v", paused.Expects("b", reserved), paused.Excess(reserved))
	}
	if !unknown.Expects("b", reserved) || unknown.Excess(reserved) != nil {
		t.Errorf("unknown: want a successor expected and no reservation ended, got %t and %v", unknown.Expects("b", reserved), unknown.Excess(reserved))
	}
}

// TestOwnerOf: the MachineDeployment goes before the MachineSet, which changes in a rollout; a Machine made by hand has no owner.
func TestOwnerOf(t *testing.T) {
	t.Parallel()
	owned := func(kind, name string) *clusterv1.Machine {
		return &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: name, Controller: ptr.To(true)}}}}
	}
	ofBoth := owned("MachineSet", "md-abc")
	ofBoth.Labels = map[string]string{clusterv1.MachineDeploymentNameLabel: "md"}
	for _, tt := range []struct {
		name    string
		machine *clusterv1.Machine
		want    infrav1.HostReservationOwner
	}{
		{"of a MachineDeployment", ofBoth, deployment},
		{"of a MachineSet alone", owned("MachineSet", "ms"), set},
		{"of a control plane", owned("KubeadmControlPlane", "cp"), planes},
		{"adopted by its Cluster", owned("Cluster", "c"), infrav1.HostReservationOwner{}},
		{"of nobody", &clusterv1.Machine{}, infrav1.HostReservationOwner{}},
	} {
		if got := succession.OwnerOf(tt.machine); got != tt.want {
			t.Errorf("%s: want %+v, got %+v", tt.name, tt.want, got)
		}
	}
}
