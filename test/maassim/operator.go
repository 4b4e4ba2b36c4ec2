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

package maassim

import (
	"fmt"
	"net/http"
)

// RefusedError is MAAS's refusal of an act.
type RefusedError struct {
	Status  int
	Message string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("maassim: %d %s: %s", e.Status, http.StatusText(e.Status), e.Message)
}

func refuse(status int, message string) error { return &RefusedError{Status: status, Message: message} }

// Operator acts behind the provider's back, as an administrator does with the
// MAAS web page, through the same checks and with the same events. Its methods
// return a *RefusedError where MAAS would refuse.
type Operator struct{ s *Server }

// Operator returns the operator of this MAAS. The administrator's account,
// "operator", is made at the first act.
func (s *Server) Operator() *Operator { return &Operator{s} }

// act posts an operation in the name of user, an administrator when "".
func (o *Operator) act(user, systemID, op string, form map[string][]string) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.call(o.user(user), http.MethodPost, systemID, op, form)
}

// user returns the named user and makes it when there is none.
func (o *Operator) user(name string) *user {
	if name == "" {
		return o.s.ensureUser("operator", true)
	}
	return o.s.ensureUser(name, false)
}

// call runs the API's own handler; the lock is held.
func (o *Operator) call(u *user, method, systemID, op string, form map[string][]string) error {
	rq := &request{s: o.s, user: u, method: method, op: op, form: form, args: []string{systemID}, web: true}
	var h handler
	for _, rt := range machineRoutes {
		if rt.method == method && rt.op == op {
			h = rt.h
		}
	}
	if h == nil {
		return refuse(http.StatusNotImplemented, op)
	}
	if rsp := h(rq); rsp.status >= http.StatusBadRequest {
		return refuse(rsp.status, rsp.text())
	}
	return nil
}

// TakeAs allocates the machine for user (made when unknown).
func (o *Operator) TakeAs(user, systemID string) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	rq := &request{s: o.s, user: o.user(user), method: http.MethodPost, form: map[string][]string{"system_id": {systemID}}}
	if rsp := allocate(rq); rsp.status >= http.StatusBadRequest {
		return refuse(rsp.status, rsp.text())
	}
	return nil
}

// DeployAs deploys the machine for user with the given user data.
func (o *Operator) DeployAs(user, systemID, base64UserData string) error {
	return o.act(user, systemID, "deploy", map[string][]string{"user_data": {base64UserData}})
}

// ReleaseByHand releases the machine, whoever owns it.
func (o *Operator) ReleaseByHand(systemID string) error { return o.act("", systemID, "release", nil) }

// EraseByHand releases the machine and erases its disks.
func (o *Operator) EraseByHand(systemID string) error {
	return o.act("", systemID, "release", map[string][]string{"erase": {"true"}})
}

// Abort aborts what the machine does.
func (o *Operator) Abort(systemID string) error { return o.act("", systemID, "abort", nil) }

// MarkBroken marks the machine broken.
func (o *Operator) MarkBroken(systemID, comment string) error {
	return o.act("", systemID, "mark_broken", map[string][]string{"comment": {comment}})
}

// MarkFixed marks a broken machine fixed.
func (o *Operator) MarkFixed(systemID string) error { return o.act("", systemID, "mark_fixed", nil) }

// StartTesting starts hardware tests, on a deployed machine too. They end by
// themselves after NetBoot and Timings.Test.
func (o *Operator) StartTesting(systemID string) error { return o.act("", systemID, "test", nil) }

// FinishTesting ends the tests now; failed leaves the machine in Failed
// testing.
func (o *Operator) FinishTesting(systemID string, failed bool) error {
	return o.locked(systemID, func(m *machine) error {
		if m.status != StatusTesting {
			return refuse(http.StatusConflict, "the machine is "+m.status.String()+", not Testing")
		}
		o.s.endTesting(m, failed)
		return nil
	})
}

// EnterRescue starts rescue mode: the operator becomes the owner.
func (o *Operator) EnterRescue(systemID string) error {
	return o.act("", systemID, "rescue_mode", nil)
}

// ExitRescue ends rescue mode.
func (o *Operator) ExitRescue(systemID string) error {
	return o.act("", systemID, "exit_rescue_mode", nil)
}

// Commission starts commissioning, which records every disk the machine shows,
// LUNs included, and puts the default layout back.
func (o *Operator) Commission(systemID string) error { return o.act("", systemID, "commission", nil) }

// RecordDisks makes MAAS know every disk that the machine shows, as
// commissioning does and hardware sync may at any time.
func (o *Operator) RecordDisks(systemID string) error {
	return o.locked(systemID, func(m *machine) error {
		o.s.recordDisks(m)
		m.touch()
		return nil
	})
}

// Lock locks a Deploying or Deployed machine.
func (o *Operator) Lock(systemID string) error { return o.act("", systemID, "lock", nil) }

// Unlock takes the lock off.
func (o *Operator) Unlock(systemID string) error { return o.act("", systemID, "unlock", nil) }

// PowerOn switches the machine on through MAAS; with manual power it presses
// the button instead.
func (o *Operator) PowerOn(systemID string) error {
	if o.manual(systemID) {
		return o.ForcePower(systemID, true)
	}
	return o.act("", systemID, "power_on", nil)
}

// PowerOff switches the machine off through MAAS; with manual power it presses
// the button instead.
func (o *Operator) PowerOff(systemID string) error {
	if o.manual(systemID) {
		return o.ForcePower(systemID, false)
	}
	return o.act("", systemID, "power_off", nil)
}

func (o *Operator) manual(systemID string) bool {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	m := o.s.machines[systemID]
	return m != nil && m.powerType == powerManual
}

// ForcePower presses the button: the power changes at once, MAAS is not asked
// and learns it when it next looks (query_power_state).
func (o *Operator) ForcePower(systemID string, on bool) error {
	return o.locked(systemID, func(m *machine) error {
		if on {
			o.s.hardwareOn(m)
		} else {
			o.s.hardwareOff(m, nil)
		}
		return nil
	})
}

// Rename changes the machine's hostname.
func (o *Operator) Rename(systemID, hostname string) error {
	return o.update(systemID, "hostname", hostname)
}

// SetZone moves the machine to a zone (added when unknown).
func (o *Operator) SetZone(systemID, name string) error {
	o.s.AddZone(name, "")
	return o.update(systemID, "zone", name)
}

// SetPool moves the machine to a pool (added when unknown).
func (o *Operator) SetPool(systemID, name string) error {
	o.s.AddPool(name, "")
	return o.update(systemID, "pool", name)
}

func (o *Operator) update(systemID, key, value string) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.call(o.user(""), http.MethodPut, systemID, "", map[string][]string{key: {value}})
}

// SetTags replaces the machine's tags (added when unknown).
func (o *Operator) SetTags(systemID string, tags ...string) error {
	return o.locked(systemID, func(m *machine) error {
		for _, t := range tags {
			o.s.ensureTag(t)
		}
		m.tags = append([]string(nil), tags...)
		m.touch()
		return nil
	})
}

// Delete takes the machine out of MAAS. A locked machine is refused.
func (o *Operator) Delete(systemID string) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return o.call(o.user(""), http.MethodDelete, systemID, "", nil)
}

// ForceDelete takes the machine out of MAAS even when it is locked.
func (o *Operator) ForceDelete(systemID string) error {
	return o.locked(systemID, func(m *machine) error {
		o.s.deleteMachine(m)
		return nil
	})
}

// FailDeploy makes the installer of a Deploying machine report failure now.
func (o *Operator) FailDeploy(systemID string) error {
	return o.locked(systemID, func(m *machine) error {
		if m.status != StatusDeploying {
			return refuse(http.StatusConflict, "the machine is "+m.status.String()+", not Deploying")
		}
		o.s.installFailed(m)
		return nil
	})
}

// FailErase makes the erasing of a Disk erasing machine fail now.
func (o *Operator) FailErase(systemID string) error {
	return o.locked(systemID, func(m *machine) error {
		if m.status != StatusDiskErasing {
			return refuse(http.StatusConflict, "the machine is "+m.status.String()+", not Disk erasing")
		}
		o.s.eraseFailed(m)
		return nil
	})
}

// ForceStatus sets a status without any check, as a hand in the database
// would. Timed events of the machine are void.
func (o *Operator) ForceStatus(systemID string, st Status) error {
	return o.locked(systemID, func(m *machine) error {
		m.begin()
		o.s.setStatus(m, st, "")
		return nil
	})
}

func (o *Operator) locked(systemID string, f func(m *machine) error) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	m := o.s.machines[systemID]
	if m == nil {
		return refuse(http.StatusNotFound, "No Machine matches the given query.")
	}
	return f(m)
}
