//! The doors: everything that the outside tells a router, and everything that it is told.

use crate::config::{ConfigError, LinkStateConfig};
use crate::database::Database;
use crate::discard::{Discard, Discards};
use crate::event::{DownReason, LinkStateEvent, SpfTrigger};
use crate::interface::Interface;
use crate::neighbor::{Neighbor, NeighborId, When};
use crate::origin::{Fragment, Origin};
use crate::outbox::Outbox;
use crate::routes::{Route, RouteChange};
use crate::throttle::Throttle;
use crate::wire::{Body, LsaId, Repr};
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr};
use greylag_base::{Dice, Instant, InterfaceId, Seed};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The IP protocol number of packets: one of two that RFC 3692 has for experiments.
pub const IP_PROTOCOL: u8 = 253;
/// The TTL or hop limit of packets: they are for the link alone.
pub const TTL: u8 = 1;

/// A packet is to be sent, as the payload of an IP packet with [`IP_PROTOCOL`] and [`TTL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketOut {
    /// Where it has to leave.
    pub interface: InterfaceId,
    /// Its source address: the first of the interface that it may be.
    pub from: IpAddr,
    /// Its destination address: [`IPV4_GROUP`](crate::IPV4_GROUP) or [`IPV6_GROUP`](crate::IPV6_GROUP).
    pub to: IpAddr,
    /// What is in the packet.
    pub payload: Bytes,
}

/// One router.
///
/// After any call that takes `now`, ask for what became of it: [`poll_transmit`](LinkState::poll_transmit),
/// [`poll_event`](LinkState::poll_event) and [`poll_route_change`](LinkState::poll_route_change) until they are empty, then
/// [`poll_timeout`](LinkState::poll_timeout) once.
#[derive(Clone, Debug)]
pub struct LinkState {
    pub(crate) config: LinkStateConfig,
    pub(crate) incarnation: u32,
    seed: Seed,
    pub(crate) interfaces: BTreeMap<InterfaceId, Interface>,
    pub(crate) neighbors: BTreeMap<NeighborId, Neighbor>,
    /// Addresses of neighbors that BFD has lost.
    pub(crate) unusable: BTreeSet<(InterfaceId, IpAddr)>,
    pub(crate) database: Database,
    /// When which announcement was last asked for, of whomever.
    pub(crate) requested: BTreeMap<LsaId, Instant>,
    pub(crate) origin: Origin,
    pub(crate) throttle: Throttle,
    pub(crate) routes: BTreeMap<IpNet, Route>,
    pub(crate) outbox: Outbox,
    pub(crate) events: VecDeque<LinkStateEvent>,
    pub(crate) changes: VecDeque<RouteChange>,
    pub(crate) discards: Discards,
    pub(crate) spf_runs: u64,
}

impl LinkState {
    /// A router that knows of nobody yet, and has no interface that is up. All chance comes from `seed`, the incarnation too: a
    /// router that has restarted needs another seed than before, or its neighbors may take it for the same.
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new(config: LinkStateConfig, seed: Seed, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        let mut router = LinkState {
            config: LinkStateConfig::new(config.router_id),
            incarnation: Dice::new(seed.derive("incarnation")).word() as u32,
            seed,
            interfaces: BTreeMap::new(),
            neighbors: BTreeMap::new(),
            unusable: BTreeSet::new(),
            database: Database::default(),
            requested: BTreeMap::new(),
            origin: Origin::default(),
            throttle: Throttle::default(),
            routes: BTreeMap::new(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            changes: VecDeque::new(),
            discards: Discards::default(),
            spf_runs: 0,
        };
        router.reconfigure(now, config)?;
        Ok(router)
    }

    /// Becomes what it is told to be, as far as it is not already. Adjacencies stay, unless their interface goes, or the
    /// router gets another router-id: then it forgets everything, and what it has announced under the old one lasts until it is
    /// too old.
    ///
    /// # Errors
    /// When the configuration contradicts itself; nothing has changed then.
    pub fn reconfigure(&mut self, now: Instant, config: LinkStateConfig) -> Result<(), ConfigError> {
        config.check()?;
        let is_another = config.router_id != self.config.router_id;
        if is_another {
            for id in self.neighbors.keys().copied().collect::<Vec<_>>() {
                self.forget(now, id, DownReason::Configuration);
            }
            self.database = Database::default();
            self.origin = Origin::default();
            self.requested.clear();
        }
        for interface in self.interfaces.values_mut() {
            interface.config = None;
        }
        for interface in &config.interfaces {
            let known = self
                .interfaces
                .entry(interface.id)
                .or_insert_with(|| Interface::new(interface.id, self.seed));
            known.config = Some(*interface);
            // A shorter interval counts at once.
            known.hello_at = known.hello_at.min(now + interface.hello_interval);
        }
        self.config = config;
        self.forget_where_nobody_is_spoken_to(now, DownReason::Configuration);
        self.origin.stale = true;
        self.want_spf(now, SpfTrigger::Configuration);
        self.settle(now);
        Ok(())
    }

    /// An interface has a carrier or not, and these addresses, with the lengths of their subnets. An interface begins without
    /// either.
    ///
    /// Without a carrier, or without any address to speak from, adjacencies go down at once.
    pub fn set_interface(&mut self, now: Instant, id: InterfaceId, up: bool, addresses: &[IpNet]) {
        let interface = self.interfaces.entry(id).or_insert_with(|| Interface::new(id, self.seed));
        if (interface.up, &interface.addresses[..]) == (up, addresses) {
            return;
        }
        let was = interface.speaks().is_some();
        interface.up = up;
        interface.addresses = addresses.to_vec();
        if !was {
            interface.hello_at = now;
        }
        self.forget_where_nobody_is_spoken_to(now, DownReason::LinkDown);
        self.origin.stale = true;
        self.want_spf(now, SpfTrigger::Configuration);
        self.settle(now);
    }

    /// BFD says whether the path to a neighbor is there, by one of the neighbor's addresses. An adjacency goes down at once, and
    /// does not come up before the path is there by all addresses. What nobody has spoken of is there.
    pub fn set_path(&mut self, now: Instant, interface: InterfaceId, neighbor: IpAddr, usable: bool) {
        if usable {
            self.unusable.remove(&(interface, neighbor));
        } else {
            self.unusable.insert((interface, neighbor));
        }
        let there =
            self.neighbors.iter().filter(|((at, _), known)| *at == interface && known.has_address(neighbor));
        for id in there.map(|(id, _)| *id).collect::<Vec<_>>() {
            let when = if self.is_usable(id) { When::PathUp } else { When::PathDown };
            self.step(now, id, when);
        }
        self.settle(now);
    }

    /// The payload of an IP packet with [`IP_PROTOCOL`] has come in. What is discarded is counted by the rule.
    pub fn handle_packet(&mut self, now: Instant, interface: InterfaceId, from: IpAddr, payload: &[u8]) {
        // A caller may be late with the timeout, and the silence was long enough all the same.
        self.forget_the_silent(now, |dead, now| dead < now);
        if let Err(rule) = self.receive(now, interface, from, payload) {
            self.discards.count(rule);
        }
        self.settle(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<PacketOut> {
        self.outbox.packets.pop_front()
    }

    /// When [`handle_timeout`](LinkState::handle_timeout) is due if nothing comes from outside.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let hellos =
            self.interfaces.values().filter(|known| known.speaks().is_some()).map(|known| known.hello_at);
        let silences = self.neighbors.keys().filter_map(|id| self.dead_at(*id));
        let retries = self.neighbors.values().filter_map(|known| known.unconfirmed.due());
        let made = self.origin.fragments.values().filter_map(Fragment::due);
        let others = self.database.next().into_iter().chain(self.throttle.due());
        hellos.chain(silences).chain(retries).chain(made).chain(others).min()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<LinkStateEvent> {
        self.events.pop_front()
    }

    /// Which route is another next.
    pub fn poll_route_change(&mut self) -> Option<RouteChange> {
        self.changes.pop_front()
    }

    /// What it was told to be.
    pub fn config(&self) -> &LinkStateConfig {
        &self.config
    }

    fn receive(
        &mut self,
        now: Instant,
        at: InterfaceId,
        from: IpAddr,
        payload: &[u8],
    ) -> Result<(), Discard> {
        if self.interfaces.get(&at).is_none_or(|interface| interface.speaks().is_none()) {
            return Err(Discard::Interface);
        }
        let Repr { router, incarnation, to, body } = Repr::parse(payload)?;
        if router == self.config.router_id {
            return Err(Discard::OwnRouterId);
        }
        if to.is_some_and(|to| to != self.config.router_id) {
            return Err(Discard::ForAnother);
        }
        if let Body::Hello(hello) = body {
            return self.receive_hello(now, (at, router), from, incarnation, &hello);
        }
        let id = (at, router);
        let known = self.neighbors.get(&id).filter(|known| known.incarnation == incarnation);
        // Who has something to say to us alone hears us (RFC 2328 10.6).
        if known.is_some() && to.is_some() {
            self.step(now, id, When::TwoWay);
        } else if known.is_none() {
            return Err(Discard::NotAdjacent);
        }
        if !self.neighbors[&id].exchanges() {
            return Err(Discard::NotAdjacent);
        }
        match body {
            Body::Hello(_) => {}
            Body::Summary(headers) => self.receive_summary(now, id, &headers),
            Body::Request(ids) => self.receive_request(now, id, &ids),
            Body::Update(lsas) => self.receive_update(now, id, lsas),
            Body::Acknowledgement(headers) => self.receive_acknowledgement(now, id, &headers),
        }
        Ok(())
    }

    /// Does what is due, and what follows from what has just happened.
    fn settle(&mut self, now: Instant) {
        self.forget_the_silent(now, |dead, now| dead <= now);
        self.expire(now);
        self.complete_exchanges(now);
        self.announce(now);
        self.reap();
        if self.begin_anew() {
            self.announce(now);
        }
        self.run_spf(now);
        self.send_hellos(now);
        self.send_due(now);
    }

    pub(crate) fn want_spf(&mut self, now: Instant, trigger: SpfTrigger) {
        self.throttle.want(now, trigger, &self.config);
    }

    pub(crate) fn router_id(&self) -> Ipv4Addr {
        self.config.router_id
    }
}
