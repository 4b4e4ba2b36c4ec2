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

package cel

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
)

func TestNewNamesTheField(t *testing.T) {
	t.Parallel()
	good := Options{APIVersion: "piraeus.io/v1", Kind: "LinstorSatellite", Whole: "true"}
	tests := map[string]struct {
		change func(*Options)
		want   string
	}{
		"a good one":             {func(*Options) {}, ""},
		"a syntax error":         {func(o *Options) { o.Whole = "object.status ==" }, "whole: "},
		"an unknown variable":    {func(o *Options) { o.Whole = "self.status.ok" }, "whole: "},
		"a text":                 {func(o *Options) { o.Whole = "'yes'" }, "whole: "},
		"a number for available": {func(o *Options) { o.Available = "1 + 1" }, "available: "},
		"no expression":          {func(o *Options) { o.Whole = "" }, "whole: "},
		"too many slashes":       {func(o *Options) { o.APIVersion = "a/b/c" }, "apiVersion: "},
		"no version":             {func(o *Options) { o.APIVersion = "" }, "apiVersion: "},
		"no kind":                {func(o *Options) { o.Kind = "" }, "kind: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := good
			tt.change(&options)
			_, err := New(nil, options, nil)
			if (tt.want == "") != (err == nil) || (err != nil && !strings.HasPrefix(err.Error(), tt.want)) {
				t.Errorf("error %v, expected one that begins with %q", err, tt.want)
			}
		})
	}
}

func satellite(name string, status map[string]any) client.Object {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "piraeus.io/v1", "kind": "LinstorSatellite", "status": status}}
	o.SetName(name)
	o.SetNamespace("piraeus")
	return o
}

func TestProbe(t *testing.T) {
	t.Parallel()
	const yes, no, unknown = storagehealth.Yes, storagehealth.No, storagehealth.Unknown
	ready := map[string]any{"conditions": []any{map[string]any{"type": "Available", "status": "True"}}}
	waiting := map[string]any{"conditions": []any{map[string]any{"type": "Available", "status": "False"}}}
	const expression = "object.status.conditions.exists(c, c.type == 'Available' && c.status == 'True')"
	// Three nested comprehensions over a long list cost more than the limit.
	long := map[string]any{"list": make([]any, 2000)}
	for i := range long["list"].([]any) {
		long["list"].([]any)[i] = int64(i)
	}
	tests := map[string]struct {
		objects                 []client.Object
		whole, available, named string
		want, wantAvailable     storagehealth.Answer
	}{
		"none":                            {nil, expression, "", "", unknown, unknown},
		"all":                             {[]client.Object{satellite("a", ready), satellite("b", ready)}, expression, "", "", yes, yes},
		"one is not":                      {[]client.Object{satellite("a", ready), satellite("b", waiting)}, expression, "", "", no, unknown},
		"one is not, and all can be read": {[]client.Object{satellite("a", waiting)}, expression, "true", "", no, yes},
		"one says nothing":                {[]client.Object{satellite("a", ready), satellite("b", nil)}, expression, "", "", unknown, unknown},
		"the one that is meant":           {[]client.Object{satellite("a", ready), satellite("b", waiting)}, expression, "", "a", yes, yes},
		"the one that is meant is gone":   {[]client.Object{satellite("a", ready)}, expression, "", "c", unknown, unknown},
		"neither true nor false":          {[]client.Object{satellite("a", ready)}, "object.metadata.name", "", "", unknown, unknown},
		"too costly": {
			[]client.Object{satellite("a", long)}, "object.status.list.all(x, object.status.list.all(y, object.status.list.all(z, x + y + z >= 0)))", "", "",
			unknown, unknown,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := Options{
				APIVersion: "piraeus.io/v1", Kind: "LinstorSatellite", Namespace: "piraeus", Name: tt.named, Whole: tt.whole, Available: tt.available,
			}
			objects := tt.objects
			if len(objects) == 0 {
				other := satellite("elsewhere", ready)
				other.SetNamespace("other")
				objects = append(objects, other)
			}
			prober, err := New(workloadtest.New(t, &workloadtest.Services{}, objects...), options, clocktesting.NewFakePassiveClock(time.Unix(1e9, 0)))
			if err != nil {
				t.Fatal(err)
			}
			report, err := prober.Probe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if report.Whole != tt.want || report.Available != tt.wantAvailable || (tt.want != yes && report.Detail == "") {
				t.Errorf("whole %s, available %s (%s); expected %s and %s, and why", report.Whole, report.Available, report.Detail, tt.want, tt.wantAvailable)
			}
		})
	}
}

// FuzzEvaluate gives the expression of an operator any object: only one that says what is asked for is whole.
func FuzzEvaluate(f *testing.F) {
	program, err := compile("object.status.health == 'HEALTH_OK' && object.status.copies.all(c, c == 'clean')")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"status":{"health":"HEALTH_OK","copies":["clean"]}}`))
	f.Add([]byte(`{"status":{"copies":{"a":1}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o := &unstructured.Unstructured{}
		if json.Unmarshal(text, &o.Object) != nil || o.Object == nil {
			return
		}
		answer, detail := evaluate(t.Context(), program, "whole", o)
		health, _, _ := unstructured.NestedString(o.Object, "status", "health")
		if answer == storagehealth.Yes && health != "HEALTH_OK" {
			t.Errorf("whole by %s", text)
		}
		if answer != storagehealth.Yes && detail == "" {
			t.Errorf("%s, and not why: %s", answer, text)
		}
	})
}

// FuzzCompile gives the compiler anything: it refuses, and does not fall over.
func FuzzCompile(f *testing.F) {
	f.Add("object.status.?health.orValue('') == 'HEALTH_OK'")
	f.Add("[[[[")
	f.Fuzz(func(_ *testing.T, expression string) {
		if len(expression) <= 2048 {
			_, _ = compile(expression)
		}
	})
}
