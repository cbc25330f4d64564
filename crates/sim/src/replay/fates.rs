//! How single flows fare: which lose everything for good, which nothing, and whether another port of the same pair works.

use super::judge::{Finding, percent, shares};
use super::outcome::{FlowOutcome, Measured};
use greylag_base::Instant;
use std::collections::BTreeMap;

/// What became of the flows of a set within a window.
pub(super) struct Fates<'a> {
    flows: u64,
    unhurt: u64,
    failing: Vec<&'a FlowOutcome>,
    /// Of each pair of hosts, flows that fail and those that do not.
    pairs: BTreeMap<(&'a str, &'a str), (u64, u64)>,
    window: (Instant, Instant),
}

impl<'a> Fates<'a> {
    /// Of those flows that sent anything in the window.
    pub(super) fn of(flows: &'a [FlowOutcome], set: &str, window: (Instant, Instant)) -> Self {
        let mut fates = Fates { flows: 0, unhurt: 0, failing: Vec::new(), pairs: BTreeMap::new(), window };
        for flow in flows.iter().filter(|flow| flow.flows == set && overlaps(flow.span, window)) {
            fates.flows += 1;
            let fails = fails(flow, window);
            fates.unhurt +=
                u64::from(!flow.black_holes.iter().any(|hole| overlaps((hole.from, hole.until), window)));
            let pair = fates.pairs.entry((&flow.from, &flow.to)).or_default();
            *if fails { &mut pair.0 } else { &mut pair.1 } += 1;
            if fails {
                fates.failing.push(flow);
            }
        }
        fates
    }

    /// Holds the shares against what is expected of them.
    pub(super) fn judge(
        &self,
        bounds: [(&str, Option<(f64, f64)>); 2],
        avoidable: Option<(f64, f64)>,
        by: Option<&(String, f64, f64)>,
        of: &str,
    ) -> Finding {
        let shares_of = [self.failing.len() as u64, self.unhurt].map(|count| share(count, self.flows));
        let troubled = self.pairs.values().filter(|(failing, _)| *failing > 0);
        let (all, some) =
            troubled.fold((0, 0), |(all, some), (_, works)| (all + 1, some + u64::from(*works > 0)));
        let avoidable_share = share(some, all);
        let by_share = by.map(|(cause, ..)| share(self.lost_by(cause), self.failing.len() as u64));
        let mut parts = Vec::new();
        for ((what, bounds), found) in bounds.into_iter().zip(shares_of) {
            parts.extend(bounds.map(|bounds| (what.to_string(), bounds, found)));
        }
        parts.extend(
            avoidable.map(|bounds| {
                ("pairs that fail and work by another port".to_owned(), bounds, avoidable_share)
            }),
        );
        parts.extend(by.map(|(cause, least, most)| {
            (format!("those that fail by {cause}"), (*least, *most), by_share.flatten())
        }));
        let expected: Vec<String> = parts
            .iter()
            .map(|(what, (least, most), _)| format!("{what}: {}", shares(*least, *most)))
            .collect();
        let wrong: Vec<String> = parts
            .iter()
            .filter_map(|(what, (least, most), found)| match found {
                None => Some(format!("{what}: there are none to count")),
                Some(found) if found < least || found > most => Some(format!("{what}: {}", percent(*found))),
                Some(_) => None,
            })
            .collect();
        Finding {
            expected: format!("{of}: {}", expected.join(", ")),
            measured: Measured::Flows {
                flows: self.flows,
                failing: self.failing.len() as u64,
                unhurt: self.unhurt,
                failing_pairs: all,
                avoidable_pairs: some,
            },
            reproduced: None,
            failure: (!wrong.is_empty()).then(|| wrong.join(", ")),
            timed: false,
        }
    }

    fn lost_by(&self, cause: &str) -> u64 {
        let names_it = |flow: &&&FlowOutcome| {
            let holes = flow.black_holes.iter().filter(|hole| overlaps((hole.from, hole.until), self.window));
            let mut causes = holes.filter_map(|hole| hole.cause.as_ref());
            causes.any(|found| found.names.iter().any(|name| name == cause))
        };
        self.failing.iter().filter(names_it).count() as u64
    }
}

/// Of the flows that fail at the second moment, the share that did not at the first.
pub(super) fn others(
    flows: &[FlowOutcome],
    set: &str,
    (first, second): (Instant, Instant),
    (least, most): (f64, f64),
    what: &str,
) -> Finding {
    let fail_then = flows.iter().filter(|flow| flow.flows == set && is_cut_off(flow, second));
    let (all, new) =
        fail_then.fold((0, 0), |(all, new), flow| (all + 1, new + u64::from(!is_cut_off(flow, first))));
    let found = share(new, all);
    Finding {
        expected: format!("{what}: {}", shares(least, most)),
        measured: Measured::OtherFlows { failing: all, new },
        reproduced: None,
        failure: match found {
            None => Some("none fails then".to_owned()),
            Some(found) if found < least || found > most => Some(percent(found)),
            Some(_) => None,
        },
        timed: false,
    }
}

/// Every probe that was sent in the window was lost.
fn fails(flow: &FlowOutcome, (from, until): (Instant, Instant)) -> bool {
    let (from, until) = (from.max(flow.span.0), until.min(flow.span.1));
    flow.black_holes.iter().any(|hole| hole.lost > 1 && hole.from <= from && until <= hole.until)
}

/// It was in a hole of more than one probe.
fn is_cut_off(flow: &FlowOutcome, at: Instant) -> bool {
    flow.black_holes.iter().any(|hole| hole.lost > 1 && hole.from <= at && at < hole.until)
}

fn overlaps(one: (Instant, Instant), other: (Instant, Instant)) -> bool {
    one.0 < other.1 && other.0 < one.1
}

fn share(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}
