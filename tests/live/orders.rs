//! The words of orders: which switch, who may, and links.

use crate::rig::{DEADLINE, LIVE, Lab, as_nobody, greylag, nobodys_folder, succeed};
use greylag_tests::{has, wait_for};
use serde_json::Value;

const PAIR: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag}
    sw2: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24, ipv6: "fd00::1/64"}]
    - {type: tap, endpoints: ["sw2:eth1", {node: h2, interface: eth1, ipv4: 10.0.0.2/24, ipv6: "fd00::2/64"}]}
    - endpoints: ["sw1:eth2", "sw2:eth2"]
"#;

/// Standard error of a run that must fail with this status.
fn fail(words: &[&str], status: i32) -> String {
    let output = greylag(words);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "greylag {}: {error}", words.join(" "));
    error
}

/// Frames pass between h1 and h2, once h1 has given up waiting for answers of before.
fn reach(lab: &Lab) {
    wait_for("h1 reaches h2", DEADLINE, || lab.pings("h1", "10.0.0.2").then_some(()));
}

#[test]
fn orders_say_which_switch_they_are_for() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let error = fail(&["config", "history"], 1);
    assert!(error.starts_with("greylag: several switches run: say which with `-s`: "), "{error}");
    let error = fail(&["fault", "heal", "-s", "no-such-switch"], 2);
    assert!(error.starts_with("greylag: there is no switch `no-such-switch`"), "{error}");
    assert_eq!(succeed(&["fault", "heal", "-s", &lab.switch("sw1")]), "");
    let done = succeed(&["fault", "heal", "-j", "-s", &lab.switch("sw1")]);
    assert_eq!(serde_json::from_str::<Value>(&done).unwrap()["done"], "ordered");
}

#[test]
fn faults_that_cannot_be_are_one_sentence() {
    for (words, expected) in [
        (&["fault", "crash", "--dump", "4x"][..], "crash.dump: `4x` is not a time"),
        (&["fault", "crash-loop", "--run", "38s..28s"], "crash-loop.run"),
        (&["fault", "lose-reports", "--share", "2"], "lose-reports.share"),
        (&["fault", "slow", "--rate", "0"], "slow.rate"),
        (
            &["fault", "drop-writes", "--prefix", "::1/64"],
            "drop-writes.prefix: ::1/64 has bits beyond its length",
        ),
        (&["fault", "delay-writes", "--delay", "2s..1s"], "delay-writes.delay"),
        (&["fault", "misorder-writes", "--buckets", "7..0"], "misorder-writes.buckets"),
        (&["fault", "stale-members", "--change", "lost"], "stale-members.change"),
        (&["config", "rollback", "0"], "invalid value '0'"),
        (&["config", "commit", "x.yml", "--confirmed", "soon"], "invalid value 'soon'"),
        (&["fault", "link", "lab", "sw1:eth1", "impair", "--loss", "200%"], "a share such as 1%"),
    ] {
        let error = fail(words, 2);
        assert!(error.contains(expected), "{words:?}: {error}");
    }
}

#[test]
fn a_link_is_cut_and_mended_and_hosts_keep_their_addresses() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let link = |end: &str, words: &[&str]| succeed(&[&["fault", "link", &lab.name, end], words].concat());
    let port = |node: &str, port: usize, status: &str| {
        wait_for("the port follows its link", DEADLINE, || {
            (lab.show(node, "ports")[port]["oper-status"] == status).then_some(())
        });
    };
    assert!(lab.pings("h1", "fd00::2"));
    for (end, node, index) in [("h1:eth1", "sw1", 0), ("sw2:eth1", "sw2", 0), ("sw2:eth2", "sw1", 1)] {
        link(end, &["down"]);
        port(node, index, "DOWN");
        assert!(!lab.pings("h1", "10.0.0.2"), "{end}");
        link(end, &["up"]);
        port(node, index, "UP");
    }
    // The TAP's own interface was set down, which is the one thing that loses an IPv6 address.
    reach(&lab);

    for (end, word) in [("sw1:eth2", "one-way"), ("sw2:eth2", "one-way"), ("sw1:eth2", "dead")] {
        link(end, &[word]);
        assert!(!lab.pings("h1", "10.0.0.2"), "{end} {word}");
        let port = &lab.show("sw1", "ports")[1];
        assert_eq!(port["oper-status"], "UP", "nobody sees it");
        assert!(end != "sw1:eth2" || port["io"]["past-qdisc"] != true, "{port}");
        link(end, &["up"]);
        reach(&lab);
    }
    let error = fail(&["fault", "link", &lab.name, "sw2:eth1", "dead"], 1);
    assert!(error.contains("type: veth"), "{error}");
    let error = fail(&["fault", "link", &lab.name, "sw2:eth9", "down"], 2);
    assert!(error.contains("expected one of sw1:eth1, h1:eth1"), "{error}");
    // What a switch sends needs nothing of the kernel, not even into a TAP.
    for end in ["sw1:eth2", "sw1:eth1"] {
        link(end, &["impair", "--loss", "100%"]);
        assert!(!lab.pings("h1", "10.0.0.2"), "{end}");
        link(end, &["up"]);
        reach(&lab);
    }
}

#[test]
fn whoever_may_not_enter_a_lab_is_told_so() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(PAIR);
    let folder = nobodys_folder();
    let output = as_nobody(&folder, &["fault", "link", &lab.name, "sw1:eth1", "down"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.ends_with("run it as root\n") && error.lines().count() == 1, "{error}");
    let output = as_nobody(&folder, &["config", "history", "-s", &lab.switch("sw1"), "-j"]);
    assert_eq!(output.status.code().map(|code| code > 0), Some(true));
    assert!(serde_json::from_slice::<Value>(&output.stdout).expect("JSON")["error"].is_string());
}
