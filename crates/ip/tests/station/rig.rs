//! A switch and what is at its interfaces, on a virtual clock; packets as other stations make them.

use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{Instant, InterfaceId, MacAddr, Seed};
use greylag_ip::{InterfaceConfig, IpConfig, IpEvent, IpStack, Outgoing, TcpEvent, arp, ip_header};
use greylag_wire::ethernet::{EtherType, Frame, Repr};
use smoltcp::wire::IpProtocol;
use std::time::Duration;

pub(crate) const LAN: InterfaceId = InterfaceId(0);
pub(crate) const WAN: InterfaceId = InterfaceId(1);
pub(crate) const OUR_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
pub(crate) const HOST_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x22]);

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(crate) fn v4(text: &str) -> Ipv4Addr {
    text.parse().expect("an IPv4 address")
}

pub(crate) fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an IPv6 address")
}

pub(crate) fn interface(mac: MacAddr, addresses: &[&str]) -> InterfaceConfig {
    let mut config = InterfaceConfig::new(mac);
    for text in addresses {
        let (addr, length) = text.split_once('/').expect("a prefix length");
        let length = length.parse().expect("a number");
        match ip(addr) {
            IpAddr::V4(addr) => config.ipv4.push((addr, length)),
            IpAddr::V6(addr) => config.ipv6.push((addr, length)),
        }
    }
    config
}

/// 10.0.0.1/24 and 2001:db8::1/64 on the LAN, 10.0.1.1/24 and 2001:db8:1::1/64 on the WAN.
pub(crate) fn config() -> IpConfig {
    let lan = interface(OUR_MAC, &["10.0.0.1/24", "2001:db8::1/64"]);
    let wan = interface(OUR_MAC, &["10.0.1.1/24", "2001:db8:1::1/64"]);
    IpConfig { interfaces: [(LAN, lan), (WAN, wan)].into(), ..IpConfig::default() }
}

pub(crate) struct Rig {
    pub(crate) stack: IpStack,
    pub(crate) now: Instant,
}

impl Rig {
    /// A switch whose interfaces are up, and have been announced.
    pub(crate) fn new(config: IpConfig) -> Self {
        // Half an hour into its life, so that no time is zero by chance.
        let now = Instant::ZERO + Duration::from_secs(1800);
        let ids: Vec<InterfaceId> = config.interfaces.keys().copied().collect();
        let mut stack = IpStack::new(config, Seed(7), now).expect("the configuration is right");
        for id in ids {
            stack.set_interface(now, id, true);
        }
        let mut rig = Rig { stack, now };
        rig.outgoing();
        rig.events();
        rig
    }

    /// With hosts at 10.0.0.2, 2001:db8::2, 10.0.1.2 and 2001:db8:1::2, which the switch knows.
    pub(crate) fn with_hosts() -> Self {
        let mut config = config();
        for (id, hosts) in [(LAN, ["10.0.0.2", "2001:db8::2"]), (WAN, ["10.0.1.2", "2001:db8:1::2"])] {
            let neighbors = &mut config.interfaces.get_mut(&id).expect("it is there").neighbors;
            neighbors.extend(hosts.map(|host| (ip(host), HOST_MAC)));
        }
        Rig::new(config)
    }

    /// Time goes by; what is due is done when it is due.
    pub(crate) fn sleep(&mut self, span: Duration) {
        let end = self.now + span;
        let mut turns = 0;
        while let Some(at) = self.stack.poll_timeout().filter(|at| *at <= end) {
            turns = if at > self.now { 0 } else { turns + 1 };
            assert!(turns < 10, "time stands still at {at:?}");
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now);
        }
        self.now = end;
    }

    pub(crate) fn hear(&mut self, at: InterfaceId, frame: &[u8]) {
        self.stack.handle_frame(self.now, at, frame);
    }

    /// A packet comes in at an interface from the host there, to the switch's MAC address.
    pub(crate) fn take(&mut self, at: InterfaceId, packet: &[u8]) {
        let frame = from_host(OUR_MAC, packet);
        self.hear(at, &frame);
    }

    pub(crate) fn outgoing(&mut self) -> Vec<Outgoing> {
        std::iter::from_fn(|| self.stack.poll_transmit()).collect()
    }

    /// What leaves as frames: where, to whom, what type, and what is behind the header.
    pub(crate) fn frames(&mut self) -> Vec<(InterfaceId, MacAddr, EtherType, Vec<u8>)> {
        let frame = |outgoing| {
            let Outgoing::Frame { interface, destination, frame } = outgoing else {
                panic!("{outgoing:?} is no frame")
            };
            let view = Frame::new_checked(&frame).expect("a header");
            assert_eq!(view.destination(), destination);
            assert!(frame.len() >= 60);
            (interface, destination, view.ether_type(), view.payload().to_vec())
        };
        self.outgoing().into_iter().map(frame).collect()
    }

    /// The one IP packet that leaves, without padding.
    pub(crate) fn packet(&mut self) -> Vec<u8> {
        let mut packets = self.packets();
        assert_eq!(packets.len(), 1, "{packets:02x?}");
        packets.remove(0)
    }

    /// The IP packets that leave, without padding.
    pub(crate) fn packets(&mut self) -> Vec<Vec<u8>> {
        let packets = self.frames().into_iter().map(|(_, _, _, mut packet)| {
            let len = match packet[0] >> 4 {
                4 => usize::from(u16::from_be_bytes([packet[2], packet[3]])),
                6 => 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]])),
                other => panic!("version {other}"),
            };
            packet.truncate(len);
            packet
        });
        packets.collect()
    }

    pub(crate) fn events(&mut self) -> Vec<IpEvent> {
        std::iter::from_fn(|| self.stack.poll_event()).collect()
    }

    pub(crate) fn tcp_events(&mut self) -> Vec<TcpEvent> {
        std::iter::from_fn(|| self.stack.poll_tcp()).collect()
    }
}

/// A frame of the host's with an IP packet.
pub(crate) fn from_host(to: MacAddr, packet: &[u8]) -> Vec<u8> {
    let ether_type = if packet[0] >> 4 == 4 { EtherType::IPV4 } else { EtherType::IPV6 };
    Repr { destination: to, source: HOST_MAC, ether_type }.frame(packet)
}

/// A frame of the host's with an ARP packet.
pub(crate) fn arp_frame(to: MacAddr, packet: [u8; arp::LEN]) -> Vec<u8> {
    Repr { destination: to, source: HOST_MAC, ether_type: EtherType::ARP }.frame(&packet)
}

/// An IP packet.
pub(crate) fn packet(from: &str, to: &str, protocol: u8, ttl: u8, payload: &[u8]) -> Vec<u8> {
    let (from, to) = (ip(from), ip(to));
    let mut packet = vec![0; ip_header::len(to) + payload.len()];
    ip_header::emit(&mut packet, (from, to), IpProtocol::from(protocol), ttl).copy_from_slice(payload);
    packet
}

/// A UDP datagram in an IP packet.
pub(crate) fn datagram(from: &str, to: &str, ports: (u16, u16), ttl: u8, data: &[u8]) -> Vec<u8> {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{UdpPacket, UdpRepr};
    let mut udp = vec![0; 8 + data.len()];
    UdpRepr { src_port: ports.0, dst_port: ports.1 }.emit(
        &mut UdpPacket::new_unchecked(&mut udp),
        &ip(from).into(),
        &ip(to).into(),
        data.len(),
        |body| body.copy_from_slice(data),
        &ChecksumCapabilities::default(),
    );
    packet(from, to, 17, ttl, &udp)
}

/// An echo request in an IP packet.
pub(crate) fn ping(from: &str, to: &str, data: &[u8]) -> Vec<u8> {
    use smoltcp::wire::{Icmpv4Packet, Icmpv6Packet};
    let mut icmp = vec![0, 0, 0, 0, 0x12, 0x34, 0, 1];
    icmp.extend_from_slice(data);
    match (ip(from), ip(to)) {
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            icmp[0] = 128;
            Icmpv6Packet::new_unchecked(&mut icmp).fill_checksum(&source, &target);
            packet(from, to, 58, 64, &icmp)
        }
        _ => {
            icmp[0] = 8;
            Icmpv4Packet::new_unchecked(&mut icmp).fill_checksum();
            packet(from, to, 1, 64, &icmp)
        }
    }
}

/// Two switches on one cable: 10.0.0.1 and 2001:db8::1 with what else [`config`] has, 10.0.0.2 and 2001:db8::2.
pub(crate) fn pair() -> [Rig; 2] {
    [("10.0.0.1/24", "2001:db8::1/64", OUR_MAC), ("10.0.0.2/24", "2001:db8::2/64", HOST_MAC)].map(
        |(four, six, mac)| {
            let mut config = config();
            *config.interfaces.get_mut(&LAN).unwrap() = interface(mac, &[four, six]);
            if mac == HOST_MAC {
                config.interfaces.remove(&WAN);
            }
            Rig::new(config)
        },
    )
}

/// A cable of 1 ms between two switches' interfaces, for so long. Gives the frames that were on it, with when they were sent.
pub(crate) fn cable(rigs: &mut [Rig; 2], ends: [InterfaceId; 2], span: Duration) -> Vec<(Instant, Bytes)> {
    const LATENCY: Duration = Duration::from_millis(1);
    let end = rigs[0].now + span;
    let mut log = Vec::new();
    while rigs[0].now < end {
        let at = rigs[0].now;
        let sent = [0, 1].map(|side| rigs[side].outgoing());
        if sent.iter().all(Vec::is_empty) {
            // Nothing is on its way until somebody wakes.
            let due = rigs.iter().filter_map(|rig| rig.stack.poll_timeout()).min();
            let next = due.unwrap_or(end).min(end).max(rigs[0].now);
            rigs.iter_mut().for_each(|rig| rig.sleep(next - rig.now));
            if next == end {
                break;
            }
            continue;
        }
        rigs.iter_mut().for_each(|rig| rig.sleep(LATENCY));
        for (side, outgoing) in sent.into_iter().enumerate() {
            for outgoing in outgoing {
                let Outgoing::Frame { interface, frame, .. } = outgoing else { panic!("{outgoing:?}") };
                if interface == ends[side] {
                    rigs[1 - side].hear(ends[1 - side], &frame);
                    log.push((at, frame));
                }
            }
        }
    }
    log
}
