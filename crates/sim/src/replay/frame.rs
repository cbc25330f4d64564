//! What an onlooker reads of a frame.

use greylag_base::MacAddr;
use greylag_wire::ethernet::{ADDRESSES_LEN, Frame, HEADER_LEN};
use greylag_wire::vlan::TAG_LEN;

/// A frame as an onlooker sees it: its tag, which switches put in and take out, is left aside.
#[derive(Clone, Copy)]
pub(crate) struct Glance<'a> {
    pub(crate) destination: MacAddr,
    pub(crate) source: MacAddr,
    /// The probe that it is, if it is one.
    pub(crate) probe: Option<ProbeMark>,
    bytes: &'a [u8],
    /// Where the EtherType stands.
    type_at: usize,
}

/// The flow and the sequence number of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProbeMark {
    pub(crate) flow: u32,
    pub(crate) sequence: u64,
}

impl<'a> Glance<'a> {
    /// `None` when the header is cut short.
    pub(crate) fn at(bytes: &'a [u8]) -> Option<Self> {
        let frame = Frame::new_checked(bytes)?;
        let tagged = bytes[ADDRESSES_LEN..HEADER_LEN] == [0x81, 0x00];
        let type_at = if tagged { ADDRESSES_LEN + TAG_LEN } else { ADDRESSES_LEN };
        let probe = probe(bytes.get(type_at..)?);
        Some(Glance { destination: frame.destination(), source: frame.source(), probe, bytes, type_at })
    }

    /// A control packet of BFD: the same bytes many times a second are its nature.
    pub(crate) fn is_bfd(&self) -> bool {
        const UDP: u8 = 17;
        let rest = &self.bytes[self.type_at..];
        let (protocol, ports) = match rest {
            [0x08, 0x00, 0x45, ..] => (rest.get(2 + 9), rest.get(2 + 20..)),
            [0x86, 0xdd, ..] => (rest.get(2 + 6), rest.get(2 + 40..)),
            _ => return false,
        };
        // RFC 5881 4, RFC 5883 5.
        protocol == Some(&UDP)
            && matches!(ports, Some([_, _, high, low, ..]) if matches!(u16::from_be_bytes([*high, *low]), 3784 | 4784))
    }

    /// To one station.
    pub(crate) fn is_unicast(&self) -> bool {
        self.destination.0[0] & 1 == 0
    }

    /// A keyed digest of all but the tag: the same wherever the frame is on its way.
    pub(crate) fn digest(&self, key: [u64; 2]) -> u64 {
        match self.probe {
            Some(probe) => fold(fold(key[0], u64::from(probe.flow)), probe.sequence ^ key[1]),
            None => {
                let addresses = self.bytes[..ADDRESSES_LEN].chunks(8);
                let rest = self.bytes[self.type_at..].chunks(8);
                addresses.chain(rest).fold(key[0], |state, chunk| {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    fold(state, u64::from_le_bytes(word) ^ key[1])
                })
            }
        }
    }
}

/// Spreads every bit of a word over the whole state: a product whose halves are folded together.
pub(crate) fn fold(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Behind the addresses and the tag: EtherType, IP and UDP headers, then magic, flow and sequence number.
fn probe(rest: &[u8]) -> Option<ProbeMark> {
    const UDP: u8 = 17;
    let (protocol, payload) = match rest {
        [0x08, 0x00, 0x45, ..] => (*rest.get(2 + 9)?, rest.get(2 + 20 + 8..)?),
        [0x86, 0xdd, ..] => (*rest.get(2 + 6)?, rest.get(2 + 40 + 8..)?),
        _ => return None,
    };
    match payload {
        [0x67, 0x6c, a, b, c, d, rest @ ..] if protocol == UDP && rest.len() >= 6 => {
            let sequence = rest[..6].iter().fold(0, |number, &octet| number << 8 | u64::from(octet));
            Some(ProbeMark { flow: u32::from_be_bytes([*a, *b, *c, *d]), sequence })
        }
        _ => None,
    }
}
