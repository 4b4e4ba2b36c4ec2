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

package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Version implements maas.Region.
func (c *Client) Version(ctx context.Context) (string, error) {
	const operation = "get version"
	var v struct {
		Version string `json:"version"`
	}
	err := c.do(ctx, request{
		operation: operation, method: http.MethodGet, path: "version/", anonymous: true,
		decode: decodeInto(&v, decodeJSON),
	})
	if err != nil {
		return "", err
	}
	if v.Version == "" {
		return "", &maas.Error{Kind: maas.Unavailable, Op: operation, Message: "the answer holds no version; does the endpoint lead to MAAS itself?"}
	}
	return v.Version, nil
}

// WhoAmI implements maas.Region.
func (c *Client) WhoAmI(ctx context.Context) (*maas.User, error) {
	const operation = "get own user"
	var v struct {
		Name  string `json:"username"`
		Admin bool   `json:"is_superuser"`
	}
	err := c.do(ctx, request{
		operation: operation, method: http.MethodGet, path: "users/", op: "whoami",
		decode: decodeInto(&v, decodeJSON),
	})
	if err != nil {
		return nil, err
	}
	if v.Name == "" {
		return nil, &maas.Error{Kind: maas.Unavailable, Op: operation, Message: "the answer holds no user name; does the endpoint lead to MAAS itself?"}
	}
	return &maas.User{Name: v.Name, Admin: v.Admin}, nil
}

// ListBootResources implements maas.Images.
func (c *Client) ListBootResources(ctx context.Context) ([]maas.BootResource, error) {
	var list []struct {
		Name         string `json:"name"`
		Architecture string `json:"architecture"`
		Type         string `json:"type"`
	}
	err := c.do(ctx, request{
		operation: "list boot resources", method: http.MethodGet, path: "boot-resources/",
		decode: decodeInto(&list, decodeJSON),
	})
	if err != nil {
		return nil, err
	}
	images := make([]maas.BootResource, 0, len(list))
	for _, j := range list {
		// MAAS leaves the prefix out that a deploy knows a custom image by.
		if !strings.Contains(j.Name, "/") {
			j.Name = "custom/" + j.Name
		}
		images = append(images, maas.BootResource(j))
	}
	return images, nil
}

// ErasesOnRelease implements maas.Configuration.
func (c *Client) ErasesOnRelease(ctx context.Context) (bool, error) {
	const operation, name = "get setting", "enable_disk_erasing_on_release"
	var v *bool
	err := c.do(ctx, request{
		operation: operation, object: name, method: http.MethodGet, path: "maas/", op: "get_config",
		params: url.Values{"name": {name}}, decode: decodeInto(&v, decodeJSON),
	})
	if err != nil {
		return false, err
	}
	if v == nil { // not to be taken for a no
		return false, &maas.Error{Kind: maas.Unavailable, Op: operation + " " + name, Message: "the answer is null"}
	}
	return *v, nil
}
