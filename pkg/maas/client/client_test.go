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
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/capmaas/cluster-api-provider-maas/pkg/maas"
)

const testKey = "ConsumerKey0000001:TokenKey0000000001:TokenSecret00000000000000000001"

// newTestClient makes a client of a handler served over real HTTP.
func newTestClient(t testing.TB, h http.Handler, change func(*Options)) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	opts := Options{Endpoint: srv.URL + "/MAAS", APIKey: testKey, QPS: -1}
	if change != nil {
		change(&opts)
	}
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// answer serves a recorded answer.
func answer(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Maas-Api-Hash", "dd669678ee341087b5f499585262589f7257680c")
		_, _ = w.Write(body)
	}
}

func answerJSON(body []byte) http.HandlerFunc { return answer("application/json; charset=utf-8", body) }

func TestRequests(t *testing.T) {
	machine := testdata(t, "machine.json")
	machines := testdata(t, "machines.json")
	events := testdata(t, "events.json")
	dns := []byte(`{"id": 6, "fqdn": "api.c1.example", "ip_addresses": [{"ip": "172.16.0.41"}, {"ip": null}, {"ip": "172.16.0.40"}]}`)
	userData := []byte("#cloud-config\nruncmd: [\"echo\u00e9\"]\n")

	for _, tc := range []struct {
		name   string
		answer []byte
		status int
		call   func(context.Context, *Client) error
		method string
		path   string
		query  url.Values
		form   url.Values
	}{
		{
			name: "get machine", answer: machine, method: "GET", path: "machines/66s7qb/", query: url.Values{},
			call: func(ctx context.Context, c *Client) error { _, err := c.GetMachine(ctx, "66s7qb"); return err },
		},
		{
			name: "list all", answer: machines, method: "GET", path: "machines/", query: url.Values{},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.ListMachines(ctx, maas.Filter{})
				return err
			},
		},
		{
			name: "list by ids and agent name", answer: machines, method: "GET", path: "machines/",
			query: url.Values{"id": {"aaaaaa", "bbbbbb"}, "agent_name": {"ours"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.ListMachines(ctx, maas.Filter{SystemIDs: []string{"aaaaaa", "bbbbbb"}, AgentName: "ours"})
				return err
			},
		},
		{
			name: "allocate", answer: machine, method: "POST", path: "machines/", query: url.Values{"op": {"allocate"}},
			form: url.Values{"system_id": {"66s7qb"}, "agent_name": {"ours"}, "comment": {"for cp-0"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Allocate(ctx, maas.AllocateRequest{SystemID: "66s7qb", AgentName: "ours", Comment: "for cp-0"})
				return err
			},
		},
		{
			name: "deploy", answer: machine, method: "POST", path: "machines/66s7qb/", query: url.Values{"op": {"deploy"}},
			form: url.Values{
				"distro_series": {"custom/u-2204"}, "hwe_kernel": {"hwe-22.04"}, "comment": {"c"},
				"user_data": {base64.StdEncoding.EncodeToString(userData)},
			},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Deploy(ctx, "66s7qb", maas.DeployRequest{
					DistroSeries: "custom/u-2204", Kernel: "hwe-22.04", UserData: userData, Comment: "c",
				})
				return err
			},
		},
		{
			name: "release", answer: machine, method: "POST", path: "machines/66s7qb/", query: url.Values{"op": {"release"}},
			form: url.Values{"comment": {"scale down"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Release(ctx, "66s7qb", maas.ReleaseRequest{Comment: "scale down"})
				return err
			},
		},
		{
			name: "annotate", answer: machine, method: "POST", path: "machines/66s7qb/",
			query: url.Values{"op": {"set_workload_annotations"}}, form: url.Values{"a": {"1"}, "gone": {""}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.Annotate(ctx, "66s7qb", map[string]string{"a": "1", "gone": ""})
				return err
			},
		},
		{
			name: "events", answer: events, method: "GET", path: "events/",
			query: url.Values{"op": {"query"}, "limit": {"1000"}, "level": {"DEBUG"}, "after": {"5"}, "before": {"900"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.ListEvents(ctx, maas.EventQuery{After: 5, Before: 900, Limit: 1000})
				return err
			},
		},
		{
			name: "whoami", answer: []byte(`{"is_superuser": false, "username": "capi"}`), method: "GET", path: "users/",
			query: url.Values{"op": {"whoami"}},
			call:  func(ctx context.Context, c *Client) error { _, err := c.WhoAmI(ctx); return err },
		},
		{
			name: "get DNS", answer: []byte("[" + string(dns) + "]"), method: "GET", path: "dnsresources/",
			query: url.Values{"fqdn": {"api.c1.example"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.GetDNSResource(ctx, "api.c1.example")
				return err
			},
		},
		{
			name: "create DNS", answer: dns, method: "POST", path: "dnsresources/", query: url.Values{"op": {""}},
			form: url.Values{"fqdn": {"api.c1.example"}, "ip_addresses": {"172.16.0.40 172.16.0.41"}},
			call: func(ctx context.Context, c *Client) error {
				_, err := c.CreateDNSResource(ctx, "api.c1.example", []string{"172.16.0.40", "172.16.0.41"})
				return err
			},
		},
		{
			name: "empty DNS, leaving its TTL alone", answer: dns, method: "PUT", path: "dnsresources/6/", query: url.Values{},
			form: url.Values{"ip_addresses": {""}},
			call: func(ctx context.Context, c *Client) error { _, err := c.UpdateDNSResource(ctx, 6, nil); return err },
		},
		{
			name: "delete DNS", status: http.StatusNoContent, method: "DELETE", path: "dnsresources/6/", query: url.Values{},
			call: func(ctx context.Context, c *Client) error { return c.DeleteDNSResource(ctx, 6) },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewWithT(t)
			var seen *http.Request
			c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				seen = r
				if tc.status != 0 {
					w.WriteHeader(tc.status)
					return
				}
				answerJSON(tc.answer)(w, r)
			}), func(o *Options) { o.UserAgent = "capmaas/test" })
			g.Expect(tc.call(t.Context(), c)).To(Succeed())
			g.Expect(seen.Method).To(Equal(tc.method))
			g.Expect(seen.URL.Path).To(Equal("/MAAS/api/2.0/" + tc.path))
			g.Expect(seen.URL.Query()).To(Equal(tc.query))
			if tc.form != nil {
				g.Expect(seen.PostForm).To(Equal(tc.form))
			}
			g.Expect(seen.Header.Get("User-Agent")).To(Equal("capmaas/test"))
			g.Expect(seen.Header.Get("Authorization")).To(HavePrefix("OAuth "))
		})
	}
}

func TestMachineOfTheRecording(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, answerJSON(testdata(t, "machine.json")), nil)
	m, err := c.GetMachine(t.Context(), "66s7qb")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*m).To(Equal(maas.Machine{
		SystemID: "66s7qb", Hostname: "node02", FQDN: "node02.maas",
		Status: maas.StatusDeployed, StatusMessage: "Deployed", Power: maas.PowerOn, PowerType: "webhook",
		Owner: "capi", Zone: "az2", Pool: "capi-cp", Tags: []string{"cp-capable", "ssd"},
		Architecture: "amd64/generic", CPUCount: 8, MemoryMiB: 32768,
		OSSystem: "ubuntu", DistroSeries: "jammy", Addresses: []string{"192.168.0.32"},
		Annotations: map[string]string{}, Interfaces: m.Interfaces,
		BootDiskID: 4,
		BlockDevices: []maas.BlockDevice{
			{
				ID: 4, Name: "sda", Physical: true, IDPath: "/dev/disk/by-id/sata-SSD480_BOOT000002", Model: "SSD480", Serial: "BOOT000002",
				SizeBytes: 480103981056, Tags: []string{"sata", "ssd"}, UsedFor: "GPT partitioned with 2 partitions",
				Partitions: []maas.Partition{{SizeBytes: 536870912, MountPoint: "/boot/efi"}, {SizeBytes: 479559942144, MountPoint: "/"}},
			},
			{
				ID: 5, Name: "sdb", Physical: true, IDPath: "/dev/disk/by-id/sata-SSD1920_DATA000002A", Model: "SSD1920", Serial: "DATA000002A",
				SizeBytes: 1920383410176, Tags: []string{"sata", "ssd"}, UsedFor: "Unused",
			},
			{
				ID: 6, Name: "sdc", Physical: true, IDPath: "/dev/disk/by-id/sata-SSD1920_DATA000002B", Model: "SSD1920", Serial: "DATA000002B",
				SizeBytes: 1920383410176, Tags: []string{"sata", "ssd"}, UsedFor: "Unused",
			},
		},
	}))
	g.Expect(m.BlockDevice(5).Serial).To(Equal("DATA000002A"))
	g.Expect(m.BlockDevice(7)).To(BeNil())
	g.Expect(m.HasTag("ssd")).To(BeTrue())
	g.Expect(m.Interfaces).To(HaveLen(4))
	g.Expect(m.Interfaces[0]).To(Equal(maas.Interface{
		ID: 5, Name: "enp1s0", Type: maas.InterfacePhysical, MACAddress: "52:54:00:02:00:00", Enabled: true, LinkConnected: true,
		LinkSpeedMbps: 10000, InterfaceSpeedMbps: 10000, Tags: []string{}, Parents: []string{}, Children: []string{},
		VLAN: &maas.VLAN{ID: 1, Fabric: "fabric-0", MTU: 1500}, EffectiveMTU: 1500,
		Links: []maas.Link{{
			ID: 16, Mode: maas.LinkAuto, SubnetID: 1, CIDR: netip.MustParsePrefix("192.168.0.0/22"),
			Address: netip.MustParseAddr("192.168.0.32"),
		}},
	}))
}

func TestListOfTheRecording(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, answerJSON(testdata(t, "machines.json")), nil)
	list, err := c.ListMachines(t.Context(), maas.Filter{})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(3))
	g.Expect(list[0].Hostname).To(Equal("node01"))
	g.Expect(list[0].Status).To(Equal(maas.StatusReady))
	g.Expect(list[0].Owner).To(BeEmpty(), "null in the recording")
}

func TestEventsOfTheRecording(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, answerJSON(testdata(t, "events.json")), nil)
	events, err := c.ListEvents(t.Context(), maas.EventQuery{Limit: 30})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(events).To(HaveLen(8))
	g.Expect(events[0]).To(Equal(maas.Event{
		ID: 180, SystemID: "66s7qb", Hostname: "node02", Level: "INFO", Type: "Deployed",
		Created: time.Date(2026, 11, 22, 14, 2, 2, 0, time.UTC),
	}))
}

func TestCreatedInEveryMonth(t *testing.T) {
	g := NewWithT(t)
	for i, month := range []string{
		"Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec.",
	} {
		g.Expect(parseCreated("Sun, 02 "+month+" 2026 14:02:02")).
			To(Equal(time.Date(2026, time.Month(i+1), 2, 14, 2, 2, 0, time.UTC)), month)
	}
	for _, s := range []string{"", "soon", "Sun, 02 N 2026 14:02:02", "Sun, 99 Nov. 2026 14:02:02"} {
		g.Expect(parseCreated(s)).To(BeZero(), s)
	}
}

func TestDNSAddressesAreSortedWithoutTheReleased(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, answerJSON([]byte(
		`[{"id": 6, "fqdn": "API.c1.example", "ip_addresses": [{"ip": "172.16.0.41"}, {"ip": null}, {"ip": "172.16.0.40"}]}]`)), nil)
	r, err := c.GetDNSResource(t.Context(), "api.c1.example")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Addresses).To(Equal([]string{"172.16.0.40", "172.16.0.41"}))
	_, err = c.GetDNSResource(t.Context(), "other.c1.example")
	g.Expect(maas.IsNotFound(err)).To(BeTrue())
}

func TestVersionNeedsNoCredentials(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answerJSON([]byte(`{"capabilities": [], "version": "3.4.1", "subversion": ""}`))(w, r)
	}), nil)
	g.Expect(c.Version(t.Context())).To(Equal("3.4.1"))
}

func TestManyIDsAreAskedInParts(t *testing.T) {
	g := NewWithT(t)
	var asked []int
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, len(r.URL.Query()["id"]))
		g.Expect(len(r.URL.String())).To(BeNumerically("<", 8000))
		answerJSON([]byte(`[{"system_id": "aaaaaa"}]`))(w, r)
	}), nil)
	ids := make([]string, 700)
	for i := range ids {
		ids[i] = "abcdef"
	}
	list, err := c.ListMachines(t.Context(), maas.Filter{SystemIDs: ids})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(list).To(HaveLen(3))
	g.Expect(asked).To(Equal([]int{300, 300, 100}))
}

func TestMalformedArgumentsAreNotSent(t *testing.T) {
	g := NewWithT(t)
	c := newTestClient(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("sent") }), nil)
	ctx := t.Context()
	for _, id := range []string{"", "../users", "a/b", "a?b", "a b", ".."} {
		_, err := c.GetMachine(ctx, id)
		g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid), id)
		_, err = c.Release(ctx, id, maas.ReleaseRequest{})
		g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid), id)
		_, err = c.Allocate(ctx, maas.AllocateRequest{SystemID: id})
		g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid), id)
	}
	_, err := c.ListEvents(ctx, maas.EventQuery{Limit: 1001})
	g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid))
	_, err = c.CreateDNSResource(ctx, "a.b", []string{"bogus"})
	g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid))
	_, err = c.GetDNSResource(ctx, "")
	g.Expect(maas.KindOf(err)).To(Equal(maas.Invalid))
}
