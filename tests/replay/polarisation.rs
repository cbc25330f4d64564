//! `scenarios/polarisation.yml`, and the lab that shows the same on real links.

use greylag_base::Seed;
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_scenario::{Source, lab};
use greylag_sim::replay::{Options, replay};
use greylag_tests::workspace;

fn read(variant: Option<&str>) -> Scenario {
    let source = Source::read(workspace().join("scenarios/polarisation.yml")).unwrap();
    let choice = Choice { variant: variant.map(str::to_owned), ..Choice::default() };
    story::parse(&source, &choice).unwrap_or_else(|error| panic!("{}", error.render()))
}

#[test]
fn equal_seeds_leave_links_empty_and_others_do_not_whatever_the_rest_of_chance() {
    for variant in [None, Some("own-seeds")] {
        let scenario = read(variant);
        for seed in 1..=3 {
            let outcome = replay(&scenario, Seed(seed), Options::default()).unwrap();
            let told: Vec<_> = outcome.expectations.iter().filter(|one| one.failure.is_some()).collect();
            assert!(outcome.holds, "{variant:?}, seed {seed}: {told:#?}");
        }
    }
}

#[test]
fn the_lab_is_that_of_the_scenario() {
    let source = Source::read(workspace().join("labs/polarisation.clab.yml")).unwrap();
    let lab = lab::parse(&source).unwrap_or_else(|error| panic!("{}", error.render()));
    let scenario = read(None).lab;
    assert_eq!(lab.nodes, scenario.nodes);
    assert_eq!(lab.links, scenario.links);
}
