//! By which switches flows go, where an expectation asks: whether a flow and the one that answers it take the same.

use super::judge::{Finding, percent, shares};
use super::outcome::Measured;
use std::collections::{BTreeMap, BTreeSet};

/// The switches that probes of some flows have come to.
#[derive(Default)]
pub(crate) struct Ways {
    /// Flows by the name of those that answer: each, and what it answers.
    pairs: BTreeMap<String, Vec<(u32, u32)>>,
    passed: BTreeMap<u32, BTreeSet<usize>>,
}

impl Ways {
    /// Follows flows of this name, each with the one that it answers.
    pub(crate) fn follow(&mut self, name: &str, pairs: Vec<(u32, u32)>) {
        self.passed
            .extend(pairs.iter().flat_map(|&(one, other)| [one, other]).map(|flow| (flow, BTreeSet::new())));
        self.pairs.insert(name.to_owned(), pairs);
    }

    /// A probe has come to a switch.
    pub(crate) fn passed(&mut self, flow: u32, switch: usize) {
        if let Some(passed) = self.passed.get_mut(&flow) {
            passed.insert(switch);
        }
    }

    /// Of the flows of which both directions were seen, the share that goes by other switches.
    pub(super) fn judge(&self, name: &str, (least, most): (f64, f64)) -> Finding {
        let ways = |(one, other): &(u32, u32)| Some((self.passed.get(one)?, self.passed.get(other)?));
        let pairs = self.pairs.get(name).into_iter().flatten().filter_map(ways);
        let seen = pairs.filter(|(one, other)| !one.is_empty() && !other.is_empty());
        let (flows, apart) =
            seen.fold((0, 0), |(flows, apart), (one, other)| (flows + 1, apart + u64::from(one != other)));
        let share = apart as f64 / flows as f64;
        Finding {
            expected: format!(
                "of {name}, those that go by other switches than what they answer: {}",
                shares(least, most)
            ),
            measured: Measured::Asymmetric { flows, apart },
            reproduced: None,
            failure: match flows {
                0 => Some("nobody saw their ways".to_owned()),
                _ => (share < least || share > most).then(|| percent(share)),
            },
            timed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_asymmetric_where_any_switch_sees_one_direction_alone() {
        let mut ways = Ways::default();
        ways.follow("back", vec![(2, 0), (3, 1)]);
        let told = |ways: &Ways, bounds| ways.judge("back", bounds).failure;
        assert_eq!(told(&ways, (0.0, 1.0)).as_deref(), Some("nobody saw their ways"));
        // One way by 10, 11 and 13 and back; the other by 10, 11, 13 there and by 12 back.
        let seen = [(0, [10, 11, 13]), (2, [13, 11, 10]), (1, [10, 11, 13]), (3, [13, 12, 10])];
        for (flow, switches) in seen {
            switches.into_iter().for_each(|switch| ways.passed(flow, switch));
        }
        ways.passed(7, 10);
        assert_eq!(ways.judge("back", (0.5, 0.5)).measured, Measured::Asymmetric { flows: 2, apart: 1 });
        assert_eq!(told(&ways, (0.5, 0.5)), None);
        assert_eq!(told(&ways, (0.6, 1.0)).as_deref(), Some("50 %"));
        assert_eq!(told(&ways, (0.0, 0.4)).as_deref(), Some("50 %"));
    }
}
