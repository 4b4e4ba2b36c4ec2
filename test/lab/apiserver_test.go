package lab

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestAPIServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	started := time.Now()
	s, err := StartAPIServer(t.Context(), APIServerConfig{ControllerManager: true, CRDs: []string{Repository() + "/config/crd/bases"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %s", time.Since(started).Round(time.Millisecond))
	c, err := client.New(s.AdminConfig(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Processes() {
		rss, err := p.RSS()
		if err != nil {
			t.Error(err)
		}
		t.Logf("%s: %d MB", p.Name(), rss>>20)
	}
	s.Stop()
	for _, p := range s.Processes() {
		if p.Running() {
			t.Errorf("%s still runs", p.Name())
		}
	}
}
