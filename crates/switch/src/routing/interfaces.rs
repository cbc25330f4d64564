//! Interfaces of layer 3: when they are up, and what follows.

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::{InterfaceConfig, InterfacePlace};
use crate::routing::RoutingEvent;
use crate::routing::route::{Offer, RouteSource, Target};
use greylag_base::{Instant, InterfaceId, MacAddr, PortId};
use greylag_dataplane::{Carrier, InterfaceForwarding, Layer3};
use greylag_fib::NextHopId;
use ipnet::IpNet;
use std::collections::BTreeSet;

/// What is known of an interface beside its configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct InterfaceState {
    /// Packets may pass.
    pub(crate) up: bool,
    /// Since when it is so.
    pub(crate) since: Instant,
    /// What the routing agent has put into the RIB for it.
    routes: BTreeSet<(IpNet, RouteSource)>,
}

impl Switch {
    /// The address that an interface has on its link.
    pub(crate) fn interface_mac(&self, interface: &InterfaceConfig) -> MacAddr {
        interface.mac_address.unwrap_or(self.chassis)
    }

    /// Its state, if it is one.
    pub(crate) fn interface_is_up(&self, id: InterfaceId) -> bool {
        self.interfaces.get(id.index()).is_some_and(|interface| interface.up)
    }

    fn carrier_is_up(&self, interface: &InterfaceConfig) -> bool {
        interface.enabled
            && match interface.place {
                InterfacePlace::Port(port) => self.ports[port.index()].is_up(),
                InterfacePlace::Vlan(vlan) => self.ports.iter().any(|port| port.carries(vlan)),
                InterfacePlace::Loopback => true,
            }
    }

    /// Ports have changed, or the configuration: interfaces follow, and what goes by them.
    pub(crate) fn settle_interfaces(&mut self, now: Instant) {
        let count = self.config().interfaces.len();
        self.interfaces.resize_with(count, InterfaceState::default);
        let changed: Vec<(usize, bool)> = (0..count)
            .map(|index| (index, self.carrier_is_up(&self.config().interfaces[index])))
            .filter(|&(index, up)| self.interfaces[index].up != up)
            .collect();
        if changed.is_empty() {
            return;
        }
        for &(index, up) in &changed {
            (self.interfaces[index].up, self.interfaces[index].since) = (up, now);
            let interface = self.config().interfaces[index].name.to_string();
            let event = if up {
                RoutingEvent::InterfaceUp { interface }
            } else {
                RoutingEvent::InterfaceDown { interface }
            };
            self.tell_routing(now, event);
        }
        self.publish(now);
        for (index, up) in changed {
            let id = InterfaceId(index as u16);
            if !up {
                self.lose_next_hops(now, id);
            }
            self.with_station(now, |stack| stack.set_interface(now, id, up));
        }
        self.settle_connected(now);
        self.settle_link_state_interfaces(now);
        self.settle_bgp(now);
        self.settle_bfd(now);
    }

    /// The data plane is told at once that nobody is reached by an interface: agents come later.
    fn lose_next_hops(&mut self, now: Instant, interface: InterfaceId) {
        let there: Vec<NextHopId> = self
            .rib
            .next_hops
            .neighbors()
            .filter(|(on, _, _)| *on == interface)
            .map(|(_, _, id)| id)
            .collect();
        for id in there {
            self.door.set_live(now, id, false);
        }
    }

    /// The routes of the interfaces themselves: their subnets, and their own addresses. Nothing happens while the routing agent does
    /// nothing.
    pub(crate) fn settle_connected(&mut self, now: Instant) {
        if !self.works(AgentKind::Routing) {
            return;
        }
        let mut updates = Vec::new();
        // Answers of neighbour discovery come to the link-local address, which is configured nowhere.
        let count = self.interfaces.len();
        let of_links: Vec<Vec<IpNet>> = (0..count)
            .map(|index| self.interface_nets(InterfaceId(index as u16)))
            .map(|nets| nets.into_iter().filter(is_link_local).map(|net| net.addr().into()).collect())
            .collect();
        for (index, state) in self.interfaces.iter_mut().enumerate() {
            let Some(config) = self.history.running().interfaces.get(index) else { continue };
            let id = InterfaceId(index as u16);
            let mut wanted = BTreeSet::new();
            for address in config.addresses.iter().filter(|_| state.up) {
                let host = IpNet::from(address.ip);
                wanted.insert((host, RouteSource::Local));
                if address.subnet() != host {
                    wanted.insert((address.subnet(), RouteSource::Connected));
                }
            }
            if state.up {
                wanted.extend(of_links[index].iter().map(|host| (*host, RouteSource::Local)));
            }
            for gone in state.routes.difference(&wanted) {
                updates.push((*gone, None));
            }
            for new in wanted.difference(&state.routes) {
                let target = match new.1 {
                    RouteSource::Local => Target::Local,
                    _ => Target::Attached(id),
                };
                updates.push((*new, Some(Offer::of(new.1, target))));
            }
            state.routes = wanted;
        }
        // Interfaces with one address on the link have one link-local address, too: it is there while any of them is up.
        updates.retain(|(route, offer): &((IpNet, RouteSource), Option<Offer>)| {
            offer.is_some() || !self.interfaces.iter().any(|state| state.routes.contains(route))
        });
        // One interface may have what another had: what goes first.
        updates.sort_by_key(|(_, offer)| offer.is_some());
        for ((prefix, source), offer) in updates {
            self.rib.update(prefix, source, offer.as_ref());
        }
        self.settle_routes(now);
    }

    /// What a port has to do with layer 3: it, or the bundle that it is a part of, is an interface's own.
    pub(crate) fn layer3_of(&self, id: PortId) -> Layer3 {
        let port = self.ports[id.index()].config.membership.aggregate().map_or(id, |member| member.lag);
        let owner = self.config().numbered_interfaces();
        let mut owner = owner.filter(|(_, interface)| interface.place == InterfacePlace::Port(port));
        owner.next().map_or(Layer3::None, |(interface, _)| Layer3::Routed(interface))
    }

    /// What the data plane is told of the interfaces.
    pub(crate) fn interface_forwarding(&self) -> Vec<InterfaceForwarding> {
        let interfaces = self.config().interfaces.iter().enumerate();
        let forwarding = interfaces.map(|(index, interface)| InterfaceForwarding {
            up: self.interface_is_up(InterfaceId(index as u16)),
            carrier: match interface.place {
                InterfacePlace::Port(port) => Carrier::Port(port),
                InterfacePlace::Vlan(vlan) => Carrier::Vlan(vlan),
                InterfacePlace::Loopback => Carrier::Loopback,
            },
            mac: self.interface_mac(interface),
            also: Vec::new(),
            mtu: interface.mtu.into(),
            host: None,
        });
        forwarding.collect()
    }
}

/// A subnet of one link alone (RFC 4291 2.5.6).
fn is_link_local(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(net) if net.addr().is_unicast_link_local())
}
