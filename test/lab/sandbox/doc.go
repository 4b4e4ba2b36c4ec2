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

// Package sandbox gives a test or command a private machine to itself: one new
// user, network, mount, pid and hostname namespace, made without root, in which
// it may create bridges, addresses and mounts freely and which vanishes with
// every process in it when the program ends, however it ends.
//
// A program calls [Enter] before anything else:
//
//	func TestMain(m *testing.M) {
//		sandbox.Enter()
//		os.Exit(m.Run())
//	}
//
// Enter runs the same program again inside and stays behind as its parent. The
// roles are:
//
//	outer   the process the user started; waits, hands on signals and exit code
//	init    process 1 of the new pid namespace; reaps, ends all when outer dies
//	inner   the program proper; Enter returns here
//	shim    a short-lived step of [Start]: enters a network namespace, mounts,
//	        changes root, then becomes the command
package sandbox
