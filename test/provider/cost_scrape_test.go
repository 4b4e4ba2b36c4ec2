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

package provider

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// metrics reads the manager's metrics as Prometheus would: with the token of a ServiceAccount that may. Nobody else may.
func (w *world) metrics() io.Reader {
	w.Helper()
	if status, _ := w.scrape(""); status != http.StatusUnauthorized {
		w.Errorf("want metrics refused without a token, got %d", status)
	}
	status, body := w.scrape(w.metricsToken())
	if status != http.StatusOK {
		w.Fatalf("want metrics with a token that may read them, got %d", status)
	}
	return body
}

// metricsToken is of a ServiceAccount of the world that may read metrics.
func (w *world) metricsToken() string {
	w.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "prometheus"}}
	for _, o := range []client.Object{
		account,
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: w.ns}, Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: w.ns},
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: w.ns},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.ns, Name: account.Name}}},
	} {
		if err := w.WithWatch.Create(w.ctx, o); err != nil && !apierrors.IsAlreadyExists(err) {
			w.Fatalf("creating %T %s: %v", o, o.GetName(), err)
		}
	}
	request := &authenticationv1.TokenRequest{}
	if err := w.SubResource("token").Create(w.ctx, account, request); err != nil {
		w.Fatal(err)
	}
	return request.Status.Token
}

func (w *world) scrape(token string) (int, io.Reader) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+theLab.Manager(lab.MAAS).Address()+":8443/metrics", nil)
	if err != nil {
		w.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// The manager makes the certificate of its metrics itself.
	insecure := &tls.Config{InsecureSkipVerify: true, RootCAs: x509.NewCertPool()} //nolint:gosec // self-signed, on the lab's own network
	res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: insecure, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res.StatusCode, bytes.NewReader(body)
}
