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
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const fieldOwner = client.FieldOwner("lab")

// readObjects reads all objects of YAML files and of the folders' YAML files.
func readObjects(paths ...string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || (file != path && !strings.HasSuffix(file, ".yaml")) {
				return err
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			more, err := ParseObjects(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			objects = append(objects, more...)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading objects: %w", err)
		}
	}
	return objects, nil
}

// ParseObjects splits a multi-document YAML text into objects.
func ParseObjects(raw []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	for {
		var raw runtime.RawExtension
		err := decoder.Decode(&raw)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("reading YAML document %d: %w", len(objects)+1, err)
		case len(raw.Raw) == 0 || string(raw.Raw) == "null":
			continue // nothing but comments
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw.Raw); err != nil {
			return nil, fmt.Errorf("reading object %d: %w", len(objects)+1, err)
		}
		if u.GetKind() != "Kustomization" {
			objects = append(objects, u)
		}
	}
}

func byKind(objects []*unstructured.Unstructured, kinds ...string) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, u := range objects {
		for _, k := range kinds {
			if u.GetKind() == k {
				out = append(out, u)
			}
		}
	}
	return out
}

// applyCRDs applies the CustomResourceDefinitions among the objects and waits
// until they are served.
func applyCRDs(ctx context.Context, cfg *rest.Config, objects []*unstructured.Unstructured) error {
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	crds := byKind(objects, "CustomResourceDefinition")
	if err := applyAll(ctx, c, crds); err != nil {
		return err
	}
	for _, crd := range crds {
		err := wait.PollUntilContextTimeout(ctx, pollInterval, readyTimeout, true, func(ctx context.Context) (bool, error) {
			got := &unstructured.Unstructured{}
			got.SetGroupVersionKind(crd.GroupVersionKind())
			if err := c.Get(ctx, client.ObjectKeyFromObject(crd), got); err != nil {
				return false, err
			}
			return hasCondition(got, "Established"), nil
		})
		if err != nil {
			return fmt.Errorf("waiting for %s to be served: %w", crd.GetName(), err)
		}
	}
	return nil
}

// applyAll applies objects in order. Requests the API server cannot serve yet,
// for instance because a webhook is still starting, are tried again.
func applyAll(ctx context.Context, c client.Client, objects []*unstructured.Unstructured) error {
	for _, u := range objects {
		var last error
		err := wait.PollUntilContextTimeout(ctx, 2*pollInterval, readyTimeout/2, true, func(ctx context.Context) (bool, error) {
			last = c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), fieldOwner, client.ForceOwnership)
			if last == nil || !retriable(last) {
				return true, last
			}
			return false, nil
		})
		if err != nil {
			return fmt.Errorf("applying %s %s: %w", u.GetKind(), u.GetName(), errors.Join(err, last))
		}
	}
	return nil
}

func retriable(err error) bool {
	return apierrors.IsInternalError(err) || apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) || apierrors.IsConflict(err)
}

// hasCondition tells whether the condition is True.
func hasCondition(u *unstructured.Unstructured, kind string) bool {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == kind && m["status"] == "True" {
			return true
		}
	}
	return false
}
