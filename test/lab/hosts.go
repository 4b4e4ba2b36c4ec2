package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/hostagent"
	"github.com/capmaas/cluster-api-provider-maas/test/lab/sandbox"
)

// hosts is the rack: what runs on the servers that MAAS switches.
type hosts struct {
	agent *hostagent.Agent
	vips  *vips
}

// startHosts prepares the host agent. It costs little, so a lab without real
// hosts has it too; only the static busybox is then not needed.
func (l *Lab) startHosts(ctx context.Context) error {
	if l.cfg.MAAS.Hollow {
		return nil
	}
	busybox, err := staticShell()
	if err != nil {
		return err
	}
	if err := requireTools("kubeadm", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"); err != nil {
		return err
	}
	stages, err := podStages()
	if err != nil {
		return err
	}
	h := &hosts{vips: newVIPs(ctx, l.bridge, l.log)}
	h.agent, err = hostagent.New(hostagent.Config{
		Bridge: l.bridge, Bits: managementNetwork.Bits(), Tools: filepath.Join(Repository(), "bin"), Busybox: busybox,
		Dir: l.dir, Logs: filepath.Join(l.cfg.Artifacts, "logs", "hosts"), KwokStages: stages, Endpoints: h.vips, Logger: l.log,
	})
	l.hosts = h
	return err
}

// podStages are kwok's own stages for pods. Those for nodes are left out: a
// node's state is the host agent's to tell.
func podStages() ([]byte, error) {
	dir, err := moduleDir("kwok", "sigs.k8s.io/kwok")
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, name := range []string{"pod-ready", "pod-complete", "pod-delete"} {
		raw, err := os.ReadFile(filepath.Join(dir, "kustomize", "stage", "pod", "fast", name+".yaml"))
		if err != nil {
			return nil, fmt.Errorf("reading kwok's stages: %w", err)
		}
		all = append(append(all, raw...), "\n---\n"...)
	}
	return all, nil
}

// stopHosts has nothing to wait for: the hosts end with MAAS.
func (l *Lab) stopHosts() {}

// HostProcesses are the processes that run on a host now.
func (l *Lab) HostProcesses(systemID string) []*sandbox.Process {
	if l.hosts == nil {
		return nil
	}
	return l.hosts.agent.Processes(systemID)
}
