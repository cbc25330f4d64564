//! The BFD control packet (RFC 5880 4.1): what a UDP datagram to port 3784 or 4784 carries.
//!
//! The view refuses what a receiver has to discard by the packet alone (6.8.6), and says by which rule.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The mandatory section: a packet without authentication.
pub const PACKET_LEN: usize = 24;
/// UDP destination of control packets that cross one hop (RFC 5881 4).
pub const SINGLE_HOP_PORT: u16 = 3784;
/// UDP destination of control packets that may cross several (RFC 5883 5).
pub const MULTIHOP_PORT: u16 = 4784;

const VERSION: u8 = 1;
/// With the authentication section's type and length.
const AUTHENTICATED_LEN: usize = 26;

mod field {
    use std::ops::Range;
    /// Three bits of version, five of diagnostic.
    pub(super) const VERSION: usize = 0;
    /// Two bits of state, six flags.
    pub(super) const STATE: usize = 1;
    pub(super) const DETECT_MULT: usize = 2;
    pub(super) const LENGTH: usize = 3;
    pub(super) const MY_DISCRIMINATOR: Range<usize> = 4..8;
    pub(super) const YOUR_DISCRIMINATOR: Range<usize> = 8..12;
    pub(super) const DESIRED_MIN_TX: Range<usize> = 12..16;
    pub(super) const REQUIRED_MIN_RX: Range<usize> = 16..20;
    pub(super) const REQUIRED_MIN_ECHO_RX: Range<usize> = 20..24;
}

/// A span in microseconds, as BFD counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u32);

impl Micros {
    /// So many milliseconds; at most 4,294,967.
    pub const fn from_millis(millis: u32) -> Micros {
        Micros(millis.saturating_mul(1000))
    }

    /// The same, as the clock counts.
    pub const fn duration(self) -> Duration {
        Duration::from_micros(self.0 as u64)
    }
}

/// The state of a session, as its sender sees it, with OpenConfig's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Held down by an operator.
    AdminDown,
    /// Nobody is heard, or the session has just failed.
    Down,
    /// The other end is heard; whether it hears us is not known.
    Init,
    /// Both ends hear each other.
    Up,
}

impl State {
    const fn from_bits(bits: u8) -> State {
        match bits & 3 {
            0 => State::AdminDown,
            1 => State::Down,
            2 => State::Init,
            _ => State::Up,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            State::AdminDown => 0,
            State::Down => 1,
            State::Init => 2,
            State::Up => 3,
        }
    }
}

/// Why a session last changed its state, as its sender says. The names in JSON are OpenConfig's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Diagnostic {
    /// 0: no reason.
    #[default]
    NoDiagnostic,
    /// 1, Control Detection Time Expired: nothing was heard for the detection time.
    #[serde(rename = "DETECTION_TIMEOUT")]
    ControlDetectionTimeExpired,
    /// 2, Echo Function Failed.
    #[serde(rename = "ECHO_FAILED")]
    EchoFunctionFailed,
    /// 3, Neighbor Signaled Session Down: the other end said that it is down.
    #[serde(rename = "NEIGHBOR_DOWN")]
    NeighborSignaledSessionDown,
    /// 4, Forwarding Plane Reset.
    #[serde(rename = "FORWARDING_RESET")]
    ForwardingPlaneReset,
    /// 5, Path Down: something besides BFD said that the path has failed.
    PathDown,
    /// 6, Concatenated Path Down: a path beyond the sender has failed, towards it.
    ConcatenatedPathDown,
    /// 7, Administratively Down.
    #[serde(rename = "ADMIN_DOWN")]
    AdministrativelyDown,
    /// 8, Reverse Concatenated Path Down: a path beyond the sender has failed, away from it.
    ReverseConcatenatedPathDown,
    /// 9 to 31, which RFC 5880 has no meaning for.
    Reserved(u8),
}

impl Diagnostic {
    /// By the code's lower five bits.
    pub const fn from_code(code: u8) -> Diagnostic {
        match code & 0x1f {
            0 => Diagnostic::NoDiagnostic,
            1 => Diagnostic::ControlDetectionTimeExpired,
            2 => Diagnostic::EchoFunctionFailed,
            3 => Diagnostic::NeighborSignaledSessionDown,
            4 => Diagnostic::ForwardingPlaneReset,
            5 => Diagnostic::PathDown,
            6 => Diagnostic::ConcatenatedPathDown,
            7 => Diagnostic::AdministrativelyDown,
            8 => Diagnostic::ReverseConcatenatedPathDown,
            reserved => Diagnostic::Reserved(reserved),
        }
    }

    /// The code on the wire. OpenConfig numbers them otherwise.
    pub const fn code(self) -> u8 {
        match self {
            Diagnostic::NoDiagnostic => 0,
            Diagnostic::ControlDetectionTimeExpired => 1,
            Diagnostic::EchoFunctionFailed => 2,
            Diagnostic::NeighborSignaledSessionDown => 3,
            Diagnostic::ForwardingPlaneReset => 4,
            Diagnostic::PathDown => 5,
            Diagnostic::ConcatenatedPathDown => 6,
            Diagnostic::AdministrativelyDown => 7,
            Diagnostic::ReverseConcatenatedPathDown => 8,
            Diagnostic::Reserved(code) => code & 0x1f,
        }
    }
}

/// A set of the six flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// P: an answer with F is asked for.
    pub const POLL: Flags = Flags(0x20);
    /// F: this is the answer.
    pub const FINAL: Flags = Flags(0x10);
    /// C: the sender's BFD does not share the fate of its control plane.
    pub const CONTROL_PLANE_INDEPENDENT: Flags = Flags(0x08);
    /// A: an authentication section follows.
    pub const AUTHENTICATION: Flags = Flags(0x04);
    /// D: the sender wants to hear nothing unless it asks.
    pub const DEMAND: Flags = Flags(0x02);
    /// M: reserved, always clear.
    pub const MULTIPOINT: Flags = Flags(0x01);

    const ALL: u8 = 0x3f;

    /// Are all of `flags` set?
    pub const fn has(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// These and `flags`.
    pub const fn with(self, flags: Flags) -> Flags {
        Flags(self.0 | flags.0)
    }
}

/// The rule of RFC 5880 6.8.6 by which a packet has to be discarded, whatever session it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The version is not 1.
    Version,
    /// The length field says less than the fields need: 24, or 26 with authentication.
    TooShort,
    /// The length field says more than the datagram has, or the datagram has no length field.
    CutShort,
    /// The detect multiplier is zero.
    DetectMultZero,
    /// The multipoint flag is set.
    Multipoint,
    /// The sender has no discriminator.
    MyDiscriminatorZero,
    /// The sender does not know the receiver's discriminator, but is not down.
    YourDiscriminatorZero,
}

/// A view over the payload of a UDP datagram that holds a control packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a>(&'a [u8]);

impl<'a> Packet<'a> {
    /// Checks the rules in the order in which RFC 5880 6.8.6 has them. What follows the packet is not looked at.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn new_checked(payload: &'a [u8]) -> Result<Self, Malformed> {
        if payload.first().is_some_and(|first| first >> 5 != VERSION) {
            return Err(Malformed::Version);
        }
        let length = usize::from(*payload.get(field::LENGTH).ok_or(Malformed::CutShort)?);
        let authenticated = Flags(payload[field::STATE]).has(Flags::AUTHENTICATION);
        if length < if authenticated { AUTHENTICATED_LEN } else { PACKET_LEN } {
            return Err(Malformed::TooShort);
        }
        let packet = Packet(payload.get(..length).ok_or(Malformed::CutShort)?);
        let down = matches!(packet.state(), State::Down | State::AdminDown);
        match () {
            () if packet.detect_mult() == 0 => Err(Malformed::DetectMultZero),
            () if packet.flags().has(Flags::MULTIPOINT) => Err(Malformed::Multipoint),
            () if packet.my_discriminator() == 0 => Err(Malformed::MyDiscriminatorZero),
            () if packet.your_discriminator() == 0 && !down => Err(Malformed::YourDiscriminatorZero),
            () => Ok(packet),
        }
    }

    /// Why the sender's session last changed its state.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::from_code(self.0[field::VERSION])
    }

    /// The sender's session.
    pub fn state(&self) -> State {
        State::from_bits(self.0[field::STATE] >> 6)
    }

    /// The six flags.
    pub fn flags(&self) -> Flags {
        Flags(self.0[field::STATE] & Flags::ALL)
    }

    /// How many of the sender's packets have to be missed before it is given up.
    pub fn detect_mult(&self) -> u8 {
        self.0[field::DETECT_MULT]
    }

    /// What the sender tells its sessions apart by.
    pub fn my_discriminator(&self) -> u32 {
        self.word(field::MY_DISCRIMINATOR)
    }

    /// The receiver's, as the sender has heard it; 0 if it has not.
    pub fn your_discriminator(&self) -> u32 {
        self.word(field::YOUR_DISCRIMINATOR)
    }

    /// How often the sender would like to send.
    pub fn desired_min_tx(&self) -> Micros {
        Micros(self.word(field::DESIRED_MIN_TX))
    }

    /// How often the sender can receive; 0 for not at all.
    pub fn required_min_rx(&self) -> Micros {
        Micros(self.word(field::REQUIRED_MIN_RX))
    }

    /// How often the sender returns echo packets; 0 for not at all.
    pub fn required_min_echo_rx(&self) -> Micros {
        Micros(self.word(field::REQUIRED_MIN_ECHO_RX))
    }

    fn word(&self, at: std::ops::Range<usize>) -> u32 {
        let mut octets = [0; 4];
        octets.copy_from_slice(&self.0[at]);
        u32::from_be_bytes(octets)
    }
}

/// A control packet as a value: the mandatory section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Why the sender's session last changed its state.
    pub diagnostic: Diagnostic,
    /// The sender's session.
    pub state: State,
    /// The six flags.
    pub flags: Flags,
    /// How many of the sender's packets have to be missed before it is given up.
    pub detect_mult: u8,
    /// What the sender tells its sessions apart by.
    pub my_discriminator: u32,
    /// The receiver's, as the sender has heard it; 0 if it has not.
    pub your_discriminator: u32,
    /// How often the sender would like to send.
    pub desired_min_tx: Micros,
    /// How often the sender can receive; 0 for not at all.
    pub required_min_rx: Micros,
    /// How often the sender returns echo packets; 0 for not at all.
    pub required_min_echo_rx: Micros,
}

impl Repr {
    /// Reads a payload. An authentication section is not read; its flag says that there is one.
    ///
    /// # Errors
    /// What [`Packet::new_checked`] refuses.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let packet = Packet::new_checked(payload)?;
        Ok(Repr {
            diagnostic: packet.diagnostic(),
            state: packet.state(),
            flags: packet.flags(),
            detect_mult: packet.detect_mult(),
            my_discriminator: packet.my_discriminator(),
            your_discriminator: packet.your_discriminator(),
            desired_min_tx: packet.desired_min_tx(),
            required_min_rx: packet.required_min_rx(),
            required_min_echo_rx: packet.required_min_echo_rx(),
        })
    }

    /// The payload of a datagram. It has no authentication section, so the flag for one must be clear.
    pub fn emit(&self) -> [u8; PACKET_LEN] {
        debug_assert!(!self.flags.has(Flags::AUTHENTICATION), "there is no section to follow");
        let mut payload = [0; PACKET_LEN];
        payload[field::VERSION] = VERSION << 5 | self.diagnostic.code();
        payload[field::STATE] = self.state.bits() << 6 | self.flags.0 & Flags::ALL;
        payload[field::DETECT_MULT] = self.detect_mult;
        payload[field::LENGTH] = PACKET_LEN as u8;
        let mut put = |at: std::ops::Range<usize>, word: u32| {
            payload[at].copy_from_slice(&word.to_be_bytes());
        };
        put(field::MY_DISCRIMINATOR, self.my_discriminator);
        put(field::YOUR_DISCRIMINATOR, self.your_discriminator);
        put(field::DESIRED_MIN_TX, self.desired_min_tx.0);
        put(field::REQUIRED_MIN_RX, self.required_min_rx.0);
        put(field::REQUIRED_MIN_ECHO_RX, self.required_min_echo_rx.0);
        payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REPR: Repr = Repr {
        diagnostic: Diagnostic::NeighborSignaledSessionDown,
        state: State::Init,
        flags: Flags::POLL.with(Flags::DEMAND),
        detect_mult: 3,
        my_discriminator: 0x0102_0304,
        your_discriminator: 0x0506_0708,
        desired_min_tx: Micros(1_000_000),
        required_min_rx: Micros::from_millis(300),
        required_min_echo_rx: Micros(50),
    };

    #[test]
    fn every_field_stands_where_the_rfc_has_it() {
        let mut expected = vec![0x23, 0xa2, 3, 24, 1, 2, 3, 4, 5, 6, 7, 8];
        expected.extend([0x00, 0x0f, 0x42, 0x40, 0x00, 0x04, 0x93, 0xe0, 0, 0, 0, 50]);
        assert_eq!(REPR.emit().to_vec(), expected);
        assert_eq!(Repr::parse(&expected), Ok(REPR));
    }

    #[test]
    fn every_rule_about_the_packet_alone_is_kept() {
        type Changes = &'static [(usize, u8)];
        let rules: &[(&str, Malformed, Changes)] = &[
            ("version 0", Malformed::Version, &[(0, 0x03)]),
            ("version 2", Malformed::Version, &[(0, 0x43)]),
            ("a length of 23", Malformed::TooShort, &[(3, 23)]),
            ("a length of 25 with authentication", Malformed::TooShort, &[(1, 0xa6), (3, 25)]),
            ("a length of 25 in 24 octets", Malformed::CutShort, &[(3, 25)]),
            ("a multiplier of 0", Malformed::DetectMultZero, &[(2, 0)]),
            ("the multipoint flag", Malformed::Multipoint, &[(1, 0xa3)]),
            (
                "no discriminator of its own",
                Malformed::MyDiscriminatorZero,
                &[(4, 0), (5, 0), (6, 0), (7, 0)],
            ),
            (
                "no discriminator of ours",
                Malformed::YourDiscriminatorZero,
                &[(8, 0), (9, 0), (10, 0), (11, 0)],
            ),
        ];
        for (name, malformed, changes) in rules {
            let mut payload = REPR.emit();
            for (at, octet) in *changes {
                payload[*at] = *octet;
            }
            assert_eq!(Packet::new_checked(&payload).err(), Some(*malformed), "{name}");
        }
        for cut in 0..PACKET_LEN {
            assert_eq!(Packet::new_checked(&REPR.emit()[..cut]).err(), Some(Malformed::CutShort), "{cut}");
        }
    }

    #[test]
    fn who_is_down_need_not_know_the_other() {
        for state in [State::Down, State::AdminDown] {
            let first = Repr { state, your_discriminator: 0, ..REPR };
            assert_eq!(Repr::parse(&first.emit()), Ok(first));
        }
    }

    #[test]
    fn an_authentication_section_is_within_the_length() {
        let mut payload = [REPR.emit().to_vec(), vec![1, 4, 7, b'x']].concat();
        payload[1] |= Flags::AUTHENTICATION.0;
        payload[3] = 28;
        assert!(Repr::parse(&payload).unwrap().flags.has(Flags::AUTHENTICATION));
        assert_eq!(Repr::parse(&payload[..27]), Err(Malformed::CutShort));
    }

    #[test]
    fn every_code_and_every_state_is_itself_again() {
        assert!((0..32).all(|code| Diagnostic::from_code(code).code() == code));
        assert!((0..4).all(|bits| State::from_bits(bits).bits() == bits));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(mut payload in proptest::collection::vec(any::<u8>(), 24..40)) {
            payload[0] = VERSION << 5 | payload[0] & 0x1f;
            payload[1] &= !Flags::AUTHENTICATION.0;
            payload[3] = 24;
            if let Ok(repr) = Repr::parse(&payload) {
                prop_assert_eq!(&repr.emit()[..], &payload[..24]);
            }
        }

        #[test]
        fn any_octets_are_read_to_an_end(payload in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Repr::parse(&payload);
        }
    }
}
