//! The frames that are sent along the way: a packet of the flow, and what asks and answers for a neighbour.

use core::net::IpAddr;
use greylag_base::{MacAddr, VlanId};
use greylag_ip::arp::{self, Arp};
use greylag_ip::{ip_header, nd};
use greylag_wire::ethernet::{self, EtherType};
use greylag_wire::vlan::{Tag, Tci};
use serde::Serialize;
use smoltcp::wire::IpProtocol;
use std::fmt;

/// What a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flow {
    /// Where from.
    pub source: IpAddr,
    /// Where to.
    pub destination: IpAddr,
    /// How.
    pub protocol: Protocol,
    /// Of UDP and TCP.
    pub source_port: u16,
    /// Of UDP and TCP.
    pub destination_port: u16,
}

/// A protocol above IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// RFC 768.
    #[default]
    Udp,
    /// RFC 9293.
    Tcp,
    /// An echo request, of RFC 792 or RFC 4443.
    Icmp,
}

impl Protocol {
    fn number(self, destination: IpAddr) -> IpProtocol {
        match self {
            Protocol::Udp => IpProtocol::Udp,
            Protocol::Tcp => IpProtocol::Tcp,
            Protocol::Icmp if destination.is_ipv4() => IpProtocol::Icmp,
            Protocol::Icmp => IpProtocol::Icmpv6,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::Icmp => "icmp",
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flow { source, destination, protocol, source_port, destination_port } = self;
        match protocol {
            Protocol::Icmp => write!(f, "icmp {source} to {destination}"),
            _ => write!(
                f,
                "{} {source} port {source_port} to {destination} port {destination_port}",
                protocol.name()
            ),
        }
    }
}

impl Flow {
    /// The way back.
    pub(crate) fn turned(self) -> Self {
        Flow {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            ..self
        }
    }

    /// A frame of it.
    pub(crate) fn frame(&self, from: MacAddr, to: MacAddr, vlan: Option<VlanId>) -> Vec<u8> {
        const BODY: usize = 20;
        let Flow { source, destination, protocol, .. } = *self;
        let mut packet = vec![0; ip_header::len(destination) + BODY];
        let body = ip_header::emit(&mut packet, (source, destination), protocol.number(destination), 64);
        if protocol == Protocol::Icmp {
            // Type: echo request.
            body[0] = if destination.is_ipv4() { 8 } else { 128 };
        } else {
            body[..2].copy_from_slice(&self.source_port.to_be_bytes());
            body[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        }
        framed((from, to), vlan, ip_type(destination), &packet)
    }
}

fn ip_type(address: IpAddr) -> EtherType {
    if address.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 }
}

/// Asks everybody for a neighbour.
pub(crate) fn question(
    mac: MacAddr,
    vlan: Option<VlanId>,
    source: IpAddr,
    target: IpAddr,
) -> Option<Vec<u8>> {
    Some(match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let request = arp::request(mac, source, target);
            framed((mac, MacAddr::BROADCAST), vlan, EtherType::ARP, &request)
        }
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            let (to, message) = nd::solicitation(mac, source, target, None);
            framed((mac, to), vlan, EtherType::IPV6, &packet_of(message))
        }
        _ => return None,
    })
}

/// What the neighbour answers.
pub(crate) fn answer(
    (mac, own): (MacAddr, IpAddr),
    vlan: Option<VlanId>,
    (asker_mac, asker): (MacAddr, IpAddr),
) -> Option<Vec<u8>> {
    Some(match (own, asker) {
        (IpAddr::V4(own), IpAddr::V4(asker)) => {
            let request = Arp::parse(&arp::request(asker_mac, asker, own))?;
            framed((mac, asker_mac), vlan, EtherType::ARP, &request.answer(mac))
        }
        (IpAddr::V6(own), IpAddr::V6(asker)) => {
            let message = nd::answer(mac, own, Some(asker), false);
            framed((mac, asker_mac), vlan, EtherType::IPV6, &packet_of(message))
        }
        _ => return None,
    })
}

fn packet_of(message: nd::Message) -> Vec<u8> {
    let mut packet = vec![0; message.packet_len()];
    message.emit(&mut packet);
    packet
}

fn framed(
    (source, destination): (MacAddr, MacAddr),
    vlan: Option<VlanId>,
    ether_type: EtherType,
    packet: &[u8],
) -> Vec<u8> {
    let mut frame = ethernet::Repr { destination, source, ether_type }.frame(packet);
    if let Some(vlan) = vlan {
        frame.splice(12..12, Tci(0).with_vlan(vlan).to_bytes());
    }
    frame
}

/// The VLAN of a frame's tag.
pub(crate) fn vlan_of(frame: &[u8]) -> Option<u16> {
    match Tag::parse(frame) {
        Tag::Present(tci) => Some(tci.0 & 0xfff).filter(|vlan| *vlan != 0),
        _ => None,
    }
}
