//! The Ethernet header: destination, source, EtherType (IEEE 802.3-2022 3.1.1, 3.2).

use greylag_base::MacAddr;
use std::fmt;

/// Destination and source address together: what a tag is inserted behind.
pub const ADDRESSES_LEN: usize = 12;
/// The header without a tag.
pub const HEADER_LEN: usize = 14;
/// The smallest frame that a real link carries, without its frame check sequence.
pub const MIN_FRAME_LEN: usize = 60;

mod field {
    use std::ops::Range;
    pub(super) const DESTINATION: Range<usize> = 0..6;
    pub(super) const SOURCE: Range<usize> = 6..12;
    pub(super) const ETHER_TYPE: Range<usize> = 12..14;
}

/// An EtherType, or a length when it is below 0x0600.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: EtherType = EtherType(0x0800);
    /// Address resolution.
    pub const ARP: EtherType = EtherType(0x0806);
    /// A customer VLAN tag follows (IEEE 802.1Q-2022 9.5).
    pub const C_TAG: EtherType = EtherType(0x8100);
    /// IPv6.
    pub const IPV6: EtherType = EtherType(0x86dd);
    /// A slow protocol: LACP, marker, OAM (IEEE 802.3-2022 annex 57A).
    pub const SLOW: EtherType = EtherType(0x8809);
    /// A service VLAN tag follows: opaque payload to a customer bridge.
    pub const S_TAG: EtherType = EtherType(0x88a8);
    /// For local experiments (IEEE 802-2014 9.2.4): what our own generators send.
    pub const LOCAL_EXPERIMENT: EtherType = EtherType(0x88b5);
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

/// A view over a frame that has at least an Ethernet header.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a>(&'a [u8]);

impl<'a> Frame<'a> {
    /// `None` when the header is cut short.
    pub fn new_checked(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() >= HEADER_LEN).then_some(Frame(bytes))
    }

    /// Where the frame goes.
    pub fn destination(&self) -> MacAddr {
        address(&self.0[field::DESTINATION])
    }

    /// Where it comes from.
    pub fn source(&self) -> MacAddr {
        address(&self.0[field::SOURCE])
    }

    /// The type behind the addresses: of the tag if there is one.
    pub fn ether_type(&self) -> EtherType {
        let bytes = &self.0[field::ETHER_TYPE];
        EtherType(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Everything behind the header.
    pub fn payload(&self) -> &'a [u8] {
        &self.0[HEADER_LEN..]
    }
}

pub(crate) fn address(bytes: &[u8]) -> MacAddr {
    let mut octets = [0; 6];
    octets.copy_from_slice(bytes);
    MacAddr(octets)
}

/// An Ethernet header as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Where the frame goes.
    pub destination: MacAddr,
    /// Where it comes from.
    pub source: MacAddr,
    /// What it carries.
    pub ether_type: EtherType,
}

impl Repr {
    /// Reads the header; `None` when it is cut short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let frame = Frame::new_checked(bytes)?;
        Some(Repr {
            destination: frame.destination(),
            source: frame.source(),
            ether_type: frame.ether_type(),
        })
    }

    /// Writes the header to the start of `bytes`.
    ///
    /// # Panics
    /// When `bytes` is shorter than [`HEADER_LEN`].
    pub fn emit(&self, bytes: &mut [u8]) {
        bytes[field::DESTINATION].copy_from_slice(&self.destination.0);
        bytes[field::SOURCE].copy_from_slice(&self.source.0);
        bytes[field::ETHER_TYPE].copy_from_slice(&self.ether_type.0.to_be_bytes());
    }

    /// A whole untagged frame with `payload`, padded to [`MIN_FRAME_LEN`].
    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; (HEADER_LEN + payload.len()).max(MIN_FRAME_LEN)];
        self.emit(&mut frame);
        frame[HEADER_LEN..HEADER_LEN + payload.len()].copy_from_slice(payload);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emit_then_parse() {
        let repr = Repr {
            destination: MacAddr::BROADCAST,
            source: MacAddr([2, 0, 0, 0, 0, 1]),
            ether_type: EtherType::ARP,
        };
        let frame = repr.frame(b"who has");
        assert_eq!(frame.len(), MIN_FRAME_LEN);
        assert_eq!(Repr::parse(&frame), Some(repr));
        assert_eq!(Repr::parse(&frame[..13]), None);
        assert_eq!(&Frame::new_checked(&frame).unwrap().payload()[..7], b"who has");
    }
}
