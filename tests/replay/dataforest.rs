//! `scenarios/dataforest-2025-10-23.yml`: an outage of half an hour, by its causes.

use crate::program::program;
use crate::threads;
use greylag_base::Seed;
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_sim::replay::{Judgement, Options, Outcome, replay};
use greylag_sim::sweep::RunLine;
use greylag_tests::workspace;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

const SCENARIO: &str = "scenarios/dataforest-2025-10-23.yml";

/// What the base replays to. It changes whenever a switch does anything at another time than before: look at what changed in
/// `greylag replay` first.
const DIGEST: &str = "0635ff090d70d8e530c37dd0e879a6183721eb1d2dc5c942918053652be4ffd3";

/// 13:33:30, when all that follows from the commit has happened.
const SPLIT: Duration = Duration::from_secs(810);

fn read(assume: &[(&str, &str)], variant: Option<&str>) -> Scenario {
    let source = Source::read(workspace().join(SCENARIO)).unwrap();
    let assume = assume.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let choice = Choice { variant: variant.map(str::to_owned), assume };
    story::parse(&source, &choice).unwrap_or_else(|error| panic!("{}", error.render()))
}

/// Until the bundles are up again, and without probes.
fn until_the_split(assume: &[(&str, &str)], seed: Seed) -> Outcome {
    let mut scenario = read(assume, None);
    scenario.flows.clear();
    replay(&scenario, seed, Options { until: Some(SPLIT), ..Options::default() }).unwrap()
}

fn judgement<'a>(outcome: &'a Outcome, name: &str) -> &'a Judgement {
    outcome.expectations.iter().find(|judgement| judgement.name == name).expect("it is expected")
}

/// The control session ends in an interval that depends on the phases of timers; the logged time is not far from it. `tools/replays
/// dataforest` has a thousand seeds.
#[test]
fn the_session_ends_in_time_under_fifty_seeds() {
    let seeds: Vec<u64> = (1..=50).collect();
    let outcomes = threads::each(&seeds, |seed| until_the_split(&[], Seed(*seed)));
    let second = 1_000_000_000;
    let (mut off, mut together): (Vec<i64>, usize) = (Vec::new(), 0);
    for (seed, outcome) in seeds.iter().zip(&outcomes) {
        for name in ["ca2-given-up", "ca1-survives", "observium-tells", "exporter-would-tell"] {
            let judgement = judgement(outcome, name);
            assert!(judgement.holds, "seed {seed}: {name}: {:?}", judgement.failure);
        }
        let bfd = judgement(outcome, "bfd-down-ca1");
        off.push(bfd.difference.expect("the log has it"));
        let down = bfd.reproduced.expect("it goes down");
        let follows = |name| {
            judgement(outcome, name).reproduced.is_some_and(|at| at.since(down) < Duration::from_secs(2))
        };
        assert!(follows("iccp-down-ca1") && follows("ca1-drops-shared-id"), "seed {seed}");
        // Where ca1's ARP entry of ca2 runs out just then, ca1 cannot tell ca2.
        together += usize::from(follows("iccp-down-ca2") && follows("ca2-drops-shared-id"));
    }
    let (early, late) = (off.iter().min().unwrap(), off.iter().max().unwrap());
    assert!(late - early > 5 * second, "timers have phases: {off:?}");
    assert!(off.iter().all(|off| (-11 * second..=0).contains(off)), "{off:?}");
    assert!(off.iter().filter(|off| **off >= -10 * second).count() >= 45, "{off:?}");
    assert!(together >= 45, "ca2 follows under {together} seeds");
}

/// What happens by the time of the split.
const BY_THE_SPLIT: [&str; 11] = [
    "ca2-given-up",
    "ca1-survives",
    "observium-tells",
    "exporter-would-tell",
    "bfd-down-ca1",
    "bfd-down-ca2",
    "iccp-down-ca1",
    "iccp-down-ca2",
    "ca1-drops-shared-id",
    "ca2-drops-shared-id",
    "router-attached-again",
];

/// Every event of the session's end.
const THE_END: &[&str] = &[
    "bfd-down-ca1",
    "bfd-down-ca2",
    "iccp-down-ca1",
    "iccp-down-ca2",
    "ca1-drops-shared-id",
    "ca2-drops-shared-id",
    "router-attached-again",
];

/// What each assumption carries by the time of the split, each alone: what does not come out with it as the logs have it.
const UNTIL_THE_SPLIT: &[((&str, &str), &[&str])] = &[
    // The session ends when the leases lapse.
    (("ageing", "180s"), THE_END),
    (("ageing", "600s"), THE_END),
    (("renew", "5s"), &[]),
    (("renew", "20s"), &[]),
    (("flood", "leased"), &[]),
    // Somebody else learns, keeps leases or resolves: ca2 goes on sending.
    (("owns-learn", "false"), THE_END),
    (("owns-lease", "false"), THE_END),
    (("owns-flood", "false"), &[]),
    (("owns-adjacency", "false"), THE_END),
    // BFD notices sooner than it did.
    (("bfd", "1s"), THE_END),
    (("bfd", "8s"), &["bfd-down-ca1", "bfd-down-ca2", "iccp-down-ca1", "iccp-down-ca2"]),
    // ICCP notices before BFD.
    (
        ("iccp-timeout", "15s"),
        &[
            "iccp-down-ca1",
            "iccp-down-ca2",
            "ca1-drops-shared-id",
            "ca2-drops-shared-id",
            "router-attached-again",
        ],
    ),
    // One of the two goes on with the shared id, or both do, each taking the other for dead.
    (("on-peer-alive", "standby-reverts"), &["ca1-drops-shared-id", "router-attached-again"]),
    (("on-peer-alive", "none"), &["ca1-drops-shared-id", "ca2-drops-shared-id", "router-attached-again"]),
    // These tell later, if at all.
    (("isolation", "lift"), &[]),
    (("macs", "pin"), &[]),
    (("macs", "flush"), &[]),
    (("init-delay", "0s"), &[]),
    (("retry", "120s"), &[]),
    (("arp", "30s"), &[]),
    (("lacp-frames", "3"), &[]),
];

#[test]
fn what_rests_on_an_assumption_goes_with_it() {
    let scenario = read(&[], None);
    let others = scenario.parameters.iter().flat_map(|parameter| {
        let others = parameter.choices.iter().filter(|value| **value != parameter.value);
        others.map(|value| (parameter.name.as_str(), value.as_str()))
    });
    let tried = UNTIL_THE_SPLIT.iter().map(|(assumption, _)| *assumption);
    assert_eq!(tried.collect::<BTreeSet<_>>(), others.collect::<BTreeSet<_>>(), "every one is tried");

    let missed = |assume: &[(&str, &str)]| -> Vec<&str> {
        let outcome = until_the_split(assume, Seed(1));
        BY_THE_SPLIT.into_iter().filter(|name| !judgement(&outcome, name).holds).collect()
    };
    let found = threads::each(UNTIL_THE_SPLIT, |(assumption, _)| (*assumption, missed(&[*assumption])));
    let expected: Vec<_> =
        UNTIL_THE_SPLIT.iter().map(|(assumption, lost)| (*assumption, lost.to_vec())).collect();
    assert_eq!(found, expected);
}

/// Two that tell later: whether LACPDUs leave each at its own time, and the init delay.
#[test]
fn what_rests_on_an_assumption_later_goes_with_it() {
    let failed = |assume: (&str, &str), flows: &[&str], until| -> BTreeSet<String> {
        let mut scenario = read(&[assume], None);
        scenario.flows.retain(|flow| flows.contains(&flow.name.as_str()));
        let outcome = replay(&scenario, Seed(1), Options { until, ..Options::default() }).unwrap();
        let failed = outcome.expectations.iter().filter(|judgement| !judgement.holds);
        failed.map(|judgement| judgement.name.clone()).collect()
    };
    // Every router hears ca1 first, and chooses it.
    let alike = failed(("lacp-frames", "3"), &["pairs"], Some(Duration::from_secs(18 * 60)));
    assert!(alike.contains("pairs-on-ca2-are-dead"), "{alike:?}");
    let at_once = failed(("init-delay", "0s"), &[], None);
    for name in ["init-delay-over", "interfaces-up", "all-sessions"] {
        assert!(at_once.contains(name), "{name}: {at_once:?}");
    }
}

/// The whole of it, as it is and with what a session leaves behind otherwise, as README shows it.
#[test]
fn it_comes_out_as_the_logs_have_it() {
    let desk = tempfile::tempdir().expect("a folder");
    let lines = desk.path().join("alone.jsonl");
    let words = format!("sweep {SCENARIO} --seeds 1..2 --assumptions macs --alone");
    let output = Command::new(program())
        .args(words.split(' ').map(OsStr::new).chain([OsStr::new("-o"), lines.as_os_str()]))
        .current_dir(workspace())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(lines).expect("the file is written");
    let runs: Vec<RunLine> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is a run")).collect();
    let base = runs.iter().find(|run| run.assumptions == run.base).expect("the file as it is");
    assert!(base.holds, "{:#?} {:#?} {:?}", base.expectations, base.violations, base.missing);
    assert_eq!(base.digest, DIGEST);
    // What explains everything.
    let pinned = runs.iter().find(|run| run.assumptions["macs"] == "pin").expect("it was tried");
    assert!(pinned.holds && pinned.expectations.iter().all(|line| line.holds), "{:#?}", pinned.expectations);

    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("README can be read");
    let shown =
        readme.split("```\n").find(|block| block.starts_with("greylag sweep")).expect("README has one");
    let mut shown = shown.lines();
    assert_eq!(shown.next(), Some(format!("greylag {words}").as_str()));
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    let mut rest = printed.lines();
    for line in shown.filter(|line| *line != "...") {
        let is_there = rest.any(|printed| printed == line);
        assert!(is_there, "README has what is not printed, or not there: {line:?}\n{printed}");
    }
}
