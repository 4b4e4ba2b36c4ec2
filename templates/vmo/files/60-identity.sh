# shellcheck shell=sh
# Portworx knows a node by what lies in /etc/pwx, so that has to outlive the boot disk: it is kept on a file system of its own, with the label PWXCONFIG, on a disk
# that no installation touches. A disk is formatted only when it is named for it and holds nothing at all.
[ -f /etc/vmo/identity-disk ] || exit 0
label=PWXCONFIG
disk=$(cat /etc/vmo/identity-disk)
if [ ! -e /dev/disk/by-label/$label ]; then
  if [ ! -b "$disk" ]; then
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
mkdir -p /etc/pwx
grep -q "LABEL=$label" /etc/fstab || echo "LABEL=$label /etc/pwx ext4 defaults,x-systemd.before=kubelet.service 0 2" >>/etc/fstab
mountpoint -q /etc/pwx || mount /etc/pwx
