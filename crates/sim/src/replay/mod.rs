//! Replays: a scenario is done to a world, and what comes out is held against what the logs say.
//!
//! [`replay`] makes the world, does what the timeline says, and looks on as an outsider would: [`Outcome`] is all that
//! it found. Whatever is found comes from frames on links, decisions, and what switches and hosts say of
//! themselves; nothing that looks on changes what happens.
//!
//! In the order in which a replay goes: `run.rs` walks the timeline; `watch.rs` is the one observer, which hands on what
//! it sees to `log.rs` (the event log and its digest), `cause.rs` (where frames die), `chronicle.rs` (what stands
//! behind it), `capture.rs` (pcapng) and `checkers`; `scrape.rs` reads what switches measure; `pollers.rs` and `judge.rs` conclude; `outcome.rs` is the result, `loss.rs` what it comes to, `holes.rs` what has one cause.
//! Who wants to look around on the way stops it at a moment, `moment.rs`.

mod capture;
mod carriers;
mod cause;
mod checkers;
mod chronicle;
mod clock;
mod fates;
mod frame;
mod holes;
mod judge;
mod log;
mod loss;
mod moment;
mod monitoring;
mod order;
mod outcome;
mod pollers;
#[cfg(test)]
mod rehearsal;
mod run;
mod scrape;
mod topology;
mod watch;
mod ways;
mod witness;

pub use cause::{AgentTrouble, Cause};
pub use checkers::CHECKERS;
pub use chronicle::Life;
pub use clock::{DayClock, difference, span};
pub use holes::HoleGroup;
pub use judge::percent;
pub use loss::Loss;
pub use moment::{LinkFate, LoggedEvent, Moment, look_at};
pub use outcome::{
    AlarmSeen, BlackHoleOutcome, Carrier, FlowOutcome, Judgement, Measured, MissingViolation, Notable,
    OrderDone, Outcome, ParameterValue, PollerOutcome, Violation, standing_name,
};
pub use run::{Discord, Options, ReplayError, replay};
pub use scrape::SCRAPE_INTERVAL;
pub use witness::Witness;
