//! Scenarios in the live world, beside the same in the virtual one.

use crate::rig::{Before, DEADLINE, LIVE, greylag, program, signal, unique};
use greylag_tests::{has, wait_for};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A scenario file, and the machine without it.
struct Story {
    name: String,
    before: Before,
    _folder: TempDir,
    file: PathBuf,
}

impl Story {
    /// Its `name` line is added.
    fn write(text: &str) -> Story {
        let name = unique("p");
        let folder = tempfile::tempdir().expect("a folder for the scenario");
        let file = folder.path().join("story.yml");
        std::fs::write(&file, format!("name: {name}\n{text}")).expect("the scenario is written");
        let before = Before::of(&name);
        Story { name, before, _folder: folder, file }
    }

    fn path(&self) -> &str {
        self.file.to_str().expect("the path is UTF-8")
    }

    /// The event log of a replay in which everything must hold.
    fn events(&self, words: &[&str]) -> Vec<Value> {
        let log = self.file.with_extension("jsonl");
        let words = [&["replay", self.path(), "--events", log.to_str().unwrap()], words].concat();
        let output = greylag(&words);
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{words:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("\nHOLDS: "), "{told}");
        read(&log)
    }
}

fn read(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).expect("the event log is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// What must come in the same order in both worlds: of each switch its agents, ports, alarms and configurations, of each address at a
/// switch the places where it is learned. Between these, a frame that is a little earlier or later in one world changes the
/// order; within, only what is wrong does. An entry lapses in a sweep that comes before or behind the next frame of its
/// station, so that of these it is only told whether they do, and learning an address again where it is says nothing.
fn order(events: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut orders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        let name = event["event"].as_str().expect("an event has a name");
        let field = |field: &str| match &event[field] {
            Value::Null => String::new(),
            value => format!(" {field}={value}"),
        };
        let (subject, fields) = match name.split('-').next().unwrap_or(name) {
            "mac" if name == "mac-aged" => (field("vlan") + &field("mac") + " lapses", ["", "", ""]),
            "mac" => (field("vlan") + &field("mac"), ["port", "from", "to"]),
            "agent" => (String::new(), ["agent", "start", "result"]),
            "port" => (String::new(), ["port", "", ""]),
            "alarm" => (String::new(), ["alarm", "agent", "severity"]),
            "config" => (String::new(), ["author", "changes", "confirm-within"]),
            "power" | "switch" => (String::new(), ["ports", "workers", ""]),
            _ => continue,
        };
        let fields: String = fields.iter().map(|name| field(name)).collect();
        let node = event["node"].as_str().expect("an event has a node");
        orders.entry(format!("{node}{subject}")).or_default().push(format!("{name}{fields}"));
    }
    for (_, order) in orders.iter_mut().filter(|(subject, _)| subject.contains(" mac=")) {
        order.dedup();
    }
    orders
}

const AGENT_DIES: &str = r#"
title: An agent dies and is healed, an operator makes a mistake, a link is cut
duration: 14s
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        mac-table: {ageing-time: 2s}
        learning: {mode: agent, renew-interval: 500ms}
        supervisor: {restart: false}
        ports: {eth1: {access-vlan: 10}, eth2: {access-vlan: 10}, eth3: {access-vlan: 10}}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]
    - endpoints: ["sw1:eth3", {node: h3, interface: eth1, ipv4: 10.0.0.3/24}]
flows:
  web: {from: [h1], to: [h2], interval: 100ms, both-ways: true}
timeline:
  - {at: 3s, fault: {switch: sw1, crash: {}}}
  - {at: 7s, fault: {switch: sw1, restart: {}}}
  - {at: 9s, commit: {switch: sw1, patch: {ports: {eth2: {access-vlan: 20}}}, author: ops, confirm-within: 1s}}
  - {at: 11s, link: {end: "sw1:eth2", down: true}}
  - {at: 12s, link: {end: "sw1:eth2", up: true}}
expect:
  - {name: given-up, event: agent-failed, on: sw1, where: {agent: learning}, at: 3s, tolerance: 1s}
  - {name: quiet, foreign-unicast: h3, from: 500ms, until: 3s, most: 2}
  - {name: floods, foreign-unicast: h3, from: 6s, until: 7s, least: 5}
  - {name: works, level: web, from: 1s, until: 9s, least: 0.97}
  - {name: mistake, level: web, from: 9300ms, until: 9700ms, most: 0.1}
  - {name: rolled-back, event: config-rolled-back, at: 10s, tolerance: 1s}
  - {name: heard-of, alarm: agent-failed, on: sw1, seen-by: noc, at: 4s, tolerance: 1500ms}
  - {name: learned, counter: mac-table.learned, on: sw1, least: 3}
pollers: {noc: {switches: [sw1], period: 1s}}
violations: [{checker: no-mute-switch, node: sw1}]
"#;

/// The page of a live replay has what was seen live.
fn reports(report: &Path, scenario: &str, events: &[Value]) {
    let page = std::fs::read_to_string(report).expect("the page is there");
    let (_, data) = page.split_once(r#"<script type="application/json" id="data">"#).expect("it has data");
    let (data, _) = data.split_once("</script>").expect("which end");
    let data: Value = serde_json::from_str(data).expect("and are JSON");
    assert_eq!((&data["scenario"], &data["holds"]), (&scenario.into(), &true.into()));
    assert_eq!(data["events"], events.len(), "{data:#}");
    let flows = data["traffic"]["flows"].as_array().expect("flows");
    assert_eq!(flows.len(), 2, "there and back: {flows:?}");
    let alarms = data["pollers"][0]["alarms"].as_array().expect("alarms");
    assert!(alarms.iter().any(|alarm| alarm["alarm"] == "agent-failed"), "{alarms:?}");
}

#[test]
fn what_happens_happens_in_the_same_order_in_both_worlds() {
    if !has(LIVE) {
        return;
    }
    let story = Story::write(AGENT_DIES);
    let report = story.file.with_extension("html");
    let report_words = ["--live", "--report", report.to_str().expect("the path is UTF-8")];
    let (virtually, live) = (story.events(&[]), story.events(&report_words));
    let expected = order(&virtually);
    assert!(expected["sw1"].contains(&r#"agent-failed agent="learning" result="core-dump""#.to_owned()));
    assert_eq!(order(&live), expected);
    reports(&report, &story.name, &live);
    story.before.assert_nothing_is_left();
}

#[test]
fn power_floods_transfers_and_one_way_links_are_the_same_orders_live() {
    if !has(LIVE) {
        return;
    }
    let story = Story::write(
        r#"
title: What can be done to a lab
duration: 12s
topology:
  nodes:
    sw1: {kind: greylag}
    sw2: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24, ipv6: "fd00::1/64"}]
    - endpoints: ["sw2:eth1", {node: h2, interface: eth1, ipv4: 10.0.0.2/24, ipv6: "fd00::2/64"}]
    - {type: tap, endpoints: ["sw1:eth2", {node: h3, interface: eth1, ipv4: 10.0.0.3/24}]}
    - endpoints: ["sw1:eth3", "sw2:eth2"]
flows:
  web: {from: [h1], to: [h2], interval: 50ms, both-ways: true}
  six: {from: [h1], to: [h2], interval: 50ms, family: ipv6}
timeline:
  - {at: 1s, ping: {host: h3, to: h2, count: 2}}
  - {at: 1s, tcp: {host: h1, to: h3, bytes: 100000}}
  - {at: 1s, broadcast: {host: h2, rate: 100, lasts: 1s}}
  - {at: 1s, mac-flood: {host: h3, macs: 50, rate: 100, lasts: 1s}}
  - {at: 3s, link: {end: "sw2:eth2", one-way: true}}
  - {at: 3s, announce: {host: h2}}
  - {at: 3s, flush-fdb: {switch: sw1, vlan: 1}}
  - {at: 4s, link: {end: "sw2:eth2", up: true}}
  - {at: 5s, commit: {switch: sw2, patch: {mac-table: {ageing-time: 200s}}, author: ops}}
  - {at: 6s, power-off: {switch: sw2}}
  - {at: 7s, power-on: {switch: sw2, boot: 1s}}
  - {at: 11s, rollback: {switch: sw2, author: ops}}
expect:
  - {name: works, level: web, from: 1s, until: 3s, least: 0.95}
  - {name: six-works, level: six, from: 1s, until: 3s, least: 0.95}
  - {name: flooded, counter: mac-table.learned, on: sw1, at: 2500ms, least: 50}
  - {name: one-way, level: web, from: 3500ms, until: 3900ms, least: 0.4, most: 0.6}
  - {name: dark, level: web, from: 6500ms, until: 7700ms, most: 0.1}
  - {name: unplugged, event: port-down, on: sw1, where: {port: eth3}, at: 6s, tolerance: 1s}
  - {name: again, event: switch-started, on: sw2, least: 2, most: 2}
  - {name: back, level: web, from: 10s, until: 12s, least: 0.95}
  - {name: kept, event: config-rolled-back, on: sw2, where: {author: ops}, least: 1}
# Dark for 2 s, and then a host may be in the middle of the 3 s for which it asks for a neighbour.
checkers: {silence: 6s}
"#,
    );
    story.events(&[]);
    story.events(&["--live"]);
    story.before.assert_nothing_is_left();
}

#[test]
fn what_cannot_be_done_live_is_refused_with_its_place_and_nothing_is_made() {
    let story = Story::write(
        r#"
title: What nobody can do
duration: 5s
topology:
  nodes:
    sw1: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host, vlan: 1}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - {endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}], delay: 5ms}
    - {endpoints: ["sw1:eth3", {node: h1, interface: eth2}], up: false}
flows:
  web: {from: [h1], to: [h2]}
timeline:
  - {at: 2s, move-host: {host: h1, to: "sw1:eth3"}}
  - {at: 1s, link: {end: "sw1:eth1", down: {seen-by: this-end}}}
expect:
  - {name: hole, black-hole: web, cause: link-down}
violations: [no-loop]
"#,
    );
    // The page of an earlier replay stays as it is.
    let report = story.file.with_extension("html");
    std::fs::write(&report, "earlier").expect("it can be written");
    let words = ["replay", story.path(), "--live", "--report", report.to_str().expect("the path is UTF-8")];
    let refused = greylag(&words);
    assert_eq!(std::fs::read_to_string(&report).expect("it is there"), "earlier");
    let error = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{error}");
    for expected in [
        ":9:22: topology.nodes.h2.vlan: ",
        ":12:7: topology.links[1]: ",
        ":17:5: timeline[0]: a live host keeps its interface",
        ":18:5: timeline[1]: a veth pair and a TAP lose carrier at both ends",
        ":20:5: expect[0]: nobody sees live where a frame dies",
        ":21:14: violations[0]: cannot be seen live",
    ] {
        assert!(error.contains(&format!("story.yml{expected}")), "{expected} is not in {error}");
    }
    story.before.assert_nothing_is_left();
}

#[test]
fn an_interrupted_replay_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let story = Story::write(AGENT_DIES);
    let child = Command::new(program())
        .args(["replay", story.path(), "--live"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let socket = format!("/run/greylag/{}-sw1.sock", story.name);
    wait_for("the lab stands", DEADLINE, || Path::new(&socket).exists().then_some(()));
    signal(&child, Signal::INT);
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(1));
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(error.starts_with("greylag: interrupted"), "{error}");
    story.before.assert_nothing_is_left();
}
