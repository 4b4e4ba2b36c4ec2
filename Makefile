# "make help" lists what there is. Every tool is built from modules that are pinned under hack/tools; nothing prebuilt is downloaded.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# The toolchain that is installed, never one that go fetches on the way.
export GOTOOLCHAIN := local

ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
BIN := $(ROOT)/bin
OUT := $(ROOT)/out

include hack/tools.mk

GOLANGCI_LINT := $(BIN)/golangci-lint

# Every module of the tree, and those of them that hold code of ours to test and lint.
MODULES := $(sort $(patsubst %/,%,$(dir $(shell git ls-files --cached --others --exclude-standard -- go.mod '*/go.mod'))))
E2E := $(wildcard test/e2e/go.mod)

VERSION ?= $(shell git describe --tags --match 'v[0-9]*' --exact-match 2>/dev/null || echo v0.1.0)
IMAGE ?= ghcr.io/capmaas/cluster-api-provider-maas
ARCH ?= $(shell go env GOARCH)
CONTAINER_ENGINE ?= docker
LDFLAGS := -s -w -X main.version=$(VERSION)

# Flags of "go test", such as GO_TEST_FLAGS='-race -count=1 -v'.
GO_TEST_FLAGS ?=
# Flags of the demo; "make demo DEMO_FLAGS=-help" lists them.
DEMO_FLAGS ?=
# Flags of golangci-lint, such as LINT_FLAGS=--fix.
LINT_FLAGS ?=

##@ General

.PHONY: help
help: ## Show this
	@awk 'BEGIN { FS = ":.*## "; print "Usage: make TARGET [VARIABLE=VALUE]" } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-zA-Z0-9_-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(filter-out %.d,$(MAKEFILE_LIST))

.PHONY: demo
demo: tools-lab lab-sources ## Bring up a cluster on simulated servers and give it back, from an empty machine on
	@echo "Building the demo and the manager"
	@go build -buildvcs=false -o $(BIN)/demo ./test/lab/cmd/demo
	@CGO_ENABLED=0 go build -buildvcs=false -o $(OUT)/lab/manager . # here, for the lab has no network to fetch modules by
	@LAB_MANAGER=$(OUT)/lab/manager exec $(BIN)/demo $(DEMO_FLAGS)

.PHONY: clean
clean: ## Remove what was built, except for the tools
	rm -rf $(OUT) $(BIN)/manager $(BIN)/demo

.PHONY: clean-all
clean-all: clean ## Remove the tools as well
	rm -rf $(BIN)

##@ Build

.PHONY: build
build: ## Build the manager into bin/manager
	@echo "Building bin/manager $(VERSION) for linux/$(ARCH)"
	@CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/manager .

.PHONY: docker-build
docker-build: build ## Build the container image from bin/manager
	@mkdir -p $(OUT)/image && cp $(BIN)/manager $(OUT)/image/manager
	$(CONTAINER_ENGINE) build --platform linux/$(ARCH) --tag $(IMAGE):$(VERSION) --file Dockerfile $(OUT)/image

.PHONY: release
release: tools-gen ## Write what a release consists of to out/repository, laid out as a clusterctl repository
	@hack/release.sh $(KUSTOMIZE) $(IMAGE) $(VERSION) $(OUT)/repository

##@ Generate and check

.PHONY: generate
generate: tools-gen ## Generate deep copies, CRDs, RBAC, webhooks, docs/conditions.md and the ClusterClass
	@echo "Generating deep copies and CRDs from api/"
	@$(CONTROLLER_GEN) object:headerFile=hack/boilerplate.go.txt crd:crdVersions=v1 \
	  paths=./api/... output:crd:dir=config/crd/bases
	@echo "Generating config/rbac/role.yaml from main.go and controllers/"
	@$(CONTROLLER_GEN) rbac:roleName=manager-role paths=. paths=./controllers/... output:rbac:dir=config/rbac
	@echo "Generating config/webhook/manifests.yaml from pkg/admission/"
	@$(CONTROLLER_GEN) webhook paths=./pkg/admission/... output:webhook:dir=config/webhook
	@echo "Generating docs/conditions.md from api/v1beta2/conditions.go"
	@go run ./hack/conditions
	@echo "Generating templates/addons-*.yaml from templates/addons/"
	@go run ./hack/addons
	@echo "Generating the ClusterClass and cluster templates from templates/vmo"
	@go run ./hack/class

.PHONY: verify
verify: verify-generate verify-modules verify-boilerplate verify-shell verify-release ## Check that everything generated is current, and the rest that needs no compiler

.PHONY: verify-generate
verify-generate: tools-gen ## Check that "make generate" changes nothing
	@hack/verify-generate.sh

.PHONY: verify-modules
verify-modules: ## Check that every go.mod and go.sum is tidy
	@failed=; for module in $(MODULES); do \
	  echo "Checking that $$module/go.mod is tidy"; \
	  (cd $$module && GOWORK=off go mod tidy -diff) || { echo "run: (cd $$module && go mod tidy)" >&2; failed=1; }; \
	done; [[ -z $$failed ]]

.PHONY: verify-boilerplate
verify-boilerplate: ## Check that every Go file names its licence
	@hack/verify-boilerplate.sh

.PHONY: verify-shell
verify-shell: ## Check the scripts with shellcheck, where it is installed
	@if command -v shellcheck >/dev/null; then \
	  echo "Checking the scripts with shellcheck"; \
	  git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run | xargs shellcheck; \
	else \
	  echo "Skipping the check of the scripts: shellcheck is not installed (apt-get install shellcheck)"; \
	fi

.PHONY: verify-release
verify-release: ## Check that metadata.yaml and clusterctl-settings.json fit VERSION
	@hack/verify-release.sh $(VERSION)

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Lint the code, and the API by the Kubernetes API conventions
	@echo "Linting the API by the Kubernetes API conventions"
	@$(GOLANGCI_LINT) run --config .golangci-kal.yml $(LINT_FLAGS) ./api/...
	@echo "Linting ."
	@$(GOLANGCI_LINT) run --config .golangci.yml $(LINT_FLAGS) ./...
	@$(if $(E2E),echo "Linting test/e2e"; cd test/e2e && $(GOLANGCI_LINT) run --config ../../.golangci.yml $(LINT_FLAGS) ./...)

.PHONY: lint-fix
lint-fix: ## Lint and repair what can be repaired
	@$(MAKE) lint LINT_FLAGS=--fix

##@ Test

.PHONY: test-unit
test-unit: tools-gen ## Run the tests that need no lab: a few minutes cold, then seconds
	@echo "Running the tests that need no lab"
	@go test -short $(GO_TEST_FLAGS) ./...
	@cd test/addons && go test $(GO_TEST_FLAGS) ./...
	@cd test/gitops && go test $(GO_TEST_FLAGS) ./...

.PHONY: test
test: tools-lab lab-sources ## Run all tests, on the lab where they need one
	@echo "Running all tests of ."
	@$(MAKE) -j2 test-labs test-others
	@$(if $(E2E),$(MAKE) test-e2e)

# The labs mostly wait, and run beside the rest. They are never taken for tested already: go does not see what they build and read.
LABS := ./test/provider ./test/lab

.PHONY: test-labs
test-labs:
	@go test -count=1 -timeout 30m $(GO_TEST_FLAGS) $(LABS)

.PHONY: test-others
test-others:
	@go list ./... | grep -v $(LABS:./%=-e '/%$$') | xargs go test -timeout 30m $(GO_TEST_FLAGS)
	@cd test/addons && go test $(GO_TEST_FLAGS) ./...
	@cd test/gitops && go test $(GO_TEST_FLAGS) ./...

.PHONY: test-e2e
test-e2e: tools-lab lab-sources ## Run Cluster API's e2e specs on the lab: about ten minutes
	@echo "Running Cluster API's specs"
	@cd test/e2e && go test -count=1 -timeout 30m $(GO_TEST_FLAGS) ./... # -count=1, for go does not see what the lab builds and reads

.PHONY: test-gate
test-gate: tools-lab lab-sources ## Upgrade three control plane machines and twelve workers under their data, with the gate and without: about seven minutes
	@LAB_GATE=1 go test -count=1 -v -timeout 30m $(GO_TEST_FLAGS) -run '^TestRepaveGate$$' ./test/lab

.PHONY: bench
bench: tools-lab lab-sources ## Measure what the provider costs, hold it to test/provider/testdata/cost.yaml, and run the Go benchmarks
	@echo "Provisioning 200 servers at once; _artifacts/cost.json has the figures"
	@go test -count=1 -v -timeout 30m -run '^TestCost$$' ./test/provider -args -cost.machines=200 -cost.timing
	@go test -run '^$$' -bench . -benchmem ./pkg/... ./test/maassim

##@ Tools

.PHONY: lab-sources
lab-sources: ## Fetch the sources that the lab, which has no network, reads and builds from
	@go build -buildvcs=false -o $(OUT)/lab/ .
	@cd hack/tools/cluster-api && GOWORK=off go mod download sigs.k8s.io/cluster-api
	@cd hack/tools/addon-provider && GOWORK=off go mod download sigs.k8s.io/cluster-api-addon-provider-helm
	@cd hack/tools/cert-manager && GOWORK=off go mod download github.com/cert-manager/cert-manager
	@$(if $(E2E),cd test/e2e && go build -buildvcs=false -o $(OUT)/lab/ github.com/onsi/ginkgo/v2/ginkgo)

.PHONY: tools-lint
tools-lint: $(GOLANGCI_LINT) ## Build golangci-lint with the Kube API linter (about 3 minutes the first time on 2 cores)

$(GOLANGCI_LINT): hack/tools/lint/go.mod hack/tools/lint/go.sum hack/tools/lint/main.go
	@echo "Building bin/golangci-lint, about 3 minutes on 2 cores if nothing is cached"
	@cd hack/tools/lint && GOWORK=off CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o $@ .
