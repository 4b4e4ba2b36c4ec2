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

// Package repave decides whether a node may be taken down. It is pure: what is known comes in as Input, with the time, and a verdict for
// every Machine that waits comes out.
//
// The question is always whether it is safe to remove this node, never whether the cluster is healthy: that would hold back a dead node for the
// very damage it did. A chain of small policies asks one thing each; the first that has an answer decides, and says why in a sentence.
package repave
