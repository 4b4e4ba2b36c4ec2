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

// Package hostdisks decides what becomes of the disks of a server: which one it boots from, which hold data that nobody may touch, what has
// to be done in MAAS so that a deploy leaves those alone, and whether a deploy, a running installation or a release is a danger to one.
//
// It is pure: disks as MAAS shows them go in, judgements come out. The rule throughout is that a disk is protected unless somebody said that it
// may be wiped, and that what cannot be told is refused.
package hostdisks
