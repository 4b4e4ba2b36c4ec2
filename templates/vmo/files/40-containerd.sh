# shellcheck shell=sh
# containerd with the systemd cgroup driver, and with block volumes that belong to the user of a container, as CDI needs them. The two settings stand in the
# default configuration of containerd 1 and 2 alike, in different sections. VMO_ROOT is for tests.
file=$VMO_ROOT/etc/containerd/config.toml
command -v containerd >/dev/null || exit 0
if ! grep -q SystemdCgroup "$file" 2>/dev/null || ! grep -q device_ownership_from_security_context "$file"; then
  [ ! -f "$file" ] || cp "$file" "$file.before-vmo"
  mkdir -p "$VMO_ROOT/etc/containerd"
  containerd config default >"$file" || exit 1
fi
sed -i -e 's/SystemdCgroup = false/SystemdCgroup = true/' \
  -e 's/device_ownership_from_security_context = false/device_ownership_from_security_context = true/' "$file"
systemctl restart containerd
