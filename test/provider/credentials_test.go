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
	"encoding/json"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/test/lab"
)

// otherCA is a certificate that signed nothing here.
const otherCA = `-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIBATAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDEwVvdGhlcjAe
-----END CERTIFICATE-----`

// TestCredentials: each thing that can be wrong is named, and mending the Secret ends it without a restart.
func TestCredentials(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		spoil   func(secret *corev1.Secret)
		reason  string
		message string
	}{
		{"no apiKey", func(s *corev1.Secret) { delete(s.StringData, "apiKey") }, infrav1.CredentialsInvalidReason, `no key "apiKey"`},
		{"malformed apiKey", func(s *corev1.Secret) { s.StringData["apiKey"] = "only:two" }, infrav1.CredentialsInvalidReason, "apiKey"},
		{"malformed endpoint", func(s *corev1.Secret) { s.StringData["endpoint"] = "maas.example" }, infrav1.CredentialsInvalidReason, "endpoint"},
		{"wrong key", func(s *corev1.Secret) { s.StringData["apiKey"] = "wrong:key:s3cr3t-0f-n0b0dy" }, infrav1.UnauthorizedReason, "refuses the API key"},
		{"no CA", func(s *corev1.Secret) { delete(s.StringData, "ca.crt") }, infrav1.UntrustedReason, `key "ca.crt"`},
		{"malformed CA", func(s *corev1.Secret) { s.StringData["ca.crt"] = otherCA }, infrav1.CredentialsInvalidReason, "ca.crt"},
		{"nobody answers", func(s *corev1.Secret) { s.StringData["endpoint"] = "http://172.16.0.2:9/MAAS" }, infrav1.UnreachableReason, "refused"},
		{"not a MAAS", func(s *corev1.Secret) { s.StringData["endpoint"] += "/nothing/here" }, infrav1.UnreachableReason, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := emptyWorld(t, 1)
			good := theLab.Credentials(w.ns, credentialsName)
			bad := good.DeepCopy()
			tt.spoil(bad)
			w.create(bad)
			w.cluster()
			w.await("the MaasCluster to say "+tt.reason, func() (bool, string) {
				ok, seen := w.condition(w.maasCluster(), infrav1.ReadyCondition, tt.reason)
				return ok && strings.Contains(seen, tt.message), seen
			})
			w.machine("m")
			w.mend(good)
			w.awaitProvisioned("m")
			w.deleteMachine("m")
			w.awaitGone("m")
			w.awaitAllFree()
		})
	}
}

func (w *world) mend(good *corev1.Secret) {
	w.Helper()
	secret := &corev1.Secret{}
	if err := w.Get(w.ctx, client.ObjectKeyFromObject(good), secret); err != nil {
		w.Fatal(err)
	}
	secret.Data = nil
	secret.StringData = good.StringData
	if err := w.Update(w.ctx, secret); err != nil {
		w.Fatal(err)
	}
}

// TestSecretMissing: the Secret that comes later is taken up.
func TestSecretMissing(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, 1)
	w.cluster()
	w.await("the MaasCluster to say that the Secret is missing", func() (bool, string) {
		return w.condition(w.maasCluster(), infrav1.ReadyCondition, infrav1.CredentialsNotFoundReason)
	})
	w.create(theLab.Credentials(w.ns, credentialsName))
	w.await("the MaasCluster to be ready", func() (bool, string) {
		return w.condition(w.maasCluster(), infrav1.ReadyCondition, infrav1.ReadyReason)
	})
}

// TestKeyRotated: a key that MAAS revokes is named; a new one in the Secret is taken up without a restart, and the machine that was
// there is not touched by any of it. No word of a key is ever printed.
func TestKeyRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	oldKey := w.sim().AddUser("rotating", true)
	secret := theLab.Credentials(w.ns, credentialsName)
	secret.StringData["apiKey"] = oldKey
	w.mend(secret)
	w.machine("m")
	w.awaitProvisioned("m")
	restarts := theLab.Manager(lab.MAAS).Restarts()

	newKey := w.sim().RotateKey("rotating")
	w.await("the MaasCluster to say that the key is refused", func() (bool, string) {
		return w.condition(w.maasCluster(), infrav1.ReadyCondition, infrav1.UnauthorizedReason)
	})
	secret.StringData["apiKey"] = newKey
	w.mend(secret)
	w.await("the MaasCluster to be ready again", func() (bool, string) {
		return w.condition(w.maasCluster(), infrav1.ReadyCondition, infrav1.ReadyReason)
	})
	w.awaitReason("m", infrav1.ReadyReason)
	w.machine("n")
	w.awaitProvisioned("n")
	w.deleteMachine("m", "n")
	w.awaitGone("m", "n")
	w.awaitAllFree()
	if got := theLab.Manager(lab.MAAS).Restarts(); got != restarts {
		t.Errorf("want no restart of the manager, got %d", got-restarts)
	}
	w.neverPrinted(oldKey, newKey)
}

// neverPrinted looks for the secret part of API keys in the manager's log and in everything that people may read in the namespace.
func (w *world) neverPrinted(keys ...string) {
	w.Helper()
	log, err := os.ReadFile(theLab.Manager(lab.MAAS).Log())
	if err != nil {
		w.Fatal(err)
	}
	shown := map[string][]byte{"the manager's log": log}
	for _, list := range []client.ObjectList{&infrav1.MaasClusterList{}, &infrav1.MaasMachineList{}, &infrav1.MaasHostList{},
		&infrav1.MaasHostPoolList{}, &eventsv1.EventList{}} {
		if err := w.List(w.ctx, list, client.InNamespace(w.ns)); err != nil {
			w.Fatal(err)
		}
		raw, err := json.Marshal(list)
		if err != nil {
			w.Fatal(err)
		}
		shown[strings.TrimPrefix(strings.TrimPrefix(strings.Split(string(raw[:40]), ",")[0], "{"), `"metadata":`)+string(rune(len(shown)))] = raw
	}
	for where, text := range shown {
		for _, key := range keys {
			for _, part := range strings.Split(key, ":")[1:] {
				if bytes.Contains(text, []byte(part)) {
					w.Errorf("want no part of an API key printed, found one in %s", where)
				}
			}
		}
	}
}
