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

package maasremediation

import (
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/remediation"
)

// scope carries the facts of one reconcile. Phases set them; status.go turns them into the condition.
type scope struct {
	remediation *infrav1.MaasRemediation
	// now is when the reconcile began, started when the remediation did.
	now, started time.Time
	// machine and cluster are set by findOwners, nil when they are gone.
	machine *clusterv1.Machine
	cluster *clusterv1.Cluster
	// host, its pool and maasMachine are set by findHost, nil when there is none.
	host        *infrav1.MaasHost
	pool        *infrav1.MaasHostPool
	maasMachine *infrav1.MaasMachine
	// maasProblem is set by lookAtMaas while MAAS cannot be reached.
	maasProblem string
	// guarded and away are set by lookAtGate.
	guarded bool
	away    []string
	// input and took are set by plan.
	input remediation.Input
	took  remediation.Plan
}

func (s *scope) logger(log logr.Logger) logr.Logger {
	if s.machine != nil {
		log = log.WithValues("Machine", klog.KObj(s.machine))
	}
	if s.cluster != nil {
		log = log.WithValues("Cluster", klog.KObj(s.cluster))
	}
	return log
}

// start reads when the remediation began, and notes it at the first sight, or when what is noted is no time.
func (s *scope) start() {
	started, err := time.Parse(time.RFC3339, s.remediation.Annotations[infrav1.RemediationStartAnnotation])
	if err == nil {
		s.started = started
		return
	}
	s.started = s.now.Truncate(time.Second)
	metav1.SetMetaDataAnnotation(&s.remediation.ObjectMeta, infrav1.RemediationStartAnnotation, s.started.UTC().Format(time.RFC3339))
}
