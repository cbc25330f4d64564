//! An outage in a paragraph: what was done, what died, how much was lost and for how long, and who told it first.

use super::recorder::Log;
use greylag_base::Instant;
use greylag_scenario::lab::Lab;
use greylag_sim::replay::{AlarmSeen, DayClock, FlowOutcome, HoleGroup, Outcome, percent, span};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// Of a set of flows this share has to be lost at a moment for the loss to be told.
const TOLD: f64 = 0.001;

/// The sentences of the paragraph.
pub(super) fn sentences(lab: &Lab, outcome: &Outcome, log: &Log, clock: DayClock) -> Vec<String> {
    let first_loss = first_loss(&outcome.flows);
    let parts = [
        done(outcome, first_loss, clock),
        died(lab, log, clock),
        sessions(lab, log, clock),
        lost(outcome, clock),
        where_it_died(outcome),
        told(outcome, first_loss, clock),
    ];
    parts.into_iter().flatten().collect()
}

/// Whether all is as expected, and what is not.
pub(super) fn verdict(outcome: &Outcome) -> String {
    let failed = outcome.expectations.iter().filter(|judgement| !judgement.holds);
    let (unexplained, failed): (Vec<_>, Vec<_>) =
        failed.partition(|judgement| judgement.unexplained.is_some());
    let unexpected = outcome.violations.iter().filter(|violation| !violation.expected).count();
    let of = outcome.expectations.len();
    let mut text = match outcome.holds {
        true => format!("{} of {of} expectations come out", of - unexplained.len()),
        false => format!("{} of {of} expectations do not come out", failed.len()),
    };
    for (count, what) in [
        (unexplained.len(), "not explained"),
        (unexpected, "violations unexpected"),
        (outcome.missing_violations.len(), "violations missing"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text
}

/// The fields of an event, for people.
pub(super) fn words(fields: &Map<String, Value>) -> String {
    let told = fields.iter().filter(|(name, _)| {
        !matches!(name.as_str(), "at-ns" | "node" | "sequence" | "happened-ns" | "event")
    });
    let words = told.map(|(name, value)| match value {
        // What was ordered is a sentence already.
        Value::String(text) if name == "text" => text.clone(),
        Value::String(text) => format!("{name}={text}"),
        value => format!("{name}={}", value.to_string().replace('"', "")),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn first_loss(flows: &[FlowOutcome]) -> Option<Instant> {
    flows.iter().flat_map(|flow| &flow.black_holes).map(|hole| hole.from).min()
}

/// The first order, and the last one before anything was lost.
fn done(outcome: &Outcome, first_loss: Option<Instant>, clock: DayClock) -> Option<String> {
    let first = outcome.orders.first()?;
    let nodes = outcome.orders.iter().filter(|order| order.at == first.at && order.text == first.text);
    let nodes: Vec<&str> = nodes.map(|order| order.node.as_str()).collect();
    let begin = format!("It begins at {} with {}: {}", clock.time(first.at), nodes.join(" and "), first.text);
    let last = outcome.orders.iter().rev().find(|order| first_loss.is_some_and(|loss| order.at <= loss));
    Some(match last.filter(|last| last.at > first.at) {
        Some(last) => format!(
            "{begin}. The last that was done before anything was lost: {}, {}: {}.",
            clock.time(last.at),
            last.node,
            last.text
        ),
        None => begin + ".",
    })
}

/// The agents that were given up, or else those that crashed or hung.
fn died(lab: &Lab, log: &Log, clock: DayClock) -> Option<String> {
    let agents = |event: &str, words: &str| {
        let (when, node, _, fields) = first_of(log, event)?;
        let agent = fields.split(' ').find_map(|field| field.strip_prefix("agent=")).unwrap_or_default();
        Some(format!("At {} the {agent} agent of {} {words}.", time(*when, clock), lab.nodes[*node].name))
    };
    agents("agent-failed", "is given up by its supervisor")
        .or_else(|| agents("agent-crashed", "crashes for the first time"))
        .or_else(|| agents("agent-hung", "hangs"))
        .or_else(|| agents("agent-slowed", "falls behind"))
}

/// What the sessions between switches made of it.
fn sessions(lab: &Lab, log: &Log, clock: DayClock) -> Option<String> {
    let control = first_of(log, "iccp-session-down").map(|(when, node, ..)| {
        format!(
            "the control session between the chassis ends at {}, as {} tells",
            time(*when, clock),
            lab.nodes[*node].name
        )
    });
    let others = [("bgp-session-down", "BGP sessions end"), ("link-state-adjacency-down", "adjacencies end")];
    let others = others.into_iter().filter_map(|(event, words)| {
        let (when, ..) = first_of(log, event)?;
        let times = log.kinds.iter().find(|(name, _)| name == event)?.1;
        let often = if times == 1 { "once".to_owned() } else { format!("{times} times") };
        Some(format!("{words} {often}, first at {}", time(*when, clock)))
    });
    let mut text = control.into_iter().chain(others).collect::<Vec<_>>().join("; ");
    // A sentence begins with a capital letter.
    text.get_mut(..1)?.make_ascii_uppercase();
    Some(text + ".")
}

fn first_of<'a>(log: &'a Log, event: &str) -> Option<&'a (u64, usize, usize, String)> {
    let kind = log.kinds.iter().position(|(name, _)| name == event)?;
    log.lines.iter().find(|(_, _, of, _)| *of == kind)
}

fn time(micros: u64, clock: DayClock) -> String {
    clock.time(Instant::from_nanos(micros * 1_000))
}

/// How much of which flows was lost, from when until when.
fn lost(outcome: &Outcome, clock: DayClock) -> Option<String> {
    let heaviest = outcome.losses.iter().filter(|loss| loss.lost_bits > 0.0);
    let Some(loss) = heaviest.max_by(|one, other| one.lost_bits.total_cmp(&other.lost_bits)) else {
        return (!outcome.flows.is_empty()).then(|| "No probe was lost.".to_owned());
    };
    let flows = || outcome.flows.iter().filter(|flow| flow.flows == loss.flows);
    let hurt = flows().filter(|flow| !flow.black_holes.is_empty()).count();
    let (from, until, worst) = trough(flows())?;
    let silent = flows().flat_map(|flow| &flow.black_holes).map(|hole| hole.until - hole.from);
    let mean = loss.lost_bits / (loss.weight as f64 * (until - from).as_secs_f64());
    Some(format!(
        "{hurt} of {} flows \u{201c}{}\u{201d} lose probes between {} and {}, the longest silent for {}: {} of their volume does not arrive in that time, \
         {} at worst.",
        flows().count(),
        loss.flows,
        clock.time(from),
        clock.time(until),
        span(whole_seconds(silent.max().unwrap_or_default())),
        rounded(mean),
        rounded(worst),
    ))
}

/// A share with as many digits as a sentence needs.
fn rounded(share: f64) -> String {
    let digits = if share < 0.1 { 1_000.0 } else { 100.0 };
    percent((share * digits).round() / digits)
}

/// Seconds are as much as a sentence needs, where there are some.
fn whole_seconds(time: Duration) -> Duration {
    if time < Duration::from_secs(10) { time } else { Duration::from_secs(time.as_secs()) }
}

/// From when until when a noticeable share was lost, and how much at worst.
fn trough<'a>(flows: impl Iterator<Item = &'a FlowOutcome>) -> Option<(Instant, Instant, f64)> {
    let mut steps: BTreeMap<Instant, i128> = BTreeMap::new();
    let mut all: u64 = 0;
    for flow in flows {
        all += flow.weight;
        for hole in &flow.black_holes {
            *steps.entry(hole.from).or_default() += i128::from(flow.weight);
            *steps.entry(hole.until).or_default() -= i128::from(flow.weight);
        }
    }
    let (mut lost, mut worst) = (0, 0.0);
    let (mut from, mut until) = (None, Instant::ZERO);
    for (at, step) in steps {
        let before = lost as f64 / all.max(1) as f64;
        lost += step;
        let share = lost as f64 / all.max(1) as f64;
        worst = if share > worst { share } else { worst };
        if share >= TOLD {
            from = from.or(Some(at));
        }
        if before >= TOLD {
            until = at;
        }
    }
    from.map(|from| (from, until, worst))
}

fn where_it_died(outcome: &Outcome) -> Option<String> {
    let groups = HoleGroup::of(&outcome.flows);
    let most = groups.first()?;
    let all: u64 = groups.iter().map(|group| group.lost).sum();
    let share = most.lost as f64 / all.max(1) as f64;
    match share {
        0.995.. => Some(format!("All of it dies here: {}.", most.cause)),
        0.2.. => {
            Some(format!("The worst place: {}, with {} of the lost probes.", most.cause, rounded(share)))
        }
        _ => {
            let mut places: BTreeMap<&str, u64> = BTreeMap::new();
            for hole in outcome.flows.iter().flat_map(|flow| &flow.black_holes) {
                if let Some(name) = hole.cause.as_ref().and_then(|cause| cause.names.first()) {
                    *places.entry(name).or_default() += hole.lost;
                }
            }
            let (reason, _) = places.into_iter().max_by_key(|(_, lost)| *lost)?;
            Some(format!("It dies in {} ways, most of it by {reason}.", groups.len()))
        }
    }
}

/// The alarm that told it first, beside the first loss.
fn told(outcome: &Outcome, first_loss: Option<Instant>, clock: DayClock) -> Option<String> {
    if outcome.pollers.is_empty() {
        return None;
    }
    let red = |alarm: &&AlarmSeen| alarm.severity == "red";
    let mut seen: Vec<(Instant, &str, &AlarmSeen)> = Vec::new();
    for poller in &outcome.pollers {
        let first = poller.alarms.iter().filter(red).filter_map(|alarm| Some((alarm.seen?, alarm)));
        seen.extend(first.min_by_key(|(at, _)| *at).map(|(at, alarm)| (at, poller.name.as_str(), alarm)));
    }
    seen.sort_by_key(|(at, ..)| *at);
    let Some((_, _, alarm)) = seen.first() else {
        return Some("No red alarm reached anybody who looks.".to_owned());
    };
    let who: Vec<String> = seen.iter().map(|(at, who, _)| format!("{who} at {}", clock.time(*at))).collect();
    let beside = first_loss.map_or_else(String::new, |loss| {
        let is_before = alarm.raised <= loss;
        let apart = if is_before { loss - alarm.raised } else { alarm.raised - loss };
        let apart = span(whole_seconds(apart));
        if is_before { format!(", {apart} before the first loss") } else { format!(", {apart} after it") }
    });
    Some(format!(
        "The first to tell is the red alarm {} on {}, raised at {}{beside}; it is seen by {}.",
        alarm.alarm,
        alarm.switch,
        clock.time(alarm.raised),
        who.join(" and by ")
    ))
}
