//! What is kept of a run: one JSON line.

use super::plan::Plan;
use crate::replay::{Measured, Outcome};
use greylag_base::Instant;
use greylag_scenario::story::Standing;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Not;

/// What tells a run of a scenario from all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunKey {
    /// The variant.
    pub variant: Option<String>,
    /// The parameters that the sweep varied, and their values.
    pub assumptions: BTreeMap<String, String>,
    /// The seed.
    pub seed: u64,
}

/// What came out of a run. Times are nanoseconds since the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunLine {
    /// The scenario's name.
    pub scenario: String,
    /// Digest of the scenario's file: lines of different files cannot be compared.
    pub file: String,
    /// How many runs the sweep has.
    pub of: u64,
    /// The variant.
    pub variant: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The parameters that the sweep varied, and their values.
    pub assumptions: BTreeMap<String, String>,
    /// The values that the file has of these parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub base: BTreeMap<String, String>,
    /// All of it came out as expected.
    pub holds: bool,
    /// Each expectation, in the order of the file.
    pub expectations: Vec<ExpectationLine>,
    /// What the checkers held against it.
    pub violations: Vec<ViolationLine>,
    /// Expected violations that were not there, as `checker` or `checker node`.
    pub missing: Vec<String>,
    /// Share of each set of flows that arrived in the whole run, 0 to 1.
    pub levels: BTreeMap<String, f64>,
    /// Digest of the event log.
    pub digest: String,
}

/// An expectation in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExpectationLine {
    /// Its name.
    pub name: String,
    /// It came out as expected.
    pub holds: bool,
    /// The logs have it.
    #[serde(skip_serializing_if = "Not::not", default)]
    pub logged: bool,
    /// It does not count, for nobody knows why it was so.
    #[serde(skip_serializing_if = "Not::not", default)]
    pub unexplained: bool,
    /// When, if it has a time.
    #[serde(rename = "at-ns", skip_serializing_if = "Option::is_none", default)]
    pub at: Option<u64>,
    /// That less the time in the logs.
    #[serde(rename = "difference-ns", skip_serializing_if = "Option::is_none", default)]
    pub difference: Option<i64>,
    /// How long a black hole lasted.
    #[serde(rename = "lasted-ns", skip_serializing_if = "Option::is_none", default)]
    pub lasted: Option<u64>,
    /// Share that arrived, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub share: Option<f64>,
    /// Events, frames, or a counter's value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<u64>,
}

/// A violation in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ViolationLine {
    /// The checker.
    pub checker: String,
    /// Where.
    pub node: Option<String>,
    /// When.
    #[serde(rename = "at-ns")]
    pub at: u64,
    /// How often.
    pub times: u64,
    /// The scenario expects it.
    pub expected: bool,
}

impl RunLine {
    /// The line of an outcome: a run of `plan`.
    pub fn new(outcome: &Outcome, key: RunKey, file: &str, plan: &Plan) -> Self {
        let expectations = outcome.expectations.iter().map(|judgement| ExpectationLine {
            name: judgement.name.clone(),
            holds: judgement.holds,
            logged: judgement.standing == Standing::Logged,
            unexplained: judgement.unexplained.is_some(),
            at: judgement.reproduced.map(Instant::as_nanos),
            difference: judgement.difference,
            lasted: lasted(&judgement.measured),
            share: share(&judgement.measured),
            count: count(&judgement.measured),
        });
        let violations = outcome.violations.iter().map(|violation| ViolationLine {
            checker: violation.checker.to_owned(),
            node: violation.node.clone(),
            at: violation.at.as_nanos(),
            times: violation.times,
            expected: violation.expected,
        });
        let missing = outcome.missing_violations.iter().map(|missing| match &missing.node {
            Some(node) => format!("{} {node}", missing.checker),
            None => missing.checker.clone(),
        });
        RunLine {
            scenario: outcome.scenario.clone(),
            file: file.to_owned(),
            of: plan.runs(),
            variant: key.variant,
            seed: key.seed,
            assumptions: key.assumptions,
            base: plan.base().clone(),
            holds: outcome.holds,
            expectations: expectations.collect(),
            violations: violations.collect(),
            missing: missing.collect(),
            levels: levels(outcome),
            digest: outcome.digest.clone(),
        }
    }

    /// What tells it from all others.
    pub fn key(&self) -> RunKey {
        RunKey { variant: self.variant.clone(), assumptions: self.assumptions.clone(), seed: self.seed }
    }
}

fn lasted(measured: &Measured) -> Option<u64> {
    match measured {
        Measured::BlackHole { lasted, .. } => u64::try_from(lasted.as_nanos()).ok(),
        _ => None,
    }
}

fn share(measured: &Measured) -> Option<f64> {
    match measured {
        Measured::Level { share } => *share,
        Measured::Flows { flows, failing, .. } => (*flows > 0).then(|| *failing as f64 / *flows as f64),
        Measured::OtherFlows { failing, new } => (*failing > 0).then(|| *new as f64 / *failing as f64),
        Measured::Asymmetric { flows, apart } => (*flows > 0).then(|| *apart as f64 / *flows as f64),
        _ => None,
    }
}

fn count(measured: &Measured) -> Option<u64> {
    match measured {
        Measured::Event { count } | Measured::ForeignUnicast { frames: count } => Some(*count),
        Measured::Counter { value } | Measured::Found { count: value } => *value,
        Measured::Monitoring { looks, .. } => Some(*looks),
        Measured::Alarm { .. }
        | Measured::Level { .. }
        | Measured::BlackHole { .. }
        | Measured::Flows { .. }
        | Measured::OtherFlows { .. }
        | Measured::Asymmetric { .. } => None,
    }
}

/// By volume: each flow weighs what it stands for, for as long as it was judged.
fn levels(outcome: &Outcome) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<&str, (u128, u128)> = BTreeMap::new();
    for flow in &outcome.flows {
        let weight = u128::from(flow.weight);
        let (offered, lost) = sums.entry(&flow.flows).or_default();
        *offered += weight * (flow.span.1 - flow.span.0).as_nanos();
        let holes = flow.black_holes.iter().map(|hole| (hole.until - hole.from).as_nanos());
        *lost += weight * holes.sum::<u128>();
    }
    let sent = sums.into_iter().filter(|(_, (offered, _))| *offered > 0);
    sent.map(|(name, (offered, lost))| (name.to_owned(), (offered - lost) as f64 / offered as f64)).collect()
}
