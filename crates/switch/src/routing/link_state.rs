//! The interior protocol: driven by the routing agent, its packets sent and heard by the station.

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::InterfacePlace;
use crate::event::Event;
use crate::routing::bfd::BfdPeer;
use crate::routing::route::{Hop, Offer, RouteSource, Target};
use crate::timed::Timed;
use core::net::{IpAddr, Ipv4Addr};
use greylag_base::{Instant, InterfaceId};
use greylag_ip::SendOptions;
use greylag_linkstate::{DownReason, InterfaceConfig, LinkState, LinkStateConfig, LinkStateEvent};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// RFC 3692 and RFC 4727: for experiments.
pub(crate) const PROTOCOL: u8 = 253;

/// Its packets do not leave the link, and are network control.
const HOW: (u8, u8) = (1, 0xc0);

/// Something happened to the interior protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum LinkStateTold {
    /// An adjacency is up.
    LinkStateAdjacencyUp {
        /// The interface.
        interface: String,
        /// The other router.
        neighbor: Ipv4Addr,
    },
    /// An adjacency is up no more.
    LinkStateAdjacencyDown {
        /// The interface.
        interface: String,
        /// The other router.
        neighbor: Ipv4Addr,
        /// Why.
        reason: DownReason,
    },
    /// Routes were computed.
    LinkStateSpfRan {
        /// Routers in reach.
        routers: u32,
        /// Routes that changed.
        changed: u32,
    },
}

impl Switch {
    /// What the routers call this one: as configured, or the highest address of a loopback, or of any interface.
    pub(crate) fn router_id(&self) -> Ipv4Addr {
        let config = self.config();
        let of = |is_loopback: bool| {
            let interfaces = config
                .interfaces
                .iter()
                .filter(move |interface| (interface.place == InterfacePlace::Loopback) == is_loopback);
            interfaces
                .flat_map(|interface| &interface.addresses)
                .filter_map(|address| match address.ip {
                    IpAddr::V4(ip) => Some(ip),
                    IpAddr::V6(_) => None,
                })
                .max()
        };
        let drawn = || Ipv4Addr::from((self.seed.derive("router-id").0 as u32).max(1));
        config.routing.router_id.or_else(|| of(true)).or_else(|| of(false)).unwrap_or_else(drawn)
    }

    fn link_state_config(&self) -> Option<LinkStateConfig> {
        let config = self.config().routing.link_state.as_ref()?;
        let interfaces = config.interfaces.iter().filter_map(|interface| {
            let (id, _) = self.config().interface(interface.interface.as_str())?;
            Some(InterfaceConfig {
                cost: interface.metric,
                hello_interval: interface.hello_interval,
                dead_interval: interface.dead_interval,
                passive: interface.passive,
                ..InterfaceConfig::new(id)
            })
        });
        Some(LinkStateConfig {
            overload: config.overload,
            spf_delay: config.spf_delay,
            interfaces: interfaces.collect(),
            ..LinkStateConfig::new(self.router_id())
        })
    }

    pub(crate) fn start_link_state(&mut self, now: Instant) {
        let Some(config) = self.link_state_config() else {
            self.routing.link_state = None;
            return self.disinherit(now, RouteSource::LinkState);
        };
        match &mut self.routing.link_state {
            Some(machine) => {
                let _ = machine.reconfigure(now, config);
            }
            None => {
                self.routing.link_state =
                    LinkState::new(config, self.seed_of("link-state", now), now).ok().map(Timed::new);
                self.tell_lost_paths(now);
            }
        }
        self.settle_link_state_interfaces(now);
    }

    /// What BFD has lost before, a machine that has just begun does not know.
    fn tell_lost_paths(&mut self, now: Instant) {
        if let Some(machine) = &mut self.routing.link_state {
            for &(interface, neighbor) in self.routing.bfd_sessions.lost() {
                machine.set_path(now, interface, neighbor, false);
            }
        }
    }

    /// Interfaces have come up or gone down.
    pub(crate) fn settle_link_state_interfaces(&mut self, now: Instant) {
        if !self.works(AgentKind::Routing) {
            return;
        }
        let Some(config) = &self.routing.link_state else { return };
        let states: Vec<(InterfaceId, bool, Vec<IpNet>)> = config
            .config()
            .interfaces
            .iter()
            .map(|interface| {
                (interface.id, self.interface_is_up(interface.id), self.interface_nets(interface.id))
            })
            .collect();
        if let Some(machine) = &mut self.routing.link_state {
            for (id, up, addresses) in states {
                machine.set_interface(now, id, up, &addresses);
            }
        }
        self.follow_link_state(now);
    }

    /// The addresses of an interface, its link-local one too.
    pub(crate) fn interface_nets(&self, id: InterfaceId) -> Vec<IpNet> {
        let config =
            self.routing.station.as_ref().and_then(|station| station.stack.config().interfaces.get(&id));
        let addresses = config.map(greylag_ip::InterfaceConfig::addresses);
        let nets = addresses.iter().flat_map(greylag_ip::addresses::Addresses::iter);
        nets.filter_map(|(address, length)| IpNet::new(address, length).ok()).collect()
    }

    pub(crate) fn next_of_link_state(&self) -> Option<Instant> {
        self.routing
            .link_state
            .as_ref()
            .filter(|_| self.works(AgentKind::Routing))?
            .next(LinkState::poll_timeout)
    }

    pub(crate) fn run_link_state(&mut self, now: Instant) {
        if self.next_of_link_state().is_some_and(|due| due <= now)
            && let Some(machine) = &mut self.routing.link_state
        {
            machine.handle_timeout(now);
            self.follow_link_state(now);
        }
    }

    pub(crate) fn handle_link_state(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        from: IpAddr,
        payload: &[u8],
    ) {
        if self.works(AgentKind::Routing)
            && let Some(machine) = &mut self.routing.link_state
        {
            machine.handle_packet(now, interface, from, payload);
            self.follow_link_state(now);
        }
    }

    /// Stations with which link-state adjacencies want BFD.
    pub(crate) fn link_state_peers(&self) -> Vec<BfdPeer> {
        let (Some(config), Some(machine)) = (&self.config().routing.link_state, &self.routing.link_state)
        else {
            return Vec::new();
        };
        let wanted: Vec<InterfaceId> = config
            .interfaces
            .iter()
            .filter(|interface| interface.bfd)
            .filter_map(|interface| Some(self.config().interface(interface.interface.as_str())?.0))
            .collect();
        let neighbors = machine.neighbor_addresses();
        let with_bfd = neighbors.into_iter().filter(|(interface, _)| wanted.contains(interface));
        with_bfd.filter_map(|(interface, address)| self.peer_on(address, interface)).collect()
    }

    pub(crate) fn set_link_state_path(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        neighbor: IpAddr,
        usable: bool,
    ) {
        if self.works(AgentKind::Routing)
            && let Some(machine) = &mut self.routing.link_state
        {
            machine.set_path(now, interface, neighbor, usable);
            self.follow_link_state(now);
        }
    }

    fn follow_link_state(&mut self, now: Instant) {
        let mut has_routes = false;
        let mut has_neighbors = false;
        loop {
            let Some(machine) = &mut self.routing.link_state else { return };
            if let Some(change) = machine.poll_route_change() {
                has_routes = true;
                let hops = change.next_hops.iter().map(|hop| Hop {
                    address: hop.gateway,
                    interface: Some(hop.interface),
                    weight: 1,
                });
                let target = Target::hops(hops);
                let offer = Offer { metric: change.metric, ..Offer::of(RouteSource::LinkState, target) };
                let offer = (!change.next_hops.is_empty()).then_some(&offer);
                self.heard_of(RouteSource::LinkState, change.prefix);
                self.routing.rib.update(change.prefix, RouteSource::LinkState, offer);
            } else if let Some(event) = machine.poll_event() {
                has_neighbors |= matches!(event, LinkStateEvent::NeighborChanged { .. });
                self.tell_link_state(now, event);
            } else if let Some(packet) = machine.poll_transmit() {
                let how = SendOptions { interface: Some(packet.interface), ttl: HOW.0, tos: HOW.1 };
                self.with_station(now, |stack| {
                    stack.send_ip(now, packet.from, packet.to, PROTOCOL, how, &packet.payload);
                });
            } else {
                break;
            }
        }
        if has_routes {
            self.settle_routes(now);
        }
        if has_neighbors {
            self.settle_bfd(now);
        }
    }

    fn tell_link_state(&mut self, now: Instant, event: LinkStateEvent) {
        let told = match event {
            LinkStateEvent::AdjacencyUp { interface, neighbor } => {
                LinkStateTold::LinkStateAdjacencyUp { interface: self.interface_name(interface), neighbor }
            }
            LinkStateEvent::AdjacencyDown { interface, neighbor, reason } => {
                LinkStateTold::LinkStateAdjacencyDown {
                    interface: self.interface_name(interface),
                    neighbor,
                    reason,
                }
            }
            LinkStateEvent::SpfRan { routers, changed, .. } if changed > 0 => {
                LinkStateTold::LinkStateSpfRan { routers, changed }
            }
            _ => return,
        };
        self.events.push(now, Event::LinkState(told));
    }
}
