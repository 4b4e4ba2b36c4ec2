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

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// Dump writes the management cluster's custom resources, and its events, to the artifacts: a file for each kind in the folder resources. It is for whoever asks
// why a test did not get what it waited for.
func (l *Lab) Dump(ctx context.Context) error {
	folder := filepath.Join(l.cfg.Artifacts, "resources")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder of resources: %w", err)
	}
	definitions := &unstructured.UnstructuredList{}
	definitions.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinitionList"})
	if err := l.client.List(ctx, definitions); err != nil {
		return fmt.Errorf("listing definitions: %w", err)
	}
	kinds := []schema.GroupVersionKind{corev1.SchemeGroupVersion.WithKind("Event")}
	for i := range definitions.Items {
		kinds = append(kinds, storedKind(&definitions.Items[i]))
	}
	var errs []error
	for _, kind := range kinds {
		errs = append(errs, l.dumpKind(ctx, folder, kind))
	}
	return errors.Join(errs...)
}

func storedKind(definition *unstructured.Unstructured) schema.GroupVersionKind {
	var kind schema.GroupVersionKind
	kind.Group, _, _ = unstructured.NestedString(definition.Object, "spec", "group")
	kind.Kind, _, _ = unstructured.NestedString(definition.Object, "spec", "names", "kind")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, v := range versions {
		if version, ok := v.(map[string]any); ok && version["storage"] == true {
			kind.Version, _ = version["name"].(string)
		}
	}
	return kind
}

// dumpKind writes no file for a kind of which there is nothing.
func (l *Lab) dumpKind(ctx context.Context, folder string, kind schema.GroupVersionKind) error {
	objects := &unstructured.UnstructuredList{}
	objects.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := l.client.List(ctx, objects); err != nil {
		return fmt.Errorf("listing %s: %w", kind.Kind, err)
	}
	if len(objects.Items) == 0 {
		return nil
	}
	var text []byte
	for i := range objects.Items {
		objects.Items[i].SetManagedFields(nil)
		one, err := yaml.Marshal(objects.Items[i].Object)
		if err != nil {
			return fmt.Errorf("writing a %s: %w", kind.Kind, err)
		}
		text = append(append(text, "---\n"...), one...)
	}
	if err := os.WriteFile(filepath.Join(folder, kind.Kind+".yaml"), text, 0o600); err != nil {
		return fmt.Errorf("writing the objects of kind %s: %w", kind.Kind, err)
	}
	return nil
}
