# Every tool is built from the module that pins it (hack/tools/<module>/go.mod);
# nothing prebuilt is downloaded. A tool is built when it is missing or when its
# module's go.mod, go.sum or the Go version changed. hack/build-tools.sh knows
# which tool comes from where and how long it takes.

TOOLS_BIN := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../bin)
BUILD_TOOLS := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/build-tools.sh)

TOOLS_GEN := controller-gen kustomize
TOOLS_LAB := kustomize etcd kube-apiserver kube-controller-manager kube-scheduler kubeadm kubectl \
	capi-core capi-kubeadm-bootstrap capi-kubeadm-control-plane clusterctl kwok addon-provider

CONTROLLER_GEN := $(TOOLS_BIN)/controller-gen
KUSTOMIZE := $(TOOLS_BIN)/kustomize
KUBECTL := $(TOOLS_BIN)/kubectl
CLUSTERCTL := $(TOOLS_BIN)/clusterctl

.PHONY: tools-gen
tools-gen: ## Build the generators (controller-gen, kustomize)
	@$(BUILD_TOOLS) $(TOOLS_GEN)

.PHONY: tools-lab
tools-lab: ## Build everything the lab runs (10 to 15 minutes the first time on 2 cores)
	@$(BUILD_TOOLS) $(TOOLS_LAB)

.PHONY: tools
tools: ## Build all tools
	@$(BUILD_TOOLS) $(sort $(TOOLS_GEN) $(TOOLS_LAB))
