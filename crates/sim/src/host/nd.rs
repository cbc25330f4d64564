//! Neighbour discovery for IPv6, as a host has it (RFC 4861 7.2). Routers are configured, not discovered.

use super::HostDrop;
use super::lan::Lan;
use core::net::{IpAddr, Ipv6Addr};
use greylag_base::{Instant, MacAddr};
use greylag_ip::addresses::{ALL_NODES, group_mac6};
use greylag_ip::nd::{self, Message, Nd};
use greylag_ip::neighbor::Evidence;
use greylag_wire::ethernet::EtherType;
use smoltcp::wire::{Ipv6Repr, NdiscRepr};

pub(crate) fn handle(
    lan: &mut Lan,
    now: Instant,
    ip: &Ipv6Repr,
    repr: &NdiscRepr<'_>,
) -> Result<(), HostDrop> {
    match Nd::parse(ip, repr).ok_or(HostDrop::Malformed)? {
        Nd::Solicitation { target, from, mac } => {
            if lan.addresses.has(target.into()) {
                solicited(lan, now, target, from, mac);
            }
        }
        Nd::Advertisement { target, mac, solicited, overrides } => {
            let evidence = Evidence { create: false, confirms: solicited, overrides };
            if !lan.addresses.has(target.into()) {
                lan.hear(now, target.into(), mac, evidence);
            }
        }
        Nd::Router => {}
    }
    Ok(())
}

fn solicited(lan: &mut Lan, now: Instant, target: Ipv6Addr, from: Option<Ipv6Addr>, mac: Option<MacAddr>) {
    if let Some(from) = from.filter(|&from| mac.is_some() && !lan.addresses.has(from.into())) {
        // RFC 4861 7.2.3: that it can speak to us does not show that it hears us.
        let evidence = Evidence { create: true, confirms: false, overrides: true };
        lan.hear(now, from.into(), mac, evidence);
    }
    let answer = nd::answer(lan.nic.mac, target, from, false);
    let to = answer.to;
    let frame = packet(lan, answer);
    lan.send(now, to.into(), frame, &mut None);
}

/// Asks for a neighbour: the group that it listens to, or only the station that it is believed to be.
pub(crate) fn ask(lan: &mut Lan, target: Ipv6Addr, known: Option<MacAddr>) {
    // Without an address of our own nobody could answer.
    let Some(IpAddr::V6(source)) = lan.addresses.source(target.into()) else { return };
    let (mac, message) = nd::solicitation(lan.nic.mac, source, target, known);
    let frame = packet(lan, message);
    lan.nic.send(mac, frame);
}

/// Tells everybody who holds an address of ours where it is now (RFC 4861 7.2.6).
pub(crate) fn announce(lan: &mut Lan, own: Ipv6Addr) {
    let frame = packet(lan, nd::announcement(lan.nic.mac, own, false));
    lan.nic.send(group_mac6(ALL_NODES), frame);
}

fn packet(lan: &mut Lan, message: Message) -> Vec<u8> {
    let header_len = lan.nic.header_len();
    let mut frame = lan.nic.packet_buffer(message.packet_len());
    message.emit(&mut frame[header_len..]);
    lan.nic.set_type(&mut frame, EtherType::IPV6);
    frame
}
