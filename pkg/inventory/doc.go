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

// Package inventory keeps one shared look at each MAAS, so that neither machines nor reconciles cost MAAS anything while
// nothing happens.
//
// A Follower reads MAAS's event log about once a second, fetches just the machines that something happened to, and lists
// everything only at the start, now and then, and when the log cannot be relied on. What it learns goes into a
// Snapshot, which readers share; so does every machine that passes through a Session, the decorated maas.Client.
// A Registry holds one Session for each set of credentials in use and wakes its subscribers when a machine, or the
// health of the connection, changed.
//
// A snapshot may be a second or more behind. It is for choosing, reporting and waking up; who is about to do something
// that cannot be undone reads the machine itself first, through the Session, and acts on that answer.
package inventory
