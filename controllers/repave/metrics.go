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

package repave

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/repave"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// Metrics are the gate's. Series are by gate and reason or step, never by Machine.
type Metrics struct {
	held       *prometheus.GaugeVec
	longest    *prometheus.GaugeVec
	open       *prometheus.GaugeVec
	degraded   *prometheus.GaugeVec
	rebuilt    *prometheus.GaugeVec
	admissions *prometheus.CounterVec
	heldFor    *prometheus.CounterVec
	overrides  *prometheus.GaugeVec
	waited     *prometheus.HistogramVec
	steps      *prometheus.HistogramVec
	probes     *prometheus.HistogramVec
	failures   *prometheus.CounterVec
}

const (
	namespace = "capmaas"
	subsystem = "gate"
)

var gateLabels = []string{"namespace", "gate"}

// minutes are buckets from ten seconds to twelve hours: what a hold, a reinstallation or a rebuild takes.
var minutes = []float64{10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200}

// NewMetrics registers the gate's metrics.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help},
			append(append([]string{}, gateLabels...), labels...))
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help},
			append(append([]string{}, gateLabels...), labels...))
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: buckets},
			append(append([]string{}, gateLabels...), labels...))
	}
	m := &Metrics{
		held:       gauge("held_machines", "Machines that wait for the gate, by reason.", "reason"),
		longest:    gauge("longest_hold_seconds", "How long the Machine that waits longest has waited for its present reason."),
		open:       gauge("open_repaves", "Repaves that are not closed."),
		degraded:   gauge("degraded_volumes", "Volumes that lack a copy in sync."),
		rebuilt:    gauge("rebuilt_ratio", "Progress of what the storage rebuilds, 1 when nothing is."),
		admissions: counter("admissions_total", "Nodes that were let go, by reason; Overridden is one.", "reason"),
		heldFor:    counter("hold_seconds_by_reason_total", "Seconds that Machines were held, by reason, counted when a hold ends or its reason changes.", "reason"),
		overrides:  gauge("active_overrides", "Overrides that are in force, of the gate and of single Machines."),
		waited:     histogram("hold_seconds", "How long Machines waited before they were let go.", minutes),
		steps:      histogram("repave_step_seconds", "How long the steps of closed repaves took.", minutes, "step"),
		probes:     histogram("probe_seconds", "How long the storage took to answer.", prometheus.DefBuckets),
		failures:   counter("probe_failures_total", "Times that the storage could not be asked."),
	}
	for _, c := range []prometheus.Collector{m.held, m.longest, m.open, m.degraded, m.rebuilt, m.admissions, m.heldFor, m.overrides, m.waited, m.steps, m.probes, m.failures} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("registering the gate's metrics: %w", err)
		}
	}
	return m, nil
}

func labelsOf(s *scope) prometheus.Labels {
	return prometheus.Labels{"namespace": s.gate.Namespace, "gate": s.gate.Name}
}

// observe sets the gauges at the end of a reconcile, and counts the holds of before that are over.
func (m *Metrics) observe(s *scope, before []infrav1.HeldMachine) {
	if s.cluster == nil || s.otherGate != "" {
		return
	}
	of := labelsOf(s)
	m.held.DeletePartialMatch(of)
	longest := 0.0
	byReason := map[string]float64{}
	for _, h := range s.gate.Status.Waiting {
		byReason[h.Reason]++
		longest = max(longest, s.now.Sub(h.SinceTime.Time).Seconds())
	}
	for reason, n := range byReason {
		m.held.MustCurryWith(of).WithLabelValues(reason).Set(n)
	}
	m.countHolds(s, before)
	m.overrides.With(of).Set(float64(activeOverrides(s)))
	m.longest.With(of).Set(longest)
	m.open.With(of).Set(float64(len(s.open())))
	if s.report != nil && s.report.Placed {
		m.degraded.With(of).Set(float64(degraded(s.report)))
	}
	if s.report != nil && s.report.Progress >= 0 {
		m.rebuilt.With(of).Set(float64(s.report.Progress) / 100)
	} else if s.report != nil && (!s.report.Placed && s.report.Whole == storagehealth.Yes || s.report.Placed && degraded(s.report) == 0) {
		m.rebuilt.With(of).Set(1)
	}
}

// countHolds counts the holds of before that are over.
func (m *Metrics) countHolds(s *scope, before []infrav1.HeldMachine) {
	for _, h := range before {
		goesOn := func(n infrav1.HeldMachine) bool { return n.Machine == h.Machine && n.Reason == h.Reason }
		if !slices.ContainsFunc(s.gate.Status.Waiting, goesOn) {
			m.heldFor.MustCurryWith(labelsOf(s)).WithLabelValues(h.Reason).Add(max(s.now.Sub(h.SinceTime.Time).Seconds(), 0))
		}
	}
}

// activeOverrides counts the overrides that are in force, the gate's among them.
func activeOverrides(s *scope) int {
	overrides := []*repave.Override{override(s.gate.Spec.Override)}
	for _, machine := range s.machines {
		overrides = append(overrides, machineOverride(machine))
	}
	active := 0
	for _, o := range overrides {
		if o != nil && s.now.Before(o.Until) {
			active++
		}
	}
	return active
}

func (m *Metrics) admitted(s *scope, machine *clusterv1.Machine, v repave.Verdict) {
	m.admissions.MustCurryWith(labelsOf(s)).WithLabelValues(string(v.Reason)).Inc()
	if !machine.DeletionTimestamp.IsZero() {
		m.waited.With(labelsOf(s)).Observe(s.now.Sub(machine.DeletionTimestamp.Time).Seconds())
	}
}

func (m *Metrics) closed(s *scope, r *infrav1.Repave) {
	for _, step := range r.Status.Steps {
		if step.Seconds != nil {
			m.steps.MustCurryWith(labelsOf(s)).WithLabelValues(string(step.Name)).Observe(float64(*step.Seconds))
		}
	}
}

func (m *Metrics) probed(s *scope, took time.Duration, err error) {
	m.probes.With(labelsOf(s)).Observe(took.Seconds())
	failures := m.failures.With(labelsOf(s))
	if err != nil {
		failures.Inc()
	}
}

// forget drops the series of a gate that is gone.
func (m *Metrics) forget(gate types.NamespacedName) {
	of := prometheus.Labels{"namespace": gate.Namespace, "gate": gate.Name}
	for _, g := range []*prometheus.GaugeVec{m.held, m.longest, m.open, m.degraded, m.rebuilt, m.overrides} {
		g.DeletePartialMatch(of)
	}
	for _, c := range []*prometheus.CounterVec{m.admissions, m.heldFor, m.failures} {
		c.DeletePartialMatch(of)
	}
	for _, h := range []*prometheus.HistogramVec{m.waited, m.steps, m.probes} {
		h.DeletePartialMatch(of)
	}
}
