/*
Copyright 2026 The cluster-api-provider-maas Authors.

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
*/

package repave

func controlPlaneMoving(_ *decision, c *Candidate) *Verdict {
	if c.Role != Worker || c.Purpose == ScaleIn || c.NotReplaced == "" {
		return nil
	}
	return hold(ControlPlaneMoving, "The control plane %s; Cluster API makes no replacement of a worker until that is over, so the node would be missing as long",
		c.NotReplaced)
}

func vmsCannotMove(_ *decision, c *Candidate) *Verdict {
	if c.VMs != BlockOnVMs || len(c.StuckVMs) == 0 {
		return nil
	}
	return hold(VMsCannotMove, "%d virtual machines on %s cannot be live-migrated: %s. It ends when they are stopped or made migratable", len(c.StuckVMs),
		c.Node, shortened(c.StuckVMs))
}

func noRoomForVMs(_ *decision, c *Candidate) *Verdict {
	if c.VMs != BlockOnVMs || c.NoRoomForVMs == "" {
		return nil
	}
	return hold(NoRoomForVMs, "The other nodes cannot take the virtual machines of %s: %s. It ends when there is room", c.Node, c.NoRoomForVMs)
}
