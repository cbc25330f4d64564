//! Why packets are discarded: every rule has a name and a counter.

use crate::wire::Malformed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a packet was discarded, in the order in which a packet meets the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discard {
    /// Nobody is spoken to where it came in: the interface is not configured, disabled, passive, or down.
    Interface,
    /// There are fewer octets than the header needs, or than it says.
    CutShort,
    /// It is somebody else's experiment.
    Magic,
    /// The version is not 1.
    Version,
    /// There are more octets than the header says.
    Length,
    /// The checksum of the packet is another.
    Checksum,
    /// The sender has no router-id.
    RouterId,
    /// There is no such kind of packet.
    Kind,
    /// The body is not made of whole and sound items.
    Body,
    /// The checksum of an announcement is another.
    LsaChecksum,
    /// The sender has our router-id: two routers were given one, or a packet of ours has come back.
    OwnRouterId,
    /// It is for another router on the segment.
    ForAnother,
    /// A hello comes from an address that it does not name, or from one that is in no subnet of the interface.
    SourceAddress,
    /// The sender has another hello interval.
    HelloInterval,
    /// The sender has another dead interval.
    DeadInterval,
    /// There are as many neighbors as one hello can name.
    TooManyNeighbors,
    /// It is not a hello, and the sender has not told us with one that it hears us, or is not to be heard (BFD), or has
    /// restarted since.
    NotAdjacent,
}

impl From<Malformed> for Discard {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::CutShort => Discard::CutShort,
            Malformed::Magic => Discard::Magic,
            Malformed::Version => Discard::Version,
            Malformed::Length => Discard::Length,
            Malformed::Checksum => Discard::Checksum,
            Malformed::RouterId => Discard::RouterId,
            Malformed::Kind => Discard::Kind,
            Malformed::Body => Discard::Body,
            Malformed::LsaChecksum => Discard::LsaChecksum,
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
