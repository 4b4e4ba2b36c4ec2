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

package maascluster

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
)

// connect opens the session with MAAS and learns what the region says of itself and of the key.
func (r *Reconciler) connect(ctx context.Context, s *scope) error {
	open := r.Access.Open
	if s.deleting() {
		open = r.Access.OpenToFinish
	}
	session, problem, err := open(ctx, s.maasCluster.Namespace, s.maasCluster.Spec.CredentialsRef)
	if err != nil {
		return err
	}
	if problem != nil {
		s.problem = problem
		return nil
	}
	s.session = session
	s.problem = access.Check(session)
	if s.problem != nil {
		return nil
	}
	region, err := r.Access.Region(ctx, session)
	if err != nil {
		// The follower's health, not this call, decides whether MAAS is available.
		ctrl.LoggerFrom(ctx).Error(err, "Reading version and user of MAAS")
		return nil
	}
	s.maasCluster.Status.MAAS = region
	return nil
}

// provideEndpoint sees to the control plane endpoint.
func (r *Reconciler) provideEndpoint(ctx context.Context, s *scope) error {
	switch s.maasCluster.Spec.Endpoint.Type {
	case infrav1.EndpointVIP:
		return r.provideVIP(ctx, s)
	case infrav1.EndpointExternal:
		takeOverEndpoint(s)
	case infrav1.EndpointDNS:
		return r.provideDNS(ctx, s)
	}
	return nil
}

// takeOverEndpoint takes the endpoint that the user set on the Cluster.
func takeOverEndpoint(s *scope) {
	if s.maasCluster.Spec.ControlPlaneEndpoint.Host != "" {
		return
	}
	given := s.cluster.Spec.ControlPlaneEndpoint
	if given.Host == "" || given.Port == 0 {
		s.endpointProblem = &access.Problem{Reason: infrav1.WaitingForEndpointReason,
			Message: "Endpoint type External: set Cluster.spec.controlPlaneEndpoint to the host and port of the load balancer"}
		return
	}
	s.maasCluster.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: given.Host, Port: given.Port}
}
