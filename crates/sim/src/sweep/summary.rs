//! What many runs say together.

use super::ledger::Results;
use super::line::{ExpectationLine, RunLine};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many of the worst runs are told.
const WORST: usize = 5;

/// What many runs of a scenario say together. Shares are 0 to 1; a time is seconds since the start.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// The scenario's name.
    pub scenario: String,
    /// The variants that the runs are of.
    pub variants: BTreeSet<Option<String>>,
    /// Runs.
    pub runs: u64,
    /// Runs that the sweep has and that are not there.
    pub gaps: u64,
    /// Runs in which all came out as expected.
    pub holds: u64,
    /// Each expectation.
    pub expectations: Vec<ExpectationSummary>,
    /// Share of each set of flows that arrived.
    pub levels: BTreeMap<String, Distribution>,
    /// How many runs had a violation, by checker and node, and whether it was expected.
    pub violations: Vec<ViolationSummary>,
    /// The values that the file has of the parameters that were varied.
    pub base: BTreeMap<String, String>,
    /// Every combination of assumptions, the one that reproduces most of the logged events first.
    pub combinations: Vec<Combination>,
    /// The runs with the most that is not as expected.
    pub worst: Vec<Worst>,
}

/// An expectation in many runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExpectationSummary {
    /// Its name.
    pub name: String,
    /// Runs in which it held.
    pub holds: u64,
    /// The logs have it.
    pub logged: bool,
    /// Whether it comes out does not count.
    pub unexplained: bool,
    /// When it came out, in the runs in which it did.
    pub at: Option<Distribution>,
    /// How far that was from the logs.
    pub difference: Option<Distribution>,
    /// How long a black hole lasted, seconds.
    pub lasted: Option<Distribution>,
    /// Share that arrived.
    pub share: Option<Distribution>,
    /// Events, frames, or a counter's value.
    pub count: Option<Distribution>,
    /// What each assumption does to it, the strongest first.
    pub carriers: Vec<Carrier>,
}

/// How a figure is distributed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Distribution {
    /// Of how many runs.
    pub count: u64,
    /// The smallest.
    pub min: f64,
    /// One in twenty is at or below.
    pub p5: f64,
    /// One in two is at or below.
    pub median: f64,
    /// Nineteen in twenty are at or below.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

/// How often an expectation holds with an assumption, and without.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Carrier {
    /// The parameter.
    pub parameter: String,
    /// Its value.
    pub value: String,
    /// Share of the runs with it in which the expectation holds.
    pub with: f64,
    /// Share of the runs with other values.
    pub without: f64,
}

/// A combination of assumptions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Combination {
    /// The parameters and their values.
    pub assumptions: BTreeMap<String, String>,
    /// Its runs.
    pub runs: u64,
    /// Those in which all held.
    pub holds: u64,
    /// Share of its runs in which each expectation held, in the order of the file.
    pub hits: Vec<f64>,
    /// How many of the logged events a run of it reproduces, on average.
    pub logged: f64,
    /// What it does to single expectations, beside the values that the file has: shares that differ by a half at least.
    pub gains: Vec<String>,
    /// The same, the other way around.
    pub loses: Vec<String>,
}

/// A violation in many runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ViolationSummary {
    /// The checker.
    pub checker: String,
    /// Where.
    pub node: Option<String>,
    /// The scenario expects it.
    pub expected: bool,
    /// In how many runs.
    pub runs: u64,
}

/// A run with much that is not as expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Worst {
    /// The variant.
    pub variant: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The assumptions.
    pub assumptions: BTreeMap<String, String>,
    /// Expectations that do not hold, and violations that are unexpected or missing.
    pub wrong: Vec<String>,
}

impl Summary {
    /// Sums results up; `None` when there are none.
    pub fn new(results: &Results) -> Option<Self> {
        let lines: Vec<&RunLine> = results.lines().collect();
        let first = lines.first()?;
        let names: Vec<&str> = first.expectations.iter().map(|line| line.name.as_str()).collect();
        let runs = lines.len() as u64;
        let variants: BTreeSet<Option<String>> = lines.iter().map(|line| line.variant.clone()).collect();
        let of = |variant: &Option<String>| {
            lines.iter().filter(|line| line.variant == *variant).map(|line| line.of).max().unwrap_or(0)
        };
        let planned: u64 = variants.iter().map(of).sum();
        Some(Summary {
            scenario: first.scenario.clone(),
            gaps: planned.saturating_sub(runs),
            variants,
            runs,
            holds: count(&lines, |line| line.holds),
            expectations: names.iter().map(|name| expectation(&lines, name)).collect(),
            levels: levels(&lines),
            violations: violations(&lines),
            base: base(&lines),
            combinations: combinations(&lines, &names),
            worst: worst(&lines),
        })
    }
}

impl Distribution {
    /// Of some figures; `None` when there are none. Percentiles are figures that are there (nearest rank).
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let rank = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        Some(Distribution {
            count: sorted.len() as u64,
            min,
            p5: rank(5),
            median: rank(50),
            p95: rank(95),
            max,
        })
    }
}

fn count(lines: &[&RunLine], is_it: impl Fn(&RunLine) -> bool) -> u64 {
    lines.iter().filter(|line| is_it(line)).count() as u64
}

fn named<'a>(line: &'a RunLine, name: &str) -> Option<&'a ExpectationLine> {
    line.expectations.iter().find(|expectation| expectation.name == name)
}

fn holds(line: &RunLine, name: &str) -> bool {
    named(line, name).is_some_and(|expectation| expectation.holds)
}

fn expectation(lines: &[&RunLine], name: &str) -> ExpectationSummary {
    let seconds = |nanos: f64| nanos / 1e9;
    let each = || lines.iter().filter_map(|line| named(line, name));
    ExpectationSummary {
        name: name.to_owned(),
        holds: count(lines, |line| holds(line, name)),
        logged: each().any(|line| line.logged),
        unexplained: each().any(|line| line.unexplained),
        at: Distribution::of(each().filter_map(|line| line.at).map(|at| seconds(at as f64))),
        difference: Distribution::of(
            each().filter_map(|line| line.difference).map(|off| seconds(off as f64)),
        ),
        lasted: Distribution::of(each().filter_map(|line| line.lasted).map(|span| seconds(span as f64))),
        share: Distribution::of(each().filter_map(|line| line.share)),
        count: Distribution::of(each().filter_map(|line| line.count).map(|count| count as f64)),
        carriers: carriers(lines, name),
    }
}

/// What a single assumption does to an expectation, whatever the others are.
fn carriers(lines: &[&RunLine], name: &str) -> Vec<Carrier> {
    let assumptions: BTreeSet<(&String, &String)> = lines.iter().flat_map(|line| &line.assumptions).collect();
    let carrier = |(parameter, value): (&String, &String)| {
        let (with, without): (Vec<&RunLine>, Vec<&RunLine>) =
            lines.iter().partition(|line| line.assumptions.get(parameter) == Some(value));
        let share = |lines: &[&RunLine]| {
            (!lines.is_empty()).then(|| count(lines, |line| holds(line, name)) as f64 / lines.len() as f64)
        };
        Some(Carrier {
            parameter: parameter.clone(),
            value: value.clone(),
            with: share(&with)?,
            without: share(&without)?,
        })
    };
    let mut carriers: Vec<Carrier> = assumptions.into_iter().filter_map(carrier).collect();
    carriers.sort_by(|one, other| {
        let strength = |carrier: &Carrier| (carrier.with - carrier.without).abs();
        strength(other).total_cmp(&strength(one))
    });
    carriers
}

fn levels(lines: &[&RunLine]) -> BTreeMap<String, Distribution> {
    let names: BTreeSet<&String> = lines.iter().flat_map(|line| line.levels.keys()).collect();
    let level = |name: &String| {
        let shares = lines.iter().filter_map(|line| line.levels.get(name)).copied();
        Some((name.clone(), Distribution::of(shares)?))
    };
    names.into_iter().filter_map(level).collect()
}

fn violations(lines: &[&RunLine]) -> Vec<ViolationSummary> {
    let mut runs: BTreeMap<(&String, &Option<String>, bool), u64> = BTreeMap::new();
    for violation in lines.iter().flat_map(|line| &line.violations) {
        *runs.entry((&violation.checker, &violation.node, violation.expected)).or_default() += 1;
    }
    let summary = |((checker, node, expected), runs): ((&String, &Option<String>, bool), u64)| {
        ViolationSummary { checker: checker.clone(), node: node.clone(), expected, runs }
    };
    runs.into_iter().map(summary).collect()
}

fn combinations(lines: &[&RunLine], names: &[&str]) -> Vec<Combination> {
    let mut groups: BTreeMap<&BTreeMap<String, String>, Vec<&RunLine>> = BTreeMap::new();
    for &line in lines {
        groups.entry(&line.assumptions).or_default().push(line);
    }
    let is_logged = |name: &&str| lines.iter().filter_map(|line| named(line, name)).any(|line| line.logged);
    let logged: Vec<bool> = names.iter().map(is_logged).collect();
    let combination = |(assumptions, lines): (&BTreeMap<String, String>, Vec<&RunLine>)| {
        let share = |name: &&str| count(&lines, |line| holds(line, name)) as f64 / lines.len() as f64;
        let hits: Vec<f64> = names.iter().map(share).collect();
        Combination {
            assumptions: assumptions.clone(),
            runs: lines.len() as u64,
            holds: count(&lines, |line| line.holds),
            logged: hits.iter().zip(&logged).filter(|(_, logged)| **logged).map(|(hits, _)| hits).sum(),
            gains: Vec::new(),
            loses: Vec::new(),
            hits,
        }
    };
    let mut combinations: Vec<Combination> = groups.into_iter().map(combination).collect();
    let base = base(lines);
    if let Some(base) = combinations.iter().find(|it| it.assumptions == base).map(|it| it.hits.clone()) {
        for combination in &mut combinations {
            for ((name, base), hits) in names.iter().zip(&base).zip(&combination.hits) {
                match hits - base {
                    more if more >= 0.5 => combination.gains.push((*name).to_owned()),
                    less if less <= -0.5 => combination.loses.push((*name).to_owned()),
                    _ => {}
                }
            }
        }
    }
    let rank = |combination: &Combination| {
        let share = combination.holds as f64 / combination.runs as f64;
        (combination.logged, share, combination.hits.iter().sum::<f64>())
    };
    combinations.sort_by(|one, other| {
        let (one, other) = (rank(one), rank(other));
        let by = other.0.total_cmp(&one.0).then(other.1.total_cmp(&one.1));
        by.then(other.2.total_cmp(&one.2))
    });
    combinations
}

/// What the file has of all that was varied in one of the sweeps.
fn base(lines: &[&RunLine]) -> BTreeMap<String, String> {
    lines.iter().flat_map(|line| line.base.clone()).collect()
}

/// The runs with most that is wrong; of equal ones those that are farthest from the logs.
fn worst(lines: &[&RunLine]) -> Vec<Worst> {
    let wrong = |line: &RunLine| -> Vec<String> {
        let failed = line.expectations.iter().filter(|line| !line.holds && !line.unexplained);
        let unexpected = line.violations.iter().filter(|violation| !violation.expected);
        let unexpected = unexpected.map(|violation| match &violation.node {
            Some(node) => format!("{} on {node}", violation.checker),
            None => violation.checker.clone(),
        });
        let missing = line.missing.iter().map(|missing| format!("no {missing}"));
        failed.map(|expectation| expectation.name.clone()).chain(unexpected).chain(missing).collect()
    };
    let off = |line: &RunLine| -> u128 {
        line.expectations
            .iter()
            .filter_map(|line| line.difference)
            .map(|off| u128::from(off.unsigned_abs()))
            .sum()
    };
    let mut ranked: Vec<(&RunLine, Vec<String>)> =
        lines.iter().filter(|line| !line.holds).map(|&line| (line, wrong(line))).collect();
    ranked.sort_by_key(|(line, wrong)| std::cmp::Reverse((wrong.len(), off(line))));
    ranked.truncate(WORST);
    let worst = |(line, wrong): (&RunLine, Vec<String>)| Worst {
        variant: line.variant.clone(),
        seed: line.seed,
        assumptions: line.assumptions.clone(),
        wrong,
    };
    ranked.into_iter().map(worst).collect()
}
