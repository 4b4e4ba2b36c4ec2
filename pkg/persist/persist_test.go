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

package persist

import (
	"context"
	"errors"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// store is an API server with one MaasMachine, which notes what is written. Controller-runtime's fake holds to what matters here: merge
// patches, the status as a subresource, conflicts, and that an object goes with its last finalizer. What a real API server adds is
// proved in test/provider.
type store struct {
	*testing.T
	client.Client
	writes []string
	// fail, if set, is asked before each write.
	fail func(write string) error
}

func newStore(t *testing.T, change func(*infrav1.MaasMachine)) (*store, *infrav1.MaasMachine) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clusterv1.AddToScheme, infrav1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	m := &infrav1.MaasMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m", UID: "u", Finalizers: []string{"others"}}}
	conditions.Set(m, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: "Waiting"})
	if change != nil {
		change(m)
	}
	s := &store{T: t}
	write := func(name string, send func() error) error {
		s.writes = append(s.writes, name)
		if s.fail != nil {
			if err := s.fail(name); err != nil {
				return err
			}
		}
		return send()
	}
	s.Client = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(m).WithObjects(m).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
			return write("main", func() error { return c.Patch(ctx, o, patch, options...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, name string, o client.Object, patch client.Patch,
			options ...client.SubResourcePatchOption) error {
			return write(name, func() error { return c.SubResource(name).Patch(ctx, o, patch, options...) })
		},
	}).Build()
	return s, s.read()
}

// read returns the object as it is, nil when it is gone.
func (s *store) read() *infrav1.MaasMachine {
	s.Helper()
	m := &infrav1.MaasMachine{}
	err := s.Get(s.Context(), client.ObjectKey{Namespace: "ns", Name: "m"}, m)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		s.Fatal(err)
	}
	return m
}

func (s *store) wantWrites(want ...string) {
	s.Helper()
	if !slices.Equal(s.writes, want) {
		s.Errorf("want the writes %q, got %q", want, s.writes)
	}
}

func ready(m *infrav1.MaasMachine) func() {
	return func() {
		conditions.Set(m, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.ReadyReason})
	}
}

func TestFinishWritesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*infrav1.MaasMachine)
		status func(*infrav1.MaasMachine)
		want   []string
	}{
		"nothing": {},
		"conditions and the rest of the status at once": {
			status: func(m *infrav1.MaasMachine) {
				ready(m)()
				m.Status.Hostname = "node-1"
			},
			want: []string{"status"},
		},
		"spec": {
			change: func(m *infrav1.MaasMachine) { m.Spec.ProviderID = "maas:///abc" },
			want:   []string{"main"},
		},
		"metadata before status": {
			change: func(m *infrav1.MaasMachine) { m.Finalizers = append(m.Finalizers, "ours") },
			status: func(m *infrav1.MaasMachine) { ready(m)() },
			want:   []string{"main", "status"},
		},
		"the same said again": {
			status: func(m *infrav1.MaasMachine) {
				conditions.Set(m, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionFalse, Reason: "Waiting"})
				m.Status.Addresses = []clusterv1.MachineAddress{}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := newStore(t, nil)
			p := NewPatcher(s, &Versions{}, m)
			if test.change != nil {
				test.change(m)
			}
			want := ctrl.Result{RequeueAfter: 7}
			result, err := p.Finish(t.Context(), func() {
				if test.status != nil {
					test.status(m)
				}
			}, want, nil)
			if err != nil || result != want {
				t.Fatalf("want what the reconcile returned, got %v, %v", result, err)
			}
			s.wantWrites(test.want...)
			got := s.read()
			if got.Spec.ProviderID != m.Spec.ProviderID || got.Status.Hostname != m.Status.Hostname ||
				conditions.Get(got, infrav1.ReadyCondition).Reason != conditions.Get(m, infrav1.ReadyCondition).Reason ||
				!slices.Equal(got.Finalizers, m.Finalizers) {
				t.Errorf("want stored what the reconcile left, %+v; got %+v", m, got)
			}
			if got.ResourceVersion != m.ResourceVersion {
				t.Errorf("want the object to know its version %s, got %s", got.ResourceVersion, m.ResourceVersion)
			}
		})
	}
}

func TestFinishLeavesStatusWhereSpecFailed(t *testing.T) {
	t.Parallel()
	s, m := newStore(t, nil)
	s.fail = func(string) error { return errors.New("no") }
	p := NewPatcher(s, &Versions{}, m)
	m.Spec.ProviderID = "maas:///abc"
	reconcileError := errors.New("of the reconcile")
	_, err := p.Finish(t.Context(), func() { t.Error("want no status computed from a spec that is not written") }, ctrl.Result{}, reconcileError)
	if err == nil || !errors.Is(err, reconcileError) {
		t.Errorf("want both errors, got %v", err)
	}
	s.wantWrites("main")
}

// Somebody else's write in between must neither be undone nor be an error.
func TestFinishRepeatsAfterConflict(t *testing.T) {
	t.Parallel()
	nothing := func(*infrav1.MaasMachine) {}
	for name, test := range map[string]struct{ main, status func(*infrav1.MaasMachine) }{
		"status": {main: nothing, status: func(m *infrav1.MaasMachine) { m.Status.Hostname = "node-1" }},
		"main":   {main: func(m *infrav1.MaasMachine) { m.Finalizers = append(m.Finalizers, "ours") }, status: nothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := newStore(t, nil)
			p := NewPatcher(s, &Versions{}, m)
			theirs := s.read()
			theirs.Finalizers = append(theirs.Finalizers, "theirs")
			if err := s.Update(t.Context(), theirs); err != nil {
				t.Fatal(err)
			}
			test.main(m)
			result, err := p.Finish(t.Context(), func() { test.status(m) }, ctrl.Result{}, nil)
			if err != nil || result.RequeueAfter != conflictRetry {
				t.Errorf("want the reconcile repeated, got %v, %v", result, err)
			}
			got := s.read()
			if !slices.Contains(got.Finalizers, "theirs") || slices.Contains(got.Finalizers, "ours") || got.Status.Hostname != "" {
				t.Errorf("want only the other's write, got %+v", got)
			}
		})
	}
}

func TestFinishWithGoneObject(t *testing.T) {
	t.Parallel()
	s, m := newStore(t, func(m *infrav1.MaasMachine) { m.Finalizers = []string{infrav1.MachineFinalizer} })
	if err := s.Delete(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	versions := &Versions{}
	stale := s.read()
	m = s.read()
	p := NewPatcher(s, versions, m)
	m.Finalizers = nil
	if _, err := p.Finish(t.Context(), ready(m), ctrl.Result{}, nil); err != nil {
		t.Errorf("want no error with the last finalizer, got %v", err)
	}
	s.wantWrites("main")
	if s.read() != nil {
		t.Fatal("want the object gone with its last finalizer")
	}
	if len(versions.written) != 0 {
		t.Errorf("want nothing remembered of an object that is gone, got %v", versions.written)
	}
	p = NewPatcher(s, versions, stale)
	if result, err := p.Finish(t.Context(), ready(stale), ctrl.Result{}, nil); err != nil || result != (ctrl.Result{}) {
		t.Errorf("want no error and no repetition for an object that only the cache has, got %v, %v", result, err)
	}
}

func TestEnsureFinalizer(t *testing.T) {
	t.Parallel()
	s, m := newStore(t, nil)
	p := NewPatcher(s, &Versions{}, m)
	for range 2 {
		if err := p.EnsureFinalizer(t.Context(), infrav1.MachineFinalizer); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(s.read().Finalizers, infrav1.MachineFinalizer) {
			t.Fatal("want the finalizer stored before anything else is done")
		}
	}
	if _, err := p.Finish(t.Context(), ready(m), ctrl.Result{}, nil); err != nil {
		t.Fatal(err)
	}
	s.wantWrites("main", "status")
	if err := s.Delete(t.Context(), s.read()); err != nil {
		t.Fatal(err)
	}
	m = s.read()
	m.Finalizers = []string{"others"}
	if err := NewPatcher(s, &Versions{}, m).EnsureFinalizer(t.Context(), infrav1.MachineFinalizer); err != nil {
		t.Fatal(err)
	}
	s.wantWrites("main", "status")
}

func TestVersionsKnowOwnWrites(t *testing.T) {
	t.Parallel()
	s, m := newStore(t, nil)
	versions := &Versions{}
	read := s.read()
	p := NewPatcher(s, versions, m)
	if _, err := p.Finish(t.Context(), ready(m), ctrl.Result{}, nil); err != nil {
		t.Fatal(err)
	}
	own := s.read()
	own.Labels = map[string]string{"by": "somebody else"}
	if err := s.Update(t.Context(), own.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	theirs := s.read()
	own.ResourceVersion = m.ResourceVersion

	wakes := versions.Predicate()
	if wakes.Update(event.UpdateEvent{ObjectOld: read, ObjectNew: own}) {
		t.Error("want the own write dropped")
	}
	if !wakes.Update(event.UpdateEvent{ObjectOld: own, ObjectNew: own}) {
		t.Error("want a resync to pass")
	}
	if !wakes.Update(event.UpdateEvent{ObjectOld: own, ObjectNew: theirs}) || !wakes.Update(event.UpdateEvent{ObjectOld: read, ObjectNew: theirs}) {
		t.Error("want the write of somebody else to pass, with ours in between or not")
	}
	if !wakes.Create(event.CreateEvent{Object: own}) {
		t.Error("want creation to pass")
	}
	if !versions.Behind(read) || versions.Behind(own) || versions.Behind(theirs) {
		t.Error("want only what is older than the own write to be behind it")
	}
	if !wakes.Delete(event.DeleteEvent{Object: own}) || versions.Behind(read) {
		t.Error("want the deletion to pass, and nothing to be remembered after it")
	}
}

// seen is an update to a version.
func seen(version string) event.UpdateEvent {
	return event.UpdateEvent{ObjectOld: atVersion("0"), ObjectNew: atVersion(version)}
}

func atVersion(version string) *infrav1.MaasMachine {
	return &infrav1.MaasMachine{ObjectMeta: metav1.ObjectMeta{UID: "u", Name: "m", ResourceVersion: version}}
}

// TestVersionsWake plays what reconciles, watch and cache do in turn, and tells at which versions the controller is woken.
func TestVersionsWake(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		play func(v *Versions, shows func(version string, wakes bool))
	}{
		"the watch is slower than the answers": {func(v *Versions, shows func(string, bool)) {
			v.begin(atVersion("10"))
			v.note(atVersion("10"), atVersion("11"))
			v.begin(atVersion("11"))
			v.note(atVersion("11"), atVersion("15"))
			shows("11", false)
			shows("15", false)
			shows("16", true)
		}},
		"the watch is faster than the answer": {func(v *Versions, shows func(string, bool)) {
			v.begin(atVersion("10"))
			shows("11", false)
			shows("12", true) // somebody wrote right after
			if !v.note(atVersion("10"), atVersion("11")) {
				t.Error("want the version taken for the own one to be it")
			}
		}},
		"a write meets another": {func(v *Versions, shows func(string, bool)) {
			v.begin(atVersion("10"))
			shows("11", false) // the other's; its reconcile is repeated
			shows("12", true)
			v.fail(atVersion("10"), true)
			if !v.Behind(atVersion("10")) || v.Behind(atVersion("11")) {
				t.Error("want only the version behind that met the conflict")
			}
			shows("13", true)
		}},
		"a write fails": {func(v *Versions, shows func(string, bool)) {
			v.begin(atVersion("10"))
			v.fail(atVersion("10"), false)
			if v.Behind(atVersion("10")) {
				t.Error("want the reconcile repeated with the version that there is")
			}
			shows("11", true)
		}},
		"a write that changes nothing": {func(v *Versions, shows func(string, bool)) {
			v.begin(atVersion("10"))
			shows("11", false)
			if v.note(atVersion("10"), atVersion("10")) {
				t.Error("want it noticed that the other's version was taken for the own one")
			}
			shows("12", true)
		}},
		"a reconcile finds the cache behind": {func(v *Versions, shows func(string, bool)) {
			v.begin(atVersion("10"))
			v.note(atVersion("10"), atVersion("11"))
			v.begin(atVersion("11"))
			v.note(atVersion("11"), atVersion("12"))
			if !v.Behind(atVersion("10")) || !v.Behind(atVersion("11")) || v.Behind(atVersion("12")) {
				t.Error("want all behind that is older than the last own write")
			}
			shows("11", false)
			shows("12", true)
		}},
		"somebody writes between own writes": {func(v *Versions, shows func(string, bool)) {
			v.begin(atVersion("10"))
			v.note(atVersion("10"), atVersion("11"))
			v.begin(atVersion("12"))
			v.note(atVersion("12"), atVersion("13"))
			shows("12", true)
			shows("13", false)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &Versions{}
			predicate := v.Predicate()
			test.play(v, func(version string, wakes bool) {
				t.Helper()
				if got := predicate.Update(seen(version)); got != wakes {
					t.Errorf("version %s: want the controller woken %t, got %t", version, wakes, got)
				}
			})
		})
	}
}

// After a restore of etcd versions start from a lower number.
func TestBehindEnds(t *testing.T) {
	t.Parallel()
	versions := &Versions{}
	o := &infrav1.MaasMachine{ObjectMeta: metav1.ObjectMeta{UID: "u", ResourceVersion: "1000"}}
	versions.begin(o)
	versions.note(o, o)
	o.ResourceVersion = "7"
	for range maxWaits {
		if !versions.Behind(o) {
			t.Fatal("want the older version waited with")
		}
	}
	if versions.Behind(o) {
		t.Errorf("want the cache believed after %d times", maxWaits)
	}
}

func TestStopIfPaused(t *testing.T) {
	t.Parallel()
	was := func(status metav1.ConditionStatus, reason string) func(*infrav1.MaasMachine) {
		return func(m *infrav1.MaasMachine) {
			conditions.Set(m, metav1.Condition{Type: clusterv1.PausedCondition, Status: status, Reason: reason})
		}
	}
	running, stopped := was(metav1.ConditionFalse, clusterv1.NotPausedReason), was(metav1.ConditionTrue, clusterv1.PausedReason)
	annotated := func(m *infrav1.MaasMachine) { m.Annotations = map[string]string{clusterv1.PausedAnnotation: ""} }
	for name, test := range map[string]struct {
		object  func(*infrav1.MaasMachine)
		cluster *clusterv1.Cluster
		stop    bool
		writes  []string
		want    metav1.ConditionStatus
	}{
		"never paused":                    {cluster: &clusterv1.Cluster{}, want: metav1.ConditionFalse},
		"never paused, without a cluster": {want: metav1.ConditionFalse},
		"still running":                   {object: running, want: metav1.ConditionFalse},
		"paused by annotation":            {object: annotated, stop: true, writes: []string{"status"}, want: metav1.ConditionTrue},
		"paused with its cluster": {object: running, cluster: &clusterv1.Cluster{Spec: clusterv1.ClusterSpec{Paused: ptr.To(true)}},
			stop: true, writes: []string{"status"}, want: metav1.ConditionTrue},
		"no longer paused": {object: stopped, stop: true, writes: []string{"status"}, want: metav1.ConditionFalse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := newStore(t, test.object)
			stop, err := StopIfPaused(t.Context(), s, test.cluster, m)
			if err != nil || stop != test.stop {
				t.Fatalf("want stop %t, got %t, %v", test.stop, stop, err)
			}
			s.wantWrites(test.writes...)
			if c := conditions.Get(m, clusterv1.PausedCondition); c == nil || c.Status != test.want {
				t.Errorf("want Paused %s, got %+v", test.want, c)
			}
			if len(test.writes) > 0 {
				m = s.read()
				if c := conditions.Get(m, clusterv1.PausedCondition); c == nil || c.Status != test.want {
					t.Errorf("want Paused %s written, got %+v", test.want, c)
				}
			}
		})
	}
}
