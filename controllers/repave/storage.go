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

package repave

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	intstr "k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/clock"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/cel"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/longhorn"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/pdb"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/portworx"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/promql"
	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth/rookceph"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// Storage returns the maker of the probers of all storages that a gate can ask. Its errors name the field of the RepaveGate that is at fault.
func Storage(clk clock.PassiveClock) NewProber {
	return func(storage *infrav1.RepaveStorage, cluster workload.Cluster) (storagehealth.Prober, error) {
		switch storage.Type {
		case infrav1.StoragePortworx:
			return portworxProber(&storage.Portworx, cluster, clk)
		case infrav1.StorageRookCeph:
			return rookceph.New(cluster, rookceph.Options{Namespace: storage.RookCeph.Namespace}, clk), nil
		case infrav1.StorageLonghorn:
			return longhorn.New(cluster, longhorn.Options{Namespace: storage.Longhorn.Namespace}, clk), nil
		case infrav1.StorageCEL:
			return celProber(&storage.CEL, cluster, clk)
		case infrav1.StoragePrometheus:
			return prometheusProber(&storage.Prometheus, cluster, clk)
		case infrav1.StoragePodDisruptionBudget:
			return budgetProber(&storage.PodDisruptionBudget, cluster, clk)
		case infrav1.StorageNone:
			return ungated{clock: clk}, nil
		}
		return nil, fmt.Errorf("spec.storage.type: %q is no storage that this version can ask", storage.Type)
	}
}

func celProber(spec *infrav1.CELStorage, cluster workload.Cluster, clk clock.PassiveClock) (storagehealth.Prober, error) {
	prober, err := cel.New(cluster, cel.Options{
		APIVersion: spec.APIVersion, Kind: spec.Kind, Namespace: spec.Namespace, Name: spec.Name, Whole: spec.Whole, Available: spec.Available,
	}, clk)
	if err != nil {
		return nil, fmt.Errorf("spec.storage.cel.%w", err)
	}
	return prober, nil
}

func prometheusProber(spec *infrav1.PrometheusStorage, cluster workload.Cluster, clk clock.PassiveClock) (storagehealth.Prober, error) {
	prober, err := promql.New(cluster, promql.Options{
		Namespace: spec.Namespace, Service: spec.Service, Port: port(spec.Port), Whole: spec.Whole, Available: spec.Available,
	}, clk)
	if err != nil {
		return nil, fmt.Errorf("spec.storage.prometheus.%w", err)
	}
	return prober, nil
}

func budgetProber(spec *infrav1.PodDisruptionBudgetStorage, cluster workload.Cluster, clk clock.PassiveClock) (storagehealth.Prober, error) {
	options := pdb.Options{Namespace: spec.Namespace}
	if spec.Selector != nil {
		selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
		if err != nil {
			return nil, fmt.Errorf("spec.storage.podDisruptionBudget.selector: %w", err)
		}
		options.Selector = selector
	}
	prober, err := pdb.New(cluster, options, clk)
	if err != nil {
		return nil, fmt.Errorf("spec.storage.podDisruptionBudget.%w", err)
	}
	return prober, nil
}

func portworxProber(spec *infrav1.PortworxStorage, cluster workload.Cluster, clk clock.PassiveClock) (storagehealth.Prober, error) {
	prober, err := portworx.New(cluster, portworx.Options{
		Mode: portworx.Mode(spec.Mode), Namespace: spec.Namespace, Service: spec.Service, Port: port(spec.Port), Scheme: string(spec.Scheme),
		TokenSecret: spec.TokenSecretName,
	}, clk)
	if err != nil {
		return nil, fmt.Errorf("spec.storage.portworx.%w", err)
	}
	return prober, nil
}

// port is a port by number or name, "" for the default.
func port(p *intstr.IntOrString) string {
	if p == nil {
		return ""
	}
	return p.String()
}

// ungated is the prober of a gate that was told to protect nothing.
type ungated struct{ clock clock.PassiveClock }

// Probe implements storagehealth.Prober. It knows nothing, and does not say otherwise.
func (u ungated) Probe(context.Context) (*storagehealth.Report, error) {
	return &storagehealth.Report{
		At: u.clock.Now(), Locality: storagehealth.Local, Available: storagehealth.Unknown, Whole: storagehealth.Unknown, Progress: -1,
		Detail: "the gate was told to ask no storage",
	}, nil
}

// Confirm implements storagehealth.Prober.
func (u ungated) Confirm(context.Context, []string, []string) (map[string]string, error) {
	return nil, nil
}
