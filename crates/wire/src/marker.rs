//! The marker PDU (IEEE 802.1AX-2014 6.5.3.3): asks the other end to say when everything before it has arrived.

use crate::ethernet::address;
use greylag_base::MacAddr;

/// The payload of a marker PDU, from the subtype to the end of its padding.
pub const PDU_LEN: usize = 110;

const SUBTYPE: u8 = 2;
const VERSION: u8 = 1;
const TLV_LEN: u8 = 16;

mod field {
    use std::ops::Range;
    pub(super) const SUBTYPE: usize = 0;
    pub(super) const VERSION: usize = 1;
    pub(super) const TYPE: usize = 2;
    pub(super) const LENGTH: usize = 3;
    pub(super) const REQUESTER_PORT: Range<usize> = 4..6;
    pub(super) const REQUESTER_SYSTEM: Range<usize> = 6..12;
    pub(super) const TRANSACTION: Range<usize> = 12..16;
    /// Where the terminator begins: everything before it is needed.
    pub(super) const REST: usize = 18;
}

/// Which way a marker goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It asks.
    Information,
    /// It answers.
    Response,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Kind::Information => 1,
            Kind::Response => 2,
        }
    }
}

/// A view over the payload of a slow protocol's frame that holds a marker PDU.
#[derive(Clone, Copy, Debug)]
pub struct Pdu<'a>(&'a [u8]);

impl<'a> Pdu<'a> {
    /// `None` when it is cut short, is no marker, or neither asks nor answers.
    pub fn new_checked(payload: &'a [u8]) -> Option<Self> {
        let sound = payload.len() >= field::REST
            && payload[field::SUBTYPE] == SUBTYPE
            && payload[field::LENGTH] == TLV_LEN
            && [Kind::Information, Kind::Response].iter().any(|kind| kind.number() == payload[field::TYPE]);
        sound.then_some(Pdu(payload))
    }

    /// Which way it goes.
    pub fn kind(&self) -> Kind {
        if self.0[field::TYPE] == Kind::Information.number() { Kind::Information } else { Kind::Response }
    }

    /// The number of the port that asks.
    pub fn requester_port(&self) -> u16 {
        u16::from_be_bytes([self.0[field::REQUESTER_PORT.start], self.0[field::REQUESTER_PORT.start + 1]])
    }

    /// The system that asks.
    pub fn requester_system(&self) -> MacAddr {
        address(&self.0[field::REQUESTER_SYSTEM])
    }

    /// What tells one question from another.
    pub fn transaction(&self) -> u32 {
        let mut octets = [0; 4];
        octets.copy_from_slice(&self.0[field::TRANSACTION]);
        u32::from_be_bytes(octets)
    }
}

/// A marker PDU as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Which way it goes.
    pub kind: Kind,
    /// The number of the port that asks.
    pub requester_port: u16,
    /// The system that asks.
    pub requester_system: MacAddr,
    /// What tells one question from another.
    pub transaction: u32,
}

impl Repr {
    /// Reads a payload; `None` for what [`Pdu::new_checked`] refuses.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let pdu = Pdu::new_checked(payload)?;
        Some(Repr {
            kind: pdu.kind(),
            requester_port: pdu.requester_port(),
            requester_system: pdu.requester_system(),
            transaction: pdu.transaction(),
        })
    }

    /// The answer to it: the same, the other way (IEEE 802.1AX-2014 6.5.4.2.1).
    pub fn response(&self) -> Repr {
        Repr { kind: Kind::Response, ..*self }
    }

    /// The payload of a frame. What is reserved is zero.
    pub fn emit(&self) -> [u8; PDU_LEN] {
        let mut payload = [0; PDU_LEN];
        payload[field::SUBTYPE] = SUBTYPE;
        payload[field::VERSION] = VERSION;
        payload[field::TYPE] = self.kind.number();
        payload[field::LENGTH] = TLV_LEN;
        payload[field::REQUESTER_PORT].copy_from_slice(&self.requester_port.to_be_bytes());
        payload[field::REQUESTER_SYSTEM].copy_from_slice(&self.requester_system.0);
        payload[field::TRANSACTION].copy_from_slice(&self.transaction.to_be_bytes());
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_stands_where_the_standard_has_it() {
        let repr = Repr {
            kind: Kind::Information,
            requester_port: 7,
            requester_system: MacAddr([2, 0, 0, 0, 0, 1]),
            transaction: 0x0102_0304,
        };
        let mut expected = vec![2, 1, 1, 16, 0, 7, 2, 0, 0, 0, 0, 1, 1, 2, 3, 4];
        expected.resize(PDU_LEN, 0);
        assert_eq!(repr.emit().to_vec(), expected);
        assert_eq!(Repr::parse(&expected), Some(repr));
        expected[2] = 2;
        assert_eq!(repr.response().emit().to_vec(), expected);
    }

    #[test]
    fn what_is_cut_or_of_another_kind_is_refused() {
        let repr =
            Repr { kind: Kind::Response, requester_port: 0, requester_system: MacAddr::ZERO, transaction: 0 };
        assert!(Pdu::new_checked(&repr.emit()[..17]).is_none());
        for (at, wrong) in [(0, 1), (2, 3), (3, 15)] {
            let mut payload = repr.emit();
            payload[at] = wrong;
            assert!(Pdu::new_checked(&payload).is_none(), "octet {at}");
        }
    }
}
