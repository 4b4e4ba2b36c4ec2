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

package pdb

import (
	"encoding/json"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
)

func budget(name string, status map[string]any) client.Object {
	o := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	o.SetGroupVersionKind(kind)
	o.SetNamespace("storage")
	o.SetName(name)
	o.SetGeneration(2)
	o.SetLabels(map[string]string{"app": name})
	return o
}

func status(expected, healthy, desired, allowed int64) map[string]any {
	return map[string]any{
		"observedGeneration": int64(2), "expectedPods": expected, "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed,
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	const yes, no, unknown = storagehealth.Yes, storagehealth.No, storagehealth.Unknown
	stale := status(3, 3, 2, 1)
	stale["observedGeneration"] = int64(1)
	tests := map[string]struct {
		budgets          []client.Object
		selector         string
		whole, available storagehealth.Answer
	}{
		"none":                               {nil, "", unknown, unknown},
		"all is well":                        {[]client.Object{budget("a", status(3, 3, 2, 1)), budget("b", status(2, 2, 1, 1))}, "", yes, yes},
		"one pod is missing":                 {[]client.Object{budget("a", status(3, 2, 1, 1))}, "", no, yes},
		"fewer than asked for":               {[]client.Object{budget("a", status(3, 1, 2, 0))}, "", no, no},
		"an operator blocks":                 {[]client.Object{budget("a", status(3, 3, 3, 0))}, "", no, yes},
		"one of two is bad":                  {[]client.Object{budget("a", status(3, 3, 2, 1)), budget("b", status(2, 1, 2, 0))}, "", no, no},
		"the bad one is not selected":        {[]client.Object{budget("a", status(3, 3, 2, 1)), budget("b", status(2, 1, 2, 0))}, "app=a", yes, yes},
		"nothing is selected":                {[]client.Object{budget("a", status(3, 3, 2, 1))}, "app=c", unknown, unknown},
		"the status is of an older spec":     {[]client.Object{budget("a", stale)}, "", unknown, unknown},
		"it has no status":                   {[]client.Object{budget("a", nil)}, "", unknown, unknown},
		"it selects no pod":                  {[]client.Object{budget("a", status(0, 0, 0, 0))}, "", unknown, unknown},
		"one well, one of an older spec too": {[]client.Object{budget("a", status(3, 3, 2, 1)), budget("b", stale)}, "", unknown, unknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			selector, err := labels.Parse(tt.selector)
			if err != nil {
				t.Fatal(err)
			}
			cluster := workloadtest.New(t, &workloadtest.Services{}, tt.budgets...)
			prober, err := New(cluster, Options{Namespace: "storage", Selector: selector}, clocktesting.NewFakePassiveClock(time.Unix(1e9, 0)))
			if err != nil {
				t.Fatal(err)
			}
			report, err := prober.Probe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if report.Whole != tt.whole || report.Available != tt.available || (tt.whole != yes && report.Detail == "") {
				t.Errorf("whole %s, available %s (%s); expected %s and %s, and why", report.Whole, report.Available, report.Detail, tt.whole, tt.available)
			}
		})
	}
	if _, err := New(nil, Options{}, nil); err == nil {
		t.Error("no namespace is taken")
	}
}

func TestMissingNumber(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed"} {
		incomplete := status(3, 3, 2, 1)
		delete(incomplete, field)
		whole, available, detail := judge(budget("a", incomplete).(*unstructured.Unstructured))
		if whole != storagehealth.Unknown || available != storagehealth.Unknown || detail == "" {
			t.Errorf("without %s: whole %s, available %s (%s); expected Unknown and why", field, whole, available, detail)
		}
	}
}

func FuzzJudge(f *testing.F) {
	f.Add([]byte(`{"metadata":{"generation":2},"status":{"observedGeneration":2,"expectedPods":3,"currentHealthy":3,"desiredHealthy":2,"disruptionsAllowed":1}}`))
	f.Add([]byte(`{"status":"well"}`))
	f.Add([]byte(`{"status":{"expectedPods":1,"currentHealthy":1,"desiredHealthy":2,"disruptionsAllowed":1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o := &unstructured.Unstructured{}
		if json.Unmarshal(text, &o.Object) != nil || o.Object == nil {
			return
		}
		whole, available, detail := judge(o)
		if whole == storagehealth.Yes && available != storagehealth.Yes {
			t.Errorf("whole and not available: %s", text)
		}
		if whole != storagehealth.Yes && detail == "" {
			t.Errorf("not whole, and not why: %s", text)
		}
	})
}
