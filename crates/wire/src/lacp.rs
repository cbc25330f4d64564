//! The LACPDU (IEEE 802.1AX-2014 6.4.2.3): what a system says of itself, and of what it has heard of the other.
//!
//! Receivers validate neither the version nor the TLV types of the first version's fields (6.4.12), so that later
//! versions stay readable; what follows them is offered as [`Tlv`]s.

use crate::ethernet::address;
use greylag_base::MacAddr;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The payload of a version 1 LACPDU, from the subtype to the end of its padding.
pub const PDU_LEN: usize = 110;
/// What version 1 writes into the version field.
pub const VERSION_1: u8 = 1;

const SUBTYPE: u8 = 1;
const PARTICIPANT_LEN: u8 = 20;
const COLLECTOR_LEN: u8 = 16;

mod field {
    use std::ops::Range;
    pub(super) const SUBTYPE: usize = 0;
    pub(super) const VERSION: usize = 1;
    pub(super) const ACTOR: Range<usize> = 2..22;
    pub(super) const PARTNER: Range<usize> = 22..42;
    pub(super) const COLLECTOR: Range<usize> = 42..58;
    pub(super) const COLLECTOR_MAX_DELAY: Range<usize> = 44..46;
    /// Where the terminator stands, or what a later version puts before it.
    pub(super) const REST: usize = 58;

    /// Within the actor's and the partner's TLV.
    pub(super) mod participant {
        use std::ops::Range;
        pub(in super::super) const TYPE: usize = 0;
        pub(in super::super) const LENGTH: usize = 1;
        pub(in super::super) const SYSTEM_PRIORITY: Range<usize> = 2..4;
        pub(in super::super) const SYSTEM: Range<usize> = 4..10;
        pub(in super::super) const KEY: Range<usize> = 10..12;
        pub(in super::super) const PORT_PRIORITY: Range<usize> = 12..14;
        pub(in super::super) const PORT: Range<usize> = 14..16;
        pub(in super::super) const STATE: usize = 16;
    }
}

/// A system's identifier: the priority counts first, then the address, and the numerically lower is the better
/// (IEEE 802.1AX-2014 6.3.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct SystemId {
    /// Lower is better.
    pub priority: u16,
    /// The system's address; zero where no system is known.
    pub mac: MacAddr,
}

impl SystemId {
    /// A system, rather than the zero that stands for none.
    pub fn is_known(self) -> bool {
        self.mac != MacAddr::ZERO
    }
}

impl fmt::Display for SystemId {
    /// Priority and address, as `32768,02:00:00:00:00:01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{},{}", self.priority, self.mac))
    }
}

impl fmt::Debug for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of the eight flags of a port (IEEE 802.1AX-2014 6.4.2.3 m).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(pub u8);

impl Flags {
    /// LACP_Activity: it speaks without being spoken to.
    pub const ACTIVITY: Flags = Flags(0x01);
    /// LACP_Timeout: it wants to be heard every second, and gives up after three.
    pub const TIMEOUT: Flags = Flags(0x02);
    /// Aggregation: it may be one of several; otherwise it is individual.
    pub const AGGREGATION: Flags = Flags(0x04);
    /// Synchronization: it is attached to the right aggregator.
    pub const SYNCHRONIZATION: Flags = Flags(0x08);
    /// Collecting: frames that arrive are taken.
    pub const COLLECTING: Flags = Flags(0x10);
    /// Distributing: frames are sent.
    pub const DISTRIBUTING: Flags = Flags(0x20);
    /// Defaulted: its partner is the administrator's assumption.
    pub const DEFAULTED: Flags = Flags(0x40);
    /// Expired: its partner has fallen silent.
    pub const EXPIRED: Flags = Flags(0x80);

    const NAMES: [&str; 8] = [
        "activity",
        "timeout",
        "aggregation",
        "synchronization",
        "collecting",
        "distributing",
        "defaulted",
        "expired",
    ];

    /// Are all of `flags` set?
    pub const fn has(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These and `flags`.
    pub const fn with(self, flags: Flags) -> Flags {
        Flags(self.0 | flags.0)
    }

    /// These without `flags`.
    pub const fn without(self, flags: Flags) -> Flags {
        Flags(self.0 & !flags.0)
    }

    /// Sets or clears `flags`.
    pub fn set(&mut self, flags: Flags, value: bool) {
        *self = if value { self.with(flags) } else { self.without(flags) };
    }

    /// Do both agree in `mask`?
    pub const fn agrees(self, other: Flags, mask: Flags) -> bool {
        (self.0 ^ other.0) & mask.0 == 0
    }

    /// The names of those that are set, from the lowest bit.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| name)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// One end of a link, as it stands in a LACPDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Participant {
    /// The system.
    pub system: SystemId,
    /// Ports of a system with the same key may be aggregated.
    pub key: u16,
    /// Lower is better.
    pub port_priority: u16,
    /// The port's number; 0 where none is known.
    pub port: u16,
    /// Its flags.
    pub flags: Flags,
}

impl Participant {
    /// Same system, key and port, whatever the flags say.
    pub fn is_same_port(&self, other: &Participant) -> bool {
        Participant { flags: other.flags, ..*self } == *other
    }

    fn parse(tlv: &[u8]) -> Participant {
        use field::participant as at;
        Participant {
            system: SystemId { priority: word(&tlv[at::SYSTEM_PRIORITY]), mac: address(&tlv[at::SYSTEM]) },
            key: word(&tlv[at::KEY]),
            port_priority: word(&tlv[at::PORT_PRIORITY]),
            port: word(&tlv[at::PORT]),
            flags: Flags(tlv[at::STATE]),
        }
    }

    fn emit(&self, kind: u8, tlv: &mut [u8]) {
        use field::participant as at;
        tlv[at::TYPE] = kind;
        tlv[at::LENGTH] = PARTICIPANT_LEN;
        tlv[at::SYSTEM_PRIORITY].copy_from_slice(&self.system.priority.to_be_bytes());
        tlv[at::SYSTEM].copy_from_slice(&self.system.mac.0);
        tlv[at::KEY].copy_from_slice(&self.key.to_be_bytes());
        tlv[at::PORT_PRIORITY].copy_from_slice(&self.port_priority.to_be_bytes());
        tlv[at::PORT].copy_from_slice(&self.port.to_be_bytes());
        tlv[at::STATE] = self.flags.0;
    }
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

/// What a later version, or a vendor, has put behind the fields of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// 4 to 10 are of version 2 (IEEE 802.1AX-2014 6.4.2.4); SONiC has 0x80 and 0x81, the retry counts.
    pub kind: u8,
    /// Without type and length.
    pub value: &'a [u8],
}

/// A view over the payload of a slow protocol's frame that holds a LACPDU.
#[derive(Clone, Copy, Debug)]
pub struct Pdu<'a>(&'a [u8]);

impl<'a> Pdu<'a> {
    /// `None` when it is cut short, is not LACP, or says that its TLVs have other lengths, in which case the fields stand
    /// elsewhere.
    pub fn new_checked(payload: &'a [u8]) -> Option<Self> {
        let sound = payload.len() >= PDU_LEN
            && payload[field::SUBTYPE] == SUBTYPE
            && payload[field::ACTOR.start + field::participant::LENGTH] == PARTICIPANT_LEN
            && payload[field::PARTNER.start + field::participant::LENGTH] == PARTICIPANT_LEN;
        sound.then_some(Pdu(payload))
    }

    /// 1, 2, or 0xf1 for SONiC's own.
    pub fn version(&self) -> u8 {
        self.0[field::VERSION]
    }

    /// What the sender says of itself.
    pub fn actor(&self) -> Participant {
        Participant::parse(&self.0[field::ACTOR])
    }

    /// What the sender knows of the receiver.
    pub fn partner(&self) -> Participant {
        Participant::parse(&self.0[field::PARTNER])
    }

    /// In tens of microseconds.
    pub fn collector_max_delay(&self) -> u16 {
        word(&self.0[field::COLLECTOR_MAX_DELAY])
    }

    /// What stands behind the fields of version 1, up to the terminator, or to where it makes no sense any more.
    pub fn tlvs(&self) -> impl Iterator<Item = Tlv<'a>> {
        let mut rest = &self.0[field::REST..];
        std::iter::from_fn(move || {
            let (&[kind, length], _) = rest.split_first_chunk()?;
            if kind == 0 || length < 2 {
                return None;
            }
            let (tlv, behind) = rest.split_at_checked(length.into())?;
            rest = behind;
            Some(Tlv { kind, value: &tlv[2..] })
        })
    }
}

/// A LACPDU as a value: the fields of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// What the sender claims to speak.
    pub version: u8,
    /// What the sender says of itself.
    pub actor: Participant,
    /// What the sender knows of the receiver.
    pub partner: Participant,
    /// In tens of microseconds.
    pub collector_max_delay: u16,
}

impl Repr {
    /// Reads a payload; `None` for what [`Pdu::new_checked`] refuses.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let pdu = Pdu::new_checked(payload)?;
        Some(Repr {
            version: pdu.version(),
            actor: pdu.actor(),
            partner: pdu.partner(),
            collector_max_delay: pdu.collector_max_delay(),
        })
    }

    /// The payload of a frame. What is reserved is zero.
    pub fn emit(&self) -> [u8; PDU_LEN] {
        let mut payload = [0; PDU_LEN];
        payload[field::SUBTYPE] = SUBTYPE;
        payload[field::VERSION] = self.version;
        self.actor.emit(1, &mut payload[field::ACTOR]);
        self.partner.emit(2, &mut payload[field::PARTNER]);
        payload[field::COLLECTOR.start] = 3;
        payload[field::COLLECTOR.start + 1] = COLLECTOR_LEN;
        payload[field::COLLECTOR_MAX_DELAY].copy_from_slice(&self.collector_max_delay.to_be_bytes());
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACTOR: Participant = Participant {
        system: SystemId { priority: 0x8000, mac: MacAddr([2, 0, 0, 0, 0, 1]) },
        key: 0x0102,
        port_priority: 0x00ff,
        port: 7,
        flags: Flags(0x3d),
    };
    const PARTNER: Participant = Participant {
        system: SystemId { priority: 127, mac: MacAddr([2, 0, 0, 0, 0, 2]) },
        key: 15,
        port_priority: 127,
        port: 1,
        flags: Flags(0x47),
    };
    const REPR: Repr = Repr { version: VERSION_1, actor: ACTOR, partner: PARTNER, collector_max_delay: 5 };

    #[test]
    fn every_field_stands_where_the_standard_has_it() {
        let mut expected = vec![1, 1];
        expected.extend([1, 20, 0x80, 0, 2, 0, 0, 0, 0, 1, 1, 2, 0, 0xff, 0, 7, 0x3d, 0, 0, 0]);
        expected.extend([2, 20, 0, 127, 2, 0, 0, 0, 0, 2, 0, 15, 0, 127, 0, 1, 0x47, 0, 0, 0]);
        expected.extend([3, 16, 0, 5]);
        expected.resize(PDU_LEN, 0);
        assert_eq!(REPR.emit().to_vec(), expected);
        assert_eq!(Repr::parse(&expected), Some(REPR));
    }

    #[test]
    fn a_pdu_that_is_cut_or_has_other_lengths_is_refused() {
        let payload = REPR.emit();
        assert!(Pdu::new_checked(&payload[..PDU_LEN - 1]).is_none());
        for (at, wrong) in [(0, 2), (3, 19), (23, 22)] {
            let mut payload = payload;
            payload[at] = wrong;
            assert!(Pdu::new_checked(&payload).is_none(), "octet {at}");
        }
    }

    #[test]
    fn versions_types_and_reserved_octets_are_not_validated() {
        let mut payload = REPR.emit();
        for at in [1, 2, 19, 22, 39, 42, 43, 50] {
            payload[at] = 0xf1;
        }
        let pdu = Pdu::new_checked(&payload).unwrap();
        assert_eq!((pdu.version(), pdu.actor(), pdu.partner()), (0xf1, ACTOR, PARTNER));
    }

    #[test]
    fn retry_counts_of_sonic_are_there_to_be_read() {
        let mut payload = Repr { version: 0xf1, ..REPR }.emit();
        payload[58..66].copy_from_slice(&[0x80, 4, 5, 0, 0x81, 4, 3, 0]);
        let tlvs: Vec<Tlv<'_>> = Pdu::new_checked(&payload).unwrap().tlvs().collect();
        assert_eq!(tlvs, [Tlv { kind: 0x80, value: &[5, 0] }, Tlv { kind: 0x81, value: &[3, 0] }]);
    }

    #[test]
    fn a_long_pdu_of_version_two_has_its_masks() {
        let mut payload = REPR.emit()[..58].to_vec();
        payload.extend([4, 6, 0, 0x80, 0xc2, 1]);
        payload.extend([6, 131]);
        payload.resize(58 + 6 + 131, 0xff);
        payload.extend([0, 0]);
        let kinds: Vec<(u8, usize)> =
            Pdu::new_checked(&payload).unwrap().tlvs().map(|tlv| (tlv.kind, tlv.value.len())).collect();
        assert_eq!(kinds, [(4, 4), (6, 129)]);
    }

    #[test]
    fn flags_have_the_names_of_the_standard() {
        let names: Vec<&str> = ACTOR.flags.names().collect();
        assert_eq!(names, ["activity", "aggregation", "synchronization", "collecting", "distributing"]);
        assert!(
            ACTOR.flags.has(Flags::COLLECTING) && !ACTOR.flags.has(Flags::TIMEOUT.with(Flags::COLLECTING))
        );
    }

    #[test]
    fn the_lower_priority_counts_before_the_lower_address() {
        assert!(PARTNER.system < ACTOR.system);
        assert!(SystemId { priority: 127, mac: MacAddr([2, 0, 0, 0, 0, 1]) } < PARTNER.system);
        assert_eq!(PARTNER.system.to_string(), "127,02:00:00:00:00:02");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_to_an_end(mut payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            for (at, sound) in [(0, 1), (3, 20), (23, 20)] {
                if let Some(octet) = payload.get_mut(at) {
                    *octet = sound;
                }
            }
            if let Some(pdu) = Pdu::new_checked(&payload) {
                prop_assert!(pdu.tlvs().map(|tlv| tlv.value.len() + 2).sum::<usize>() <= payload.len() - 58);
            }
        }
    }
}
