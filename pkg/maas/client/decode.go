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

package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

var (
	errNoSystemID = errors.New("a machine without system_id")
	errNotAList   = errors.New("not a list")
)

// decodeInto adapts a decoder to a request: the target changes only when the whole answer could be read.
func decodeInto[T any](target *T, decode func(io.Reader) (T, error)) func(io.Reader) error {
	return func(r io.Reader) error {
		v, err := decode(r)
		if err != nil {
			return err
		}
		*target = v
		return nil
	}
}

// named is a zone or pool.
type named struct {
	Name string `json:"name"`
}

// machineJSON is the part of MAAS's machine that we read. Fields that MAAS leaves null stay empty.
type machineJSON struct {
	SystemID      string            `json:"system_id"`
	Hostname      string            `json:"hostname"`
	FQDN          string            `json:"fqdn"`
	StatusName    string            `json:"status_name"`
	StatusMessage string            `json:"status_message"`
	PowerState    string            `json:"power_state"`
	PowerType     string            `json:"power_type"`
	Owner         string            `json:"owner"`
	Locked        bool              `json:"locked"`
	Zone          named             `json:"zone"`
	Pool          named             `json:"pool"`
	TagNames      []string          `json:"tag_names"`
	Architecture  string            `json:"architecture"`
	CPUCount      int               `json:"cpu_count"`
	Memory        float64           `json:"memory"`
	OSSystem      string            `json:"osystem"`
	DistroSeries  string            `json:"distro_series"`
	IPAddresses   []string          `json:"ip_addresses"`
	Annotations   map[string]string `json:"workload_annotations"`
	BlockDevices  []blockDeviceJSON `json:"blockdevice_set"`
	BootDisk      deviceID          `json:"boot_disk"`
	Ephemeral     bool              `json:"ephemeral_deploy"`
	Interfaces    []interfaceJSON   `json:"interface_set"`
	Gateways      gatewaysJSON      `json:"default_gateways"`
}

// machine gives our value of it.
func (j *machineJSON) machine() (maas.Machine, error) {
	if j.SystemID == "" {
		return maas.Machine{}, errNoSystemID
	}
	slices.Sort(j.TagNames)
	ifs, err := interfaces(j.Interfaces, &j.Gateways)
	if err != nil {
		return maas.Machine{}, err
	}
	m := maas.Machine{
		SystemID:      j.SystemID,
		Hostname:      j.Hostname,
		FQDN:          j.FQDN,
		Status:        maas.Status(j.StatusName),
		StatusMessage: j.StatusMessage,
		Power:         maas.Power(j.PowerState),
		PowerType:     j.PowerType,
		Owner:         j.Owner,
		Locked:        j.Locked,
		Zone:          j.Zone.Name,
		Pool:          j.Pool.Name,
		Tags:          j.TagNames,
		Architecture:  j.Architecture,
		CPUCount:      j.CPUCount,
		MemoryMiB:     int64(j.Memory),
		OSSystem:      j.OSSystem,
		DistroSeries:  j.DistroSeries,
		Addresses:     slices.DeleteFunc(j.IPAddresses, func(ip string) bool { return ip == "" }),
		Interfaces:    ifs,
		Annotations:   j.Annotations,
		BlockDevices:  blockDevices(j.BlockDevices),
		BootDiskID:    j.BootDisk.ID,
		Ephemeral:     j.Ephemeral,
	}
	return m, nil
}

// decodeMachine reads one machine.
func decodeMachine(r io.Reader) (maas.Machine, error) {
	var j machineJSON
	if err := json.NewDecoder(r).Decode(&j); err != nil {
		return maas.Machine{}, unexpectedEOF(err)
	}
	return j.machine()
}

// decodeMachines reads a list of machines, holding no more than one machine's JSON at a time.
func decodeMachines(r io.Reader) ([]maas.Machine, error) {
	dec := json.NewDecoder(r)
	if err := expect(dec, '['); err != nil {
		return nil, err
	}
	machines := []maas.Machine{}
	for dec.More() {
		var j machineJSON
		if err := dec.Decode(&j); err != nil {
			return nil, unexpectedEOF(err)
		}
		m, err := j.machine()
		if err != nil {
			return nil, err
		}
		machines = append(machines, m)
	}
	// A list that breaks off between two machines must not pass for a shorter one.
	if err := expect(dec, ']'); err != nil {
		return nil, err
	}
	return machines, nil
}

func expect(dec *json.Decoder, want json.Delim) error {
	token, err := dec.Token()
	if err != nil {
		return unexpectedEOF(err)
	}
	if token != want {
		return errNotAList
	}
	return nil
}

// unexpectedEOF tells an answer that ends too early from one that is wrong: to the decoder an empty one just ends.
func unexpectedEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// decodeJSON reads any other answer.
func decodeJSON[T any](r io.Reader) (T, error) {
	var v T
	return v, unexpectedEOF(json.NewDecoder(r).Decode(&v))
}

type eventsJSON struct {
	// Events is a pointer to tell an empty list from none, which is no answer of MAAS.
	Events *[]eventJSON `json:"events"`
}

type eventJSON struct {
	ID          int64  `json:"id"`
	Node        string `json:"node"`
	Hostname    string `json:"hostname"`
	Level       string `json:"level"`
	Type        string `json:"type"`
	Description string `json:"description"`
	Created     string `json:"created"`
}

// decodeEvents reads a page of events.
func decodeEvents(r io.Reader) ([]maas.Event, error) {
	page, err := decodeJSON[eventsJSON](r)
	if err != nil {
		return nil, err
	}
	if page.Events == nil {
		return nil, errNotAList
	}
	events := make([]maas.Event, 0, len(*page.Events))
	for _, j := range *page.Events {
		if j.ID <= 0 {
			return nil, fmt.Errorf("an event with id %d", j.ID)
		}
		events = append(events, maas.Event{
			ID: j.ID, SystemID: j.Node, Hostname: j.Hostname, Level: j.Level, Type: j.Type,
			Description: j.Description, Created: parseCreated(j.Created),
		})
	}
	return events, nil
}

// parseCreated reads MAAS's "Sun, 22 Nov. 2026 14:02:00", which is in UTC. Django abbreviates the months in its own
// way ("Sept.", "March"), so that a time that cannot be read is left zero: it only informs.
func parseCreated(s string) time.Time {
	var day, year int
	var weekday, month, clock string
	if n, err := fmt.Sscanf(s, "%s %d %s %d %s", &weekday, &day, &month, &year, &clock); err != nil || n != 5 {
		return time.Time{}
	}
	if len(month) < 3 {
		return time.Time{}
	}
	t, err := time.Parse("2 Jan 2006 15:04:05", fmt.Sprintf("%d %s %d %s", day, month[:3], year, clock))
	if err != nil {
		return time.Time{}
	}
	return t
}
