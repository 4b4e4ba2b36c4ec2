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

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// report is _artifacts/demo.json. Durations are seconds.
type report struct {
	StartedAt         time.Time       `json:"startedAt"`
	KubernetesVersion string          `json:"kubernetesVersion"`
	Phases            []phaseReport   `json:"phases"`
	Machines          []machineReport `json:"machines"`
	MAAS              maasReport      `json:"maas"`
	Upgrade           upgradeReport   `json:"upgrade"`
	// ManagerPeakRSSMiB is the most memory that this provider's manager had.
	ManagerPeakRSSMiB int64    `json:"managerPeakRSSMiB"`
	Errors            []string `json:"errors"`
	OK                bool     `json:"ok"`
}

type phaseReport struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// machineReport is one Machine; its times are since it was first seen.
type machineReport struct {
	Name           string       `json:"name"`
	Role           string       `json:"role"`
	Host           string       `json:"host"`
	SystemID       string       `json:"systemID"`
	LeasedAfter    float64      `json:"leasedAfter"`
	DeployedAfter  float64      `json:"deployedAfter"`
	NodeReadyAfter float64      `json:"nodeReadyAfter"`
	MAASCalls      machineCalls `json:"maasCalls"`
}

// machineCalls are the calls made for one machine alone.
type machineCalls struct {
	Create      int            `json:"create"`
	Delete      int            `json:"delete"`
	Total       int            `json:"total"`
	ByOperation map[string]int `json:"byOperation"`
}

type maasReport struct {
	CallsTotal int `json:"callsTotal"`
	// CallsPerMinuteSteady is measured while nothing happens, the event log
	// included; null when there was too little time.
	CallsPerMinuteSteady *float64 `json:"callsPerMinuteSteady"`
	EventPolls           int      `json:"eventPolls"`
}

func newReport(opts options) *report {
	return &report{
		StartedAt: time.Now().UTC().Truncate(time.Second), KubernetesVersion: opts.version,
		Phases: []phaseReport{}, Machines: []machineReport{}, Errors: []string{},
		Upgrade: upgradeReport{From: opts.version, To: lab.KubernetesVersion, Repaves: []repaveReport{}, HeldSeconds: map[string]float64{}},
	}
}

func (r *report) phase(name string, d time.Duration) {
	r.Phases = append(r.Phases, phaseReport{Name: name, Seconds: seconds(d)})
}

// fail notes an error, or each of several that were joined.
func (r *report) fail(err error) {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, e := range several.Unwrap() {
			r.fail(e)
		}
		return
	}
	if err != nil {
		r.Errors = append(r.Errors, err.Error())
	}
}

// write replaces the file in one go.
func (r *report) write(path string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	next := path + ".new"
	if err := os.WriteFile(next, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }
