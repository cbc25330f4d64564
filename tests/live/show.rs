//! What `show` prints, and what other tools make of it.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, mac, succeed};
use greylag_base::MacAddr;
use greylag_tests::{Need, has, wait_for};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

const SMALL: &str = r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        vlans: {10: {name: red}}
        static-macs: [{vlan: 10, mac-address: "02:00:00:00:00:99", interface: eth2}]
        ports: {eth1: {access-vlan: 10}, eth2: {access-vlan: 10}}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
    - endpoints: ["sw1:eth2", "h2:eth1"]
"#;

const KINDS: [&str; 8] = ["fdb", "vlans", "ports", "drops", "counters", "events", "agents", "alarms"];

fn small_lab_with_a_station() -> Lab {
    let lab = Lab::deploy(SMALL);
    lab.station("h1", "eth1").send(mac(1), MacAddr::BROADCAST, b"hello");
    wait_for("the address is learned", DEADLINE, || lab.port_of("sw1", mac(1)));
    lab
}

#[test]
fn every_kind_has_a_table_and_valid_json() {
    if !has(LIVE) {
        return;
    }
    let lab = small_lab_with_a_station();
    for kind in KINDS {
        let text = succeed(&["show", kind, "-s", &lab.switch("sw1")]);
        assert!(!text.is_empty() && !text.lines().any(|line| line.ends_with(' ')), "{text}");
        assert!(lab.show("sw1", kind).is_array() || kind == "counters");
    }
    // A node's name is enough where it is the only one, and so is a path.
    let table = succeed(&["show", "fdb", "-s", &format!("/run/greylag/{}.sock", lab.switch("sw1"))]);
    assert!(table.contains("02:00:00:00:00:01") && table.contains("static"), "{table}");
    assert_eq!(lab.show("sw1", "vlans")[0]["name"], "red");
}

#[test]
fn errors_are_json_when_json_was_asked_for() {
    let output = greylag(&["show", "fdb", "-s", "no-such-switch", "-j"]);
    assert_eq!(output.status.code(), Some(2));
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(value["error"].as_str().unwrap().contains("no-such-switch"), "{value}");
}

#[test]
fn fdb_has_the_key_names_of_the_bridge_command() {
    if !has(LIVE) || !has(&[Need::Program { name: "bridge", package: "iproute2" }]) {
        return;
    }
    let lab = small_lab_with_a_station();
    // What the kernel's bridge says of an entry of its own, asked with the same words.
    let theirs = lab
        .netns("h2")
        .run(|| {
            for words in [
                "link add br0 type bridge",
                "link add v0 type veth peer name v1",
                "link set v0 master br0",
                "link set v0 up",
                "link set br0 up",
            ] {
                assert!(
                    Command::new("ip").args(words.split(' ')).status().expect("ip runs").success(),
                    "{words}"
                );
            }
            let add = "fdb add 02:00:00:00:00:55 dev v0 master static";
            assert!(Command::new("bridge").args(add.split(' ')).status().expect("bridge runs").success());
            Command::new("bridge")
                .args(["-j", "fdb", "show", "dev", "v0"])
                .output()
                .expect("bridge runs")
                .stdout
        })
        .expect("the namespace can be entered");
    let theirs: Value = serde_json::from_slice(&theirs).expect("bridge prints JSON");
    let theirs =
        theirs.as_array().unwrap().iter().find(|row| row["mac"] == "02:00:00:00:00:55").unwrap().clone();
    let keys = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let ours = lab.show("sw1", "fdb");
    let is_static = |row: &&Value| row["mac"] == "02:00:00:00:00:99";
    let ours = ours.as_array().unwrap().iter().find(is_static).unwrap().clone();
    // `bridge -j fdb show dev` leaves out the interface that was asked for, and a bridge that does not filter has no
    // VLANs; bridge/fdb.c calls it `vlan`.
    let mut expected = keys(&theirs);
    expected.extend(["ifname".to_owned(), "vlan".to_owned()]);
    assert_eq!(keys(&ours), expected, "{theirs}");
    assert_eq!(ours["state"], theirs["state"]);
}

#[test]
fn curl_reads_the_control_socket() {
    if !has(LIVE) || !has(&[Need::Program { name: "curl", package: "curl" }]) {
        return;
    }
    let lab = small_lab_with_a_station();
    let socket = format!("/run/greylag/{}.sock", lab.switch("sw1"));
    let curl = |path: &str| {
        let url = format!("http://greylag{path}");
        Command::new("curl")
            .args(["-s", "-w", "%{http_code}", "--unix-socket", &socket, &url])
            .output()
            .unwrap()
            .stdout
    };
    let answer = String::from_utf8(curl("/v1/fdb")).unwrap();
    assert!(answer.ends_with("200") && answer.contains("02:00:00:00:00:01"), "{answer}");
    let answer = String::from_utf8(curl("/nothing")).unwrap();
    assert!(answer.ends_with("404") && answer.contains("/v1/fdb"), "{answer}");
}

#[test]
fn events_can_be_asked_for_from_a_point_on() {
    if !has(LIVE) {
        return;
    }
    let lab = small_lab_with_a_station();
    let all = lab.show("sw1", "events");
    let names: Vec<&str> =
        all.as_array().unwrap().iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(names[0], "switch-started");
    assert!(names.contains(&"port-up") && names.contains(&"mac-learned"), "{names:?}");
    let socket = format!("/run/greylag/{}.sock", lab.switch("sw1"));
    let rest = greylag_lab::client::get(socket.as_ref(), "/v1/events?after=1").expect("the switch answers");
    assert_eq!(rest[0]["sequence"], 2);
}

#[test]
fn a_port_follows_its_link_and_forgets_its_stations() {
    if !has(LIVE) {
        return;
    }
    let lab = small_lab_with_a_station();
    greylag_lab::link::set_down(&lab.netns("h1"), "eth1").expect("the link can be set down");
    wait_for("the port is down", DEADLINE, || {
        (lab.show("sw1", "ports")[0]["oper-status"] == "DOWN").then_some(())
    });
    assert_eq!(lab.port_of("sw1", mac(1)), None);
    greylag_lab::link::set_up(&lab.netns("h1"), "eth1").expect("the link can be set up");
    wait_for("the port is up", DEADLINE, || {
        (lab.show("sw1", "ports")[0]["oper-status"] == "UP").then_some(())
    });
    let mut h2 = lab.station("h2", "eth1");
    lab.station("h1", "eth1").send(mac(1), MacAddr::BROADCAST, b"again");
    assert_eq!(h2.count_until(b"again", b"again"), 1);
}
