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

// Package e2e runs Cluster API's own end-to-end specs against this provider.
//
// Without further flags the suite makes everything it needs: it builds a clusterctl repository ("make release"), starts the lab (package
// test/lab: a management cluster with real managers, a simulated MAAS and servers that run kubeadm) and runs the specs on it:
//
//	make tools-lab lab-sources
//	cd test/e2e && go test ./... -v -count=1 -timeout 30m
//
// The specs run in a few processes side by side, with clusters of their own, as on hardware: for them the lab is an existing management cluster
// and a MAAS. Ginkgo's command line tool starts the processes and hands out the specs.
//
// Flags follow "-args" and are those of other providers' suites: -e2e.config, -e2e.artifacts-folder, -e2e.skip-resource-cleanup and so on;
// Ginkgo's are there as well, such as -ginkgo.focus=quick-start and -ginkgo.v.
//
// # On hardware
//
// With -e2e.use-existing-cluster nothing is started: the management cluster is the one of $KUBECONFIG, with this provider and the kubeadm
// providers installed, and the servers are those of a real MAAS. config/hardware.yaml lists the environment variables it needs:
//
//	cd test/e2e && go test . -v -timeout 6h -args -e2e.use-existing-cluster -e2e.config=config/hardware.yaml
package e2e
