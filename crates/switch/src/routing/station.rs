//! The switch as an IP station on its own interfaces: it finds its neighbours, answers for itself, and carries what its protocols say.
//!
//! This is no agent: as in a device, it is a part of the system, and lives as long as that does. What it sends goes through the data
//! plane's own tables, and perishes where those fail.

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::{InterfaceConfig, InterfacePlace, SwitchConfig};
use crate::octets::Octets;
use crate::routing::next_hops::Adjacency;
use crate::routing::route::{Hop, Offer, RouteSource, Target};
use crate::routing::wanted::Wanted;
use crate::routing::{RoutingEvent, bfd, link_state};
use crate::timed::Timed;
use bytes::Bytes;
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId, MacAddr, VlanId};
use greylag_dataplane::{OURSELVES, PuntReason};
use greylag_ip::{
    IcmpError, InterfaceConfig as IpInterface, IpConfig, IpEvent, IpStack, NeighborState, NeighborTimers,
    Outgoing,
};
use greylag_wire::ethernet::{self, EtherType, Frame};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Frames of our own that wait for the learning agent to find out where their station is.
const HELD: usize = 256;

/// So long do they wait.
const HELD_FOR: Duration = Duration::from_secs(1);

/// Packets that the control side takes in one look.
const LOOK: usize = 1024;

/// The switch as an IP station.
pub(crate) struct Station {
    pub(crate) stack: Timed<IpStack>,
    /// Stations on the link that have routes of their own.
    pub(crate) hosts: BTreeSet<(InterfaceId, IpAddr)>,
    /// Gateways that are kept known.
    pub(crate) wanted: Wanted,
    /// Frames to stations that the MAC table does not have.
    held: VecDeque<Held>,
    /// Frames of our own that nobody has found a port for in time.
    pub(crate) unplaced: u64,
}

struct Held {
    until: Instant,
    interface: InterfaceId,
    vlan: VlanId,
    destination: MacAddr,
    frame: Bytes,
}

impl Station {
    /// # Panics
    /// When the configuration was not checked.
    pub(crate) fn new(switch: &Switch, now: Instant) -> Self {
        let config = switch.ip_config(switch.config());
        let mut stack =
            IpStack::new(config, switch.seed.derive("ip"), now).expect("a configuration is checked");
        bfd::UDP_PORTS.into_iter().for_each(|port| stack.register_udp(port));
        stack.register_protocol(link_state::PROTOCOL);
        Station {
            stack: Timed::new(stack),
            hosts: BTreeSet::new(),
            wanted: Wanted::default(),
            held: VecDeque::new(),
            unplaced: 0,
        }
    }

    /// When it has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.stack.next(IpStack::poll_timeout), self.held.front().map(|held| held.until)]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Switch {
    /// What the station is told to be.
    pub(crate) fn ip_config(&self, config: &SwitchConfig) -> IpConfig {
        let timers = config.routing.neighbors;
        let interfaces = config.numbered_interfaces().map(|(id, interface)| {
            let mut ip = IpInterface::new(self.interface_mac(interface));
            ip.mtu = interface.mtu;
            for address in &interface.addresses {
                match address.ip {
                    IpAddr::V4(addr) => ip.ipv4.push((addr, address.prefix_length)),
                    IpAddr::V6(addr) => ip.ipv6.push((addr, address.prefix_length)),
                }
            }
            let of_it =
                config.routing.static_neighbors.iter().filter(|entry| entry.interface == interface.name);
            ip.neighbors = of_it.map(|entry| (entry.address, entry.mac_address)).collect();
            (id, ip)
        });
        IpConfig {
            interfaces: interfaces.collect(),
            neighbors: NeighborTimers {
                reachable: timers.base_reachable_time,
                retransmit: timers.retransmit_time,
                delay: timers.delay_first_probe_time,
                stale: timers.stale_time,
                ..NeighborTimers::default()
            },
            ..IpConfig::default()
        }
    }

    /// Lets the station do something, and does what it says.
    pub(crate) fn with_station(&mut self, now: Instant, work: impl FnOnce(&mut IpStack)) {
        let Some(station) = &mut self.routing.station else { return };
        work(&mut station.stack);
        self.hear_station(now);
    }

    /// Takes in the packets that workers have handed up.
    pub(crate) fn poll_packets(&mut self, now: Instant) {
        let plane = std::sync::Arc::clone(self.door.plane());
        for packet in plane.take_packets(LOOK) {
            let greylag_dataplane::Packet { interface, reason, frame, .. } = packet;
            let frame = Octets(frame.to_vec());
            let input = crate::Input::Packet { interface, reason, frame };
            self.handle_input(now, input).expect("no packet is refused");
        }
    }

    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        reason: PuntReason,
        frame: &[u8],
    ) {
        let ingress = (interface != OURSELVES).then_some(interface);
        let error = match reason {
            PuntReason::Address | PuntReason::Link => {
                // What we send to ourselves does not leave the station.
                return self.with_station(now, |stack| stack.handle_frame(now, interface, frame));
            }
            PuntReason::Unresolved(next_hop) | PuntReason::TooBig(next_hop) => {
                let (on, gateway) = match self.routing.rib.next_hops.adjacency(next_hop) {
                    Some(Adjacency::Neighbor(on, gateway)) => (on, Some(gateway)),
                    Some(Adjacency::Glean(on)) => (on, None),
                    _ => return,
                };
                return self.with_station(now, |stack| match (ingress, payload(frame)) {
                    (Some(ingress), _) => stack.forward_slow(now, ingress, on, gateway, frame),
                    (None, Some(packet)) => stack.send_via(now, on, gateway, packet),
                    (None, None) => {}
                });
            }
            PuntReason::TtlExpired => IcmpError::TimeExceeded,
            PuntReason::NoRoute => IcmpError::NetUnreachable,
            PuntReason::Unreachable => IcmpError::HostUnreachable,
            PuntReason::Prohibited => IcmpError::AdminProhibited,
        };
        // Who sent it is ourselves, and told by its silence.
        let Some(interface) = ingress else { return };
        self.with_station(now, |stack| stack.forward_error(now, interface, error, frame));
    }

    /// When it has something to do.
    pub(crate) fn next_of_station(&self) -> Option<Instant> {
        self.routing.station.as_ref().and_then(|station| station.poll_timeout())
    }

    /// Does what is due.
    pub(crate) fn run_station(&mut self, now: Instant) {
        let Some(station) = &mut self.routing.station else { return };
        if station.stack.next(IpStack::poll_timeout).is_some_and(|due| due <= now) {
            station.stack.handle_timeout(now);
            self.hear_station(now);
        }
        self.place_held(now);
    }

    /// Takes up what the station says, until it has nothing more to say.
    pub(crate) fn hear_station(&mut self, now: Instant) {
        let mut is_changed = false;
        loop {
            let Some(station) = &mut self.routing.station else { return };
            if let Some(event) = station.stack.poll_event() {
                is_changed |= self.hear_event(now, event);
            } else if let Some(event) = station.stack.poll_tcp() {
                // Whoever owns the connection, or the port that it came to.
                if !self.iccp_hears_tcp(now, &event) {
                    self.bgp_hears_tcp(now, event);
                }
            } else if let Some(outgoing) = station.stack.poll_transmit() {
                self.send(now, outgoing);
            } else {
                break;
            }
        }
        if is_changed {
            self.settle_routes(now);
        }
        self.send_all_unsent(now);
        self.send_unsent_iccp(now);
    }

    /// Says whether routes have changed.
    fn hear_event(&mut self, now: Instant, event: IpEvent) -> bool {
        match event {
            IpEvent::NeighborChanged { interface, ip, mac, state } => {
                self.hear_neighbor(now, interface, ip, mac, state);
                return true;
            }
            IpEvent::DuplicateAddress { interface, ip, mac } => {
                let interface = self.interface_name(interface);
                self.tell_routing(now, RoutingEvent::AddressConflict { interface, address: ip, mac });
            }
            IpEvent::Packet { interface, from, protocol, payload, .. } => {
                if protocol == link_state::PROTOCOL {
                    self.handle_link_state(now, interface, from, &payload);
                }
            }
            IpEvent::Error { from, quoted, .. } => self.hear_error(from, &quoted),
            IpEvent::Datagram { interface, from, to, ttl, payload } => {
                self.handle_bfd(now, interface, (from, to), ttl, &payload);
            }
        }
        false
    }

    fn hear_neighbor(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: IpAddr,
        mac: Option<MacAddr>,
        state: Option<NeighborState>,
    ) {
        let name = self.interface_name(interface);
        match mac {
            Some(mac) => {
                self.tell_routing(now, RoutingEvent::NeighborResolved { interface: name, address, mac });
            }
            None if state == Some(NeighborState::Failed) => {
                self.tell_routing(now, RoutingEvent::NeighborFailed { interface: name, address });
            }
            None => {}
        }
        if let Some(write) = self.routing.rib.set_neighbor(interface, address, mac) {
            self.tell_programmer(now, vec![write]);
        }
        // A station on the link has a route to itself: the longest, and the one that hardware has.
        let is_host = mac.is_some() && !is_link_local(address);
        let Some(station) = &mut self.routing.station else { return };
        let changed = match is_host {
            true => station.hosts.insert((interface, address)),
            false => station.hosts.remove(&(interface, address)),
        };
        if !changed {
            return;
        }
        let target = to_host(interface, address);
        self.routing.rib.touch_path(&target);
        if self.works(AgentKind::Routing) {
            let offer = is_host.then(|| Offer::of(RouteSource::Neighbor, target));
            self.routing.rib.update(IpNet::from(address), RouteSource::Neighbor, offer.as_ref());
        }
    }

    /// The routing agent is there again: it hears of all stations that have come and gone meanwhile.
    pub(crate) fn settle_hosts(&mut self, now: Instant) {
        let Some(station) = &self.routing.station else { return };
        let there: BTreeMap<IpNet, (InterfaceId, IpAddr)> = station
            .hosts
            .iter()
            .map(|&(interface, address)| (IpNet::from(address), (interface, address)))
            .collect();
        for gone in self.routing.rib.offered_by(RouteSource::Neighbor) {
            if !there.contains_key(&gone) {
                self.routing.rib.update(gone, RouteSource::Neighbor, None);
            }
        }
        for (prefix, (interface, address)) in there {
            let offer = Offer::of(RouteSource::Neighbor, to_host(interface, address));
            self.routing.rib.update(prefix, RouteSource::Neighbor, Some(&offer));
        }
        self.settle_routes(now);
    }

    /// Sends what the station has to send.
    fn send(&mut self, now: Instant, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Route { packet, .. } => self.door.originate_routed(now, packet),
            Outgoing::Frame { interface, destination, frame } => {
                let place = self.config().interfaces.get(interface.index()).map(|interface| interface.place);
                match place {
                    Some(InterfacePlace::Vlan(vlan))
                        if destination.is_unicast() && self.config().learning.owned().adjacency =>
                    {
                        self.place_frame(
                            now,
                            Held { until: now + HELD_FOR, interface, vlan, destination, frame },
                        );
                    }
                    _ => self.door.originate_on(now, interface, frame),
                }
            }
        }
    }

    /// Sends a frame of our own to a station of a VLAN where only the learning agent may find out where that is: a frame to one that the
    /// MAC table does not have waits for the agent, which asks the whole VLAN for it.
    fn place_frame(&mut self, now: Instant, held: Held) {
        if self.door.find(now, held.vlan, held.destination).is_some() {
            return self.door.originate_on(now, held.interface, held.frame);
        }
        let asks = self.works(AgentKind::Learning);
        let Some(station) = &mut self.routing.station else { return };
        let is_first = !station
            .held
            .iter()
            .any(|other| (other.vlan, other.destination) == (held.vlan, held.destination));
        let (interface, destination) = (held.interface, held.destination);
        if station.held.len() == HELD {
            station.held.pop_front();
            station.unplaced += 1;
        }
        station.held.push_back(held);
        if is_first && asks {
            self.ask_for(now, interface, destination);
        }
    }

    /// Asks a VLAN for a station to which a packet was to go.
    pub(crate) fn ask_for_station(&mut self, now: Instant, vlan: VlanId, station: MacAddr) {
        let of_vlan =
            |(_, config): &(InterfaceId, &InterfaceConfig)| config.place == InterfacePlace::Vlan(vlan);
        let interface = self.config().numbered_interfaces().find(of_vlan).map(|(interface, _)| interface);
        if let Some(interface) = interface {
            self.ask_for(now, interface, station);
        }
    }

    /// Asks the whole VLAN for a station, so that its answer shows where it is.
    fn ask_for(&mut self, now: Instant, interface: InterfaceId, station: MacAddr) {
        let Some(address) = self.routing.rib.next_hops.address_of(interface, station) else { return };
        let Some(frame) = self.question(interface, address) else { return };
        self.door.originate_on(now, interface, frame);
    }

    /// Frames that waited leave where their stations are known now, and perish where they are not for too long.
    pub(crate) fn place_held(&mut self, now: Instant) {
        let Some(station) = &mut self.routing.station else { return };
        if station.held.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut station.held);
        let mut left = VecDeque::new();
        for held in waiting {
            if self.door.find(now, held.vlan, held.destination).is_some() {
                self.door.originate_on(now, held.interface, held.frame);
            } else if held.until <= now {
                if let Some(station) = &mut self.routing.station {
                    station.unplaced += 1;
                }
            } else {
                left.push_back(held);
            }
        }
        if let Some(station) = &mut self.routing.station {
            station.held.extend(left);
        }
    }

    /// Who has this address? To all of the interface's VLAN.
    fn question(&self, interface: InterfaceId, address: IpAddr) -> Option<Bytes> {
        let mac = self.interface_mac(self.config().interfaces.get(interface.index())?);
        match (self.own_address(interface, address)?, address) {
            (IpAddr::V4(own), IpAddr::V4(address)) => {
                let payload = greylag_ip::arp::request(mac, own, address);
                let header = ethernet::Repr {
                    destination: MacAddr::BROADCAST,
                    source: mac,
                    ether_type: EtherType::ARP,
                };
                Some(header.frame(&payload).into())
            }
            (IpAddr::V6(own), IpAddr::V6(address)) => {
                let (destination, message) = greylag_ip::nd::solicitation(mac, own, address, None);
                let mut payload = vec![0; message.packet_len()];
                message.emit(&mut payload);
                let header = ethernet::Repr { destination, source: mac, ether_type: EtherType::IPV6 };
                Some(header.frame(&payload).into())
            }
            _ => None,
        }
    }

    pub(crate) fn interface_name(&self, id: InterfaceId) -> String {
        self.config()
            .interfaces
            .get(id.index())
            .map_or_else(|| id.to_string(), |config| config.name.to_string())
    }
}

/// What the route to a station on the link leads to.
pub(crate) fn to_host(interface: InterfaceId, address: IpAddr) -> Target {
    Target::hops([Hop { address, interface: Some(interface), weight: 1 }])
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// The IP packet of a frame.
fn payload(frame: &[u8]) -> Option<&[u8]> {
    Some(Frame::new_checked(frame)?.payload())
}
