//! What the control socket answers beyond the rows of [`greylag_switch::show`]: the same with times of day, and what
//! became of an order. Times of day are RFC 3339, in UTC.

use greylag_switch::FdbConflict;
use greylag_switch::show::{AgentRow, AlarmRow, CommitRow, LacpRow};
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

/// What was done, where there is nothing else to say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// A word for it.
    pub done: String,
}
