#!/usr/bin/env bash
# Checks that metadata.yaml has the series of the version and that clusterctl-settings.json fits.
#
# usage: hack/verify-release.sh VERSION
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=$1
echo "Checking that metadata.yaml and clusterctl-settings.json fit $version"

if [[ ! $version =~ ^v([0-9]+)\.([0-9]+)\.([0-9]+)(-[0-9A-Za-z.-]+)?$ ]]; then
  echo "$version is not a version such as v0.1.0" >&2
  exit 1
fi
major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}

if ! awk -v major="$major" -v minor="$minor" '
  /^- major:/ { inMajor = ($3 == major) }
  /^  minor:/ { inSeries = inMajor && ($2 == minor) }
  /^  contract:/ && inSeries { found = $2 }
  END { exit found == "v1beta2" ? 0 : 1 }' metadata.yaml; then
  echo "metadata.yaml: no series $major.$minor with contract v1beta2" >&2
  exit 1
fi

# What clusterctl calls the provider has to be what the components are labelled with.
name=$(sed -n 's/.*"name": *"\(.*\)".*/\1/p' clusterctl-settings.json)
if ! grep -q "cluster.x-k8s.io/provider: $name\$" config/default/kustomization.yaml; then
  echo "config/default/kustomization.yaml: label cluster.x-k8s.io/provider is not $name (clusterctl-settings.json)" >&2
  exit 1
fi
