package turn

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// maxPeers bounds the permissions, and the channels, of one allocation: a connection has a few dozen candidates to try.
// pion has no bound of its own, and a client could have the server remember peers until its memory is full.
const maxPeers = 512

// peers are those of one allocation, as pion tells of them.
type peers struct {
	mu        sync.RWMutex
	permitted map[netip.Addr]bool
	channels  int
}

func (p *peers) has(ip netip.Addr) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.permitted[ip]
}

// permission notes that a permission was made, or has ended. It is false if there are too many now.
func (p *peers) permission(ip netip.Addr, made bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !made {
		delete(p.permitted, ip)
		return true
	}
	if p.permitted == nil {
		p.permitted = map[netip.Addr]bool{}
	}
	p.permitted[ip] = true
	return len(p.permitted) <= maxPeers
}

// channel notes that a channel was made, or has ended. It is false if there are too many now.
func (p *peers) channel(made bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if made {
		p.channels++
	} else {
		p.channels--
	}
	return p.channels <= maxPeers
}

// watchPeers sets the events that keep each allocation's peers. An allocation that has too many is ended: pion asks nobody
// before it makes a channel.
func (r *relays) watchPeers(events *turn.EventHandler, starts *starts, from func(client, local net.Addr) source) {
	note := func(relayed net.Addr, userID string, note func(*peers) bool) {
		r.mu.RLock()
		c := r.open[addrPortOf(relayed).Port()]
		r.mu.RUnlock()
		if c != nil && c.userID == userID && !note(&c.peers) {
			c.Close()
		}
	}
	permission := func(relayed net.Addr, userID string, peer net.IP, made bool) {
		ip, _ := netip.AddrFromSlice(peer)
		note(relayed, userID, func(p *peers) bool { return p.permission(ip.Unmap(), made) })
	}
	events.OnPermissionCreated = func(client, local net.Addr, _, userID, _ string, relayed net.Addr, peer net.IP) {
		starts.begin(from(client, local), peer)
		permission(relayed, userID, peer, true)
	}
	events.OnPermissionDeleted = func(client, local net.Addr, _, userID, _ string, relayed net.Addr, peer net.IP) {
		starts.wait(from(client, local), peer)
		permission(relayed, userID, peer, false)
	}
	events.OnChannelCreated = func(client, local net.Addr, _, userID, _ string, relayed, _ net.Addr, _ uint16) {
		starts.end(from(client, local))
		note(relayed, userID, func(p *peers) bool { return p.channel(true) })
	}
	events.OnChannelDeleted = func(_, _ net.Addr, _, userID, _ string, relayed, _ net.Addr, _ uint16) {
		note(relayed, userID, func(p *peers) bool { return p.channel(false) })
	}
}
