//! A pair of chassis under every single failure, and under two one after the other: whatever is lost, nothing arrives twice, and
//! nothing goes in circles.

use crate::threads;
use greylag_scenario::Source;
use greylag_scenario::lab::NodeKind;
use greylag_scenario::story::{
    self, Action, Choice, LinkChange, Matrix, Place, Scenario, SeenBy, Standing, Step,
};
use greylag_sim::replay::{Options, replay};
use greylag_switch::agent::AgentKind;
use greylag_switch::fault::Fault;
use greylag_tests::workspace;
use std::time::Duration;

/// Between two failures: long enough for LACP and ICCP to have noticed the first, short enough for nobody to have got over it.
const GAPS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(8)];

/// How long a chassis waits after its start: the pair is to stand soon.
const INIT_DELAY: Duration = Duration::from_secs(2);

/// When flows begin; the pair stands.
const FLOWS: Duration = Duration::from_secs(10);

/// When the first failure comes.
const FIRST: Duration = Duration::from_secs(13);

/// How long is looked on behind the last.
const AFTER: Duration = Duration::from_secs(8);

/// What can fail, each alone.
const FAILURES: [&str; 13] = [
    "leg ca1:eth3",
    "leg ca2:eth3",
    "leg ca1:eth4",
    "leg ca2:eth4",
    "chassis ca1",
    "chassis ca2",
    "icl",
    "management ca1",
    "management ca2",
    "iccp ca1",
    "iccp ca2",
    "learning ca1",
    "learning ca2",
];

/// The pair of `scenarios/mclag/matrix.yml` under one of its presets, when nothing fails.
fn pair(preset: &str) -> Scenario {
    let source = Source::read(workspace().join("scenarios/mclag/matrix.yml")).expect("it is there");
    let base = story::parse(&source, &Choice::default()).unwrap_or_else(|error| panic!("{error}"));
    let matrix: &Matrix = base.matrix.as_ref().expect("it has a matrix");
    let (column, _) = &matrix.columns[0];
    let mut scenario = story::parse(&source, &Matrix::choice(preset, column, &[])).expect("a cell");
    // What a row does before anything fails stays.
    scenario.timeline.retain(|step| step.at < Duration::from_secs(60));
    scenario.timeline.iter_mut().for_each(|step| step.at = Duration::from_secs(9));
    scenario.expectations.clear();
    for flow in &mut scenario.flows {
        (flow.count, flow.start) = (4, FLOWS);
    }
    for node in &mut scenario.lab.nodes {
        if let NodeKind::Greylag(config) = &mut node.kind
            && let Some(pair) = &mut config.multi_chassis
        {
            pair.init_delay = INIT_DELAY;
        }
    }
    scenario
}

fn presets() -> Vec<String> {
    let source = Source::read(workspace().join("scenarios/mclag/matrix.yml")).expect("it is there");
    let base = story::parse(&source, &Choice::default()).unwrap_or_else(|error| panic!("{error}"));
    base.matrix.expect("it has a matrix").rows.into_iter().map(|(name, _)| name).collect()
}

/// What is done for a failure.
fn actions(scenario: &Scenario, failure: &str) -> Vec<Action> {
    let node = |name: &str| scenario.lab.nodes.iter().position(|node| node.name == name).expect("a node");
    let (what, place) = failure.split_once(' ').unwrap_or((failure, ""));
    let link = |end: &str| {
        let (name, interface) = end.split_once(':').expect("an end");
        let is_it = |link: &greylag_scenario::lab::Link| {
            link.ends.iter().any(|end| end.node == node(name) && end.interface.as_str() == interface)
        };
        Action::Link {
            link: scenario.lab.links.iter().position(is_it).expect("a link"),
            change: LinkChange::Down { seen_by: SeenBy::Both },
        }
    };
    let crash =
        |agent| Action::Fault { switch: node(place), fault: Fault::Crash { agent, dump: Duration::ZERO } };
    match what {
        "leg" => vec![link(place)],
        "chassis" => vec![Action::PowerOff { switch: node(place) }],
        "icl" => vec![link("ca1:eth1"), link("ca1:eth2")],
        "management" => vec![Action::Management { switch: node(place), up: false }],
        "iccp" => vec![crash(AgentKind::Iccp)],
        "learning" => vec![crash(AgentKind::Learning)],
        _ => panic!("nobody knows what {failure} is"),
    }
}

/// What is wrong when the failures come one after the other.
fn harm(base: &Scenario, failures: &[&str], gap: Duration) -> Vec<String> {
    let mut scenario = base.clone();
    for (index, failure) in failures.iter().enumerate() {
        let at = FIRST + gap * index as u32;
        for action in actions(base, failure) {
            let place = Place { line: 1, column: 1, field: String::new() };
            let step = Step { at, name: None, action, standing: Standing::Assumed, source: None, place };
            scenario.timeline.push(step);
        }
    }
    scenario.duration = FIRST + gap * failures.len().saturating_sub(1) as u32 + AFTER;
    scenario.flows.iter_mut().for_each(|flow| flow.stop = scenario.duration);
    let outcome = replay(&scenario, scenario.seed, Options::default()).expect("it can be replayed");
    let wrong =
        outcome.violations.iter().filter(|found| ["no-duplicate", "no-loop"].contains(&found.checker));
    wrong.map(|found| format!("{failures:?} {gap:?} apart: {}: {}", found.checker, found.text)).collect()
}

/// Every single failure, and every two in either order and at either distance.
fn cases() -> Vec<(Vec<&'static str>, Duration)> {
    let singles = FAILURES.iter().map(|failure| (vec![*failure], Duration::ZERO));
    let pairs = FAILURES.iter().flat_map(|a| FAILURES.iter().map(move |b| (*a, *b))).filter(|(a, b)| a != b);
    let doubles = pairs.flat_map(|(a, b)| GAPS.map(|gap| (vec![a, b], gap)));
    singles.chain(doubles).collect()
}

fn nothing_is_wrong(preset: &str) {
    let base = pair(preset);
    let harm_of = |(failures, gap): &(Vec<&str>, Duration)| harm(&base, failures, *gap);
    let wrong: Vec<String> = threads::each(&cases(), harm_of).into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{preset}: {wrong:#?}");
}

#[test]
fn without_a_failure_the_pair_stands_when_flows_begin() {
    for preset in presets() {
        let mut scenario = pair(&preset);
        scenario.duration = FIRST;
        let outcome = replay(&scenario, scenario.seed, Options::default()).expect("it can be replayed");
        let lost: f64 = outcome.losses.iter().map(|loss| loss.lost_bits).sum();
        assert_eq!(lost, 0.0, "{preset}");
        let forward: Vec<&str> = outcome
            .carriers
            .iter()
            .filter(|carrier| carrier.probes > 0)
            .map(|carrier| carrier.switch.as_str())
            .collect();
        assert_eq!(forward, ["ca1", "ca2"], "{preset}");
    }
}

/// Every preset has a test of its name, so that one can be asked for alone. Those of the vendors, each as it is meant to be run, are
/// tried always.
mod nothing_arrives_twice_and_nothing_goes_in_circles_whatever_fails {
    use super::{nothing_is_wrong, presets};

    #[test]
    fn junos_alive() {
        nothing_is_wrong("junos-alive");
    }

    #[test]
    fn iccpd() {
        nothing_is_wrong("iccpd");
    }

    #[test]
    fn cumulus() {
        nothing_is_wrong("cumulus");
    }

    #[test]
    #[ignore = "Junos where nobody looks for the peer: tools/replays pair"]
    fn junos() {
        nothing_is_wrong("junos");
    }

    #[test]
    #[ignore = "Junos where nobody can look for the peer: tools/replays pair"]
    fn junos_dead() {
        nothing_is_wrong("junos-dead");
    }

    #[test]
    fn under_every_preset() {
        assert_eq!(presets(), ["junos", "junos-alive", "junos-dead", "iccpd", "cumulus"]);
    }
}
