//! `greylag replay` of a scenario with a matrix.

use crate::program::Desk;

/// Who learns, by what fails, on one switch between two hosts.
const MATRIX: &str = r#"
name: who-learns
title: Who learns, and what fails
duration: 60s
topology:
  nodes:
    sw1: {kind: greylag, config: {mac-table: {ageing-time: 15s}, supervisor: {restart: false}}}
    sw2: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - {endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]}
    - {endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]}
    - {endpoints: ["sw1:eth3", "sw2:eth1"]}
flows:
  heavy: {from: [h1], to: [h2], interval: 100ms, weight: 30M}
  light: {from: [h2], to: [h1], interval: 100ms, weight: 10M}
timeline: []
expect:
  - {name: works, level: heavy, from: 50s, least: 0.99}
violations: []
matrix:
  switches: [sw1, sw2]
  rows:
    workers: {title: the workers learn, patch: {}}
    agent: {title: an agent learns, patch: {topology: {nodes: {sw1: {config: {learning: {mode: agent, renew-interval: 5s}}}}}}}
  columns:
    nothing: {title: nothing fails, patch: {}}
    agent-dies:
      title: the agent dies
      patch: {timeline: {dies: {at: 20s, fault: {switch: sw1, crash: {}}}}}
    one-way:
      title: what h1 sends disappears for good
      patch:
        timeline: {cut: {at: 40s, link: {end: "h1:eth1", one-way: true}}}
        expect: {works: {most: 0.01, least: 0}}
        violations: [no-black-hole]
  cells:
    agent:
      agent-dies: {patch: {violations: [no-mute-switch]}}
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::write(desk.path("matrix.yml"), MATRIX).expect("the scenario is written");
    desk
}

#[test]
fn every_cell_has_a_line_and_all_of_them_decide_how_it_ends() {
    let desk = desk();
    let text = desk.prints(&["replay", "matrix.yml"], 0);
    let line = |row: &str, column: &str| {
        let is_it = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.first() == Some(&row) && words.get(1) == Some(&column)
        };
        text.lines().find(is_it).unwrap_or_else(|| panic!("{row}/{column}:\n{text}")).to_owned()
    };
    for (row, column) in [("workers", "nothing"), ("workers", "agent-dies"), ("agent", "agent-dies")] {
        let line = line(row, column);
        assert!(line.contains(" sw1 ") && line.contains(" 0s ") && line.ends_with("ok"), "{line}");
    }
    // Three quarters of the weight are lost for twenty seconds, of the last of which nothing can be said yet.
    let cut = line("agent", "one-way");
    assert!(cut.contains(" 14.25s ") && cut.contains(" 19s ") && cut.contains(" 75 % "), "{cut}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "fits 80 columns:\n{text}");

    // The violation of one cell is not expected of the others, nor missing there.
    let unsaid =
        MATRIX.replace("    agent:\n      agent-dies: {patch: {violations: [no-mute-switch]}}\n", "    {}\n");
    std::fs::write(desk.path("unsaid.yml"), unsaid).expect("the scenario is written");
    let text = desk.prints(&["replay", "unsaid.yml"], 1);
    assert!(text.contains("agent/agent-dies") && text.contains("no-mute-switch"), "{text}");
}

#[test]
fn json_has_all_of_every_cell_and_a_cell_alone_is_a_replay() {
    let desk = desk();
    let value = desk.json(&["replay", "matrix.yml", "-j"], 0);
    let cells = value["cells"].as_array().expect("cells");
    assert_eq!((cells.len(), &value["holds"]), (6, &true.into()));
    let last = &cells[5];
    assert_eq!((&last["row"], &last["column"]), (&"agent".into(), &"one-way".into()));
    assert_eq!(last["forwards"], serde_json::json!(["sw1"]), "what h2 sends passes");
    assert_eq!(last["outcome"]["variant"], "agent/one-way");
    // A cell by itself is the same, to the last bit.
    let mut alone = desk.json(&["replay", "matrix.yml", "--variant", "agent/one-way", "-j"], 0);
    alone.as_object_mut().expect("an object").remove("wall-ns");
    assert_eq!(alone, last["outcome"]);
    assert!(desk.prints(&["replay", "matrix.yml", "--check"], 0).contains("who-learns"));
}

#[test]
fn what_is_for_one_cell_needs_one() {
    let desk = desk();
    let output = desk.greylag(&["replay", "matrix.yml", "--pcap", "x.pcapng"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("--variant workers/nothing"), "{error}");
    let output = desk.greylag(&["replay", "matrix.yml", "--variant", "agents/nothing"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("there is no row `agents`: expected one of workers, agent"), "{error}");
}
