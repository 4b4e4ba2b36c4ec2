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

package portworx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/capmaas/cluster-api-provider-maas/pkg/storagehealth"
)

// maxVolumes bounds what is kept of an answer that does not end.
const maxVolumes = 500_000

// volumeStatuses are the values of the SDK's enumeration VolumeStatus, by their numbers.
var volumeStatuses = []string{
	"VOLUME_STATUS_NONE", "VOLUME_STATUS_NOT_PRESENT", "VOLUME_STATUS_UP", "VOLUME_STATUS_DOWN", "VOLUME_STATUS_DEGRADED",
}

// maxUsage keeps nonsense from overflowing: a pebibyte.
const maxUsage = 1 << 50

// reader collects the volumes, one after the other: an answer about 20,000 of them is tens of megabytes long.
type reader struct {
	known   *roster
	volumes []storagehealth.Volume
	// seen counts all volumes, also those whose data no node has.
	seen int
	// pending and total are bytes of the copies that are being made.
	pending, total int64
}

func readVolumes(ctx context.Context, s *session, known *roster) (*reader, error) {
	r := &reader{known: known}
	err := s.call(ctx, http.MethodPost, "/v1/volumes/inspectwithfilters", struct{}{}, r.decode)
	return r, err
}

// decode reads {"volumes":[…]}.
func (r *reader) decode(body io.Reader) error {
	decoder := json.NewDecoder(body)
	if err := expect(decoder, '{'); err != nil {
		return err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		switch key {
		case "volumes":
			if err := r.decodeList(decoder); err != nil {
				return err
			}
		case "error", "code":
			return errors.New("the answer is an error")
		default:
			if err := decoder.Decode(&json.RawMessage{}); err != nil {
				return err
			}
		}
	}
	if err := expect(decoder, '}'); err != nil {
		return err
	}
	return end(decoder)
}

func expect(decoder *json.Decoder, delimiter json.Delim) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if token != delimiter {
		return fmt.Errorf("%q was expected and %v came", delimiter, token)
	}
	return nil
}

func (r *reader) decodeList(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('[') {
		return fmt.Errorf("a list of volumes was expected and %v came", token)
	}
	for decoder.More() {
		one := sdkVolume{}
		if err := decoder.Decode(&one); err != nil {
			return err
		}
		if r.seen++; r.seen > maxVolumes {
			return fmt.Errorf("there are more than %d volumes", maxVolumes)
		}
		if err := r.add(&one); err != nil {
			return err
		}
	}
	return expect(decoder, ']')
}

// maxHALevel is the most copies that Portworx makes.
const maxHALevel = 3

func (r *reader) add(v *sdkVolume) error {
	if v.name() == "" {
		return errors.New("a volume has neither id nor name")
	}
	if v.Volume.Spec.Sharedv4 && v.Volume.AttachedOn != "" {
		i, ok := r.known.byAddress[v.Volume.AttachedOn]
		if !ok {
			return fmt.Errorf("volume %s is served by %s, which Portworx does not list", v.name(), v.Volume.AttachedOn)
		}
		r.known.nodes[i].Servers++
	}
	if v.proxied() {
		return nil
	}
	wanted := v.Volume.Spec.HALevel
	if wanted < 1 || wanted > maxHALevel {
		return fmt.Errorf("volume %s wants %d copies; Portworx makes 1 to %d", v.name(), wanted, maxHALevel)
	}
	if len(v.Volume.ReplicaSets) == 0 {
		return fmt.Errorf("volume %s does not say where its copies are", v.name())
	}
	r.addSets(v)
	return nil
}

// addSets adds each replica set as a volume of its own: the loss of any of them is the loss of the volume.
func (r *reader) addSets(v *sdkVolume) {
	sets := v.Volume.ReplicaSets
	allClean := len(v.Volume.RuntimeState) >= len(sets)
	for i := range v.Volume.RuntimeState {
		allClean = allClean && v.Volume.RuntimeState[i].RuntimeState[keyState] == stateClean
	}
	status := enumName(v.Volume.Status, volumeStatuses)
	wanted := int(v.Volume.Spec.HALevel)
	for i := range sets {
		set := replicaSet{up: status == "VOLUME_STATUS_UP", allClean: allClean, wanted: wanted, nodes: distinct(sets[i].Nodes)}
		if i < len(v.Volume.RuntimeState) {
			set.state = v.Volume.RuntimeState[i].RuntimeState
		}
		if status != "VOLUME_STATUS_UP" && status != "VOLUME_STATUS_DEGRADED" {
			// Of a volume that is down nothing is proven, whatever its last runtime state was.
			set.state = nil
		}
		name := v.name()
		if len(sets) > 1 {
			name = fmt.Sprintf("%s (replica set %d)", name, i)
		}
		r.addSet(v, name, &set)
	}
}

// distinct drops what stands there twice: two copies on one node are one.
func distinct(nodes []string) []string {
	out := make([]string, 0, len(nodes))
	for _, id := range nodes {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func (r *reader) addSet(v *sdkVolume, name string, set *replicaSet) {
	volume := storagehealth.Volume{Name: name, Wanted: int32(set.wanted), Quorum: quorum(set.wanted)}
	standings := set.standings()
	volume.Replicas = make([]storagehealth.Replica, 0, len(standings))
	for _, one := range standings {
		volume.Replicas = append(volume.Replicas, storagehealth.Replica{Node: r.known.index(one.node), InSync: one.inSync})
		if one.inSync {
			continue
		}
		total := min(max(int64(v.Volume.Usage), 0), maxUsage) / int64(len(v.Volume.ReplicaSets))
		pending := pendingBytes(v, set, one, total)
		volume.PendingBytes += pending
		r.pending += pending
		r.total += total
	}
	r.volumes = append(r.volumes, volume)
}

// quorum is how many copies have to be there for a volume to be written: two of three, else one.
func quorum(wanted int) int32 {
	if wanted >= maxHALevel {
		return 2
	}
	return 1
}

// pendingBytes is how much is still to be copied to one node, at most what the volume has. It informs people and decides nothing: Portworx does not
// publish the size of the blocks that it counts, and the volume's own is taken for it.
func pendingBytes(v *sdkVolume, set *replicaSet, one standing, most int64) int64 {
	if set.changing(one.node) {
		return max(most-set.copied(), 0)
	}
	if one.blocks < 0 {
		return most
	}
	block := int64(v.Volume.Spec.BlockSize)
	if block <= 0 || block > 1<<20 {
		block = 4096
	}
	return min(one.blocks*block, most)
}

// progress is the share of what is being copied that has been, negative when nothing is.
func (r *reader) progress() int32 {
	if r.total <= 0 {
		return -1
	}
	return int32(100 * (1 - min(max(float64(r.pending)/float64(r.total), 0), 1)))
}
