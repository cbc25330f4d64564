//! The figures, run by run, and their form in JSON, which is stable: names stay, and new ones may be added.

use super::bed::PortKind;
use super::dut::Dut;
use super::latency::LatencySummary;
use super::measure::Measure;
use super::{Turn, WireError, WirePlan};
use crate::machine::Machine;
use crate::report::Spread;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was measured, on what, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WireReport {
    /// Where.
    pub machine: Machine,
    /// The load average of the machine over the last minute, at the end: others have taken part of the cores where it is far above the
    /// cores that were measured on.
    pub load_average: String,
    /// Devices and their versions.
    pub versions: BTreeMap<String, String>,
    /// How the generator sends.
    pub generator: String,
    /// Seconds of a trial.
    pub trial: f64,
    /// Runs of which the median counts.
    pub runs: usize,
    /// In which order addresses come.
    pub pattern: String,
    /// `false` when it was interrupted.
    pub is_complete: bool,
    /// The devices, in their order. The first is what others are compared with.
    pub duts: Vec<String>,
    /// One for each measure, kind of ports, case and device.
    pub figures: Vec<WireFigure>,
    /// What could not be measured here.
    pub missing: Vec<Missing>,
}

/// The median of the runs, and how far they lie apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WireFigure {
    /// What was measured.
    pub measure: String,
    /// On what ports.
    pub ports: PortKind,
    /// Sizes, stations, streams; absent where there is one case.
    pub case: Option<String>,
    /// Through what.
    pub dut: String,
    /// In what the value is.
    pub unit: String,
    /// The value.
    pub value: Spread,
    /// Each run's, in their order.
    pub runs: Vec<f64>,
    /// What belongs to it: the medians.
    pub details: BTreeMap<String, f64>,
}

/// A device that could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Missing {
    /// Which.
    pub dut: String,
    /// On what ports.
    pub ports: PortKind,
    /// What of it; absent when it is all.
    pub measure: Option<String>,
    /// Why.
    pub why: String,
}

/// What tells figures apart, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    measure: Measure,
    kind: PortKind,
    case: Option<String>,
    dut: Dut,
}

/// The values of all runs for a row.
struct Entry {
    row: Row,
    unit: &'static str,
    values: Vec<f64>,
    details: BTreeMap<String, Vec<f64>>,
}

/// The values of all runs.
#[derive(Default)]
pub(super) struct Ledger {
    rows: Vec<Entry>,
    missing: Vec<Missing>,
    generator: Vec<&'static str>,
}

impl Ledger {
    /// Writes down the value of one run.
    pub(super) fn add(
        &mut self,
        turn: &Turn,
        case: Option<String>,
        unit: &'static str,
        value: f64,
        details: &[(&str, f64)],
    ) {
        let row = Row { measure: turn.measure, kind: turn.kind, case, dut: turn.dut };
        let at = self.rows.iter().position(|entry| entry.row == row).unwrap_or_else(|| {
            self.rows.push(Entry { row, unit, values: Vec::new(), details: BTreeMap::new() });
            self.rows.len() - 1
        });
        let entry = &mut self.rows[at];
        entry.values.push(value);
        for (name, value) in details {
            entry.details.entry((*name).to_owned()).or_default().push(*value);
        }
    }

    /// As [`add`](Self::add): the value is the median of the frames, and the shares are details.
    pub(super) fn add_latency(
        &mut self,
        turn: &Turn,
        case: Option<String>,
        unit: &'static str,
        latency: &LatencySummary,
        details: &[(&str, f64)],
    ) {
        let Some((_, median)) = latency.microseconds.iter().find(|(name, _)| name == "p50") else { return };
        let shares = latency.microseconds.iter().map(|(name, value)| (name.as_str(), *value));
        let all: Vec<(&str, f64)> = shares.chain(details.iter().copied()).collect();
        self.add(turn, case, unit, *median, &all);
    }

    pub(super) fn generator(&mut self, way: &'static str) {
        if !self.generator.contains(&way) {
            self.generator.push(way);
        }
    }

    /// A device cannot be measured on such ports.
    pub(super) fn leave_out(&mut self, kind: PortKind, dut: Dut, why: String) {
        self.missing.push(Missing { dut: dut.name().to_owned(), ports: kind, measure: None, why });
    }

    pub(super) fn is_out(&self, kind: PortKind, dut: Dut) -> bool {
        let all_of = |missing: &Missing| missing.ports == kind && missing.dut == dut.name();
        self.missing.iter().any(|missing| missing.measure.is_none() && all_of(missing))
    }

    /// A measure did not work. It is tried again in the next run, and told once.
    pub(super) fn fail(&mut self, kind: PortKind, dut: Dut, measure: Measure, error: &WireError) {
        let is_none = matches!(error, WireError::NoConnection("TCP connection" | "UDP datagram"));
        let reason = dut.is_known_for(kind).filter(|_| is_none);
        let missing = Missing {
            dut: dut.name().to_owned(),
            ports: kind,
            measure: Some(measure.name().to_owned()),
            why: reason.map_or_else(|| error.to_string(), |reason| format!("{error}: {reason}")),
        };
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    pub(super) fn report(self, plan: &WirePlan, machine: Machine, is_complete: bool) -> WireReport {
        let median = |values: Vec<f64>| Spread::of(values).median;
        let figures = self.rows.into_iter().map(|Entry { row, unit, values: runs, details }| WireFigure {
            measure: row.measure.name().to_owned(),
            ports: row.kind,
            case: row.case,
            dut: row.dut.name().to_owned(),
            unit: unit.to_owned(),
            value: Spread::of(runs.clone()),
            runs,
            details: details.into_iter().map(|(name, values)| (name, median(values))).collect(),
        });
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        WireReport {
            machine,
            load_average: load.split_whitespace().next().unwrap_or("unknown").to_owned(),
            versions: plan
                .duts
                .iter()
                .filter_map(|dut| Some((dut.name().to_owned(), dut.version()?)))
                .collect(),
            generator: self.generator.join(", "),
            trial: plan.trial.as_secs_f64(),
            runs: plan.runs,
            pattern: plan.pattern.name().to_owned(),
            is_complete,
            duts: plan.duts.iter().map(|dut| dut.name().to_owned()).collect(),
            figures: figures.collect(),
            missing: self.missing,
        }
    }
}

impl WireReport {
    /// No switch has failed at what it has to stand.
    pub fn is_sound(&self) -> bool {
        !self.missing.iter().any(|missing| missing.measure.as_deref() == Some(Measure::Soak.name()))
    }

    /// The figure of a device.
    pub fn figure(
        &self,
        measure: &str,
        ports: PortKind,
        case: Option<&str>,
        dut: &str,
    ) -> Option<&WireFigure> {
        self.figures.iter().find(|figure| {
            figure.measure == measure
                && figure.ports == ports
                && figure.case.as_deref() == case
                && figure.dut == dut
        })
    }

    /// The cases that there are, in their order.
    pub(super) fn cases(&self) -> Vec<(Measure, PortKind, Option<&str>)> {
        let mut cases = Vec::new();
        for measure in Measure::ALL {
            for figure in self.figures.iter().filter(|figure| figure.measure == measure.name()) {
                let case = (measure, figure.ports, figure.case.as_deref());
                if !cases.contains(&case) {
                    cases.push(case);
                }
            }
        }
        cases
    }
}
