//! The way in: what a switch does with a frame that is for it.

use crate::arp::Arp;
use crate::counters::IpDrop;
use crate::event::IpEvent;
use crate::header::{self, Header, number};
use crate::icmp_error::{IcmpError, is_one_station};
use crate::ip_header;
use crate::links::is_link_local;
use crate::nd::Nd;
use crate::neighbor::Evidence;
use crate::stack::IpStack;
use bytes::Bytes;
use core::net::{IpAddr, SocketAddr};
use greylag_base::{Instant, InterfaceId, MacAddr};
use greylag_wire::ethernet::{EtherType, Frame};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Icmpv4Packet, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Repr, TcpPacket, TcpRepr, UdpPacket, UdpRepr,
};

/// TTL of answers to echo requests.
const TTL: u8 = 64;

/// A packet that is for us.
struct Arrival<'a> {
    interface: InterfaceId,
    header: Header,
    payload: &'a [u8],
    /// It is for us alone, rather than for a group.
    own: bool,
    /// As it came; of one that was put together, the part that came last.
    packet: &'a [u8],
}

impl IpStack {
    pub(crate) fn take_frame(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        bytes: &[u8],
    ) -> Result<(), IpDrop> {
        let frame = Frame::new_checked(bytes).ok_or(IpDrop::Runt)?;
        let link = self.links.interfaces.get(&interface).ok_or(IpDrop::NoInterface)?;
        if !link.up {
            return Err(IpDrop::InterfaceDown);
        }
        let to = frame.destination();
        if to != link.config.mac && !to.is_group() {
            return Err(IpDrop::ForeignMac);
        }
        match frame.ether_type() {
            EtherType::ARP => self.take_arp(now, interface, to, frame.payload()),
            EtherType::IPV4 | EtherType::IPV6 => {
                let version = if frame.ether_type() == EtherType::IPV4 { 4 } else { 6 };
                if frame.payload().first().is_none_or(|first| first >> 4 != version) {
                    return Err(IpDrop::Malformed);
                }
                self.take_packet(now, interface, to.is_group(), frame.payload())
            }
            _ => Err(IpDrop::UnknownProtocol),
        }
    }

    fn take_arp(
        &mut self,
        now: Instant,
        id: InterfaceId,
        frame_to: MacAddr,
        payload: &[u8],
    ) -> Result<(), IpDrop> {
        let arp = Arp::parse(payload).ok_or(IpDrop::Malformed)?;
        let link = &self.links.interfaces[&id];
        let mac = link.config.mac;
        if arp.mac == mac {
            // Our own, which came back.
            return Err(IpDrop::OwnSource);
        }
        if link.addresses.has(arp.sender.into()) {
            self.conflict(now, id, arp.sender.into(), arp.mac);
            return Ok(());
        }
        // Only for an address of this interface: it is there that we say we have it.
        let for_us = link.addresses.has(arp.target.into());
        let answers = arp.is_reply && !frame_to.is_group() && arp.sender != arp.target;
        if arp.is_from_station() {
            // RFC 826: a known sender is updated by whatever it says; an unknown one is added when it asks for us. That it hears us
            // too is shown by an answer alone, as Linux has it.
            let evidence = Evidence { create: for_us && !arp.is_reply, confirms: answers, overrides: true };
            self.links.hear(now, id, arp.sender.into(), Some(arp.mac), evidence);
        }
        // Somebody who looks for duplicates has no address yet (RFC 5227 2.1.1).
        if !arp.is_reply && for_us && (arp.is_from_station() || arp.sender.is_unspecified()) {
            self.links.frame(id, arp.mac, EtherType::ARP, &arp.answer(mac));
        }
        Ok(())
    }

    /// Another station says that it has an address of ours: RFC 5227 2.4(c) has us say once that it is ours.
    fn conflict(&mut self, now: Instant, id: InterfaceId, ip: IpAddr, mac: MacAddr) {
        let link = self.links.interfaces.get_mut(&id).expect("it was looked up before");
        if link.defends(now) {
            self.links.events.push_back(IpEvent::DuplicateAddress { interface: id, ip, mac });
            self.links.announce(id, ip);
        }
    }

    fn take_packet(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        to_group: bool,
        packet: &[u8],
    ) -> Result<(), IpDrop> {
        let header = Header::parse(packet).ok_or(IpDrop::Malformed)?;
        let packet = header.packet(packet);
        if !header::is_intact(packet) {
            return Err(IpDrop::Malformed);
        }
        let own = self.check_ends(interface, &header, to_group)?;
        let Some(fragment) = header.fragment else {
            let payload = &packet[header.payload.clone()];
            return self.deliver(now, &Arrival { interface, header, payload, own, packet });
        };
        let whole = self.reassembly.put(now, interface, header, fragment, packet)?;
        let Some((header, payload)) = whole else { return Ok(()) };
        let payload = &payload[..];
        self.deliver(now, &Arrival { interface, header, payload, own, packet })
    }

    /// Is a packet for us, and from somebody? True when it is for us alone.
    fn check_ends(&self, interface: InterfaceId, header: &Header, to_group: bool) -> Result<bool, IpDrop> {
        let Header { from, to, .. } = *header;
        // RFC 4291 2.5.2: who has no address yet may speak to its link.
        let nobody = from.is_unspecified() && from.is_ipv6() && header.protocol == number::ICMP6;
        if !nobody && !is_one_station(from) || self.links.is_broadcast(from) || to.is_loopback() {
            return Err(IpDrop::Martian);
        }
        // Neighbour discovery tells by such a packet that somebody else has an address of ours.
        if self.links.owns(interface, from) && header.protocol != number::ICMP6 {
            return Err(IpDrop::OwnSource);
        }
        if self.links.owns(interface, to) {
            // RFC 1122 3.3.6: what is for us alone has no business in a frame for everybody. Neighbours may be asked so.
            let asked = header.protocol == number::ICMP6;
            return if to_group && !asked { Err(IpDrop::ForeignMac) } else { Ok(true) };
        }
        let link = &self.links.interfaces[&interface];
        let link_scope = match to {
            IpAddr::V4(to) => to.octets()[..3] == [224, 0, 0],
            IpAddr::V6(to) => to.segments()[0] & 0xff0f == 0xff02,
        };
        if link_scope || link.addresses.takes(to) { Ok(false) } else { Err(IpDrop::ForeignAddress) }
    }

    fn deliver(&mut self, now: Instant, arrival: &Arrival<'_>) -> Result<(), IpDrop> {
        let &Arrival { interface, ref header, payload, own, packet } = arrival;
        let &Header { from, to, ttl, protocol, .. } = header;
        match protocol {
            number::ICMP if to.is_ipv4() => self.take_icmp(now, arrival),
            number::ICMP6 if to.is_ipv6() => self.take_icmp6(now, arrival),
            number::TCP if own => self.take_tcp(now, arrival),
            number::UDP => self.take_udp(now, arrival),
            _ if self.protocols.contains(&protocol) => {
                let payload = Bytes::copy_from_slice(payload);
                self.links.events.push_back(IpEvent::Packet { interface, from, to, protocol, ttl, payload });
                Ok(())
            }
            _ => {
                if own {
                    let error = IcmpError::ProtocolUnreachable { at: header.protocol_at };
                    self.links.error(now, interface, error, packet, false);
                }
                Err(IpDrop::UnknownProtocol)
            }
        }
    }

    fn take_icmp(&mut self, now: Instant, arrival: &Arrival<'_>) -> Result<(), IpDrop> {
        let sound = Icmpv4Packet::new_checked(arrival.payload).is_ok_and(|icmp| icmp.verify_checksum());
        if !sound {
            return Err(IpDrop::Malformed);
        }
        // RFC 1122 3.2.2.6: a request to a group may be left unanswered.
        if arrival.own && arrival.payload[..2] == [8, 0] {
            self.echo(now, arrival, IpProtocol::Icmp, 0);
        }
        // Destination unreachable and time exceeded (RFC 792).
        if arrival.own && matches!(arrival.payload[0], 3 | 11) {
            self.hear_error(arrival);
        }
        Ok(())
    }

    /// Somebody tells us what has become of a packet of ours, and quotes it behind the eight octets of ICMP's header.
    fn hear_error(&mut self, arrival: &Arrival<'_>) {
        let Some(quoted) = arrival.payload.get(8..) else { return };
        let (from, quoted) = (arrival.header.from, Bytes::copy_from_slice(quoted));
        self.links.events.push_back(IpEvent::Error { from, kind: arrival.payload[0], quoted });
    }

    fn take_icmp6(&mut self, now: Instant, arrival: &Arrival<'_>) -> Result<(), IpDrop> {
        let (IpAddr::V6(from), IpAddr::V6(to)) = (arrival.header.from, arrival.header.to) else {
            return Err(IpDrop::Malformed);
        };
        let icmp = Icmpv6Packet::new_checked(arrival.payload).map_err(|_| IpDrop::Malformed)?;
        if !icmp.verify_checksum(&from, &to) {
            return Err(IpDrop::Malformed);
        }
        match arrival.payload[0] {
            // RFC 4861 6.1, 7.1 and 8.1: these have code 0, and come whole (RFC 6980).
            133..=137 if arrival.payload[1] == 0 && arrival.header.fragment.is_none() => {
                let checksums = ChecksumCapabilities::default();
                let Ok(Icmpv6Repr::Ndisc(ndisc)) = Icmpv6Repr::parse(&from, &to, &icmp, &checksums) else {
                    return Err(IpDrop::Malformed);
                };
                let ip = Ipv6Repr {
                    src_addr: from,
                    dst_addr: to,
                    next_header: IpProtocol::Icmpv6,
                    payload_len: arrival.payload.len(),
                    hop_limit: arrival.header.ttl,
                };
                let nd = Nd::parse(&ip, &ndisc).ok_or(IpDrop::Malformed)?;
                self.take_nd(now, arrival.interface, nd);
            }
            133..=137 => return Err(IpDrop::Malformed),
            _ if self.links.owns(arrival.interface, from.into()) => return Err(IpDrop::OwnSource),
            128 if arrival.own && arrival.payload[1] == 0 && !from.is_unspecified() => {
                self.echo(now, arrival, IpProtocol::Icmpv6, 129);
            }
            // Destination unreachable and time exceeded (RFC 4443).
            1 | 3 if arrival.own => self.hear_error(arrival),
            _ => {}
        }
        Ok(())
    }

    fn take_nd(&mut self, now: Instant, id: InterfaceId, nd: Nd) {
        let link = &self.links.interfaces[&id];
        match nd {
            Nd::Solicitation { target, from, mac } => {
                if !link.addresses.has(target.into()) || mac == Some(link.config.mac) {
                    return;
                }
                if let (Some(from), Some(mac)) = (from, mac)
                    && link.addresses.has(from.into())
                {
                    return self.conflict(now, id, from.into(), mac);
                }
                if let (Some(from), Some(_)) = (from, mac) {
                    // RFC 4861 7.2.3: that it can speak to us does not show that it hears us.
                    let evidence = Evidence { create: true, confirms: false, overrides: true };
                    self.links.hear(now, id, from.into(), mac, evidence);
                }
                self.links.answer(now, id, target, from);
            }
            Nd::Advertisement { target, mac, solicited, overrides } => {
                if !link.addresses.has(target.into()) {
                    let evidence = Evidence { create: false, confirms: solicited, overrides };
                    self.links.hear(now, id, target.into(), mac, evidence);
                } else if let Some(mac) = mac.filter(|&mac| mac != link.config.mac) {
                    self.conflict(now, id, target.into(), mac);
                }
            }
            // Routers are configured, and nobody is told by us which there are.
            Nd::Router => {}
        }
    }

    /// Sends a request back as a reply of type `kind`.
    fn echo(&mut self, now: Instant, arrival: &Arrival<'_>, protocol: IpProtocol, kind: u8) {
        let (from, to) = (arrival.header.to, arrival.header.from);
        let header_len = ip_header::len(to);
        let mut packet = vec![0; header_len + arrival.payload.len()];
        let icmp = ip_header::emit(&mut packet, (from, to), protocol, TTL);
        icmp.copy_from_slice(arrival.payload);
        icmp[0] = kind;
        match (from, to) {
            (IpAddr::V6(from), IpAddr::V6(to)) => Icmpv6Packet::new_unchecked(icmp).fill_checksum(&from, &to),
            _ => Icmpv4Packet::new_unchecked(icmp).fill_checksum(),
        }
        ip_header::set_tos(&mut packet, arrival.header.tos);
        self.links.counters.echo_replies += 1;
        let interface = is_link_local(to).then_some(arrival.interface);
        self.links.send_divisible(now, packet, interface);
    }

    fn take_udp(&mut self, now: Instant, arrival: &Arrival<'_>) -> Result<(), IpDrop> {
        let Header { from, to, ttl, .. } = arrival.header;
        let udp = UdpPacket::new_checked(arrival.payload).map_err(|_| IpDrop::Malformed)?;
        let checksums = ChecksumCapabilities::default();
        UdpRepr::parse(&udp, &from.into(), &to.into(), &checksums).map_err(|_| IpDrop::Malformed)?;
        let (from_port, to_port) = (udp.src_port(), udp.dst_port());
        if self.udp_ports.contains(&to_port) {
            self.links.events.push_back(IpEvent::Datagram {
                interface: arrival.interface,
                from: SocketAddr::new(from, from_port),
                to: SocketAddr::new(to, to_port),
                ttl,
                payload: Bytes::copy_from_slice(udp.payload()),
            });
            return Ok(());
        }
        if arrival.own {
            self.links.error(now, arrival.interface, IcmpError::PortUnreachable, arrival.packet, false);
        }
        Err(IpDrop::UnknownProtocol)
    }

    /// smoltcp drops what is damaged without a word, so that is looked for before. It gets a packet without options, extension
    /// headers or padding.
    fn take_tcp(&mut self, now: Instant, arrival: &Arrival<'_>) -> Result<(), IpDrop> {
        let Header { from, to, ttl, .. } = arrival.header;
        let checksums = ChecksumCapabilities::default();
        let tcp = TcpPacket::new_checked(arrival.payload).map_err(|_| IpDrop::Malformed)?;
        let repr =
            TcpRepr::parse(&tcp, &from.into(), &to.into(), &checksums).map_err(|_| IpDrop::Malformed)?;
        let mut packet = vec![0; ip_header::len(to) + arrival.payload.len()];
        ip_header::emit(&mut packet, (from, to), IpProtocol::Tcp, ttl).copy_from_slice(arrival.payload);
        self.tcp.handle_segment(now, arrival.interface, (from, to), ttl, &repr, &packet, &mut self.links)
    }
}
