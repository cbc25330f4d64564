//! `scenarios/dataforest-2025-10-23.yml`: an outage of half an hour, by its causes.

use greylag_base::Seed;
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_sim::replay::{Judgement, Options, Outcome, replay};
use greylag_tests::workspace;
use std::time::Duration;

/// What the base replays to. It changes whenever a switch does anything at another time than before: look at what changed in
/// `greylag replay` first.
const DIGEST: &str = "2d4cbb975a0df7b4eb36bd7be2cd134c32a7d73f69dcdc4096dee5b77df47a34";

/// 13:33:30, when all that follows from the commit has happened.
const SPLIT: Duration = Duration::from_secs(810);

fn read(assume: &[(&str, &str)], variant: Option<&str>) -> Scenario {
    let source = Source::read(workspace().join("scenarios/dataforest-2025-10-23.yml")).unwrap();
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

#[test]
fn it_comes_out_as_the_logs_have_it() {
    let scenario = read(&[], None);
    let outcome = replay(&scenario, scenario.seed, Options::default()).unwrap();
    let failed: Vec<_> =
        outcome.expectations.iter().filter_map(|one| Some((&one.name, one.failure.as_ref()?))).collect();
    let violations: Vec<_> =
        outcome.violations.iter().filter(|violation| !violation.expected).map(|one| &one.text).collect();
    assert!(outcome.holds, "{failed:#?} {violations:#?} {:?}", outcome.missing_violations);
    assert_eq!(outcome.digest, DIGEST);
}

/// The control session ends in an interval that depends on the phases of timers; the logged time is not far from it. `tools/replays
/// dataforest` has a thousand seeds.
#[test]
fn the_session_ends_in_time_under_a_dozen_seeds() {
    let mut off: Vec<i64> = Vec::new();
    for seed in 1..=12 {
        let outcome = until_the_split(&[], Seed(seed));
        for name in ["ca2-given-up", "ca1-survives", "observium-tells", "exporter-would-tell"] {
            let judgement = judgement(&outcome, name);
            assert!(judgement.holds, "seed {seed}: {name}: {:?}", judgement.failure);
        }
        let [one, other] =
            ["bfd-down-ca1", "ca2-drops-shared-id"].map(|name| judgement(&outcome, name).reproduced);
        let (one, other) = (one.expect("it goes down"), other.expect("and the id with it"));
        assert!(other.since(one) < Duration::from_secs(2), "seed {seed}: {one:?} {other:?}");
        off.push(judgement(&outcome, "bfd-down-ca1").difference.expect("the log has it"));
    }
    let second = 1_000_000_000;
    let (early, late) = (off.iter().min().unwrap(), off.iter().max().unwrap());
    assert!(late - early > second, "timers have phases: {off:?}");
    assert!((-10 * second..=10 * second).contains(late), "{late} after the log, at the latest");
    assert!(*early > -12 * second, "{early} after the log, at the earliest");
}

/// Each of these assumptions carries what stands beside it.
#[test]
fn what_rests_on_an_assumption_goes_with_it() {
    const ALL: &[&str] = &["bfd-down-ca1", "iccp-down-ca2", "ca1-drops-shared-id", "router-attached-again"];
    let carried: &[((&str, &str), &[&str])] = &[
        // Somebody else learns, keeps leases or resolves: ca2 goes on sending.
        (("owns-learn", "false"), ALL),
        (("owns-lease", "false"), ALL),
        (("owns-adjacency", "false"), ALL),
        (("ageing", "180s"), &["bfd-down-ca1"]),
        (("ageing", "600s"), ALL),
        // ICCP would have noticed before BFD.
        (("iccp-timeout", "15s"), &["iccp-down-ca1", "iccp-down-ca2"]),
        (("bfd", "8s"), &["bfd-down-ca1"]),
        // The other chassis is taken for dead, or one of the two goes on with the shared id.
        (("on-peer-alive", "none"), &["ca1-drops-shared-id", "ca2-drops-shared-id"]),
        (("on-peer-alive", "standby-reverts"), &["ca1-drops-shared-id"]),
    ];
    for (assumption, events) in carried {
        let outcome = until_the_split(&[*assumption], Seed(1));
        for event in *events {
            assert!(!judgement(&outcome, event).holds, "{event} holds although {assumption:?}");
        }
    }
}
