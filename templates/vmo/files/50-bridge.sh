# shellcheck shell=sh
# The VLANs of virtual machines on br0, at every boot. MAAS makes the bridge without VLAN filtering, and the CNI plugin bridge leaves the uplink alone.
[ -f /etc/vmo/bridge-vlans ] || exit 0
systemctl daemon-reload
systemctl enable --now vmo-bridge-vlans.service || exit 1
