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

// Package pxsim is Portworx as the gate sees it: nodes whose identity and copies lie on their data disks, volumes that are written all the time, copies
// that fall behind while their node is away and catch up when it is back, in proportion to the bytes. It answers the calls of the SDK's REST gateway
// that the gate makes, and describes itself in the operator's objects. When the last current copy of a volume is destroyed it says so: that is
// what a run fails on.
//
// It follows the published protocol of the SDK and the published output of Portworx's tools. Left out are snapshots, cloud backups, the operator's
// PodDisruptionBudgets and its own rolling update, re-placement of copies on other nodes, and volumes in several replica sets. How Portworx words the
// runtime state of a volume whose node is down is not published; here it stays "clean" with a smaller current set.
package pxsim
