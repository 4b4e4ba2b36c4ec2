# shellcheck shell=sh
# Swap, kernel modules and settings. MAAS installs Ubuntu with a swap file, with which the kubelet does not start.
swapoff -a
sed -i '/[[:space:]]swap[[:space:]]/d' /etc/fstab 2>/dev/null || true
while read -r module; do
  case $module in '' | '#'*) continue ;; esac
  modprobe "$module" || echo "vmo-setup: kernel module $module is not to be had"
done </etc/modules-load.d/vmo.conf
sysctl -p /etc/sysctl.d/90-vmo.conf || echo "vmo-setup: not all kernel settings were taken"
systemctl restart systemd-logind
