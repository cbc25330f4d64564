//! Address resolution for IPv4: what a packet says, and what we say (RFC 826, RFC 5227).

use core::net::Ipv4Addr;
use greylag_base::MacAddr;
use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress};

/// The length of a packet for IPv4 on Ethernet.
pub const LEN: usize = 28;

/// A sound packet of another station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// It answers; otherwise it asks.
    pub is_reply: bool,
    /// Who speaks.
    pub mac: MacAddr,
    /// The speaker's address: unspecified in a probe for duplicates (RFC 5227 2.1.1).
    pub sender: Ipv4Addr,
    /// Who is asked for, or answered.
    pub target: Ipv4Addr,
}

impl Arp {
    /// `None` when it is no request or reply for IPv4 on Ethernet, or its speaker is no station.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let packet = ArpPacket::new_checked(payload).ok()?;
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr,
            source_protocol_addr,
            target_protocol_addr,
            ..
        } = ArpRepr::parse(&packet).ok()?
        else {
            return None;
        };
        let is_reply = match operation {
            ArpOperation::Request => false,
            ArpOperation::Reply => true,
            ArpOperation::Unknown(_) => return None,
        };
        let mac = MacAddr(source_hardware_addr.0);
        let (sender, target) = (source_protocol_addr, target_protocol_addr);
        mac.is_unicast().then_some(Arp { is_reply, mac, sender, target })
    }

    /// The speaker has an address that a station can have.
    pub fn is_from_station(&self) -> bool {
        !self.sender.is_unspecified() && !self.sender.is_multicast() && !self.sender.is_broadcast()
    }

    /// The answer of the station that has the target's address.
    pub fn answer(&self, mac: MacAddr) -> [u8; LEN] {
        emit(ArpOperation::Reply, (mac, self.target), (self.mac, self.sender))
    }
}

/// Asks for a neighbour; with its own address as target, it is an announcement (RFC 5227 2.3).
pub fn request(mac: MacAddr, source: Ipv4Addr, target: Ipv4Addr) -> [u8; LEN] {
    // RFC 5227 1.1: the target's hardware address is ignored by the receiver, zero by custom.
    emit(ArpOperation::Request, (mac, source), (MacAddr::ZERO, target))
}

fn emit(operation: ArpOperation, source: (MacAddr, Ipv4Addr), target: (MacAddr, Ipv4Addr)) -> [u8; LEN] {
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(source.0.0),
        source_protocol_addr: source.1,
        target_hardware_addr: EthernetAddress(target.0.0),
        target_protocol_addr: target.1,
    };
    let mut packet = [0; LEN];
    repr.emit(&mut ArpPacket::new_unchecked(&mut packet[..]));
    packet
}
