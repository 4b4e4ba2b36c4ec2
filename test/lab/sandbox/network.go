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

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Bridge is an Ethernet segment of the sandbox.
type Bridge struct {
	name    string
	link    netlink.Link
	gateway netip.Addr

	mu   sync.Mutex // guards next
	next int
}

// NewBridge makes a bridge and gives the sandbox itself the address on it.
func NewBridge(name string, addr netip.Prefix) (*Bridge, error) {
	if err := Err(); err != nil {
		return nil, fmt.Errorf("making bridge %s: %w", name, err)
	}
	// A bridge that is given no address takes the lowest of its ports' and
	// changes it as they come and go: whoever has the old one in his ARP cache
	// then talks to nobody for half a minute.
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name, HardwareAddr: hardwareAddress(addr.Addr())}}
	if err := netlink.LinkAdd(link); err != nil {
		return nil, fmt.Errorf("making bridge %s: %w", name, err)
	}
	b := &Bridge{name: name, link: link, gateway: addr.Addr()}
	if err := b.AddAddress(addr); err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("bringing bridge %s up: %w", name, err)
	}
	return b, nil
}

// AddAddress gives the sandbox itself one more address on the bridge.
func (b *Bridge) AddAddress(addr netip.Prefix) error {
	if err := addAddress(b.link, addr); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("adding address %s to bridge %s: %w", addr, b.name, err)
	}
	return nil
}

// RemoveAddress takes an address away again.
func (b *Bridge) RemoveAddress(addr netip.Prefix) error {
	err := netlink.AddrDel(b.link, &netlink.Addr{IPNet: ipNet(addr)})
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("removing address %s from bridge %s: %w", addr, b.name, err)
	}
	return nil
}

// Close removes the bridge.
func (b *Bridge) Close() error {
	if err := netlink.LinkDel(b.link); err != nil {
		return fmt.Errorf("removing bridge %s: %w", b.name, err)
	}
	return nil
}

// NetNS is a network namespace of a host or pod: a loopback interface and one
// Ethernet port on a bridge.
type NetNS struct {
	file *os.File
	name string
	peer string // the bridge's end of the veth pair
}

// NewNetNS makes a network namespace with the address on eth0 and the sandbox
// as its default gateway: programs look for their own address on the interface
// of the default route.
func (b *Bridge) NewNetNS(name string, addr netip.Prefix) (*NetNS, error) {
	b.mu.Lock()
	b.next++
	peer := fmt.Sprintf("%.8s-%d", b.name, b.next)
	b.mu.Unlock()
	file, err := newNetNSFile()
	if err != nil {
		return nil, fmt.Errorf("making the network namespace of %s: %w", name, err)
	}
	n := &NetNS{file: file, name: name, peer: peer}
	if err := b.plug(n, addr); err != nil {
		n.Close()
		return nil, fmt.Errorf("connecting %s to bridge %s: %w", name, b.name, err)
	}
	return n, nil
}

// plug makes the veth pair and configures both ends.
func (b *Bridge) plug(n *NetNS, addr netip.Prefix) error {
	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: n.peer, MasterIndex: b.link.Attrs().Index},
		PeerName:      "eth0",
		PeerNamespace: netlink.NsFd(int(n.file.Fd())),
		// The next host with this IP address is reached at once.
		PeerHardwareAddr: hardwareAddress(addr.Addr()),
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(veth); err != nil {
		return err
	}
	return n.Do(func() error {
		for _, name := range []string{"lo", "eth0"} {
			link, err := netlink.LinkByName(name)
			if err != nil {
				return err
			}
			if name == "eth0" {
				if err := addAddress(link, addr); err != nil {
					return err
				}
			}
			if err := netlink.LinkSetUp(link); err != nil {
				return err
			}
		}
		return netlink.RouteAdd(&netlink.Route{Gw: b.gateway.AsSlice()})
	})
}

// newNetNSFile makes a network namespace that lives as long as the file or a
// process in it.
func newNetNSFile() (*os.File, error) {
	type result struct {
		file *os.File
		err  error
	}
	done := make(chan result)
	go func() {
		// Not unlocked: the thread is in the new namespace and ends with the
		// goroutine.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- result{err: err}
			return
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		done <- result{f, err}
	}()
	r := <-done
	return r.file, r.err
}

// Do runs f on a thread inside the network namespace. Sockets made by f belong
// to the namespace for good.
func (n *NetNS) Do(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("entering the network namespace of %s: %w", n.name, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// Listen opens a listening TCP socket in the namespace.
func (n *NetNS) Listen(ctx context.Context, addr string) (net.Listener, error) {
	var ln net.Listener
	err := n.Do(func() error {
		var lc net.ListenConfig
		var err error
		ln, err = lc.Listen(ctx, "tcp", addr)
		return err
	})
	return ln, err
}

// Close removes the namespace's port from the bridge and lets the namespace go.
func (n *NetNS) Close() {
	if link, err := netlink.LinkByName(n.peer); err == nil {
		_ = netlink.LinkDel(link)
	}
	_ = n.file.Close()
}

// hardwareAddress is the same for an IP address always, so that no ARP cache is
// ever wrong.
func hardwareAddress(ip netip.Addr) net.HardwareAddr {
	last := ip.AsSlice()
	return append(net.HardwareAddr{0x02, 0x00}, last[len(last)-4:]...)
}

func addAddress(link netlink.Link, addr netip.Prefix) error {
	return netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(addr)})
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
