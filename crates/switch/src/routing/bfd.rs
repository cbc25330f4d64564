//! BFD: the sessions that others ask for, under their own agent, and what follows when one fails.

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::{BfdTimers, InterfacePlace, StaticNextHop, StaticTarget};
use crate::event::Event;
use crate::timed::Timed;
use core::net::{IpAddr, SocketAddr};
use greylag_base::{Instant, InterfaceId};
use greylag_bfd::{
    Bfd, BfdConfig, BfdEvent, Diagnostic, Failure, Micros, PacketIn, Path, SessionConfig, SessionId, State,
};
use greylag_ip::SendOptions;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// RFC 5881 4 and RFC 5883 5.
pub(crate) const UDP_PORTS: [u16; 2] = [3784, 4784];

/// The type of service of BFD packets: network control, as FRR's bfdd has it.
const TOS: u8 = 0xc0;

/// What a session is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BfdPeer {
    pub(crate) remote: IpAddr,
    pub(crate) local: IpAddr,
    /// The interface of a single hop.
    pub(crate) interface: Option<InterfaceId>,
}

impl BfdPeer {
    /// Both are one session: by a single hop there is one with a station, whatever our own address (RFC 5881 3).
    fn is_same(&self, other: &BfdPeer) -> bool {
        (self.interface, self.remote) == (other.interface, other.remote)
            && (self.interface.is_some() || self.local == other.local)
    }

    /// Two stations of one family.
    fn can_be(&self) -> bool {
        self.local.is_ipv4() == self.remote.is_ipv4() && self.local != self.remote
    }
}

/// The sessions, as far as they outlive their agent: who is who, and who was lost.
#[derive(Default)]
pub(crate) struct BfdSessions {
    ids: BTreeMap<BfdPeer, SessionId>,
    /// Stations whose session is not up although it should be.
    lost: BTreeSet<(InterfaceId, IpAddr)>,
    /// Those that have come up, and have not failed since.
    up: BTreeSet<BfdPeer>,
    /// Those that have failed, and have not come up since.
    failed: BTreeSet<BfdPeer>,
}

impl BfdSessions {
    /// Stations whose session has failed.
    pub(crate) fn lost(&self) -> &BTreeSet<(InterfaceId, IpAddr)> {
        &self.lost
    }

    /// A session with another router has failed.
    pub(crate) fn has_failed(&self, remote: IpAddr) -> bool {
        self.failed.iter().any(|peer| peer.remote == remote)
    }
}

/// Something happened to a BFD session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum BfdSessionEvent {
    /// Both ends hear each other.
    BfdSessionUp {
        /// The other end.
        remote_address: IpAddr,
        /// Our end.
        local_address: IpAddr,
    },
    /// They do so no longer.
    BfdSessionDown {
        /// The other end.
        remote_address: IpAddr,
        /// Our end.
        local_address: IpAddr,
        /// What we say of it.
        local_diagnostic: Diagnostic,
        /// What the other end said last.
        remote_diagnostic: Diagnostic,
        /// What it is now.
        state: State,
    },
}

impl Switch {
    /// The sessions that are asked for, each once, with the times that are asked of it.
    fn wanted_sessions(&self) -> BTreeMap<BfdPeer, BfdTimers> {
        let routing = &self.config().routing;
        let mut wanted: BTreeMap<BfdPeer, BfdTimers> = BTreeMap::new();
        // What is said of one session by itself comes before what is asked of all.
        let mut ask = |peer: Option<BfdPeer>, timers: BfdTimers| {
            if let Some(peer) = peer.filter(BfdPeer::can_be)
                && !wanted.keys().any(|other| other.is_same(&peer))
            {
                wanted.insert(peer, timers);
            }
        };
        for session in &routing.bfd_sessions {
            let peer = self.peer(session.remote_address, session.local_address, session.multihop);
            ask(peer, session.timers.unwrap_or(routing.bfd));
        }
        let of_statics = routing.static_routes.iter().flat_map(|route| match &route.to {
            StaticTarget::NextHops(hops) => hops.as_slice(),
            StaticTarget::Blackhole | StaticTarget::Unreachable | StaticTarget::Prohibit => &[],
        });
        for hop in of_statics.filter(|hop| hop.bfd) {
            ask(self.static_peer(hop), routing.bfd);
        }
        for neighbor in routing.bgp.iter().flat_map(|bgp| &bgp.neighbors).filter(|neighbor| neighbor.bfd) {
            let multihop = neighbor.multihop || self.interface_to(neighbor.neighbor_address).is_none();
            ask(self.peer(neighbor.neighbor_address, neighbor.local_address, multihop), routing.bfd);
        }
        if let Some((local, remote, timers)) = self.iccp_bfd() {
            ask(self.peer(remote, Some(local), true), timers);
        }
        self.link_state_peers().into_iter().for_each(|peer| ask(Some(peer), routing.bfd));
        wanted
    }

    /// The session that a static route's gateway goes by.
    fn static_peer(&self, hop: &StaticNextHop) -> Option<BfdPeer> {
        match &hop.interface {
            Some(name) => {
                self.config().interface(name.as_str()).and_then(|(id, _)| self.peer_on(hop.address, id))
            }
            None => self.peer(hop.address, None, false),
        }
    }

    /// A static route's gateway may be used: its session is up, where it has to be.
    pub(crate) fn may_be_used(&self, hop: &StaticNextHop) -> bool {
        let is_up = |peer: BfdPeer| self.routing.bfd_sessions.up.iter().any(|up| up.is_same(&peer));
        !hop.bfd || self.static_peer(hop).is_some_and(is_up)
    }

    /// The interface in whose subnet an address is.
    pub(crate) fn interface_to(&self, address: IpAddr) -> Option<InterfaceId> {
        let on_link = |(_, interface): &(InterfaceId, &crate::config::InterfaceConfig)| {
            interface.place != InterfacePlace::Loopback
                && interface.addresses.iter().any(|own| own.subnet().contains(&address))
        };
        self.config().numbered_interfaces().find(on_link).map(|(id, _)| id)
    }

    /// Our address on an interface that is nearest to another one.
    pub(crate) fn own_address(&self, interface: InterfaceId, to: IpAddr) -> Option<IpAddr> {
        let stack = &self.routing.station.as_ref()?.stack;
        stack.config().interfaces.get(&interface)?.addresses().source(to)
    }

    /// A session with a station in a subnet of ours, or behind others.
    fn peer(&self, remote: IpAddr, local: Option<IpAddr>, multihop: bool) -> Option<BfdPeer> {
        if !multihop {
            let on = self.interface_to(remote)?;
            return Some(BfdPeer {
                local: local.or_else(|| self.own_address(on, remote))?,
                ..self.peer_on(remote, on)?
            });
        }
        let local = local.or_else(|| self.own_anywhere(remote))?;
        Some(BfdPeer { remote, local, interface: None })
    }

    /// A session with a station on an interface.
    pub(crate) fn peer_on(&self, remote: IpAddr, interface: InterfaceId) -> Option<BfdPeer> {
        let local = self.own_address(interface, remote)?;
        Some(BfdPeer { remote, local, interface: Some(interface) })
    }

    /// The address that stands for the switch as a whole: a loopback's, where there is one.
    pub(crate) fn own_anywhere(&self, to: IpAddr) -> Option<IpAddr> {
        let same = |address: &&crate::config::InterfaceAddress| address.ip.is_ipv4() == to.is_ipv4();
        let loopbacks = self.config().interfaces.iter().filter(|own| own.place == InterfacePlace::Loopback);
        let others = self.config().interfaces.iter().filter(|own| own.place != InterfacePlace::Loopback);
        loopbacks.chain(others).flat_map(|own| &own.addresses).find(same).map(|address| address.ip)
    }

    fn bfd_config(&mut self) -> BfdConfig {
        let wanted = self.wanted_sessions();
        self.forget_sessions(&wanted);
        let sessions = wanted.into_iter().map(|(peer, timers)| {
            let next = SessionId(self.routing.bfd_sessions.ids.len() as u32 + 1);
            let id = *self.routing.bfd_sessions.ids.entry(peer).or_insert(next);
            let path = match peer.interface {
                Some(interface) => Path::SingleHop { interface },
                None => Path::Multihop { minimum_ttl: 1 },
            };
            SessionConfig {
                desired_minimum_tx_interval: micros(timers.desired_minimum_tx_interval),
                required_minimum_receive: micros(timers.required_minimum_receive),
                detection_multiplier: timers.detection_multiplier,
                ..SessionConfig::new(id, peer.local, peer.remote, path)
            }
        });
        BfdConfig { sessions: sessions.collect() }
    }

    pub(crate) fn start_bfd(&mut self, now: Instant) {
        let config = self.bfd_config();
        self.routing.bfd = Bfd::new(config, self.seed_of("bfd", now), now).ok().map(Timed::new);
        self.settle_bfd_paths(now);
        self.follow_bfd(now);
    }

    /// What was known of sessions that nobody asks for any more is of no account.
    fn forget_sessions(&mut self, wanted: &BTreeMap<BfdPeer, BfdTimers>) {
        let BfdSessions { lost, up, failed, .. } = &mut self.routing.bfd_sessions;
        up.retain(|peer| wanted.contains_key(peer));
        failed.retain(|peer| wanted.contains_key(peer));
        let stays = |station: &(InterfaceId, IpAddr)| {
            wanted.keys().any(|peer| (peer.interface, peer.remote) == (Some(station.0), station.1))
        };
        lost.retain(stays);
    }

    pub(crate) fn end_bfd(&mut self) {
        self.routing.bfd = None;
    }

    /// Sessions are asked for, or not any more, or interfaces have changed.
    pub(crate) fn settle_bfd(&mut self, now: Instant) {
        if !self.works(AgentKind::Bfd) {
            return;
        }
        if self.routing.bfd.is_none() {
            return self.start_bfd(now);
        }
        let before = self.routing.bfd_sessions.lost.clone();
        let config = self.bfd_config();
        if let Some(bfd) = &mut self.routing.bfd {
            // Two that want one session otherwise have it as it is.
            let _ = bfd.reconfigure(now, config);
        }
        self.settle_bfd_paths(now);
        self.follow_bfd(now);
        for &(interface, address) in before.difference(&self.routing.bfd_sessions.lost.clone()) {
            self.follow_station(now, interface, address, true);
        }
    }

    /// Tells the sessions of a single hop whether their interfaces are up.
    fn settle_bfd_paths(&mut self, now: Instant) {
        let paths: Vec<(SessionId, bool)> = self
            .routing
            .bfd_sessions
            .ids
            .iter()
            .filter_map(|(peer, id)| Some((*id, self.interface_is_up(peer.interface?))))
            .collect();
        if let Some(bfd) = &mut self.routing.bfd {
            for (id, up) in paths {
                bfd.set_path(now, id, up);
            }
        }
    }

    pub(crate) fn next_of_bfd(&self) -> Option<Instant> {
        self.routing.bfd.as_ref().filter(|_| self.works(AgentKind::Bfd))?.next(Bfd::poll_timeout)
    }

    pub(crate) fn run_bfd(&mut self, now: Instant) {
        if self.next_of_bfd().is_some_and(|due| due <= now)
            && let Some(bfd) = &mut self.routing.bfd
        {
            bfd.handle_timeout(now);
            self.follow_bfd(now);
        }
    }

    pub(crate) fn handle_bfd(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        (from, to): (SocketAddr, SocketAddr),
        ttl: u8,
        payload: &[u8],
    ) {
        if !self.works(AgentKind::Bfd) {
            return;
        }
        let Some(bfd) = &mut self.routing.bfd else { return };
        let packet =
            PacketIn { from: from.ip(), to: to.ip(), interface, ttl, destination_port: to.port(), payload };
        bfd.handle_packet(now, &packet);
        self.follow_bfd(now);
    }

    /// Sends what the agent has to send, and does what its events mean for others.
    fn follow_bfd(&mut self, now: Instant) {
        loop {
            let Some(bfd) = &mut self.routing.bfd else { return };
            if let Some(event) = bfd.poll_event() {
                self.hear_bfd(now, event);
            } else if let Some(packet) = bfd.poll_transmit() {
                let how = SendOptions { interface: packet.interface, ttl: packet.ttl, tos: TOS };
                let from = SocketAddr::new(packet.from, packet.source_port);
                let to = SocketAddr::new(packet.to, packet.destination_port);
                self.with_station(now, |stack| stack.send_udp(now, from, to, how, &packet.payload));
            } else {
                break;
            }
        }
    }

    fn hear_bfd(&mut self, now: Instant, event: BfdEvent) {
        let session = match event {
            BfdEvent::Up { session } | BfdEvent::Down { session, .. } => session,
            BfdEvent::StateChanged { .. } | BfdEvent::ParametersChanged { .. } => return,
        };
        let Some(peer) = self.bfd_peer(session) else { return };
        let (remote_address, local_address) = (peer.remote, peer.local);
        let (told, usable) = match event {
            BfdEvent::Down { failure, .. } => {
                let Failure { local_diagnostic, remote_diagnostic, state, remote_state, .. } = failure;
                let down = BfdSessionEvent::BfdSessionDown {
                    remote_address,
                    local_address,
                    local_diagnostic,
                    remote_diagnostic,
                    state,
                };
                // RFC 5882 3.2: what an operator has taken down is no failure.
                (down, [state, remote_state].contains(&State::AdminDown))
            }
            _ => {
                self.routing.bfd_sessions.up.insert(peer);
                (BfdSessionEvent::BfdSessionUp { remote_address, local_address }, true)
            }
        };
        self.events.push(now, Event::Bfd(told));
        self.set_path(now, peer, usable);
    }

    fn bfd_peer(&self, session: SessionId) -> Option<BfdPeer> {
        self.routing.bfd_sessions.ids.iter().find(|(_, id)| **id == session).map(|(peer, _)| *peer)
    }

    /// The path to another router can be used, or cannot: one store for the data plane, then the protocols.
    fn set_path(&mut self, now: Instant, peer: BfdPeer, usable: bool) {
        let sessions = &mut self.routing.bfd_sessions;
        if usable {
            sessions.failed.remove(&peer);
        } else {
            sessions.failed.insert(peer);
            sessions.up.remove(&peer);
        }
        if let Some(interface) = peer.interface {
            let station = (interface, peer.remote);
            let changed = match usable {
                true => self.routing.bfd_sessions.lost.remove(&station),
                false => self.routing.bfd_sessions.lost.insert(station),
            };
            if changed {
                self.follow_station(now, interface, peer.remote, usable);
            }
            self.set_link_state_path(now, interface, peer.remote, usable);
        }
        self.set_bgp_path(now, peer.remote, usable);
        self.set_iccp_path(now, peer.remote);
        if self.works(AgentKind::Routing) {
            self.settle_statics(now);
        }
    }

    /// A station is lost, or there again: the data plane at once, the RIB when its agent hears of it.
    fn follow_station(&mut self, now: Instant, interface: InterfaceId, address: IpAddr, usable: bool) {
        self.set_neighbor_live(now, interface, address, usable && self.interface_is_up(interface));
        if self.works(AgentKind::Routing) {
            self.routing.rib.set_lost(interface, address, !usable);
            self.settle_routes(now);
        }
    }

    fn set_neighbor_live(&mut self, now: Instant, interface: InterfaceId, address: IpAddr, is_live: bool) {
        let adjacency = crate::routing::next_hops::Adjacency::Neighbor(interface, address);
        if let Some(id) = self.routing.rib.next_hops.id(adjacency) {
            self.door.set_live(now, id, is_live);
        }
    }
}

fn micros(time: Duration) -> Micros {
    Micros(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
}
