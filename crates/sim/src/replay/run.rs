//! Walks a timeline: lets the world run from one order to the next, and judges at the end.

use super::checkers::Charge;
use super::clock::DayClock;
use super::judge::Evidence;
use super::loss::Loss;
use super::order::{Words, describe};
use super::outcome::{
    BlackHoleOutcome, FlowOutcome, MissingViolation, OrderDone, Outcome, ParameterValue, PollerOutcome,
    Violation,
};
use super::scrape::{SCRAPE_INTERVAL, Scrapes};
use super::watch::Watch;
use super::{monitoring, pollers};
use crate::flow::{BlackHole, Flow, FlowRecord};
use crate::{World, WorldError};
use greylag_base::{DropReason, Instant, Seed};
use greylag_scenario::FileError;
use greylag_scenario::story::{ExpectedOutcome, ExpectedViolation, Finding, FlowSpec, Parameter, Scenario};
use greylag_switch::config::LearningMode;
use greylag_switch::show::{Counters, DropRow};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::ops::Range;
use std::time::Duration;

/// How often somebody who waits is told how far the world is: so many times in a replay.
const STEPS: u32 = 200;

/// A probe that has not arrived so long after it was sent is lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Is told how far the world is, and when it will end; says whether to go on.
type Progress<'a> = &'a mut dyn FnMut(Instant, Instant) -> bool;

/// How a replay is done, beside its scenario.
#[derive(Default)]
pub struct Options<'a> {
    /// It ends here when that is before the scenario's own end.
    pub until: Option<Duration>,
    /// Gets the event log, line by line.
    pub events: Option<&'a mut dyn Write>,
    /// Gets every frame, as pcapng.
    pub capture: Option<&'a mut dyn Write>,
    /// Gets what a scraper of all switches would have seen, as OpenMetrics with timestamps.
    pub metrics: Option<&'a mut dyn Write>,
    /// Gets what the looks at the switches' lists found, as often as that was something else than before.
    pub discords: Option<&'a mut Vec<Discord>>,
    /// Is told how far the world is, and when it will end; the replay is given up when it says false.
    pub progress: Option<Progress<'a>>,
}

/// In how much a switch is not of one mind with itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discord {
    /// When it was looked at.
    pub at: Instant,
    /// Which switch, by its index in the lab.
    pub switch: usize,
    /// Entries in which the learning agent and the MAC table differ.
    pub table: usize,
    /// Places in which RIB and FIB differ.
    pub fib: usize,
}

/// A replay could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such scenario: choices that do not go together.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such world.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The event log, the capture or the metrics.
    #[error("cannot write what was seen: {0}")]
    Write(#[from] io::Error),
    /// Somebody did not want to wait.
    #[error("interrupted")]
    Interrupted,
}

/// What is to be done at a time, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    /// A step of the timeline, by its place in the file.
    Order(usize),
    /// A counter is read for an expectation.
    Sample(usize),
    /// Monitoring looks, for an expectation.
    Look(usize),
    /// Agents and tables are compared.
    Compare,
    /// Metrics are scraped.
    Scrape,
    /// Somebody who waits is told.
    Tell,
}

/// Replays a scenario: the same scenario and seed give the same outcome, whoever looks on.
///
/// Orders at the same time are done in the order of the file, when everything else that happens at that time has
/// happened.
///
/// # Errors
/// When a switch cannot be what its configuration asks for, a file cannot be written, or `progress` says so.
pub fn replay<'a>(scenario: &'a Scenario, seed: Seed, options: Options<'a>) -> Result<Outcome, ReplayError> {
    let until = options.until.unwrap_or(scenario.duration);
    let mut course = begin(scenario, seed, options)?;
    let end = Instant::ZERO + until.min(scenario.duration);
    course.go_on(end)?;
    let Course { mut world, flows, sets, orders, scrapes, .. } = course;
    if let Some((scrapes, out)) = scrapes {
        scrapes.write(out)?;
    }
    let records: Vec<FlowRecord> = flows.iter().map(|flow| world.flow_record(flow, PATIENCE)).collect();
    let flows = flow_outcomes(scenario, &flows, &records, &sets);
    conclude(scenario, seed, world.observer(), flows, orders, end)
}

/// A replay that is under way.
pub(crate) struct Course<'a> {
    scenario: &'a Scenario,
    pub(crate) world: World<Watch<'a>>,
    stops: BinaryHeap<Reverse<(Instant, Stop)>>,
    duration: Duration,
    progress: Option<Progress<'a>>,
    scrapes: Option<(Scrapes, &'a mut dyn Write)>,
    discords: Option<&'a mut Vec<Discord>>,
    orders: Vec<OrderDone>,
    flows: Vec<Flow>,
    sets: Vec<Range<usize>>,
}

/// Makes the world of a scenario, and what stands in its timeline ready.
pub(crate) fn begin<'a>(
    scenario: &'a Scenario,
    seed: Seed,
    options: Options<'a>,
) -> Result<Course<'a>, ReplayError> {
    let Options { until, events, capture, metrics, discords, progress } = options;
    let duration = until.map_or(scenario.duration, |until| until.min(scenario.duration));
    let watch = Watch::new(scenario, seed, events, capture)?;
    let mut world = World::new(scenario, seed, watch)?;
    let flows = world.flows().to_vec();
    let sets: Vec<Range<usize>> = (0..scenario.flows.len()).map(|set| world.flows_of(set)).collect();
    expect_flows(scenario, &flows, &sets, world.observer());
    let mut stops = stops(scenario, duration, world.observer().tables.period(), progress.is_some());
    let scrapes = metrics.map(|out| (Scrapes::default(), out));
    stops.extend(scrapes.is_some().then_some(Reverse((Instant::ZERO, Stop::Scrape))));
    let orders = Vec::new();
    Ok(Course { scenario, world, stops, duration, progress, scrapes, discords, orders, flows, sets })
}

impl Course<'_> {
    /// Lets everything happen that happens up to `end`, inclusive.
    pub(crate) fn go_on(&mut self, end: Instant) -> Result<(), ReplayError> {
        let Course { scenario, world, stops, duration, progress, scrapes, discords, orders, .. } = self;
        let tables = world.observer().tables.period();
        while stops.peek().is_some_and(|Reverse((at, _))| *at <= end)
            && let Some(Reverse((at, stop))) = stops.pop()
        {
            world.run_until(at);
            match stop {
                Stop::Order(index) => orders.push(order(scenario, index, world)),
                Stop::Sample(index) => sample(scenario, index, world),
                Stop::Look(index) => {
                    let next = monitoring::look(scenario, index, world);
                    stops.extend(next.map(|next| Reverse((next, stop))));
                }
                Stop::Compare => {
                    compare(world, scenario.lab.nodes.len(), discords.as_deref_mut());
                    stops.push(Reverse((at + tables, Stop::Compare)));
                }
                Stop::Scrape => {
                    if let Some((scrapes, _)) = scrapes {
                        scrapes.scrape(scenario, world);
                        stops.push(Reverse((at + SCRAPE_INTERVAL, Stop::Scrape)));
                    }
                }
                Stop::Tell => {
                    if let Some(tell) = progress {
                        if !tell(at, end) {
                            return Err(ReplayError::Interrupted);
                        }
                        let step = (*duration / STEPS).max(Duration::from_millis(1));
                        stops.push(Reverse((at + step, Stop::Tell)));
                    }
                }
            }
        }
        world.run_until(end);
        Ok(())
    }
}

/// Tells the onlooker what the flows are called.
pub(crate) fn expect_flows(
    scenario: &Scenario,
    flows: &[Flow],
    sets: &[Range<usize>],
    watch: &mut Watch<'_>,
) {
    let name = |node: usize| &scenario.lab.nodes[node].name;
    let numbers = scenario.flows.iter().zip(sets);
    let numbers = numbers.flat_map(|(spec, range)| range.clone().map(move |index| (spec, index)));
    let labelled = numbers.map(|(spec, index)| {
        let config = flows[index].config();
        let (from, to) = (config.from.host, config.to.host);
        (format!("{} {} to {}", spec.name, name(from), name(to)), to)
    });
    watch.expect_flows(labelled);
    for expectation in &scenario.expectations {
        if let ExpectedOutcome::Asymmetric { flows: name, .. } = &expectation.outcome
            && let Some(set) = scenario.flows.iter().position(|spec| spec.name == *name)
            && let Some(answered) = scenario.flows[set].answers
        {
            let pairs = sets[set].clone().zip(sets[answered].clone());
            watch.ways.follow(name, pairs.map(|(one, other)| (one as u32, other as u32)).collect());
        }
    }
}

/// The first stops; those that come again are put behind them one by one.
fn stops(
    scenario: &Scenario,
    duration: Duration,
    tables: Duration,
    tells: bool,
) -> BinaryHeap<Reverse<(Instant, Stop)>> {
    let after = |since: Duration| Instant::ZERO + since;
    let orders =
        scenario.timeline.iter().enumerate().map(|(index, step)| (after(step.at), Stop::Order(index)));
    let samples = scenario.expectations.iter().enumerate().filter_map(|(index, expectation)| {
        let at = expectation.at.unwrap_or(duration).min(duration);
        match expectation.outcome {
            ExpectedOutcome::Counter { .. } | ExpectedOutcome::Found { .. } => {
                Some((after(at), Stop::Sample(index)))
            }
            ExpectedOutcome::Monitoring { from, .. } => Some((after(from), Stop::Look(index))),
            _ => None,
        }
    });
    let again = [Some((after(tables), Stop::Compare)), tells.then_some((Instant::ZERO, Stop::Tell))];
    orders.chain(samples).chain(again.into_iter().flatten()).map(Reverse).collect()
}

fn order(scenario: &Scenario, index: usize, world: &mut World<Watch<'_>>) -> OrderDone {
    let before = world.observer().refusals.len();
    world.order(&scenario.timeline[index].action);
    let refused = world.observer().refusals.get(before).cloned();
    order_done(scenario, index, refused)
}

/// A step that was done, and why it was refused, if it was.
pub(crate) fn order_done(scenario: &Scenario, index: usize, refused: Option<String>) -> OrderDone {
    let step = &scenario.timeline[index];
    let Words { node, action, text } = describe(&step.action, &scenario.lab);
    OrderDone {
        at: Instant::ZERO + step.at,
        name: step.name.clone(),
        node: scenario.lab.nodes[node].name.clone(),
        action,
        text,
        standing: step.standing,
        source: step.source.clone(),
        refused,
    }
}

/// Reads the counter of an expectation, or what a check has found.
fn sample(scenario: &Scenario, index: usize, world: &mut World<Watch<'_>>) {
    let now = world.now();
    let value = match &scenario.expectations[index].outcome {
        ExpectedOutcome::Counter { switch, counter, .. } => world
            .switch(*switch)
            .and_then(|switch| read_counter(&switch.counters(now), &switch.drops(), counter)),
        ExpectedOutcome::Found { switch, what, .. } => world.switch(*switch).map(|switch| match what {
            Finding::FibConflicts => switch.fib_conflicts().len() as u64,
            Finding::LostPaths => {
                let lost = switch.path_probes().0.iter().filter(|probe| probe.answered_by.is_none());
                lost.count() as u64
            }
        }),
        _ => return,
    };
    world.observer().tallies.sample(index, value);
}

/// `mac-table.learned` or `ports.eth1.in-flooded`, as `show counters -j` has them; `drops.storm-control` over all ports.
pub(crate) fn read_counter(counters: &Counters, drops: &[DropRow], path: &str) -> Option<u64> {
    if let Some(reason) = path.strip_prefix("drops.") {
        let is_known = DropReason::ALL.iter().any(|known| known.name() == reason);
        let rows = drops.iter().filter(|row| row.reason == reason);
        return is_known.then(|| rows.map(|row| row.frames).sum());
    }
    let counters = serde_json::to_value(counters).ok()?;
    let value = path.split('.').try_fold(&counters, |value: &Value, key| match value {
        Value::Array(rows) => rows.iter().find(|row| row["port"] == key),
        value => value.get(key),
    });
    value?.as_u64()
}

/// Compares what the learning agents believe with what the tables say, and what the routing agents want with what the FIB has.
fn compare(world: &mut World<Watch<'_>>, nodes: usize, mut discords: Option<&mut Vec<Discord>>) {
    let now = world.now();
    for node in 0..nodes {
        let conflicts = world
            .switch(node)
            .filter(|switch| switch.config().learning.mode == LearningMode::Agent)
            .map(|switch| switch.check_fdb(now).len());
        let of_fib = world.switch(node).map(|switch| switch.compare_fib().len());
        world.observer().compared(now, node, conflicts.unwrap_or(0));
        world.observer().compared_fib(now, node, of_fib.unwrap_or(0));
        if let Some(discords) = discords.as_deref_mut() {
            let found =
                Discord { at: now, switch: node, table: conflicts.unwrap_or(0), fib: of_fib.unwrap_or(0) };
            let last = discords.iter().rev().find(|discord| discord.switch == node);
            if last.map_or((0, 0), |last| (last.table, last.fib)) != (found.table, found.fib) {
                discords.push(found);
            }
        }
    }
}

/// What became of each flow, without the causes. `records` has one for each of `flows`, `sets` the range that each of the scenario's
/// sets has of them.
pub(crate) fn flow_outcomes(
    scenario: &Scenario,
    flows: &[Flow],
    records: &[FlowRecord],
    sets: &[Range<usize>],
) -> Vec<FlowOutcome> {
    let name = |node: usize| scenario.lab.nodes[node].name.clone();
    let numbers = scenario.flows.iter().zip(sets);
    let numbers = numbers.flat_map(|(spec, range)| range.clone().map(move |index| (spec, index)));
    let outcome = |(spec, index): (&FlowSpec, usize)| {
        let (flow, record) = (&flows[index], &records[index]);
        FlowOutcome {
            flows: spec.name.clone(),
            from: name(flow.config().from.host),
            to: name(flow.config().to.host),
            weight: record.weight_bps,
            sent: record.sent,
            received: record.received,
            lost: record.lost,
            in_flight: record.in_flight,
            duplicates: record.duplicated,
            reordered: record.reordered,
            span: record.span,
            black_holes: record.black_holes.iter().map(hole).collect(),
        }
    };
    numbers.map(outcome).collect()
}

fn hole(hole: &BlackHole) -> BlackHoleOutcome {
    BlackHoleOutcome {
        from: hole.from,
        until: hole.until,
        ended: hole.ended.is_some(),
        first: hole.first,
        lost: hole.lost,
        cause: None,
    }
}

/// Judges, once the world has run to its end.
pub(crate) fn conclude(
    scenario: &Scenario,
    seed: Seed,
    watch: &mut Watch<'_>,
    mut flows: Vec<FlowOutcome>,
    orders: Vec<OrderDone>,
    end: Instant,
) -> Result<Outcome, ReplayError> {
    let lab = &scenario.lab;
    watch.conclude(&mut flows, end);
    watch.finish()?;
    let look = |poller| pollers::look(poller, seed, &watch.chronicle, lab, end);
    let pollers: Vec<PollerOutcome> = scenario.pollers.iter().map(look).collect();
    let clock = DayClock::new(scenario.start);
    let evidence =
        Evidence { lab, clock, flows: &flows, pollers: &pollers, ways: &watch.ways, end: scenario.duration };
    let expectations = evidence.judge(&watch.tallies);
    let (violations, missing_violations) = verdict(scenario, watch);
    let holds = expectations.iter().all(|judgement| judgement.holds || judgement.unexplained.is_some())
        && violations.iter().all(|violation| violation.expected)
        && missing_violations.is_empty();
    Ok(Outcome {
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        seed,
        variant: scenario.variant.clone(),
        parameters: scenario.parameters.iter().map(parameter).collect(),
        start: scenario.start,
        duration: end - Instant::ZERO,
        cut_short: end - Instant::ZERO < scenario.duration,
        orders,
        expectations,
        losses: Loss::of(&flows),
        flows,
        carriers: watch.carriers.told(scenario),
        pollers,
        violations,
        missing_violations,
        lesson: scenario.lesson.clone(),
        variants: scenario.variants.clone(),
        events: watch.log.lines(),
        digest: watch.log.digest(),
        holds,
    })
}

/// What the checkers have seen, and what they should have seen and have not.
fn verdict(scenario: &Scenario, watch: &mut Watch<'_>) -> (Vec<Violation>, Vec<MissingViolation>) {
    let lab = &scenario.lab;
    let charges = std::mem::take(&mut watch.charges).into_sorted();
    let is_met = |wanted: &ExpectedViolation, charge: &Charge| {
        let in_time = wanted.may_from.is_none_or(|from| charge.at >= Instant::ZERO + from);
        wanted.checker == charge.checker && (wanted.node.is_none() || wanted.node == charge.node) && in_time
    };
    let must = scenario.violations.iter().filter(|wanted| wanted.may_from.is_none());
    let missing = must.filter(|wanted| !charges.iter().any(|(charge, _)| is_met(wanted, charge)));
    let missing = missing.map(|wanted| MissingViolation {
        checker: wanted.checker.clone(),
        node: wanted.node.map(|node| lab.nodes[node].name.clone()),
    });
    let missing = missing.collect();
    let violation = |(charge, times): (Charge, u64)| Violation {
        checker: charge.checker,
        at: charge.at,
        node: charge.node.map(|node| lab.nodes[node].name.clone()),
        expected: scenario.violations.iter().any(|wanted| is_met(wanted, &charge)),
        led_there: watch.chronicle.led_to(charge.at, charge.node, lab),
        subject: charge.subject,
        text: charge.text,
        times,
    };
    (charges.into_iter().map(violation).collect(), missing)
}

fn parameter(parameter: &Parameter) -> ParameterValue {
    ParameterValue {
        name: parameter.name.clone(),
        value: parameter.value.clone(),
        standing: parameter.standing,
        source: parameter.source.clone(),
    }
}
