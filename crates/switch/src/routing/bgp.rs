//! BGP: the speaker, driven by the routing agent; its connections are the station's, its routes go into the RIB.

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::{BgpNeighbor, InterfacePlace};
use crate::event::Event;
use crate::routing::route::{Hop, Offer, RouteSource, Target};
use crate::timed::Timed;
use core::net::{IpAddr, SocketAddr};
use greylag_base::Instant;
use greylag_bgp::{
    Action, Asn, Attributes, Bgp, BgpConfig, BgpEvent, Cause, Direction, Family, FamilyConfig,
    NeighborConfig, NeighborId, Origin, PathPart, RouteChange,
};
use greylag_ip::{ConnectionId, TcpEvent};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// RFC 4271 8.2.1.
pub(crate) const PORT: u16 = 179;

/// Of internal routes; FRR's.
const INTERNAL_PREFERENCE: u8 = 200;

/// Octets that a connection may have unsent before the speaker is asked to wait.
const UNSENT: usize = 1 << 20;

/// The speaker, while the routing agent runs.
pub(crate) struct Speaker {
    pub(crate) bgp: Timed<Bgp>,
    connections: BTreeMap<(NeighborId, Direction), ConnectionId>,
    by_connection: BTreeMap<ConnectionId, (NeighborId, Direction)>,
    /// What connections have no room for yet, and whether they are to be closed behind it.
    unsent: BTreeMap<ConnectionId, Unsent>,
    /// Next hops that it wants to know about, and what it knows.
    followed: BTreeMap<IpAddr, Option<u32>>,
    /// Routes of our own that it tells others.
    announced: BTreeSet<IpNet>,
}

#[derive(Default)]
struct Unsent {
    octets: VecDeque<u8>,
    closes: bool,
}

/// Something happened to a BGP session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum BgpSessionEvent {
    /// It is established.
    BgpSessionUp {
        /// The neighbour.
        neighbor_address: IpAddr,
        /// Its autonomous system.
        peer_as: u32,
    },
    /// It is so no more.
    BgpSessionDown {
        /// The neighbour.
        neighbor_address: IpAddr,
        /// Its autonomous system.
        peer_as: u32,
        /// Why.
        cause: Cause,
    },
}

impl Switch {
    fn bgp_config(&mut self) -> Option<BgpConfig> {
        let config = self.config().routing.bgp.clone()?;
        let paths = self.config().routing.maximum_paths;
        let mut speaker = BgpConfig::new(Asn(config.autonomous_system), self.router_id());
        speaker.ebgp_maximum_paths = paths;
        speaker.ibgp_maximum_paths = paths;
        speaker.allow_multiple_as = true;
        for neighbor in &config.neighbors {
            let remote = neighbor.neighbor_address;
            // One that cannot be does not keep the others from being.
            let can_be = |local: &IpAddr| local.is_ipv4() == remote.is_ipv4() && *local != remote;
            let Some(local) = self.bgp_local(neighbor).filter(can_be) else { continue };
            let next = NeighborId(self.routing.bgp_neighbors.len() as u32);
            let id = *self.routing.bgp_neighbors.entry(neighbor.neighbor_address).or_insert(next);
            speaker.neighbors.push(NeighborConfig {
                passive_mode: neighbor.passive,
                hold_time: neighbor.hold_time,
                connect_retry: neighbor.connect_retry,
                local_pref: neighbor.local_preference.unwrap_or(100),
                next_hop_self: neighbor.next_hop_self,
                graceful_shutdown: neighbor.graceful_shutdown,
                families: self.bgp_families(local),
                ..NeighborConfig::new(id, Asn(neighbor.peer_as), local, neighbor.neighbor_address)
            });
        }
        Some(speaker)
    }

    /// Our end of a session: on the link where the neighbour is, or what stands for the switch.
    fn bgp_local(&self, neighbor: &BgpNeighbor) -> Option<IpAddr> {
        let to = neighbor.neighbor_address;
        let on_link = || self.interface_to(to).and_then(|interface| self.own_address(interface, to));
        neighbor.local_address.or_else(on_link).or_else(|| self.own_anywhere(to))
    }

    /// Both families, as far as there is an address of ours for a next hop: on the interface of the session's own address.
    fn bgp_families(&self, local: IpAddr) -> Vec<FamilyConfig> {
        let interfaces = &self.config().interfaces;
        let own = interfaces.iter().find(|own| own.addresses.iter().any(|address| address.ip == local));
        let addresses = own.map_or(&[][..], |own| &own.addresses);
        let other = addresses.iter().map(|address| address.ip).find(|ip| ip.is_ipv4() != local.is_ipv4());
        let family = |next_hop: IpAddr| FamilyConfig {
            family: Family::of_address(next_hop),
            next_hop,
            max_prefixes: None,
        };
        [Some(local), other].into_iter().flatten().map(family).collect()
    }

    pub(crate) fn start_bgp(&mut self, now: Instant) {
        let config = self.bgp_config();
        self.with_station(now, |stack| stack.listen(PORT, config.is_some()));
        let Some(config) = config else {
            self.end_bgp(now);
            return self.disinherit(now, RouteSource::Bgp);
        };
        match &mut self.routing.speaker {
            Some(speaker) => {
                let _ = speaker.bgp.reconfigure(now, config);
            }
            None => {
                let seed = self.seed_of("bgp", now);
                self.routing.speaker = Bgp::new(config, seed, now).ok().map(|bgp| {
                    Box::new(Speaker {
                        bgp: Timed::new(bgp),
                        connections: BTreeMap::new(),
                        by_connection: BTreeMap::new(),
                        unsent: BTreeMap::new(),
                        followed: BTreeMap::new(),
                        announced: BTreeSet::new(),
                    })
                });
            }
        }
        self.settle_bgp(now);
    }

    /// The agent has ended, and its connections with it: the system closes them.
    pub(crate) fn end_bgp(&mut self, now: Instant) {
        let Some(speaker) = self.routing.speaker.take() else { return };
        self.with_station(now, |stack| {
            stack.listen(PORT, false);
            speaker.by_connection.keys().for_each(|id| stack.abort(*id));
        });
    }

    /// The agent takes nothing from its connections, or takes again what has come in.
    pub(crate) fn hold_bgp(&mut self, held: bool) {
        if let (Some(speaker), Some(station)) = (&self.routing.speaker, &mut self.routing.station) {
            speaker.by_connection.keys().for_each(|id| station.stack.hold(*id, held));
        }
    }

    pub(crate) fn next_of_bgp(&self) -> Option<Instant> {
        self.routing.speaker.as_ref().filter(|_| self.works(AgentKind::Routing))?.bgp.next(Bgp::poll_timeout)
    }

    pub(crate) fn run_bgp(&mut self, now: Instant) {
        if self.next_of_bgp().is_some_and(|due| due <= now)
            && let Some(speaker) = &mut self.routing.speaker
        {
            speaker.bgp.handle_timeout(now);
            self.follow_bgp(now);
        }
    }

    /// The RIB or the interfaces have changed: what the speaker knows of next hops, paths and routes of our own.
    pub(crate) fn settle_bgp(&mut self, now: Instant) {
        if !self.works(AgentKind::Routing) || self.routing.speaker.is_none() {
            return;
        }
        self.settle_own_routes(now);
        let paths = self.bgp_paths();
        let Some(speaker) = &mut self.routing.speaker else { return };
        for (id, up, part) in paths {
            speaker.bgp.set_path(now, id, up, part);
        }
        let followed: Vec<(IpAddr, Option<u32>)> = speaker
            .followed
            .keys()
            .map(|next_hop| (*next_hop, self.routing.rib.metric_to(*next_hop)))
            .collect();
        for (next_hop, metric) in followed {
            if speaker.followed.insert(next_hop, metric) != Some(metric) {
                speaker.bgp.set_next_hop(now, next_hop, metric);
            }
        }
        self.follow_bgp(now);
    }

    /// What is below the sessions: the link, where the neighbour is on one of ours (fast external fall-over), and BFD, where it is asked.
    fn bgp_paths(&self) -> Vec<(NeighborId, bool, PathPart)> {
        let neighbors = self.config().routing.bgp.iter().flat_map(|bgp| &bgp.neighbors);
        let paths = neighbors.filter_map(|neighbor| {
            let address = neighbor.neighbor_address;
            let id = *self.routing.bgp_neighbors.get(&address)?;
            let on_link = self.interface_to(address).filter(|_| !neighbor.multihop);
            let link_up = on_link.is_none_or(|interface| self.interface_is_up(interface));
            let bfd_up = !(neighbor.bfd && self.routing.bfd_sessions.has_failed(address));
            Some([(id, link_up, PathPart::Interface), (id, bfd_up, PathPart::Bfd)])
        });
        paths.flatten().collect()
    }

    /// Tells the neighbours the routes of our own that the configuration wants told and the RIB has.
    fn settle_own_routes(&mut self, now: Instant) {
        let Some(config) = self.config().routing.bgp.clone() else { return };
        let mut wanted: BTreeSet<IpNet> =
            config.networks.iter().copied().filter(|prefix| self.has_own(*prefix)).collect();
        for (source, is_told) in [
            (RouteSource::Connected, config.redistribute_connected),
            (RouteSource::Static, config.redistribute_static),
        ] {
            if is_told {
                let routes = self.routing.rib.iter().filter(|route| route.active && route.source == source);
                wanted.extend(routes.map(|route| route.prefix));
            }
        }
        if config.redistribute_connected {
            let loopbacks =
                self.config().interfaces.iter().filter(|own| own.place == InterfacePlace::Loopback);
            wanted.extend(loopbacks.flat_map(|own| &own.addresses).map(|address| address.subnet()));
        }
        let Some(speaker) = &mut self.routing.speaker else { return };
        for gone in speaker.announced.difference(&wanted) {
            speaker.bgp.withdraw(now, *gone);
        }
        for new in wanted.difference(&speaker.announced) {
            speaker.bgp.announce(now, *new, Attributes::local(Origin::Igp));
        }
        speaker.announced = wanted;
    }

    /// A route to this very prefix is in use, and BGP has not told it: two that announce to each other would keep it for ever.
    fn has_own(&self, prefix: IpNet) -> bool {
        self.routing.rib.offers(prefix).iter().any(|route| route.active && route.source != RouteSource::Bgp)
    }

    /// A BFD session with a neighbour has failed, or is up again.
    pub(crate) fn set_bgp_path(&mut self, now: Instant, neighbor: IpAddr, usable: bool) {
        let with_bfd = self.works(AgentKind::Routing)
            && self
                .config()
                .routing
                .bgp
                .iter()
                .flat_map(|bgp| &bgp.neighbors)
                .any(|config| config.bfd && config.neighbor_address == neighbor);
        let id = self.routing.bgp_neighbors.get(&neighbor).copied();
        if let (true, Some(id), Some(speaker)) = (with_bfd, id, &mut self.routing.speaker) {
            speaker.bgp.set_path(now, id, usable, PathPart::Bfd);
            self.follow_bgp(now);
        }
    }

    pub(crate) fn bgp_hears_tcp(&mut self, now: Instant, event: TcpEvent) {
        let works = self.works(AgentKind::Routing);
        let Some(speaker) = &mut self.routing.speaker else { return };
        match event {
            TcpEvent::Connected { id } => {
                if let Some(&(neighbor, direction)) = speaker.by_connection.get(&id) {
                    speaker.bgp.handle_connected(now, neighbor, direction);
                }
            }
            TcpEvent::Accepted { id, remote, .. } => {
                let neighbor = self.routing.bgp_neighbors.get(&remote.ip()).copied();
                let welcome = neighbor.filter(|neighbor| works && speaker.bgp.accepts(*neighbor));
                let Some(neighbor) = welcome else {
                    return self.with_station(now, |stack| stack.abort(id));
                };
                speaker.connections.insert((neighbor, Direction::Passive), id);
                speaker.by_connection.insert(id, (neighbor, Direction::Passive));
                speaker.bgp.handle_connected(now, neighbor, Direction::Passive);
            }
            TcpEvent::Received { id, bytes } => {
                if let Some(&(neighbor, direction)) = speaker.by_connection.get(&id) {
                    speaker.bgp.handle_bytes(now, neighbor, direction, &bytes);
                }
            }
            TcpEvent::Closed { id, .. } => {
                if let Some((neighbor, direction)) = speaker.forget(id) {
                    speaker.bgp.handle_closed(now, neighbor, direction);
                }
            }
        }
        self.follow_bgp(now);
    }

    /// Does what the speaker says.
    fn follow_bgp(&mut self, now: Instant) {
        let mut has_routes = false;
        loop {
            let Some(speaker) = &mut self.routing.speaker else { return };
            if let Some(interest) = speaker.bgp.poll_next_hop_interest() {
                if interest.wanted {
                    let metric = self.routing.rib.metric_to(interest.next_hop);
                    speaker.followed.insert(interest.next_hop, metric);
                    speaker.bgp.set_next_hop(now, interest.next_hop, metric);
                } else {
                    speaker.followed.remove(&interest.next_hop);
                }
            } else if let Some(change) = speaker.bgp.poll_route_change() {
                has_routes = true;
                self.offer_bgp(change);
            } else if let Some(event) = speaker.bgp.poll_event() {
                self.tell_bgp(now, event);
            } else if let Some(action) = speaker.bgp.poll_transmit() {
                self.act_for_bgp(now, action);
            } else {
                break;
            }
        }
        if has_routes {
            self.settle_routes(now);
        }
    }

    fn offer_bgp(&mut self, change: RouteChange) {
        let offer = change.route.map(|route| {
            let hops =
                route.next_hops.iter().map(|address| Hop { address: *address, interface: None, weight: 1 });
            let preference = if route.external { RouteSource::Bgp.preference() } else { INTERNAL_PREFERENCE };
            Offer { preference, metric: 0, target: Target::hops(hops) }
        });
        self.heard_of(RouteSource::Bgp, change.prefix);
        self.routing.rib.update(change.prefix, RouteSource::Bgp, offer.as_ref());
    }

    fn tell_bgp(&mut self, now: Instant, event: BgpEvent) {
        let (id, cause) = match event {
            BgpEvent::Up { neighbor, .. } => (neighbor, None),
            BgpEvent::Down { neighbor, failure } => (neighbor, Some(failure.cause)),
            _ => return,
        };
        let Some(speaker) = &self.routing.speaker else { return };
        let neighbors = &speaker.bgp.config().neighbors;
        let Some(neighbor) = neighbors.iter().find(|neighbor| neighbor.id == id) else { return };
        let (neighbor_address, peer_as) = (neighbor.neighbor_address, neighbor.peer_as.0);
        let told = match cause {
            None => BgpSessionEvent::BgpSessionUp { neighbor_address, peer_as },
            Some(cause) => BgpSessionEvent::BgpSessionDown { neighbor_address, peer_as, cause },
        };
        self.events.push(now, Event::Bgp(told));
    }

    fn act_for_bgp(&mut self, now: Instant, action: Action) {
        match action {
            Action::Connect { neighbor } => self.connect_bgp(now, neighbor),
            Action::Send { neighbor, direction, bytes } => {
                let Some(speaker) = &mut self.routing.speaker else { return };
                let Some(&id) = speaker.connections.get(&(neighbor, direction)) else { return };
                speaker.unsent.entry(id).or_default().octets.extend(&bytes);
                self.send_unsent(now, id);
            }
            Action::Close { neighbor, direction } => {
                let Some(speaker) = &mut self.routing.speaker else { return };
                let Some(&id) = speaker.connections.get(&(neighbor, direction)) else { return };
                match speaker.unsent.get_mut(&id).filter(|unsent| !unsent.octets.is_empty()) {
                    Some(unsent) => unsent.closes = true,
                    None => {
                        speaker.forget(id);
                        self.with_station(now, |stack| stack.close(id));
                    }
                }
            }
        }
    }

    fn connect_bgp(&mut self, now: Instant, neighbor: NeighborId) {
        let Some(speaker) = &self.routing.speaker else { return };
        let all = &speaker.bgp.config();
        let Some(config) = all.neighbors.iter().find(|config| config.id == neighbor) else { return };
        let (local, remote) = (config.local_address, SocketAddr::new(config.neighbor_address, PORT));
        let is_internal = config.peer_as == all.asn;
        let multihop = self
            .config()
            .routing
            .bgp
            .iter()
            .flat_map(|bgp| &bgp.neighbors)
            .any(|config| config.multihop && config.neighbor_address == remote.ip());
        // External neighbours are on the link, unless it is said that they are not.
        let ttl = if is_internal || multihop { 64 } else { 1 };
        let Some(station) = &mut self.routing.station else { return };
        match station.stack.connect(now, local, remote, ttl, None) {
            Ok(id) => {
                if let Some(speaker) = &mut self.routing.speaker {
                    speaker.connections.insert((neighbor, Direction::Active), id);
                    speaker.by_connection.insert(id, (neighbor, Direction::Active));
                }
                self.with_station(now, |_| {});
            }
            Err(_) => {
                if let Some(speaker) = &mut self.routing.speaker {
                    speaker.bgp.handle_closed(now, neighbor, Direction::Active);
                }
            }
        }
    }

    /// Gives connections what they have room for now.
    pub(crate) fn send_all_unsent(&mut self, now: Instant) {
        let Some(speaker) = &self.routing.speaker else { return };
        let waiting = speaker.unsent.iter().filter(|(_, unsent)| !unsent.octets.is_empty());
        for id in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.send_unsent(now, id);
        }
    }

    fn send_unsent(&mut self, now: Instant, id: ConnectionId) {
        let (Some(speaker), Some(station)) = (&mut self.routing.speaker, &mut self.routing.station) else {
            return;
        };
        let Some(&(neighbor, _)) = speaker.by_connection.get(&id) else { return };
        let Some(unsent) = speaker.unsent.get_mut(&id) else { return };
        let sent = station.stack.send(id, unsent.octets.make_contiguous());
        unsent.octets.drain(..sent);
        let (left, closes) = (unsent.octets.len(), unsent.closes);
        speaker.bgp.set_room(now, neighbor, left < UNSENT);
        if left == 0 && closes {
            speaker.forget(id);
            self.with_station(now, |stack| stack.close(id));
        } else if sent > 0 {
            self.with_station(now, |_| {});
        }
    }
}

impl Speaker {
    /// A connection is over; whose it was.
    fn forget(&mut self, id: ConnectionId) -> Option<(NeighborId, Direction)> {
        self.unsent.remove(&id);
        let whose = self.by_connection.remove(&id)?;
        self.connections.remove(&whose);
        Some(whose)
    }
}
