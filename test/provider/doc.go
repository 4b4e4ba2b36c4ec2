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

// Package provider tests the provider as a user meets it: its manager runs as a process with its own ServiceAccount beside the
// real Cluster API core, against a simulated MAAS, and is killed, lied to and surprised. Machines bring their own bootstrap data
// and servers only report that they are deployed; test/e2e has real control planes.
package provider
