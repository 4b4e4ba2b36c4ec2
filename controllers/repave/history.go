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

package repave

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// history is what of a Repave's status cannot be seen again.
type history struct {
	Steps []infrav1.RepaveStepRecord `json:"steps,omitempty"`
	After infrav1.StorageIdentity    `json:"after,omitempty,omitzero"`
}

// keepHistory repeats the history where clusterctl move carries it over. It changes with the steps, and with what the storage knows the node by.
func (r *Reconciler) keepHistory(ctx context.Context, one *infrav1.Repave) error {
	text, err := json.Marshal(history{one.Status.Steps, one.Status.After})
	if err != nil || len(one.Status.Steps) == 0 || one.Annotations[infrav1.RepaveHistoryAnnotation] == string(text) {
		return err
	}
	before := one.DeepCopy()
	metav1.SetMetaDataAnnotation(&one.ObjectMeta, infrav1.RepaveHistoryAnnotation, string(text))
	if err := r.Client.Patch(ctx, one, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("keeping the history of Repave %s: %w", one.Name, err)
	}
	return nil
}

// recall brings back the history of a Repave that has lost its status, and tells whether it did. What cannot be read has not been.
func recall(one *infrav1.Repave) bool {
	kept := history{}
	if len(one.Status.Steps) > 0 || json.Unmarshal([]byte(one.Annotations[infrav1.RepaveHistoryAnnotation]), &kept) != nil || len(kept.Steps) == 0 {
		return false
	}
	one.Status.Steps, one.Status.After = kept.Steps, kept.After
	last := kept.Steps[0]
	for _, step := range kept.Steps {
		if !step.EnteredTime.Before(&last.EnteredTime) {
			last = step
		}
	}
	one.Status.Step = last.Name
	return true
}

// recallClosed brings back the history of the records that are over.
func (r *Reconciler) recallClosed(ctx context.Context, s *scope) error {
	for _, one := range s.repaves {
		if one.Spec.Outcome == "" || one.Spec.ClosedTime.IsZero() {
			continue
		}
		before := one.DeepCopy()
		if !recall(one) {
			continue
		}
		conditions.Set(one, metav1.Condition{Type: infrav1.ReadyCondition, Status: metav1.ConditionTrue, Reason: infrav1.RepaveClosedReason})
		if err := r.writeProgress(ctx, before, one); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("recalling the history of Repave %s: %w", one.Name, err)
		}
	}
	return nil
}
