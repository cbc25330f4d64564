//! What came out of a replay, for people: eighty columns wide.

use crate::paragraph::{WIDTH, wrap};
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_base::Instant;
use greylag_sim::replay::{
    AlarmSeen, DayClock, FlowOutcome, HoleGroup, Judgement, Loss, Outcome, PollerOutcome, Violation,
    difference, percent, span, standing_name,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// How many flows and how many causes are told one by one.
const FLOWS: usize = 12;
const CAUSES: usize = 8;

/// All of it.
pub(crate) fn tell(outcome: &Outcome, wall: Duration) -> String {
    let clock = DayClock::new(outcome.start);
    let sections = [
        header(outcome, clock, wall),
        timeline(outcome, clock),
        flows(&outcome.flows),
        losses(&outcome.losses),
        black_holes(&outcome.flows, clock),
        pollers(&outcome.pollers, clock),
        violations(outcome, clock),
        lesson(outcome),
        verdict(outcome),
    ];
    let filled: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    filled.join("\n")
}

fn header(outcome: &Outcome, clock: DayClock, wall: Duration) -> String {
    let mut text = wrap(&outcome.title, 0);
    let variant = outcome.variant.as_ref().map_or_else(String::new, |name| format!(", variant {name}"));
    let speed = outcome.duration.as_secs_f64() / wall.as_secs_f64().max(1e-9);
    let end = clock.time(Instant::ZERO + outcome.duration);
    let cut = if outcome.cut_short { ", cut short" } else { "" };
    text += &wrap(
        &format!(
            "{}{variant}, seed {}: {} to {end}{cut}, {} in {}, {} times as fast as life",
            outcome.scenario,
            outcome.seed.0,
            clock.time(Instant::ZERO),
            span(outcome.duration),
            span(wall),
            speed.round() as u64
        ),
        0,
    );
    for parameter in &outcome.parameters {
        let source = parameter.source.as_ref().map_or_else(String::new, |source| format!(" ({source})"));
        let standing = standing_name(parameter.standing);
        text += &wrap(&format!("{} = {}, {standing}{source}", parameter.name, parameter.value), 2);
    }
    text
}

/// A line of the timeline.
struct Entry {
    at: Option<Instant>,
    logged: String,
    difference: String,
    verdict: &'static str,
    what: String,
}

fn timeline(outcome: &Outcome, clock: DayClock) -> String {
    let mut entries: Vec<Entry> = Vec::new();
    for order in &outcome.orders {
        let refused = order.refused.as_ref().map_or_else(String::new, |why| format!("; refused: {why}"));
        entries.push(Entry {
            at: Some(order.at),
            logged: "-".to_owned(),
            difference: "-".to_owned(),
            verdict: "",
            what: format!("{}: {}{refused}", order.node, order.text),
        });
    }
    for judgement in &outcome.expectations {
        entries.push(expectation(judgement, clock));
    }
    // What has no time stands where the logs have it, or at the end.
    entries.sort_by_key(|entry| (entry.at.is_none(), entry.at));
    let rows: Vec<[String; 4]> = entries
        .iter()
        .map(|entry| {
            let at = entry.at.map_or_else(|| "-".to_owned(), |at| clock.time(at));
            [at, entry.logged.clone(), entry.difference.clone(), entry.verdict.to_owned()]
        })
        .collect();
    let names = ["TIME", "LOGGED", "DIFF", ""];
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([names[column].len()]).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), 2];
    let lead = |cells: [&str; 4]| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(text, "{cell:<width$}  ");
        }
        text
    };
    let indent = widths.iter().sum::<usize>() + 2 * widths.len();
    let mut text = format!("{}WHAT\n", lead(names));
    for (entry, row) in entries.iter().zip(&rows) {
        text += &wrap(&format!("{}{}", lead(row.each_ref().map(String::as_str)), entry.what), indent);
    }
    text
}

fn expectation(judgement: &Judgement, clock: DayClock) -> Entry {
    let logged = judgement.logged.map(|logged| clock.time(Instant::ZERO + logged));
    let mut what = format!("{}: {}", judgement.name, judgement.expected);
    if let Some(measured) = judgement.measured.words(clock) {
        what += &format!("; {measured}");
    }
    if let Some(failure) = &judgement.failure {
        what += &format!(" -- {failure}");
    }
    let verdict = match (judgement.holds, &judgement.unexplained) {
        (true, _) => "ok",
        (false, None) => "NO",
        (false, Some(why)) => {
            what += &format!(" -- not explained: {why}");
            "??"
        }
    };
    Entry {
        at: judgement.reproduced.or(judgement.logged.map(|logged| Instant::ZERO + logged)),
        logged: logged.unwrap_or_else(|| "-".to_owned()),
        difference: judgement.difference.map_or_else(|| "-".to_owned(), difference),
        verdict,
        what,
    }
}

fn flows(flows: &[FlowOutcome]) -> String {
    if flows.is_empty() {
        return String::new();
    }
    // Those that fared worst come first when there are too many.
    let mut shown: Vec<&FlowOutcome> = flows.iter().collect();
    if flows.len() > FLOWS {
        shown.sort_by_key(|flow| std::cmp::Reverse(flow.lost));
        shown.truncate(FLOWS);
    }
    let mut table = Table::new(&[
        ("FLOW", Left),
        ("SENT", Right),
        ("RECEIVED", Right),
        ("LOST", Right),
        ("TWICE", Right),
        ("LATE", Right),
        ("LONGEST HOLE", Right),
    ]);
    for flow in &shown {
        let longest = flow.black_holes.iter().map(|hole| hole.until - hole.from).max();
        let longest = longest.map_or_else(|| "-".to_owned(), span);
        let counts = [&flow.sent, &flow.received, &flow.lost, &flow.duplicates, &flow.reordered];
        let [sent, received, lost, duplicates, reordered] = counts;
        table.row(&[&flow.label(), sent, received, lost, duplicates, reordered, &longest]);
    }
    let mut text = table.to_string();
    let rest = flows.len() - shown.len();
    if rest > 0 {
        let best = format!("{rest} more flows, which lost no more than these");
        text += &wrap(&best, 0);
    }
    text
}

fn losses(losses: &[Loss]) -> String {
    if losses.iter().all(|loss| loss.lost_bits == 0.0) {
        return String::new();
    }
    let mut table = Table::new(&[
        ("FLOWS", Left),
        ("GBIT/S", Right),
        ("ARRIVED", Right),
        ("LOST MINUTES", Right),
        ("MINUTES X GBIT/S", Right),
    ]);
    for loss in losses {
        let arrived = percent(1.0 - loss.lost_bits / loss.offered_bits.max(1.0));
        let weight = loss.weight as f64 / 1e9;
        let (minutes, volume) = (loss.minutes(), loss.minutes_by_weight());
        table.row(&[
            &loss.flows,
            &format!("{weight:.3}"),
            &arrived,
            &format!("{minutes:.2}"),
            &format!("{volume:.3}"),
        ]);
    }
    table.to_string()
}

fn black_holes(flows: &[FlowOutcome], clock: DayClock) -> String {
    let groups = HoleGroup::of(flows);
    if groups.is_empty() {
        return String::new();
    }
    let mut text = String::from("BLACK HOLES\n");
    for group in groups.iter().take(CAUSES) {
        let up_to = if group.holes.len() > 1 { "up to " } else { "" };
        text += &wrap(
            &format!(
                "{}  {}: {} probes lost, silent for {up_to}{}, until {}",
                clock.time(group.first),
                group.subject(),
                group.lost,
                span(group.longest),
                clock.time(group.last)
            ),
            10,
        );
        text += &wrap(&format!("          {}", group.cause), 10);
    }
    if groups.len() > CAUSES {
        let rest: u64 = groups[CAUSES..].iter().map(|group| group.lost).sum();
        text +=
            &wrap(&format!("          {rest} probes more, for {} causes more", groups.len() - CAUSES), 10);
    }
    text
}

fn pollers(pollers: &[PollerOutcome], clock: DayClock) -> String {
    let mut text = String::new();
    for poller in pollers {
        let unanswered = match poller.unanswered {
            0 => String::new(),
            looks => format!(", {looks} times without an answer"),
        };
        text += &wrap(
            &format!(
                "{} looks every {}, first at {}{unanswered}",
                poller.name,
                span(poller.period),
                clock.time(Instant::ZERO + poller.phase)
            ),
            2,
        );
        if poller.alarms.is_empty() {
            text += "  no alarm was raised\n";
        }
        let mut missed: BTreeMap<(&str, &str, &str), Vec<&AlarmSeen>> = BTreeMap::new();
        for alarm in &poller.alarms {
            match alarm.seen {
                Some(seen) => text += &wrap(&seen_alarm(alarm, seen, clock), 4),
                None => {
                    missed.entry((&alarm.severity, &alarm.alarm, &alarm.switch)).or_default().push(alarm);
                }
            }
        }
        for alarms in missed.values() {
            text += &wrap(&missed_alarm(alarms, clock), 4);
        }
    }
    if text.is_empty() { text } else { format!("ALARMS\n{text}") }
}

fn seen_alarm(alarm: &AlarmSeen, seen: Instant, clock: DayClock) -> String {
    let AlarmSeen { severity, alarm: name, switch, .. } = alarm;
    let gone = alarm.gone.map_or_else(String::new, |at| format!(", gone {}", clock.time(at)));
    let (first, last) = alarm.any_phase;
    let missed = if alarm.may_be_missed { ", or never" } else { "" };
    format!(
        "  {severity} {name} {switch}: raised {}, seen {}{gone}; in any phase {} to {}{missed}",
        clock.time(alarm.raised),
        clock.time(seen),
        clock.time(first),
        clock.time(last)
    )
}

/// Alarms of one kind that nobody looked at while they were raised.
fn missed_alarm(alarms: &[&AlarmSeen], clock: DayClock) -> String {
    let AlarmSeen { severity, alarm, switch, raised, .. } = alarms[0];
    let times = match alarms.len() {
        1 => String::new(),
        times => format!(", and {} times more", times - 1),
    };
    format!("  {severity} {alarm} {switch}: raised {}{times}; never seen", clock.time(*raised))
}

fn violations(outcome: &Outcome, clock: DayClock) -> String {
    if outcome.violations.is_empty() && outcome.missing_violations.is_empty() {
        return String::new();
    }
    let mut text = String::from("CHECKERS\n");
    // A checker that has several of one kind to complain about tells the first, and names the others.
    let mut groups: Vec<(&Violation, Vec<&Violation>)> = Vec::new();
    for violation in &outcome.violations {
        let alike =
            |first: &Violation| (first.checker, first.expected) == (violation.checker, violation.expected);
        match groups.iter_mut().find(|(first, _)| alike(first)) {
            Some((_, others)) => others.push(violation),
            None => groups.push((violation, Vec::new())),
        }
    }
    for (first, others) in &groups {
        text += &violation_text(first, clock);
        if !others.is_empty() {
            let named: Vec<String> = others.iter().take(CAUSES).map(|other| whose(other, clock)).collect();
            let more = match others.len() - named.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            text += &wrap(&format!("            and {}{more}", named.join(", ")), 16);
        }
    }
    for missing in &outcome.missing_violations {
        let node = missing.node.as_ref().map_or_else(String::new, |node| format!(" on {node}"));
        text += &wrap(&format!("MISSING     {}{node} was expected, and was not there", missing.checker), 12);
    }
    text
}

/// Whose violation it is, and since when.
fn whose(violation: &Violation, clock: DayClock) -> String {
    let whose = violation.node.as_ref().or(violation.subject.as_ref());
    let node = whose.map_or_else(String::new, |node| format!("{node} "));
    format!("{node}{}", clock.time(violation.at))
}

fn violation_text(violation: &Violation, clock: DayClock) -> String {
    let standing = if violation.expected { "expected" } else { "UNEXPECTED" };
    let node = violation.node.as_ref().map_or_else(String::new, |node| format!(" on {node}"));
    let subject = violation.subject.as_ref().map_or_else(String::new, |subject| format!(" ({subject})"));
    let times = if violation.times > 1 { format!(", {} times", violation.times) } else { String::new() };
    let mut text = wrap(
        &format!(
            "{standing:<10}  {} {}{node}: {}{subject}{times}",
            clock.time(violation.at),
            violation.checker,
            violation.text
        ),
        12,
    );
    for notable in &violation.led_there {
        let line = format!("            after {} {}: {}", clock.time(notable.at), notable.node, notable.text);
        text += &wrap(&line, 18);
    }
    text
}

fn lesson(outcome: &Outcome) -> String {
    let mut text = String::new();
    if let Some(lesson) = &outcome.lesson {
        text.push_str("LESSON\n");
        let words = [
            ("cause", &lesson.cause),
            ("seen", &lesson.seen),
            ("notice", &lesson.notice),
            ("avoid", &lesson.avoid),
        ];
        for (name, words) in words {
            text += &wrap(&format!("{name:<6}  {words}"), 8);
        }
    }
    let others = outcome.variants.iter().filter(|(name, _)| outcome.variant.as_ref() != Some(name));
    for (name, title) in others {
        text += &wrap(&format!("try     --variant {name}: {title}"), 8);
    }
    text
}

fn verdict(outcome: &Outcome) -> String {
    let failed = outcome.expectations.iter().filter(|judgement| !judgement.holds);
    let (unexplained, failed): (Vec<_>, Vec<_>) =
        failed.partition(|judgement| judgement.unexplained.is_some());
    let (unexplained, failed) = (unexplained.len(), failed.len());
    let unexpected = outcome.violations.iter().filter(|violation| !violation.expected).count();
    let missing = outcome.missing_violations.len();
    let digest = format!("{} events, sha256\n{}\n", outcome.events, outcome.digest);
    debug_assert!(outcome.digest.len() <= WIDTH);
    let verdict = if outcome.holds {
        format!(
            "HOLDS: {} expectations, {} violations, all as expected{}",
            outcome.expectations.len() - unexplained,
            outcome.violations.len(),
            match unexplained {
                0 => String::new(),
                many => format!("; {many} not explained"),
            }
        )
    } else {
        format!(
            "FAILS: {failed} of {} expectations, {unexpected} unexpected violations, {missing} missing",
            outcome.expectations.len()
        )
    };
    format!("{digest}{}", wrap(&verdict, 2))
}
