//! What a switch's stack has counted: packets that it dropped, ICMP messages that it sent, and errors that it did not send.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Declares each reason once: variant, sentence.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($variant:ident, $description:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $(#[doc = $description] $variant),+ }

        impl $name {
            /// One sentence for people.
            pub const fn description(self) -> &'static str {
                match self { $($name::$variant => $description),+ }
            }
        }
    };
}

reasons! {
    /// Why a packet went no further: those of received packets first.
    IpDrop {
        NoInterface, "There is no such interface.";
        InterfaceDown, "The interface is down.";
        Runt, "The frame is shorter than its header.";
        ForeignMac, "The frame is for another station, or for a group that the switch is not in.";
        UnknownProtocol, "Nobody here speaks the frame's or the packet's protocol.";
        Malformed, "Lengths, checksums or fields of the packet are not right.";
        Martian, "The packet's source or destination cannot be on a link.";
        OwnSource, "The packet's source is an address of ours.";
        ForeignAddress, "The packet is not for the switch.";
        HopLimit, "The packet has come too far: its time to live is over, or its segment is not from where its sender should be.";
        Fragments, "The fragments overlap, are too many, or did not all come in time.";
        NoRoute, "The packet is for a group or a link-local address, and it was not said by which interface it leaves.";
        NoSource, "There is no address to send from.";
        TooBig, "The packet is longer than the MTU and must not be fragmented.";
        Unresolved, "The neighbour did not answer.";
        QueueFull, "Too many packets wait for the same neighbour, and the oldest had to go; or too many connections are being opened.";
        NeighborsFull, "The interface's table of neighbours is full, and none of them is stale.";
    }
}

reasons! {
    /// Why an ICMP error was not sent.
    Silence {
        AboutError, "The packet is itself an ICMP error.";
        Fragment, "The packet is a fragment other than the first.";
        ToGroup, "The packet or its frame was for a group, or for everybody.";
        NoSource, "The packet's source is not the address of one station.";
        Malformed, "The packet's header is not right.";
        Limited, "There have been too many errors.";
        NoAddress, "The switch has no address to send it from.";
    }
}

/// What a switch's stack has counted since it started; what has none is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IpCounters {
    /// Packets that went no further.
    pub drops: BTreeMap<IpDrop, u64>,
    /// Echo requests that were answered.
    pub echo_replies: u64,
    /// ICMP errors that were sent, by their kind.
    pub icmp_errors: BTreeMap<Cow<'static, str>, u64>,
    /// ICMP errors that were not sent.
    pub icmp_silences: BTreeMap<Silence, u64>,
}

impl IpCounters {
    /// What was dropped for a reason.
    pub fn dropped(&self, reason: IpDrop) -> u64 {
        self.drops.get(&reason).copied().unwrap_or(0)
    }

    pub(crate) fn drop(&mut self, reason: IpDrop) {
        *self.drops.entry(reason).or_default() += 1;
    }
}
