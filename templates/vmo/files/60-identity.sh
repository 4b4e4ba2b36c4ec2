# shellcheck shell=sh
# Portworx knows a node by what lies in /etc/pwx, so that has to outlive the boot disk: it is kept on a file system of its own, with the label PWXCONFIG, on a disk
# that no installation touches. A disk is formatted only when it is named for it and holds nothing at all.
# VMO_ROOT is for tests.
[ -f "$VMO_ROOT/etc/vmo/identity-disk" ] || exit 0
label=PWXCONFIG
disk=$(cat "$VMO_ROOT/etc/vmo/identity-disk")
if [ ! -e "$VMO_ROOT/dev/disk/by-label/$label" ]; then
  if [ ! -e "$disk" ]; then
    echo "there is no file system $label and no disk $disk: Portworx would take this for a new node" >&2
    exit 1
  fi
  # Whatever cannot be looked at counts as full.
  signs=$(wipefs --no-act "$disk") || exit 1
  parts=$(lsblk --noheadings --output NAME "$disk") || exit 1
  if [ -n "$signs" ] || [ "$(echo "$parts" | wc -l)" -ne 1 ] || ! cmp -s -n 16777216 "$disk" /dev/zero; then
    echo "$disk holds something, so it is not formatted: empty it by hand, or name another in storage.portworx.identityDisk" >&2
    exit 1
  fi
  mkfs.ext4 -q -L $label "$disk" || exit 1
  udevadm settle
fi
mkdir -p "$VMO_ROOT/etc/pwx"
fstab=$VMO_ROOT/etc/fstab
grep -q "LABEL=$label" "$fstab" || echo "LABEL=$label /etc/pwx ext4 defaults,x-systemd.before=kubelet.service 0 2" >>"$fstab"
mountpoint -q "$VMO_ROOT/etc/pwx" || mount "$VMO_ROOT/etc/pwx"
