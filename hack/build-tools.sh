#!/usr/bin/env bash
# Builds the named tools into bin/ from the modules that pin them.
#
# usage: hack/build-tools.sh [-n] TOOL...      -n: only say what would be built
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/bin
stamps=$bin/.stamps
export CGO_ENABLED=0 GOWORK=off

# What a cold build of each tool takes, measured on 2 cores in this order; a
# tool is cheaper after another one of its module. For the estimate only.
# tool                       module       package                                      seconds
table='
controller-gen               generators   sigs.k8s.io/controller-tools/cmd/controller-gen    39
kustomize                    generators   sigs.k8s.io/kustomize/kustomize/v5                  5
etcd                         etcd         go.etcd.io/etcd/server/v3                          22
kube-apiserver               kubernetes   k8s.io/kubernetes/cmd/kube-apiserver              186
kubectl                      kubernetes   k8s.io/kubernetes/cmd/kubectl                      20
kubeadm                      kubernetes   k8s.io/kubernetes/cmd/kubeadm                      12
kube-controller-manager      kubernetes   k8s.io/kubernetes/cmd/kube-controller-manager      54
kube-scheduler               kubernetes   k8s.io/kubernetes/cmd/kube-scheduler                5
capi-core                    cluster-api  sigs.k8s.io/cluster-api/core                      101
capi-kubeadm-bootstrap       cluster-api  sigs.k8s.io/cluster-api/bootstrap/kubeadm           6
capi-kubeadm-control-plane   cluster-api  sigs.k8s.io/cluster-api/controlplane/kubeadm       15
clusterctl                   cluster-api  sigs.k8s.io/cluster-api/cmd/clusterctl             11
kwok                         kwok         sigs.k8s.io/kwok/cmd/kwok                          62
addon-provider               addon-provider sigs.k8s.io/cluster-api-addon-provider-helm     120
'

field() { awk -v t="$1" -v f="$2" '$1 == t { print $f }' <<<"$table"; }

# version MODULE PATH: what the module pins.
version() { (cd "$root/hack/tools/$1" && go list -m -f '{{.Version}}' "$2"); }

ldflags() {
  local flags="-s -w"
  if [[ $1 == kubernetes ]]; then
    # kubeadm and the API server derive behaviour from their own version.
    local v pkg=k8s.io/component-base/version
    v=$(version kubernetes k8s.io/kubernetes)
    local minor=${v#v*.}
    flags+=" -X $pkg.gitVersion=$v -X $pkg.gitMajor=1 -X $pkg.gitMinor=${minor%%.*}"
    flags+=" -X $pkg.gitCommit=unknown -X $pkg.gitTreeState=clean"
  fi
  echo "$flags"
}

fingerprint() {
  { go env GOVERSION GOOS GOARCH; cat "$root/hack/tools/$1/go.mod" "$root/hack/tools/$1/go.sum"; } | sha256sum | cut -d' ' -f1
}

# stale TOOL: is it missing or built from something else?
stale() {
  local module; module=$(field "$1" 2)
  [[ -x $bin/$1 ]] || return 0
  if [[ ! -f $stamps/$1 ]]; then
    # Built by hand or before there were stamps: judged by its age.
    [[ $bin/$1 -nt $root/hack/tools/$module/go.mod ]] || return 0
    fingerprint "$module" >"$stamps/$1"
  fi
  [[ $(fingerprint "$module") != "$(<"$stamps/$1")" ]]
}

span() { if (($1 < 60)); then echo "${1}s"; else printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); fi; }

build() {
  local tool=$1 module package
  module=$(field "$tool" 2) package=$(field "$tool" 3)
  (cd "$root/hack/tools/$module" &&
    go build -trimpath -buildvcs=false -ldflags "$(ldflags "$module")" -o "$bin/.$tool.new" "$package")
  mv "$bin/.$tool.new" "$bin/$tool"
  fingerprint "$module" >"$stamps/$tool"
}

main() {
  local dry=
  if [[ ${1:-} == -n ]]; then dry=1; shift; fi
  mkdir -p "$stamps"
  # One build at a time: a second make waits for the first and finds it done.
  exec 9>"$stamps/.lock"
  flock 9
  local tool todo=() left=0
  for tool in "$@"; do
    [[ -n $(field "$tool" 2) ]] || { echo "build-tools: no such tool: $tool" >&2; exit 2; }
  done
  # In the table's order, which is the one the estimates were measured in.
  while read -r tool _ _ seconds; do
    [[ -n $tool && " $* " == *" $tool "* ]] && stale "$tool" && todo+=("$tool") && left=$((left + seconds))
  done <<<"$table"
  if ((${#todo[@]} == 0)); then return; fi
  echo "Building ${#todo[@]} tool(s) into bin/, about $(span "$left") on 2 cores if nothing is cached: ${todo[*]}"
  if [[ -n $dry ]]; then return; fi
  local i=0 started
  for tool in "${todo[@]}"; do
    i=$((i + 1)) started=$SECONDS
    printf '[%d/%d] %-27s about %s left … ' "$i" "${#todo[@]}" "$tool" "$(span "$left")"
    build "$tool"
    echo "done in $(span $((SECONDS - started)))"
    left=$((left - $(field "$tool" 4)))
  done
}

main "$@"
