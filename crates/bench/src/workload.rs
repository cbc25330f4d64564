//! What is measured, and what the MAC table is to reach.

use crate::key::BATCH;

/// One row of the table of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// Look-ups of keys that are there, 32 together.
    Hit,
    /// The same, 64 together.
    Hit64,
    /// The same, 256 together.
    Hit256,
    /// Look-ups of keys that are there, one at a time.
    HitEach,
    /// Look-ups of keys that are not there, 32 together.
    Miss,
    /// The same, 64 together.
    Miss64,
    /// The same, 256 together.
    Miss256,
    /// Frames, 32 together: the source is known and current, the destination is looked up.
    Mix,
    /// The same, 64 together.
    Mix64,
    /// The same, 256 together. Needs 2048 entries.
    Mix256,
    /// The same in the first pass after a tick: every source is noted anew.
    MixRefresh,
    /// Frames of which 1 % have a new source; for each, the oldest of the sources that came so is taken out.
    MixNew,
    /// New keys into an empty table that has used its memory before.
    Learn,
    /// Look-ups of keys that stay, while another core learns, moves and takes out others.
    Contended,
}

/// Rate of look-ups or frames to be reached on the reference machine, Mops/s, and of the writes beside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Look-ups, frames or learned keys per microsecond.
    pub rate: f64,
    /// Writes per microsecond on the other core.
    pub writes: Option<f64>,
}

impl Workload {
    /// All of them, in the order of the table.
    pub const ALL: [Workload; 14] = [
        Workload::Hit,
        Workload::Hit64,
        Workload::Hit256,
        Workload::HitEach,
        Workload::Miss,
        Workload::Miss64,
        Workload::Miss256,
        Workload::Mix,
        Workload::Mix64,
        Workload::Mix256,
        Workload::MixRefresh,
        Workload::MixNew,
        Workload::Learn,
        Workload::Contended,
    ];

    /// The name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Workload::Hit => "hit",
            Workload::Hit64 => "hit-64",
            Workload::Hit256 => "hit-256",
            Workload::HitEach => "hit-each",
            Workload::Miss => "miss",
            Workload::Miss64 => "miss-64",
            Workload::Miss256 => "miss-256",
            Workload::Mix => "mix",
            Workload::Mix64 => "mix-64",
            Workload::Mix256 => "mix-256",
            Workload::MixRefresh => "mix-refresh",
            Workload::MixNew => "mix-new",
            Workload::Learn => "learn",
            Workload::Contended => "contended",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Workload, String> {
        Self::ALL
            .into_iter()
            .find(|workload| workload.name() == name)
            .ok_or_else(|| format!("expected one of {}", Self::ALL.map(Workload::name).join(", ")))
    }

    /// A line that says what it is.
    pub const fn title(self) -> &'static str {
        match self {
            Workload::Hit => "look-up hit, batches of 32",
            Workload::Hit64 => "look-up hit, batches of 64",
            Workload::Hit256 => "look-up hit, batches of 256",
            Workload::HitEach => "look-up hit, one at a time",
            Workload::Miss => "look-up miss, batches of 32",
            Workload::Miss64 => "look-up miss, batches of 64",
            Workload::Miss256 => "look-up miss, batches of 256",
            Workload::Mix => "L2 mix: source check and destination look-up",
            Workload::Mix64 => "L2 mix, batches of 64",
            Workload::Mix256 => "L2 mix, batches of 256",
            Workload::MixRefresh => "L2 mix, every source refreshed",
            Workload::MixNew => "L2 mix, 1 % new sources, one out for each",
            Workload::Learn => "learning into an empty table",
            Workload::Contended => "look-up hit while another core learns, moves, deletes",
        }
    }

    /// Keys, or frames, that are worked on together.
    pub(crate) const fn batch(self) -> usize {
        match self {
            Workload::HitEach => 1,
            Workload::Hit64 | Workload::Miss64 | Workload::Mix64 => 64,
            Workload::Hit256 | Workload::Miss256 | Workload::Mix256 => 256,
            _ => BATCH,
        }
    }

    /// What the MAC table is to reach at a size, on the reference machine.
    pub fn goal(self, entries: usize) -> Option<Goal> {
        let (small, large) = match self {
            Workload::Hit => ((250.0, None), (100.0, None)),
            Workload::HitEach => ((120.0, None), (45.0, None)),
            Workload::Miss => ((300.0, None), (130.0, None)),
            Workload::Mix => ((148.8, None), (60.0, None)),
            Workload::MixRefresh => return None,
            // The goals are for batches of 32.
            Workload::Hit64 | Workload::Hit256 | Workload::Miss64 => return None,
            Workload::Miss256 | Workload::Mix64 | Workload::Mix256 => return None,
            Workload::MixNew => ((100.0, None), (45.0, None)),
            Workload::Learn => ((60.0, None), (30.0, None)),
            Workload::Contended => ((150.0, Some(15.0)), (70.0, Some(15.0))),
        };
        let (rate, writes) = match entries {
            0x1_0000 => small,
            0x10_0000 => large,
            _ => return None,
        };
        Some(Goal { rate, writes })
    }
}
