//! How labs come and go.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, succeed, traces};
use greylag_lab::host;
use greylag_tests::{Need, has, wait_for};
use std::process::Command;
use std::time::Duration;

const PAIR: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag}
    sw2: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:up", "sw2:up"]
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - {type: tap, endpoints: ["sw2:eth1", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]}
"#;

fn reaches(lab: &Lab) -> bool {
    let target = "10.0.0.2".parse().expect("an address");
    host::ping(&lab.netns("h1"), target, 1, Duration::ZERO, Duration::from_secs(1))
        .is_ok_and(|report| report.received == 1)
}

fn kill(pids: &[i32]) {
    for &pid in pids {
        let pid = rustix::process::Pid::from_raw(pid).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("the switch can be killed");
    }
}

#[test]
fn nothing_is_left_after_kill_9_and_destroy() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::write(PAIR);
    assert_eq!(traces(&lab.name), Vec::<String>::new());
    lab.verb("deploy");
    assert!(traces(&lab.name).len() >= 4, "namespaces, sockets and state are there");
    kill(&lab.pids());
    lab.verb("destroy");
    assert_eq!(traces(&lab.name), Vec::<String>::new());
    lab.verb("destroy");
    assert_eq!(traces(&lab.name), Vec::<String>::new());
}

#[test]
fn a_killed_switch_forwards_nothing_and_a_second_deploy_powers_it_on_again() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    wait_for("h1 reaches h2", DEADLINE, || reaches(&lab).then_some(()));
    let pids = lab.pids();
    kill(&pids[1..]);
    wait_for("h1 reaches h2 no more", DEADLINE, || (!reaches(&lab)).then_some(()));
    lab.verb("deploy");
    wait_for("h1 reaches h2 again", DEADLINE, || reaches(&lab).then_some(()));
    assert_eq!(lab.pids()[0], pids[0], "the switch that ran was left alone");
}

#[test]
fn a_lab_that_runs_is_not_deployed_twice() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let file = lab.file.to_str().unwrap();
    let second = greylag(&["lab", "deploy", file]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("deployed already"));
    let pids = lab.pids();
    succeed(&["lab", "deploy", file, "--reconfigure"]);
    assert!(lab.pids().iter().all(|pid| !pids.contains(pid)), "every switch is new");
}

#[test]
fn a_deploy_that_fails_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::write(&PAIR.replace("h2: {kind: host}", "h2: {kind: host, exec: [\"exit 7\"]}"));
    let output = greylag(&["lab", "deploy", lab.file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("exit 7"));
    assert_eq!(traces(&lab.name), Vec::<String>::new());
}

#[test]
fn commands_run_in_the_nodes() {
    if !has(LIVE) || !has(&[Need::Program { name: "ip", package: "iproute2" }]) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let output = succeed(&["lab", "exec", &lab.name, "h1", "--", "ip", "-br", "address", "show", "eth1"]);
    assert!(output.contains("10.0.0.1/24"), "{output}");
    let failing = greylag(&["lab", "exec", &lab.name, "h1", "--", "false"]);
    assert_eq!(failing.status.code(), Some(1));
    let inspected = succeed(&["lab", "inspect", &lab.name]);
    for word in ["sw1", "sw2", "h1", "h2", "running"] {
        assert!(inspected.contains(word), "{inspected}");
    }
    // What iproute2 knows of namespaces is what we made.
    let names = Command::new("ip").args(["netns", "list"]).output().expect("ip runs");
    assert!(String::from_utf8_lossy(&names.stdout).contains(&format!("greylag-{}-h1", lab.name)));
}

#[test]
fn tcpdump_sees_the_hosts_frames() {
    if !has(LIVE) || !has(&[Need::Program { name: "tcpdump", package: "tcpdump" }]) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let capture = lab
        .netns("h2")
        .run(|| {
            Command::new("tcpdump")
                .args(["-n", "-l", "--immediate-mode", "-c", "1", "-i", "eth1", "icmp and src 10.0.0.1"])
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::null())
                .spawn()
        })
        .expect("the namespace can be entered")
        .expect("tcpdump starts");
    let mut capture = capture;
    wait_for("tcpdump has its packet", DEADLINE, || {
        reaches(&lab);
        capture.try_wait().expect("tcpdump can be waited for")
    });
    let output = capture.wait_with_output().expect("tcpdump ended");
    assert!(String::from_utf8_lossy(&output.stdout).contains("ICMP echo request"));
}
