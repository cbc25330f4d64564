//! `why` in a lab that runs: what was broken is what it says.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, succeed};
use greylag_tests::{has, wait_for};
use serde_json::Value;

/// Two switches that learn by an agent, and a trunk.
const TRUNK: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag, config: {learning: {mode: agent}, ports: {eth1: {access-vlan: 20}, eth9: {interface-mode: TRUNK, trunk-vlans: [10, 20]}}}}
    sw2: {kind: greylag, config: {learning: {mode: agent}, ports: {eth1: {access-vlan: 20}, eth9: {interface-mode: TRUNK, trunk-vlans: [10, 20]}}}}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth9", "sw2:eth9"]
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - endpoints: ["sw2:eth1", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]
"#;

/// The answer, and the exit status.
fn why(lab: &Lab) -> (Value, i32) {
    let output = greylag(&["why", "h1", "10.0.0.2", "-l", &lab.name, "-j"]);
    let answer = serde_json::from_slice(&output.stdout);
    let answer =
        answer.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (answer, output.status.code().expect("it ends by itself"))
}

/// Place and reason of the end of the first way.
fn death(answer: &Value) -> [&str; 3] {
    ["node", "port", "reason"].map(|field| answer["ways"][0]["death"][field].as_str().unwrap_or_default())
}

#[test]
fn what_is_broken_in_a_lab_is_found() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(TRUNK);
    wait_for("h1 reaches h2", DEADLINE, || lab.pings("h1", "10.0.0.2").then_some(()));
    let (answer, status) = why(&lab);
    assert_eq!((status, &answer["passes"]), (0, &Value::Bool(true)), "{answer:#}");
    assert_eq!(answer["ways"][0]["hops"].as_array().map(Vec::len), Some(4), "{answer:#}");
    assert_eq!(answer["ways"][0]["neighbor"]["known"], true, "{answer:#}");

    // Nothing that was asked has been counted, learned or sent.
    let counters = lab.show("sw2", "counters");
    why(&lab);
    assert_eq!(lab.show("sw2", "counters")["mac-table"]["learned"], counters["mac-table"]["learned"]);

    succeed(&["fault", "link", &lab.name, "sw1:eth9", "one-way"]);
    let (answer, status) = why(&lab);
    assert_eq!((status, death(&answer)), (1, ["sw1", "eth9", "link-one-way"]), "{answer:#}");
    assert_eq!(answer["ways"][1]["passes"], true, "{answer:#}");
    succeed(&["fault", "link", &lab.name, "sw1:eth9", "up"]);

    // The agent dies for good; the link to h2 goes and comes, and leaves the flood group.
    succeed(&["fault", "hang", "-s", &lab.switch("sw2")]);
    succeed(&["fault", "link", &lab.name, "sw2:eth1", "down"]);
    wait_for("the port is down", DEADLINE, || (lab.told("sw2", "port-down") > 0).then_some(()));
    let ups = lab.told("sw2", "port-up");
    succeed(&["fault", "link", &lab.name, "sw2:eth1", "up"]);
    wait_for("the port is up", DEADLINE, || (lab.told("sw2", "port-up") > ups).then_some(()));
    succeed(&["clear", "fdb", "-s", &lab.switch("sw2")]);
    let (answer, status) = why(&lab);
    assert_eq!((status, death(&answer)), (1, ["sw2", "eth1", "not-in-flood-group"]), "{answer:#}");
    let death = &answer["ways"][0]["death"];
    assert_eq!(
        (&death["agent"]["agent"], &death["agent"]["state"]),
        (&"learning".into(), &"hung".into()),
        "{answer:#}"
    );
    assert!(death["after"]["text"].as_str().is_some_and(|text| text.starts_with("port-up")), "{answer:#}");
}
