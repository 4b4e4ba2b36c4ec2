# shellcheck shell=sh
# Multipathing for volumes of an array. The configuration and the udev rules lie there already. VMO_ROOT is for tests.
[ -f "$VMO_ROOT/etc/vmo/san" ] || exit 0
san=$(cat "$VMO_ROOT/etc/vmo/san")
systemctl enable --now multipathd
systemctl reload multipathd
if [ "$san" = ISCSI ]; then
  # Every host needs an initiator of its own; an image brings the same one everywhere.
  if [ ! -f "$VMO_ROOT/etc/vmo/iscsi-initiator" ] && command -v iscsi-iname >/dev/null; then
    echo "InitiatorName=$(iscsi-iname)" >"$VMO_ROOT/etc/iscsi/initiatorname.iscsi"
    touch "$VMO_ROOT/etc/vmo/iscsi-initiator"
  fi
  systemctl enable --now iscsid
fi
udevadm control --reload-rules && udevadm trigger --subsystem-match=block --action=change
echo "vmo-setup: multipath-tools $(dpkg -s multipath-tools 2>/dev/null | sed -n 's/^Version: //p')"
