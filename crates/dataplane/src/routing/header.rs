//! The IP header of a packet that is to be routed: whether it is sound, and what the later stages need of it.
//!
//! Read RFC 1812 5.2.2 and RFC 8200 3 first.

use crate::routing::martian::{self, Scope};
use greylag_base::DropReason;
use greylag_ports::{Batch, Tagging};
use greylag_wire::checksum;
use greylag_wire::ethernet::HEADER_LEN;
use greylag_wire::vlan::TAG_LEN;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IpHeader<A> {
    pub(crate) destination: A,
    /// Of the whole packet.
    pub(crate) octets: u32,
    pub(crate) marks: Marks,
}

/// Why a packet may be for the switch itself, and is not forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    const EXPIRED: u8 = 1;
    const LINK_SOURCE: u8 = 2;
    const LINK_DESTINATION: u8 = 4;

    #[inline(always)]
    fn new(ttl: u8, is_plain: bool, scopes: impl FnOnce() -> [Scope; 2]) -> Result<Self, DropReason> {
        if is_plain && ttl > 1 { Ok(Marks(0)) } else { Self::of(ttl, scopes()) }
    }

    #[cold]
    fn of(ttl: u8, [source, destination]: [Scope; 2]) -> Result<Self, DropReason> {
        if source == Scope::Martian {
            return Err(DropReason::MartianSource);
        }
        if destination == Scope::Martian {
            return Err(DropReason::MartianDestination);
        }
        let mark = |is_set: bool, mark| if is_set { mark } else { 0 };
        Ok(Marks(
            mark(ttl <= 1, Self::EXPIRED)
                | mark(source == Scope::Link, Self::LINK_SOURCE)
                | mark(destination == Scope::Link, Self::LINK_DESTINATION),
        ))
    }

    /// There is no such reason.
    #[inline(always)]
    pub(crate) fn is_clear(self) -> bool {
        self.0 == 0
    }

    /// Its time to live, or hop limit, ends here.
    pub(crate) fn is_expired(self) -> bool {
        self.0 & Self::EXPIRED != 0
    }

    /// An address of it means something on its link only.
    pub(crate) fn of_the_link(self) -> Option<DropReason> {
        if self.0 & Self::LINK_SOURCE != 0 {
            return Some(DropReason::MartianSource);
        }
        (self.0 & Self::LINK_DESTINATION != 0).then_some(DropReason::MartianDestination)
    }
}

/// Where the packet begins in a frame whose tag has been looked for.
#[inline(always)]
pub(crate) fn packet_at(tagging: Tagging) -> usize {
    if tagging == Tagging::Inline { HEADER_LEN + TAG_LEN } else { HEADER_LEN }
}

/// The packet in a frame whose tag has been looked for, and the EtherType before it.
#[inline(always)]
pub(crate) fn packet_of(batch: &Batch, frame: u16) -> (u16, &[u8]) {
    let bytes = batch.bytes(frame.into());
    let at = packet_at(batch.tagging(frame.into()));
    (u16::from_be_bytes([bytes[at - 2], bytes[at - 1]]), &bytes[at..])
}

/// Reads and checks the header of an IPv4 packet, which may have octets behind it that fill up the frame.
#[inline(always)]
pub(crate) fn ipv4(packet: &[u8]) -> Result<IpHeader<u32>, DropReason> {
    let header: &[u8; 20] = packet.first_chunk().ok_or(DropReason::BadIpHeader)?;
    let octets = u16::from_be_bytes([header[2], header[3]]);
    let (header_len, sum) = match header[0] {
        0x45 => (20, checksum::sum(header)),
        0x46..=0x4f => {
            let len = usize::from(header[0] & 0x0f) * 4;
            (len, checksum::sum(packet.get(..len).ok_or(DropReason::BadIpHeader)?))
        }
        _ => return Err(DropReason::BadIpHeader),
    };
    if usize::from(octets) < header_len || usize::from(octets) > packet.len() {
        return Err(DropReason::BadIpHeader);
    }
    if sum != 0xffff {
        return Err(DropReason::BadIpChecksum);
    }
    let address =
        |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (source, destination) = (address(12), address(16));
    let is_plain = martian::is_plain_ipv4(source) && martian::is_plain_ipv4(destination);
    let marks = Marks::new(header[8], is_plain, || [source, destination].map(martian::of_ipv4))?;
    Ok(IpHeader { destination, octets: octets.into(), marks })
}

/// As [`ipv4`], of IPv6.
#[inline(always)]
pub(crate) fn ipv6(packet: &[u8]) -> Result<IpHeader<u128>, DropReason> {
    let header: &[u8; 40] = packet.first_chunk().ok_or(DropReason::BadIpHeader)?;
    let octets = 40 + u32::from(u16::from_be_bytes([header[4], header[5]]));
    if header[0] >> 4 != 6 || octets as usize > packet.len() {
        return Err(DropReason::BadIpHeader);
    }
    let (addresses, _) = header[8..].as_chunks::<16>();
    let [source, destination] = [addresses[0], addresses[1]].map(u128::from_be_bytes);
    let is_plain = martian::is_plain_ipv6(source) && martian::is_plain_ipv6(destination);
    let marks = Marks::new(header[7], is_plain, || [source, destination].map(martian::of_ipv6))?;
    Ok(IpHeader { destination, octets, marks })
}
