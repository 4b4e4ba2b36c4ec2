# shellcheck shell=sh
# Puts the host's address on the management network into kubeadm's configuration.
# VMO_ROOT is for tests.
network=$(cat "$VMO_ROOT/etc/vmo/node-network")
if [ "$network" = default ]; then
  ip=$(ip -4 route get 1.1.1.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
  [ -n "$ip" ] || ip=$(ip -4 -o addr show scope global | awk '{split($4, a, "/"); print a[1]; exit}')
else
  # Not an address that kube-vip put there.
  ip=$(ip -4 -o addr show to "$network" | awk '$4 !~ "/32$" {split($4, a, "/"); print a[1]; exit}')
fi
if [ -z "$ip" ]; then
  echo "no interface has an address of $network" >&2
  exit 1
fi
for file in "$VMO_ROOT/run/kubeadm/kubeadm.yaml" "$VMO_ROOT/run/kubeadm/kubeadm-join-config.yaml"; do
  [ ! -f "$file" ] || sed -i "s/NODE_IP/$ip/" "$file" || exit 1
done
echo "vmo-setup: this node is $ip"
