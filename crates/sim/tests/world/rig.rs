//! A lab in the virtual world, and somebody who writes down what can be seen of it.

use greylag_base::{Instant, MacAddr, PortId};
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_sim::{Decision, Happening, LinkLoss, Observer, World};
use greylag_wire::ethernet::{EtherType, Repr};
use std::fmt::Write;
use std::time::Duration;

/// Names and values.
pub(crate) type Fields = Vec<(String, String)>;

/// What was seen, in order.
#[derive(Default)]
pub(crate) struct Notes {
    /// Frames that arrived: when, on which link, at which end, the frame.
    pub(crate) arrived: Vec<(Instant, usize, usize, Vec<u8>)>,
    /// Frames that did not: when, on which link, from which end, why.
    /// What hosts had to say: which host, what, its fields.
    pub(crate) said: Vec<(usize, String, Fields)>,
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
        if let Happening::Host(name, fields) = what {
            let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            self.said.push((node, (*name).to_owned(), fields));
        }
        if !self.is_brief {
            let _ = writeln!(self.log, "{at:?} happened {node} {what:?}");
        }
    }
}

impl Notes {
    /// How often a host had something of this name to say.
    pub(crate) fn said(&self, node: usize, name: &str) -> usize {
        self.said.iter().filter(|said| said.0 == node && said.1 == name).count()
    }

    /// How many frames perished for a reason.
    pub(crate) fn lost(&self, why: LinkLoss) -> usize {
        self.perished.iter().filter(|perished| perished.3 == why).count()
    }
}

/// The scenario of a file's text.
pub(crate) fn scenario(text: &str) -> Scenario {
    story::parse(&Source::new("test.yml", text), &Choice::default()).unwrap_or_else(|error| panic!("{error}"))
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
