//! What the control socket answers beyond the rows of [`greylag_switch::show`]: the same with times of day, and what
//! became of an order. Times of day are RFC 3339, in UTC.

use greylag_switch::show::{
    AgentRow, AlarmRow, BfdRow, BgpNeighborRow, BgpRow, CommitRow, InterfaceRow, LacpRow,
    LinkStateNeighborRow, LinkStateRow, MclagCheckRow, NeighborRow,
};
use greylag_switch::{FdbConflict, FibConflict, PathProbe};
use serde::{Deserialize, Serialize};

/// An agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Since when it runs, or does not.
    pub since: String,
    /// Everything else.
    #[serde(flatten)]
    pub row: AgentRow,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Since when.
    pub raised: String,
    /// Until when; absent while it is raised.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cleared: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub row: AlarmRow,
}

/// A port of a bundle, as LACP has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lacp {
    /// When receive or mux machine changed last.
    pub last_change: String,
    /// Everything else.
    #[serde(flatten)]
    pub row: LacpRow,
}

/// Of routes, so many prefixes are in one answer at the most: the switch does nothing else meanwhile.
pub const MOST_PREFIXES: usize = 10_000;

/// An interface of layer 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// Since when packets may pass, or may not.
    pub since: String,
    /// Everything else.
    #[serde(flatten)]
    pub row: InterfaceRow,
}

/// A neighbour on a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neighbor {
    /// Since when its state is what it is.
    pub since: String,
    /// Everything else.
    #[serde(flatten)]
    pub row: NeighborRow,
}

/// A BFD session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bfd {
    /// When its state was last another.
    pub last_change: String,
    /// When it last went from up to down; absent for never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_failure_time: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub row: BfdRow,
}

/// The BGP speaker.
pub type Bgp = BgpRow<BgpNeighbor>;

/// A neighbour of BGP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BgpNeighbor {
    /// Since when there is a session, or none.
    pub last_change: String,
    /// When a session last ceased; absent for never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_failure: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub row: BgpNeighborRow,
}

/// What the interior protocol knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkState {
    /// When shortest paths were last computed; absent for never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spf_last: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub row: LinkStateRow<LinkStateNeighbor>,
}

/// A router on a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkStateNeighbor {
    /// Since when its state is what it is.
    pub since: String,
    /// Everything else.
    #[serde(flatten)]
    pub row: LinkStateNeighborRow,
}

/// A configuration that the switch had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// When it was committed.
    pub committed: String,
    /// Everything else.
    #[serde(flatten)]
    pub row: CommitRow,
}

/// A configuration that was put in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Committed {
    /// The number of the commit.
    pub commit: u64,
    /// Settings that it changed.
    pub changes: usize,
    /// It is rolled back unless it is confirmed by then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirm_by: Option<String>,
}

/// What a comparison of the agent's list with the table found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FdbCheck {
    /// What differed.
    pub conflicts: Vec<FdbConflict>,
    /// What differs after the repair; absent when none was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remaining: Option<Vec<FdbConflict>>,
}

/// What a comparison of RIB and FIB found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FibCheck {
    /// What differed.
    pub conflicts: Vec<FibConflict>,
    /// What differs after the repair; absent when none was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remaining: Option<Vec<FibConflict>>,
}

/// How far a check is that sends a packet through every bucket, or what the last one has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathCheck {
    /// Nothing is waited for any more.
    pub over: bool,
    /// Buckets that a packet is sent through.
    pub probes: usize,
    /// Packets that the next router has answered.
    pub answered: usize,
    /// Buckets whose packets nobody answered; none before it is over.
    pub lost: Vec<PathProbe>,
}

/// What the two chassis of a pair should agree on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MclagCheck {
    /// All of it, whether or not they do.
    pub rows: Vec<MclagCheckRow>,
}

/// What was done, where there is nothing else to say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// A word for it.
    pub done: String,
}
