//! A replay in a world that somebody else keeps, such as real switches on real interfaces: what they see is told to a
//! [`Witness`], and judged as that of the virtual world is.

use super::outcome::{OrderDone, Outcome};
use super::run::{PATIENCE, ReplayError, conclude, expect_flows, flow_outcomes, order_done, read_counter};
use super::watch::Watch;
use crate::flow::{Arrivals, Flow, FlowRecord};
use crate::flows::{self, Flows};
use crate::{Happening, Observer, WorldError};
use greylag_base::{Instant, Seed};
use greylag_scenario::story::{ExpectedOutcome, Scenario};
use greylag_switch::show::{Counters, DropRow};
use std::io::Write;
use std::time::Duration;

/// Somebody who is told, in the order of time, what happened in a world. Nobody sees there what a switch decides over a frame, or
/// what becomes of it on a link: black holes have no cause, and loops are not seen.
pub struct Witness<'a> {
    scenario: &'a Scenario,
    seed: Seed,
    watch: Watch<'a>,
    flows: Flows,
    orders: Vec<OrderDone>,
}

impl<'a> Witness<'a> {
    /// The witness of a scenario. `events` gets the event log.
    ///
    /// # Errors
    /// When a flow cannot be what the scenario asks for.
    pub fn new(
        scenario: &'a Scenario,
        seed: Seed,
        events: Option<&'a mut dyn Write>,
    ) -> Result<Self, ReplayError> {
        let flows = flows::expand(scenario, seed).map_err(WorldError::from)?;
        let mut watch = Watch::new(scenario, seed, events, None)?;
        watch.sees_links = false;
        expect_flows(scenario, &flows.flows, &flows.ranges, &mut watch);
        Ok(Witness { scenario, seed, watch, flows, orders: Vec::new() })
    }

    /// The probe flows, by number.
    pub fn flows(&self) -> &[Flow] {
        &self.flows.flows
    }

    /// How often agents and tables are to be compared.
    pub fn comparing_period(&self) -> Duration {
        self.watch.tables.period()
    }

    /// A step of the timeline was done, or refused.
    pub fn ordered(&mut self, at: Instant, step: usize, refused: Option<&str>) {
        let done = order_done(self.scenario, step, refused.map(str::to_owned));
        let node = self.scenario.lab.nodes.iter().position(|node| node.name == done.node).unwrap_or(0);
        self.watch.happened(at, node, &Happening::Ordered(&self.scenario.timeline[step].action));
        if let Some(why) = refused {
            self.watch.happened(at, node, &Happening::NotDone(why));
        }
        self.orders.push(done);
    }

    /// Something happened in a node, or to it.
    pub fn happened(&mut self, at: Instant, node: usize, what: &Happening<'_>) {
        self.watch.happened(at, node, what);
    }

    /// A frame has arrived at the end `to` (0 or 1) of a link, where a host is.
    pub fn arrived(&mut self, at: Instant, link: usize, to: usize, frame: &[u8]) {
        self.watch.arrived(at, link, to, frame);
    }

    /// A switch has forwarded frames.
    pub fn forwarded(&mut self, at: Instant, switch: usize) {
        self.watch.forwarded(at, switch, &[]);
    }

    /// A comparison of a switch's agent with its table found so many differences.
    pub fn compared(&mut self, at: Instant, switch: usize, differences: usize) {
        self.watch.compared(at, switch, differences);
    }

    /// The counters of a switch at the time at which an expectation has them read; `None` without power.
    pub fn counted(&mut self, expectation: usize, counts: Option<(&Counters, &[DropRow])>) {
        if let ExpectedOutcome::Counter { counter, .. } = &self.scenario.expectations[expectation].outcome {
            let value = counts.and_then(|(counters, drops)| read_counter(counters, drops, counter));
            self.watch.tallies.sample(expectation, value);
        }
    }

    /// Judges at the end, when of each flow so many probes were sent, and these have arrived.
    ///
    /// # Errors
    /// When the event log cannot be written.
    pub fn conclude(mut self, probes: &[(u64, Arrivals)], end: Instant) -> Result<Outcome, ReplayError> {
        let pairs = self.flows.flows.iter().zip(probes);
        let record = |(flow, (sent, arrivals)): (&Flow, &(u64, Arrivals))| {
            FlowRecord::new(flow, *sent, arrivals, end, PATIENCE)
        };
        let records: Vec<FlowRecord> = pairs.map(record).collect();
        let flows = flow_outcomes(self.scenario, &self.flows.flows, &records, &self.flows.ranges);
        conclude(self.scenario, self.seed, &mut self.watch, flows, self.orders, end)
    }
}
