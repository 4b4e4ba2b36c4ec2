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

// Package cel judges a storage by expressions over objects of the workload cluster, in the Common Expression Language: one adapter for every storage
// whose operator says in a custom resource how it is.
package cel

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/internal/objects"
)

// costLimit bounds the evaluation of an expression over one object, in the units of the language; Kubernetes allows its admission policies ten times
// as much.
const costLimit = 1_000_000

// interruptEvery is how many steps of a comprehension go between looks at the deadline.
const interruptEvery = 100

// Options say which objects are judged, and how.
type Options struct {
	// APIVersion and Kind of the objects.
	APIVersion, Kind string
	// Namespace to look in, all when empty; Name of the one that is meant, all when empty.
	Namespace, Name string
	// Whole and Available are expressions over the variable "object". Available may be empty.
	Whole, Available string
}

// Prober judges by expressions.
type Prober struct {
	reader           client.Reader
	options          Options
	kind             schema.GroupVersionKind
	clock            clock.PassiveClock
	whole, available cel.Program
}

var _ storagehealth.Prober = (*Prober)(nil)

// New compiles the expressions. An error is about the options and names the one at fault.
func New(reader client.Reader, options Options, clk clock.PassiveClock) (*Prober, error) {
	group, err := schema.ParseGroupVersion(options.APIVersion)
	if err != nil || group.Version == "" {
		return nil, fmt.Errorf("apiVersion: %q is not a group and version, such as ceph.rook.io/v1", options.APIVersion)
	}
	if options.Kind == "" {
		return nil, fmt.Errorf("kind: has to be set")
	}
	p := &Prober{reader: reader, options: options, kind: group.WithKind(options.Kind), clock: clk}
	if p.whole, err = compile(options.Whole); err != nil {
		return nil, fmt.Errorf("whole: %w", err)
	}
	if options.Available == "" {
		return p, nil
	}
	if p.available, err = compile(options.Available); err != nil {
		return nil, fmt.Errorf("available: %w", err)
	}
	return p, nil
}

func compile(expression string) (cel.Program, error) {
	env, err := cel.NewEnv(cel.Variable("object", cel.DynType), cel.OptionalTypes(), ext.Strings(), ext.Sets())
	if err != nil {
		return nil, fmt.Errorf("preparing the language: %w", err)
	}
	ast, issues := env.Compile(expression)
	if err := issues.Err(); err != nil {
		return nil, fmt.Errorf("is not an expression: %w", err)
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("gives %s and has to give true or false", t)
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(interruptEvery), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("cannot be run: %w", err)
	}
	return program, nil
}

// Probe implements storagehealth.Prober.
func (p *Prober) Probe(ctx context.Context) (*storagehealth.Report, error) {
	report := &storagehealth.Report{At: p.clock.Now(), Locality: storagehealth.Local, Progress: -1}
	var whole, available []storagehealth.Answer
	var details []string
	err := p.each(ctx, func(o *unstructured.Unstructured) error {
		answer, detail := evaluate(ctx, p.whole, "whole", o)
		whole = append(whole, answer)
		if detail != "" {
			details = append(details, detail)
		}
		if p.available != nil {
			answer, detail = evaluate(ctx, p.available, "available", o)
			if detail != "" {
				details = append(details, detail)
			}
		} else if answer != storagehealth.Yes {
			answer = storagehealth.Unknown
		}
		available = append(available, answer)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	if len(whole) == 0 {
		details = []string{fmt.Sprintf("there is no %s to judge by (spec.storage.cel)", p.options.Kind)}
	}
	report.Whole, report.Available, report.Detail = objects.Worst(whole...), objects.Worst(available...), objects.Shortened(details)
	return report, nil
}

func (p *Prober) each(ctx context.Context, visit func(*unstructured.Unstructured) error) error {
	if p.options.Name == "" {
		return objects.Each(ctx, p.reader, p.kind, p.options.Namespace, visit)
	}
	if p.options.Namespace == "" {
		// A name without a namespace may mean an object of the cluster, or one somewhere.
		return objects.Each(ctx, p.reader, p.kind, "", func(o *unstructured.Unstructured) error {
			if o.GetName() != p.options.Name {
				return nil
			}
			return visit(o)
		})
	}
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(p.kind)
	if err := p.reader.Get(ctx, client.ObjectKey{Namespace: p.options.Namespace, Name: p.options.Name}, o); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil
		}
		return fmt.Errorf("getting %s %s/%s: %w", p.options.Kind, p.options.Namespace, p.options.Name, err)
	}
	return visit(o)
}

// evaluate judges one object. What cannot be evaluated, such as a field that is not there, is unknown.
func evaluate(ctx context.Context, program cel.Program, field string, o *unstructured.Unstructured) (storagehealth.Answer, string) {
	name := strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/")
	value, _, err := program.ContextEval(ctx, map[string]any{"object": o.Object})
	if err != nil {
		return storagehealth.Unknown, fmt.Sprintf("spec.storage.cel.%s over %s: %s", field, name, err)
	}
	switch value.Value() {
	case true:
		return storagehealth.Yes, ""
	case false:
		return storagehealth.No, fmt.Sprintf("spec.storage.cel.%s is false for %s", field, name)
	}
	return storagehealth.Unknown, fmt.Sprintf("spec.storage.cel.%s gives neither true nor false for %s", field, name)
}

// Confirm implements storagehealth.Prober.
func (p *Prober) Confirm(context.Context, []string, []string) (map[string]string, error) {
	return nil, nil
}
