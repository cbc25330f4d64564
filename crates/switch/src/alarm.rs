//! Alarms: what a switch tells those who ask it regularly.

use crate::agent::AgentKind;
use greylag_base::Instant;
use serde::Serialize;

/// How bad it is, in the colours of chassis alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look.
    Yellow,
    /// Something does not work.
    Red,
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "alarm", rename_all = "kebab-case")]
pub enum AlarmKind {
    /// The supervisor has given an agent up.
    AgentFailed {
        /// Which.
        agent: AgentKind,
    },
    /// An agent has ended and is to be started again.
    AgentRestarting {
        /// Which.
        agent: AgentKind,
    },
    /// Reports to the agent were lost because its queue was full, within the last minute.
    ReportsLost,
    /// An address was not learned because the table had no room, within the last minute.
    MacTableFull,
    /// A commit waits to be confirmed.
    CommitUnconfirmed,
}

/// An alarm that is or was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alarm {
    /// What it is about.
    #[serde(flatten)]
    pub kind: AlarmKind,
    /// How bad it is.
    pub severity: Severity,
    /// Since when.
    pub raised: Instant,
    /// Until when; `None` while it is raised.
    pub cleared: Option<Instant>,
}
