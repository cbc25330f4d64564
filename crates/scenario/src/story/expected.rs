//! What must come out of a scenario.

use super::Standing;
use std::time::Duration;

/// Something that must come out.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Its name.
    pub name: String,
    /// What.
    pub outcome: ExpectedOutcome,
    /// When the logs have it, where they have it.
    pub at: Option<Duration>,
    /// How far off it may be.
    pub tolerance: Duration,
    /// How well it is known.
    pub standing: Standing,
    /// Who says so.
    pub source: Option<String>,
    /// Nobody knows why it was so, and it is told, not asked for, whether it comes out: what is supposed to be the reason.
    pub unexplained: Option<String>,
}

/// What can be expected. `flows` names a [`FlowSpec`](super::FlowSpec); times and windows are since the start.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectedOutcome {
    /// An event is there, first, or last, at [`Expectation::at`].
    Event {
        /// On which switch or host; anywhere when absent.
        node: Option<usize>,
        /// Its name.
        event: String,
        /// What its fields are.
        fields: Vec<(String, String)>,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// The last one's time counts, not the first one's.
        last: bool,
        /// It comes so often at least.
        least: u64,
        /// And so often at most.
        most: Option<u64>,
    },
    /// A poller sees an alarm, first at [`Expectation::at`].
    AlarmSeen {
        /// By which poller.
        poller: String,
        /// On which switch.
        switch: usize,
        /// Its name.
        alarm: String,
    },
    /// A share of a flow's volume arrives within a window.
    Level {
        /// Which flows.
        flows: String,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// At least this share, 0 to 1.
        least: f64,
        /// At most this share.
        most: f64,
    },
    /// The longest black hole of a flow begins at [`Expectation::at`] and lasts so long.
    BlackHole {
        /// Which flows.
        flows: String,
        /// Lasts at least.
        least: Duration,
        /// Lasts at most.
        most: Option<Duration>,
        /// What kills the frames: a drop reason, a fault's name, `link`.
        cause: Option<String>,
    },
    /// Frames for others reach a host.
    ForeignUnicast {
        /// Which host.
        host: usize,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// Frames at least.
        least: u64,
        /// Frames at most.
        most: Option<u64>,
    },
    /// Of some flows, the shares that fare in one way within a window.
    Flows {
        /// Which flows.
        flows: String,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// Those of which every probe is lost.
        failing: Option<(f64, f64)>,
        /// Those of which no probe is lost.
        unhurt: Option<(f64, f64)>,
        /// Of the pairs of hosts with a flow that fails, those of which another flow, from another port, does not.
        avoidable: Option<(f64, f64)>,
        /// Of those that fail, the share that is lost by this: a drop reason, a fault's name, `link`.
        by: Option<(String, f64, f64)>,
    },
    /// Of the flows that fail at one moment, the share that did not fail at another.
    OtherFlows {
        /// Which flows.
        flows: String,
        /// A moment.
        before: Duration,
        /// A later one.
        after: Duration,
        /// At least.
        least: f64,
        /// At most.
        most: f64,
    },
    /// Of flows that answer others, the share that goes by other switches than what it answers.
    Asymmetric {
        /// Which flows.
        flows: String,
        /// At least.
        least: f64,
        /// At most.
        most: f64,
    },
    /// What comparing RIB and FIB, or trying the buckets, found in a switch by [`Expectation::at`], or at the end.
    Found {
        /// In which switch.
        switch: usize,
        /// Which of them.
        what: Finding,
        /// At least.
        least: u64,
        /// At most.
        most: Option<u64>,
    },
    /// How often monitoring from inside finds something down within a window: an interface, a neighbour, a session.
    Monitoring {
        /// Switches that it asks.
        switches: Vec<usize>,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
        /// Between two looks.
        every: Duration,
        /// Looks that find something, at least.
        least: u64,
        /// At most.
        most: Option<u64>,
    },
    /// A counter of a switch is within bounds at [`Expectation::at`], or at the end.
    Counter {
        /// Which switch.
        switch: usize,
        /// Its path in `show counters -j` or a drop reason: `mac-table.learned`, `drops.storm-control`.
        counter: String,
        /// At least.
        least: u64,
        /// At most.
        most: Option<u64>,
    },
}

/// What an operator's check of a switch found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Places where RIB and FIB differ, as the last check found them.
    FibConflicts,
    /// Buckets of which no packet was answered, in the last check.
    LostPaths,
}
