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

package hostdisks

import (
	"slices"
	"strings"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

// Selector selects disks. All that is set has to hold; an empty one selects none.
type Selector struct {
	// Model, Serial and Path are compared without regard to case; * stands for any text. Path is MAAS's id_path.
	Model, Serial, Path string
	// WWN is the beginning of a world-wide name, such as 3624a937 for the volumes of a FlashArray.
	WWN string
	// Tags are tags of the disk in MAAS, all of them.
	Tags []string
	// MinBytes and MaxBytes bound the size; 0 sets no bound.
	MinBytes, MaxBytes int64
}

// empty tells that nothing is set.
func (s *Selector) empty() bool {
	return s.Model == "" && s.Serial == "" && s.Path == "" && s.WWN == "" && len(s.Tags) == 0 && s.MinBytes == 0 && s.MaxBytes == 0
}

// names tells that the selector says more of the disk than its size.
func (s *Selector) names() bool {
	return s.Model != "" || s.Serial != "" || s.Path != "" || s.WWN != "" || len(s.Tags) > 0
}

// Matches tells whether the selector selects the disk.
func (s *Selector) Matches(d *maas.BlockDevice) bool {
	if s.empty() {
		return false
	}
	for _, p := range []struct{ pattern, text string }{{s.Model, d.Model}, {s.Serial, d.Serial}, {s.Path, d.IDPath}} {
		if p.pattern != "" && !like(strings.ToLower(p.pattern), strings.ToLower(p.text)) {
			return false
		}
	}
	if s.WWN != "" && !IdentityOf(d).hasWWNPrefix(s.WWN) {
		return false
	}
	for _, t := range s.Tags {
		if !slices.Contains(d.Tags, t) {
			return false
		}
	}
	return d.SizeBytes >= s.MinBytes && (s.MaxBytes == 0 || d.SizeBytes <= s.MaxBytes)
}

// like compares with a pattern in which * stands for any text.
func like(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, last)
}
