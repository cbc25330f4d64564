//! Alarms: what a switch tells those who ask it regularly.

use crate::agent::AgentKind;
use greylag_base::Instant;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// How bad it is, in the colours of chassis alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look.
    Yellow,
    /// Something does not work.
    Red,
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// An agent was given up, and the watchdog is going to have the whole switch started anew.
    RebootPending {
        /// Which agent.
        agent: AgentKind,
    },
    /// Reports to the agent were lost because its queue was full, within the last minute.
    ReportsLost,
    /// An address was not learned because the table had no room, within the last minute.
    MacTableFull,
    /// A commit waits to be confirmed.
    CommitUnconfirmed,
    /// The control session with the other chassis of a pair is down.
    IccpDown,
    /// It is, and the other chassis is alive: both act on their own.
    MclagSplitBrain,
    /// The chassis are told what cannot go together.
    MclagConflict,
    /// The switch is not well, and leaves its multi-chassis bundles to the other chassis.
    MclagWithdrawn,
}

/// An alarm that is or was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl AlarmKind {
    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            AlarmKind::AgentFailed { .. }
            | AlarmKind::RebootPending { .. }
            | AlarmKind::IccpDown
            | AlarmKind::MclagSplitBrain
            | AlarmKind::MclagWithdrawn => Severity::Red,
            AlarmKind::AgentRestarting { .. }
            | AlarmKind::ReportsLost
            | AlarmKind::MacTableFull
            | AlarmKind::CommitUnconfirmed
            | AlarmKind::MclagConflict => Severity::Yellow,
        }
    }
}

/// How many alarms are kept after they were cleared.
const KEPT: usize = 1024;

/// How long an alarm about something that happens now and then stays raised after the last time.
const QUIET: Duration = Duration::from_secs(60);

/// A change of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Raised(AlarmKind),
    Cleared(AlarmKind),
}

/// The alarms of a switch.
#[derive(Debug, Default)]
pub(crate) struct AlarmBoard {
    raised: Vec<Alarm>,
    cleared: VecDeque<Alarm>,
    /// When reports were lost last, and when the table was full last, while their alarms are raised.
    reports_lost: Option<Instant>,
    table_full: Option<Instant>,
}

impl AlarmBoard {
    /// Those that are raised, in the order in which they were.
    pub(crate) fn raised(&self) -> &[Alarm] {
        &self.raised
    }

    /// Those that were cleared, the last ones, in the order in which they were.
    pub(crate) fn cleared(&self) -> impl Iterator<Item = &Alarm> {
        self.cleared.iter()
    }

    /// Raises an alarm, if it is not raised.
    pub(crate) fn raise(&mut self, now: Instant, kind: AlarmKind) -> Option<Change> {
        match kind {
            AlarmKind::ReportsLost => self.reports_lost = Some(now),
            AlarmKind::MacTableFull => self.table_full = Some(now),
            _ => {}
        }
        if self.raised.iter().any(|alarm| alarm.kind == kind) {
            return None;
        }
        self.raised.push(Alarm { kind, severity: kind.severity(), raised: now, cleared: None });
        Some(Change::Raised(kind))
    }

    /// Clears an alarm, if it is raised.
    pub(crate) fn clear(&mut self, now: Instant, kind: AlarmKind) -> Option<Change> {
        let at = self.raised.iter().position(|alarm| alarm.kind == kind)?;
        if self.cleared.len() == KEPT {
            self.cleared.pop_front();
        }
        self.cleared.push_back(Alarm { cleared: Some(now), ..self.raised.remove(at) });
        Some(Change::Cleared(kind))
    }

    /// When an alarm clears by itself.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.reports_lost, self.table_full].into_iter().flatten().min().map(|last| last + QUIET)
    }

    /// Clears what has been quiet for long enough.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> [Option<Change>; 2] {
        let is_over = |last: &mut Option<Instant>| last.take_if(|last| *last + QUIET <= now).is_some();
        let (lost, full) = (is_over(&mut self.reports_lost), is_over(&mut self.table_full));
        [
            lost.then(|| self.clear(now, AlarmKind::ReportsLost)).flatten(),
            full.then(|| self.clear(now, AlarmKind::MacTableFull)).flatten(),
        ]
    }
}
