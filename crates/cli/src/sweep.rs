//! `greylag sweep`: the same outage under many seeds and assumptions.

use crate::arguments::{SweepArguments, SweepVerb};
use crate::library;
use crate::outcome::{Failure, Outcome};
use crate::paragraph::wrap;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_sim::replay::{ReplayError, percent};
use greylag_sim::sweep::{
    self, Combination, Distribution, ExpectationSummary, Ledger, LedgerError, Plan, PlanError, Results,
    Shard, Summary, Together, Vary,
};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

/// How many combinations and assumptions are told.
const TOLD: usize = 10;

pub(crate) fn sweep(arguments: &SweepArguments) -> Outcome {
    if let Some(SweepVerb::Merge { files, json }) = &arguments.merge {
        return merge(files, *json);
    }
    let (Some(file), Some(seeds)) = (&arguments.file, &arguments.seeds) else {
        return Err(Failure::Usage("a sweep needs a scenario and --seeds A..B".to_owned()));
    };
    let source = library::source(file)?;
    let vary = match arguments.assumptions.as_slice() {
        [] => Vary::Seeds,
        [all] if all == "all" => Vary::All,
        names => Vary::Named(names.to_vec()),
    };
    let together = if arguments.alone { Together::Alone } else { Together::Combined };
    let plan = Plan::new(&source, arguments.variant.clone(), seeds.clone(), &vary, together)?;
    let digest = sweep::file_digest(&source);
    let (mut ledger, mut results) = match &arguments.output {
        Some(path) => {
            let (ledger, results) = Ledger::open(path, plan.scenario(), &digest)?;
            (Some(ledger), results)
        }
        None => (None, Results::default()),
    };
    let shard = arguments.shard.unwrap_or(Shard { number: 0, of: 1 });
    let numbers: Vec<u64> = plan.numbers(shard).filter(|&number| !results.has(&plan.key(number))).collect();
    let jobs = arguments.jobs.unwrap_or_else(|| available_parallelism().unwrap_or(NonZero::<usize>::MIN));

    let stop = interrupt()?;
    let mut progress = Progress { done: 0, of: numbers.len(), is_seen: io::stderr().is_terminal() };
    sweep::sweep(&plan, &numbers, &digest, jobs, &stop, |line| -> Result<(), Failure> {
        if let Some(ledger) = &mut ledger {
            ledger.add(&line)?;
        }
        results.add(line);
        progress.step();
        Ok(())
    })?;
    progress.end();
    if stop.load(Ordering::Relaxed) {
        let kept = if ledger.is_some() { "; the same command goes on from here" } else { "" };
        return Err(Failure::Failed(format!(
            "interrupted after {} of {} runs{kept}",
            progress.done, progress.of
        )));
    }
    print(&results, arguments.json)
}

fn merge(files: &[PathBuf], json: bool) -> Outcome {
    let mut results = Results::default();
    for file in files {
        results.read(file)?;
    }
    print(&results, json)
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::File(error) => error.into(),
            error => Failure::Usage(error.to_string()),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Failure::failed(error)
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        Failure::failed(error)
    }
}

/// Set by an interrupt, so that the runs under way are given up and the file is whole.
fn interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag)).map_err(Failure::failed)?;
    }
    Ok(flag)
}

/// How many runs are done, on a terminal.
struct Progress {
    done: usize,
    of: usize,
    is_seen: bool,
}

impl Progress {
    fn step(&mut self) {
        self.done += 1;
        if self.is_seen {
            let mut screen = io::stderr();
            let _ = write!(screen, "\r\x1b[K{} of {} runs", self.done, self.of).and_then(|()| screen.flush());
        }
    }

    fn end(&self) {
        if self.is_seen {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn print(results: &Results, json: bool) -> Outcome {
    let summary = Summary::new(results).ok_or_else(|| Failure::Failed("there is not one run".to_owned()))?;
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &summary).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", tell(&summary))?;
    }
    Ok(())
}

fn tell(summary: &Summary) -> String {
    let variants: Vec<&str> = summary.variants.iter().map(|name| name.as_deref().unwrap_or("base")).collect();
    let mut text = wrap(
        &format!(
            "{} ({}): all is as expected in {} of {} runs",
            summary.scenario,
            variants.join(", "),
            summary.holds,
            summary.runs
        ),
        2,
    );
    if summary.gaps > 0 {
        text += &wrap(&format!("GAPS: {} runs of this sweep are not there", summary.gaps), 2);
    }
    for section in
        [outcomes(summary), levels(summary), violations(summary), combinations(summary), worst(summary)]
    {
        if !section.is_empty() {
            text += &format!("\n{section}");
        }
    }
    text
}

fn share(part: u64, whole: u64) -> String {
    percent(part as f64 / whole.max(1) as f64)
}

fn outcomes(summary: &Summary) -> String {
    if summary.expectations.is_empty() {
        return String::new();
    }
    let mut table = distribution_table("EXPECTATION", Some("HOLDS"));
    for expectation in &summary.expectations {
        let holds = share(expectation.holds, summary.runs);
        let rows = distributions(expectation);
        if rows.is_empty() {
            let none = "-";
            table.row(&[&expectation.name, &holds, &none, &none, &none, &none, &none]);
        }
        for (index, (what, unit, of)) in rows.into_iter().enumerate() {
            let (name, holds) = match index {
                0 => (format!("{} {what}", expectation.name), holds.clone()),
                _ => (format!("  {what}"), String::new()),
            };
            let [min, p5, median, p95, max] = figures(&of, unit);
            table.row(&[&name, &holds, &min, &p5, &median, &p95, &max]);
        }
    }
    let carriers = summary.expectations.iter().map(carriers).collect::<String>();
    let carriers =
        if carriers.is_empty() { carriers } else { format!("\nWHICH ASSUMPTION CARRIES WHAT\n{carriers}") };
    format!("{table}{carriers}")
}

fn distributions(expectation: &ExpectationSummary) -> Vec<(&'static str, &'static str, Distribution)> {
    // The difference tells more than the time where the logs have one.
    let time = match expectation.difference {
        Some(difference) => Some(("off by", "s", difference)),
        None => expectation.at.map(|at| ("at", "s", at)),
    };
    let others = [
        expectation.lasted.map(|of| ("lasts", "s", of)),
        expectation.share.map(|of| ("share", "%", of)),
        expectation.count.map(|of| ("count", "", of)),
    ];
    time.into_iter().chain(others.into_iter().flatten()).collect()
}

fn distribution_table(what: &str, holds: Option<&str>) -> Table {
    let columns = [("MIN", Right), ("P5", Right), ("MEDIAN", Right), ("P95", Right), ("MAX", Right)];
    let lead = [Some((what, Left)), holds.map(|holds| (holds, Right))];
    Table::new(&lead.into_iter().flatten().chain(columns).collect::<Vec<_>>())
}

fn figures(of: &Distribution, unit: &str) -> [String; 5] {
    [of.min, of.p5, of.median, of.p95, of.max].map(|figure| match unit {
        "s" => format!("{figure:.3} s"),
        "%" => percent(figure),
        _ => format!("{figure}"),
    })
}

fn carriers(expectation: &ExpectationSummary) -> String {
    let strong = expectation.carriers.iter().filter(|carrier| (carrier.with - carrier.without).abs() >= 0.01);
    let line = |carrier: &sweep::Carrier| {
        wrap(
            &format!(
                "  {}: {} with {}={}, {} without",
                expectation.name,
                percent(carrier.with),
                carrier.parameter,
                carrier.value,
                percent(carrier.without)
            ),
            4,
        )
    };
    strong.take(TOLD).map(line).collect()
}

fn levels(summary: &Summary) -> String {
    if summary.levels.is_empty() {
        return String::new();
    }
    let mut table = distribution_table("FLOWS", None);
    for (name, of) in &summary.levels {
        let [min, p5, median, p95, max] = figures(of, "%");
        table.row(&[name, &min, &p5, &median, &p95, &max]);
    }
    table.to_string()
}

fn violations(summary: &Summary) -> String {
    if summary.violations.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[("CHECKER", Left), ("NODE", Left), ("", Left), ("RUNS", Right)]);
    for violation in &summary.violations {
        let node = violation.node.as_deref().unwrap_or("-");
        let expected = if violation.expected { "expected" } else { "UNEXPECTED" };
        table.row(&[&violation.checker, &node, &expected, &share(violation.runs, summary.runs)]);
    }
    table.to_string()
}

/// Those that are not as in the file.
fn words(assumptions: &BTreeMap<String, String>, base: &BTreeMap<String, String>) -> String {
    let others = assumptions.iter().filter(|(name, value)| base.get(*name) != Some(value));
    let words: Vec<String> = others.map(|(name, value)| format!("{name}={value}")).collect();
    if words.is_empty() { "the base".to_owned() } else { words.join(" ") }
}

fn combinations(summary: &Summary) -> String {
    if summary.combinations.len() < 2 {
        return String::new();
    }
    let is_alone = |combination: &Combination| {
        let other =
            combination.assumptions.iter().filter(|(name, value)| summary.base.get(*name) != Some(value));
        other.count() <= 1
    };
    let alone = summary.combinations.iter().all(is_alone);
    let logged = summary.expectations.iter().filter(|expectation| expectation.logged).count();
    let mut text = match logged {
        0 => String::from("ASSUMPTIONS, by the share of runs in which all is as expected\n"),
        logged => format!("ASSUMPTIONS, by how many of the {logged} logged events come out\n"),
    };
    let told = if alone { summary.combinations.len() } else { TOLD };
    for combination in summary.combinations.iter().take(told) {
        let figure = match logged {
            0 => share(combination.holds, combination.runs),
            _ => format!("{:.1}", combination.logged),
        };
        let details = match alone && logged > 0 {
            true => changes(combination),
            false => missed(summary, combination),
        };
        text +=
            &wrap(&format!("{figure:>8}  {}{details}", words(&combination.assumptions, &summary.base)), 10);
    }
    if summary.combinations.len() > told {
        text += &format!("          and {} more\n", summary.combinations.len() - told);
    }
    text
}

/// What comes out less often than always.
fn missed(summary: &Summary, combination: &Combination) -> String {
    let names = summary.expectations.iter().map(|expectation| &expectation.name);
    let missed: Vec<String> = names
        .zip(&combination.hits)
        .filter(|(_, hits)| **hits < 1.0)
        .map(|(name, hits)| format!("{name} {}", percent(*hits)))
        .collect();
    if missed.is_empty() { String::new() } else { format!(" ({})", missed.join(", ")) }
}

/// What comes out with it and does not without it, and the other way around.
fn changes(combination: &Combination) -> String {
    let words = |what: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("; {what} {}", names.join(", ")),
    };
    words("gains", &combination.gains) + &words("loses", &combination.loses)
}

fn worst(summary: &Summary) -> String {
    if summary.worst.is_empty() {
        return String::new();
    }
    let mut text = String::from("THE WORST\n");
    for run in &summary.worst {
        let variant = run.variant.as_ref().map_or_else(String::new, |name| format!(" --variant {name}"));
        let assume = run.assumptions.iter().map(|(name, value)| format!(" --assume {name}={value}"));
        let assume: String = assume.collect();
        text += &wrap(&format!("  --seed {}{variant}{assume}: {}", run.seed, run.wrong.join(", ")), 4);
    }
    text
}
