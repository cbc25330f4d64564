//! More comes in than a switch reads.

use crate::rig::{DEADLINE, LIVE, Station, mac, signal, succeed};
use crate::running::{Room, Running};
use greylag_base::MacAddr;
use greylag_tests::{has, wait_for};
use rustix::process::Signal;
use serde_json::{Value, json};

/// More than the queue of a TAP holds, which has room for 4096.
const FRAMES: u64 = 5_000;

#[test]
fn what_a_switch_that_stood_still_has_missed_is_told_by_port_and_reason() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let switch = Running::start(&netns, "ports:\n  eth1: {type: tap}\n  eth2: {type: tap}\n");
    let on = |words: &[&str]| succeed(&[words, &["-s", &switch.name]].concat());
    let mut host = Station::open(&netns, "eth1");
    // A link that is new swallows frames for a while.
    wait_for("frames come in", DEADLINE, || {
        host.send(mac(1), MacAddr::BROADCAST, b"the first");
        on(&["show", "fdb"]).contains(&mac(1).to_string()).then_some(())
    });
    signal(&switch.child, Signal::STOP);
    for _ in 0..FRAMES {
        host.send(mac(1), MacAddr::BROADCAST, b"one of many");
    }
    signal(&switch.child, Signal::CONT);
    let ports = wait_for("what was missed is counted", DEADLINE, || {
        let rows: Value = serde_json::from_str(&on(&["show", "ports", "-j"])).expect("-j prints JSON");
        (rows[0]["missed"] != json!({})).then_some(rows)
    });
    let missed = ports[0]["missed"]["rx-queue-full"].as_u64().expect("a number");
    assert!((1..FRAMES).contains(&missed), "{ports:#}");
    assert_eq!((&ports[0]["missed"], &ports[1]["missed"]), (&json!({"rx-queue-full": missed}), &json!({})));
    let line = format!("dropped in front of eth1: {missed} rx-queue-full\n");
    let text = on(&["show", "ports"]);
    assert!(text.contains(&line) && !text.contains("in front of eth2"), "{text}");
}
