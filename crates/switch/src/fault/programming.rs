//! What can go wrong between the RIB and the FIB.

use crate::lasting::Span;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What befalls writes of the programming agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum ProgrammingMishap {
    /// They do not arrive.
    Drop {
        /// The agent is told all the same that they did: it believes what it wrote.
        acknowledged: bool,
    },
    /// They arrive late, each by a time of its own; the agent waits for each.
    Delay(Span),
    /// They overtake each other: of two writes of one moment, the later arrives first.
    Misorder,
    /// Of a group, the buckets of members that changed stay as they were, and the agent is told that all is well.
    StaleMember,
}

/// Which writes: all that each of these lets pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct WriteFilter {
    /// Routes of this family, and groups that lead to next hops of it.
    pub family: Option<AddressFamily>,
    /// Routes within this prefix, and the groups that they lead to.
    pub prefix: Option<IpNet>,
    /// These buckets of a group, first and last.
    pub buckets: Option<(u16, u16)>,
    /// What this worker forwards by; the others have it right.
    pub worker: Option<u16>,
    /// Groups that change in this way.
    pub change: Option<GroupChange>,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// How a group of next hops changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupChange {
    /// It loses a member.
    MemberLost,
    /// It gets one.
    MemberReturned,
}
