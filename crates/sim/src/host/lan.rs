//! What stands between a host's packets and its link: addresses, neighbours, the interface.

use super::nic::Nic;
use super::{HostConfig, HostDrop, HostEvent, arp, nd};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{Instant, MacAddr};
use greylag_ip::addresses::{Addresses, NextHop};
use greylag_ip::neighbor::{Evidence, Expired, Neighbors, Resolved, Slot};
use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Lan {
    pub(crate) nic: Nic,
    pub(crate) addresses: Addresses,
    gateway4: Option<Ipv4Addr>,
    gateway6: Option<Ipv6Addr>,
    pub(crate) neighbors: Neighbors<Vec<u8>>,
    pub(crate) events: VecDeque<HostEvent>,
    pub(crate) ttl: u8,
    gratuitous: bool,
}

impl Lan {
    pub(crate) fn new(config: &HostConfig) -> Self {
        Lan {
            nic: Nic::new(config.mac, config.vlan),
            addresses: Addresses { v4: config.ipv4.clone(), v6: config.ipv6.clone() },
            gateway4: config.gateway4,
            gateway6: config.gateway6,
            neighbors: Neighbors::new(config.neighbors.timers()),
            events: VecDeque::new(),
            ttl: config.ttl,
            gratuitous: config.neighbors.gratuitous,
        }
    }

    /// Sends a frame that lacks nothing but its addresses. `hint` is the caller's to keep for the same destination.
    pub(crate) fn send(&mut self, now: Instant, to: IpAddr, frame: Vec<u8>, hint: &mut Option<Slot>) {
        // Nobody is asked for, and no packet waits, on a link that is down.
        if !self.nic.up {
            return self.nic.discard(HostDrop::LinkDown, frame);
        }
        let next = match self.next_hop(to) {
            None => return self.nic.discard(HostDrop::NoRoute, frame),
            Some(NextHop::Group(mac)) => return self.nic.send(mac, frame),
            Some(NextHop::Neighbor(next)) => next,
        };
        match self.neighbors.resolve(now, next, frame, hint) {
            Resolved::Goes { to, packet, ask } => {
                self.nic.send(to, packet);
                if ask {
                    self.ask(next, Some(to));
                }
            }
            Resolved::Waits { ask, oldest } => {
                if let Some(oldest) = oldest {
                    self.nic.discard(HostDrop::QueueFull, oldest);
                }
                if ask {
                    self.ask(next, None);
                }
            }
            // A host forgets who does not answer.
            Resolved::Failed(frame) => self.nic.discard(HostDrop::Unresolved, frame),
            Resolved::Full(frame) => self.nic.discard(HostDrop::NeighborsFull, frame),
        }
    }

    /// `None` when the address is of no subnet of the host's and there is no gateway.
    pub(crate) fn next_hop(&self, to: IpAddr) -> Option<NextHop> {
        self.addresses.on_link(to).or_else(|| {
            let gateway = match to {
                IpAddr::V4(_) => self.gateway4.map(IpAddr::V4),
                IpAddr::V6(_) => self.gateway6.map(IpAddr::V6),
            };
            gateway.map(NextHop::Neighbor)
        })
    }

    /// Takes in what was heard of a neighbour, and sends what waited for it.
    pub(crate) fn hear(&mut self, now: Instant, addr: IpAddr, mac: Option<MacAddr>, evidence: Evidence) {
        if let Some((mac, waiting)) = self.neighbors.hear(now, addr, mac, evidence) {
            for frame in waiting {
                self.nic.send(mac, frame);
            }
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(expired) = self.neighbors.expire(now) {
            match expired {
                Expired::Ask((addr, known)) => self.ask(addr, known),
                Expired::Failed(addr, waiting) => {
                    self.events.push_back(HostEvent::NeighborFailed { addr, dropped: waiting.len() });
                    for frame in waiting {
                        self.nic.discard(HostDrop::Unresolved, frame);
                    }
                }
            }
        }
    }

    pub(crate) fn set_link(&mut self, up: bool) {
        if up == self.nic.up {
            return;
        }
        if up {
            self.nic.up = true;
            if self.gratuitous {
                self.announce();
            }
            return;
        }
        self.nic.go_down();
        for frame in self.neighbors.flush() {
            self.nic.discard(HostDrop::LinkDown, frame);
        }
    }

    pub(crate) fn announce(&mut self) {
        let own: Vec<IpAddr> = self.addresses.iter().map(|(addr, _)| addr).collect();
        for addr in own {
            match addr {
                IpAddr::V4(addr) => arp::announce(self, addr),
                IpAddr::V6(addr) => nd::announce(self, addr),
            }
        }
    }

    fn ask(&mut self, addr: IpAddr, known: Option<MacAddr>) {
        match addr {
            IpAddr::V4(addr) => arp::ask(self, addr, known),
            IpAddr::V6(addr) => nd::ask(self, addr, known),
        }
    }
}
