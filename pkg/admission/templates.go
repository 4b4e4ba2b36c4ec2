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

package admission

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/cluster-api/util/topology"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// +kubebuilder:webhook:verbs=update,path=/validate-infrastructure-cluster-x-k8s-io-v1beta2-maasmachinetemplate,mutating=false,failurePolicy=fail,sideEffects=None,groups=infrastructure.cluster.x-k8s.io,resources=maasmachinetemplates,versions=v1beta2,name=validation.maasmachinetemplate.infrastructure.cluster.x-k8s.io,admissionReviewVersions=v1,matchPolicy=Equivalent
// +kubebuilder:webhook:verbs=update,path=/validate-infrastructure-cluster-x-k8s-io-v1beta2-maasclustertemplate,mutating=false,failurePolicy=fail,sideEffects=None,groups=infrastructure.cluster.x-k8s.io,resources=maasclustertemplates,versions=v1beta2,name=validation.maasclustertemplate.infrastructure.cluster.x-k8s.io,admissionReviewVersions=v1,matchPolicy=Equivalent

// What to do instead of changing a template.
const (
	machineTemplateHint = "is immutable: Cluster API rolls machines out when the reference to a template changes, not when the template does. " +
		"Make a copy under a new name and refer to that from the MachineDeployment, the control plane or the ClusterClass"
	clusterTemplateHint = "is immutable: every Cluster of the ClusterClass would change at once. " +
		"Make a copy under a new name and refer to that from the ClusterClass"
)

// MaasMachineTemplate refuses changes of spec.template.spec.
type MaasMachineTemplate struct{}

var _ ctrladmission.Validator[*infrav1.MaasMachineTemplate] = &MaasMachineTemplate{}

// SetupWithManager registers the webhook with the manager's server.
func (w *MaasMachineTemplate) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewWebhookManagedBy(mgr, &infrav1.MaasMachineTemplate{}).WithValidator(w).Complete()
}

// ValidateCreate accepts everything.
func (*MaasMachineTemplate) ValidateCreate(context.Context, *infrav1.MaasMachineTemplate) (ctrladmission.Warnings, error) {
	return nil, nil
}

// ValidateUpdate refuses a change of spec.template.spec unless it is the dry run of a Cluster topology.
func (*MaasMachineTemplate) ValidateUpdate(ctx context.Context, before, after *infrav1.MaasMachineTemplate) (ctrladmission.Warnings, error) {
	return nil, immutable(ctx, "MaasMachineTemplate", after, before.Spec.Template.Spec, after.Spec.Template.Spec, machineTemplateHint)
}

// ValidateDelete accepts everything.
func (*MaasMachineTemplate) ValidateDelete(context.Context, *infrav1.MaasMachineTemplate) (ctrladmission.Warnings, error) {
	return nil, nil
}

// MaasClusterTemplate refuses changes of spec.template.spec.
type MaasClusterTemplate struct{}

var _ ctrladmission.Validator[*infrav1.MaasClusterTemplate] = &MaasClusterTemplate{}

// SetupWithManager registers the webhook with the manager's server.
func (w *MaasClusterTemplate) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewWebhookManagedBy(mgr, &infrav1.MaasClusterTemplate{}).WithValidator(w).Complete()
}

// ValidateCreate accepts everything.
func (*MaasClusterTemplate) ValidateCreate(context.Context, *infrav1.MaasClusterTemplate) (ctrladmission.Warnings, error) {
	return nil, nil
}

// ValidateUpdate refuses a change of spec.template.spec unless it is the dry run of a Cluster topology.
func (*MaasClusterTemplate) ValidateUpdate(ctx context.Context, before, after *infrav1.MaasClusterTemplate) (ctrladmission.Warnings, error) {
	return nil, immutable(ctx, "MaasClusterTemplate", after, before.Spec.Template.Spec, after.Spec.Template.Spec, clusterTemplateHint)
}

// ValidateDelete accepts everything.
func (*MaasClusterTemplate) ValidateDelete(context.Context, *infrav1.MaasClusterTemplate) (ctrladmission.Warnings, error) {
	return nil, nil
}

// immutable refuses a change from one spec to another. The topology controller changes templates in dry runs to learn whether it has to
// make a new one, so those have to pass (Cluster API contract for InfraMachineTemplates).
func immutable(ctx context.Context, kind string, object client.Object, before, after any, hint string) error {
	request, err := ctrladmission.RequestFromContext(ctx)
	if err != nil {
		return apierrors.NewInternalError(fmt.Errorf("reading the admission request of %s %s: %w", kind, object.GetName(), err))
	}
	if topology.IsDryRunRequest(request, object) || apiequality.Semantic.DeepEqual(before, after) {
		return nil
	}
	return apierrors.NewInvalid(infrav1.GroupVersion.WithKind(kind).GroupKind(), object.GetName(), field.ErrorList{
		field.Forbidden(field.NewPath("spec", "template", "spec"), hint),
	})
}
