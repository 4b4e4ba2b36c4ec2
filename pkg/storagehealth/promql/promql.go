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

// Package promql judges a storage by queries to a Prometheus in the workload cluster. No sample is not health: a metric that is absent, an exporter that is
// gone and a query that is wrong all look alike, and all count as unknown.
package promql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"k8s.io/utils/clock"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/internal/objects"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// DefaultPort is Prometheus's.
const DefaultPort = "9090"

// maxAnswer bounds an answer; a query that judges has few samples.
const maxAnswer = 16 << 20

// Options say where Prometheus is and what is asked.
type Options struct {
	Namespace, Service string
	// Port by number or name.
	Port string
	// Whole and Available are PromQL expressions whose every sample has to be 1. Available may be empty.
	Whole, Available string
}

// Prober judges by queries.
type Prober struct {
	cluster workload.Cluster
	options Options
	clock   clock.PassiveClock
}

var _ storagehealth.Prober = (*Prober)(nil)

// New makes a Prober. An error is about the options. Prometheus alone can tell whether a query is one.
func New(cluster workload.Cluster, options Options, clk clock.PassiveClock) (*Prober, error) {
	for _, field := range []struct{ name, value string }{
		{"namespace", options.Namespace}, {"service", options.Service}, {"whole", options.Whole},
	} {
		if field.value == "" {
			return nil, fmt.Errorf("%s: has to be set", field.name)
		}
	}
	if options.Port == "" {
		options.Port = DefaultPort
	}
	return &Prober{cluster: cluster, options: options, clock: clk}, nil
}

// Probe implements storagehealth.Prober with one call for each query.
func (p *Prober) Probe(ctx context.Context) (*storagehealth.Report, error) {
	report := &storagehealth.Report{At: p.clock.Now(), Locality: storagehealth.Local, Progress: -1}
	whole, err := p.ask(ctx, p.options.Whole)
	if err != nil {
		return nil, fmt.Errorf("asking Prometheus for spec.storage.prometheus.whole: %w", err)
	}
	report.Whole, report.Detail, report.At = whole.answer, whole.detail, objects.Earlier(report.At, whole.at)
	report.Available = storagehealth.Unknown
	if whole.answer == storagehealth.Yes {
		report.Available = storagehealth.Yes
	}
	if p.options.Available == "" {
		return report, nil
	}
	available, err := p.ask(ctx, p.options.Available)
	if err != nil {
		return nil, fmt.Errorf("asking Prometheus for spec.storage.prometheus.available: %w", err)
	}
	report.Available, report.At = available.answer, objects.Earlier(report.At, available.at)
	if report.Detail == "" {
		report.Detail = available.detail
	}
	return report, nil
}

// Confirm implements storagehealth.Prober.
func (p *Prober) Confirm(context.Context, []string, []string) (map[string]string, error) {
	return nil, nil
}

// judgement is what a query came to.
type judgement struct {
	answer storagehealth.Answer
	detail string
	// at is the oldest time of a sample.
	at time.Time
}

func (p *Prober) ask(ctx context.Context, query string) (*judgement, error) {
	response, err := p.cluster.Call(ctx, workload.Service{Namespace: p.options.Namespace, Name: p.options.Service, Port: p.options.Port},
		workload.Request{Path: "/api/v1/query", Query: url.Values{"query": {query}}})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return judge(response.StatusCode, text, p.clock.Now())
}

// answer is what /api/v1/query says.
type answer struct {
	Status   string   `json:"status"`
	Error    string   `json:"error"`
	Message  string   `json:"message"`
	Warnings []string `json:"warnings"`
	Data     struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

// sample is a time and a value: [1732233600.123, "1"].
type sample struct {
	at    time.Time
	value float64
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *sample) UnmarshalJSON(text []byte) error {
	pair := []any{}
	if err := json.Unmarshal(text, &pair); err != nil {
		return fmt.Errorf("reading a sample: %w", err)
	}
	if len(pair) != 2 {
		return errors.New("a sample is not a time and a value")
	}
	at, isTime := pair[0].(float64)
	value, isText := pair[1].(string)
	if !isTime || !isText || at < 0 || at > math.MaxInt32*4 {
		return errors.New("a sample is not a time and a value")
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return fmt.Errorf("reading the value of a sample: %w", err)
	}
	s.at, s.value = time.UnixMilli(int64(at*1000)), v
	return nil
}

// judge reads an answer. An error means that Prometheus did not answer the question.
func judge(status int, text []byte, now time.Time) (*judgement, error) {
	a := answer{}
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("status %d, and the answer is not JSON: %w", status, err)
	}
	if status != http.StatusOK || a.Status != "success" {
		return nil, fmt.Errorf("status %d: %s%s", status, a.Error, a.Message)
	}
	if len(a.Warnings) > 0 {
		return &judgement{answer: storagehealth.Unknown, detail: "Prometheus warns: " + a.Warnings[0], at: now}, nil
	}
	samples, err := a.samples()
	if err != nil {
		return nil, err
	}
	if len(samples) == 0 {
		return &judgement{answer: storagehealth.Unknown, detail: "the query gives no sample, which is not the same as healthy", at: now}, nil
	}
	j := &judgement{answer: storagehealth.Yes, at: now}
	bad := 0
	for _, s := range samples {
		j.at = objects.Earlier(j.at, s.at)
		switch {
		case math.IsNaN(s.value):
			if j.answer == storagehealth.Yes {
				j.answer, j.detail = storagehealth.Unknown, "the query gives a sample that is not a number"
			}
		case s.value != 1:
			bad++
		}
	}
	if bad > 0 {
		j.answer, j.detail = storagehealth.No, fmt.Sprintf("%d of the %d samples of the query are not 1", bad, len(samples))
	}
	return j, nil
}

func (a *answer) samples() ([]sample, error) {
	switch a.Data.ResultType {
	case "vector":
		series := []struct {
			Value *sample `json:"value"`
		}{}
		if err := json.Unmarshal(a.Data.Result, &series); err != nil {
			return nil, fmt.Errorf("reading the samples: %w", err)
		}
		samples := make([]sample, 0, len(series))
		for _, one := range series {
			if one.Value == nil {
				return nil, errors.New("the query gives something else than numbers")
			}
			samples = append(samples, *one.Value)
		}
		return samples, nil
	case "scalar":
		one := sample{}
		if err := json.Unmarshal(a.Data.Result, &one); err != nil {
			return nil, fmt.Errorf("reading the sample: %w", err)
		}
		if one.at.IsZero() {
			return nil, errors.New("the query gives nothing")
		}
		return []sample{one}, nil
	}
	return nil, fmt.Errorf("the query gives a result of type %q and has to give a vector or a scalar", a.Data.ResultType)
}
