//! What is measured, and what the MAC table is to reach.

/// One row of the table of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// Look-ups of keys that are there, 32 together.
    Hit,
    /// Look-ups of keys that are there, one at a time.
    HitEach,
    /// Look-ups of keys that are not there, 32 together.
    Miss,
    /// Frames: the source is known and current, the destination is looked up.
    Mix,
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
    pub const ALL: [Workload; 8] = [
        Workload::Hit,
        Workload::HitEach,
        Workload::Miss,
        Workload::Mix,
        Workload::MixRefresh,
        Workload::MixNew,
        Workload::Learn,
        Workload::Contended,
    ];

    /// The name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Workload::Hit => "hit",
            Workload::HitEach => "hit-each",
            Workload::Miss => "miss",
            Workload::Mix => "mix",
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
            Workload::HitEach => "look-up hit, one at a time",
            Workload::Miss => "look-up miss, batches of 32",
            Workload::Mix => "L2 mix: source check and destination look-up",
            Workload::MixRefresh => "L2 mix, every source refreshed",
            Workload::MixNew => "L2 mix, 1 % new sources, one out for each",
            Workload::Learn => "learning into an empty table",
            Workload::Contended => "look-up hit while another core learns, moves, deletes",
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
