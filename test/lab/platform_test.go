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

package lab

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// platform is what "clusterctl init" finds in a cluster with nodes and with cert-manager, for the management cluster of a lab that has neither: Deployments of
// providers run as processes behind their Services, Certificates get their Secrets, and what asks for a CA gets it.
type platform struct {
	lab       *Lab
	providers map[string]Provider // by the label that clusterctl puts on their objects
	running   map[client.ObjectKey]*Manager
	failed    error // in the last round
}

const (
	providerLabel      = "cluster.x-k8s.io/provider"
	injectCAAnnotation = "cert-manager.io/inject-ca-from"
)

var certificateKind = schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}

// run goes on until the context ends, and returns what it could not do last. Most of what fails is early: kinds and objects are still to come.
func (p *platform) run(ctx context.Context) error {
	for {
		var errs []error
		for _, step := range []func(context.Context) error{p.issueCertificates, p.injectCAs, p.runDeployments} {
			if err := step(ctx); !apimeta.IsNoMatchError(err) {
				errs = append(errs, err)
			}
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return p.failed
		}
		p.failed = errors.Join(errs...)
	}
}

// issueCertificates does what cert-manager's controllers do, with the lab's CA for every issuer.
func (p *platform) issueCertificates(ctx context.Context) error {
	certificates := &unstructured.UnstructuredList{}
	certificates.SetGroupVersionKind(certificateKind)
	if err := p.lab.client.List(ctx, certificates); err != nil {
		return err
	}
	for i := range certificates.Items {
		certificate := &certificates.Items[i]
		if hasCondition(certificate, "Ready") {
			continue
		}
		names, _, _ := unstructured.NestedStringSlice(certificate.Object, "spec", "dnsNames")
		secret, _, _ := unstructured.NestedString(certificate.Object, "spec", "secretName")
		pair, err := p.lab.api.ca.issue(certificateName(names), names...)
		if err != nil {
			return err
		}
		err = p.lab.client.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: certificate.GetNamespace(), Name: secret}, Type: corev1.SecretTypeTLS,
			Data: map[string][]byte{"tls.crt": pair.cert, "tls.key": pair.key, "ca.crt": p.lab.api.ca.pem},
		})
		if client.IgnoreAlreadyExists(err) != nil {
			return err
		}
		ready := map[string]any{"type": "Ready", "status": "True", "reason": "Ready", "message": "Issued by the lab"}
		if err := unstructured.SetNestedSlice(certificate.Object, []any{ready}, "status", "conditions"); err != nil {
			return err
		}
		if err := p.lab.client.Status().Update(ctx, certificate); err != nil {
			return err
		}
	}
	return nil
}

// injectCAs does what cert-manager's cainjector does.
func (p *platform) injectCAs(ctx context.Context) error {
	ca := base64.StdEncoding.EncodeToString(p.lab.api.ca.pem)
	for _, kind := range []schema.GroupVersionKind{
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "MutatingWebhookConfiguration"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingWebhookConfiguration"},
		{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		if err := p.lab.client.List(ctx, list); err != nil {
			return err
		}
		for i := range list.Items {
			u := &list.Items[i]
			namespace, name, ok := strings.Cut(u.GetAnnotations()[injectCAAnnotation], "/")
			if !ok {
				continue
			}
			certificate := &unstructured.Unstructured{}
			certificate.SetGroupVersionKind(certificateKind)
			if err := p.lab.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, certificate); err != nil {
				if client.IgnoreNotFound(err) == nil {
					continue
				}
				return err
			}
			if inject(u, ca) {
				if err := p.lab.client.Update(ctx, u); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// inject puts the CA in wherever a Service is called, and tells whether it was missing.
func inject(u *unstructured.Unstructured, ca string) (changed bool) {
	put := func(config map[string]any) {
		if config["caBundle"] != ca {
			config["caBundle"], changed = ca, true
		}
	}
	if config, found, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "conversion", "webhook", "clientConfig"); found {
		put(config.(map[string]any))
	}
	hooks, _, _ := unstructured.NestedFieldNoCopy(u.Object, "webhooks")
	all, _ := hooks.([]any)
	for _, hook := range all {
		put(hook.(map[string]any)["clientConfig"].(map[string]any))
	}
	return changed
}

// runDeployments does what the Deployment controller, the scheduler and a kubelet do with the providers' Deployments.
func (p *platform) runDeployments(ctx context.Context) error {
	deployments := &appsv1.DeploymentList{}
	if err := p.lab.client.List(ctx, deployments, client.HasLabels{providerLabel}); err != nil {
		return err
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		m := p.running[client.ObjectKeyFromObject(d)]
		if m == nil {
			if err := p.start(ctx, d); err != nil {
				return err
			}
			continue
		}
		url, err := m.probeURL()
		if err != nil {
			return err
		}
		available := corev1.ConditionFalse
		if getOK(ctx, http.DefaultClient, url) == nil {
			available = corev1.ConditionTrue
		}
		if len(d.Status.Conditions) == 1 && d.Status.Conditions[0].Status == available {
			continue
		}
		d.Status.ObservedGeneration, d.Status.Replicas = d.Generation, 1
		d.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentAvailable, Status: available, Reason: "Probe", LastTransitionTime: metav1.Now(), LastUpdateTime: metav1.Now(),
		}}
		if err := p.lab.client.Status().Update(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// start runs a Deployment's manager once the Secrets that it mounts are there, and leads its Services there.
func (p *platform) start(ctx context.Context, d *appsv1.Deployment) error {
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.Secret == nil {
			continue
		}
		err := p.lab.client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: v.Secret.SecretName}, &corev1.Secret{})
		if err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	provider, ok := p.providers[d.Labels[providerLabel]]
	if !ok {
		return fmt.Errorf("deployment %s is of %s, which the lab has no program of", d.Name, d.Labels[providerLabel])
	}
	binary, err := provider.Binary(ctx, p.lab)
	if err != nil {
		return err
	}
	m, err := p.lab.newManager(provider, d, binary)
	if err != nil {
		return err
	}
	if err := m.mountFiles(ctx, p.lab.api.ca, nil); err != nil {
		return err
	}
	if err := p.leadServices(ctx, d, m.address); err != nil {
		return err
	}
	p.lab.managers = append(p.lab.managers, m)
	p.running[client.ObjectKeyFromObject(d)] = m
	return m.Start()
}

func (p *platform) leadServices(ctx context.Context, d *appsv1.Deployment, address string) error {
	services := &corev1.ServiceList{}
	if err := p.lab.client.List(ctx, services, client.InNamespace(d.Namespace)); err != nil {
		return err
	}
	for i := range services.Items {
		s := &services.Items[i]
		if !selects(s.Spec.Selector, d.Spec.Template.Labels) {
			continue
		}
		slice := &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: s.Namespace, Name: s.Name, Labels: map[string]string{discoveryv1.LabelServiceName: s.Name},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}}},
		}
		for _, port := range s.Spec.Ports {
			target, err := targetPort(s, d, int64(port.Port))
			if err != nil {
				return err
			}
			slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: ptr.To(port.Name), Port: ptr.To(int32(target)), Protocol: ptr.To(corev1.ProtocolTCP)})
		}
		if err := client.IgnoreAlreadyExists(p.lab.client.Create(ctx, slice)); err != nil {
			return err
		}
	}
	return nil
}
