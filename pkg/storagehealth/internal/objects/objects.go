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

// Package objects reads the objects of storages whose Go types are not ours to import.
package objects

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// pageSize keeps a page of objects at a few megabytes.
const pageSize = 500

// maxObjects bounds what a probe reads of one kind, so that a cluster gone wild cannot take the manager with it.
const maxObjects = 200_000

// Each calls visit for each object of a kind, page by page, in all namespaces when namespace is empty. A kind that the cluster does not serve is an
// error, as everything is that keeps it from seeing all of them.
func Each(ctx context.Context, reader client.Reader, kind schema.GroupVersionKind, namespace string, visit func(*unstructured.Unstructured) error,
	selection ...client.ListOption,
) error {
	seen := 0
	options := &client.ListOptions{Namespace: namespace, Limit: pageSize}
	options.ApplyOptions(selection)
	for {
		page := &unstructured.UnstructuredList{}
		page.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := reader.List(ctx, page, options); err != nil {
			return fmt.Errorf("listing objects of kind %s%s: %w", kind.Kind, in(namespace), err)
		}
		for i := range page.Items {
			if err := visit(&page.Items[i]); err != nil {
				return err
			}
		}
		seen += len(page.Items)
		options.Continue = page.GetContinue()
		if options.Continue == "" {
			return nil
		}
		if seen >= maxObjects {
			return fmt.Errorf("there are more than %d objects of kind %s%s", maxObjects, kind.Kind, in(namespace))
		}
	}
}

func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

// String is a string field, "" when it is absent or something else.
func String(o map[string]any, fields ...string) string {
	s, _, _ := unstructured.NestedString(o, fields...)
	return s
}

// Bool is a boolean field, false when it is absent or something else.
func Bool(o map[string]any, fields ...string) bool {
	b, _, _ := unstructured.NestedBool(o, fields...)
	return b
}

// Int is a number field, and whether it is there. JSON does not tell whole numbers from others.
func Int(o map[string]any, fields ...string) (int64, bool) {
	v, ok, err := unstructured.NestedFieldNoCopy(o, fields...)
	if !ok || err != nil {
		return 0, false
	}
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// Map is an object field, nil when it is absent or something else. It is not a copy.
func Map(o map[string]any, fields ...string) map[string]any {
	v, _, _ := unstructured.NestedFieldNoCopy(o, fields...)
	m, _ := v.(map[string]any)
	return m
}

// Slice is a list field, nil when it is absent or something else. It is not a copy.
func Slice(o map[string]any, fields ...string) []any {
	v, _, _ := unstructured.NestedFieldNoCopy(o, fields...)
	s, _ := v.([]any)
	return s
}

// Condition is the entry of a list of conditions with that type, nil when there is none.
func Condition(conditions []any, conditionType string) map[string]any {
	for _, entry := range conditions {
		if c, ok := entry.(map[string]any); ok && c["type"] == conditionType {
			return c
		}
	}
	return nil
}

// Worst combines answers: No if any is, else Unknown if any is, else Yes. Nothing at all is Unknown.
func Worst(answers ...storagehealth.Answer) storagehealth.Answer {
	worst := storagehealth.Unknown
	for i, a := range answers {
		switch {
		case a == storagehealth.No:
			return storagehealth.No
		case i == 0 && a == storagehealth.Yes:
			worst = storagehealth.Yes
		case a != storagehealth.Yes:
			worst = storagehealth.Unknown
		}
	}
	return worst
}

// Earlier is the earlier of two times.
func Earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Shortened joins the first few of a list of words.
func Shortened(all []string) string {
	const few = 3
	if len(all) <= few {
		return strings.Join(all, "; ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:few], "; "), len(all)-few)
}
