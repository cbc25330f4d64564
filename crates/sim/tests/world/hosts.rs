//! Hosts talk through switches, are moved, and are made to send too much.

use crate::rig::{Notes, after, scenario, world};
use greylag_base::{MacAddr, PortId};
use greylag_mactable::Entry;
use greylag_scenario::story::{Action, FlowSpec, Scenario};
use greylag_sim::World;
use greylag_sim::host::HostDrop;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

pub(crate) const TWO_SWITCHES: &str = r#"
name: pair
title: A test
duration: 10m
topology:
  nodes: {sw1: {kind: greylag}, sw2: {kind: greylag}, h1: {kind: host}, h2: {kind: host}, h3: {kind: host}}
  links:
    - endpoints: [{node: h1, interface: eth1, ipv4: 10.0.0.1/24, ipv6: "fd00::1/64"}, "sw1:eth1"]
    - endpoints: ["sw1:eth2", "sw2:eth1"]
    - endpoints: ["sw2:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24, ipv6: "fd00::2/64"}]
    - endpoints: ["sw2:eth3", {node: h3, interface: eth1, ipv4: 10.0.0.3/24, ipv6: "fd00::3/64"}]
    - {endpoints: ["sw2:eth4", "h1:eth2"], up: false}
"#;
pub(crate) const H1: usize = 2;
pub(crate) const H2: usize = 3;
pub(crate) const H3: usize = 4;
/// Where h1 can be moved to.
const SPARE: usize = 4;

pub(crate) fn two_switches() -> Scenario {
    scenario(TWO_SWITCHES)
}

fn flow(name: &str, from: usize, to: usize) -> FlowSpec {
    FlowSpec {
        name: name.to_owned(),
        pairs: vec![(from, to)],
        answers: None,
        count: 1,
        interval: Duration::from_millis(100),
        size: 100,
        ipv6: false,
        weight: 1_000_000,
        start: SECOND,
        stop: 11 * SECOND,
    }
}

/// The port behind which a switch knows a station of VLAN 1.
fn port_of(world: &World<Notes>, switch: usize, mac: MacAddr) -> Option<PortId> {
    let table = world.switch(switch).expect("it has power").data_plane().table();
    let session = table.session(world.now().as_nanos());
    session.lookup(&session.probe(1, mac.0)).map(|Entry { port, .. }| PortId(port))
}

#[test]
fn two_hosts_ping_each_other_through_two_switches() {
    for to in ["10.0.0.2", "fd00::2"] {
        let mut world = world(&two_switches());
        world.run_until(after(SECOND));
        world.order(&Action::Ping { host: H1, to: to.parse().unwrap(), count: 3 });
        world.run_until(after(10 * SECOND));
        assert_eq!(world.observer().said(H1, "echo-reply"), 3, "{to}");
        // Only the first had to wait for the neighbour to be found; 5 µs and some nanoseconds for each of six links.
        let (_, _, fields) = world.observer().said.last().unwrap();
        let round_trip = &fields.iter().find(|(name, _)| name == "round-trip").unwrap().1;
        assert!(round_trip.starts_with("0.00003"), "{round_trip}");
    }
}

#[test]
fn a_transfer_crosses_and_both_ends_say_so() {
    let mut world = world(&two_switches());
    world.order(&Action::Tcp { host: H1, to: H3, bytes: 1_000_000 });
    world.run_until(after(10 * SECOND));
    assert_eq!(world.observer().said(H1, "transfer-done"), 1);
    assert_eq!(world.observer().said(H3, "transfer-received"), 1);
}

#[test]
fn a_flow_loses_nothing_and_tells_its_latency() {
    let mut scenario = two_switches();
    scenario.flows = vec![flow("there", H1, H2), flow("back", H2, H1)];
    let mut world = world(&scenario);
    world.run_until(after(12 * SECOND));
    assert_eq!((world.flows().len(), world.flows_of(1)), (2, 1..2));
    for flow in world.flows() {
        let record = world.flow_record(flow, SECOND);
        assert_eq!((record.sent, record.received, record.lost), (100, 100, 0));
        // 124 octets take 99.2 ns on each of three links.
        let latency = record.latency.unwrap();
        assert!((15_297..=15_298).contains(&latency.min.as_nanos()), "{:?}", latency.min);
    }
}

#[test]
fn a_host_that_announces_itself_is_known_everywhere_and_one_that_does_not_is_not() {
    let mut scenario = two_switches();
    scenario.hosts[H2].as_mut().unwrap().announces = false;
    let mut world = world(&scenario);
    world.run_until(after(SECOND));
    let mac = |host| world.host(host).unwrap().mac();
    assert_eq!(port_of(&world, 1, mac(H1)), Some(PortId(0)));
    assert_eq!(port_of(&world, 1, mac(H2)), None);
}

#[test]
fn a_host_moves_and_is_found_there_once_it_speaks() {
    for announces in [true, false] {
        let mut world = world(&two_switches());
        world.run_until(after(SECOND));
        let mac = world.host(H1).unwrap().mac();
        world.order(&Action::MoveHost { link: 0, to: SPARE, announces });
        world.run_until(after(2 * SECOND));
        let expected = if announces { PortId(3) } else { PortId(0) };
        assert_eq!(port_of(&world, 1, mac), Some(expected), "announces: {announces}");
        assert!(!world.switch(0).unwrap().ports()[0].link_is_up(), "the old port is dark");

        world.order(&Action::Ping { host: H1, to: "10.0.0.2".parse().unwrap(), count: 1 });
        world.run_until(after(4 * SECOND));
        assert_eq!(world.observer().said(H1, "echo-reply"), 1);
        assert_eq!(port_of(&world, 1, mac), Some(PortId(3)));
    }
}

#[test]
fn floods_come_at_their_rate_and_reach_everybody() {
    let mut world = world(&two_switches());
    world.run_until(after(SECOND));
    world.order(&Action::MacFlood { host: H1, macs: 500, rate: 1000, lasts: SECOND });
    world.order(&Action::Broadcast { host: H2, rate: 100, lasts: SECOND });
    world.run_until(after(3 * SECOND));
    let h3 = world.host(H3).unwrap().counters();
    assert_eq!(h3.dropped(HostDrop::ForeignUnicast).frames, 1000);
    assert_eq!(h3.dropped(HostDrop::UnknownProtocol).frames, 100);
    assert_eq!(world.switch(1).unwrap().data_plane().table().len(), 503);
}

#[test]
fn another_address_is_another_station() {
    let mut world = world(&two_switches());
    let mac = MacAddr([2, 0, 0, 0, 0, 0x77]);
    world.order(&Action::SetMac { host: H1, mac });
    world.order(&Action::Announce { host: H1 });
    world.run_until(after(SECOND));
    assert_eq!(port_of(&world, 1, mac), Some(PortId(0)));
}
