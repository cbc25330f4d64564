//! What of a scenario cannot be done in the live world. It is said before anything is made.

use crate::cable;
use crate::qdisc;
use crate::record::NodeRecordKind;
use greylag_scenario::lab::{Medium, NodeKind};
use greylag_scenario::story::{Action, ExpectedOutcome, LinkSettings, Place, Scenario, place, refusal};
use greylag_scenario::{FileError, Source};
use std::time::Duration;

/// The checkers that need to see frames on the links between switches, or to compare RIB and FIB.
const UNSEEN: [&str; 3] = ["no-loop", "one-partner-per-bundle", "fib-agrees"];

/// What a link is when the file says nothing.
fn is_plain(settings: &LinkSettings) -> bool {
    let LinkSettings { rate, delay, queue, up: _, loses } = settings;
    (*rate, *delay, *queue) == (10_000_000_000, Duration::from_micros(5), 1000) && loses.is_none()
}

/// Says of everything that cannot be done live where it stands and why.
pub(super) fn check(source: &Source, scenario: &Scenario) -> Result<(), FileError> {
    let mut problems: Vec<(Place, String)> = Vec::new();
    hosts(source, scenario, &mut problems);
    links(source, scenario, &mut problems);
    steps(scenario, &mut problems);
    expectations(source, scenario, &mut problems);
    for (index, violation) in scenario.violations.iter().enumerate() {
        if UNSEEN.contains(&violation.checker.as_str()) {
            let place = place(source, &["violations", &index.to_string()]);
            problems.push((
                place,
                "cannot be seen live: nobody hears the links between switches, nor compares RIB and FIB"
                    .to_owned(),
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(refusal(source, problems)) }
}

fn hosts(source: &Source, scenario: &Scenario, problems: &mut Vec<(Place, String)>) {
    for (node, settings) in scenario.lab.nodes.iter().zip(&scenario.hosts) {
        if settings.as_ref().is_some_and(|settings| settings.vlan.is_some()) {
            let place = place(source, &["topology", "nodes", &node.name, "vlan"]);
            let why = "a live host sends no tags: give it a port of its own VLAN, or replay without `--live`";
            problems.push((place, why.to_owned()));
        }
    }
}

fn links(source: &Source, scenario: &Scenario, problems: &mut Vec<(Place, String)>) {
    for (index, settings) in scenario.links.iter().enumerate() {
        if !is_plain(settings) {
            let place = place(source, &["topology", "links", &index.to_string()]);
            let why = "a live link is as fast as the machine: remove `rate`, `delay`, `queue` and `loses`, or replay without `--live`";
            problems.push((place, why.to_owned()));
        }
    }
}

fn steps(scenario: &Scenario, problems: &mut Vec<(Place, String)>) {
    // Only asked when somebody wants it.
    let mut has_netem = None;
    for step in &scenario.timeline {
        let why = match &step.action {
            Action::Link { link, change } => {
                let cable = &scenario.lab.links[*link];
                let kinds = cable.ends.each_ref().map(|end| match scenario.lab.nodes[end.node].kind {
                    NodeKind::Greylag(_) => NodeRecordKind::Greylag,
                    NodeKind::Host => NodeRecordKind::Host,
                });
                match (cable::can(cable.medium == Medium::Tap, kinds, change), change) {
                    (Err(why), _) => Some(why),
                    (Ok(()), change)
                        if cable::needs_netem(kinds, change)
                            && !*has_netem.get_or_insert_with(qdisc::has_netem) =>
                    {
                        Some(cable::NO_NETEM.to_owned())
                    }
                    _ => None,
                }
            }
            Action::MoveHost { .. } => Some(
                "a live host keeps its interface: cut its link and mend another one, or replay without `--live`"
                    .to_owned(),
            ),
            Action::Upgrade { .. } => {
                Some("a live switch has no releases: power it off and on, or replay without `--live`".to_owned())
            }
            Action::CheckFib { .. } | Action::CheckPaths { .. } => {
                Some("what a check finds is not heard live: replay without `--live`".to_owned())
            }
            _ => None,
        };
        problems.extend(why.map(|why| (step.place.clone(), why)));
    }
}

fn expectations(source: &Source, scenario: &Scenario, problems: &mut Vec<(Place, String)>) {
    for expectation in &scenario.expectations {
        let why = match &expectation.outcome {
            ExpectedOutcome::Found { .. } | ExpectedOutcome::Monitoring { .. } => {
                "nobody asks live: replay without `--live`"
            }
            ExpectedOutcome::Flows { by: Some(_), .. } => {
                "nobody sees live where a frame dies: remove `by`, or replay without `--live`"
            }
            ExpectedOutcome::BlackHole { cause: Some(_), .. } => {
                "nobody sees live where a frame dies: remove `cause`, or replay without `--live`"
            }
            ExpectedOutcome::Event { node: Some(node), .. }
                if matches!(scenario.lab.nodes[*node].kind, NodeKind::Host) =>
            {
                "a live host tells of no events: replay without `--live`"
            }
            _ => continue,
        };
        problems.push((place(source, &["expect", &expectation.name]), why.to_owned()));
    }
}
