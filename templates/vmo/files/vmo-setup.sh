#!/bin/sh
# Makes the host fit for the cluster, part by part in the order of their names. A part that fails ends it, and the host does not join: its message is in
# /var/log/cloud-init-output.log and in the journal under vmo-setup.
for part in /usr/local/lib/vmo/*.sh; do
  echo "vmo-setup: $part"
  if ! sh "$part"; then
    echo "vmo-setup: $part failed, so this host does not join the cluster" >&2
    logger -t vmo-setup -p daemon.err "$part failed, so this host does not join the cluster" || true
    exit 1
  fi
done
