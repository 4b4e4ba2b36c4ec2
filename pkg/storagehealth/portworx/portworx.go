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

// Package portworx reads Portworx: its nodes, volumes and replicas from the REST gateway of its SDK, reached through the workload cluster's API
// server, and what its operator knows from the objects StorageCluster and StorageNode.
//
// What Portworx does not say counts against it: a copy is in sync only if the volume's runtime state proves it, and whatever cannot be read
// is an error, which the gate takes for "unknown".
package portworx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"k8s.io/utils/clock"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// Mode is where Portworx has its data.
type Mode string

const (
	// LocalDisks are the nodes' own.
	LocalDisks Mode = "LocalDisks"
	// FlashArrayCloudDrives are sets of array volumes that move from node to node.
	FlashArrayCloudDrives Mode = "FlashArrayCloudDrives"
	// FlashArrayDirectAccess gives each volume an array volume of its own.
	FlashArrayDirectAccess Mode = "FlashArrayDirectAccess"
)

// The defaults of Options.
const (
	DefaultNamespace = "portworx"
	DefaultService   = "portworx-api"
	DefaultPort      = "9021"
	// userToken is the Secret that Portworx's operator keeps a token in while Portworx's security is on.
	userToken = "px-user-token"
)

// Options say where Portworx is found. The zero value is Portworx on local disks with its defaults.
type Options struct {
	Mode Mode
	// Namespace of the StorageCluster, of the Service and of the Secret.
	Namespace string
	// Service and Port (number or name) of the REST gateway; Scheme is http or https.
	Service, Port, Scheme string
	// TokenSecret holds a token under the key "auth-token". When empty, Portworx's own is used if its security is on.
	TokenSecret string
}

// Prober reads one Portworx.
type Prober struct {
	cluster workload.Cluster
	options Options
	clock   clock.PassiveClock
}

var _ storagehealth.Prober = (*Prober)(nil)

// New makes a Prober. An error is about the options.
func New(cluster workload.Cluster, options Options, clk clock.PassiveClock) (*Prober, error) {
	defaults := Options{Mode: LocalDisks, Namespace: DefaultNamespace, Service: DefaultService, Port: DefaultPort, Scheme: "http"}
	for _, field := range []struct{ value, standard *string }{
		{(*string)(&options.Mode), (*string)(&defaults.Mode)}, {&options.Namespace, &defaults.Namespace}, {&options.Service, &defaults.Service},
		{&options.Port, &defaults.Port}, {&options.Scheme, &defaults.Scheme},
	} {
		if *field.value == "" {
			*field.value = *field.standard
		}
	}
	if !slices.Contains([]Mode{LocalDisks, FlashArrayCloudDrives, FlashArrayDirectAccess}, options.Mode) {
		return nil, fmt.Errorf("mode: %q is none of %s, %s, %s", options.Mode, LocalDisks, FlashArrayCloudDrives, FlashArrayDirectAccess)
	}
	if options.Scheme != "http" && options.Scheme != "https" {
		return nil, fmt.Errorf("scheme: %q is neither http nor https", options.Scheme)
	}
	return &Prober{cluster: cluster, options: options, clock: clk}, nil
}

// Probe implements storagehealth.Prober with three calls to Portworx and three to five to the API server.
func (p *Prober) Probe(ctx context.Context) (*storagehealth.Report, error) {
	report := &storagehealth.Report{At: p.clock.Now(), Locality: p.locality(), Placed: true}
	session, objects, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkCluster(ctx, session, objects); err != nil {
		return nil, err
	}
	nodes, err := readNodes(ctx, session)
	if err != nil {
		return nil, err
	}
	known := newRoster(nodes, objects)
	if known.err != nil {
		return nil, known.err
	}
	if report.DriveSets, err = known.readUse(ctx, p, objects); err != nil {
		return nil, err
	}
	volumes, err := readVolumes(ctx, session, known)
	if err != nil {
		return nil, err
	}
	if volumes.seen == 0 {
		if err := p.checkNoVolumes(ctx); err != nil {
			return nil, err
		}
	}
	report.Nodes, report.Volumes = known.nodes, volumes.volumes
	report.Progress = volumes.progress()
	report.Busy = strings.Join(append(objects.busy(), known.busy...), "; ")
	return report, nil
}

func (p *Prober) locality() storagehealth.Locality {
	switch p.options.Mode {
	case FlashArrayCloudDrives:
		return storagehealth.Movable
	case FlashArrayDirectAccess:
		return storagehealth.Remote
	case LocalDisks:
	}
	return storagehealth.Local
}

// open reads what the operator knows, which also says whether calls need a token.
func (p *Prober) open(ctx context.Context) (*session, *operatorView, error) {
	objects, err := readOperatorView(ctx, p.cluster, p.options.Namespace)
	if err != nil {
		return nil, nil, err
	}
	s := &session{cluster: p.cluster, options: &p.options, secret: p.options.TokenSecret}
	if s.secret == "" && objects.secured {
		s.secret = userToken
	}
	return s, objects, nil
}

// checkCluster makes sure that it is the Portworx that the StorageCluster describes, and that it has quorum: without it, it does not know its volumes.
func checkCluster(ctx context.Context, s *session, objects *operatorView) error {
	answer := clusterResponse{}
	if err := s.call(ctx, http.MethodGet, "/v1/clusters/inspectcurrent", nil, into(&answer)); err != nil {
		return err
	}
	c := &answer.Cluster
	if c.ID == "" {
		return errors.New("portworx does not say which cluster it is")
	}
	if objects.clusterUID != "" && c.ID != objects.clusterUID {
		return fmt.Errorf("the Service belongs to the Portworx cluster %s, the StorageCluster to %s", c.ID, objects.clusterUID)
	}
	// It is the view of the node that answered. These are the ones with which it still belongs to the others.
	switch status := statusName(c.Status); status {
	case "STATUS_OK", "STATUS_MAINTENANCE", "STATUS_POOLMAINTENANCE", "STATUS_NEEDS_REBOOT", "STATUS_STORAGE_DOWN", "STATUS_STORAGE_DEGRADED",
		"STATUS_STORAGE_REBALANCE", "STATUS_STORAGE_DRIVE_REPLACE":
		return nil
	default:
		return fmt.Errorf("portworx says that it is %s as a whole", plain(status))
	}
}
