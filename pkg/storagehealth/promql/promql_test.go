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

package promql

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload/workloadtest"
)

const now = 1_795_300_000

func vector(values ...string) string {
	var series []string
	for i, v := range values {
		series = append(series, fmt.Sprintf(`{"metric":{"pool":"%d"},"value":[%d.25,%q]}`, i, now, v))
	}
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(series, ",") + `]}}`
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const yes, no, unknown = storagehealth.Yes, storagehealth.No, storagehealth.Unknown
	tests := map[string]struct {
		status int
		text   string
		want   storagehealth.Answer // "" for an error
	}{
		"all samples are 1":       {200, vector("1", "1"), yes},
		"a scalar 1":              {200, fmt.Sprintf(`{"status":"success","data":{"resultType":"scalar","result":[%d,"1"]}}`, now), yes},
		"one sample is 0":         {200, vector("1", "0"), no},
		"one sample is 3":         {200, vector("3"), no},
		"infinity":                {200, vector("+Inf"), no},
		"no sample":               {200, vector(), unknown},
		"not a number":            {200, vector("1", "NaN"), unknown},
		"not a number, and a 0":   {200, vector("NaN", "0"), no},
		"a warning":               {200, strings.Replace(vector("1"), `{"status"`, `{"warnings":["a store is away"],"status"`, 1), unknown},
		"a range":                 {200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, ""},
		"a text":                  {200, `{"status":"success","data":{"resultType":"string","result":[1,"1"]}}`, ""},
		"a histogram":             {200, `{"status":"success","data":{"resultType":"vector","result":[{"histogram":[1,{}]}]}}`, ""},
		"an empty scalar":         {200, `{"status":"success","data":{"resultType":"scalar","result":null}}`, ""},
		"an error":                {400, `{"status":"error","errorType":"bad_data","error":"parse error"}`, ""},
		"an error with status OK": {200, `{"status":"error","error":"timeout"}`, ""},
		"the proxy":               {503, `{"kind":"Status","status":"Failure","message":"no endpoints available"}`, ""},
		"cut off":                 {200, vector("1", "1")[:60], ""},
		"a page":                  {200, `<html>`, ""},
		"nothing":                 {200, ``, ""},
		"an empty object":         {200, `{}`, ""},
		"success and nothing":     {200, `{"status":"success"}`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := judge(tt.status, []byte(tt.text), time.Unix(now, 0))
			if (err != nil) != (tt.want == "") {
				t.Fatalf("%v, %v; expected %q", got, err, tt.want)
			}
			if err == nil && (got.answer != tt.want || (tt.want != yes && got.detail == "")) {
				t.Errorf("%s (%s), expected %s and why", got.answer, got.detail, tt.want)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	const whole, available = `sum(ceph_pg_total - ceph_pg_clean) == bool 0`, `min(ceph_pg_active == bool ceph_pg_total)`
	answers := map[string]string{whole: vector("0"), available: vector("1")}
	services := &workloadtest.Services{}
	services.Set("monitoring/prometheus:web", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/query" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(answers[r.URL.Query().Get("query")]))
	}))
	clk := clocktesting.NewFakePassiveClock(time.Unix(now+30, 0))
	options := Options{Namespace: "monitoring", Service: "prometheus", Port: "web", Whole: whole, Available: available}
	prober, err := New(workloadtest.New(t, services), options, clk)
	if err != nil {
		t.Fatal(err)
	}
	report, err := prober.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Whole != storagehealth.No || report.Available != storagehealth.Yes || report.Placed || report.At.Unix() != now {
		t.Errorf("the report is %+v, expected not whole, available, as of the samples", report)
	}
	services.Set("monitoring/prometheus:web", nil)
	if report, err := prober.Probe(t.Context()); err == nil {
		t.Errorf("without Prometheus the report is %+v, expected an error", report)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add(200, []byte(vector("1")))
	f.Add(200, []byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`))
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		j, err := judge(status, text, time.Unix(now, 0))
		if err == nil && j.answer == storagehealth.Yes && (status != 200 || !strings.Contains(string(text), `"`)) {
			t.Errorf("whole by status %d, %q", status, text)
		}
		if err == nil && j.at.After(time.Unix(now, 0)) {
			t.Errorf("an answer of the future, %s", j.at)
		}
	})
}
