//! What a switch's configuration can ask for beyond forwarding.

use crate::rig::{DEADLINE, LIVE, Lab, mac};
use greylag_base::MacAddr;
use greylag_tests::{has, wait_for};

/// One switch whose configuration has this line more, and three hosts on one VLAN.
fn lab_with(option: &str) -> Lab {
    Lab::deploy(&format!(
        r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        {option}
        ports: {{eth1: {{access-vlan: 10}}, eth2: {{access-vlan: 10}}, eth3: {{access-vlan: 10}}}}
    h1: {{kind: host}}
    h2: {{kind: host}}
    h3: {{kind: host}}
  links:
    - {{type: tap, endpoints: ["sw1:eth1", {{node: h1, interface: eth1, ipv4: 10.0.0.1/24}}]}}
    - {{type: tap, endpoints: ["sw1:eth2", {{node: h2, interface: eth1, ipv4: 10.0.0.2/24}}]}}
    - {{type: tap, endpoints: ["sw1:eth3", {{node: h3, interface: eth1, ipv4: 10.0.0.3/24}}]}}
"#
    ))
}

#[test]
fn a_vlan_learns_no_more_addresses_than_its_limit_and_forwards_all_the_same() {
    if !has(LIVE) {
        return;
    }
    let lab = lab_with("vlans: {10: {maximum-entries: 5}}");
    let [mut h1, mut h2, mut h3] = ["h1", "h2", "h3"].map(|host| lab.station(host, "eth1"));
    for number in 1..=10 {
        h1.send(mac(number), MacAddr::BROADCAST, b"many");
        h2.send(mac(100 + number), MacAddr::BROADCAST, b"many");
    }
    h1.send(mac(1), MacAddr::BROADCAST, b"end");
    assert_eq!(h2.count_until(b"many", b"end"), 10);
    h2.send(mac(101), MacAddr::BROADCAST, b"End");
    assert_eq!(h3.count_until(b"many", b"End"), 20, "on whichever port");
    assert_eq!(lab.show("sw1", "fdb").as_array().map(Vec::len), Some(5));
    let counters = lab.show("sw1", "counters");
    assert!(counters["mac-table"]["declined"]["vlan-limit"].as_u64().unwrap() >= 15, "{counters}");
}

#[test]
fn an_address_that_flaps_is_held_where_it_was() {
    if !has(LIVE) {
        return;
    }
    let lab = lab_with("mac-table: {move-damping: {threshold: 3, interval: 60s, hold: 60s, action: drop}}");
    let [mut h1, mut h2, mut h3] = ["h1", "h2", "h3"].map(|host| lab.station(host, "eth1"));
    // Each waits until the other's frame has been seen, so that no two moves are one.
    let mut moves = 0;
    while lab.drops("sw1", "move-damped") == 0 {
        let station = if moves % 2 == 0 { &mut h1 } else { &mut h2 };
        let frames = |lab: &Lab| {
            let counters = lab.show("sw1", "counters");
            let ports = counters["ports"].as_array().expect("ports");
            ports.iter().filter_map(|port| port["in-frames"].as_u64()).sum::<u64>()
        };
        let before = frames(&lab);
        station.send(mac(7), MacAddr::BROADCAST, b"flap");
        wait_for("the frame is counted", DEADLINE, || (frames(&lab) > before).then_some(()));
        moves += 1;
        assert!(moves < 20, "it is never held");
    }
    assert!(moves > 3, "the first moves are free: {moves}");
    let held = lab.port_of("sw1", mac(7)).expect("it is in the table");
    let (holder, other) = if held == "eth1" { (&mut h1, &mut h2) } else { (&mut h2, &mut h1) };
    // What it sends from elsewhere is dropped, and what is sent to it goes where it is held.
    other.send(mac(7), MacAddr::BROADCAST, b"flap");
    h3.send(mac(3), mac(7), b"to you");
    h3.send(mac(3), MacAddr::BROADCAST, b"end");
    assert_eq!(holder.count_until(b"to you", b"end"), 1);
    assert_eq!(other.count_until(b"to you", b"end"), 0);
    assert_eq!(lab.port_of("sw1", mac(7)).as_deref(), Some(&*held));
    let events = lab.show("sw1", "events");
    let events = events.as_array().unwrap();
    let told = events.iter().filter(|event| event["event"] == "mac-move-damped").count();
    assert_eq!(told, 1, "once, when the hold begins: {events:?}");
}

#[test]
fn the_mask_lets_lacp_cross_and_nothing_else_that_is_reserved() {
    if !has(LIVE) {
        return;
    }
    let slow_protocols = MacAddr([0x01, 0x80, 0xc2, 0, 0, 0x02]);
    let spanning_tree = MacAddr([0x01, 0x80, 0xc2, 0, 0, 0x00]);
    for (option, crossing) in [("group-fwd-mask: 0x4", 1), ("group-fwd-mask: 0", 0)] {
        let lab = lab_with(option);
        let [mut h1, mut h2] = ["h1", "h2"].map(|host| lab.station(host, "eth1"));
        h1.send(mac(1), slow_protocols, b"lacpdu");
        h1.send(mac(1), spanning_tree, b"bpdu");
        h1.send(mac(1), MacAddr::BROADCAST, b"end");
        let (mut lacpdus, mut bpdus) = (0, 0);
        h2.for_each_until(b"end", |payload| {
            lacpdus += usize::from(payload.starts_with(b"lacpdu"));
            bpdus += usize::from(payload.starts_with(b"bpdu"));
        });
        assert_eq!((lacpdus, bpdus), (crossing, 0), "{option}");
        // The hosts' own stacks are quiet in these groups.
        assert_eq!(lab.drops("sw1", "reserved-group"), 2 - crossing as u64, "{option}");
    }
}

#[test]
fn two_workers_share_taps() {
    if !has(LIVE) {
        return;
    }
    let lab = lab_with("workers: {count: 2}");
    for (from, to, at) in [
        ("h1", "h2", "10.0.0.2"),
        ("h2", "h3", "10.0.0.3"),
        ("h3", "h1", "10.0.0.1"),
        ("h2", "h1", "10.0.0.1"),
    ] {
        assert!(lab.pings(from, at), "{from} reaches {to}");
        lab.transfers(from, to, at);
    }
}
