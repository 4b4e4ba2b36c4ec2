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

// Package pdb judges a storage by the PodDisruptionBudgets that its operator keeps. It sees no more than those do: pods, not data.
package pdb

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/internal/objects"
)

var kind = schema.GroupVersionKind{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}

// Options select the budgets.
type Options struct {
	Namespace string
	// Selector of labels; all budgets of the namespace when nil.
	Selector labels.Selector
}

// Prober judges by the budgets of a namespace.
type Prober struct {
	reader  client.Reader
	options Options
	clock   clock.PassiveClock
}

var _ storagehealth.Prober = (*Prober)(nil)

// New makes a Prober. An error is about the options.
func New(reader client.Reader, options Options, clk clock.PassiveClock) (*Prober, error) {
	if options.Namespace == "" {
		return nil, fmt.Errorf("namespace: has to be set")
	}
	if options.Selector == nil {
		options.Selector = labels.Everything()
	}
	return &Prober{reader: reader, options: options, clock: clk}, nil
}

// Probe implements storagehealth.Prober.
func (p *Prober) Probe(ctx context.Context) (*storagehealth.Report, error) {
	report := &storagehealth.Report{At: p.clock.Now(), Locality: storagehealth.Local, Progress: -1}
	var whole, available []storagehealth.Answer
	var details []string
	err := objects.Each(ctx, p.reader, kind, p.options.Namespace, func(o *unstructured.Unstructured) error {
		w, a, detail := judge(o)
		whole, available = append(whole, w), append(available, a)
		if detail != "" {
			details = append(details, detail)
		}
		return nil
	}, client.MatchingLabelsSelector{Selector: p.options.Selector})
	if err != nil {
		return nil, err
	}
	if len(whole) == 0 {
		details = []string{fmt.Sprintf("no PodDisruptionBudget in namespace %s is selected", p.options.Namespace)}
	}
	report.Whole, report.Available, report.Detail = objects.Worst(whole...), objects.Worst(available...), objects.Shortened(details)
	return report, nil
}

// judge says what one budget makes of it: whole when all of its pods are healthy and one of them may go, available when no fewer are healthy than it
// asks for. A status that is not of this spec, and a budget without pods, say nothing.
func judge(o *unstructured.Unstructured) (whole, available storagehealth.Answer, detail string) {
	name := o.GetName()
	observed, _ := objects.Int(o.Object, "status", "observedGeneration")
	if observed != o.GetGeneration() {
		return storagehealth.Unknown, storagehealth.Unknown, fmt.Sprintf("the status of PodDisruptionBudget %s is not of its present spec", name)
	}
	counts := [4]int64{}
	for i, field := range []string{"expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed"} {
		n, ok := objects.Int(o.Object, "status", field)
		if !ok || n < 0 {
			return storagehealth.Unknown, storagehealth.Unknown, fmt.Sprintf("PodDisruptionBudget %s does not say its status.%s", name, field)
		}
		counts[i] = n
	}
	expected, healthy, desired, allowed := counts[0], counts[1], counts[2], counts[3]
	if expected == 0 {
		return storagehealth.Unknown, storagehealth.Unknown, fmt.Sprintf("PodDisruptionBudget %s selects no pod", name)
	}
	available = storagehealth.Yes
	if healthy < desired {
		available = storagehealth.No
	}
	if healthy < max(expected, desired) || allowed < 1 {
		return storagehealth.No, available, fmt.Sprintf("PodDisruptionBudget %s has %d of %d pods healthy and allows %d disruptions", name, healthy, expected, allowed)
	}
	return storagehealth.Yes, available, ""
}

// Confirm implements storagehealth.Prober.
func (p *Prober) Confirm(context.Context, []string, []string) (map[string]string, error) {
	return nil, nil
}
