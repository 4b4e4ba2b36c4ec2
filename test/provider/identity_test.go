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
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

// managerNamespace is where config/default puts the manager.
const managerNamespace = "capmaas-system"

// identityWorld is a world whose cluster uses a MaasClusterIdentity, which allows nobody yet; its key is that of a MAAS user of the same name.
func identityWorld(t *testing.T, servers int) (*world, *infrav1.MaasClusterIdentity, string) {
	t.Helper()
	w := emptyWorld(t, servers)
	key := w.sim().AddUser(w.ns, true)
	secret := theLab.Credentials(managerNamespace, w.ns)
	secret.StringData["apiKey"] = key
	w.create(secret)
	identity := &infrav1.MaasClusterIdentity{ObjectMeta: metav1.ObjectMeta{Name: w.ns}, Spec: infrav1.MaasClusterIdentitySpec{
		SecretRef: infrav1.IdentitySecretReference{Name: w.ns},
	}}
	w.create(identity)
	t.Cleanup(func() { _ = w.Delete(context.WithoutCancel(w.ctx), identity) })
	ref := infrav1.CredentialsReference{Kind: infrav1.CredentialsIdentity, Name: identity.Name}
	w.cluster(func(c *infrav1.MaasCluster, _ *clusterv1.Cluster) { c.Spec.CredentialsRef = ref })
	pool := &infrav1.MaasHostPool{ObjectMeta: w.meta(poolName)}
	w.patch(pool, func() { pool.Spec.CredentialsRef = ref })
	return w, identity, key
}

// TestContractIdentity: a namespace gets at MAAS by an identity while that allows it, by list or by label, and not a moment longer, except to give
// back what it has.
func TestContractIdentity(t *testing.T) {
	t.Parallel()
	w, identity, key := identityWorld(t, 2)
	w.await("the identity to be ready", func() (bool, string) {
		if err := w.Get(w.ctx, client.ObjectKeyFromObject(identity), identity); err != nil {
			return false, err.Error()
		}
		ok, seen := w.condition(identity, infrav1.ReadyCondition, infrav1.ReadyReason)
		return ok && identity.Status.MAAS.User == w.ns, seen
	})
	w.awaitCluster(infrav1.NamespaceNotAllowedReason)
	secret := &corev1.Secret{}
	w.await("the identity to own its Secret, so that it moves with it", func() (bool, string) {
		if err := w.Get(w.ctx, client.ObjectKey{Namespace: managerNamespace, Name: w.ns}, secret); err != nil {
			return false, err.Error()
		}
		owners := secret.OwnerReferences
		return len(owners) == 1 && owners[0].UID == identity.UID, ""
	})

	w.patch(identity, func() { identity.Spec.AllowedNamespaces.List = []string{w.ns} })
	w.awaitCluster(infrav1.ReadyReason)
	w.machine("m")
	w.awaitProvisioned("m")
	if v := w.view(w.lease().Name); v.Owner != w.ns {
		t.Errorf("want the server to be the identity's user's, got %q", v.Owner)
	}

	writes := w.writes()
	w.patch(identity, func() { identity.Spec.AllowedNamespaces = infrav1.AllowedNamespaces{List: []string{"somebody-else"}} })
	w.awaitCluster(infrav1.NamespaceNotAllowedReason)
	w.machine("n")
	w.await("the new machine to say why it gets no server", func() (bool, string) {
		_, seen := w.condition(w.maasMachine("n"), infrav1.ReadyCondition, "")
		return strings.Contains(seen, "does not allow namespace "+w.ns), seen
	})
	w.meanwhile()
	if got := w.writes() - writes; got != 0 || len(w.hosts()) != 1 {
		t.Errorf("want nothing begun for a namespace that is not allowed, got %d calls and %d leases", got, len(w.hosts()))
	}
	w.deleteMachine("m")
	w.awaitGone("m")

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}}
	w.patch(namespace, func() { metav1.SetMetaDataLabel(&namespace.ObjectMeta, "capmaas.test/tier", w.ns) })
	w.patch(identity, func() {
		identity.Spec.AllowedNamespaces = infrav1.AllowedNamespaces{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"capmaas.test/tier": w.ns}},
		}
	})
	w.awaitClusterNow(infrav1.ReadyReason)
	w.awaitProvisioned("n")
	w.deleteMachine("n")
	w.awaitGone("n")
	w.awaitAllFree()
	w.neverPrinted(key)
}

// TestSecretGoesFirst: when a namespace is deleted its Secrets wait for nothing. What is being deleted is given back all the same.
func TestSecretGoesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.machine("m")
	w.awaitProvisioned("m")
	if err := w.Delete(w.ctx, &corev1.Secret{ObjectMeta: w.meta(credentialsName)}); err != nil {
		t.Fatal(err)
	}
	w.await("the MaasCluster to miss its Secret", w.touching(func() (bool, string) {
		return w.condition(w.maasCluster(), infrav1.ReadyCondition, infrav1.CredentialsNotFoundReason)
	}))
	if conditions.IsTrue(w.maasCluster(), infrav1.MaasAvailableCondition) {
		t.Error("want MAAS not available without a Secret for what is not being deleted")
	}
	w.deleteMachine("m")
	w.awaitGone("m")
	w.awaitAllFree()
	w.deleteCluster()
	w.awaitNo(&clusterv1.Cluster{ObjectMeta: w.meta(clusterName)})
}
