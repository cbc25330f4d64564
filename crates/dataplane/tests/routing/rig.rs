//! A switch with interfaces of every kind, packets for it, and what comes out.
//!
//! ```text
//!   port 0: interface 0        ports 2, 3: bundle 8, interface 2     ports 4, 5: VLAN 10, untagged; interface 3
//!   port 1: interface 1        port 7: another IP stack              port 6: VLANs 10 and 20, tagged; interface 4 is VLAN 20's
//! ```

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{DropReason, Instant, InterfaceId, MacAddr, PortId, Seed, VlanId};
use greylag_dataplane::{
    Aggregation, Buckets, Carrier, Choice, DataPlane, Decision, FlowFields, FlowHash, Forwarding,
    InterfaceForwarding, Layer3, Limits, NextHop, Packet, PortForwarding, RouteLimits, Seen, Tracer, Worker,
};
use greylag_fib::{Group, GroupId, Kind, Member, NextHopId};
use greylag_ports::{BATCH_FRAMES, Batch, Offload, Port, Tagging, TxReport};
use greylag_wire::ethernet::{EtherType, Repr};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, UdpPacket, UdpRepr};
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

pub(crate) const PORTS: u16 = 9;
pub(crate) const HOST: PortId = PortId(7);
pub(crate) const LAG: PortId = PortId(8);

/// A tracer that does not listen, and is therefore told nothing.
pub(crate) struct Deaf;

impl Tracer for Deaf {
    const LISTENS: bool = false;

    fn saw(&mut self, _frame: u16, seen: Seen) {
        panic!("told of {seen:?}");
    }

    fn chose(&mut self, _frame: u16, choice: Choice) {
        panic!("told of {choice:?}");
    }

    fn decided(&mut self, _ingress: PortId, _number: u16, _frame: &[u8], decision: Decision) {
        panic!("told of {decision:?}");
    }

    fn copy_dropped(&mut self, _batch: &Batch, _number: u16, _egress: PortId, reason: DropReason) {
        panic!("told of {reason}");
    }
}

/// One end of a link: what is to come in, and what went out.
#[derive(Default)]
pub(crate) struct Plug {
    inbound: VecDeque<(Vec<u8>, Offload)>,
    sent: Vec<(Vec<u8>, Offload)>,
    /// Frames that were given to it as control.
    pub(crate) control: usize,
}

impl Port for Plug {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        let count = self.inbound.len().min(BATCH_FRAMES);
        for (frame, offload) in self.inbound.drain(..count) {
            batch.slots().next().unwrap()[..frame.len()].copy_from_slice(&frame);
            batch.commit(frame.len(), Tagging::Untagged, offload);
        }
        Ok(count)
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        for frame in frames.iter().map(|&frame| usize::from(frame)) {
            assert!(!matches!(batch.tagging(frame), Tagging::Aside(_)));
            self.sent.push((batch.bytes(frame).to_vec(), batch.offload(frame)));
            report.frames += 1;
            report.bytes += batch.bytes(frame).len() as u64;
        }
        report
    }

    fn tx_control(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        self.control += frames.len();
        self.tx(batch, frames)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

pub(crate) struct Rig {
    pub(crate) plane: Arc<DataPlane>,
    pub(crate) worker: Worker,
    pub(crate) switch: Vec<Option<Plug>>,
    pub(crate) now: Instant,
}

pub(crate) fn vlan(id: u16) -> VlanId {
    VlanId::new(id).unwrap()
}

pub(crate) fn ours(interface: u16) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0xff, interface as u8])
}

pub(crate) fn station(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

pub(crate) fn group(number: u32) -> GroupId {
    GroupId::new(number).unwrap()
}

pub(crate) fn ports() -> Vec<PortForwarding> {
    let access = PortForwarding::access(vlan(10));
    let alone =
        |layer3| PortForwarding { vlans: [].into_iter().collect(), untagged: None, layer3, ..access.clone() };
    let routed = |interface| alone(Layer3::Routed(InterfaceId(interface)));
    let member =
        PortForwarding { aggregation: Aggregation::Member { lag: LAG, collecting: true }, ..routed(2) };
    let lag =
        PortForwarding { aggregation: Aggregation::Lag(Buckets::even(&[PortId(2), PortId(3)])), ..routed(2) };
    let trunk =
        PortForwarding { vlans: [10, 20].map(vlan).into_iter().collect(), untagged: None, ..access.clone() };
    let host = alone(Layer3::Host(InterfaceId(0)));
    vec![routed(0), routed(1), member.clone(), member, access.clone(), access, trunk, host, lag]
}

pub(crate) fn interfaces() -> Vec<InterfaceForwarding> {
    let carriers = [
        Carrier::Port(PortId(0)),
        Carrier::Port(PortId(1)),
        Carrier::Port(LAG),
        Carrier::Vlan(vlan(10)),
        Carrier::Vlan(vlan(20)),
        Carrier::Loopback,
    ];
    let interface = |(index, carrier)| InterfaceForwarding {
        up: true,
        carrier,
        mac: ours(index),
        peer_mac: None,
        mtu: 1500,
        host: None,
    };
    (0..).zip(carriers).map(interface).collect()
}

pub(crate) fn forwarding() -> Forwarding {
    assemble(ports(), interfaces())
}

pub(crate) fn assemble(ports: Vec<PortForwarding>, interfaces: Vec<InterfaceForwarding>) -> Forwarding {
    Forwarding::new(ports, 0)
        .with_interfaces(interfaces)
        .with_flow_hash(FlowHash::new(FlowFields::LAYER3_4, Seed(3)))
        .with_route_hash(FlowHash::new(FlowFields::LAYER3_4, Seed(4)))
}

impl Rig {
    pub(crate) fn new() -> Self {
        Rig::with(forwarding())
    }

    pub(crate) fn with(forwarding: Forwarding) -> Self {
        let limits =
            Limits { ports: PORTS, routes: Some(RouteLimits::default()), workers: 2, ..Limits::default() };
        let plane = Arc::new(DataPlane::new(&limits, Seed(7)).unwrap());
        plane.publish(forwarding);
        let switch = (0..PORTS).map(|port| (port != LAG.0).then(Plug::default)).collect();
        Rig { worker: Worker::new(Arc::clone(&plane), 0), plane, switch, now: Instant::from_nanos(1) }
    }

    /// Packets to a prefix go by these next hops, which have the numbers that they are given.
    pub(crate) fn route(&self, prefix: &str, number: u32, next_hops: &[(u32, NextHop)]) {
        let routes = self.plane.routes().unwrap();
        let member = |id: u32| Member { next_hop: NextHopId(id), weight: 1 };
        for &(id, next_hop) in next_hops {
            routes.set_next_hop(NextHopId(id), next_hop);
        }
        let members = next_hops.iter().map(|&(id, _)| member(id)).collect();
        let mut tables = routes.tables();
        let made = Group { members, buckets: 16, kind: Kind::Modulo };
        tables.groups.set(group(number), made, self.now).unwrap();
        match prefix.contains(':') {
            true => tables.ipv6.insert(prefix.parse().unwrap(), group(number)).map(drop).unwrap(),
            false => tables.ipv4.insert(prefix.parse().unwrap(), group(number)).map(drop).unwrap(),
        }
    }

    /// A frame that comes in by a port, alone; what leaves, and by which port.
    pub(crate) fn send(&mut self, port: u16, frame: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let sent = self.send_offloaded(port, frame, Offload::NONE);
        sent.into_iter().map(|(port, frame, _)| (port, frame)).collect()
    }

    pub(crate) fn send_offloaded(
        &mut self,
        port: u16,
        frame: &[u8],
        offload: Offload,
    ) -> Vec<(u16, Vec<u8>, Offload)> {
        self.send_traced(port, frame, offload, &mut Deaf)
    }

    pub(crate) fn send_traced(
        &mut self,
        port: u16,
        frame: &[u8],
        offload: Offload,
        tracer: &mut impl Tracer,
    ) -> Vec<(u16, Vec<u8>, Offload)> {
        self.switch[usize::from(port)].as_mut().unwrap().inbound.push_back((frame.to_vec(), offload));
        self.worker.poll_port_traced(self.now, PortId(port), &mut self.switch[..], tracer).unwrap();
        self.sent()
    }

    /// What the control side has to send by an interface; what leaves.
    pub(crate) fn originate(&mut self, interface: u16, frame: &[u8]) -> Vec<(u16, Vec<u8>)> {
        self.plane.originate_on(InterfaceId(interface), frame.to_vec().into());
        self.worker.originate(self.now, &mut self.switch[..]);
        self.sent().into_iter().map(|(port, frame, _)| (port, frame)).collect()
    }

    pub(crate) fn sent(&mut self) -> Vec<(u16, Vec<u8>, Offload)> {
        let plugs = (0..).zip(&mut self.switch).filter_map(|(port, plug)| Some((port, plug.as_mut()?)));
        plugs
            .flat_map(|(port, plug)| plug.sent.drain(..).map(move |(frame, offload)| (port, frame, offload)))
            .collect()
    }

    pub(crate) fn drops(&self, port: u16, reason: DropReason) -> u64 {
        self.plane.port_counts(PortId(port)).drops[reason.index()]
    }

    /// All drops on a port.
    pub(crate) fn all_drops(&self, port: u16) -> u64 {
        self.plane.port_counts(PortId(port)).drops.iter().sum()
    }

    pub(crate) fn punted(&self) -> Vec<Packet> {
        self.plane.take_packets(usize::MAX)
    }

    /// The one packet that was handed up.
    pub(crate) fn one_punted(&self) -> Packet {
        let mut packets = self.punted();
        assert_eq!(packets.len(), 1, "{packets:?}");
        packets.remove(0)
    }

    /// The MAC table learns where a station is.
    pub(crate) fn learn(&self, id: u16, mac: MacAddr, port: u16) {
        let session = self.plane.table().session(self.now.as_nanos());
        session.learn(&session.probe(id, mac.0), port);
    }
}

/// Of the worker's decisions, in order.
#[derive(Default)]
pub(crate) struct Decisions(pub(crate) Vec<Decision>);

impl Tracer for Decisions {
    fn decided(&mut self, _ingress: PortId, _number: u16, _frame: &[u8], decision: Decision) {
        self.0.push(decision);
    }
}

pub(crate) fn neighbor(interface: u16, number: u8) -> NextHop {
    NextHop::Neighbor { interface: InterfaceId(interface), mac: station(number) }
}

/// A UDP packet, with the stations that it goes between.
#[derive(Clone, Copy)]
pub(crate) struct Udp<'a> {
    pub(crate) to: MacAddr,
    pub(crate) from: MacAddr,
    pub(crate) source: &'a str,
    pub(crate) destination: &'a str,
    pub(crate) ttl: u8,
    pub(crate) source_port: u16,
    pub(crate) payload: usize,
}

pub(crate) const UDP: Udp<'_> = Udp {
    to: MacAddr([2, 0, 0, 0, 0xff, 0]),
    from: MacAddr([2, 0, 0, 0, 0, 77]),
    source: "192.0.2.77",
    destination: "198.51.100.1",
    ttl: 64,
    source_port: 4000,
    payload: 18,
};

pub(crate) const UDP6: Udp<'_> = Udp { source: "2001:db8::77", destination: "2001:db8:1::1", ..UDP };

impl Udp<'_> {
    /// The frame, as another implementation writes it.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let udp = UdpRepr { src_port: self.source_port, dst_port: 9 };
        let (source, destination): (IpAddr, IpAddr) =
            (self.source.parse().unwrap(), self.destination.parse().unwrap());
        let len = 8 + self.payload;
        let checksums = ChecksumCapabilities::default();
        let (ether_type, mut packet, header) = match (source, destination) {
            (IpAddr::V4(src_addr), IpAddr::V4(dst_addr)) => {
                let repr = Ipv4Repr {
                    src_addr,
                    dst_addr,
                    next_header: IpProtocol::Udp,
                    payload_len: len,
                    hop_limit: self.ttl,
                };
                let mut packet = vec![0; 20 + len];
                repr.emit(&mut Ipv4Packet::new_unchecked(&mut packet), &checksums);
                (EtherType::IPV4, packet, 20)
            }
            (IpAddr::V6(src_addr), IpAddr::V6(dst_addr)) => {
                let repr = Ipv6Repr {
                    src_addr,
                    dst_addr,
                    next_header: IpProtocol::Udp,
                    payload_len: len,
                    hop_limit: self.ttl,
                };
                let mut packet = vec![0; 40 + len];
                repr.emit(&mut Ipv6Packet::new_unchecked(&mut packet));
                (EtherType::IPV6, packet, 40)
            }
            _ => panic!("one family"),
        };
        udp.emit(
            &mut UdpPacket::new_unchecked(&mut packet[header..]),
            &source.into(),
            &destination.into(),
            self.payload,
            |payload| payload.fill(0x5a),
            &checksums,
        );
        Repr { destination: self.to, source: self.from, ether_type }.frame(&packet)
    }
}

/// The IP packet of a frame, once another implementation has found nothing wrong with it, its stations, and its hops left.
pub(crate) fn read(frame: &[u8]) -> (MacAddr, MacAddr, u8) {
    let header = Repr::parse(frame).unwrap();
    let packet = &frame[14..];
    let ttl = match header.ether_type {
        EtherType::IPV4 => {
            let packet = Ipv4Packet::new_checked(packet).unwrap();
            assert!(packet.verify_checksum(), "{frame:02x?}");
            packet.hop_limit()
        }
        EtherType::IPV6 => Ipv6Packet::new_checked(packet).unwrap().hop_limit(),
        other => panic!("{other:?}"),
    };
    (header.destination, header.source, ttl)
}

pub(crate) fn v4(text: &str) -> [u8; 4] {
    text.parse::<Ipv4Addr>().unwrap().octets()
}

pub(crate) fn v6(text: &str) -> [u8; 16] {
    text.parse::<Ipv6Addr>().unwrap().octets()
}
