//! Black holes of several flows that have one cause are one, to people.

use super::outcome::{BlackHoleOutcome, FlowOutcome};
use greylag_base::Instant;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Black holes of one set of flows with one cause.
#[derive(Clone, Debug, PartialEq)]
pub struct HoleGroup<'a> {
    /// The name of the set in the file.
    pub flows: &'a str,
    /// The cause, for people.
    pub cause: &'a str,
    /// Each with its flow.
    pub holes: Vec<(&'a FlowOutcome, &'a BlackHoleOutcome)>,
    /// Probes that were lost in them.
    pub lost: u64,
    /// When the first began.
    pub first: Instant,
    /// When the last was over.
    pub last: Instant,
    /// How long the longest was.
    pub longest: Duration,
}

impl<'a> HoleGroup<'a> {
    /// All black holes of some flows; the cause that most was lost by comes first.
    pub fn of(flows: &'a [FlowOutcome]) -> Vec<Self> {
        let mut groups: BTreeMap<(&str, &str), HoleGroup<'a>> = BTreeMap::new();
        for flow in flows {
            for hole in &flow.black_holes {
                let cause = hole.cause.as_ref().map_or("nobody saw a frame of it", |cause| &cause.text);
                let group = groups.entry((&flow.flows, cause)).or_insert_with(|| HoleGroup {
                    flows: &flow.flows,
                    cause,
                    holes: Vec::new(),
                    lost: 0,
                    first: hole.from,
                    last: hole.until,
                    longest: Duration::ZERO,
                });
                group.holes.push((flow, hole));
                group.lost += hole.lost;
                group.first = group.first.min(hole.from);
                group.last = group.last.max(hole.until);
                group.longest = group.longest.max(hole.until - hole.from);
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|group| Reverse(group.lost));
        groups
    }

    /// The flow, where it is one; otherwise its set and how many holes there are.
    pub fn subject(&self) -> String {
        match self.holes.as_slice() {
            [(flow, _)] => flow.label(),
            holes => format!("{}, {} holes", self.flows, holes.len()),
        }
    }
}
