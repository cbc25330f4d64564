//! The ways to open a device, in whole switches.

use crate::devices::{cable, wait_until_up};
use crate::rig::{DEADLINE, LIVE, Lab, greylag, run_in, succeed};
use crate::running::{Room, Running};
use greylag_tests::{Need, has, wait_for};
use serde_json::json;

const IP: &[Need] = &[Need::Program { name: "ip", package: "iproute2" }];

const ALL_KINDS: &str = r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        workers: {count: 2}
        ports:
          eth1: {io: af-xdp}
          eth2: {io: raw}
          eth3: {io: af-packet}
          up: {io: af-xdp, interface-mode: TRUNK, trunk-vlans: [1, 7]}
    sw2:
      kind: greylag
      config:
        ports:
          up: {interface-mode: TRUNK, trunk-vlans: [1, 7]}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
    h4: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]
    - endpoints: ["sw1:eth3", {node: h3, interface: eth1, ipv4: 10.0.0.3/24}]
    - {type: tap, endpoints: ["sw2:eth1", {node: h4, interface: eth1, ipv4: 10.0.0.4/24}]}
    - {endpoints: ["sw1:up", "sw2:up"]}
"#;

#[test]
fn hosts_behind_every_kind_of_port_reach_each_other_and_the_switch_says_how_it_opened_them() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(ALL_KINDS);
    for (from, to, address) in [
        ("h1", "h2", "10.0.0.2"),
        ("h3", "h1", "10.0.0.1"),
        ("h4", "h1", "10.0.0.1"),
        ("h2", "h4", "10.0.0.4"),
    ] {
        assert!(lab.pings(from, address), "{from} reaches {to}");
        lab.transfers(from, to, address);
    }
    for switch in ["sw1", "sw2"] {
        for reason in ["giant", "egress-unfinished", "egress-error"] {
            assert_eq!(lab.drops(switch, reason), 0, "{switch} {reason}");
        }
    }

    let kinds = |switch| {
        let rows = lab.show(switch, "ports");
        let rows = rows.as_array().expect("rows").iter();
        rows.map(|row| (row["name"].clone(), row["io"]["kind"].clone())).collect::<Vec<_>>()
    };
    let row = |name: &str, kind| (json!(name), kind);
    let expected = [
        row("eth1", json!("af-xdp")),
        row("eth2", json!("raw")),
        row("eth3", json!("af-packet")),
        row("up", json!("af-xdp")),
    ];
    assert_eq!(kinds("sw1"), expected);
    assert_eq!(kinds("sw2"), [row("up", json!("af-packet")), row("eth1", json!(null))]);
    let text = succeed(&["show", "ports", "-s", &lab.switch("sw2")]);
    assert!(
        text.contains("up by af-packet: the kernel at the other end of a veth device leaves checksums"),
        "{text}"
    );
    let text = succeed(&["show", "ports", "-s", &lab.switch("sw1")]);
    assert!(text.contains("eth1, up by af-xdp: the configuration says so; XDP in the driver"), "{text}");
}

#[test]
fn the_program_on_a_device_goes_with_a_switch_that_is_killed() {
    if !has(LIVE) || !has(IP) {
        return;
    }
    let (_room, netns) = Room::new();
    let (_other, hosts) = Room::new();
    cable(&netns, "eth1", &hosts, "h1");
    cable(&netns, "eth2", &hosts, "h2");
    let mut switch = Running::start(&netns, "ports:\n  eth1: {io: af-xdp}\n  eth2: {io: raw}\n");
    wait_until_up(&switch, 2);
    let has_program = || run_in(&netns, "ip", &["link", "show", "eth1"]).contains("xdp");
    assert!(has_program());
    switch.kill();
    wait_for("the program is gone", DEADLINE, || (!has_program()).then_some(()));
    switch.restart(&netns);
    wait_until_up(&switch, 2);

    // `io` is what it is while the switch runs.
    switch.write("ports:\n  eth1: {io: af-packet}\n  eth2: {io: raw}\n");
    let output = greylag(&["config", "commit", switch.file.to_str().expect("UTF-8"), "-s", &switch.name]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("ports.eth1.io"), "{error}");
}
