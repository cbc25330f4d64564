//! Who reaches whom, and when not.

use super::{micros, span_micros};
use greylag_scenario::story::Scenario;
use greylag_sim::replay::Outcome;
use serde::Serialize;

/// Every flow, with its black holes: from these follows who reaches whom at any moment.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Traffic {
    /// Names of the sets of flows, with the interval of their probes.
    sets: Vec<(String, u64)>,
    /// Names of the hosts that send or receive, in the order of the file.
    hosts: Vec<String>,
    causes: Vec<Cause>,
    flows: Vec<Flow>,
}

/// Where frames died: for people; the node, its port and bundle.
type Cause = (String, Option<String>, Option<String>, Option<String>);

/// Set, sender, receiver, weight in bit/s, span, and its black holes: from, until, probes lost, cause.
type Flow = (usize, usize, usize, u64, (u64, u64), Vec<(u64, u64, u64, usize)>);

impl Traffic {
    pub(super) fn new(scenario: &Scenario, outcome: &Outcome) -> Self {
        let sets: Vec<_> =
            scenario.flows.iter().map(|set| (set.name.clone(), span_micros(set.interval))).collect();
        let plays = |name: &String| outcome.flows.iter().any(|flow| flow.from == *name || flow.to == *name);
        let hosts: Vec<String> =
            scenario.lab.nodes.iter().map(|node| node.name.clone()).filter(plays).collect();
        let mut traffic = Traffic { sets, hosts, causes: Vec::new(), flows: Vec::new() };
        for flow in &outcome.flows {
            let host = |name: &String| traffic.hosts.iter().position(|host| host == name).unwrap_or(0);
            let set = traffic.sets.iter().position(|(name, _)| *name == flow.flows).unwrap_or(0);
            let (from, to) = (host(&flow.from), host(&flow.to));
            let span = (micros(flow.span.0), micros(flow.span.1));
            let mut holes = Vec::new();
            for hole in &flow.black_holes {
                let cause = hole.cause.as_ref();
                let cause = (
                    cause.map_or("nobody saw a frame of it", |cause| &cause.text).to_owned(),
                    cause.map(|cause| cause.node.clone()),
                    cause.and_then(|cause| cause.port.clone()),
                    cause.and_then(|cause| cause.lag.clone()),
                );
                let known = traffic.causes.iter().position(|known| *known == cause).unwrap_or_else(|| {
                    traffic.causes.push(cause);
                    traffic.causes.len() - 1
                });
                holes.push((micros(hole.from), micros(hole.until), hole.lost, known));
            }
            traffic.flows.push((set, from, to, flow.weight, span, holes));
        }
        traffic
    }
}
