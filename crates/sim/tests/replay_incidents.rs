//! Whole replays: what is done, what comes out, and who is to blame.

use greylag_base::Seed;
use greylag_scenario::Source;
use greylag_scenario::story::{Choice, Scenario, parse};
use greylag_sim::replay::{Options, Outcome, replay};
use std::io::Write;

fn scenario(text: &str) -> Scenario {
    let source = Source::new("test.yml", text);
    parse(&source, &Choice::default()).unwrap_or_else(|error| panic!("{}", error.render()))
}

fn run(text: &str) -> Outcome {
    replay(&scenario(text), Seed(1), Options::default()).expect("the world can be made")
}

/// Two switches, three hosts; `rest` is what stands behind the topology.
fn two_switches(config: &str, rest: &str) -> String {
    format!(
        r#"
name: test
title: A test
start: "13:26:00"
duration: 2m
topology:
  nodes:
    sw1: {{kind: greylag, config: {{{config}}}}}
    sw2: {{kind: greylag}}
    h1: {{kind: host}}
    h2: {{kind: host}}
    h3: {{kind: host}}
  links:
    - {{endpoints: ["sw1:eth1", {{node: h1, interface: eth1, ipv4: 10.0.0.1/24}}]}}
    - {{endpoints: ["sw1:eth2", {{node: h2, interface: eth1, ipv4: 10.0.0.2/24}}]}}
    - {{endpoints: ["sw2:eth1", {{node: h3, interface: eth1, ipv4: 10.0.0.3/24}}]}}
    - {{endpoints: ["sw1:eth3", "sw2:eth2"]}}
flows:
  web: {{from: all, to: all, interval: 100ms}}
{rest}
"#
    )
}

const CUT: &str = r#"
timeline:
  - {at: 60s, link: {end: "sw1:eth3", down: {seen-by: nobody}}, standing: logged, source: a log}
  - {at: 90s, link: {end: "sw1:eth3", up: true}, standing: assumed}
expect:
  - {name: silence, black-hole: web, at: "13:27:00", tolerance: 1s, lasts: [29s, 31s], cause: link, standing: assumed}
  - {name: before, level: web, from: 10s, until: 50s, least: 0.999, standing: assumed}
  - {name: learned, counter: mac-table.learned, on: sw1, least: 3, most: 3, standing: assumed}
"#;

#[test]
fn a_cut_that_nobody_sees_is_a_black_hole_with_its_cause() {
    let outcome = run(&two_switches("", &format!("{CUT}violations: [no-black-hole]")));
    assert!(outcome.holds, "{:#?}", outcome.expectations);
    let flow = outcome.flows.iter().find(|flow| (flow.from.as_str(), flow.to.as_str()) == ("h1", "h3"));
    let flow = flow.expect("every pair has a flow");
    assert_eq!((flow.sent, flow.lost, flow.black_holes.len()), (1200, 300, 1));
    let cause = flow.black_holes[0].cause.as_ref().expect("its frames were seen");
    assert_eq!(cause.text, "sw1 · link sw1:eth3 - sw2:eth2 is down since 13:27:00");
    let unhurt = outcome.flows.iter().filter(|flow| flow.from != "h3" && flow.to != "h3");
    assert!(unhurt.into_iter().all(|flow| flow.lost == 0));
}

#[test]
fn a_violation_that_nobody_expects_fails_and_so_does_one_that_is_missing() {
    let outcome = run(&two_switches("", CUT));
    assert!(!outcome.holds && outcome.expectations.iter().all(|judgement| judgement.holds));
    let violation = &outcome.violations[0];
    assert_eq!((violation.checker, violation.expected), ("no-black-hole", false));
    assert!(violation.led_there.iter().any(|notable| notable.text.contains("cut")), "{violation:?}");

    let outcome = run(&two_switches("", "violations: [{checker: no-mute-switch, node: sw1}]"));
    assert!(!outcome.holds && outcome.violations.is_empty());
    let missing = &outcome.missing_violations[0];
    assert_eq!((missing.checker.as_str(), missing.node.as_deref()), ("no-mute-switch", Some("sw1")));
}

#[test]
fn a_violation_that_may_be_is_expected_from_its_time_on_and_never_missed() {
    let may = |checker: &str, from: &str| {
        run(&two_switches("", &format!("{CUT}violations: [{{checker: {checker}, may-from: {from}}}]")))
    };
    assert!(may("no-black-hole", "60s").holds);
    assert!(!may("no-black-hole", "90s").holds, "it was earlier");
    let without = run(&two_switches("", "violations: [{checker: no-loop, may-from: \"13:27:00\"}]"));
    assert!(without.holds && without.violations.is_empty() && without.missing_violations.is_empty());
}

#[test]
fn what_does_not_come_out_is_said_with_how_far_it_is_off() {
    let rest = CUT.replace("13:27:00", "13:27:20").replace("least: 3, most: 3", "least: 4");
    let outcome = run(&two_switches("", &format!("{rest}violations: [no-black-hole]")));
    let failures: Vec<Option<&str>> =
        outcome.expectations.iter().map(|judgement| judgement.failure.as_deref()).collect();
    assert!(failures[0].is_some_and(|failure| failure.contains("early, and 1s is allowed")), "{failures:?}");
    assert_eq!(failures[1..], [None, Some("it is 3")]);
}

#[test]
fn the_same_seed_is_the_same_run_whoever_looks_on_and_another_seed_another() {
    let scenario = scenario(&two_switches("", CUT));
    let quiet = replay(&scenario, Seed(1), Options::default()).expect("the world can be made");
    let (mut events, mut frames, mut steps) = (Vec::new(), Vec::new(), 0);
    let mut count = |_, _| {
        steps += 1;
        true
    };
    let options = Options {
        events: Some(&mut events as &mut dyn Write),
        capture: Some(&mut frames as &mut dyn Write),
        progress: Some(&mut count),
        ..Options::default()
    };
    let watched = replay(&scenario, Seed(1), options).expect("the world can be made");
    assert_eq!(quiet, watched);
    assert!(steps > 100 && !frames.is_empty());
    let lines = String::from_utf8(events).expect("lines are text");
    assert_eq!(lines.lines().count() as u64, quiet.events);
    let mut last = (0, 0);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        let at = (line["at-ns"].as_u64().expect("a time"), 0);
        assert!(at >= last, "time does not run backwards");
        last = at;
    }
    let other = replay(&scenario, Seed(2), Options::default()).expect("the world can be made");
    assert_ne!(quiet.flows, other.flows, "flows have other phases");
}

const DIES: &str = r#"
timeline:
  - {at: 20s, fault: {switch: sw1, crash: {dump: 4s}}, standing: assumed}
pollers:
  snmp: {switches: [sw1], period: 30s, phase: 10s}
expect:
  - {name: given-up, event: agent-failed, on: sw1, where: {agent: learning}, at: "13:26:24", tolerance: 2s, standing: assumed}
  - {name: on-call, alarm: agent-failed, on: sw1, seen-by: snmp, at: "13:26:40", tolerance: 0s, standing: assumed}
violations: [no-mute-switch]
"#;

#[test]
fn a_switch_whose_agent_is_given_up_is_mute_and_monitoring_hears_of_it_at_its_next_look() {
    let config = "learning: {mode: agent}, supervisor: {restart: false}";
    let outcome = run(&two_switches(config, DIES));
    assert!(outcome.holds, "{:#?} {:#?}", outcome.expectations, outcome.violations);
    assert_eq!(outcome.violations[0].node.as_deref(), Some("sw1"));
    let alarm = &outcome.pollers[0].alarms[0];
    assert_eq!(alarm.alarm, "agent-failed");
    assert_eq!(alarm.any_phase.1 - alarm.any_phase.0, std::time::Duration::from_secs(30));
}

#[test]
fn an_agent_that_is_not_asked_mutes_nobody() {
    let outcome = run(&two_switches("supervisor: {restart: false}", DIES));
    assert_eq!(outcome.missing_violations.len(), 1);
    assert!(outcome.violations.is_empty());
}

/// h1 and h3 have spoken; then sw1 learns nothing any more, and its table lapses. What h3 sends to a port that came up
/// since is flooded to all but that port.
#[test]
fn a_port_that_comes_back_while_the_agent_is_dead_is_left_out_and_the_agent_is_blamed() {
    let config = "learning: {mode: agent}, supervisor: {restart: false}";
    let outcome = run(&two_switches(
        config,
        r#"
timeline:
  - {at: 20s, fault: {switch: sw1, crash: {dump: 1s}}, standing: assumed}
  - {at: 30s, link: {end: "sw1:eth1", down: true}, standing: assumed}
  - {at: 31s, link: {end: "sw1:eth1", up: true}, standing: assumed}
expect:
  - {name: hole, black-hole: web, at: 30s, tolerance: 1s, lasts: 80s, cause: not-in-flood-group, standing: assumed}
  - {name: blame, black-hole: web, cause: crash, standing: assumed}
violations: [no-mute-switch, no-black-hole, {checker: no-lasting-flood, node: h2}]
"#,
    ));
    let flow = outcome.flows.iter().find(|flow| (flow.from.as_str(), flow.to.as_str()) == ("h3", "h1"));
    let holes = &flow.expect("every pair has a flow").black_holes;
    let cause = holes.last().and_then(|hole| hole.cause.as_ref()).expect("its frames were seen");
    assert!(outcome.holds, "{cause:#?} {:#?}", outcome.violations);
    assert_eq!(cause.text, "sw1 · agent learning failed since 13:26:21 · not-in-flood-group at eth1");
}

#[test]
fn a_replay_can_be_cut_short_and_given_up() {
    let scenario = scenario(&two_switches("", CUT));
    let until = Some(std::time::Duration::from_secs(30));
    let outcome = replay(&scenario, Seed(1), Options { until, ..Options::default() }).expect("a world");
    assert!(outcome.cut_short && outcome.orders.is_empty());
    assert!(outcome.flows.iter().all(|flow| flow.sent == 300 && flow.lost == 0));
    let mut give_up = |_, _| false;
    let options = Options { progress: Some(&mut give_up), ..Options::default() };
    assert_eq!(replay(&scenario, Seed(1), options).unwrap_err().to_string(), "interrupted");
}
