//! A switch that its watchdog starts anew, in the same process.

use crate::rig::{DEADLINE, LIVE, Lab, succeed};
use greylag_tests::{has, wait_for};

/// One host at a veth, one at a TAP, which would be gone with the process.
const WATCHED: &str = r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        learning: {mode: agent}
        supervisor: {restart: false, watchdog: 1s}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - {type: tap, endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]}
"#;

#[test]
fn a_switch_whose_agent_was_given_up_starts_anew_with_what_was_committed() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(WATCHED);
    let (switch, pids) = (lab.switch("sw1"), lab.pids());
    assert!(lab.pings("h1", "10.0.0.2"));
    let candidate = lab.file.with_file_name("candidate.yml");
    let running = succeed(&["config", "show", "-s", &switch]);
    let named = running.replacen("\"ports\"", "\"vlans\": {\"20\": {\"name\": \"kept\"}}, \"ports\"", 1);
    std::fs::write(&candidate, named).expect("the candidate is written");
    succeed(&["config", "commit", candidate.to_str().expect("UTF-8"), "-s", &switch]);

    succeed(&["fault", "crash", "-s", &switch]);
    let alarms = lab.show("sw1", "alarms");
    let raised = alarms.as_array().expect("rows").iter().map(|alarm| alarm["alarm"].clone());
    assert_eq!(raised.collect::<Vec<_>>(), ["agent-failed", "reboot-pending"]);
    wait_for("the agent lives again", DEADLINE, || {
        (lab.show("sw1", "agents")[0]["state"] == "running").then_some(())
    });
    assert_eq!(lab.told("sw1", "agent-crashed"), 0, "it is another switch");
    assert_eq!(lab.pids(), pids, "in the same process");
    let vlans = lab.show("sw1", "vlans").to_string();
    assert!(vlans.contains("kept"), "{vlans}");
    wait_for("frames pass", DEADLINE, || lab.pings("h1", "10.0.0.2").then_some(()));

    // And once more.
    succeed(&["fault", "crash", "-s", &switch]);
    wait_for("the agent lives again", DEADLINE, || {
        (lab.show("sw1", "agents")[0]["state"] == "running").then_some(())
    });
    wait_for("frames pass", DEADLINE, || lab.pings("h2", "10.0.0.1").then_some(()));
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
}
