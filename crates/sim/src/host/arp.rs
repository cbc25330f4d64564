//! Address resolution for IPv4, as a host has it (RFC 826, with RFC 1122 2.3.2 and RFC 5227).

use super::HostDrop;
use super::lan::Lan;
use super::nic::Received;
use core::net::{IpAddr, Ipv4Addr};
use greylag_base::{Instant, MacAddr};
use greylag_ip::arp::{self, Arp};
use greylag_ip::neighbor::Evidence;
use greylag_wire::ethernet::EtherType;

pub(crate) fn handle(lan: &mut Lan, now: Instant, received: &Received<'_>) -> Result<(), HostDrop> {
    let arp = Arp::parse(received.payload).ok_or(HostDrop::Malformed)?;
    let for_us = lan.addresses.has(arp.target.into());
    let from_us = lan.addresses.has(arp.sender.into());
    // A probe for duplicates has no source (RFC 5227 2.1.1): nothing to learn, but to be answered.
    let station = arp.is_from_station();
    if station && !from_us {
        // RFC 826: a known sender is updated by whatever it says; an unknown one is added when it speaks to us. RFC 1122
        // 2.3.2.1 (1) has its timeout start again.
        let evidence = Evidence { create: for_us, confirms: true, overrides: true };
        lan.hear(now, arp.sender.into(), Some(arp.mac), evidence);
    }
    if !arp.is_reply && for_us && (station && !from_us || arp.sender.is_unspecified()) {
        send(lan, arp.mac, &arp.answer(lan.nic.mac));
    }
    Ok(())
}

/// Asks for a neighbour: everybody, or only the station that it is believed to be (RFC 1122 2.3.2.1 (2)).
pub(crate) fn ask(lan: &mut Lan, target: Ipv4Addr, known: Option<MacAddr>) {
    // Without an address of our own nobody could answer.
    let Some(IpAddr::V4(source)) = lan.addresses.source(target.into()) else { return };
    send(lan, known.unwrap_or(MacAddr::BROADCAST), &arp::request(lan.nic.mac, source, target));
}

/// Tells everybody who holds an address of ours where it is now (RFC 5227 2.3: an ARP announcement).
pub(crate) fn announce(lan: &mut Lan, own: Ipv4Addr) {
    send(lan, MacAddr::BROADCAST, &arp::request(lan.nic.mac, own, own));
}

fn send(lan: &mut Lan, to: MacAddr, packet: &[u8]) {
    let header_len = lan.nic.header_len();
    let mut frame = lan.nic.packet_buffer(packet.len());
    frame[header_len..].copy_from_slice(packet);
    lan.nic.set_type(&mut frame, EtherType::ARP);
    lan.nic.send(to, frame);
}
