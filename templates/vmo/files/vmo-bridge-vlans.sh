#!/bin/sh
# usage: vmo-bridge-vlans BRIDGE UPLINK OWN VLANS...: filters VLANs on a bridge, and lets through those of virtual machines. OWN are the VLANs that the host
# itself has interfaces for on the bridge, with commas between them, or none. VMO_ROOT is for tests.
bridge=$1 uplink=$2 own=$3
shift 3
[ -d "$VMO_ROOT/sys/class/net/$bridge/bridge" ] || { echo "there is no bridge $bridge" >&2; exit 1; }
[ -e "$VMO_ROOT/sys/class/net/$bridge/brif/$uplink" ] || { echo "$uplink is not in bridge $bridge" >&2; exit 1; }
for vlans in "$@"; do
  bridge vlan add dev "$uplink" vid "$vlans" || exit 1
done
if [ "$own" != none ]; then
  for vlan in $(echo "$own" | tr , ' '); do
    bridge vlan add dev "$uplink" vid "$vlan" || exit 1
    bridge vlan add dev "$bridge" vid "$vlan" self || exit 1
  done
fi
# Last, so that no frame is lost that was let through before.
ip link set dev "$bridge" type bridge vlan_filtering 1
