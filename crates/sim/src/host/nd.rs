//! Neighbour discovery for IPv6 (RFC 4861 7.2). Routers are configured, not discovered.

use super::addresses::{ALL_NODES, group_mac6, solicited_node};
use super::lan::Lan;
use super::neighbor::Evidence;
use super::{HostDrop, ip_header};
use core::net::{IpAddr, Ipv6Addr};
use greylag_base::{Instant, MacAddr};
use greylag_wire::ethernet::EtherType;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IPV6_HEADER_LEN, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Repr, NdiscNeighborFlags, NdiscRepr,
    RawHardwareAddress,
};

/// RFC 4861 7.1: a packet that a router has forwarded has less, and is not from the link.
const HOP_LIMIT: u8 = 255;

pub(crate) fn handle(
    lan: &mut Lan,
    now: Instant,
    ip: &Ipv6Repr,
    repr: &NdiscRepr<'_>,
) -> Result<(), HostDrop> {
    if ip.hop_limit != HOP_LIMIT {
        return Err(HostDrop::Malformed);
    }
    match *repr {
        NdiscRepr::NeighborSolicit { target_addr, lladdr } => {
            solicited(lan, now, ip, target_addr, station(lladdr)?)
        }
        NdiscRepr::NeighborAdvert { flags, target_addr, lladdr } => {
            let solicited = flags.contains(NdiscNeighborFlags::SOLICITED);
            // RFC 4861 7.1.2: an answer to a question of ours comes to us alone.
            if target_addr.is_multicast() || (solicited && ip.dst_addr.is_multicast()) {
                return Err(HostDrop::Malformed);
            }
            let evidence = Evidence {
                create: false,
                confirms: solicited,
                overrides: flags.contains(NdiscNeighborFlags::OVERRIDE),
            };
            let mac = station(lladdr)?;
            if !lan.addresses.has(target_addr.into()) {
                lan.hear(now, target_addr.into(), mac, evidence);
            }
            Ok(())
        }
        // Routers are configured.
        NdiscRepr::RouterSolicit { .. } | NdiscRepr::RouterAdvert { .. } | NdiscRepr::Redirect { .. } => {
            Ok(())
        }
    }
}

fn solicited(
    lan: &mut Lan,
    now: Instant,
    ip: &Ipv6Repr,
    target: Ipv6Addr,
    mac: Option<MacAddr>,
) -> Result<(), HostDrop> {
    // RFC 4861 7.1.1: somebody who looks for duplicates has no address yet and says none.
    let detects = ip.src_addr.is_unspecified();
    if target.is_multicast() || (detects && mac.is_some()) {
        return Err(HostDrop::Malformed);
    }
    if !lan.addresses.has(target.into()) {
        return Ok(());
    }
    if !detects && mac.is_some() && !lan.addresses.has(ip.src_addr.into()) {
        // RFC 4861 7.2.3: that it can speak to us does not show that it hears us.
        let evidence = Evidence { create: true, confirms: false, overrides: true };
        lan.hear(now, ip.src_addr.into(), mac, evidence);
    }
    let flags = NdiscNeighborFlags::OVERRIDE;
    let (to, flags) =
        if detects { (ALL_NODES, flags) } else { (ip.src_addr, flags | NdiscNeighborFlags::SOLICITED) };
    let lladdr = Some(RawHardwareAddress::from_bytes(&lan.nic.mac.0));
    let repr = NdiscRepr::NeighborAdvert { flags, target_addr: target, lladdr };
    let frame = packet(lan, target, to, repr);
    lan.send(now, to.into(), frame, &mut None);
    Ok(())
}

/// Asks for a neighbour: the group that it listens to, or only the station that it is believed to be.
pub(crate) fn ask(lan: &mut Lan, target: Ipv6Addr, known: Option<MacAddr>) {
    // Without an address of our own nobody could answer.
    let Some(IpAddr::V6(source)) = lan.addresses.source(target.into()) else { return };
    let lladdr = Some(RawHardwareAddress::from_bytes(&lan.nic.mac.0));
    let repr = NdiscRepr::NeighborSolicit { target_addr: target, lladdr };
    let group = solicited_node(target);
    let (to, mac) = known.map_or((group, group_mac6(group)), |mac| (target, mac));
    let frame = packet(lan, source, to, repr);
    lan.nic.send(mac, frame);
}

/// Tells everybody who holds an address of ours where it is now (RFC 4861 7.2.6).
pub(crate) fn announce(lan: &mut Lan, own: Ipv6Addr) {
    let lladdr = Some(RawHardwareAddress::from_bytes(&lan.nic.mac.0));
    let repr = NdiscRepr::NeighborAdvert { flags: NdiscNeighborFlags::OVERRIDE, target_addr: own, lladdr };
    let frame = packet(lan, own, ALL_NODES, repr);
    lan.nic.send(group_mac6(ALL_NODES), frame);
}

/// The MAC address of an option; a group's is nobody's.
fn station(option: Option<RawHardwareAddress>) -> Result<Option<MacAddr>, HostDrop> {
    let Some(option) = option else { return Ok(None) };
    let octets: [u8; 6] = option.as_bytes().try_into().map_err(|_| HostDrop::Malformed)?;
    let mac = MacAddr(octets);
    if mac.is_unicast() { Ok(Some(mac)) } else { Err(HostDrop::Malformed) }
}

fn packet(lan: &mut Lan, from: Ipv6Addr, to: Ipv6Addr, repr: NdiscRepr<'_>) -> Vec<u8> {
    let repr = Icmpv6Repr::Ndisc(repr);
    let header_len = lan.nic.header_len();
    let mut frame = lan.nic.packet_buffer(IPV6_HEADER_LEN + repr.buffer_len());
    let ends = (from.into(), to.into());
    let icmp = ip_header::emit(&mut frame[header_len..], ends, IpProtocol::Icmpv6, HOP_LIMIT);
    let mut icmp = Icmpv6Packet::new_unchecked(icmp);
    repr.emit(&from, &to, &mut icmp, &ChecksumCapabilities::default());
    lan.nic.set_type(&mut frame, EtherType::IPV6);
    frame
}
