//! Address resolution for IPv4 (RFC 826, with RFC 1122 2.3.2 and RFC 5227).

use super::HostDrop;
use super::lan::Lan;
use super::neighbor::Evidence;
use super::nic::Received;
use core::net::{IpAddr, Ipv4Addr};
use greylag_base::{Instant, MacAddr};
use greylag_wire::ethernet::EtherType;
use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress};

pub(crate) fn handle(lan: &mut Lan, now: Instant, received: &Received<'_>) -> Result<(), HostDrop> {
    let packet = ArpPacket::new_checked(received.payload).map_err(|_| HostDrop::Malformed)?;
    let ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = ArpRepr::parse(&packet).map_err(|_| HostDrop::Malformed)?
    else {
        return Err(HostDrop::Malformed);
    };
    let mac = MacAddr(source_hardware_addr.0);
    let known_operation = matches!(operation, ArpOperation::Request | ArpOperation::Reply);
    if !known_operation || !mac.is_unicast() {
        return Err(HostDrop::Malformed);
    }
    let for_us = lan.addresses.has(target_protocol_addr.into());
    let from_us = lan.addresses.has(source_protocol_addr.into());
    let station = !source_protocol_addr.is_unspecified()
        && !source_protocol_addr.is_multicast()
        && !source_protocol_addr.is_broadcast();
    // A probe for duplicates has no source (RFC 5227 2.1.1): nothing to learn, but to be answered.
    if station && !from_us {
        // RFC 826: a known sender is updated by whatever it says; an unknown one is added when it speaks to us. RFC 1122
        // 2.3.2.1 (1) has its timeout start again.
        let evidence = Evidence { create: for_us, confirms: true, overrides: true };
        lan.hear(now, source_protocol_addr.into(), Some(mac), evidence);
    }
    if operation == ArpOperation::Request
        && for_us
        && (station && !from_us || source_protocol_addr.is_unspecified())
    {
        let reply = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Reply,
            source_hardware_addr: EthernetAddress(lan.nic.mac.0),
            source_protocol_addr: target_protocol_addr,
            target_hardware_addr: source_hardware_addr,
            target_protocol_addr: source_protocol_addr,
        };
        send(lan, mac, reply);
    }
    Ok(())
}

/// Asks for a neighbour: everybody, or only the station that it is believed to be (RFC 1122 2.3.2.1 (2)).
pub(crate) fn ask(lan: &mut Lan, target: Ipv4Addr, known: Option<MacAddr>) {
    // Without an address of our own nobody could answer.
    let Some(IpAddr::V4(source)) = lan.addresses.source(target.into()) else { return };
    request(lan, source, target, known.unwrap_or(MacAddr::BROADCAST));
}

/// Tells everybody who holds an address of ours where it is now (RFC 5227 2.3: an ARP announcement).
pub(crate) fn announce(lan: &mut Lan, own: Ipv4Addr) {
    request(lan, own, own, MacAddr::BROADCAST);
}

fn request(lan: &mut Lan, source: Ipv4Addr, target: Ipv4Addr, to: MacAddr) {
    let repr = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: EthernetAddress(lan.nic.mac.0),
        source_protocol_addr: source,
        // RFC 5227 1.1: ignored by the receiver, zero by custom.
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: target,
    };
    send(lan, to, repr);
}

fn send(lan: &mut Lan, to: MacAddr, repr: ArpRepr) {
    let header_len = lan.nic.header_len();
    let mut frame = lan.nic.packet_buffer(repr.buffer_len());
    repr.emit(&mut ArpPacket::new_unchecked(&mut frame[header_len..]));
    lan.nic.set_type(&mut frame, EtherType::ARP);
    lan.nic.send(to, frame);
}
