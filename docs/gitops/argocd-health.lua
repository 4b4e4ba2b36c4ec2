-- Health of Cluster API's and this provider's kinds for Argo CD. A Cluster goes by Available, everything else by Ready.

-- Reasons of Ready that somebody has to do something about (docs/conditions.md). With all others the controllers go on by themselves.
local needsSomebody = {
  -- MaasCluster, MaasClusterIdentity
  CredentialsNotFound = true, IdentityNotFound = true, NamespaceNotAllowed = true, CredentialsInvalid = true, Unauthorized = true,
  CertificateUntrusted = true, VIPInUse = true, DNSRecordTaken = true, DNSNeedsAdministrator = true, ZoneNotFound = true, NoMachines = true,
  -- MaasHostPool
  NoHosts = true, TooFewHosts = true,
  -- MaasMachine, MaasHost
  NoHostFits = true, ImageNotFound = true, ImageUnresolved = true, HostPoolNotFound = true, HostPoolMismatch = true, HostLost = true, HostTaken = true,
  HostGone = true, DeployRefused = true, DeployFailed = true, DeployAborted = true, DisksRefused = true, NetworkRefused = true,
  ReleaseRefused = true, ReleaseFailed = true, Quarantined = true,
  -- RepaveGate, Repave
  ClusterNotFound = true, AnotherGate = true, StorageInvalid = true, StorageIdentityChanged = true,
}

local health = { status = "Progressing", message = "Waiting for conditions" }
local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end

local wanted = conditions.Ready
if obj.kind == "Cluster" then
  wanted = conditions.Available
end
if wanted ~= nil and wanted.message ~= nil and wanted.message ~= "" then
  health.message = wanted.message
end
if obj.metadata.deletionTimestamp ~= nil then
  return health
end

if conditions.Paused ~= nil and conditions.Paused.status == "True" then
  return { status = "Suspended", message = "Paused" }
end
local topology = conditions.TopologyReconciled
if obj.kind == "Cluster" and topology ~= nil and topology.status == "False" and topology.reason == "ReconcileFailed" then
  return { status = "Degraded", message = topology.message }
end
if wanted == nil then
  return health
end
if wanted.observedGeneration ~= nil and obj.metadata.generation ~= nil and wanted.observedGeneration < obj.metadata.generation then
  return { status = "Progressing", message = "The change has not been looked at yet" }
end
if wanted.status == "True" then
  health.status = "Healthy"
  if wanted.message == nil or wanted.message == "" then
    health.message = wanted.type
  end
elseif needsSomebody[wanted.reason] then
  health.status = "Degraded"
end
return health
