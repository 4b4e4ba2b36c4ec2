{{/*
The storage providers: provisioner, mode of shared volumes, parameters of the class for virtual machines and of the general one.
*/}}
{{- define "storage-classes.providers" -}}
portworx:
  provisioner: pxd.portworx.com
  volumeMode: Filesystem
  vm:
    repl: {{ .Values.replicas | quote }}
    sharedv4: "true"
    sharedv4_svc_type: ClusterIP
    # KubeVirt needs version 3 without locks; CDI tells by these options that the volumes are used as file systems.
    sharedv4_mount_options: vers=3.0,nolock
    {{- if .Values.portworx.antiHyperconvergence }}
    stork.libopenstorage.org/preferRemoteNodeOnly: "true"
    {{- else }}
    stork.libopenstorage.org/preferRemoteNode: "false"
    {{- end }}
    {{- with .Values.portworx.placement.name }}
    placement_strategy: {{ . }}
    {{- end }}
  general:
    repl: {{ .Values.replicas | quote }}
    io_profile: auto
rook-ceph:
  provisioner: rook-ceph.rbd.csi.ceph.com
  volumeMode: Block
  vm: &ceph
    clusterID: rook-ceph
    pool: replicapool
    imageFormat: "2"
    imageFeatures: layering,fast-diff,object-map,deep-flatten,exclusive-lock
    csi.storage.k8s.io/provisioner-secret-name: rook-csi-rbd-provisioner
    csi.storage.k8s.io/provisioner-secret-namespace: rook-ceph
    csi.storage.k8s.io/controller-expand-secret-name: rook-csi-rbd-provisioner
    csi.storage.k8s.io/controller-expand-secret-namespace: rook-ceph
    csi.storage.k8s.io/node-stage-secret-name: rook-csi-rbd-node
    csi.storage.k8s.io/node-stage-secret-namespace: rook-ceph
    csi.storage.k8s.io/fstype: ext4
  general: *ceph
longhorn:
  provisioner: driver.longhorn.io
  volumeMode: Filesystem
  vm: &longhorn
    numberOfReplicas: {{ .Values.replicas | quote }}
    staleReplicaTimeout: "2880"
    fsType: ext4
  general: *longhorn
trident:
  provisioner: csi.trident.netapp.io
  volumeMode: Filesystem
  vm: {backendType: ontap-nas}
  general: {backendType: ontap-nas}
powerflex: {provisioner: csi-vxflexos.dellemc.com, volumeMode: Block, vm: {}, general: {}}
powermax: {provisioner: csi-powermax.dellemc.com, volumeMode: Block, vm: {}, general: {}}
powerstore: {provisioner: csi-powerstore.dellemc.com, volumeMode: Block, vm: {}, general: {}}
custom:
  provisioner: {{ .Values.custom.provisioner | quote }}
  volumeMode: {{ .Values.custom.volumeMode }}
  vm: {{ .Values.custom.parameters | toJson }}
  general: {{ .Values.custom.parameters | toJson }}
{{- end }}
