-- Health of Cluster API's and this provider's kinds for Argo CD. A Cluster goes by Available, everything else by Ready.
local health = { status = "Progressing", message = "Waiting for conditions" }
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "Being deleted"
end
if obj.status == nil or obj.status.conditions == nil then
  return health
end
local wanted = "Ready"
if obj.kind == "Cluster" then
  wanted = "Available"
end
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Paused" and condition.status == "True" then
    return { status = "Suspended", message = "Paused" }
  end
  if obj.kind == "Cluster" and condition.type == "TopologyReconciled" and condition.status == "False" and condition.reason == "ReconcileFailed" then
    return { status = "Degraded", message = condition.message }
  end
  if condition.type == wanted then
    health.message = condition.message
    if condition.observedGeneration ~= nil and obj.metadata.generation ~= nil and condition.observedGeneration < obj.metadata.generation then
      health.message = "Not looked at yet"
    elseif condition.status == "True" then
      health.status = "Healthy"
    elseif obj.kind == "RepaveGate" or obj.kind == "MaasHostPool" then
      -- They hold by design, and say why.
      health.status = "Degraded"
    end
  end
end
return health
