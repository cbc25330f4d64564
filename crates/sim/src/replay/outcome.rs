//! What came out of a replay: one value that the text shows and the JSON is.

use super::cause::Cause;
use super::clock::{DayClock, span};
use super::judge::percent;
use super::loss::Loss;
use greylag_base::{Instant, Seed};
use greylag_scenario::story::{Lesson, Standing};
use serde::Serialize;
use std::time::Duration;

/// What came out of a replay. The same scenario, seed and assumptions give the same value, to the last bit.
///
/// Times are nanoseconds since the start of the world, whose time of day is `start-ns`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// A line for people.
    pub title: String,
    /// The seed.
    pub seed: Seed,
    /// The variant, when one was in place.
    pub variant: Option<String>,
    /// Every parameter with the value that it had.
    pub parameters: Vec<ParameterValue>,
    /// Time of day at which the world began, since midnight.
    #[serde(rename = "start-ns", serialize_with = "nanos")]
    pub start: Duration,
    /// How long it ran.
    #[serde(rename = "duration-ns", serialize_with = "nanos")]
    pub duration: Duration,
    /// It was ended before the scenario's own end, so that what would have come later was not seen.
    pub cut_short: bool,
    /// What was done.
    pub orders: Vec<OrderDone>,
    /// What had to come out, and what did.
    pub expectations: Vec<Judgement>,
    /// Every probe flow.
    pub flows: Vec<FlowOutcome>,
    /// What each set of flows lost, by volume.
    pub losses: Vec<Loss>,
    /// Who of the matrix's switches carries the flows at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub carriers: Vec<Carrier>,
    /// What those who look at alarms saw.
    pub pollers: Vec<PollerOutcome>,
    /// What the checkers hold against it.
    pub violations: Vec<Violation>,
    /// Violations that had to be there and were not.
    pub missing_violations: Vec<MissingViolation>,
    /// What it teaches.
    #[serde(serialize_with = "lesson")]
    pub lesson: Option<Lesson>,
    /// The variants that the file has, by name, with a line for people.
    pub variants: Vec<(String, String)>,
    /// Lines of the event log.
    pub events: u64,
    /// SHA-256 over the event log, in hexadecimal digits.
    pub digest: String,
    /// Every expectation holds, every violation was expected, and none is missing.
    pub holds: bool,
}

/// A switch, and what it carries at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Carrier {
    /// Its name.
    pub switch: String,
    /// Probes that it forwarded in the last ten seconds, or the last quarter of a short replay.
    pub probes: u64,
}

/// A parameter in a replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ParameterValue {
    /// Its name.
    pub name: String,
    /// Its value, as a file would write it.
    pub value: String,
    /// How well it is known.
    #[serde(serialize_with = "standing")]
    pub standing: Standing,
    /// Who says so.
    pub source: Option<String>,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrderDone {
    /// When.
    #[serde(rename = "at-ns")]
    pub at: Instant,
    /// The step's name, when it has one.
    pub name: Option<String>,
    /// The node that it was done to; the first end of a link.
    pub node: String,
    /// What: `crash`, `link-down`, `commit`.
    pub action: &'static str,
    /// The same for people.
    pub text: String,
    /// How well it is known.
    #[serde(serialize_with = "standing")]
    pub standing: Standing,
    /// Who says so.
    pub source: Option<String>,
    /// Why the switch refused it, if it did.
    pub refused: Option<String>,
}

/// An expectation, and what came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    /// The expectation's name.
    pub name: String,
    /// What was expected, for people.
    pub expected: String,
    /// How well that is known.
    #[serde(serialize_with = "standing")]
    pub standing: Standing,
    /// Who says so.
    pub source: Option<String>,
    /// Nobody knows why it was so: what may be the reason. Whether it comes out does not count.
    pub unexplained: Option<String>,
    /// When the logs have it.
    #[serde(rename = "logged-ns", serialize_with = "maybe_nanos")]
    pub logged: Option<Duration>,
    /// How far off it may be.
    #[serde(rename = "tolerance-ns", serialize_with = "nanos")]
    pub tolerance: Duration,
    /// When it came out, if it did and has a time.
    #[serde(rename = "reproduced-ns")]
    pub reproduced: Option<Instant>,
    /// Reproduced less logged.
    #[serde(rename = "difference-ns")]
    pub difference: Option<i64>,
    /// What came out besides the time.
    pub measured: Measured,
    /// It is as expected.
    pub holds: bool,
    /// What is not, for people.
    pub failure: Option<String>,
}

/// What an expectation measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", rename_all_fields = "kebab-case")]
pub enum Measured {
    /// Events that matched.
    Event {
        /// How many.
        count: u64,
    },
    /// An alarm that a poller looks for.
    Alarm {
        /// When the poller would have seen it at the earliest and at the latest, whatever its phase; absent when no
        /// phase sees it.
        #[serde(rename = "any-phase-ns")]
        any_phase: Option<(Instant, Instant)>,
        /// Some phases never see it: it was cleared within one period.
        may_be_missed: bool,
    },
    /// Share of the flows' volume.
    Level {
        /// 0 to 1; absent when nothing was sent in the window.
        share: Option<f64>,
    },
    /// The longest black hole of the flows.
    BlackHole {
        /// How long; zero when there was none.
        #[serde(rename = "lasted-ns", serialize_with = "nanos")]
        lasted: Duration,
        /// Index into [`Outcome::flows`] of the flow.
        flow: Option<usize>,
        /// What killed the frames, for people.
        cause: Option<String>,
    },
    /// Frames for others that reached a host.
    ForeignUnicast {
        /// How many.
        frames: u64,
    },
    /// How single flows fared.
    Flows {
        /// How many there are.
        flows: u64,
        /// Those of which every probe was lost.
        failing: u64,
        /// Those of which none was.
        unhurt: u64,
        /// Pairs of hosts with a flow that fails.
        failing_pairs: u64,
        /// Those of them with another flow that does not.
        avoidable_pairs: u64,
    },
    /// Flows that fail at one moment.
    OtherFlows {
        /// How many.
        failing: u64,
        /// Those of them that did not fail before.
        new: u64,
    },
    /// Flows that answer others.
    Asymmetric {
        /// How many were seen, and what they answer too.
        flows: u64,
        /// Those of them that went by other switches.
        apart: u64,
    },
    /// What an operator's check found.
    Found {
        /// How much; absent without power.
        count: Option<u64>,
    },
    /// What monitoring from inside found.
    Monitoring {
        /// Looks that found something down.
        looks: u64,
        /// What the first of them found.
        first: Option<String>,
    },
    /// A counter of a switch.
    Counter {
        /// Its value; absent when the switch has no such counter or no power.
        value: Option<u64>,
    },
}

impl Measured {
    /// The same for people; nothing where there is nothing to say.
    pub fn words(&self, clock: DayClock) -> Option<String> {
        match self {
            Measured::Event { count } => Some(format!("{count} seen")),
            Measured::Alarm { any_phase, may_be_missed } => any_phase.map(|(first, last)| {
                let missed = if *may_be_missed { ", or never" } else { "" };
                format!("in any phase {} to {}{missed}", clock.time(first), clock.time(last))
            }),
            Measured::Level { share } => share.map(|share| format!("{} arrived", percent(share))),
            Measured::BlackHole { lasted, .. } if lasted.is_zero() => None,
            Measured::BlackHole { lasted, .. } => Some(format!("lasted {}", span(*lasted))),
            Measured::ForeignUnicast { frames } => Some(format!("{frames} heard")),
            Measured::Flows { flows, failing, unhurt, .. } => {
                Some(format!("of {flows}, {failing} failed and {unhurt} lost nothing"))
            }
            Measured::OtherFlows { failing, new } => Some(format!("{new} of {failing}")),
            Measured::Asymmetric { flows, apart } => Some(format!("{apart} of {flows}")),
            Measured::Found { count } => count.map(|count| format!("it is {count}")),
            Measured::Monitoring { looks, .. } => Some(format!("{looks} seen")),
            Measured::Counter { value } => value.map(|value| format!("it is {value}")),
        }
    }
}

/// A probe flow, and what became of its probes. `sent = received + lost + in-flight`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FlowOutcome {
    /// The name of its set in the file.
    pub flows: String,
    /// The host that sends.
    pub from: String,
    /// The host that receives.
    pub to: String,
    /// What it stands for, bits per second.
    #[serde(rename = "weight-bps")]
    pub weight: u64,
    /// Probes that were due.
    pub sent: u64,
    /// Those that arrived.
    pub received: u64,
    /// Those that did not.
    pub lost: u64,
    /// Those that may still be under way.
    pub in_flight: u64,
    /// Arrivals beyond the first of a probe.
    pub duplicates: u64,
    /// Arrivals behind a later one.
    pub reordered: u64,
    /// From the first probe's sending to that of the first that is not yet judged.
    #[serde(rename = "span-ns")]
    pub span: (Instant, Instant),
    /// Every run of lost probes.
    pub black_holes: Vec<BlackHoleOutcome>,
}

impl FlowOutcome {
    /// `web h1 to h2`.
    pub fn label(&self) -> String {
        format!("{} {} to {}", self.flows, self.from, self.to)
    }
}

/// A run of lost probes, and where they died.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlackHoleOutcome {
    /// When the first lost probe was sent.
    #[serde(rename = "from-ns")]
    pub from: Instant,
    /// When the next one that arrived was sent; the end of the flow when none did.
    #[serde(rename = "until-ns")]
    pub until: Instant,
    /// A later probe arrived.
    pub ended: bool,
    /// Sequence number of the first that was lost.
    pub first: u64,
    /// How many were lost.
    pub lost: u64,
    /// Where and why; absent when nobody saw a frame of it.
    pub cause: Option<Cause>,
}

/// Somebody who looked at alarms.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PollerOutcome {
    /// Its name.
    pub name: String,
    /// Between two looks.
    #[serde(rename = "period-ns", serialize_with = "nanos")]
    pub period: Duration,
    /// When it looked first.
    #[serde(rename = "phase-ns", serialize_with = "nanos")]
    pub phase: Duration,
    /// How often it looked at each of its switches.
    pub looks: u64,
    /// Looks at a switch that had no power.
    pub unanswered: u64,
    /// Alarms in the order in which it saw them.
    pub alarms: Vec<AlarmSeen>,
}

/// An alarm, and when a poller saw it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AlarmSeen {
    /// On which switch.
    pub switch: String,
    /// Its name.
    pub alarm: String,
    /// `red` or `yellow`.
    pub severity: String,
    /// When the switch raised it.
    #[serde(rename = "raised-ns")]
    pub raised: Instant,
    /// When the poller saw it first; absent when it never did.
    #[serde(rename = "seen-ns")]
    pub seen: Option<Instant>,
    /// The look at which it was gone again.
    #[serde(rename = "gone-ns")]
    pub gone: Option<Instant>,
    /// When the poller would have seen it at the earliest and at the latest, whatever its phase.
    #[serde(rename = "any-phase-ns")]
    pub any_phase: (Instant, Instant),
    /// Some phases never see it.
    pub may_be_missed: bool,
}

/// What a checker holds against the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Violation {
    /// The checker.
    pub checker: &'static str,
    /// When its limit was passed.
    #[serde(rename = "at-ns")]
    pub at: Instant,
    /// The switch or host.
    pub node: Option<String>,
    /// The flow, or the frame's addresses.
    pub subject: Option<String>,
    /// What is wrong.
    pub text: String,
    /// How often, the first one included.
    pub times: u64,
    /// What happened before, the latest last.
    pub led_there: Vec<Notable>,
    /// The scenario expects it.
    pub expected: bool,
}

/// Something that an engineer would look for in a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notable {
    /// When.
    #[serde(rename = "at-ns")]
    pub at: Instant,
    /// Where.
    pub node: String,
    /// What, for people.
    pub text: String,
}

/// A violation that had to be there and was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MissingViolation {
    /// The checker.
    pub checker: String,
    /// On which node.
    pub node: Option<String>,
}

fn nanos<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
}

fn maybe_nanos<S: serde::Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)).serialize(serializer)
}

/// The word of files.
pub fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Logged => "logged",
        Standing::Documented => "documented",
        Standing::Assumed => "assumed",
    }
}

fn standing<S: serde::Serializer>(standing: &Standing, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(standing_name(*standing))
}

fn lesson<S: serde::Serializer>(lesson: &Option<Lesson>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Words<'a> {
        cause: &'a str,
        seen: &'a str,
        notice: &'a str,
        avoid: &'a str,
    }
    lesson
        .as_ref()
        .map(|lesson| Words {
            cause: &lesson.cause,
            seen: &lesson.seen,
            notice: &lesson.notice,
            avoid: &lesson.avoid,
        })
        .serialize(serializer)
}
