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

// Package hostagent is what runs on a simulated server once it has booted: it
// does what cloud-init, the kubelet and the container runtime of a real one do,
// as far as Cluster API and Kubernetes can tell.
//
// Real are: the user data and every command in it, kubeadm, etcd,
// kube-apiserver, kube-controller-manager and kube-scheduler with the manifests
// kubeadm wrote, unmodified; the host's address, network and hostname; TLS
// bootstrap of the kubelet by a CertificateSigningRequest; everything the
// kubelet says, which is said as system:node:NAME and is subject to the node
// authorizer and NodeRestriction; node leases, which stop with the power.
//
// Faked are: the kubelet, a few hundred lines here, which runs static pods as
// processes and knows no other pods (a static pod is Ready when its process
// runs: probes are not asked). Other pods are kept by one kwok per host, which
// also serves port-forwarding for the control plane provider. (One kwok per
// cluster would save memory, but would confirm the deletion of pods on a host
// that is switched off, which is just what a real cluster does not do.)
package hostagent
