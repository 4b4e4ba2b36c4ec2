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

package maassim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bootResource is an image MAAS can deploy.
type bootResource struct {
	id              int
	osystem, series string
	kernel          string // the kernel the image brings
	arch            string // with the kernel as MAAS writes it
	subarches       string
	lastDeployed    time.Time
}

const (
	focalSubarches = "generic,hwe-p,hwe-q,hwe-r,hwe-s,hwe-t,hwe-u,hwe-v,hwe-w,ga-16.04,ga-16.10,ga-17.04,ga-17.10," +
		"ga-18.04,ga-18.10,ga-19.04,ga-19.10,ga-20.04"
	jammySubarches = focalSubarches + ",ga-20.10,ga-21.04,ga-21.10,ga-22.04"
)

func defaultImages() []bootResource {
	return []bootResource{
		{id: 4, osystem: "ubuntu", series: "focal", kernel: "ga-20.04", arch: "amd64/ga-20.04", subarches: focalSubarches},
		{id: 1, osystem: "ubuntu", series: "jammy", kernel: "ga-22.04", arch: "amd64/ga-22.04", subarches: jammySubarches},
		{id: 3, osystem: "ubuntu", series: "jammy", kernel: "ga-22.04", arch: "amd64/ga-22.04-lowlatency", subarches: jammySubarches},
		{id: 2, osystem: "ubuntu", series: "jammy", kernel: "ga-22.04", arch: "amd64/hwe-22.04", subarches: jammySubarches + ",hwe-22.04"},
		{id: 5, osystem: "custom", series: "u-2204-k-1284", kernel: "ga-22.04", arch: "amd64/generic", subarches: "generic"},
	}
}

// AddImage adds a custom image, deployed as distro_series name or custom/name,
// for architectures such as "arm64/generic"; for amd64/generic when none is
// given.
func (s *Server) AddImage(name string, architectures ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(architectures) == 0 {
		architectures = []string{"amd64/generic"}
	}
	for _, arch := range architectures {
		if slices.ContainsFunc(s.images, func(b bootResource) bool { return b.series == name && b.arch == arch }) {
			continue
		}
		s.images = append(s.images, bootResource{
			id: len(s.images) + 1, osystem: "custom", series: name, kernel: "ga-22.04", arch: arch, subarches: "generic",
		})
	}
}

// RemoveImage takes an image away, as an administrator would.
func (s *Server) RemoveImage(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images = slices.DeleteFunc(s.images, func(b bootResource) bool { return b.series == name })
}

func (b *bootResource) json() obj {
	o := obj{
		"id": b.id, "type": "Synced", "name": b.osystem + "/" + b.series, "architecture": b.arch, "last_deployed": nil,
		"subarches": b.subarches, "resource_uri": fmt.Sprintf("%sboot-resources/%d/", apiRoot, b.id),
	}
	if !b.lastDeployed.IsZero() {
		o["last_deployed"] = b.lastDeployed.UTC().Format("2006-01-02T15:04:05.000")
	}
	if b.osystem == "custom" {
		o["type"], o["name"], o["title"] = "Uploaded", b.series, b.series
		return o
	}
	o["platform"], o["supported_platforms"] = "generic", "generic"
	return o
}

var imageRoutes = []route{
	{"boot-resources/", http.MethodGet, "", "boot-resources.list", users, listImages},
	{"boot-resources/", http.MethodGet, "is_importing", "boot-resources.is_importing", users, isImporting},
	{"boot-resources/*/", http.MethodGet, "", "boot-resource.read", users, readImage},
}

func listImages(rq *request) *response {
	kind := rq.get("type")
	if kind != "" && !slices.Contains([]string{"synced", "generated", "uploaded", "all"}, kind) {
		return badRequest("'" + kind + "' is not a valid boot resource type. Available types: ['synced', 'generated', 'uploaded']")
	}
	out := []obj{}
	for i := range rq.s.images {
		o := rq.s.images[i].json()
		if kind == "" || kind == "all" || strings.EqualFold(kind, fmt.Sprint(o["type"])) {
			out = append(out, o)
		}
	}
	return ok(out)
}

func isImporting(*request) *response { return ok(false) }

func readImage(rq *request) *response {
	for i := range rq.s.images {
		b := &rq.s.images[i]
		if strconv.Itoa(b.id) != rq.args[0] {
			continue
		}
		o := b.json()
		files := obj{}
		for _, kind := range []string{"boot-kernel", "boot-initrd", "root-image.gz", "squashfs"} {
			files[kind] = obj{"filename": kind, "filetype": kind, "sha256": strings.Repeat("0", 64), "size": 512, "complete": true}
		}
		o["sets"] = obj{"20240301": obj{"version": "20240301", "label": "candidate", "size": 2048, "complete": true, "files": files}}
		return ok(o)
	}
	return notFound("BootResource")
}
