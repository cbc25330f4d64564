//! Sweeps: runs that are done once, wherever and in however many pieces.

use greylag_scenario::Source;
use greylag_sim::replay::ReplayError;
use greylag_sim::sweep::{
    Distribution, Ledger, LedgerError, Plan, Results, RunLine, Shard, Summary, Together, Vary, file_digest,
    sweep,
};
use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const SCENARIO: &str = r#"
name: ageing
title: A silent host is forgotten
duration: 40s
parameters:
  ageing: {value: 30s, standing: assumed, choices: [30s, 10s]}
  least: {value: 1, standing: assumed, choices: [1, 0]}
topology:
  nodes:
    sw1: {kind: greylag, config: {mac-table: {ageing-time: $ageing}}}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - {endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]}
    - {endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]}
flows:
  web: {from: [h1], to: [h2], interval: 1s, stop: 5s}
expect:
  - {name: forgotten, event: mac-aged, least: $least, most: 1000, standing: assumed}
  - {name: early, counter: mac-table.aged, on: sw1, at: 25s, least: 1, standing: assumed}
"#;

fn source() -> Source {
    Source::new("ageing.yml", SCENARIO)
}

fn plan(vary: &Vary) -> Plan {
    Plan::new(&source(), None, 5..8, vary, Together::Combined).unwrap_or_else(|error| panic!("{error}"))
}

fn lines(plan: &Plan, shard: Shard, jobs: usize) -> Vec<RunLine> {
    let numbers: Vec<u64> = plan.numbers(shard).collect();
    let mut lines = Vec::new();
    let stop = AtomicBool::new(false);
    let digest = file_digest(&source());
    sweep(plan, &numbers, &digest, NonZero::new(jobs).expect("a job"), &stop, |line| {
        lines.push(line);
        Ok::<(), ReplayError>(())
    })
    .expect("the worlds can be made");
    lines
}

const ALL: Shard = Shard { number: 0, of: 1 };

#[test]
fn threads_and_shards_change_nothing() {
    let plan = plan(&Vary::All);
    let alone = lines(&plan, ALL, 1);
    assert_eq!(alone.len(), 3 * 4);
    assert_eq!(lines(&plan, ALL, 3), alone, "in the same order, too");
    let mut pieces: Vec<RunLine> =
        (0..3).flat_map(|number| lines(&plan, Shard { number, of: 3 }, 2)).collect();
    pieces.sort_by_key(RunLine::key);
    let mut sorted = alone;
    sorted.sort_by_key(RunLine::key);
    assert_eq!(pieces, sorted);
}

fn write(path: &Path, lines: &[RunLine]) {
    let (mut ledger, _) = Ledger::open(path, "ageing", &file_digest(&source())).expect("a file");
    lines.iter().for_each(|line| ledger.add(line).expect("it is written"));
}

#[test]
fn a_file_is_gone_on_with_and_a_torn_line_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("runs.jsonl");
    let lines = lines(&plan(&Vary::Seeds), ALL, 1);
    write(&path, &lines[..2]);
    let whole = fs::read(&path).expect("it is there");
    fs::write(&path, &whole[..whole.len() - 7]).expect("it is cut short");
    let (mut ledger, results) = Ledger::open(&path, "ageing", &file_digest(&source())).expect("it is ours");
    assert_eq!(results.lines().map(|line| line.seed).collect::<Vec<_>>(), [5]);
    lines[1..].iter().for_each(|line| ledger.add(line).expect("it is written"));
    let mut results = Results::default();
    results.read(&path).expect("every line is whole");
    assert!(results.lines().eq(lines.iter()));
}

#[test]
fn gaps_contradictions_and_strangers_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = lines(&plan(&Vary::Seeds), ALL, 1);
    let [one, two, other] = ["one", "two", "other"].map(|name| folder.path().join(name));
    write(&one, &lines[..1]);
    let mut results = Results::default();
    results.read(&one).expect("it is ours");
    let summary = Summary::new(&results).expect("there is a run");
    assert_eq!((summary.runs, summary.gaps), (1, 2));

    write(&two, &[RunLine { digest: "0".repeat(64), ..lines[0].clone() }]);
    assert!(matches!(results.read(&two), Err(LedgerError::Contradiction { seed: 5, .. })));

    let stranger = RunLine { file: "0123456789abcdef".to_owned(), ..lines[1].clone() };
    let text = serde_json::to_string(&stranger).expect("a line is JSON");
    fs::File::create(&other).and_then(|mut file| writeln!(file, "{text}")).expect("it is written");
    assert!(matches!(results.read(&other), Err(LedgerError::Other { .. })));
    assert!(Ledger::open(&other, "ageing", &file_digest(&source())).is_err());
    fs::write(&other, "{\"seed\": 1}\n").expect("it is written");
    assert!(matches!(results.read(&other), Err(LedgerError::Line { line: 1, .. })));
}

#[test]
fn the_summary_names_the_assumption_that_carries_an_expectation() {
    let mut results = Results::default();
    lines(&plan(&Vary::All), ALL, 2).into_iter().for_each(|line| results.add(line));
    let summary = Summary::new(&results).expect("there are runs");
    assert_eq!((summary.runs, summary.gaps), (12, 0));
    let early = &summary.expectations[1];
    assert_eq!((early.name.as_str(), early.holds), ("early", 6));
    let carrier = &early.carriers[0];
    assert_eq!((carrier.parameter.as_str(), (carrier.with - carrier.without).abs()), ("ageing", 1.0));
    assert_eq!(summary.combinations[0].assumptions["ageing"], "10s");
    assert_eq!(summary.worst.len(), 5);
}

#[test]
fn what_cannot_be_varied_is_refused_with_what_can() {
    let error =
        Plan::new(&source(), None, 0..1, &Vary::Named(vec!["agening".into()]), Together::Alone).unwrap_err();
    assert_eq!(error.to_string(), "there is no parameter `agening` with choices: expected ageing, least");
}

#[test]
fn percentiles_are_figures_that_are_there() {
    let of = Distribution::of((1..=100).map(f64::from)).expect("there are figures");
    assert_eq!([of.min, of.p5, of.median, of.p95, of.max], [1.0, 5.0, 50.0, 95.0, 100.0]);
    assert_eq!(Distribution::of([7.0]).map(|of| (of.p5, of.p95)), Some((7.0, 7.0)));
    assert_eq!(Distribution::of([]), None);
}
