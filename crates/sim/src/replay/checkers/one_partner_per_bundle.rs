//! `one-partner-per-bundle`: all links that a bundle sends by lead to one system.
//!
//! Who is at the other end of a link says the last LACPDU that came from there, as it was on the wire. Where no link of a bundle
//! has ever brought one, each leads to the switch or host that it is plugged into.

use greylag_base::{Instant, PortId};
use greylag_wire::lacp::SystemId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) const NAME: &str = "one-partner-per-bundle";

/// A bundle that sends.
#[derive(Default)]
struct Bundle {
    ports: Vec<PortId>,
    /// Its links lead to several systems since then, and whether that was told.
    differs: Option<(Instant, bool)>,
}

/// Several systems behind one bundle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Divided {
    pub(crate) switch: usize,
    pub(crate) lag: String,
    pub(crate) since: Instant,
    pub(crate) ports: Vec<PortId>,
}

/// Listens on the links and to what the switches tell of their bundles.
pub(crate) struct OnePartner {
    patience: Duration,
    /// By switch and port.
    heard: BTreeMap<(usize, PortId), SystemId>,
    /// By switch and name.
    bundles: BTreeMap<(usize, String), Bundle>,
}

impl OnePartner {
    pub(crate) fn new(patience: Duration) -> Self {
        OnePartner { patience, heard: BTreeMap::new(), bundles: BTreeMap::new() }
    }

    /// A LACPDU of a system has come to a port of a switch. True when that is another one than before.
    pub(crate) fn heard(&mut self, switch: usize, port: PortId, system: SystemId) -> bool {
        self.heard.insert((switch, port), system) != Some(system)
    }

    /// A bundle sends by these ports from now on.
    pub(crate) fn sends_by(&mut self, switch: usize, lag: &str, ports: Vec<PortId>) {
        self.bundles.entry((switch, lag.to_owned())).or_default().ports = ports;
    }

    /// A switch has lost its power, or has it again.
    pub(crate) fn powered(&mut self, switch: usize) {
        self.bundles.retain(|(of, _), _| *of != switch);
        self.heard.retain(|(of, _), _| *of != switch);
    }

    /// The system at the other end of a port, as far as it was heard.
    pub(crate) fn system(&self, switch: usize, port: PortId) -> Option<SystemId> {
        self.heard.get(&(switch, port)).copied()
    }

    /// Looks at all bundles: those that have led to several systems for too long, each once. `far` is the node that a port is
    /// plugged into.
    pub(crate) fn look(&mut self, at: Instant, far: impl Fn(usize, PortId) -> Option<usize>) -> Vec<Divided> {
        let mut divided = Vec::new();
        for ((switch, lag), bundle) in &mut self.bundles {
            let systems: BTreeSet<SystemId> =
                bundle.ports.iter().filter_map(|port| self.heard.get(&(*switch, *port)).copied()).collect();
            let nodes = bundle.ports.iter().filter_map(|port| far(*switch, *port));
            let several = match systems.len() {
                0 => nodes.collect::<BTreeSet<usize>>().len() > 1,
                systems => systems > 1,
            };
            let (since, told) = bundle.differs.unwrap_or((at, false));
            let lasts = (several || bundle.differs.is_some()) && !told && at - since > self.patience;
            if lasts {
                let ports = bundle.ports.clone();
                divided.push(Divided { switch: *switch, lag: lag.clone(), since, ports });
            }
            bundle.differs = several.then_some((since, told || lasts));
        }
        divided
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_base::MacAddr;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn system(number: u8) -> SystemId {
        SystemId { priority: 1, mac: MacAddr([2, 0, 0, 0, 0, number]) }
    }

    fn checker(systems: [Option<u8>; 2]) -> OnePartner {
        let mut checker = OnePartner::new(PATIENCE);
        for (port, number) in systems.into_iter().enumerate() {
            if let Some(number) = number {
                checker.heard(0, PortId(port as u16), system(number));
            }
        }
        checker.sends_by(0, "ae0", vec![PortId(0), PortId(1)]);
        checker
    }

    /// Looks every second; when something was told. Each port is plugged into a node of its own.
    fn told(checker: &mut OnePartner, seconds: std::ops::Range<u64>) -> Vec<u64> {
        seconds.filter(|second| !checker.look(at(*second), |_, port| Some(port.index())).is_empty()).collect()
    }

    #[test]
    fn two_systems_are_told_once_and_two_chassis_that_show_one_id_are_one() {
        assert_eq!(told(&mut checker([Some(1), Some(2)]), 0..60), [4]);
        assert!(told(&mut checker([Some(1), Some(1)]), 0..60).is_empty());
    }

    #[test]
    fn where_nobody_speaks_each_node_is_a_system() {
        assert_eq!(told(&mut checker([None, None]), 0..60), [4]);
        assert!(told(&mut checker([Some(1), None]), 0..60).is_empty(), "one that was not heard yet is none");
    }

    #[test]
    fn a_partner_that_changes_on_one_link_after_the_other_is_none() {
        let mut checker = checker([Some(1), Some(1)]);
        for round in 0..5 {
            checker.heard(0, PortId(0), system(round));
            assert!(told(&mut checker, u64::from(round) * 10..u64::from(round) * 10 + 2).is_empty());
            checker.heard(0, PortId(1), system(round));
            assert!(told(&mut checker, u64::from(round) * 10 + 2..u64::from(round) * 10 + 9).is_empty());
        }
    }

    #[test]
    fn one_that_lasted_too_long_between_two_looks_is_told_all_the_same() {
        let mut checker = checker([Some(1), Some(2)]);
        assert!(told(&mut checker, 10..11).is_empty());
        checker.heard(0, PortId(1), system(1));
        assert_eq!(told(&mut checker, 20..30), [20]);
    }
}
