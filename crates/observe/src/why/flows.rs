//! Other flows between the same two: where something on the way chooses by flow, some may pass and others not.

use super::answer::{Choice, ChoiceOption, Dying, Flows};
use super::frames::Flow;
use super::network::{Network, WhyError};
use super::walk::{Target, Walk};
use super::way::{End, Sender, end};
use std::collections::BTreeMap;

/// How many are tried.
const TRIED: u16 = 128;

/// A group of next hops of several buckets, or a bundle, is on the way.
pub(super) fn something_chooses<N: Network>(network: &N, walk: &Walk) -> Result<bool, WhyError> {
    for at in 0..walk.steps.len() {
        if !choices(network, walk, at)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One choice for one flow.
struct Met {
    node: usize,
    by: String,
    buckets: usize,
    to: String,
    bucket: Option<u16>,
}

/// What was chosen at a step.
fn choices<N: Network>(network: &N, walk: &Walk, at: usize) -> Result<Vec<Met>, WhyError> {
    let step = &walk.steps[at];
    let Some(row) = &step.row else { return Ok(Vec::new()) };
    let mut met = Vec::new();
    if let Some(route) = row.route.as_ref().filter(|route| route.buckets > 1) {
        met.push(Met {
            node: step.node,
            by: format!("group {}", route.group.get()),
            buckets: route.buckets,
            to: route.next_hop.clone(),
            bucket: Some(route.bucket),
        });
    }
    if let [sent] = &row.sent[..] {
        let ports = network.ports(step.node)?;
        let lag = ports.iter().find(|port| port.name == sent.port).and_then(|port| port.aggregate_id.clone());
        met.extend(lag.map(|by| Met {
            node: step.node,
            by,
            buckets: 0,
            to: sent.port.clone(),
            bucket: None,
        }));
    }
    Ok(met)
}

/// Flows that pass and that do not, of one option.
#[derive(Default)]
struct Tally {
    pass: usize,
    dead: Vec<u16>,
    die: usize,
}

/// Sends flows that differ in one port, and says by which choices they pass or die.
pub(super) fn tried<N: Network>(
    network: &N,
    sender: &Sender,
    target: &Target,
    flow: Flow,
    varies: fn(Flow, u16) -> Flow,
) -> Result<Flows, WhyError> {
    let mut pass = 0;
    let mut first_that_dies = None;
    let mut tallies: BTreeMap<(usize, String), (usize, BTreeMap<String, Tally>)> = BTreeMap::new();
    for number in 0..TRIED {
        let flow = varies(flow, number);
        let mut walk = sender.send(network, flow, target)?;
        let arrived = walk.arrived;
        pass += usize::from(arrived.is_some());
        let last = match arrived {
            Some(step) => step,
            None => walk.last_word(network, target)?,
        };
        // The first of all is the one that was followed.
        if arrived.is_none() && first_that_dies.is_none() && pass > 0 {
            let End { death, hops } = end(network, &walk, last, target)?;
            first_that_dies = Some(Dying { flow, hops, death });
        }
        for at in walk.chain(last) {
            for met in choices(network, &walk, at)? {
                let (buckets, options) = tallies.entry((met.node, met.by)).or_default();
                *buckets = met.buckets;
                let tally = options.entry(met.to).or_default();
                if arrived.is_some() {
                    tally.pass += 1;
                } else {
                    tally.die += 1;
                    tally.dead.extend(met.bucket.filter(|bucket| !tally.dead.contains(bucket)));
                }
            }
        }
    }
    let choices = tallies.into_iter().map(|((node, by), (buckets, options))| {
        let option = |(to, mut tally): (String, Tally)| {
            tally.dead.sort_unstable();
            ChoiceOption { to, pass: tally.pass, die: tally.die, dead_buckets: tally.dead }
        };
        let node = network.plan().name(node).to_owned();
        Choice { node, by, buckets, options: options.into_iter().map(option).collect() }
    });
    let first = varies(flow, 0);
    let ports = [first.source_port, first.destination_port];
    // It is the port of who asks that varies, whichever way is looked at.
    let begin = if ports[0] >= ports[1] { ports[0] } else { ports[1] };
    Ok(Flows {
        tried: usize::from(TRIED),
        pass,
        ports: [begin, begin.saturating_add(TRIED - 1)],
        choices: choices.collect(),
        first_that_dies,
    })
}
