//! `scenarios/cloudscale-2026-05-08.yml`: an outage of four days, by its causes.

use greylag_base::Seed;
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_sim::replay::{Options, replay};
use greylag_tests::workspace;

fn read() -> Scenario {
    let source = Source::read(workspace().join("scenarios/cloudscale-2026-05-08.yml")).unwrap();
    story::parse(&source, &Choice::default()).unwrap_or_else(|error| panic!("{}", error.render()))
}

fn run(scenario: &Scenario, seed: Seed) {
    let outcome = replay(scenario, seed, Options::default()).unwrap();
    let told: Vec<_> = outcome
        .expectations
        .iter()
        .filter_map(|one| Some((&one.name, &one.measured, one.failure.as_ref()?)))
        .collect();
    let violations: Vec<_> =
        outcome.violations.iter().filter(|violation| !violation.expected).map(|one| &one.text).collect();
    assert!(outcome.holds, "{:?}, {seed:?}: {told:#?} {violations:#?}", scenario.variant);
}

// Another seed, and the variant with an audit, take a minute each: `tools/replays incidents` has them.
#[test]
fn it_comes_out_as_the_logs_have_it() {
    let scenario = read();
    run(&scenario, scenario.seed);
}
