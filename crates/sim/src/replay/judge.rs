//! Holds what came out against what had to.

use super::clock::{DayClock, span};
use super::fates::{self, Fates};
use super::log::Line;
use super::outcome::{FlowOutcome, Judgement, Measured, PollerOutcome};
use super::ways::Ways;
use greylag_base::Instant;
use greylag_scenario::lab::Lab;
use greylag_scenario::story::{self, Expectation, ExpectedOutcome};
use std::time::Duration;

/// What is counted for one expectation while the world runs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Events that match, or frames for others.
    count: u64,
    /// The first of them, or the last where that is asked for.
    first: Option<Instant>,
    /// A counter's value when it was due.
    sample: Option<u64>,
    /// What the first look of monitoring that found something found.
    red: Option<usize>,
}

/// Counts for all expectations of a scenario.
pub(crate) struct Tallies<'a> {
    expectations: &'a [Expectation],
    tallies: Vec<Tally>,
    /// What looks of monitoring found.
    found: Vec<String>,
    /// The names of events that any expectation speaks of.
    events: Vec<&'a str>,
    /// Hosts that an expectation of frames for others speaks of.
    foreign: Vec<usize>,
}

impl<'a> Tallies<'a> {
    pub(crate) fn new(expectations: &'a [Expectation]) -> Self {
        let events = expectations.iter().filter_map(|expectation| match &expectation.outcome {
            ExpectedOutcome::Event { event, .. } => Some(event.as_str()),
            _ => None,
        });
        let foreign = expectations.iter().filter_map(|expectation| match &expectation.outcome {
            ExpectedOutcome::ForeignUnicast { host, .. } => Some(*host),
            _ => None,
        });
        Tallies {
            expectations,
            tallies: vec![Tally::default(); expectations.len()],
            found: Vec::new(),
            events: events.collect(),
            foreign: foreign.collect(),
        }
    }

    /// Counts an event where it is expected.
    pub(crate) fn event(&mut self, line: Line<'_>) {
        let name = line.name();
        if !self.events.contains(&name) {
            return;
        }
        let found = line.fields();
        for (expectation, tally) in self.expectations.iter().zip(&mut self.tallies) {
            let ExpectedOutcome::Event { node, event, fields, from, until, last, .. } = &expectation.outcome
            else {
                continue;
            };
            if !(*from..=*until).contains(&(line.at - Instant::ZERO)) {
                continue;
            }
            let is_there = |(name, value): &(String, String)| {
                let text = found
                    .get(name)
                    .map(|found| found.as_str().map_or_else(|| found.to_string(), str::to_owned));
                text.as_ref() == Some(value)
            };
            if event == name && node.is_none_or(|node| node == line.node) && fields.iter().all(is_there) {
                tally.count += 1;
                let known = tally.first.unwrap_or(line.at);
                tally.first = Some(if *last { known.max(line.at) } else { known.min(line.at) });
            }
        }
    }

    /// Counts a unicast frame for somebody else that came to a host.
    pub(crate) fn foreign(&mut self, at: Instant, heard_by: usize) {
        if !self.foreign.contains(&heard_by) {
            return;
        }
        let since = at - Instant::ZERO;
        for (expectation, tally) in self.expectations.iter().zip(&mut self.tallies) {
            if let ExpectedOutcome::ForeignUnicast { host, from, until, .. } = expectation.outcome
                && host == heard_by
                && (from..until).contains(&since)
            {
                tally.count += 1;
                tally.first = tally.first.or(Some(at));
            }
        }
    }

    /// A look of monitoring found something down.
    pub(crate) fn red(&mut self, at: Instant, expectation: usize, what: String) {
        let tally = &mut self.tallies[expectation];
        tally.count += 1;
        tally.first.get_or_insert(at);
        if tally.red.is_none() {
            tally.red = Some(self.found.len());
            self.found.push(what);
        }
    }

    /// Keeps a counter's value.
    pub(crate) fn sample(&mut self, expectation: usize, value: Option<u64>) {
        self.tallies[expectation].sample = value;
    }
}

/// Everything that an outcome is judged by.
pub(crate) struct Evidence<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) clock: DayClock,
    pub(crate) flows: &'a [FlowOutcome],
    pub(crate) pollers: &'a [PollerOutcome],
    pub(crate) ways: &'a Ways,
    /// When the scenario ends.
    pub(crate) end: Duration,
}

/// What came out for one expectation, and what is wrong with it.
pub(super) struct Finding {
    pub(super) expected: String,
    pub(super) measured: Measured,
    pub(super) reproduced: Option<Instant>,
    /// Whatever its time.
    pub(super) failure: Option<String>,
    /// Its time counts although nothing else does.
    pub(super) timed: bool,
}

impl Evidence<'_> {
    /// Judges all expectations.
    pub(crate) fn judge(&self, tallies: &Tallies<'_>) -> Vec<Judgement> {
        let pairs = tallies.expectations.iter().zip(&tallies.tallies);
        let red = |tally: &Tally| tally.red.map(|index| tallies.found[index].as_str());
        pairs.map(|(expectation, tally)| self.judge_one(expectation, tally, red(tally))).collect()
    }

    fn judge_one(&self, expectation: &Expectation, tally: &Tally, red: Option<&str>) -> Judgement {
        let found = self.find(&expectation.outcome, tally, red);
        let logged = expectation.at.map(|at| Instant::ZERO + at);
        let difference = logged
            .zip(found.reproduced)
            .map(|(logged, reproduced)| reproduced.as_nanos() as i64 - logged.as_nanos() as i64);
        let failure = found.failure.or_else(|| {
            if !found.timed || expectation.at.is_none() {
                return None;
            }
            let Some(difference) = difference else { return Some("it did not come out".to_owned()) };
            let off = Duration::from_nanos(difference.unsigned_abs());
            let side = if difference < 0 { "early" } else { "late" };
            (off > expectation.tolerance)
                .then(|| format!("{} {side}, and {} is allowed", span(off), span(expectation.tolerance)))
        });
        Judgement {
            name: expectation.name.clone(),
            expected: found.expected,
            standing: expectation.standing,
            source: expectation.source.clone(),
            unexplained: expectation.unexplained.clone(),
            logged: expectation.at,
            tolerance: expectation.tolerance,
            reproduced: found.reproduced,
            difference,
            measured: found.measured,
            holds: failure.is_none(),
            failure,
        }
    }

    fn find(&self, outcome: &ExpectedOutcome, tally: &Tally, red: Option<&str>) -> Finding {
        match outcome {
            ExpectedOutcome::Event { node, event, fields, from, until, last, least, most } => {
                let place = node.map_or_else(String::new, |node| format!(" on {}", self.name(node)));
                let fields: String = fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
                let is_whole = from.is_zero() && *until == self.end;
                let window = match is_whole {
                    true => String::new(),
                    false => format!(", {} to {}", self.time(*from), self.time(*until)),
                };
                let which = if *last { ", the last" } else { "" };
                Finding {
                    expected: format!(
                        "{event}{fields}{place}, {}{which}{window}",
                        bounds(*least, *most, "time", "times")
                    ),
                    measured: Measured::Event { count: tally.count },
                    reproduced: tally.first,
                    failure: outside(tally.count, *least, *most, "time", "times"),
                    timed: *least > 0 || tally.count > 0,
                }
            }
            ExpectedOutcome::AlarmSeen { poller, switch, alarm } => self.find_alarm(poller, *switch, alarm),
            ExpectedOutcome::Level { flows, from, until, least, most } => {
                let share = share(self.flows.iter().filter(|flow| flow.flows == *flows), *from, *until);
                let expected = format!(
                    "{} of {flows} arrives, {} to {}",
                    shares(*least, *most),
                    self.time(*from),
                    self.time(*until)
                );
                let failure = match share {
                    None => Some("nothing was sent in that time".to_owned()),
                    Some(share) if share < *least || share > *most => {
                        Some(format!("{} arrived", percent(share)))
                    }
                    Some(_) => None,
                };
                Finding {
                    expected,
                    measured: Measured::Level { share },
                    reproduced: None,
                    failure,
                    timed: false,
                }
            }
            ExpectedOutcome::BlackHole { flows, least, most, cause } => {
                self.find_hole(flows, *least, *most, cause.as_deref())
            }
            ExpectedOutcome::ForeignUnicast { host, from, until, least, most } => Finding {
                expected: format!(
                    "{} hears {} for others, {} to {}",
                    self.name(*host),
                    bounds(*least, *most, "frame", "frames"),
                    self.time(*from),
                    self.time(*until)
                ),
                measured: Measured::ForeignUnicast { frames: tally.count },
                reproduced: tally.first,
                failure: outside(tally.count, *least, *most, "frame", "frames"),
                timed: false,
            },
            ExpectedOutcome::Flows { flows, from, until, failing, unhurt, avoidable, by } => {
                let window = (Instant::ZERO + *from, Instant::ZERO + *until);
                let fates = Fates::of(self.flows, flows, window);
                let bounds = [("fail for good", *failing), ("lose nothing", *unhurt)];
                fates.judge(
                    bounds,
                    *avoidable,
                    by.as_ref(),
                    &format!("of {flows}, {} to {}", self.time(*from), self.time(*until)),
                )
            }
            ExpectedOutcome::OtherFlows { flows, before, after, least, most } => {
                let (first, second) = (Instant::ZERO + *before, Instant::ZERO + *after);
                fates::others(
                    self.flows,
                    flows,
                    (first, second),
                    (*least, *most),
                    &format!(
                        "of {flows} that fail at {}, those that did not at {}",
                        self.time(*after),
                        self.time(*before)
                    ),
                )
            }
            ExpectedOutcome::Asymmetric { flows, least, most } => self.ways.judge(flows, (*least, *most)),
            ExpectedOutcome::Found { switch, what, least, most } => Finding {
                expected: match what {
                    story::Finding::FibConflicts => format!(
                        "RIB and FIB of {} differ in {}",
                        self.name(*switch),
                        bounds(*least, *most, "place", "places")
                    ),
                    story::Finding::LostPaths => format!(
                        "{} loses what it sends through {}",
                        self.name(*switch),
                        bounds(*least, *most, "bucket", "buckets")
                    ),
                },
                measured: Measured::Found { count: tally.sample },
                reproduced: None,
                failure: match tally.sample {
                    None => Some(format!("{} has no power", self.name(*switch))),
                    Some(value) if is_within(value, *least, *most) => None,
                    Some(value) => Some(format!("it is {value}")),
                },
                timed: false,
            },
            ExpectedOutcome::Monitoring { from, until, least, most, .. } => Finding {
                expected: format!(
                    "monitoring from inside finds something down in {}, {} to {}",
                    bounds(*least, *most, "look", "looks"),
                    self.time(*from),
                    self.time(*until)
                ),
                measured: Measured::Monitoring { looks: tally.count, first: red.map(str::to_owned) },
                reproduced: tally.first,
                failure: outside(tally.count, *least, *most, "look", "looks")
                    .map(|many| red.map_or(many.clone(), |first| format!("{many}; first: {first}"))),
                timed: false,
            },
            ExpectedOutcome::Counter { switch, counter, least, most } => Finding {
                expected: format!("{counter} on {} is {}", self.name(*switch), plain_bounds(*least, *most)),
                measured: Measured::Counter { value: tally.sample },
                reproduced: None,
                failure: match tally.sample {
                    None => Some(format!("{} has no such counter, or no power", self.name(*switch))),
                    Some(value) if is_within(value, *least, *most) => None,
                    Some(value) => Some(format!("it is {value}")),
                },
                timed: false,
            },
        }
    }

    fn find_alarm(&self, poller: &str, switch: usize, alarm: &str) -> Finding {
        let switch = self.name(switch);
        let alarms = self.pollers.iter().filter(|known| known.name == poller).flat_map(|known| &known.alarms);
        let mut ours = alarms.filter(|seen| seen.switch == switch && seen.alarm == alarm);
        // Those that were seen come first, by time.
        let first = ours.next();
        let reproduced = first.and_then(|first| first.seen);
        let failure = match (first, reproduced) {
            (None, _) => Some("it was never raised".to_owned()),
            (Some(_), None) => Some(format!("it was raised, and {poller} never looked while it was")),
            (Some(_), Some(_)) => None,
        };
        Finding {
            expected: format!("{poller} sees {alarm} on {switch}"),
            measured: Measured::Alarm {
                any_phase: first.map(|first| first.any_phase),
                may_be_missed: first.is_some_and(|first| first.may_be_missed),
            },
            reproduced,
            failure,
            timed: true,
        }
    }

    fn find_hole(
        &self,
        flows: &str,
        least: Duration,
        most: Option<Duration>,
        cause: Option<&str>,
    ) -> Finding {
        let ours = self.flows.iter().enumerate().filter(|(_, flow)| flow.flows == flows);
        let holes = ours.flat_map(|(index, flow)| flow.black_holes.iter().map(move |hole| (index, hole)));
        // The longest, and of several the one that began first.
        let longest = holes.max_by_key(|(index, hole)| {
            (hole.until - hole.from, std::cmp::Reverse(hole.from), std::cmp::Reverse(*index))
        });
        let lasted = longest.map_or(Duration::ZERO, |(_, hole)| hole.until - hole.from);
        let found = longest.and_then(|(_, hole)| hole.cause.as_ref());
        let lasts = match most {
            None if least.is_zero() => "however long".to_owned(),
            Some(most) if most == least => span(least),
            Some(most) => format!("{} to {}", span(least), span(most)),
            None => format!("{} or longer", span(least)),
        };
        let by = cause.map_or_else(String::new, |cause| format!(" by {cause}"));
        let failure = if longest.is_none() && (most.is_none() || !least.is_zero()) {
            Some("there is none".to_owned())
        } else if lasted < least || most.is_some_and(|most| lasted > most) {
            Some(format!("it lasts {}", span(lasted)))
        } else {
            cause.filter(|_| longest.is_some()).and_then(|cause| match found {
                Some(found) if found.names.iter().any(|name| name == cause) => None,
                Some(found) => Some(format!("its cause is {}", found.text)),
                None => Some("nobody saw its cause".to_owned()),
            })
        };
        Finding {
            expected: format!("black hole of {flows}, {lasts}{by}"),
            measured: Measured::BlackHole {
                lasted,
                flow: longest.map(|(index, _)| index),
                cause: found.map(|cause| cause.text.clone()),
            },
            reproduced: longest.map(|(_, hole)| hole.from),
            failure,
            timed: true,
        }
    }

    fn name(&self, node: usize) -> &str {
        &self.lab.nodes[node].name
    }

    fn time(&self, since: Duration) -> String {
        self.clock.time(Instant::ZERO + since)
    }
}

/// What share of the flows' volume arrives in a window. A probe stands for its flow's weight until the next one is sent.
fn share<'a>(flows: impl Iterator<Item = &'a FlowOutcome>, from: Duration, until: Duration) -> Option<f64> {
    let (from, until) = (Instant::ZERO + from, Instant::ZERO + until);
    let within = |first: Instant, last: Instant| (last.min(until) - first.max(from)).as_nanos();
    let (mut offered, mut lost) = (0, 0);
    for flow in flows {
        let weight = u128::from(flow.weight);
        offered += weight * within(flow.span.0, flow.span.1);
        let holes = flow.black_holes.iter().map(|hole| within(hole.from, hole.until));
        lost += weight * holes.sum::<u128>();
    }
    (offered > 0).then(|| (offered - lost.min(offered)) as f64 / offered as f64)
}

fn is_within(value: u64, least: u64, most: Option<u64>) -> bool {
    value >= least && most.is_none_or(|most| value <= most)
}

fn outside(value: u64, least: u64, most: Option<u64>, one: &str, many: &str) -> Option<String> {
    (!is_within(value, least, most)).then(|| match value {
        0 => "there is none".to_owned(),
        1 => format!("1 {one}"),
        value => format!("{value} {many}"),
    })
}

/// `once or more` in numbers: `1 time or more`.
fn bounds(least: u64, most: Option<u64>, one: &str, many: &str) -> String {
    let unit = if most.unwrap_or(least) == 1 { one } else { many };
    match most {
        Some(0) if one == "time" => "never".to_owned(),
        Some(0) => format!("no {one}"),
        Some(most) if most == least => format!("{least} {unit}"),
        Some(most) => format!("{least} to {most} {unit}"),
        None => format!("{least} {unit} or more"),
    }
}

fn plain_bounds(least: u64, most: Option<u64>) -> String {
    match most {
        Some(most) if most == least => format!("{least}"),
        Some(most) => format!("{least} to {most}"),
        None => format!("{least} or more"),
    }
}

pub(super) fn shares(least: f64, most: f64) -> String {
    match (least > 0.0, most < 1.0) {
        (true, true) => format!("{} to {}", percent(least), percent(most)),
        (true, false) => format!("{} or more", percent(least)),
        (false, _) => format!("{} or less", percent(most)),
    }
}

/// `99.5 %`, with as many of three decimals as it needs.
pub fn percent(share: f64) -> String {
    let thousandths = (share * 100_000.0).round() as u64;
    let digits = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}
