//! The probe flows of a world: a scenario's specifications, expanded, and what became of them.

use crate::flow::{Flow, FlowConfig, FlowEnd, FlowError, FlowId, FlowRecord};
use crate::host_node::HostNode;
use crate::observer::Observer;
use crate::world::{Node, World, WorldError};
use greylag_base::{Instant, Seed};
use greylag_scenario::story::{FlowSpec, Scenario};
use std::ops::Range;
use std::time::Duration;

/// Where probes go (RFC 863).
const DISCARD: u16 = 9;
/// Source ports are the dynamic ones (RFC 6335 6); behind the last one the destination port is the next.
const FIRST_PORT: u16 = 49_152;
const PORTS: u32 = u16::MAX as u32 - FIRST_PORT as u32 + 1;
/// The frame check sequence, which a scenario's sizes do not count.
const FCS_LEN: u16 = 4;

/// All flows, and which of them come from which specification.
pub(crate) struct Flows {
    pub(crate) flows: Vec<Flow>,
    pub(crate) ranges: Vec<Range<usize>>,
}

/// Expands the specifications of a scenario.
pub(crate) fn expand(scenario: &Scenario, seed: Seed) -> Result<Flows, FlowError> {
    let mut flows = Vec::new();
    let mut ranges = Vec::new();
    for spec in &scenario.flows {
        let first = flows.len();
        for (number, (from, to)) in ends(scenario, spec).enumerate() {
            let id = FlowId(flows.len() as u32);
            flows.push(Flow::new(id, config(spec, number as u32, from, to), seed)?);
        }
        ranges.push(first..flows.len());
    }
    Ok(Flows { flows, ranges })
}

/// Each flow's ends.
fn ends<'a>(scenario: &'a Scenario, spec: &'a FlowSpec) -> impl Iterator<Item = (FlowEnd, FlowEnd)> + 'a {
    let end = |host| {
        let addr = HostNode::address(&scenario.lab, host, spec.ipv6);
        FlowEnd { host, addr: addr.expect("the hosts of a flow have addresses of its family") }
    };
    let pairs = spec.pairs.iter().map(move |&(from, to)| (end(from), end(to)));
    pairs.flat_map(|pair| std::iter::repeat_n(pair, spec.count as usize))
}

fn config(spec: &FlowSpec, number: u32, from: FlowEnd, to: FlowEnd) -> FlowConfig {
    let ports = (FIRST_PORT + (number % PORTS) as u16, DISCARD + (number / PORTS) as u16);
    let (sport, dport) = if spec.answers.is_some() { (ports.1, ports.0) } else { ports };
    FlowConfig {
        name: format!("{}-{number}", spec.name),
        from,
        to,
        sport,
        dport,
        interval: spec.interval,
        phase: None,
        size: spec.size.saturating_add(FCS_LEN),
        weight_bps: spec.weight,
        dscp: 0,
        start: Instant::ZERO + spec.start,
        stop: Some(Instant::ZERO + spec.stop),
    }
}

impl<O: Observer> World<O> {
    /// All probe flows; the index is that of [`FlowId`].
    pub fn flows(&self) -> &[Flow] {
        &self.flows.flows
    }

    /// Which flows come from a specification of the scenario, by its index there.
    pub fn flows_of(&self, spec: usize) -> Range<usize> {
        self.flows.ranges[spec].clone()
    }

    /// What has become of a flow by now. A probe is lost when it has not arrived `patience` after it was sent.
    pub fn flow_record(&self, flow: &Flow, patience: Duration) -> FlowRecord {
        let FlowConfig { from, to, .. } = flow.config();
        let host = |end: &FlowEnd| self.host(end.host).expect("flows are between hosts");
        let sent = host(from).probes_sent(flow.id());
        FlowRecord::new(flow, sent, host(to).arrivals(flow.id()), self.now(), patience)
    }

    /// Hosts send and expect their flows.
    pub(crate) fn start_flows(&mut self) -> Result<(), WorldError> {
        for flow in &self.flows.flows {
            let FlowConfig { from, to, .. } = flow.config();
            if let Node::Host(host) = &mut self.nodes[from.host] {
                host.send_flow(flow)?;
            }
            if let Node::Host(host) = &mut self.nodes[to.host] {
                host.receive_flow(flow);
            }
        }
        Ok(())
    }
}
