//! `scenarios/ecmp-policy.yml`: what a policy that is the same on all routers does to their links.

use greylag_base::Seed;
use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice};
use greylag_sim::replay::{Options, replay};
use greylag_tests::workspace;

#[test]
fn one_policy_leaves_links_empty_and_others_do_not_whatever_the_rest_of_chance() {
    let source = Source::read(workspace().join("scenarios/ecmp-policy.yml")).unwrap();
    for variant in [None, Some("own-seeds"), Some("seeds-by-tier")] {
        let choice = Choice { variant: variant.map(str::to_owned), ..Choice::default() };
        let scenario = story::parse(&source, &choice).unwrap_or_else(|error| panic!("{}", error.render()));
        for seed in 1..=5 {
            let outcome = replay(&scenario, Seed(seed), Options::default()).unwrap();
            let told: Vec<_> = outcome.expectations.iter().filter(|one| one.failure.is_some()).collect();
            assert!(outcome.holds, "{variant:?}, seed {seed}: {told:#?}");
        }
    }
}
