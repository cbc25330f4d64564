//! A replay as a page: one HTML file that explains an outage to whoever opens it, without network and without
//! anything beside it.
//!
//! In the order in which it is made: `recorder.rs` listens to the event log, and `turns.rs` says what each event makes of
//! something that has a state; `network.rs` and `layout.rs` draw the map; `traffic.rs` has who reaches whom; `summary.rs`
//! says all of it in a paragraph; `page.rs` joins that, as one JSON value, with the files in `page/`, which show it.
//!
//! ```
//! use greylag_observe::report::{Recorder, Report};
//! use greylag_scenario::{Source, story};
//! use greylag_sim::replay::{Options, replay};
//!
//! let text = "
//! name: quiet
//! title: Nothing happens
//! duration: 2s
//! topology:
//!   nodes: {sw1: {kind: greylag}, h1: {kind: host}}
//!   links: [{endpoints: ['sw1:eth1', {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]}]
//! ";
//! let source = Source::new("quiet.yml", text);
//! let scenario = story::parse(&source, &story::Choice::default())?;
//! let mut recorder = Recorder::new(&scenario.lab, None);
//! let mut discords = Vec::new();
//! let options = Options { events: Some(&mut recorder), discords: Some(&mut discords), ..Options::default() };
//! let outcome = replay(&scenario, scenario.seed, options)?;
//! let page = Report::new(&scenario, &outcome, &recorder, &discords, &[]).page();
//! assert!(page.starts_with("<!doctype html>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod layout;
mod network;
mod page;
mod recorder;
mod summary;
mod traffic;
mod turns;

pub use recorder::Recorder;

use greylag_base::Instant;
use greylag_scenario::story::{ExpectedOutcome, Scenario};
use greylag_sim::replay::{DayClock, Discord, HoleGroup, Loss, Outcome, difference, span};
use network::{Link, Node};
use recorder::Log;
use serde::Serialize;
use std::time::Duration;
use traffic::Traffic;
use turns::Track;

/// What the page shows. Times are microseconds since the start: what a browser's numbers hold exactly.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    title: String,
    scenario: String,
    variant: Option<String>,
    seed: u64,
    /// Time of day at zero, since midnight.
    start: u64,
    duration: u64,
    cut_short: bool,
    holds: bool,
    verdict: String,
    summary: Vec<String>,
    lesson: Option<[String; 4]>,
    orders: Vec<Order>,
    expectations: Vec<Expected>,
    nodes: Vec<Node>,
    links: Vec<Link>,
    tracks: Vec<Track>,
    log: Log,
    traffic: Traffic,
    pollers: Vec<Poller>,
    holes: Vec<Holes>,
    violations: Vec<Violation>,
    missing: Vec<String>,
    variants: Vec<Variant>,
    parameters: Vec<Parameter>,
    events: u64,
    digest: String,
}

#[derive(Clone, Debug, Serialize)]
struct Order {
    at: u64,
    node: String,
    text: String,
    standing: &'static str,
    source: Option<String>,
    refused: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Expected {
    name: String,
    text: String,
    standing: &'static str,
    source: Option<String>,
    unexplained: Option<String>,
    logged: Option<u64>,
    tolerance: u64,
    reproduced: Option<u64>,
    /// Reproduced less logged, for people.
    distance: Option<String>,
    /// What of the replay it speaks of, where it speaks of a part.
    window: Option<(u64, u64)>,
    measured: Option<String>,
    holds: bool,
    failure: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Poller {
    name: String,
    period: u64,
    phase: u64,
    unanswered: u64,
    alarms: Vec<Alarm>,
}

#[derive(Clone, Debug, Serialize)]
struct Alarm {
    switch: String,
    alarm: String,
    severity: String,
    raised: u64,
    seen: Option<u64>,
    gone: Option<u64>,
    earliest: u64,
    latest: u64,
    maybe: bool,
}

/// Black holes of one cause.
#[derive(Clone, Debug, Serialize)]
struct Holes {
    subject: String,
    cause: String,
    count: usize,
    lost: u64,
    first: u64,
    last: u64,
    longest: String,
}

#[derive(Clone, Debug, Serialize)]
struct Violation {
    checker: &'static str,
    at: u64,
    node: Option<String>,
    subject: Option<String>,
    text: String,
    times: u64,
    led: Vec<(u64, String, String)>,
    expected: bool,
}

/// What became of the scenario under another design.
#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    /// Its name; `None` for the file as it is.
    pub name: Option<String>,
    /// A line for people.
    pub title: String,
    /// All that it expects came out.
    pub holds: bool,
    /// Of each set of flows, what was lost.
    pub losses: Vec<Loss>,
}

#[derive(Clone, Debug, Serialize)]
struct Parameter {
    name: String,
    value: String,
    standing: &'static str,
    source: Option<String>,
}

impl Report {
    /// Puts together what a replay has left: its outcome, what the recorder heard, and where switches were of two minds.
    /// `variants` are other designs to compare it with.
    pub fn new(
        scenario: &Scenario,
        outcome: &Outcome,
        recorder: &Recorder<'_>,
        discords: &[Discord],
        variants: &[Variant],
    ) -> Self {
        let clock = DayClock::new(outcome.start);
        let end = Instant::ZERO + outcome.duration;
        Report {
            title: outcome.title.clone(),
            scenario: outcome.scenario.clone(),
            variant: outcome.variant.clone(),
            seed: outcome.seed.0,
            start: span_micros(outcome.start),
            duration: span_micros(outcome.duration),
            cut_short: outcome.cut_short,
            holds: outcome.holds,
            verdict: summary::verdict(outcome),
            summary: summary::sentences(&scenario.lab, outcome, recorder.log(), clock),
            lesson: outcome.lesson.as_ref().map(|lesson| {
                [&lesson.cause, &lesson.seen, &lesson.notice, &lesson.avoid].map(String::clone)
            }),
            orders: outcome.orders.iter().map(order).collect(),
            expectations: expectations(scenario, outcome, clock),
            nodes: network::nodes(scenario),
            links: network::links(scenario, end),
            tracks: recorder.tracks(discords),
            log: recorder.log().clone(),
            traffic: Traffic::new(scenario, outcome),
            pollers: outcome.pollers.iter().map(poller).collect(),
            holes: HoleGroup::of(&outcome.flows).iter().map(holes).collect(),
            violations: outcome.violations.iter().map(violation).collect(),
            missing: outcome.missing_violations.iter().map(missing).collect(),
            variants: variants.to_vec(),
            parameters: outcome.parameters.iter().map(parameter).collect(),
            events: outcome.events,
            digest: outcome.digest.clone(),
        }
    }

    /// The whole page.
    pub fn page(&self) -> String {
        page::page(self)
    }
}

fn micros(at: Instant) -> u64 {
    at.as_nanos() / 1_000
}

fn span_micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn order(order: &greylag_sim::replay::OrderDone) -> Order {
    Order {
        at: micros(order.at),
        node: order.node.clone(),
        text: order.text.clone(),
        standing: greylag_sim::replay::standing_name(order.standing),
        source: order.source.clone(),
        refused: order.refused.clone(),
    }
}

fn expectations(scenario: &Scenario, outcome: &Outcome, clock: DayClock) -> Vec<Expected> {
    let judged = outcome.expectations.iter().map(|judgement| {
        let asked = scenario.expectations.iter().find(|asked| asked.name == judgement.name);
        let window = asked.and_then(|asked| match asked.outcome {
            ExpectedOutcome::Level { from, until, .. } | ExpectedOutcome::Flows { from, until, .. } => {
                Some((span_micros(from), span_micros(until.min(outcome.duration))))
            }
            _ => None,
        });
        Expected {
            name: judgement.name.clone(),
            text: judgement.expected.clone(),
            standing: greylag_sim::replay::standing_name(judgement.standing),
            source: judgement.source.clone(),
            unexplained: judgement.unexplained.clone(),
            logged: judgement.logged.map(span_micros),
            tolerance: span_micros(judgement.tolerance),
            reproduced: judgement.reproduced.map(micros),
            distance: judgement.difference.map(difference),
            window,
            measured: judgement.measured.words(clock),
            holds: judgement.holds,
            failure: judgement.failure.clone(),
        }
    });
    judged.collect()
}

fn poller(poller: &greylag_sim::replay::PollerOutcome) -> Poller {
    let alarms = poller.alarms.iter().map(|alarm| Alarm {
        switch: alarm.switch.clone(),
        alarm: alarm.alarm.clone(),
        severity: alarm.severity.clone(),
        raised: micros(alarm.raised),
        seen: alarm.seen.map(micros),
        gone: alarm.gone.map(micros),
        earliest: micros(alarm.any_phase.0),
        latest: micros(alarm.any_phase.1),
        maybe: alarm.may_be_missed,
    });
    Poller {
        name: poller.name.clone(),
        period: span_micros(poller.period),
        phase: span_micros(poller.phase),
        unanswered: poller.unanswered,
        alarms: alarms.collect(),
    }
}

fn holes(group: &HoleGroup<'_>) -> Holes {
    Holes {
        subject: group.subject(),
        cause: group.cause.to_owned(),
        count: group.holes.len(),
        lost: group.lost,
        first: micros(group.first),
        last: micros(group.last),
        longest: span(group.longest),
    }
}

fn violation(violation: &greylag_sim::replay::Violation) -> Violation {
    let led = violation.led_there.iter();
    Violation {
        checker: violation.checker,
        at: micros(violation.at),
        node: violation.node.clone(),
        subject: violation.subject.clone(),
        text: violation.text.clone(),
        times: violation.times,
        led: led.map(|note| (micros(note.at), note.node.clone(), note.text.clone())).collect(),
        expected: violation.expected,
    }
}

fn missing(missing: &greylag_sim::replay::MissingViolation) -> String {
    let node = missing.node.as_ref().map_or_else(String::new, |node| format!(" on {node}"));
    format!("{}{node}", missing.checker)
}

fn parameter(parameter: &greylag_sim::replay::ParameterValue) -> Parameter {
    Parameter {
        name: parameter.name.clone(),
        value: parameter.value.clone(),
        standing: greylag_sim::replay::standing_name(parameter.standing),
        source: parameter.source.clone(),
    }
}
