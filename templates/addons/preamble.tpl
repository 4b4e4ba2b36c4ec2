{{- $variables := dict }}{{ range dig "spec" "topology" "variables" list .Cluster }}{{ $_ := set $variables .name .value }}{{ end }}
{{- $profile := dig "profile" "PROFILE" $variables }}
  {{- if ne $profile "PROFILE" }}{{ fail (printf "the Cluster's variable profile is %s, and this is the addon set of profile PROFILE: apply addons-%s.yaml" $profile $profile) }}{{ end }}
{{- $network := dig "network" dict $variables }}
{{- $layout := dig "layout" "Unmanaged" $network }}
{{- $bonds := get (dict "FourNIC" (list "bond_mgmt" "bond_data") "TwoNIC" (list "bond0" "bond0") "TwoNICBridgeVLAN" (list "bond0" "br0")) $layout }}
{{- $managementInterface := "" }}{{ if $bonds }}{{ $managementInterface = printf "%s.%v" (first $bonds) (dig "management" "vid" 10 $network) }}{{ end }}
{{- $dataInterface := "" }}{{ if $bonds }}{{ $dataInterface = printf "%s.%v" (last $bonds) (dig "data" "vid" 20 $network) }}{{ end }}
{{- $vmVLANs := list }}{{ range dig "vmVLANs" list $network }}{{ $vmVLANs = append $vmVLANs (printf "%v-%v" .first (dig "last" .first .)) }}{{ end }}
{{- $hostVLANs := list }}
  {{- if hasPrefix "TwoNIC" $layout }}{{ $hostVLANs = append $hostVLANs (dig "management" "vid" 10 $network) }}{{ end }}
  {{- if eq $layout "TwoNIC" }}{{ $hostVLANs = append $hostVLANs (dig "data" "vid" 20 $network) }}{{ end }}
{{- $loadBalancer := dig "loadBalancer" dict $network }}
{{- $loadBalancerType := dig "type" "L2" $loadBalancer }}
{{- $loadBalancerPeers := list }}
  {{- range $i, $peer := dig "peers" list $loadBalancer }}
    {{- $item := dict "name" (printf "peer-%d" $i) "peerAddress" $peer.address "peerASN" $peer.asn "myASN" $peer.myASN }}
    {{- with dig "passwordSecret" "" $peer }}{{ $_ := set $item "passwordSecret" (dict "name" . "namespace" "metallb-system") }}{{ end }}
    {{- $loadBalancerPeers = append $loadBalancerPeers $item }}
  {{- end }}
{{- $ingress := dig "ingress" "type" "DEFAULTINGRESS" $variables }}
{{- $storage := dig "storage" (dict "provider" "Portworx") $variables }}
{{- $portworx := dig "portworx" dict $storage }}
{{- $backend := dig "backend" "FlashArrayFC" $portworx }}
{{- $drives := dig "drives" list $portworx }}
{{- $external := dig "external" dict $storage }}
{{- $provider := get (dict "Portworx" "portworx" "RookCeph" "rook-ceph" "Longhorn" "longhorn" "External" "custom") (dig "provider" "Portworx" $storage) }}
  {{- if not $provider }}{{ fail (printf "the addons do not know the storage provider %v" (dig "provider" "" $storage)) }}{{ end }}
{{- $volumeMode := get (dict "portworx" "Filesystem" "rook-ceph" "Block" "longhorn" "Filesystem" "custom" (dig "rwxMode" "Filesystem" $external)) $provider }}
{{- $driver := get (dict "portworx" "pxd.portworx.com" "rook-ceph" "rook-ceph.rbd.csi.ceph.com" "longhorn" "driver.longhorn.io" "custom" (dig "provisioner" "" $external)) $provider }}
{{- $snapshotParameters := ternary (dict "clusterID" "rook-ceph" "csi.storage.k8s.io/snapshotter-secret-name" "rook-csi-rbd-provisioner" "csi.storage.k8s.io/snapshotter-secret-namespace" "rook-ceph") dict (eq $provider "rook-ceph") }}
