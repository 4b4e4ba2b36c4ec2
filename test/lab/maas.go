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
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capmaas/cluster-api-provider-maas/test/lab/hostagent"
	"github.com/capmaas/cluster-api-provider-maas/test/maassim"
)

// MAASConfig says what the simulated MAAS is like.
type MAASConfig struct {
	// Timings and Speed are the simulator's; without either everything takes a
	// second or less.
	Timings maassim.Timings
	Speed   float64
	// Plain serves HTTP instead of HTTPS with the lab's CA.
	Plain bool
	// Hollow servers fetch their user data and do nothing with it: for labs in
	// which Machines bring their own bootstrap data.
	Hollow bool
	// FourNIC gives MAAS the networks of the reference architecture, with VLANs,
	// and servers four network interfaces on their fabrics. Without it there is
	// the management network only, and servers have one interface on it.
	FourNIC bool
	// NonAdmin makes the API key of Credentials an ordinary user's.
	NonAdmin bool
}

// maasServer is the simulator with its HTTP server.
type maasServer struct {
	sim    *maassim.Server
	http   *http.Server
	apiKey string
}

const maasPort = "5240"

// diskDir is where the contents of a host's disk are.
func (l *Lab) diskDir(hostname, disk string) string {
	return filepath.Join(l.dir, "hosts", hostname, disk)
}

// quick are timings for those who do not want to watch servers boot.
func quick() maassim.Timings {
	return maassim.Timings{
		Commit: 100 * time.Millisecond, PowerOn: 200 * time.Millisecond, PowerOff: 200 * time.Millisecond,
		NetBoot: 500 * time.Millisecond, Install: 500 * time.Millisecond, Boot: 500 * time.Millisecond,
		Erase: 500 * time.Millisecond, Commission: time.Second, Test: time.Second,
	}
}

// startMAAS serves the simulator on the management network.
func (l *Lab) startMAAS(ctx context.Context) error {
	cfg := maassim.Config{Timings: l.cfg.MAAS.Timings, Speed: l.cfg.MAAS.Speed, Logger: l.log}
	if cfg.Speed == 0 && cfg.Timings == (maassim.Timings{}) {
		cfg.Timings = quick()
	}
	if l.hosts != nil {
		cfg.Chassis = &rack{lab: l}
	}
	m := &maasServer{sim: maassim.New(cfg)}
	l.maas = m
	l.addNetworks(m.sim)
	m.apiKey = m.sim.AddUser("capmaas", !l.cfg.MAAS.NonAdmin)
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(maasAddress.Addr().String(), maasPort))
	if err != nil {
		return fmt.Errorf("serving MAAS: %w", err)
	}
	if !l.cfg.MAAS.Plain {
		pair, err := l.api.ca.issue(pkix.Name{CommonName: "maas"}, maasAddress.Addr().String(), "maas.lab")
		if err != nil {
			return err
		}
		cert, err := pair.tls()
		if err != nil {
			return fmt.Errorf("serving MAAS: %w", err)
		}
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	m.http = &http.Server{Handler: m.sim, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := m.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			l.log.Error("Serving MAAS", "error", err)
		}
	}()
	return nil
}

// addNetworks adds the management network, and where they are asked for the
// others of the reference architecture. Frames have no VLANs in the lab: hosts
// are on the management network whatever MAAS makes of their interfaces.
func (l *Lab) addNetworks(sim *maassim.Server) {
	management := maassim.SubnetSpec{
		Name: "management", CIDR: managementNetwork.String(),
		// The lab's own addresses, and a part for virtual addresses.
		Reserved: []string{"172.16.0.1-172.16.0.255", "172.16.3.0-172.16.3.254"},
	}
	if !l.cfg.MAAS.FourNIC {
		management.Gateway = labAddress.Addr().String()
		sim.AddSubnet(management)
		return
	}
	management.Fabric, management.VID = "mgmt", 10
	sim.AddSubnet(maassim.SubnetSpec{Name: "pxe", CIDR: "192.168.0.0/22", Fabric: "mgmt"})
	sim.AddSubnet(management)
	sim.AddSubnet(maassim.SubnetSpec{Name: "data", CIDR: "10.20.0.0/16", Fabric: "data", VID: 20, Gateway: "10.20.30.1"})
}

// nics are those of a server.
func (l *Lab) nics() []maassim.NIC {
	if !l.cfg.MAAS.FourNIC {
		return []maassim.NIC{{Name: "eth0", Subnet: managementNetwork.String(), Mode: maassim.LinkAuto}}
	}
	return []maassim.NIC{
		{Name: "enp1s0", Subnet: "pxe"}, {Name: "enp2s0", Fabric: "mgmt"}, {Name: "enp1s1", Fabric: "data"}, {Name: "enp2s1", Fabric: "data"},
	}
}

func (l *Lab) stopMAAS() {
	if l.maas == nil {
		return
	}
	if l.maas.http != nil {
		_ = l.maas.http.Close()
	}
	l.maas.sim.Close()
}

// MAAS is the simulator.
func (l *Lab) MAAS() *maassim.Server { return l.maas.sim }

// MAASEndpoint is the URL of the simulated MAAS inside the lab.
func (l *Lab) MAASEndpoint() string {
	scheme := "https"
	if l.cfg.MAAS.Plain {
		scheme = "http"
	}
	return scheme + "://" + net.JoinHostPort(maasAddress.Addr().String(), maasPort) + "/MAAS"
}

// Credentials is the Secret with which a MaasCluster reaches the simulator.
func (l *Lab) Credentials(namespace, name string) *corev1.Secret {
	data := map[string]string{"endpoint": l.MAASEndpoint(), "apiKey": l.maas.apiKey}
	if !l.cfg.MAAS.Plain {
		data["ca.crt"] = string(l.api.ca.pem)
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: data,
	}
}

// AddHost adds a server to the simulated MAAS, with a folder for each of its
// disks, and returns its system id. Without NICs or disks in the spec it has
// the interfaces of the lab's servers, a boot disk and two data disks.
func (l *Lab) AddHost(spec maassim.MachineSpec) (string, error) {
	if spec.Hostname == "" {
		return "", errors.New("adding a host: it needs a hostname")
	}
	if len(spec.NICs) == 0 {
		spec.NICs = l.nics()
	}
	if len(spec.Disks) == 0 {
		spec.Disks = []maassim.Disk{
			{Name: "sda", Model: "boot", Serial: spec.Hostname + "-boot", SizeBytes: 480 << 30},
			{Name: "nvme0n1", Model: "data", Serial: spec.Hostname + "-data-0", SizeBytes: 3840 << 30},
			{Name: "nvme1n1", Model: "data", Serial: spec.Hostname + "-data-1", SizeBytes: 3840 << 30},
		}
	}
	spec.Disks = slices.Clone(spec.Disks)
	for i := range spec.Disks {
		d := &spec.Disks[i]
		if d.Dir == "" {
			d.Dir = l.diskDir(spec.Hostname, d.Name)
		}
		if err := os.MkdirAll(d.Dir, 0o755); err != nil {
			return "", fmt.Errorf("adding host %s: %w", spec.Hostname, err)
		}
	}
	return l.maas.sim.AddMachine(spec), nil
}

// rack is the simulator's chassis: the host agent on the other end of the
// power switch.
type rack struct{ lab *Lab }

var _ maassim.Chassis = (*rack)(nil)

// Boot implements maassim.Chassis.
func (r *rack) Boot(ctx context.Context, b maassim.Boot) {
	address, err := managementOf(b.Addresses)
	if err != nil || len(b.Disks) == 0 {
		r.lab.log.Error("Booting a host", "host", b.Hostname, "disks", len(b.Disks), "error", err)
		return
	}
	view, _ := r.lab.maas.sim.Machine(b.SystemID)
	r.lab.hosts.agent.Boot(ctx, hostagent.Server{
		SystemID: b.SystemID, Hostname: b.Hostname, FQDN: b.FQDN, Zone: view.Zone, Image: b.DistroSeries,
		// The first disk is the one the installer takes.
		Address: address, Root: b.Disks[0].Dir, FetchUserData: b.FetchUserData,
	})
	r.lab.storageDown(b.Hostname)
}

// PowerOff implements maassim.Chassis; everything ended when Boot returned.
func (r *rack) PowerOff(string) {}

func managementOf(addresses []string) (netip.Addr, error) {
	for _, a := range addresses {
		if ip, err := netip.ParseAddr(a); err == nil && managementNetwork.Contains(ip) {
			return ip, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("none of its addresses %v is on %s", addresses, managementNetwork)
}
