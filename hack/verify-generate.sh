#!/usr/bin/env bash
# Checks that "make generate" changes nothing. It compares with the working tree, so that it can be run before a commit too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

generated() {
  git ls-files --cached --others --exclude-standard -- \
    '*/zz_generated.*.go' config/crd/bases config/rbac/role.yaml config/webhook/manifests.yaml docs/conditions.md 'templates/cluster*.yaml' 'templates/addons-*.yaml'
}

sums() {
  generated | sort -u | while read -r file; do
    if [[ -f $file ]]; then sha256sum "$file"; else echo "missing  $file"; fi
  done
}

before=$(sums)
make generate
after=$(sums)
if [[ $before != "$after" ]]; then
  echo "generated files were not current (they are now; commit them):" >&2
  diff <(echo "$before") <(echo "$after") | awk '/^[<>]/ { print "  " $3 }' | sort -u >&2
  exit 1
fi
