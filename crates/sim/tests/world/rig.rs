//! A lab in the virtual world, and somebody who writes down what can be seen of it.

use greylag_base::{Instant, MacAddr, PortId, Seed};
use greylag_scenario::Source;
use greylag_scenario::lab::{self, NodeKind};
use greylag_scenario::story::{CheckerLimits, HostSettings, LinkSettings, Scenario};
use greylag_sim::{Decision, Happening, LinkLoss, Observer, World};
use greylag_wire::ethernet::{EtherType, Repr};
use std::fmt::Write;
use std::time::Duration;

/// What was seen, in order.
#[derive(Default)]
pub(crate) struct Notes {
    /// Frames that arrived: when, on which link, at which end, the frame.
    pub(crate) arrived: Vec<(Instant, usize, usize, Vec<u8>)>,
    /// Frames that did not: when, on which link, from which end, why.
    pub(crate) perished: Vec<(Instant, usize, usize, LinkLoss)>,
    /// Everything as text, line by line.
    pub(crate) log: String,
    /// Nothing is written down, for long storms; frames are counted all the same.
    pub(crate) is_brief: bool,
    pub(crate) arrivals: u64,
}

impl Observer for Notes {
    fn arrived(&mut self, at: Instant, link: usize, to: usize, frame: &[u8]) {
        self.arrivals += 1;
        if !self.is_brief {
            self.arrived.push((at, link, to, frame.to_vec()));
            let _ = writeln!(self.log, "{at:?} arrived {link}/{to} {frame:02x?}");
        }
    }

    fn perished(&mut self, at: Instant, link: usize, from: usize, _frame: &[u8], why: LinkLoss) {
        if !self.is_brief {
            self.perished.push((at, link, from, why));
            let _ = writeln!(self.log, "{at:?} perished {link}/{from} {why:?}");
        }
    }

    fn decided(&mut self, at: Instant, switch: usize, ingress: PortId, _frame: &[u8], decision: Decision) {
        if !self.is_brief {
            let _ = writeln!(self.log, "{at:?} decided {switch}/{ingress} {decision:?}");
        }
    }

    fn happened(&mut self, at: Instant, node: usize, what: &Happening<'_>) {
        if !self.is_brief {
            let _ = writeln!(self.log, "{at:?} happened {node} {what:?}");
        }
    }
}

impl Notes {
    /// How many frames perished for a reason.
    pub(crate) fn lost(&self, why: LinkLoss) -> usize {
        self.perished.iter().filter(|perished| perished.3 == why).count()
    }
}

/// A scenario that is a lab and nothing else.
pub(crate) fn scenario(lab: &str) -> Scenario {
    let lab = lab::parse(&Source::new("test.clab.yml", lab)).unwrap_or_else(|error| panic!("{error}"));
    let is_host = |kind: &NodeKind| matches!(kind, NodeKind::Host);
    let second = Duration::from_secs(1);
    let host = HostSettings { vlan: None, neighbor_lifetime: 14_400 * second, announces: true };
    let link = LinkSettings { rate: 10_000_000_000, delay: Duration::from_micros(5), queue: 1000, up: true };
    Scenario {
        name: lab.name.clone(),
        title: String::new(),
        lesson: None,
        hosts: lab.nodes.iter().map(|node| is_host(&node.kind).then(|| host.clone())).collect(),
        links: vec![link; lab.links.len()],
        lab,
        seed: Seed(1),
        start: Duration::ZERO,
        duration: 600 * second,
        parameters: Vec::new(),
        flows: Vec::new(),
        timeline: Vec::new(),
        pollers: Vec::new(),
        expectations: Vec::new(),
        checkers: CheckerLimits {
            passes: 8,
            silence: 3 * second,
            flood: 30 * second,
            disagreement: 30 * second,
        },
        violations: Vec::new(),
        variants: Vec::new(),
        variant: None,
    }
}

/// The world of a scenario.
pub(crate) fn world(scenario: &Scenario) -> World<Notes> {
    World::new(scenario, scenario.seed, Notes::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// `at` after the start.
pub(crate) fn after(at: Duration) -> Instant {
    Instant::ZERO + at
}

/// Station number `number`.
pub(crate) fn station(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

/// A minimal frame between two stations.
pub(crate) fn frame(source: MacAddr, destination: MacAddr) -> Vec<u8> {
    Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[])
}
