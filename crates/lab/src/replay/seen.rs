//! What is seen in the course of a replay, and by which channel it is told.

use super::clock::StageClock;
use greylag_base::Instant;
use greylag_sim::Happening;
use greylag_sim::replay::Witness;
use greylag_switch::EventRecord;
use greylag_switch::show::{Counters, DropRow};
use std::sync::mpsc::Sender;

/// Something that was seen.
pub(super) enum Seen {
    /// A switch tells of an event.
    Event { node: usize, record: EventRecord },
    /// A switch has power, or has lost it.
    Power { node: usize, on: bool },
    /// Entries of a switch have lapsed since the last look.
    Lapsed { node: usize, entries: u64 },
    /// A switch has forwarded frames since the last look.
    Forwarded { node: usize },
    /// Agent and table were compared.
    Compared { node: usize, differences: usize },
    /// A counter was read for an expectation.
    Counted { expectation: usize, counts: Option<Box<(Counters, Vec<DropRow>)>> },
    /// A step of the timeline was done, or refused.
    Done { step: usize, refused: Option<String> },
    /// A frame came to a host.
    Frame { link: usize, end: usize, bytes: Box<[u8]> },
}

impl Seen {
    /// Tells it to the judge.
    pub(super) fn tell(&self, at: Instant, witness: &mut Witness<'_>) {
        match self {
            Seen::Event { node, record } => witness.happened(at, *node, &Happening::Switch(record)),
            Seen::Power { node, on } => witness.happened(at, *node, &Happening::Power(*on)),
            Seen::Lapsed { node, entries } => witness.happened(at, *node, &Happening::Lapsed(*entries)),
            Seen::Forwarded { node } => witness.forwarded(at, *node),
            Seen::Compared { node, differences } => witness.compared(at, *node, *differences),
            Seen::Counted { expectation, counts } => {
                let counts = counts.as_ref().map(|counts| (&counts.0, counts.1.as_slice()));
                witness.counted(*expectation, counts);
            }
            Seen::Done { step, refused } => witness.ordered(at, *step, refused.as_deref()),
            Seen::Frame { link, end, bytes } => witness.arrived(at, *link, *end, bytes),
        }
    }
}

/// Tells what was seen, from whatever thread.
#[derive(Clone)]
pub(super) struct Teller {
    sender: Sender<(Instant, Seen)>,
    clock: StageClock,
}

impl Teller {
    pub(super) fn new(sender: Sender<(Instant, Seen)>, clock: StageClock) -> Self {
        Teller { sender, clock }
    }

    pub(super) fn clock(&self) -> StageClock {
        self.clock
    }

    /// It was seen just now.
    pub(super) fn tell(&self, seen: Seen) {
        self.tell_of(self.clock.now(), seen);
    }

    /// It happened then.
    pub(super) fn tell_of(&self, at: Instant, seen: Seen) {
        // Nobody listens when the replay was given up.
        let _ = self.sender.send((at, seen));
    }
}
