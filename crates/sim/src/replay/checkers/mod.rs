//! Checkers: onlookers that hold rules against the network.
//!
//! They see what an onlooker sees, frames on links and what the switches tell of themselves, and never ask the code
//! under test whether it is right. Each has a file; all are on in every replay.

pub(crate) mod forwarding_needs_learning;
pub(crate) mod no_black_hole;
pub(crate) mod no_duplicate;
pub(crate) mod no_lasting_flood;
pub(crate) mod no_loop;
pub(crate) mod no_mute_switch;
pub(crate) mod one_partner_per_bundle;
pub(crate) mod table_agrees;

use greylag_base::Instant;
use std::collections::BTreeMap;

/// The names of all checkers, as scenario files have them.
pub const CHECKERS: [&str; 9] = [
    no_loop::NAME,
    no_duplicate::NAME,
    no_black_hole::NAME,
    no_lasting_flood::NAME,
    table_agrees::NAME,
    table_agrees::OF_FIB,
    no_mute_switch::NAME,
    one_partner_per_bundle::NAME,
    forwarding_needs_learning::NAME,
];

/// Something that a checker has seen.
pub(crate) struct Charge {
    pub(crate) checker: &'static str,
    pub(crate) at: Instant,
    pub(crate) node: Option<usize>,
    /// The flow, or the frame's addresses.
    pub(crate) subject: Option<String>,
    pub(crate) text: String,
}

/// What the checkers have seen: the first of each checker at each node, and how many there were.
#[derive(Default)]
pub(crate) struct Charges(BTreeMap<(&'static str, Option<usize>), (Charge, u64)>);

impl Charges {
    /// Counts one; its words are wanted only when it is the first of its checker at its node, or earlier than that one.
    pub(crate) fn add(
        &mut self,
        checker: &'static str,
        node: Option<usize>,
        at: Instant,
        words: impl FnOnce() -> (Option<String>, String),
    ) {
        let charge = |(subject, text)| Charge { checker, at, node, subject, text };
        match self.0.get_mut(&(checker, node)) {
            Some((first, times)) => {
                *times += 1;
                if at < first.at {
                    *first = charge(words());
                }
            }
            None => {
                self.0.insert((checker, node), (charge(words()), 1));
            }
        }
    }

    /// All of them, by time.
    pub(crate) fn into_sorted(self) -> Vec<(Charge, u64)> {
        let mut all: Vec<(Charge, u64)> = self.0.into_values().collect();
        all.sort_by_key(|(charge, _)| charge.at);
        all
    }
}
