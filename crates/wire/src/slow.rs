//! Slow protocols: what stands behind EtherType 0x8809 begins with a subtype (IEEE 802.3-2022 annex 57A).

use crate::ethernet::{self, EtherType};
use greylag_base::MacAddr;

/// 01-80-C2-00-00-02, where every slow protocol is sent to. A bridge never forwards it.
pub const GROUP: MacAddr = MacAddr([0x01, 0x80, 0xc2, 0, 0, 2]);

mod field {
    pub(super) const SUBTYPE: usize = 0;
}

/// Which slow protocol a payload is of (IEEE 802.3-2022 57A.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subtype {
    /// 1: link aggregation control.
    Lacp,
    /// 2: marker.
    Marker,
    /// Another, such as 3 for OAM and 10 for those that organisations define.
    Other(u8),
}

impl From<u8> for Subtype {
    fn from(number: u8) -> Self {
        match number {
            1 => Subtype::Lacp,
            2 => Subtype::Marker,
            other => Subtype::Other(other),
        }
    }
}

/// A view over a frame with the EtherType of slow protocols and a subtype.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a>(&'a [u8]);

impl<'a> Frame<'a> {
    /// `None` when the frame has another EtherType, or ends before the subtype. Slow protocols are never tagged.
    pub fn new_checked(bytes: &'a [u8]) -> Option<Self> {
        let frame = ethernet::Frame::new_checked(bytes)?;
        (frame.ether_type() == EtherType::SLOW && frame.payload().len() > field::SUBTYPE)
            .then_some(Frame(bytes))
    }

    /// Which protocol.
    pub fn subtype(&self) -> Subtype {
        Subtype::from(self.payload()[field::SUBTYPE])
    }

    /// What stands behind the EtherType, the subtype first.
    pub fn payload(&self) -> &'a [u8] {
        &self.0[ethernet::HEADER_LEN..]
    }
}

/// Addresses of a slow protocol's frame as a value: the destination is always [`GROUP`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// The port that sends it.
    pub source: MacAddr,
}

impl Repr {
    /// A whole frame with `payload`, which begins with its subtype.
    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let header = ethernet::Repr { destination: GROUP, source: self.source, ether_type: EtherType::SLOW };
        header.frame(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slow_frames_with_a_subtype_are_seen() {
        let source = MacAddr([2, 0, 0, 0, 0, 1]);
        let frame = Repr { source }.frame(&[2, 1]);
        assert_eq!(Frame::new_checked(&frame).unwrap().subtype(), Subtype::Marker);
        assert!(Frame::new_checked(&frame[..ethernet::HEADER_LEN]).is_none());
        let header = ethernet::Repr { destination: GROUP, source, ether_type: EtherType::ARP };
        assert!(Frame::new_checked(&header.frame(&[1, 1])).is_none());
    }
}
