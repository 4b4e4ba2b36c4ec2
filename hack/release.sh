#!/usr/bin/env bash
# Writes the files of a release as a clusterctl repository in a folder.
#
# usage: hack/release.sh KUSTOMIZE IMAGE VERSION REPOSITORY
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kustomize=$1 image=$2 version=$3 repository=$4
hack/verify-release.sh "$version"

release=$repository/infrastructure-maas/$version
rm -rf "$release"
mkdir -p "$release"

# An overlay of its own puts the image's version in, so that the tree stays as it is. Kustomize wants relative paths.
overlay=$(mktemp -d -p "$repository")
trap 'rm -rf "$overlay"' EXIT
cat >"$overlay/kustomization.yaml" <<EOF
resources:
- $(realpath --relative-to="$overlay" config/default)
images:
- name: ghcr.io/capmaas/cluster-api-provider-maas
  newName: $image
  newTag: $version
EOF

echo "Writing $release/infrastructure-components.yaml"
"$kustomize" build "$overlay" >"$release/infrastructure-components.yaml"
if ! grep -q "image: $image:$version\$" "$release/infrastructure-components.yaml"; then
  echo "infrastructure-components.yaml does not run $image:$version" >&2
  exit 1
fi

for file in metadata.yaml templates/cluster-template*.yaml templates/clusterclass-*.yaml templates/addons-*.yaml; do
  [[ -f $file ]] || continue
  echo "Writing $release/$(basename "$file")"
  cp "$file" "$release/"
done

# The addon set takes our charts from a registry: "helm push" puts them there. The same tree makes the same archives, to the byte.
mkdir "$release/charts"
for folder in charts/*/; do
  chart=$(basename "$folder")
  archive=$release/charts/$chart-$(sed -n 's/^version: *//p' "$folder/Chart.yaml").tgz
  echo "Writing $archive"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -C charts -cf - "$chart" | gzip -n >"$archive"
done

echo "Writing $release/SHA256SUMS"
(cd "$release" && sha256sum -- *.yaml charts/*.tgz >SHA256SUMS)
