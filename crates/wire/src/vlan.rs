//! The 802.1Q tag: TPID 0x8100, then the tag control information (IEEE 802.1Q-2022 9.4, 9.6).

use crate::ethernet::{ADDRESSES_LEN, EtherType};
use greylag_base::VlanId;

/// TPID and tag control information together.
pub const TAG_LEN: usize = 4;

/// Tag control information: priority (3 bits), drop eligible (1 bit), VLAN (12 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tci(pub u16);

/// What the VLAN field of a tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vid {
    /// 0: only the priority counts; the frame belongs to the port's own VLAN.
    Priority,
    /// 1 to 4094.
    Vlan(VlanId),
    /// 4095, which may not be used.
    Reserved,
}

impl Tci {
    /// The tag for a VLAN, with the priority bits of `self`.
    pub const fn with_vlan(self, vlan: VlanId) -> Tci {
        Tci(self.0 & 0xf000 | vlan.get())
    }

    /// What the VLAN field says.
    pub fn vid(self) -> Vid {
        match self.0 & 0x0fff {
            0 => Vid::Priority,
            id => VlanId::new(id).map_or(Vid::Reserved, Vid::Vlan),
        }
    }

    /// The four octets that stand between source address and EtherType.
    pub const fn to_bytes(self) -> [u8; TAG_LEN] {
        let [a, b] = EtherType::C_TAG.0.to_be_bytes();
        let [c, d] = self.0.to_be_bytes();
        [a, b, c, d]
    }
}

/// What stands behind the addresses of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// No customer tag.
    Absent,
    /// A whole customer tag.
    Present(Tci),
    /// A customer tag that the frame ends in, or right behind.
    Truncated,
}

impl Tag {
    /// Reads the tag of a frame that has at least an Ethernet header.
    pub fn parse(frame: &[u8]) -> Tag {
        match frame.get(ADDRESSES_LEN..) {
            Some([0x81, 0x00, high, low, _, _, ..]) => Tag::Present(Tci(u16::from_be_bytes([*high, *low]))),
            Some([0x81, 0x00, ..]) => Tag::Truncated,
            _ => Tag::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_needs_a_type_behind_it() {
        let mut frame = vec![0; 12];
        frame.extend(Tci(0x6000).with_vlan(VlanId::new(10).unwrap()).to_bytes());
        assert_eq!(Tag::parse(&frame), Tag::Truncated);
        frame.extend([0x08, 0x00]);
        let Tag::Present(tci) = Tag::parse(&frame) else { panic!("a tag is there") };
        assert_eq!((tci, tci.vid()), (Tci(0x600a), Vid::Vlan(VlanId::new(10).unwrap())));
        frame[12] = 0x88;
        assert_eq!(Tag::parse(&frame), Tag::Absent);
    }

    #[test]
    fn vlan_zero_and_4095_are_special() {
        assert_eq!(Tci(0).vid(), Vid::Priority);
        assert_eq!(Tci(0x0fff).vid(), Vid::Reserved);
    }
}
