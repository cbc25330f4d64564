//! Interfaces of layer 3: when they are up, and what follows.

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::{InterfaceConfig, InterfacePlace};
use crate::routing::RoutingEvent;
use crate::routing::route::{Offer, RouteSource, Target};
use greylag_base::{Instant, InterfaceId, MacAddr, PortId, PortName, VlanSet};
use greylag_dataplane::{
    Aggregation, Carrier, Chassis, InterfaceForwarding, Layer3, PortForwarding, StormLimits,
};
use greylag_fib::NextHopId;
use ipnet::IpNet;
use std::collections::BTreeSet;

/// What is known of an interface beside its configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct InterfaceState {
    /// Which it is: a commit may give its number to another one.
    identity: Option<(PortName, InterfacePlace)>,
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

    /// Packets may pass by an interface.
    pub fn interface_is_up(&self, id: InterfaceId) -> bool {
        self.routing.interfaces.get(id.index()).is_some_and(|interface| interface.up)
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
        let count = self.config().interfaces.len().max(self.routing.interfaces.len());
        self.routing.interfaces.resize_with(count, InterfaceState::default);
        let identity = |config: &InterfaceConfig| (config.name.clone(), config.place);
        let wanted: Vec<_> =
            (0..count).map(|index| self.config().interfaces.get(index).map(identity)).collect();
        // What is gone goes first, before its number is another one's.
        let states = self.routing.interfaces.iter().zip(&wanted).enumerate();
        let gone = states.filter(|(_, (state, wanted))| state.up && state.identity != **wanted);
        let gone: Vec<(usize, bool)> = gone.map(|(index, _)| (index, false)).collect();
        self.follow_interfaces(now, &gone);
        for (state, wanted) in self.routing.interfaces.iter_mut().zip(wanted) {
            state.identity = wanted;
        }
        let changed: Vec<(usize, bool)> = (0..self.routing.interfaces.len())
            .map(|index| {
                let config = self.config().interfaces.get(index);
                (index, config.is_some_and(|config| self.carrier_is_up(config)))
            })
            .filter(|&(index, up)| self.routing.interfaces[index].up != up)
            .collect();
        self.follow_interfaces(now, &changed);
    }

    /// Interfaces have come up, or gone down.
    fn follow_interfaces(&mut self, now: Instant, changed: &[(usize, bool)]) {
        if changed.is_empty() {
            return;
        }
        for &(index, up) in changed {
            (self.routing.interfaces[index].up, self.routing.interfaces[index].since) = (up, now);
            let identity = self.routing.interfaces[index].identity.as_ref();
            let interface = identity.map(|(name, _)| name.to_string()).unwrap_or_default();
            let event = if up {
                RoutingEvent::InterfaceUp { interface }
            } else {
                RoutingEvent::InterfaceDown { interface }
            };
            self.tell_routing(now, event);
        }
        // Flows leave an interface before it is known to be down, and come back once it is known to be up.
        for &(index, _) in changed.iter().filter(|(_, up)| !up) {
            self.set_next_hops_live(now, InterfaceId(index as u16), false);
        }
        self.publish(now);
        for &(index, up) in changed {
            let id = InterfaceId(index as u16);
            if up {
                self.set_next_hops_live(now, id, true);
            }
            self.with_station(now, |stack| stack.set_interface(now, id, up));
        }
        self.settle_connected(now);
        self.settle_link_state_interfaces(now);
        self.settle_bgp(now);
        self.settle_bfd(now);
    }

    /// A port has lost its link: nobody is reached by its interface any more. That comes before all that follows from it.
    pub(crate) fn lose_next_hops_by(&mut self, now: Instant, port: PortId) {
        let interfaces = &self.config().interfaces;
        let by_it = interfaces.iter().position(|interface| interface.place == InterfacePlace::Port(port));
        if let Some(index) = by_it {
            self.set_next_hops_live(now, InterfaceId(index as u16), false);
        }
    }

    /// The data plane is told at once that nobody is reached by an interface, or somebody is again whom the routing agent has not given up:
    /// agents come later.
    fn set_next_hops_live(&mut self, now: Instant, interface: InterfaceId, up: bool) {
        let there: Vec<NextHopId> = self
            .routing
            .rib
            .next_hops
            .neighbors()
            .filter(|(on, address, _)| {
                *on == interface && !(up && self.routing.bfd_sessions.lost().contains(&(*on, *address)))
            })
            .map(|(_, _, id)| id)
            .collect();
        for id in there {
            self.door.set_live(now, id, up);
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
        let count = self.routing.interfaces.len();
        let of_links: Vec<Vec<IpNet>> = (0..count)
            .map(|index| self.interface_nets(InterfaceId(index as u16)))
            .map(|nets| nets.into_iter().filter(is_link_local).map(|net| net.addr().into()).collect())
            .collect();
        for (index, state) in self.routing.interfaces.iter_mut().enumerate() {
            let config = self.history.running().interfaces.get(index);
            let id = InterfaceId(index as u16);
            let mut wanted = BTreeSet::new();
            let addresses = config.filter(|_| state.up).map_or(&[][..], |config| &config.addresses);
            for address in addresses {
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
            offer.is_some() || !self.routing.interfaces.iter().any(|state| state.routes.contains(route))
        });
        self.routing.interfaces.truncate(self.history.running().interfaces.len());
        let down = self.routing.interfaces.iter().enumerate().filter(|(_, state)| !state.up);
        let down = down.map(|(index, _)| InterfaceId(index as u16)).collect();
        self.routing.rib.set_down(down);
        // One interface may have what another had: what goes first.
        updates.sort_by_key(|(_, offer)| offer.is_some());
        for ((prefix, source), offer) in updates {
            self.routing.rib.update(prefix, source, offer.as_ref());
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
        let hosts: BTreeSet<InterfaceId> = self.routing.host_interfaces.values().copied().collect();
        let forwarding = self.config().numbered_interfaces().map(|(id, interface)| InterfaceForwarding {
            up: self.interface_is_up(id),
            carrier: match interface.place {
                InterfacePlace::Port(port) => Carrier::Port(port),
                InterfacePlace::Vlan(vlan) => Carrier::Vlan(vlan),
                InterfacePlace::Loopback => Carrier::Loopback,
            },
            mac: self.interface_mac(interface),
            peer_mac: self.peer_irb_mac(interface.place),
            mtu: interface.mtu.into(),
            host: hosts.contains(&id).then(|| self.config().host_port(id)),
        });
        forwarding.collect()
    }

    /// What the data plane is told of the ports behind which another IP stack shares an interface: one for each interface, behind the
    /// others. They are always there, for nobody has configured them; what comes in by one whose interface is down goes no further.
    pub(crate) fn host_forwarding(&self) -> impl Iterator<Item = PortForwarding> {
        let shared: BTreeSet<InterfaceId> = self.routing.host_interfaces.values().copied().collect();
        let interfaces = self.config().numbered_interfaces().take(self.config().host_ports());
        interfaces.map(move |(id, interface)| PortForwarding {
            up: shared.contains(&id),
            vlans: VlanSet::new(),
            untagged: None,
            mtu: interface.mtu.into(),
            isolation_group: None,
            storm: StormLimits::default(),
            aggregation: Aggregation::None,
            layer3: Layer3::Host(id),
            chassis: Chassis::None,
        })
    }
}

/// A subnet of one link alone (RFC 4291 2.5.6).
fn is_link_local(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(net) if net.addr().is_unicast_link_local())
}
