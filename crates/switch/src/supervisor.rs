//! The supervisor: starts agents, hears of their end, starts them again, and gives them up.
//!
//! In the words and by the rules of systemd: `Restart=on-abnormal`, `RestartSec=`, and `StartLimitBurst=` starts within
//! `StartLimitIntervalSec=` (systemd.service(5), systemd.unit(5)). An agent that would be started once more often is given up
//! with "start request repeated too quickly". The interval is a window that begins with the first start after the last
//! window: that is what `src/basic/ratelimit.c` does, and it is not a sliding one.

use crate::config::SupervisorConfig;
use greylag_base::Instant;
use std::time::Duration;

/// Where an agent stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It runs.
    Running,
    /// It has ended and writes its core; the supervisor has not heard of it.
    Dumping,
    /// As before, and an operator waits for it to be started again.
    Replaced,
    /// It is started again when the restart delay is over.
    Waiting,
    /// It was given up.
    Failed,
}

/// What moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cue {
    /// It ends by itself.
    Crash,
    /// Its core is written, and it is to be started again.
    Dumped,
    /// Its core is written, and it is not to be started again.
    DumpedForGood,
    /// The restart delay is over.
    Due,
    /// As before, but it was started too often.
    TooOften,
    /// An operator restarts it.
    Order,
}

/// What the switch does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Note that it has crashed.
    Mourn,
    /// End it on an operator's word.
    Stop,
    /// Start it.
    Start,
    /// Give it up.
    GiveUp(GivenUp),
}

/// Why an agent was given up, as systemd's `Result=` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GivenUp {
    /// It would have been started more often than the start limit allows.
    StartLimitHit,
    /// It ended, and the supervisor does not restart.
    CoreDump,
}

type Transition = (Stage, Cue, Stage, &'static [Act]);

/// An agent's life. What is not here does not happen.
const LIFE: &[Transition] = &[
    (Stage::Running, Cue::Crash, Stage::Dumping, &[Act::Mourn]),
    (Stage::Running, Cue::Order, Stage::Running, &[Act::Stop, Act::Start]),
    (Stage::Dumping, Cue::Dumped, Stage::Waiting, &[]),
    (Stage::Dumping, Cue::DumpedForGood, Stage::Failed, &[Act::GiveUp(GivenUp::CoreDump)]),
    (Stage::Dumping, Cue::Order, Stage::Replaced, &[]),
    (Stage::Replaced, Cue::Dumped, Stage::Running, &[Act::Start]),
    (Stage::Replaced, Cue::DumpedForGood, Stage::Running, &[Act::Start]),
    (Stage::Waiting, Cue::Due, Stage::Running, &[Act::Start]),
    (Stage::Waiting, Cue::TooOften, Stage::Failed, &[Act::GiveUp(GivenUp::StartLimitHit)]),
    (Stage::Waiting, Cue::Order, Stage::Running, &[Act::Start]),
    (Stage::Failed, Cue::Order, Stage::Running, &[Act::Start]),
];

/// Starts within the current window.
#[derive(Clone, Copy, Debug, Default)]
struct StartLimit {
    window: Option<Instant>,
    starts: u32,
}

impl StartLimit {
    /// May it be started now? Counts the start.
    fn admits(&mut self, now: Instant, config: &SupervisorConfig) -> bool {
        if config.start_limit_interval.is_zero() || config.start_limit_burst == 0 {
            return true;
        }
        match self.window {
            Some(begin) if now.since(begin) <= config.start_limit_interval => {
                self.starts = self.starts.saturating_add(1);
            }
            _ => *self = StartLimit { window: Some(now), starts: 1 },
        }
        self.starts <= config.start_limit_burst
    }
}

/// What the supervisor knows of one agent.
#[derive(Debug)]
pub(crate) struct Supervisor {
    stage: Stage,
    since: Instant,
    /// When the core is written, or the restart delay over.
    until: Option<Instant>,
    limit: StartLimit,
    starts: u64,
}

impl Supervisor {
    /// Of an agent that is to be started at once.
    pub(crate) fn new(now: Instant) -> Self {
        let (stage, limit) = (Stage::Waiting, StartLimit::default());
        Supervisor { stage, since: now, until: Some(now), limit, starts: 0 }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Since when it is at this stage, or was started last.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// How often it was started.
    pub(crate) fn starts(&self) -> u64 {
        self.starts
    }

    /// When it is to be moved on.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    /// The agent ends and writes its core for so long.
    pub(crate) fn crash(&mut self, now: Instant, dump: Duration) -> &'static [Act] {
        let acts = self.follow(now, Cue::Crash);
        if !acts.is_empty() {
            self.until = Some(now + dump);
        }
        acts
    }

    /// An operator restarts it, and its starts are counted from zero.
    pub(crate) fn restart(&mut self, now: Instant, config: &SupervisorConfig) -> &'static [Act] {
        self.limit = StartLimit::default();
        let until = self.until;
        let acts = self.follow(now, Cue::Order);
        match self.stage {
            Stage::Replaced => self.until = until,
            _ => {
                self.limit.admits(now, config);
            }
        }
        acts
    }

    /// What is due at `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant, config: &SupervisorConfig) -> &'static [Act] {
        if self.until.is_none_or(|until| now < until) {
            return &[];
        }
        let cue = match self.stage {
            Stage::Dumping if !config.restart => Cue::DumpedForGood,
            Stage::Dumping => Cue::Dumped,
            Stage::Replaced => {
                self.limit.admits(now, config);
                Cue::Dumped
            }
            Stage::Waiting if self.limit.admits(now, config) => Cue::Due,
            Stage::Waiting => Cue::TooOften,
            Stage::Running | Stage::Failed => {
                unreachable!("nothing is due for an agent that runs or has failed")
            }
        };
        let acts = self.follow(now, cue);
        if self.stage == Stage::Waiting {
            self.until = Some(now + config.restart_delay);
        }
        acts
    }

    fn follow(&mut self, now: Instant, cue: Cue) -> &'static [Act] {
        let Some(&(.., next, acts)) = LIFE.iter().find(|step| (step.0, step.1) == (self.stage, cue)) else {
            return &[];
        };
        (self.stage, self.since, self.until) = (next, now, None);
        self.starts += u64::from(acts.contains(&Act::Start));
        acts
    }
}
