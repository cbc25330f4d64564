//! Several switches that route, joined by cables to each other and to hosts, on one clock that the test moves.

use crate::rig::{Rig, at, inline_config, station};
use greylag_base::{Instant, InterfaceId, PortId, PortName, Seed, VlanId};
use greylag_ip::{InterfaceConfig as HostInterface, IpConfig, IpEvent, IpStack, Outgoing, ip_header};
use greylag_switch::config::{
    InterfaceAddress, InterfaceConfig, InterfacePlace, MaximumRoutes, Membership, StaticNextHop, StaticRoute,
    StaticTarget, SwitchConfig,
};
use greylag_switch::fault::Fault;
use greylag_switch::history::History;
use greylag_switch::recording::Start;
use greylag_switch::show::Which;
use greylag_switch::{EventRecord, Input, ManagementDatagram, Switch};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Packet, UDP_HEADER_LEN, UdpPacket, UdpRepr};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Where hosts listen.
pub(crate) const ECHO: u16 = 7;

const NIC: InterfaceId = InterfaceId(0);

/// What is at one end of a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// A port of a switch.
    Port(usize, usize),
    /// A host.
    Host(usize),
}

/// A station with one interface, one address of each family, and the gateways that it was told.
pub(crate) struct Host {
    stack: IpStack,
    addresses: Vec<IpAddr>,
    gateways: Vec<IpAddr>,
    /// Datagrams that have come to it: from whom, with which TTL, and how long.
    pub(crate) heard: Vec<(IpAddr, u8, usize)>,
    /// Errors that it was told: by whom, of which type.
    pub(crate) errors: Vec<(IpAddr, u8)>,
    /// All frames that have come.
    pub(crate) frames: Vec<Vec<u8>>,
}

/// A datagram that a host sends.
#[derive(Clone, Copy)]
pub(crate) struct Datagram {
    pub(crate) source_port: u16,
    pub(crate) ttl: u8,
    /// Octets behind the UDP header.
    pub(crate) len: usize,
    /// It must not be cut.
    pub(crate) whole: bool,
}

pub(crate) const SHORT: Datagram = Datagram { source_port: 5000, ttl: 64, len: 10, whole: true };

pub(crate) struct Network {
    pub(crate) switches: Vec<Rig>,
    pub(crate) hosts: Vec<Host>,
    cables: BTreeMap<End, End>,
    /// What is sent from here is lost, and nobody sees it.
    cut: BTreeSet<End>,
    /// The management network carries nothing.
    pub(crate) management_is_cut: bool,
    /// Datagrams of hosts that have left by a port of a switch, since the last look.
    carried: BTreeMap<(usize, usize), usize>,
}

pub(crate) fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// A switch with so many ports, none of which routes yet.
pub(crate) fn router(name: &str, ports: usize) -> SwitchConfig {
    let mut config = inline_config(ports);
    config.name = name.into();
    config.routing.maximum_routes = MaximumRoutes { ipv4: 50_000, ipv6: 1000 };
    config.routing.next_hop_groups.maximum = 256;
    config
}

fn interface(config: &mut SwitchConfig, name: &str, place: InterfacePlace, addresses: &[&str]) {
    let address = |text: &&str| {
        let (ip, length) = text.split_once('/').unwrap();
        InterfaceAddress { ip: ip.parse().unwrap(), prefix_length: length.parse().unwrap() }
    };
    config.interfaces.push(InterfaceConfig {
        name: PortName::new(name).unwrap(),
        place,
        enabled: true,
        mac_address: None,
        mtu: 1500,
        addresses: addresses.iter().map(address).collect(),
    });
}

/// A port, from 0, becomes an interface of its own.
pub(crate) fn routed(config: &mut SwitchConfig, port: usize, addresses: &[&str]) {
    config.ports[port].membership = Membership::Routed;
    let name = config.ports[port].name.to_string();
    interface(config, &name, InterfacePlace::Port(PortId(port as u16)), addresses);
}

/// A VLAN gets an interface, and these ports.
pub(crate) fn irb(config: &mut SwitchConfig, vlan: u16, ports: &[usize], addresses: &[&str]) {
    let vlan = VlanId::new(vlan).unwrap();
    for port in ports {
        config.ports[*port].membership = Membership::Access(vlan);
    }
    interface(config, &format!("irb{vlan}"), InterfacePlace::Vlan(vlan), addresses);
}

pub(crate) fn loopback(config: &mut SwitchConfig, addresses: &[&str]) {
    interface(config, "lo0", InterfacePlace::Loopback, addresses);
}

pub(crate) fn next_hop(address: &str) -> StaticNextHop {
    StaticNextHop { address: ip(address), interface: None, weight: 1, bfd: false }
}

pub(crate) fn route_to(config: &mut SwitchConfig, prefix: &str, to: StaticTarget) {
    let prefix = prefix.parse().unwrap();
    config.routing.static_routes.retain(|route| route.prefix != prefix);
    config.routing.static_routes.push(StaticRoute { prefix, to, preference: 1 });
}

/// A static route by gateways.
pub(crate) fn route(config: &mut SwitchConfig, prefix: &str, gateways: &[&str]) {
    let hops = gateways.iter().map(|gateway| next_hop(gateway)).collect();
    route_to(config, prefix, StaticTarget::NextHops(hops));
}

impl Host {
    fn new(number: usize, addresses: &[&str], gateways: &[&str]) -> Host {
        let mut interface = HostInterface::new(station(100 + number as u32));
        let mut own = Vec::new();
        for address in addresses {
            let (ip, length) = address.split_once('/').unwrap();
            let length = length.parse().unwrap();
            own.push(ip.parse().unwrap());
            match ip.parse().unwrap() {
                IpAddr::V4(ip) => interface.ipv4.push((ip, length)),
                IpAddr::V6(ip) => interface.ipv6.push((ip, length)),
            }
        }
        let config = IpConfig { interfaces: [(NIC, interface)].into(), ..IpConfig::default() };
        let mut stack = IpStack::new(config, Seed(100 + number as u64), Instant::ZERO).unwrap();
        stack.register_udp(ECHO);
        stack.set_interface(Instant::ZERO, NIC, true);
        let gateways = gateways.iter().map(|gateway| gateway.parse().unwrap()).collect();
        Host { stack, addresses: own, gateways, heard: Vec::new(), errors: Vec::new(), frames: Vec::new() }
    }

    /// Everything that it has heard, and forgets.
    pub(crate) fn listen(&mut self) -> Vec<(IpAddr, u8, usize)> {
        std::mem::take(&mut self.heard)
    }

    pub(crate) fn complaints(&mut self) -> Vec<(IpAddr, u8)> {
        std::mem::take(&mut self.errors)
    }

    fn send(&mut self, now: Instant, to: IpAddr, datagram: Datagram) {
        let of_family = |all: &[IpAddr]| all.iter().copied().find(|ip| ip.is_ipv4() == to.is_ipv4()).unwrap();
        let (from, gateway) = (of_family(&self.addresses), of_family(&self.gateways));
        let Datagram { source_port, ttl, len, whole } = datagram;
        let mut packet = vec![0; ip_header::len(to) + UDP_HEADER_LEN + len];
        let body = ip_header::emit(&mut packet, (from, to), IpProtocol::Udp, ttl);
        let repr = UdpRepr { src_port: source_port, dst_port: ECHO };
        let checksums = ChecksumCapabilities::default();
        let mut udp = UdpPacket::new_unchecked(body);
        repr.emit(&mut udp, &from.into(), &to.into(), len, |body| body.fill(0x55), &checksums);
        if !whole {
            let mut header = Ipv4Packet::new_unchecked(&mut packet[..]);
            header.set_dont_frag(false);
            header.fill_checksum();
        }
        self.stack.send_via(now, NIC, Some(gateway), &packet);
    }

    fn hear(&mut self, now: Instant) {
        while let Some(event) = self.stack.poll_event() {
            match event {
                IpEvent::Datagram { from, ttl, payload, .. } => {
                    assert!(payload.iter().all(|octet| *octet == 0x55), "what was sent is what arrives");
                    self.heard.push((from.ip(), ttl, payload.len()));
                }
                IpEvent::Error { from, kind, .. } => self.errors.push((from, kind)),
                _ => {}
            }
        }
        while self.stack.poll_tcp().is_some() {}
        let _ = now;
    }

    fn transmit(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(outgoing) = self.stack.poll_transmit() {
            match outgoing {
                Outgoing::Frame { frame, .. } => frames.push(frame.to_vec()),
                Outgoing::Route { to, packet } => {
                    let gateway =
                        *self.gateways.iter().find(|gateway| gateway.is_ipv4() == to.is_ipv4()).unwrap();
                    self.stack.send_via(now, NIC, Some(gateway), &packet);
                }
            }
        }
        frames
    }
}

impl Network {
    /// Switches of these configurations, which keep records. Their links are down until they are joined.
    pub(crate) fn new(configs: Vec<SwitchConfig>) -> Network {
        let switches = configs.into_iter().enumerate().map(|(number, config)| {
            let history = History::new(config, Instant::ZERO);
            let start = Start::new(history, Seed(1 + number as u64), Instant::ZERO);
            Rig::around(Switch::recorded(start).unwrap())
        });
        Network {
            switches: switches.collect(),
            hosts: Vec::new(),
            cables: BTreeMap::new(),
            cut: BTreeSet::new(),
            management_is_cut: false,
            carried: BTreeMap::new(),
        }
    }

    /// A cable between two ports, whose links come up.
    pub(crate) fn join(&mut self, one: (usize, usize), other: (usize, usize)) {
        self.lay(End::Port(one.0, one.1), End::Port(other.0, other.1));
    }

    /// A host behind a port.
    pub(crate) fn host(&mut self, port: (usize, usize), addresses: &[&str], gateways: &[&str]) -> usize {
        let number = self.hosts.len();
        self.hosts.push(Host::new(number, addresses, gateways));
        self.lay(End::Port(port.0, port.1), End::Host(number));
        number
    }

    fn lay(&mut self, one: End, other: End) {
        self.cables.insert(one, other);
        self.cables.insert(other, one);
        self.set_link(one, true);
    }

    /// A cable loses or gets its carrier, and both ends see it.
    pub(crate) fn link(&mut self, port: (usize, usize), up: bool) {
        self.set_link(End::Port(port.0, port.1), up);
    }

    fn set_link(&mut self, end: End, up: bool) {
        for end in [end, self.cables[&end]] {
            if let End::Port(switch, port) = end {
                self.switches[switch].link(port, up);
            }
        }
        self.carry();
    }

    /// What leaves by this port is lost from now on, or no longer, and nobody sees it.
    pub(crate) fn cut(&mut self, port: (usize, usize), is_cut: bool) {
        let end = End::Port(port.0, port.1);
        if is_cut {
            self.cut.insert(end)
        } else {
            self.cut.remove(&end)
        };
    }

    /// Nothing passes a cable any more, either way, and nobody sees it.
    pub(crate) fn silence(&mut self, port: (usize, usize), is_silent: bool) {
        let End::Port(switch, other) = self.cables[&End::Port(port.0, port.1)] else { panic!("a host") };
        self.cut(port, is_silent);
        self.cut((switch, other), is_silent);
    }

    pub(crate) fn tell(&mut self, switch: usize, input: Input) {
        self.switches[switch].tell(input).unwrap();
        self.carry();
    }

    pub(crate) fn fault(&mut self, switch: usize, fault: Fault) {
        self.tell(switch, Input::Fault(fault));
    }

    pub(crate) fn commit(&mut self, switch: usize, change: impl FnOnce(&mut SwitchConfig)) {
        let mut config = Box::new(self.switches[switch].switch.config().clone());
        change(&mut config);
        self.tell(switch, Input::Commit { config, author: "ops".into(), confirm_within: None });
    }

    pub(crate) fn now(&self) -> Duration {
        self.switches[0].now.since(Instant::ZERO)
    }

    fn due(&self) -> Instant {
        let hosts = self.hosts.iter().filter_map(|host| host.stack.poll_timeout());
        self.switches.iter().map(Rig::due).chain(hosts).min().unwrap().max(self.switches[0].now)
    }

    pub(crate) fn wait_until(&mut self, until: Duration) {
        let until = at(until);
        let mut turns = 0;
        loop {
            let next = self.due();
            if next > until {
                self.switches.iter_mut().for_each(|switch| switch.now = until);
                return;
            }
            turns = if next == self.switches[0].now { turns + 1 } else { 0 };
            assert!(turns < 1000, "the clock does not go on at {next}");
            self.switches.iter_mut().for_each(|switch| switch.turn(next));
            for host in &mut self.hosts {
                if host.stack.poll_timeout().is_some_and(|due| due <= next) {
                    host.stack.handle_timeout(next);
                }
            }
            self.carry();
        }
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.wait_until(self.now() + span);
    }

    /// Waits for something, at most so long; how long it took.
    pub(crate) fn wait_for(&mut self, most: Duration, holds: impl Fn(&Network) -> bool) -> Duration {
        let from = self.now();
        while !holds(self) {
            assert!(self.now() < from + most, "it does not come about within {most:?}");
            let next = self.due();
            self.wait_until(next.since(Instant::ZERO));
        }
        self.now() - from
    }

    /// Everything that is on its way arrives.
    pub(crate) fn carry(&mut self) {
        let now = self.switches[0].now;
        let mut moves = true;
        while std::mem::take(&mut moves) {
            moves |= self.carry_management();
            let mut frames = Vec::new();
            for (number, switch) in self.switches.iter_mut().enumerate() {
                switch.work();
                for port in 0..switch.switch.ports().len() {
                    while let Some(frame) = switch.host(port).receive() {
                        *self.carried.entry((number, port)).or_default() += usize::from(is_datagram(&frame));
                        frames.push((End::Port(number, port), frame));
                    }
                }
            }
            for (number, host) in self.hosts.iter_mut().enumerate() {
                host.hear(now);
                frames.extend(host.transmit(now).into_iter().map(|frame| (End::Host(number), frame)));
            }
            for (from, frame) in frames {
                moves = true;
                let Some(to) = self.cables.get(&from).filter(|_| !self.cut.contains(&from)) else { continue };
                match *to {
                    End::Port(switch, port) => {
                        let is_up = self.switches[switch].switch.ports()[port].is_up();
                        assert!(!is_up || self.switches[switch].host(port).send(&frame));
                    }
                    End::Host(host) => {
                        let host = &mut self.hosts[host];
                        host.stack.handle_frame(now, NIC, &frame);
                        host.frames.push(frame);
                    }
                }
            }
        }
    }

    /// What switches send over the management network arrives; whether anything did.
    fn carry_management(&mut self) -> bool {
        let mut arrives = Vec::new();
        for switch in &mut self.switches {
            let from = switch.switch.config().management_address;
            while let Some(datagram) = switch.switch.poll_management() {
                arrives.extend(from.map(|from| (from, datagram)));
            }
        }
        arrives.retain(|_| !self.management_is_cut);
        let any = !arrives.is_empty();
        for (from, ManagementDatagram { to, octets }) in arrives {
            for switch in &mut self.switches {
                if switch.switch.config().management_address == Some(to) {
                    switch.tell(Input::Management { from, octets: octets.clone() }).unwrap();
                }
            }
        }
        any
    }

    /// A frame leaves a host, or whoever is at the other end of a port; how many copies come to each host.
    pub(crate) fn inject(&mut self, host: usize, frame: &[u8]) -> Vec<usize> {
        self.hosts.iter_mut().for_each(|host| host.frames.clear());
        let End::Port(switch, port) = self.cables[&End::Host(host)] else {
            panic!("a host is behind a port")
        };
        assert!(self.switches[switch].host(port).send(frame));
        self.carry();
        let copies = |host: &Host| host.frames.iter().filter(|copy| copy[..] == *frame).count();
        self.hosts.iter().map(copies).collect()
    }

    /// A host sends a datagram.
    pub(crate) fn send(&mut self, host: usize, to: &str, datagram: Datagram) {
        let now = self.switches[0].now;
        self.hosts[host].send(now, ip(to), datagram);
        self.carry();
    }

    /// Does a short datagram from one host come to another at once?
    pub(crate) fn reaches(&mut self, from: usize, to: usize, address: &str) -> bool {
        self.hosts[to].listen();
        self.send(from, address, SHORT);
        !self.hosts[to].listen().is_empty()
    }

    /// Datagrams of so many flows; how many of them arrive.
    pub(crate) fn flows(&mut self, from: usize, to: usize, address: &str, count: u16) -> usize {
        self.carried.clear();
        self.hosts[to].listen();
        for flow in 0..count {
            self.send(from, address, Datagram { source_port: 10_000 + flow, ..SHORT });
        }
        self.hosts[to].listen().len()
    }

    /// How many datagrams have left by a port since the last [`flows`](Self::flows).
    pub(crate) fn carried(&self, port: (usize, usize)) -> usize {
        self.carried.get(&port).copied().unwrap_or(0)
    }

    /// A route of the RIB that is in use: the stations that it leads to.
    pub(crate) fn rib(&self, switch: usize, prefix: &str) -> Vec<String> {
        let prefix = prefix.parse().unwrap();
        let rows = self.switches[switch].switch.route_rows(Which::Within(prefix), None, 1);
        let active = rows.into_iter().filter(|row| row.prefix == prefix && row.active);
        let hops = active.flat_map(|row| row.next_hops);
        hops.map(|hop| hop.address.map_or_else(|| "nobody".to_owned(), |ip| ip.to_string())).collect()
    }

    /// Whom the route in use is from.
    pub(crate) fn source(&self, switch: usize, prefix: &str) -> Option<String> {
        let prefix = prefix.parse().unwrap();
        let mut rows = self.switches[switch].switch.route_rows(Which::Within(prefix), None, 1).into_iter();
        rows.find(|row| row.prefix == prefix && row.active).map(|row| row.protocol.name().to_owned())
    }

    /// What the FIB has for a prefix.
    pub(crate) fn fib(&self, switch: usize, prefix: &str) -> Option<Vec<String>> {
        let prefix = prefix.parse().unwrap();
        let mut rows = self.switches[switch].switch.fib_rows(Which::Within(prefix), None, 1).into_iter();
        rows.find(|row| row.prefix == prefix).map(|row| row.next_hops)
    }

    /// The numbers of the next hops that a prefix leads to.
    pub(crate) fn numbers(&self, switch: usize, prefix: &str) -> Vec<u32> {
        let prefix = prefix.parse().unwrap();
        let switch = &self.switches[switch].switch;
        let row = switch
            .fib_rows(Which::Within(prefix), None, 1)
            .into_iter()
            .find(|row| row.prefix == prefix)
            .unwrap();
        let groups = switch.next_hop_group_rows();
        let group = groups.into_iter().find(|group| group.group == row.group).unwrap();
        group.members.iter().map(|member| member.next_hop.0).collect()
    }

    /// Compares RIB and FIB; the kinds of what differs.
    pub(crate) fn check(&mut self, switch: usize, repair: bool) -> Vec<&'static str> {
        self.tell(switch, Input::CheckFib { repair });
        self.switches[switch].switch.fib_conflicts().iter().map(|conflict| conflict.kind.name()).collect()
    }

    pub(crate) fn log(&self, switch: usize) -> Vec<EventRecord> {
        self.switches[switch].switch.events().after(0).cloned().collect()
    }

    /// The names of events since the last call, of those that are asked for, and when they were, in milliseconds.
    pub(crate) fn told(&mut self, switch: usize, keep: &[&str]) -> Vec<(u128, String)> {
        self.switches[switch].told(keep)
    }

    /// The records of all switches, played back, come to the same.
    pub(crate) fn plays_back(&self) {
        for rig in &self.switches {
            let recording = rig.switch.recording().unwrap();
            let again = Switch::playback(recording).unwrap();
            let events = |switch: &Switch| switch.events().after(0).cloned().collect::<Vec<_>>();
            assert_eq!(events(&again), events(&rig.switch));
            let own = again.recording().unwrap();
            let differs = own.outputs.iter().zip(&recording.outputs).find(|(own, kept)| own != kept);
            assert_eq!(differs, None);
            assert!(own == recording);
        }
    }
}

/// A datagram to where hosts listen.
fn is_datagram(frame: &[u8]) -> bool {
    let (protocol, port) = match frame.get(12..14) {
        Some([0x08, 0x00]) => (frame[23], &frame[36..38]),
        Some([0x86, 0xdd]) => (frame[20], &frame[56..58]),
        _ => return false,
    };
    protocol == 17 && port == ECHO.to_be_bytes()
}

/// Two switches with two links between them, a host behind each, and static routes by both links: 10.0.0.2 and 10.9.0.2.
pub(crate) fn two_links(change: impl Fn(&mut SwitchConfig)) -> Network {
    let configs =
        [("sw1", "0", "9", "1", "2"), ("sw2", "9", "0", "2", "1")].map(|(name, own, far, us, them)| {
            let mut config = router(name, 3);
            routed(&mut config, 0, &[&format!("10.{own}.0.1/24"), &format!("2001:db8:{own}::1/64")]);
            routed(&mut config, 1, &[&format!("10.1.0.{us}/24"), &format!("2001:db8:1::{us}/64")]);
            routed(&mut config, 2, &[&format!("10.2.0.{us}/24"), &format!("2001:db8:2::{us}/64")]);
            let gateways = [format!("10.1.0.{them}"), format!("10.2.0.{them}")];
            route(&mut config, &format!("10.{far}.0.0/24"), &[&gateways[0], &gateways[1]]);
            let gateways = [format!("2001:db8:1::{them}"), format!("2001:db8:2::{them}")];
            route(&mut config, &format!("2001:db8:{far}::/64"), &[&gateways[0], &gateways[1]]);
            change(&mut config);
            config
        });
    let mut network = Network::new(configs.into());
    network.join((0, 1), (1, 1));
    network.join((0, 2), (1, 2));
    network.host((0, 0), &["10.0.0.2/24", "2001:db8:0::2/64"], &["10.0.0.1", "2001:db8:0::1"]);
    network.host((1, 0), &["10.9.0.2/24", "2001:db8:9::2/64"], &["10.9.0.1", "2001:db8:9::1"]);
    network.wait(Duration::from_secs(2));
    network
}
