//! The management network of a lab, and a switch that is to be on one that is not there.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, run_in, signal_pid, unique};
use greylag_lab::host;
use greylag_lab::runtime::MANAGEMENT_PORT;
use greylag_tests::{has, wait_for};
use rustix::process::Signal;
use std::net::UdpSocket;
use std::time::Duration;

const PAIR: &str = r#"
topology:
  nodes:
    ca1: {kind: greylag, mgmt-ipv4: 172.20.20.11}
    ca2: {kind: greylag, mgmt-ipv4: 172.20.20.12}
    h1: {kind: host}
  links:
    - endpoints: ["ca1:eth1", "ca2:eth1"]
    - endpoints: ["ca1:eth2", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
"#;

#[test]
fn switches_reach_each_other_beside_their_data_planes_and_nothing_is_left_of_it() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let ca1 = lab.netns("ca1");
    let reach = |to: &str| {
        let second = Duration::from_secs(1);
        host::ping(&ca1, to.parse().expect("an address"), 1, second, second)
            .is_ok_and(|ping| ping.received > 0)
    };
    wait_for("ca2 answers", DEADLINE, || reach("172.20.20.12").then_some(()));
    // A switch listens there: another socket cannot.
    let taken = ca1.run(|| UdpSocket::bind(("172.20.20.11", MANAGEMENT_PORT))).expect("a namespace");
    assert!(taken.is_err());
    assert!(!run_in(&lab.netns("h1"), "ip", &["-br", "address"]).contains("172.20"));

    // The network lives when the data plane does not, and a switch that comes back has its address.
    for pid in lab.pids() {
        signal_pid(pid, Signal::KILL);
    }
    assert!(reach("172.20.20.12"));
    lab.verb("deploy");
    assert_eq!(lab.pids().len(), 2);
    // Killed again: whatever is there is written down.
    for pid in lab.pids() {
        signal_pid(pid, Signal::KILL);
    }
    lab.verb("destroy");
    lab.before.assert_nothing_is_left();
}

#[test]
fn a_management_address_that_is_nobodys_here_is_one_sentence() {
    if !has(LIVE) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (file, name) = (folder.path().join("switch.yml"), unique("t"));
    let text = format!("name: {name}\nmanagement-address: 192.0.2.7\nports: {{eth1: {{type: tap}}}}\n");
    std::fs::write(&file, text.replace("eth1", &name.replace('-', "x"))).expect("the file is written");
    let output = greylag(&["run", file.to_str().expect("UTF-8")]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("management-address: 192.0.2.7 is no address of network namespace"), "{error}");
}
