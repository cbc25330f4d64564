//! `labs/mclag-pair.clab.yml` under each single failure, beside the virtual world's figure for the same file.

use crate::rig::{Before, DEADLINE, LIVE, Lab, greylag, signal_pid, succeed, unique};
use greylag_tests::{has, wait_for};
use rustix::process::Signal;
use serde_json::Value;
use std::io::ErrorKind;
use std::time::Duration;

const LAB: &str = include_str!("../../labs/mclag-pair.clab.yml");

/// When the failure comes: the pair stands by then, in either world.
const FAILS: u64 = 14;

/// How much longer a live black hole may be than a virtual one: a partner that has to be given up by LACP with fast timers (3 s) and a
/// link that joins anew (2 s) come out a LACPDU's phase earlier or later.
const SLACK: Duration = Duration::from_secs(6);

/// What follows the `name` of the lab's file.
fn topology() -> &'static str {
    LAB.split_once("\ntopology:").expect("the lab has a topology").1
}

/// The lab, with flows through it and one failure.
fn story(name: &str, failure: &str) -> String {
    format!(
        "name: {name}\ntitle: A pair of chassis loses something\nduration: 30s\ntopology:{}\n\
         flows: {{web: {{from: [h1], to: [h2], both-ways: true, count: 8, interval: 20ms, start: 10s}}}}\n\
         checkers: {{silence: 1m, disagreement: 1m}}\n\
         timeline:\n{failure}\n\
         expect:\n  - {{name: before, level: web, from: 10s, until: {FAILS}s, least: 0.99}}\n  \
         - {{name: in-the-end, level: web, from: 27s, least: 0.99}}\n",
        topology()
    )
}

/// The longest black hole that a replay tells of, and duplicates.
fn figures(outcome: &Value) -> (Duration, u64) {
    let flows = outcome["flows"].as_array().expect("flows");
    let holes = flows.iter().flat_map(|flow| flow["black-holes"].as_array().expect("black holes"));
    let lasted =
        |hole: &Value| hole["until-ns"].as_u64().unwrap_or(0) - hole["from-ns"].as_u64().unwrap_or(0);
    let longest = holes.map(lasted).max().unwrap_or(0);
    (Duration::from_nanos(longest), flows.iter().filter_map(|flow| flow["duplicates"].as_u64()).sum())
}

fn replayed(file: &str, words: &[&str]) -> Value {
    let output = greylag(&[&["replay", file, "-j"], words].concat());
    let (text, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let outcome: Value = serde_json::from_str(&text).unwrap_or_else(|wrong| panic!("{wrong}: {text}{error}"));
    let failed: Vec<&Value> = outcome["expectations"]
        .as_array()
        .expect("expectations")
        .iter()
        .filter(|judgement| judgement["holds"] == false)
        .collect();
    assert!(failed.is_empty(), "{words:?}: {failed:#?}");
    outcome
}

/// Replays a failure in both worlds, and holds them against each other.
fn holds_in_both_worlds(failure: &str) {
    if !has(LIVE) {
        return;
    }
    let name = unique("m");
    let folder = tempfile::tempdir().expect("a folder for the scenario");
    let file = folder.path().join("pair.yml");
    std::fs::write(&file, story(&name, failure)).expect("the scenario is written");
    let before = Before::of(&name);
    let file = file.to_str().expect("the path is UTF-8");
    let (in_theory, _) = figures(&replayed(file, &[]));
    let (in_practice, duplicates) = figures(&replayed(file, &["--live"]));
    assert!(
        in_practice <= in_theory + SLACK,
        "{failure}: {in_practice:?} live, {in_theory:?} in the virtual world"
    );
    assert_eq!(duplicates, 0, "{failure}");
    before.assert_nothing_is_left();
}

#[test]
fn a_leg_that_is_cut() {
    holds_in_both_worlds("  - {at: 14s, link: {end: \"ca1:eth3\", down: true}}");
}

#[test]
fn a_chassis_that_is_killed() {
    holds_in_both_worlds("  - {at: 14s, power-off: {switch: ca1}}");
}

#[test]
fn an_inter_chassis_link_that_is_cut() {
    holds_in_both_worlds(
        "  - {at: 14s, link: {end: \"ca1:eth1\", down: true}}\n  - {at: 14s, link: {end: \"ca1:eth2\", down: true}}",
    );
}

#[test]
fn an_iccp_agent_that_crashes() {
    holds_in_both_worlds("  - {at: 14s, fault: {switch: ca1, crash: {agent: iccp}}}");
}

#[test]
fn a_learning_agent_that_crashes() {
    holds_in_both_worlds("  - {at: 14s, fault: {switch: ca1, crash: {agent: learning}}}");
}

/// ping and TCP by the kernel's own tools, after each failure.
#[test]
fn ping_and_tcp_pass_after_each_failure_and_nothing_is_left() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(&format!("topology:{}", topology()));
    let passes = |what: &str| {
        wait_for(what, DEADLINE * 2, || lab.pings("h1", "10.2.0.2").then_some(()));
        // Bundles may still change, and a stream stall meanwhile.
        wait_for(what, DEADLINE * 4, || match lab.transfer("h1", "h2", "10.2.0.2") {
            Err(error) if error.kind() == ErrorKind::InvalidData => panic!("{what}: {error}"),
            outcome => outcome.ok(),
        });
    };
    let link = |interface: &str, how: &str| {
        let netns = lab.netns("ca1");
        let words = ["link", "set", interface, how];
        crate::rig::run_in(&netns, "ip", &words);
    };
    passes("the pair stands");
    link("eth3", "down");
    passes("a leg is cut");
    link("eth3", "up");
    passes("the leg is back");
    for interface in ["eth1", "eth2"] {
        link(interface, "down");
    }
    passes("the chassis are cut off from each other");
    for interface in ["eth1", "eth2"] {
        link(interface, "up");
    }
    for agent in ["iccp", "learning"] {
        succeed(&["fault", "crash", "--agent", agent, "-s", &lab.switch("ca1")]);
        passes(agent);
    }
    // ca1 is killed; nobody sets its links down.
    signal_pid(lab.pids()[0], Signal::KILL);
    passes("a chassis is killed");
    lab.verb("deploy");
    passes("it is back");
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
}
