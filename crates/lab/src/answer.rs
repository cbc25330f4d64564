//! What the control socket answers beyond the rows of [`greylag_switch::show`]: the same with times of day, and what
//! became of an order. Times of day are RFC 3339, in UTC.

use greylag_switch::show::{
    AgentRow, AlarmRow, BfdRow, BgpNeighborRow, BgpRow, CommitRow, InterfaceRow, LacpRow,
    LinkStateNeighborRow, LinkStateRow, MclagCheckRow, NeighborRow, TraceRow,
};
use greylag_switch::{FdbConflict, FibConflict, Octets, PathProbe};
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

/// A frame that has passed the workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Watched {
    /// When it came in.
    pub time: String,
    /// How long it was, in octets.
    pub length: usize,
    /// As much of it as was kept.
    pub frame: Octets,
    /// Where copies of it were to leave.
    pub left_by: Vec<Sent>,
    /// How many were not told so far, for want of room.
    pub lost: u64,
    /// What the stages saw and decided.
    #[serde(flatten)]
    pub row: TraceRow,
}

/// A copy of a frame that was to leave by a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Which.
    pub port: String,
    /// It took it.
    pub taken: bool,
    /// Why it did not, or was not given it; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// A line of a capture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptureLine {
    /// Whose frames these are: the first line.
    Switch(CapturedSwitch),
    /// A frame.
    Frame(CapturedCopy),
    /// Everything up to a moment has been told.
    Until(CaptureProgress),
}

/// Whose frames a capture has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CapturedSwitch {
    /// Its name.
    pub name: String,
    /// Its ports, but for bundles.
    pub ports: Vec<String>,
}

/// A frame as it came in, or a copy as it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CapturedCopy {
    /// Nanoseconds of the machine's monotonic clock.
    pub at: u64,
    /// Where it came in, or leaves.
    pub port: String,
    /// It leaves.
    pub leaves: bool,
    /// How long it is, in octets.
    pub length: usize,
    /// As much of it as was kept.
    pub frame: Octets,
    /// What is to be said of one that was dropped, or that the switch itself has sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comment: Option<String>,
}

/// How far a capture is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaptureProgress {
    /// Nanoseconds of the machine's monotonic clock: what came or left before has been told.
    pub at: u64,
    /// What found no room so far, where there is any.
    pub lost: Vec<CaptureLoss>,
}

/// Frames of a port that a capture does not have, because too many others waited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaptureLoss {
    /// Which port.
    pub port: String,
    /// Of those that came in.
    pub came: u64,
    /// Of those that left.
    pub left: u64,
}

impl CaptureLoss {
    /// All of them.
    pub fn sum(&self) -> u64 {
        self.came + self.left
    }
}
