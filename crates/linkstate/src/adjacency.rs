//! Who is heard and who is adjacent: hellos, the dead interval, and what BFD says.

use crate::config::InterfaceConfig;
use crate::discard::Discard;
use crate::event::{DownReason, LinkStateEvent, SpfTrigger};
use crate::interface::Interface;
use crate::neighbor::{Neighbor, NeighborId, NeighborState, When, arrow};
use crate::system::LinkState;
use crate::unconfirmed::{Telling, Unconfirmed};
use crate::wire::{Body, Hello};
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId};

/// A hello goes up to a tenth of the interval early, so that no two routers keep step (RFC 2328 4.4 asks for jitter).
const JITTER: u32 = 10;

impl LinkState {
    /// What a hello says of its sender, and whether it hears us.
    pub(crate) fn receive_hello(
        &mut self,
        now: Instant,
        id: NeighborId,
        from: IpAddr,
        incarnation: u32,
        hello: &Hello,
    ) -> Result<(), Discard> {
        self.check_hello(id, from, hello)?;
        let names_us = hello.heard.contains(&self.router_id());
        let known = self.neighbors.entry(id).or_insert_with(|| {
            let (from, to) = (None, Some(NeighborState::Init));
            self.events.push_back(LinkStateEvent::NeighborChanged {
                interface: id.0,
                neighbor: id.1,
                from,
                to,
            });
            Neighbor {
                state: NeighborState::Init,
                since: now,
                incarnation,
                interface: hello.interface,
                ipv4: hello.ipv4,
                ipv6: hello.ipv6,
                heard: now,
                unconfirmed: Unconfirmed::default(),
                last_down: None,
            }
        });
        known.heard = now;
        let before = (known.interface, known.ipv4, known.ipv6);
        (known.interface, known.ipv4, known.ipv6) = (hello.interface, hello.ipv4, hello.ipv6);
        let moved = before != (known.interface, known.ipv4, known.ipv6);
        let restarted = std::mem::replace(&mut known.incarnation, incarnation) != incarnation;
        if moved && known.state == NeighborState::Full {
            self.origin.stale = true;
            self.want_spf(now, SpfTrigger::Adjacency(id.1));
        }
        if restarted {
            self.step(now, id, When::Restarted);
        }
        self.step(now, id, if self.is_usable(id) { When::PathUp } else { When::PathDown });
        self.step(now, id, if names_us { When::TwoWay } else { When::OneWay });
        Ok(())
    }

    /// What has to be the same at both ends (RFC 2328 10.5), and where a hello may come from.
    fn check_hello(&self, id: NeighborId, from: IpAddr, hello: &Hello) -> Result<(), Discard> {
        let interface = &self.interfaces[&id.0];
        let config = interface.speaks().ok_or(Discard::Interface)?;
        let named = [hello.ipv4.map(IpAddr::V4), hello.ipv6.map(IpAddr::V6)];
        // Where we have no address of a family, we do not use the neighbor's either.
        let strange = named.into_iter().flatten().any(|address| {
            let own = if address.is_ipv4() { interface.ipv4().is_some() } else { interface.ipv6().is_some() };
            own && !interface.is_on_link(address)
        });
        if !named.contains(&Some(from)) || strange {
            return Err(Discard::SourceAddress);
        }
        if hello.hello_interval != config.hello_interval {
            return Err(Discard::HelloInterval);
        }
        if hello.dead_interval != config.dead_interval {
            return Err(Discard::DeadInterval);
        }
        let there = self.neighbors.keys().filter(|(at, _)| *at == id.0).count();
        if there >= Hello::MOST_HEARD && !self.neighbors.contains_key(&id) {
            return Err(Discard::TooManyNeighbors);
        }
        Ok(())
    }

    pub(crate) fn send_hellos(&mut self, now: Instant) {
        let due =
            self.interfaces.iter().filter(|(_, known)| known.speaks().is_some() && known.hello_at <= now);
        for id in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            let Some(interface) = self.interfaces.get_mut(&id) else { continue };
            let Some(&InterfaceConfig { hello_interval, dead_interval, .. }) = interface.speaks() else {
                continue;
            };
            let soonest = hello_interval - hello_interval / JITTER;
            interface.hello_at = now + interface.dice.between(soonest, hello_interval);
            let (ipv4, ipv6) = (interface.ipv4(), interface.ipv6());
            let there = self.neighbors.iter().filter(|((at, _), _)| *at == id);
            let heard =
                there.filter(|(_, known)| known.state >= NeighborState::Init).map(|((_, who), _)| *who);
            let heard = heard.collect();
            let hello = Hello { interface: id, hello_interval, dead_interval, ipv4, ipv6, heard };
            self.send(id, None, Body::Hello(hello));
        }
    }

    /// When a neighbor is given up.
    pub(crate) fn dead_at(&self, id: NeighborId) -> Option<Instant> {
        let config = self.interfaces.get(&id.0)?.speaks()?;
        Some(self.neighbors.get(&id)?.heard + config.dead_interval)
    }

    pub(crate) fn forget_the_silent(&mut self, now: Instant, is_over: impl Fn(Instant, Instant) -> bool) {
        let over = |id: &NeighborId| self.dead_at(*id).is_some_and(|dead| is_over(dead, now));
        for id in self.neighbors.keys().copied().filter(over).collect::<Vec<_>>() {
            self.forget(now, id, DownReason::DeadInterval);
        }
    }

    pub(crate) fn forget_where_nobody_is_spoken_to(&mut self, now: Instant, reason: DownReason) {
        let silent = |at: &InterfaceId| self.interfaces.get(at).and_then(Interface::speaks).is_none();
        let there = self.neighbors.keys().copied().filter(|(at, _)| silent(at));
        for id in there.collect::<Vec<_>>() {
            self.forget(now, id, reason);
        }
    }

    /// A neighbor is known no more.
    pub(crate) fn forget(&mut self, now: Instant, id: NeighborId, reason: DownReason) {
        let Some(known) = self.neighbors.remove(&id) else { return };
        self.tell(now, id, Some(known.state), None, Some(reason));
    }

    /// Does BFD object to any of its addresses?
    pub(crate) fn is_usable(&self, id: NeighborId) -> bool {
        let Some(known) = self.neighbors.get(&id) else { return false };
        !self.unusable.iter().any(|(at, address)| *at == id.0 && known.has_address(*address))
    }

    /// Takes the arrow for it, if there is one.
    pub(crate) fn step(&mut self, now: Instant, id: NeighborId, when: When) {
        let Some(known) = self.neighbors.get_mut(&id) else { return };
        let Some(arrow) = arrow(known.state, when) else { return };
        known.state = arrow.to;
        known.since = now;
        if arrow.to == NeighborState::Exchange {
            for (id, entry) in self.database.iter() {
                // What is withdrawn need not be known by who has never heard of it.
                if entry.is_withdrawn() {
                    known.unconfirmed.tell(id, Telling::Send, now);
                } else {
                    known.unconfirmed.tell(id, Telling::Describe, now);
                    known.unconfirmed.wait_for(id);
                }
            }
        } else if !known.exchanges() {
            known.unconfirmed = Unconfirmed::default();
            known.last_down = arrow.reason.or(known.last_down);
        }
        self.tell(now, id, Some(arrow.from), Some(arrow.to), arrow.reason);
    }

    /// Tells of a neighbor that is in another state, and does what follows when its adjacency came or went.
    fn tell(
        &mut self,
        now: Instant,
        (interface, neighbor): NeighborId,
        from: Option<NeighborState>,
        to: Option<NeighborState>,
        reason: Option<DownReason>,
    ) {
        self.events.push_back(LinkStateEvent::NeighborChanged { interface, neighbor, from, to });
        let is_full = |state| state == Some(NeighborState::Full);
        match (is_full(from), is_full(to), reason) {
            (false, true, _) => self.events.push_back(LinkStateEvent::AdjacencyUp { interface, neighbor }),
            (true, false, Some(reason)) => {
                self.events.push_back(LinkStateEvent::AdjacencyDown { interface, neighbor, reason });
            }
            _ => return,
        }
        self.origin.stale = true;
        self.want_spf(now, SpfTrigger::Adjacency(neighbor));
    }

    /// Who has confirmed all that the adjacency waited for is adjacent now.
    pub(crate) fn complete_exchanges(&mut self, now: Instant) {
        let complete =
            |known: &Neighbor| known.state == NeighborState::Exchange && known.unconfirmed.is_synchronised();
        let there = self.neighbors.iter().filter(|(_, known)| complete(known)).map(|(id, _)| *id);
        for id in there.collect::<Vec<_>>() {
            self.step(now, id, When::ExchangeDone);
        }
    }
}
