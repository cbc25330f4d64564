//! One router, and a test that pretends to be its neighbors.

use crate::driver::{A, Network, address, describe, local, router_id};
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId};
use greylag_linkstate::wire::{Body, Hello, Lsa, Repr};
use greylag_linkstate::{AnnouncedPrefix, Link, LsaHeader, LsaId, NeighborState};
use std::time::Duration;

/// What the test calls itself.
pub(crate) const X: usize = 23;
pub(crate) const Y: usize = 24;
/// The router's, towards them.
pub(crate) const HERE: InterfaceId = InterfaceId(0);
/// Theirs.
pub(crate) const THERE: InterfaceId = InterfaceId(5);

/// A router with one interface, on which nobody is but the test.
pub(crate) fn alone() -> Network {
    let mut network = Network::new(1, &[&[(A, 10)]]);
    // It may announce what it hears at once.
    network.run(Duration::from_secs(20));
    network.sent.clear();
    network.events.clear();
    network
}

pub(crate) fn hello(who: usize, heard: &[usize]) -> Hello {
    let ipv4 = match address(0, who) {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    };
    let ipv6 = match local(who) {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(address),
    };
    Hello {
        interface: THERE,
        hello_interval: Duration::from_secs(10),
        dead_interval: Duration::from_secs(40),
        ipv4,
        ipv6,
        heard: heard.iter().map(|router| router_id(*router)).collect(),
    }
}

/// Sound, from one who has not restarted, to all.
pub(crate) fn packet(who: usize, body: Body) -> Repr {
    Repr { router: router_id(who), incarnation: 7, to: None, body }
}

/// An announcement as its router makes it: with a link to `A`, and one prefix.
pub(crate) fn lsa(of: usize, sequence: u32) -> Lsa {
    let link = Link { neighbor: router_id(A), interface: THERE, neighbor_interface: HERE, cost: 3 };
    let prefix = AnnouncedPrefix { prefix: crate::driver::loopback(of), metric: sequence as u16 };
    Lsa::new(LsaId { router: router_id(of), fragment: 0 }, sequence, false, vec![link], vec![prefix])
}

impl Network {
    pub(crate) fn hear(&mut self, who: usize, repr: &Repr) {
        let payload = repr.emit();
        self.hear_from(address(0, who), &payload);
    }

    pub(crate) fn hear_from(&mut self, from: IpAddr, payload: &[u8]) {
        self.tell(A, |router, now| router.handle_packet(now, HERE, from, payload));
    }

    pub(crate) fn hear_body(&mut self, who: usize, body: Body) {
        self.hear(who, &packet(who, body));
    }

    /// One that is for the router alone.
    pub(crate) fn hear_alone(&mut self, who: usize, body: Body) {
        self.hear(who, &Repr { to: Some(router_id(A)), ..packet(who, body) });
    }

    /// What it has sent since it was last asked, hellos aside.
    pub(crate) fn says(&mut self) -> Vec<String> {
        let sent = std::mem::take(&mut self.sent);
        sent.iter().filter(|sent| !sent.is_hello()).map(|sent| describe(&sent.repr())).collect()
    }

    /// Its own announcement.
    pub(crate) fn own(&self) -> LsaHeader {
        self.lsa(A, A).expect("a router announces itself").header
    }

    /// Neighbors that have confirmed everything, six seconds later.
    pub(crate) fn befriend(&mut self, who: &[usize]) {
        for (pause, _) in [(6, "until the links may be announced"), (0, "and that is confirmed too")] {
            for one in who {
                self.hear_body(*one, Body::Hello(hello(*one, &[A])));
                let all = self.snapshot(A).database.into_iter().map(|row| row.header).collect();
                self.hear_body(*one, Body::Acknowledgement(all));
                assert_eq!(self.state(A, *one), Some(NeighborState::Full));
            }
            self.run(Duration::from_secs(pause));
        }
        assert!(self.snapshot(A).neighbors.iter().all(|row| row.unconfirmed == 0));
        self.sent.clear();
    }

    /// Keeps neighbors alive until then.
    pub(crate) fn run_with(&mut self, who: &[usize], until: Instant) {
        while self.now < until {
            for one in who {
                let heard: Vec<usize> = [A].into_iter().chain(who.iter().copied()).collect();
                self.hear_body(*one, Body::Hello(hello(*one, &heard)));
            }
            let next = (self.now + Duration::from_secs(10)).min(until);
            self.run(next - self.now);
        }
    }
}
