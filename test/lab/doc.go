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

// Package lab runs Cluster API, this repository's provider and whole workload
// clusters on one Linux machine, without root, containers, images or a cloud.
//
// Everything lives in a [sandbox]: one private network in which the addresses
// are those of the reference architecture. In it run, as processes,
//
//   - a management cluster: etcd, kube-apiserver with RBAC, and
//     kube-controller-manager with the controllers that do not need nodes;
//   - the managers of the providers, installed from their components YAML as
//     clusterctl would: the container's own command line, a token of its own
//     ServiceAccount, a root folder and a network namespace for each. A missing
//     rule or a wrong flag fails here as it would in production. What a kubelet,
//     the service network and cert-manager would add is added by the lab:
//     mounted files, URLs in place of Services, certificates;
//   - a simulated MAAS (test/maassim), and on its servers what a real server
//     does from the first boot on (package hostagent): the bootstrap provider's
//     user data with real kubeadm, and real control planes from the manifests it
//     writes. Cluster API's kubeadm control plane scales, upgrades and removes
//     etcd members there;
//   - a forwarder in place of kube-vip, for virtual addresses;
//   - where a test asks for it, a simulated Portworx (test/pxsim) on the workers
//     of a workload cluster: who its nodes are lies on the servers' data disks,
//     which MAAS wipes or not, and its REST gateway listens on the servers;
//   - a proxy on a loopback port of the machine, which the kubeconfigs in the
//     artifacts folder name, so that kubectl works from any terminal.
//
// # Addresses
//
// All are on 172.16.0.0/22: the lab itself and the management API server are
// 172.16.0.1, MAAS is 172.16.0.2, managers follow from 172.16.0.16 on. Servers
// get theirs from MAAS, from 172.16.1.0 on; 172.16.3.0/24 is for virtual
// addresses.
//
// # Versions
//
// There is one set of Kubernetes binaries, [KubernetesVersion]. A cluster may
// be declared with [PreviousKubernetesVersion] and upgraded: machines are
// replaced, image tags, the kubeadm configuration and the version that Nodes
// report (that of the MAAS image's name) change, and only the program that runs
// stays the same. Two sets would cost minutes of building and 400 MB, and show
// Kubernetes' own patch upgrades at work rather than anything of this project.
// Both are of one minor version, because kubeadm refuses to install one newer
// than itself and to join what is more than one minor away.
//
// # Left out
//
// There is no container runtime and no pod network: pods other than static ones
// exist in the API only, kept by kwok. There is no service network, and no DNS:
// endpoints are addresses. The kubelet is a stand-in, so its own upgrade, disk
// pressure, image pulls and the like cannot be seen. kubeadm's preflight checks
// are ignored, because they look for just these things.
package lab

import "github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"

// Enter puts the program into a sandbox; see [sandbox.Enter]. Everything but
// [StartAPIServer] needs it.
func Enter() { sandbox.Enter() }

// Outside tells, before [Enter] is called, whether the program has the network of the machine that it was started on.
func Outside() bool { return sandbox.Outside() }
