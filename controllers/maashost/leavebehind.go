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

package maashost

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// silence is how long MAAS must not have answered before a server may be left behind: a hiccup is no end.
const silence = 5 * time.Minute

// leaveBehind lets a lease go whose server cannot be given back because there is nobody to give it to: the credentials are gone or MAAS
// does not answer, and a person has said, with a reason, that it is to end. It never happens by itself, for whoever finds the server later, still
// allocated, would not know whether something runs on it.
func (r *Reconciler) leaveBehind(ctx context.Context, s *scope) bool {
	reason := strings.TrimSpace(s.host.Annotations[infrav1.LeaveBehindAnnotation])
	if !s.deleting() || reason == "" {
		return false
	}
	if s.session != nil {
		health := s.session.Snapshot().Health()
		since := health.LastSuccess
		if since.IsZero() {
			since = health.Since
		}
		if health.Err == nil || r.Clock.Since(since) < silence {
			return false
		}
	}
	ctrl.LoggerFrom(ctx).Info("Leaving the server behind", "systemID", s.host.Spec.SystemID, "reason", reason)
	r.Recorder.Eventf(s.host, nil, corev1.EventTypeWarning, "LeftBehind", "Release", "Server %s (%s) was not given back and may still run: "+
		"annotation %s says: %s", hostname(s), s.host.Spec.SystemID, infrav1.LeaveBehindAnnotation, reason)
	r.refusals.forget(s.host.UID)
	controllerutil.RemoveFinalizer(s.host, infrav1.HostFinalizer)
	return true
}
