//! What reaches whom.

use crate::rig::{DEADLINE, LIVE, Lab, mac};
use greylag_base::MacAddr;
use greylag_lab::host::{self, TransferSize};
use greylag_tests::{has, wait_for};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// One switch, three hosts in VLAN 10 and one in VLAN 20, all in one subnet.
const TWO_VLANS: &str = r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        mac-table: {ageing-time: 2}
        ports:
          eth1: {access-vlan: 10}
          eth2: {access-vlan: 10}
          eth3: {access-vlan: 10}
          eth4: {access-vlan: 20}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
    h4: {kind: host}
  links:
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24, ipv6: "fd00::1/64"}]
    - {type: tap, endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24, ipv6: "fd00::2/64"}]}
    - endpoints: ["sw1:eth3", {node: h3, interface: eth1, ipv4: 10.0.0.3/24}]
    - endpoints: ["sw1:eth4", {node: h4, interface: eth1, ipv4: 10.0.0.4/24, ipv6: "fd00::4/64"}]
"#;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn pings(lab: &Lab, from: &str, to: &str) -> bool {
    let report =
        host::ping(&lab.netns(from), address(to), 3, Duration::from_millis(50), Duration::from_secs(2));
    report.expect("ping can be sent").received > 0
}

fn transfers(lab: &Lab, from: &str, to: &str, at: &str) {
    let bytes = 20_000_000;
    let server = SocketAddr::new(address(at), 0);
    let size = TransferSize::Bytes(bytes);
    let report = host::tcp_transfer(&lab.netns(to), &lab.netns(from), server, size, DEADLINE);
    assert_eq!(report.expect("TCP connects").bytes, bytes);
}

#[test]
fn ping_and_tcp_within_a_vlan_and_nothing_between_vlans() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(TWO_VLANS);
    for to in ["10.0.0.2", "10.0.0.3", "fd00::2"] {
        assert!(pings(&lab, "h1", to), "h1 reaches {to}");
    }
    for to in ["10.0.0.4", "fd00::4"] {
        assert!(!pings(&lab, "h1", to), "h1 must not reach {to}");
    }
    transfers(&lab, "h1", "h2", "10.0.0.2");
    transfers(&lab, "h2", "h3", "10.0.0.3");
    transfers(&lab, "h2", "h1", "fd00::1");
}

#[test]
fn two_vlans_cross_a_trunk_between_two_switches_and_stay_apart() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(
        r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        workers: {count: 2}
        ports:
          eth1: {access-vlan: 10}
          eth2: {access-vlan: 20}
          up: {interface-mode: TRUNK, trunk-vlans: [10], native-vlan: 20}
    sw2:
      kind: greylag
      config:
        ports:
          eth1: {access-vlan: 10}
          eth2: {access-vlan: 20}
          up: {interface-mode: TRUNK, trunk-vlans: [10], native-vlan: 20}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
    h4: {kind: host}
  links:
    - endpoints: ["sw1:up", "sw2:up"]
    - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
    - endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]
    - endpoints: ["sw2:eth1", {node: h3, interface: eth1, ipv4: 10.0.0.3/24}]
    - {type: tap, endpoints: ["sw2:eth2", {node: h4, interface: eth1, ipv4: 10.0.0.4/24}]}
"#,
    );
    assert!(pings(&lab, "h1", "10.0.0.3") && pings(&lab, "h2", "10.0.0.4"));
    assert!(!pings(&lab, "h1", "10.0.0.4") && !pings(&lab, "h2", "10.0.0.3"));
    transfers(&lab, "h1", "h3", "10.0.0.3");
    transfers(&lab, "h4", "h2", "10.0.0.2");
}

#[test]
fn an_unknown_destination_reaches_every_member_once_and_nobody_else() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(TWO_VLANS);
    let mut hosts = ["h1", "h2", "h3", "h4"].map(|host| lab.station(host, "eth1"));
    let [sender, members @ .., stranger] = &mut hosts;
    for _ in 0..10 {
        sender.send(mac(1), mac(99), b"unknown");
    }
    sender.send(mac(1), MacAddr::BROADCAST, b"end");
    for member in members {
        assert_eq!(member.count_until(b"unknown", b"end"), 10);
    }
    // VLAN 20 has no other port, so that its host has to end the wait itself: what it sends comes back to nobody.
    let flooded = lab.show("sw1", "counters")["ports"][3]["out-frames"].clone();
    assert_eq!(flooded, 0, "nothing left by the port of VLAN 20");
    stranger.send(mac(4), MacAddr::BROADCAST, b"end");
    wait_for("the lonely broadcast is counted", DEADLINE, || {
        (lab.drops("sw1", "no-egress") > 0).then_some(())
    });
}

#[test]
fn a_station_that_moves_is_followed_at_once() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(TWO_VLANS);
    let mut hosts = ["h1", "h2", "h3"].map(|host| lab.station(host, "eth1"));
    let [h1, h2, h3] = &mut hosts;
    h1.send(mac(7), MacAddr::BROADCAST, b"here");
    assert_eq!(h3.count_until(b"here", b"here"), 1);
    assert_eq!(lab.port_of("sw1", mac(7)).as_deref(), Some("eth1"));
    h2.send(mac(7), MacAddr::BROADCAST, b"moved");
    assert_eq!(h3.count_until(b"moved", b"moved"), 1);
    assert_eq!(lab.port_of("sw1", mac(7)).as_deref(), Some("eth2"));
    // The next frame goes there and nowhere else.
    h3.send(mac(3), mac(7), b"to you");
    h3.send(mac(3), MacAddr::BROADCAST, b"end");
    assert_eq!(h2.count_until(b"to you", b"end"), 1);
    assert_eq!(h1.count_until(b"to you", b"end"), 0);
    let events = lab.show("sw1", "events");
    assert!(
        events.as_array().unwrap().iter().any(|event| event["event"] == "mac-moved" && event["to"] == "eth2")
    );
}

#[test]
fn a_silent_station_is_forgotten_after_the_ageing_time() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(TWO_VLANS);
    let mut host = lab.station("h1", "eth1");
    host.send(mac(7), MacAddr::BROADCAST, b"once");
    wait_for("the address is learned", DEADLINE, || lab.port_of("sw1", mac(7)));
    wait_for("the address is forgotten", DEADLINE, || lab.port_of("sw1", mac(7)).is_none().then_some(()));
    let aged = |events: &serde_json::Value| {
        let mine = |event: &&serde_json::Value| event["mac"] == mac(7).to_string();
        let at = |name: &str| {
            let event = events.as_array()?.iter().filter(mine).find(|event| event["event"] == name)?;
            event["uptime-ns"].as_u64()
        };
        Some(at("mac-aged")? - at("mac-learned")?)
    };
    let age = wait_for("the event tells it", DEADLINE, || aged(&lab.show("sw1", "events")));
    assert!(age >= 2_000_000_000, "not before its time: {age} ns");
}

#[test]
fn a_static_address_does_not_move() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(&TWO_VLANS.replace(
        "        ports:",
        "        static-macs: [{vlan: 10, mac-address: \"02:00:00:00:00:07\", interface: eth1}]\n        ports:",
    ));
    let mut hosts = ["h1", "h2", "h3"].map(|host| lab.station(host, "eth1"));
    let [h1, h2, h3] = &mut hosts;
    h2.send(mac(7), MacAddr::BROADCAST, b"stolen");
    let kept = || lab.show("sw1", "counters")["mac-table"]["static-kept"].as_u64();
    wait_for("the theft is counted", DEADLINE, || kept().filter(|&count| count > 0));
    assert_eq!(lab.port_of("sw1", mac(7)).as_deref(), Some("eth1"));
    h3.send(mac(3), mac(7), b"to you");
    assert_eq!(h1.count_until(b"to you", b"to you"), 1);
}

#[test]
fn ten_thousand_stations_are_learned_and_shown() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(&TWO_VLANS.replace("ageing-time: 2", "ageing-time: 300"));
    let mut host = lab.station("h1", "eth1");
    let learned = || {
        let rows = lab.show("sw1", "fdb");
        rows.as_array().unwrap().iter().filter(|row| row["ifname"] == "eth1" && row["vlan"] == 10).count()
    };
    // A real link may drop under load: what is missing is sent again.
    wait_for("10,000 addresses", Duration::from_secs(60), || {
        for number in 1..=10_000 {
            host.send(mac(0x10_0000 + number), MacAddr::BROADCAST, b"");
        }
        (learned() >= 10_000).then_some(())
    });
}

#[test]
fn a_storm_is_cut_and_counted_and_known_unicast_is_untouched() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(
        &TWO_VLANS
            .replace("eth1: {access-vlan: 10}", "eth1: {access-vlan: 10, storm-control: {broadcast: 50}}"),
    );
    let mut h1 = lab.station("h1", "eth1");
    let mut h3 = lab.station("h3", "eth1");
    h3.send(mac(3), MacAddr::BROADCAST, b"here");
    wait_for("h3 is known", DEADLINE, || lab.port_of("sw1", mac(3)));
    let start = Instant::now();
    // In rounds that a socket's buffer holds: what is missing at the end, the switch has dropped.
    let (mut storm, mut known) = (0, 0);
    for _ in 0..20 {
        for _ in 0..20 {
            h1.send(mac(1), MacAddr::BROADCAST, b"storm");
            h1.send(mac(1), mac(3), b"known");
        }
        h1.send(mac(1), mac(3), b"end");
        h3.for_each_until(b"end", |payload| {
            storm += usize::from(payload.starts_with(b"storm"));
            known += usize::from(payload.starts_with(b"known"));
        });
    }
    assert_eq!(known, 400);
    // 50 a second, and a burst of a tenth of a second's worth.
    let allowed = start.elapsed().as_secs_f64() * 50.0 + 5.0;
    assert!(storm as f64 <= allowed + 1.0, "{storm} passed, {allowed:.0} are allowed");
    assert_eq!(lab.drops("sw1", "storm-control") as usize, 400 - storm);
}

#[test]
fn malformed_frames_are_counted_and_the_switch_goes_on() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(TWO_VLANS);
    let mut h1 = lab.station("h1", "eth1");
    let mut h2 = lab.station("h2", "eth1");
    let mut frame = vec![0xff; 60];
    frame[6..12].copy_from_slice(&mac(1).0);
    let mut broken = |offset: usize, bytes: &[u8], len: usize| {
        let mut frame = frame.clone();
        frame[offset..offset + bytes.len()].copy_from_slice(bytes);
        frame.truncate(len);
        h1.send_bytes(&frame);
    };
    broken(6, &[1, 0, 0, 0, 0, 1], 60);
    broken(6, &[0; 6], 60);
    broken(12, &[0x81, 0x00, 0x0f, 0xff, 8, 0], 60);
    broken(12, &[0x81, 0x00, 0x00, 0x1e, 8, 0], 60);
    broken(0, &[1, 0x80, 0xc2, 0, 0, 2], 60);
    for reason in ["source-multicast", "source-zero", "reserved-vlan", "vlan-not-allowed", "reserved-group"] {
        wait_for(reason, DEADLINE, || (lab.drops("sw1", reason) >= 1).then_some(()));
    }
    h1.send(mac(1), MacAddr::BROADCAST, b"still here");
    assert_eq!(h2.count_until(b"still here", b"still here"), 1);
}

#[test]
fn isolated_ports_reach_the_uplink_and_not_each_other() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(
        &TWO_VLANS
            .replace("eth1: {access-vlan: 10}", "eth1: {access-vlan: 10, isolation-group: 1}")
            .replace("eth2: {access-vlan: 10}", "eth2: {access-vlan: 10, isolation-group: 1}"),
    );
    assert!(pings(&lab, "h1", "10.0.0.3") && pings(&lab, "h3", "10.0.0.2"));
    assert!(!pings(&lab, "h1", "10.0.0.2") && !pings(&lab, "h2", "10.0.0.1"));
}

#[test]
fn a_port_learns_no_more_addresses_than_its_limit_and_forwards_all_the_same() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(
        &TWO_VLANS.replace("eth1: {access-vlan: 10}", "eth1: {access-vlan: 10, maximum-entries: 5}"),
    );
    let mut h1 = lab.station("h1", "eth1");
    let mut h3 = lab.station("h3", "eth1");
    for number in 1..=20 {
        h1.send(mac(number), MacAddr::BROADCAST, b"many");
    }
    h1.send(mac(21), MacAddr::BROADCAST, b"end");
    assert_eq!(h3.count_until(b"many", b"end"), 20);
    let counters = lab.show("sw1", "counters");
    let rows = lab.show("sw1", "fdb");
    assert_eq!(rows.as_array().unwrap().iter().filter(|row| row["ifname"] == "eth1").count(), 5);
    assert!(counters["mac-table"]["declined"]["port-limit"].as_u64().unwrap() >= 16, "{counters}");
}

#[test]
fn jumbo_frames_of_9216_bytes_cross_whole_and_longer_ones_are_counted() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(
        r#"
topology:
  nodes:
    sw1: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
  links:
    - {endpoints: ["sw1:eth1", "h1:eth1"], mtu: 9216}
    - {endpoints: ["sw1:eth2", "h2:eth1"], mtu: 9216, type: tap}
    - endpoints: ["sw1:eth3", "h3:eth1"]
"#,
    );
    let [mut h1, mut h2, mut h3] = ["h1", "h2", "h3"].map(|host| lab.station(host, "eth1"));
    let payload = [7; 9216];
    h1.send(mac(1), MacAddr::BROADCAST, &payload);
    h1.send(mac(1), MacAddr::BROADCAST, b"end");
    assert_eq!(h2.count_until(&payload, b"end"), 1);
    assert_eq!(h3.count_until(&payload, b"end"), 0);
    assert_eq!(lab.drops("sw1", "egress-mtu"), 1);
}
