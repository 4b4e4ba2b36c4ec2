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
	"encoding/base64"
	"fmt"
	"net"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// routeWebhooks points all webhooks at the addresses of the processes behind
// the Services, as there is no service network, and puts the CA in, as there is
// no cert-manager.
func (c *components) routeWebhooks(addressOf func(*appsv1.Deployment) string, ca []byte) error {
	for _, u := range c.objects {
		var err error
		switch u.GetKind() {
		case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
			err = c.routeConfiguration(u, addressOf, ca)
		case "CustomResourceDefinition":
			conversion, found, _ := unstructured.NestedMap(u.Object, "spec", "conversion", "webhook", "clientConfig")
			if !found {
				continue
			}
			if err = c.routeClient(conversion, addressOf, ca); err == nil {
				err = unstructured.SetNestedMap(u.Object, conversion, "spec", "conversion", "webhook", "clientConfig")
			}
		}
		if err != nil {
			return fmt.Errorf("routing webhooks of %s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
	return nil
}

func (c *components) routeConfiguration(u *unstructured.Unstructured, addressOf func(*appsv1.Deployment) string, ca []byte) error {
	hooks, _, err := unstructured.NestedSlice(u.Object, "webhooks")
	if err != nil {
		return err
	}
	for _, h := range hooks {
		hook, ok := h.(map[string]any)
		if !ok {
			return fmt.Errorf("unexpected webhook %v", h)
		}
		config, _, _ := unstructured.NestedMap(hook, "clientConfig")
		if err := c.routeClient(config, addressOf, ca); err != nil {
			return err
		}
		hook["clientConfig"] = config
	}
	return unstructured.SetNestedSlice(u.Object, hooks, "webhooks")
}

// routeClient turns clientConfig.service into clientConfig.url.
func (c *components) routeClient(config map[string]any, addressOf func(*appsv1.Deployment) string, ca []byte) error {
	ref, found, _ := unstructured.NestedMap(config, "service")
	if !found {
		return nil
	}
	namespace, _ := ref["namespace"].(string)
	name, _ := ref["name"].(string)
	path, _ := ref["path"].(string)
	port := int64(443)
	if p, ok := ref["port"].(int64); ok {
		port = p
	}
	svc, deployment, err := c.deploymentOf(namespace, name)
	if err != nil {
		return err
	}
	target, err := targetPort(svc, deployment, port)
	if err != nil {
		return err
	}
	delete(config, "service")
	config["url"] = "https://" + net.JoinHostPort(addressOf(deployment), strconv.Itoa(target)) + path
	config["caBundle"] = base64.StdEncoding.EncodeToString(ca)
	return nil
}

// targetPort follows a Service's port to the container's.
func targetPort(svc *corev1.Service, d *appsv1.Deployment, port int64) (int, error) {
	for _, p := range svc.Spec.Ports {
		if int64(p.Port) != port {
			continue
		}
		if p.TargetPort.StrVal == "" {
			if p.TargetPort.IntVal != 0 {
				return int(p.TargetPort.IntVal), nil
			}
			return int(p.Port), nil
		}
		return containerPort(d, p.TargetPort.StrVal)
	}
	return 0, fmt.Errorf("service %s has no port %d", svc.Name, port)
}

func containerPort(d *appsv1.Deployment, name string) (int, error) {
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name {
				return int(p.ContainerPort), nil
			}
		}
	}
	return 0, fmt.Errorf("deployment %s has no port named %s", d.Name, name)
}
