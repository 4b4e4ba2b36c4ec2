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

package maasmachine

import (
	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// scope carries the facts of one reconcile. Phases set them; status.go turns them into conditions.
type scope struct {
	maasMachine *infrav1.MaasMachine
	// machine, cluster and maasCluster are set by findOwners, nil where there is none.
	machine     *clusterv1.Machine
	cluster     *clusterv1.Cluster
	maasCluster *infrav1.MaasCluster
	// pool is the one that spec.hostPoolRef names, set by request and vacateHost; nil when there is none.
	pool *infrav1.MaasHostPool
	// host is the lease, set by findHost or leaseHost; nil when there is none.
	host *infrav1.MaasHost
	// image is what the server is to be installed with, set by findImage before a server is chosen.
	image infrav1.Image
	// wait says why there is no lease, nil when nothing is waited for.
	wait *wait
}

// wait is a reason of HostLeasedCondition with its message.
type wait struct {
	reason, message string
}

func (s *scope) deleting() bool { return !s.maasMachine.DeletionTimestamp.IsZero() }

func (s *scope) waitFor(reason, message string) {
	s.wait = &wait{reason: reason, message: message}
}

func (s *scope) logger(log logr.Logger) logr.Logger {
	if s.cluster != nil {
		log = log.WithValues("Cluster", klog.KObj(s.cluster))
	}
	if s.machine != nil {
		log = log.WithValues("Machine", klog.KObj(s.machine))
	}
	return log
}
