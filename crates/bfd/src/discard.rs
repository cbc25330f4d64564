//! Why packets are discarded: every rule of RFC 5880 6.8.6 and RFC 5881 5 has a name and a counter.

use greylag_wire::bfd::Malformed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a packet was discarded, in the order in which a packet meets the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discard {
    /// Its UDP destination is not where packets of such a session go (RFC 5881 4, RFC 5883 5).
    WrongPort,
    /// The version is not 1.
    Version,
    /// The length field says less than the fields need.
    TooShort,
    /// The length field says more than the datagram has, or there is none.
    CutShort,
    /// The detect multiplier is zero.
    DetectMultZero,
    /// The multipoint flag is set.
    Multipoint,
    /// The sender has no discriminator.
    MyDiscriminatorZero,
    /// The sender does not know our discriminator, but is not down.
    YourDiscriminatorZero,
    /// No session has the discriminator that it is for: we have restarted since, or it is for somebody else.
    UnknownDiscriminator,
    /// The sender does not know our discriminator, and there is no session with its address.
    NoSession,
    /// It came from further away than the session allows (RFC 5881 5; of multihop, what is configured).
    Ttl,
    /// It is authenticated, which no session of ours is.
    Authentication,
    /// The session is held down by an operator. What the packet says of the sender was noted.
    AdminDown,
    /// The session's path is down, says the caller. What the packet says of the sender was noted.
    PathDown,
}

impl From<Malformed> for Discard {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Version => Discard::Version,
            Malformed::TooShort => Discard::TooShort,
            Malformed::CutShort => Discard::CutShort,
            Malformed::DetectMultZero => Discard::DetectMultZero,
            Malformed::Multipoint => Discard::Multipoint,
            Malformed::MyDiscriminatorZero => Discard::MyDiscriminatorZero,
            Malformed::YourDiscriminatorZero => Discard::YourDiscriminatorZero,
        }
    }
}

/// How many packets each rule has discarded; what has none is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Discards(BTreeMap<Discard, u64>);

impl Discards {
    /// By one rule.
    pub fn of(&self, rule: Discard) -> u64 {
        self.0.get(&rule).copied().unwrap_or(0)
    }

    /// By any rule.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn count(&mut self, rule: Discard) {
        *self.0.entry(rule).or_default() += 1;
    }
}
