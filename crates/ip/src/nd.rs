//! Neighbour discovery for IPv6: what a message says, and what we say (RFC 4861 7). Routers are configured, not discovered.

use crate::addresses::{ALL_NODES, group_mac6, solicited_node};
use crate::ip_header;
use core::net::Ipv6Addr;
use greylag_base::MacAddr;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IPV6_HEADER_LEN, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Repr, NdiscNeighborFlags, NdiscRepr,
    RawHardwareAddress,
};

/// RFC 4861 7.1: a packet that a router has forwarded has less, and is not from the link.
const HOP_LIMIT: u8 = 255;

/// What a sound message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nd {
    /// Somebody asks for a neighbour.
    Solicitation {
        /// Whom for.
        target: Ipv6Addr,
        /// Who asks; `None` is somebody who looks for duplicates of an address that it does not have yet.
        from: Option<Ipv6Addr>,
        /// Where that one is.
        mac: Option<MacAddr>,
    },
    /// A neighbour says where it is.
    Advertisement {
        /// Which.
        target: Ipv6Addr,
        /// Where; `None` when it takes that for known.
        mac: Option<MacAddr>,
        /// It was asked.
        solicited: bool,
        /// What was known before is not to be believed any more.
        overrides: bool,
    },
    /// Of or for a router, or a redirect.
    Router,
}

impl Nd {
    /// `None` when a rule of RFC 4861 7.1 is broken.
    pub fn parse(ip: &Ipv6Repr, repr: &NdiscRepr<'_>) -> Option<Self> {
        if ip.hop_limit != HOP_LIMIT {
            return None;
        }
        match *repr {
            NdiscRepr::NeighborSolicit { target_addr, lladdr } => {
                let mac = station(lladdr)?;
                let from = Some(ip.src_addr).filter(|from| !from.is_unspecified());
                // RFC 4861 7.1.1: who has no address yet asks the group, and says nothing of itself.
                let detects = from.is_none();
                if target_addr.is_multicast()
                    || detects && (mac.is_some() || ip.dst_addr != solicited_node(target_addr))
                {
                    return None;
                }
                Some(Nd::Solicitation { target: target_addr, from, mac })
            }
            NdiscRepr::NeighborAdvert { flags, target_addr, lladdr } => {
                let solicited = flags.contains(NdiscNeighborFlags::SOLICITED);
                // RFC 4861 7.1.2: an answer to a question of ours comes to us alone.
                if target_addr.is_multicast() || (solicited && ip.dst_addr.is_multicast()) {
                    return None;
                }
                let overrides = flags.contains(NdiscNeighborFlags::OVERRIDE);
                Some(Nd::Advertisement { target: target_addr, mac: station(lladdr)?, solicited, overrides })
            }
            NdiscRepr::RouterSolicit { .. } | NdiscRepr::RouterAdvert { .. } | NdiscRepr::Redirect { .. } => {
                Some(Nd::Router)
            }
        }
    }
}

/// The MAC address of an option; a group's is nobody's.
fn station(option: Option<RawHardwareAddress>) -> Option<Option<MacAddr>> {
    let Some(option) = option else { return Some(None) };
    let octets: [u8; 6] = option.as_bytes().try_into().ok()?;
    let mac = MacAddr(octets);
    mac.is_unicast().then_some(Some(mac))
}

/// A message of our own.
#[derive(Debug)]
pub struct Message {
    /// Its source.
    pub from: Ipv6Addr,
    /// Its destination.
    pub to: Ipv6Addr,
    repr: NdiscRepr<'static>,
}

/// Asks for a neighbour, and where the question goes: to the group that it listens to, or only to the station that it is
/// believed to be.
pub fn solicitation(
    mac: MacAddr,
    from: Ipv6Addr,
    target: Ipv6Addr,
    known: Option<MacAddr>,
) -> (MacAddr, Message) {
    let repr = NdiscRepr::NeighborSolicit { target_addr: target, lladdr: Some(option(mac)) };
    let group = solicited_node(target);
    let (to, there) = known.map_or((group, group_mac6(group)), |known| (target, known));
    (there, Message { from, to, repr })
}

/// Answers who asked for `target`: all nodes when that one has no address yet (RFC 4861 7.2.4).
pub fn answer(mac: MacAddr, target: Ipv6Addr, asker: Option<Ipv6Addr>, is_router: bool) -> Message {
    let solicited = if asker.is_some() { NdiscNeighborFlags::SOLICITED } else { NdiscNeighborFlags::empty() };
    advertisement(mac, target, asker.unwrap_or(ALL_NODES), solicited, is_router)
}

/// Tells everybody who holds an address of ours where it is now (RFC 4861 7.2.6).
pub fn announcement(mac: MacAddr, own: Ipv6Addr, is_router: bool) -> Message {
    advertisement(mac, own, ALL_NODES, NdiscNeighborFlags::empty(), is_router)
}

fn advertisement(
    mac: MacAddr,
    target: Ipv6Addr,
    to: Ipv6Addr,
    mut flags: NdiscNeighborFlags,
    is_router: bool,
) -> Message {
    flags |= NdiscNeighborFlags::OVERRIDE;
    flags.set(NdiscNeighborFlags::ROUTER, is_router);
    let repr = NdiscRepr::NeighborAdvert { flags, target_addr: target, lladdr: Some(option(mac)) };
    Message { from: target, to, repr }
}

fn option(mac: MacAddr) -> RawHardwareAddress {
    RawHardwareAddress::from_bytes(&mac.0)
}

impl Message {
    /// The length of the packet.
    pub fn packet_len(&self) -> usize {
        IPV6_HEADER_LEN + self.repr.buffer_len()
    }

    /// Writes the packet to a buffer of [`packet_len`](Message::packet_len).
    pub fn emit(self, packet: &mut [u8]) {
        let ends = (self.from.into(), self.to.into());
        let icmp = ip_header::emit(packet, ends, IpProtocol::Icmpv6, HOP_LIMIT);
        let mut icmp = Icmpv6Packet::new_unchecked(icmp);
        let repr = Icmpv6Repr::Ndisc(self.repr);
        repr.emit(&self.from, &self.to, &mut icmp, &ChecksumCapabilities::default());
    }
}
