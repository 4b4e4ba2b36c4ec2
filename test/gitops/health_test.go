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

// Package gitops_test proves what docs/gitops says of health: Argo CD's script is run by the interpreter that Argo CD has, and Flux's rules by the packages
// that Flux has.
package gitops_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/cel-go/cel"
	lua "github.com/yuin/gopher-lua"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/capmaas/cluster-api-provider-maas/api/v1beta2"
)

const docs = "../../docs/gitops/"

// What is said of an object.
const (
	healthy, progressing, degraded, suspended = "Healthy", "Progressing", "Degraded", "Suspended"
	current, inProgress, failed, terminating  = status.CurrentStatus, status.InProgressStatus, status.FailedStatus, status.TerminatingStatus
)

var generation3 = metav1.ObjectMeta{Name: "one", Namespace: "clusters", Generation: 3}

func condition(kind string, value metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: value, Reason: reason, Message: message, ObservedGeneration: 3}
}

func ready(value metav1.ConditionStatus, reason, message string) metav1.Condition {
	return condition(infrav1.ReadyCondition, value, reason, message)
}

// TestHealth: what the two tools say of our kinds in all walks of life. Flux says by kstatus what is under way and what is there; what failed it says by the
// expressions of the example.
func TestHealth(t *testing.T) {
	paused := condition("Paused", metav1.ConditionTrue, "Paused", "")
	stale := ready(metav1.ConditionTrue, infrav1.ReadyReason, "")
	stale.ObservedGeneration = 2
	deleted := generation3
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Unix(0, 0)}
	for name, tc := range map[string]struct {
		object any
		argo   string
		says   string
		flux   status.Status
	}{
		"cluster made just now":      {object: &infrav1.MaasCluster{ObjectMeta: generation3}, argo: progressing, says: "Waiting for conditions", flux: inProgress},
		"cluster ready":              {object: maasCluster(3, ready(metav1.ConditionTrue, infrav1.ReadyReason, "")), argo: healthy, flux: current},
		"cluster changed since":      {object: maasCluster(2, stale), argo: progressing, says: "not been looked at", flux: inProgress},
		"cluster waits for MAAS":     {object: maasCluster(3, ready(metav1.ConditionFalse, infrav1.UnreachableReason, "no route")), argo: progressing, says: "no route", flux: inProgress},
		"cluster has a bad key":      {object: maasCluster(3, ready(metav1.ConditionFalse, infrav1.UnauthorizedReason, "key")), argo: degraded, says: "key", flux: failed},
		"cluster's address in use":   {object: maasCluster(3, ready(metav1.ConditionFalse, infrav1.VIPInUseReason, "172.16.3.1")), argo: degraded, says: "172.16.3.1", flux: failed},
		"cluster paused":             {object: maasCluster(3, paused, ready(metav1.ConditionTrue, infrav1.ReadyReason, "")), argo: suspended, flux: current},
		"pool with room":             {object: pool(3, ready(metav1.ConditionTrue, infrav1.ReadyReason, "")), argo: healthy, flux: current},
		"pool too small":             {object: pool(3, ready(metav1.ConditionFalse, infrav1.TooFewHostsReason, "2 of 3")), argo: degraded, says: "2 of 3", flux: failed},
		"pool not counted":           {object: pool(3, ready(metav1.ConditionUnknown, infrav1.ConnectingReason, "first look")), argo: progressing, says: "first look", flux: inProgress},
		"gate that lets all go":      {object: gate(3, ready(metav1.ConditionTrue, infrav1.ReadyReason, "")), argo: healthy, flux: current},
		"gate that holds":            {object: gate(3, ready(metav1.ConditionTrue, infrav1.HeldReason, "Machine a waits")), argo: healthy, says: "Machine a waits", flux: current},
		"gate that hears nothing":    {object: gate(3, ready(metav1.ConditionFalse, infrav1.StorageNotAskedReason, "timeout")), argo: progressing, says: "timeout", flux: inProgress},
		"gate of no cluster":         {object: gate(3, ready(metav1.ConditionFalse, infrav1.ClusterNotFoundReason, "no")), argo: degraded, says: "no", flux: failed},
		"gate beside another":        {object: gate(3, ready(metav1.ConditionFalse, infrav1.AnotherGateReason, "older")), argo: degraded, says: "older", flux: failed},
		"gate changed since":         {object: gate(2, stale), argo: progressing, flux: inProgress},
		"identity refused":           {object: identity(3, ready(metav1.ConditionFalse, infrav1.CredentialsNotFoundReason, "Secret")), argo: degraded, says: "Secret", flux: failed},
		"machine being installed":    {object: machine(ready(metav1.ConditionFalse, infrav1.DeployingReason, "12 minutes")), argo: progressing, says: "12 minutes", flux: inProgress},
		"machine that failed":        {object: machine(ready(metav1.ConditionFalse, infrav1.DeployFailedReason, "curtin")), argo: degraded, says: "curtin", flux: inProgress},
		"machine that finds no host": {object: machine(ready(metav1.ConditionFalse, infrav1.NoHostFitsReason, "0 of 4")), argo: degraded, says: "0 of 4", flux: inProgress},
		"pool being deleted": {object: &infrav1.MaasHostPool{ObjectMeta: deleted, Status: infrav1.MaasHostPoolStatus{ObservedGeneration: 3,
			Conditions: []metav1.Condition{ready(metav1.ConditionFalse, infrav1.DeletingReason, "2 servers have not left")}}}, argo: progressing, says: "2 servers", flux: terminating},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := objectOf(t, tc.object)
			if got, message := argoHealth(t, object); got != tc.argo || !strings.Contains(message, tc.says) {
				t.Errorf("Argo CD says %s, %q; want %s, %q", got, message, tc.argo, tc.says)
			}
			if got := fluxStatus(t, object); got != tc.flux {
				t.Errorf("Flux says %s, want %s", got, tc.flux)
			}
		})
	}
}

func maasCluster(observed int64, conditions ...metav1.Condition) any {
	return &infrav1.MaasCluster{ObjectMeta: generation3, Status: infrav1.MaasClusterStatus{ObservedGeneration: observed, Conditions: conditions}}
}

func pool(observed int64, conditions ...metav1.Condition) any {
	return &infrav1.MaasHostPool{ObjectMeta: generation3, Status: infrav1.MaasHostPoolStatus{ObservedGeneration: observed, Conditions: conditions}}
}

func gate(observed int64, conditions ...metav1.Condition) any {
	return &infrav1.RepaveGate{ObjectMeta: generation3, Status: infrav1.RepaveGateStatus{ObservedGeneration: observed, Conditions: conditions}}
}

func identity(observed int64, conditions ...metav1.Condition) any {
	return &infrav1.MaasClusterIdentity{ObjectMeta: generation3, Status: infrav1.MaasClusterIdentityStatus{ObservedGeneration: observed, Conditions: conditions}}
}

func machine(conditions ...metav1.Condition) any {
	return &infrav1.MaasMachine{ObjectMeta: generation3, Status: infrav1.MaasMachineStatus{Conditions: conditions}}
}

// TestClusterHealth: a Cluster goes by Available, and by what keeps its topology from being reconciled.
func TestClusterHealth(t *testing.T) {
	for name, tc := range map[string]struct {
		conditions string
		argo       string
		flux       status.Status
	}{
		"made just now":        {"[]", progressing, inProgress},
		"not available yet":    {`[{"type": "Available", "status": "False", "reason": "NotAvailable"}]`, progressing, inProgress},
		"available":            {`[{"type": "Available", "status": "True"}, {"type": "Ready", "status": "False"}]`, healthy, current},
		"topology contradicts": {`[{"type": "Available", "status": "True"}, {"type": "TopologyReconciled", "status": "False", "reason": "ReconcileFailed"}]`, degraded, failed},
		"upgrade goes on":      {`[{"type": "Available", "status": "True"}, {"type": "TopologyReconciled", "status": "False", "reason": "ClusterUpgrading"}]`, healthy, current},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := map[string]any{}
			if err := json.Unmarshal([]byte(`{"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": "prod"}, "status": {"conditions": `+tc.conditions+`}}`), &object); err != nil {
				t.Fatal(err)
			}
			if got, _ := argoHealth(t, object); got != tc.argo {
				t.Errorf("Argo CD says %s, want %s", got, tc.argo)
			}
			if got := fluxStatus(t, object); got != tc.flux {
				t.Errorf("Flux says %s, want %s", got, tc.flux)
			}
		})
	}
}

// TestReasonsExist: the script and the expressions name reasons that there are.
func TestReasonsExist(t *testing.T) {
	known, err := os.ReadFile("../../docs/conditions.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(docs + "argocd-health.lua")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`(\w+) = true`).FindAllStringSubmatch(string(script), -1)
	for _, e := range expressions(t) {
		reasons = append(reasons, regexp.MustCompile(`'([A-Z]\w+)'`).FindAllStringSubmatch(regexp.MustCompile(`in \[[^\]]*\]`).FindString(e.Failed), -1)...)
	}
	if len(reasons) < 30 {
		t.Fatalf("found %d reasons", len(reasons))
	}
	for _, reason := range reasons {
		if !strings.Contains(string(known), "`"+reason[1]+"`") {
			t.Errorf("there is no reason %s", reason[1])
		}
	}
}

// objectOf is an object as an API server gives it.
func objectOf(t *testing.T, o any) map[string]any {
	t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	name := reflect.TypeOf(o).Elem().Name()
	object["apiVersion"], object["kind"] = infrav1.GroupVersion.String(), name
	return object
}

// argoHealth runs the script as Argo CD does: with the object as global obj and few of Lua's libraries.
func argoHealth(t *testing.T, object map[string]any) (health, message string) {
	t.Helper()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString} {
		l.Push(l.NewFunction(open))
		l.Push(lua.LString(name))
		l.Call(1, 0)
	}
	l.SetGlobal("obj", luaValue(l, object))
	if err := l.DoFile(docs + "argocd-health.lua"); err != nil {
		t.Fatal(err)
	}
	result, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the script returns %s", l.Get(-1).Type())
	}
	return lua.LVAsString(result.RawGetString("status")), lua.LVAsString(result.RawGetString("message"))
}

func luaValue(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(luaValue(l, item))
		}
		return table
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, luaValue(l, item))
		}
		return table
	}
	return lua.LNil
}

// healthCheckExpression is one of a Kustomization of Flux.
type healthCheckExpression struct {
	APIVersion, Kind            string
	InProgress, Failed, Current string
}

// expressions are those of the example.
func expressions(t *testing.T) []healthCheckExpression {
	t.Helper()
	raw, err := os.ReadFile(docs + "example/flux.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []healthCheckExpression
	for document := range strings.SplitSeq(string(raw), "\n---\n") {
		var kustomization struct {
			Spec struct {
				HealthCheckExprs []healthCheckExpression
			}
		}
		if err := yaml.Unmarshal([]byte(document), &kustomization); err != nil {
			t.Fatal(err)
		}
		all = append(all, kustomization.Spec.HealthCheckExprs...)
	}
	return all
}

// fluxStatus goes by the expressions where there are some for the kind, in the order in which Flux asks, and by kstatus for other kinds.
func fluxStatus(t *testing.T, object map[string]any) status.Status {
	t.Helper()
	all := expressions(t)
	u := &unstructured.Unstructured{Object: object}
	i := slices.IndexFunc(all, func(e healthCheckExpression) bool { return e.APIVersion == u.GetAPIVersion() && e.Kind == u.GetKind() })
	result, err := status.Compute(u)
	if err != nil {
		t.Fatal(err)
	}
	if i < 0 || result.Status == terminating {
		return result.Status
	}
	if observed, found, _ := unstructured.NestedInt64(object, "status", "observedGeneration"); found && observed != u.GetGeneration() {
		return inProgress
	}
	for _, ask := range []struct {
		expression string
		means      status.Status
	}{{all[i].InProgress, inProgress}, {all[i].Failed, failed}, {all[i].Current, current}} {
		if ask.expression != "" && evaluate(t, ask.expression, object) {
			return ask.means
		}
	}
	return inProgress
}

func evaluate(t *testing.T, expression string, object map[string]any) bool {
	t.Helper()
	var options []cel.EnvOption
	for _, field := range []string{"metadata", "spec", "status"} {
		options = append(options, cel.Variable(field, cel.DynType))
	}
	environment, err := cel.NewEnv(options...)
	if err != nil {
		t.Fatal(err)
	}
	ast, issues := environment.Compile(expression)
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	program, err := environment.Program(ast)
	if err != nil {
		t.Fatal(err)
	}
	result, _, err := program.Eval(object)
	// What cannot be evaluated, for want of a status, does not hold.
	return err == nil && result.Value() == true
}
