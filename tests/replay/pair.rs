//! A pair of chassis under every single failure, and under two one after the other: whatever is lost, nothing arrives twice, and
//! nothing goes in circles.

use greylag_scenario::Source;
use greylag_scenario::story::{
    self, Action, Choice, LinkChange, Matrix, Place, Scenario, SeenBy, Standing, Step,
};
use greylag_sim::replay::{Options, replay};
use greylag_switch::agent::AgentKind;
use greylag_switch::fault::Fault;
use greylag_tests::workspace;
use std::time::Duration;

/// Between two failures: long enough for LACP and ICCP to have noticed the first, short enough for nobody to have got over it.
const GAPS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(12)];

/// When the first one comes, once the pair stands and flows go.
const FIRST: Duration = Duration::from_secs(35);

/// How long is looked on behind the last.
const AFTER: Duration = Duration::from_secs(15);

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
    scenario.timeline.iter_mut().for_each(|step| step.at = Duration::from_secs(25));
    scenario.expectations.clear();
    for flow in &mut scenario.flows {
        (flow.count, flow.start) = (8, Duration::from_secs(30));
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

/// All single failures, and the ordered pairs of which the number is one of those.
fn all(preset: &str, take: impl Fn(usize) -> bool) -> Vec<String> {
    let base = pair(preset);
    let mut wrong: Vec<String> =
        FAILURES.iter().flat_map(|failure| harm(&base, &[failure], Duration::ZERO)).collect();
    let pairs = FAILURES.iter().flat_map(|a| FAILURES.iter().map(move |b| (*a, *b))).filter(|(a, b)| a != b);
    let doubles = pairs.flat_map(|pair| GAPS.map(|gap| (pair, gap)));
    for (_, ((a, b), gap)) in doubles.enumerate().filter(|(number, _)| take(*number)) {
        wrong.extend(harm(&base, &[a, b], gap));
    }
    wrong
}

/// Each preset has every single failure, and other double ones than the presets before it; `tools/replays pair` has them all.
#[test]
fn nothing_arrives_twice_and_nothing_goes_in_circles_whatever_fails() {
    let presets = presets();
    let each = 16 * presets.len();
    for (number, preset) in presets.iter().enumerate() {
        let wrong = all(preset, |double| double % each == number);
        assert!(wrong.is_empty(), "{preset}: {wrong:#?}");
    }
}

#[test]
#[ignore = "takes minutes: tools/replays pair"]
fn nothing_arrives_twice_and_nothing_goes_in_circles_under_any_double_failure() {
    for preset in presets() {
        let wrong = all(&preset, |_| true);
        assert!(wrong.is_empty(), "{preset}: {wrong:#?}");
    }
}
