//! `scenarios/cloudscale-2026-05-08.yml`: an outage of four days, by its causes.

use greylag_base::Seed;
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_sim::replay::{Options, Outcome, replay};
use greylag_tests::workspace;
use std::time::Duration;

/// What the base replays to. It changes whenever a router does anything at another time than before: look at what changed in
/// `greylag replay` first.
const DIGEST: &str = "9e27b0387529bad94990cfa6dd6c6b995bdd5aca7d63e633f0c58fdf173f94d9";

/// 06:00, when both fibre events are over.
const MORNING: Duration = Duration::from_secs(6 * 3600);

fn read(variant: Option<&str>) -> Scenario {
    let source = Source::read(workspace().join("scenarios/cloudscale-2026-05-08.yml")).unwrap();
    let choice = Choice { variant: variant.map(str::to_owned), ..Choice::default() };
    story::parse(&source, &choice).unwrap_or_else(|error| panic!("{}", error.render()))
}

/// What has become of these expectations.
fn holds(outcome: &Outcome, names: &[&str], what: &str) {
    for name in names {
        let judgement = outcome.expectations.iter().find(|one| one.name == *name).expect("it is expected");
        assert!(judgement.holds, "{what}: {name}: {:?} {:?}", judgement.measured, judgement.failure);
    }
}

fn until_the_morning(scenario: &Scenario, seed: Seed) -> Outcome {
    let options = Options { until: Some(MORNING), ..Options::default() };
    let outcome = replay(scenario, seed, options).unwrap();
    let unexpected: Vec<_> = outcome.violations.iter().filter(|violation| !violation.expected).collect();
    assert!(unexpected.is_empty(), "{:?}, {seed:?}: {unexpected:#?}", scenario.variant);
    outcome
}

// Other seeds and the variants as a whole take a minute each: `tools/replays incidents` has them.
#[test]
fn it_comes_out_as_the_logs_have_it() {
    let scenario = read(None);
    let outcome = replay(&scenario, scenario.seed, Options::default()).unwrap();
    let told: Vec<_> = outcome
        .expectations
        .iter()
        .filter_map(|one| Some((&one.name, &one.measured, one.failure.as_ref()?)))
        .collect();
    let violations: Vec<_> =
        outcome.violations.iter().filter(|violation| !violation.expected).map(|one| &one.text).collect();
    assert!(outcome.holds, "{told:#?} {violations:#?} {:?}", outcome.missing_violations);
    assert_eq!(outcome.digest, DIGEST);
}

#[test]
fn a_few_flows_fail_for_good_from_the_first_night_on_whatever_chance() {
    let scenario = read(None);
    for seed in 2..=4 {
        let outcome = until_the_morning(&scenario, Seed(seed));
        let names = [
            "before-all-is-well",
            "most-never-suffer",
            "hardly-ipv4",
            "some-fail-for-good",
            "another-port-works",
        ];
        holds(&outcome, &names, &format!("seed {seed}"));
    }
}

/// An audit mends it. BFD sees nothing; buckets that seldom move stay stale for longer; and to lead traffic away before a link is touched is
/// to write the groups anew, which is all that it takes.
#[test]
fn of_four_designs_one_prevents_it() {
    for (variant, names) in [
        ("audit", ["before-all-is-well", "hardly-ipv4", "some-fail-for-good"]),
        ("bfd", ["bfd-sees-nothing", "some-fail-for-good", "another-port-works"]),
        ("resilient", ["before-all-is-well", "some-fail-for-good", "another-port-works"]),
        ("drain-first", ["before-all-is-well", "drained-and-stale", "some-fail-for-good"]),
    ] {
        let scenario = read(Some(variant));
        holds(&until_the_morning(&scenario, scenario.seed), &names, variant);
    }
}
