# shellcheck shell=sh
# Installs packages that the image lacks. An image that has them all needs no network. VMO_ROOT is for tests.
missing=
while read -r package; do
  case $package in '' | '#'*) continue ;; esac
  name=$(echo "$package" | cut -d= -f1)
  dpkg -s "$name" >/dev/null 2>&1 || missing="$missing $package"
done <"$VMO_ROOT/etc/vmo/packages"
if [ -n "$missing" ]; then
  export DEBIAN_FRONTEND=noninteractive
  # The list of packages on purpose in words.
  # shellcheck disable=SC2086
  apt-get update && apt-get install -y --no-install-recommends $missing || exit 1
fi
