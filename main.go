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

// Command manager runs the controllers and webhooks of the MAAS infrastructure provider.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/workqueue"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/logs"
	logsv1 "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/flags"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
	"github.com/capmaas/cluster-api-provider-maas/controllers/maascluster"
	"github.com/capmaas/cluster-api-provider-maas/controllers/maasclusteridentity"
	"github.com/capmaas/cluster-api-provider-maas/controllers/maashost"
	"github.com/capmaas/cluster-api-provider-maas/controllers/maashostpool"
	"github.com/capmaas/cluster-api-provider-maas/controllers/maasmachine"
	"github.com/capmaas/cluster-api-provider-maas/controllers/maasmachinetemplate"
	"github.com/capmaas/cluster-api-provider-maas/controllers/maasremediation"
	"github.com/capmaas/cluster-api-provider-maas/controllers/repave"
	"github.com/capmaas/cluster-api-provider-maas/pkg/access"
	"github.com/capmaas/cluster-api-provider-maas/pkg/admission"
	"github.com/capmaas/cluster-api-provider-maas/pkg/inventory"
	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
	maasclient "github.com/capmaas/cluster-api-provider-maas/pkg/maas/client"
	"github.com/capmaas/cluster-api-provider-maas/pkg/reconciletime"
	"github.com/capmaas/cluster-api-provider-maas/pkg/workload"
)

// version is set by the linker.
var version = "dev"

const controllerName = "cluster-api-provider-maas-manager"

// options are the command line.
type options struct {
	manager          flags.ManagerOptions
	logs             *logs.Options
	healthAddr       string
	profilerAddress  string
	namespace        string
	watchFilter      string
	leaderElect      bool
	leaseDuration    time.Duration
	renewDeadline    time.Duration
	retryPeriod      time.Duration
	syncPeriod       time.Duration
	concurrency      int
	kubeAPIQPS       float32
	kubeAPIBurst     int
	maasQPS          float64
	maasPollInterval time.Duration
	maasRelist       time.Duration
	webhookPort      int
	webhookCertDir   string
	webhookCertName  string
	webhookKeyName   string
}

func (o *options) addFlags(fs *pflag.FlagSet) {
	o.logs = logs.NewOptions()
	logsv1.AddFlags(o.logs, fs)
	flags.AddManagerOptions(fs, &o.manager)
	fs.StringVar(&o.healthAddr, "health-addr", ":9440", "The address the health endpoint binds to.")
	fs.StringVar(&o.profilerAddress, "profiler-address", "", "Bind address of the pprof profiler (e.g. localhost:6060); off when empty.")
	fs.StringVar(&o.namespace, "namespace", "", "Namespace to watch; all namespaces when empty.")
	fs.StringVar(&o.watchFilter, "watch-filter", "",
		"Value of the label "+clusterv1.WatchLabel+" that objects must have to be reconciled; all objects when empty.")
	fs.BoolVar(&o.leaderElect, "leader-elect", false, "Elect a leader, so that several replicas can run.")
	fs.DurationVar(&o.leaseDuration, "leader-elect-lease-duration", 15*time.Second, "How long non-leaders wait before they take over.")
	fs.DurationVar(&o.renewDeadline, "leader-elect-renew-deadline", 10*time.Second, "How long the leader tries to renew before it gives up.")
	fs.DurationVar(&o.retryPeriod, "leader-elect-retry-period", 2*time.Second, "Time between tries to become or stay leader.")
	fs.DurationVar(&o.syncPeriod, "sync-period", 10*time.Minute, "How often every object is reconciled although nothing changed.")
	fs.IntVar(&o.concurrency, "concurrency", 10,
		"Number of objects of each kind to reconcile at the same time; of MaasHosts and MaasMachines, that many may wait for MAAS.")
	fs.Float32Var(&o.kubeAPIQPS, "kube-api-qps", 100, "Requests per second to the API server.")
	fs.IntVar(&o.kubeAPIBurst, "kube-api-burst", 200, "Requests to the API server that may exceed the rate for a moment.")
	fs.Float64Var(&o.maasQPS, "maas-qps", 0, "Requests per second to each MAAS; the client's default when 0.")
	fs.DurationVar(&o.maasPollInterval, "maas-poll-interval", time.Second, "How often the event log of each MAAS is read.")
	fs.DurationVar(&o.maasRelist, "maas-relist-interval", inventory.DefaultRelistInterval,
		"How often all machines of each MAAS are listed, to find what its event log does not tell: deleted machines, changed tags, pools, zones.")
	fs.IntVar(&o.webhookPort, "webhook-port", 9443, "Port of the webhook server.")
	fs.StringVar(&o.webhookCertDir, "webhook-cert-dir", "/tmp/k8s-webhook-server/serving-certs/", "Directory of the webhook's certificate.")
	fs.StringVar(&o.webhookCertName, "webhook-cert-name", "tls.crt", "File of the webhook's certificate.")
	fs.StringVar(&o.webhookKeyName, "webhook-key-name", "tls.key", "File of the webhook's key.")
}

func main() {
	opts := &options{}
	opts.addFlags(pflag.CommandLine)
	pflag.CommandLine.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	pflag.CommandLine.AddGoFlagSet(flag.CommandLine)
	pflag.Parse()
	if err := run(opts); err != nil {
		klog.Background().Error(err, "Manager ended")
		klog.Flush()
		os.Exit(1)
	}
}

func run(opts *options) error {
	if err := logsv1.ValidateAndApply(opts.logs, nil); err != nil {
		return fmt.Errorf("logging flags: %w", err)
	}
	ctrl.SetLogger(klog.Background())
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	mgr, err := newManager(opts, restConfig)
	if err != nil {
		return err
	}
	ctx := ctrl.SetupSignalHandler()
	if err := mgr.AddHealthzCheck("webhook", mgr.GetWebhookServer().StartedChecker()); err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("webhook", mgr.GetWebhookServer().StartedChecker()); err != nil {
		return fmt.Errorf("readiness check: %w", err)
	}
	if err := setupControllers(ctx, mgr, opts); err != nil {
		return err
	}
	if err := setupWebhooks(mgr); err != nil {
		return err
	}
	ctrl.Log.Info("Starting manager", "version", version)
	return mgr.Start(ctx)
}

func newManager(opts *options, restConfig *rest.Config) (ctrl.Manager, error) {
	tlsOptions, metricsOptions, err := flags.GetManagerOptions(opts.manager)
	if err != nil {
		return nil, fmt.Errorf("manager flags: %w", err)
	}
	restConfig.QPS, restConfig.Burst = opts.kubeAPIQPS, opts.kubeAPIBurst
	restConfig.UserAgent = controllerName + "/" + version
	restConfig.Wrap(reconciletime.Transport)
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, clusterv1.AddToScheme, ipamv1.AddToScheme, infrav1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("scheme: %w", err)
		}
	}
	var namespaces map[string]cache.Config
	if opts.namespace != "" {
		namespaces = map[string]cache.Config{opts.namespace: {}}
	}
	usePriorityQueue := true
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                        scheme,
		Controller:                    config.Controller{UsePriorityQueue: &usePriorityQueue, CacheSyncTimeout: 5 * time.Minute},
		LeaderElection:                opts.leaderElect,
		LeaderElectionID:              "controller-leader-election-capmaas",
		LeaderElectionResourceLock:    resourcelock.LeasesResourceLock,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &opts.leaseDuration,
		RenewDeadline:                 &opts.renewDeadline,
		RetryPeriod:                   &opts.retryPeriod,
		HealthProbeBindAddress:        opts.healthAddr,
		PprofBindAddress:              opts.profilerAddress,
		Metrics:                       *metricsOptions,
		Cache:                         cache.Options{DefaultNamespaces: namespaces, SyncPeriod: &opts.syncPeriod},
		// These are read one by one: caching them would need the right to list them all, and the memory to hold them.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{
			&corev1.Secret{}, &corev1.ConfigMap{}, &corev1.Namespace{},
		}}},
		WebhookServer: webhook.NewServer(webhook.Options{
			Port: opts.webhookPort, CertDir: opts.webhookCertDir, CertName: opts.webhookCertName, KeyName: opts.webhookKeyName,
			TLSOpts: tlsOptions,
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	return mgr, nil
}

// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

func setupControllers(ctx context.Context, mgr ctrl.Manager, opts *options) error {
	requests, err := maasclient.NewMetrics(metrics.Registry)
	if err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	registry := inventory.NewRegistry(inventory.Options{
		NewClient: func(c inventory.Credentials) (maas.Client, error) {
			return maasclient.New(maasclient.Options{
				Endpoint: c.Endpoint, APIKey: c.APIKey, CABundle: c.CABundle, QPS: opts.maasQPS, Metrics: requests,
				UserAgent: controllerName + "/" + version,
			})
		},
		Logger:   ctrl.Log.WithName("inventory"),
		Follower: inventory.FollowerOptions{PollInterval: opts.maasPollInterval, RelistInterval: opts.maasRelist},
	})
	if err := mgr.Add(registry); err != nil {
		return fmt.Errorf("adding the inventory: %w", err)
	}
	managerNamespace := os.Getenv("POD_NAMESPACE")
	resolver := access.NewResolver(mgr.GetClient(), registry, clock.RealClock{}, managerNamespace)
	recorder := mgr.GetEventRecorder(controllerName)
	if err := (&maascluster.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Access: resolver, Recorder: recorder, Clock: clock.RealClock{}, WatchFilterValue: opts.watchFilter,
	}).SetupWithManager(ctx, mgr, opts.controller()); err != nil {
		return err
	}
	if err := (&maasmachine.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Access: resolver, Recorder: recorder, Clock: clock.RealClock{},
		WatchFilterValue: opts.watchFilter,
	}).SetupWithManager(ctx, mgr, opts.controller()); err != nil {
		return err
	}
	if err := (&maashost.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Access: resolver, Recorder: recorder, Clock: clock.RealClock{},
		WatchFilterValue: opts.watchFilter,
	}).SetupWithManager(ctx, mgr, opts.controller()); err != nil {
		return err
	}
	if err := (&maasclusteridentity.Reconciler{
		Client: mgr.GetClient(), Access: resolver, ManagerNamespace: managerNamespace, WatchFilterValue: opts.watchFilter,
	}).SetupWithManager(ctx, mgr, opts.controller()); err != nil {
		return err
	}
	if err := (&maashostpool.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Access: resolver, Recorder: recorder, Clock: clock.RealClock{},
		WatchFilterValue: opts.watchFilter,
	}).SetupWithManager(ctx, mgr, opts.controller()); err != nil {
		return err
	}
	if err := setupGate(ctx, mgr, opts, recorder); err != nil {
		return err
	}
	if err := (&maasremediation.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Access: resolver, Recorder: recorder, Clock: clock.RealClock{},
		WatchFilterValue: opts.watchFilter,
	}).SetupWithManager(ctx, mgr, opts.controller()); err != nil {
		return err
	}
	return (&maasmachinetemplate.Reconciler{
		Client: mgr.GetClient(), Access: resolver, WatchFilterValue: opts.watchFilter,
	}).SetupWithManager(ctx, mgr, opts.controller())
}

// setupGate adds the controller of RepaveGates, which works for Machines of any provider.
func setupGate(ctx context.Context, mgr ctrl.Manager, opts *options, recorder events.EventRecorder) error {
	figures, err := repave.NewMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	return (&repave.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Recorder: recorder, Clock: clock.RealClock{}, Metrics: figures,
		Workloads:        &workload.Kubeconfigs{Reader: mgr.GetClient(), UserAgent: controllerName + "/" + version},
		NewProber:        repave.Storage(clock.RealClock{}),
		WatchFilterValue: opts.watchFilter,
	}).SetupWithManager(ctx, mgr, opts.controller())
}

// controller returns the options of one controller. An object that fails is tried again after half a minute at the latest: whatever an
// operator repairs should be noticed soon.
func (o *options) controller() controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: o.concurrency,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](50*time.Millisecond, 30*time.Second),
	}
}

func setupWebhooks(mgr ctrl.Manager) error {
	if err := (&admission.MaasMachineTemplate{}).SetupWithManager(mgr); err != nil {
		return fmt.Errorf("MaasMachineTemplate webhook: %w", err)
	}
	if err := (&admission.MaasClusterTemplate{}).SetupWithManager(mgr); err != nil {
		return fmt.Errorf("MaasClusterTemplate webhook: %w", err)
	}
	return nil
}
