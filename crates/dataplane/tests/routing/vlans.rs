//! Interfaces of VLANs: a packet leaves the bridge, and another comes in.

use crate::rig::{
    Decisions, Rig, UDP, UDP6, Udp, assemble, forwarding, group, interfaces, neighbor, ours, ports, read,
    station, vlan,
};
use greylag_base::{DropReason, InterfaceId, MacAddr, PortId, PortSet};
use greylag_dataplane::{Decision, Forwarding, Keeper, Learning, Path, PuntReason, StormLimits, WorkerEvent};
use greylag_fib::NextHopId;
use greylag_ports::Offload;
use greylag_wire::ethernet::{EtherType, Repr};
use greylag_wire::vlan::{Tag, Tci};
use std::time::Duration;

/// To VLAN 20 by interface 4, from VLAN 10 and interface 3.
fn rig(forwarding: Forwarding) -> Rig {
    let rig = Rig::with(forwarding);
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(4, 9))]);
    rig.route("203.0.113.0/24", 2, &[(2, neighbor(3, 8))]);
    rig.route("2001:db8:1::/48", 1, &[(1, neighbor(4, 9))]);
    rig
}

const IN: Udp<'_> = Udp { to: MacAddr([2, 0, 0, 0, 0xff, 3]), ..UDP };

#[test]
fn a_packet_goes_from_vlan_to_vlan_and_its_sender_is_learned() {
    for packet in [IN, Udp { to: ours(3), ..UDP6 }] {
        let mut rig = rig(forwarding());
        rig.learn(20, station(9), 6);
        let [(6, sent)] = &rig.send(4, &packet.frame())[..] else { panic!("one frame by port 6") };
        assert_eq!(Tag::parse(sent), Tag::Present(Tci(20)));
        let untagged = [&sent[..12], &sent[16..]].concat();
        assert_eq!(read(&untagged), (station(9), ours(4), 63));
        let entry = rig.plane.table().iter(0).find(|entry| entry.mac == UDP.from.0).unwrap();
        assert_eq!((entry.vlan, entry.port), (10, 4));
        assert_eq!(rig.all_drops(4), 0);
    }
}

#[test]
fn a_tag_is_as_the_ports_have_it_and_keeps_its_priority() {
    let mut rig = rig(forwarding());
    rig.learn(10, station(8), 5);
    rig.learn(20, station(9), 6);
    let tagged = |tci: u16, to, destination| {
        let mut frame = Udp { to, destination, ..UDP }.frame();
        frame.splice(12..12, Tci(tci).to_bytes());
        frame
    };
    // VLAN 20, tagged, to VLAN 10, untagged.
    let [(5, sent)] = &rig.send(6, &tagged(0x6014, ours(4), "203.0.113.7"))[..] else { panic!("by port 5") };
    assert_eq!(read(sent), (station(8), ours(3), 63));
    // VLAN 10 to VLAN 20, and out where it came in.
    let [(6, sent)] = &rig.send(6, &tagged(0x600a, ours(3), "198.51.100.7"))[..] else { panic!("by port 6") };
    assert_eq!(Tag::parse(sent), Tag::Present(Tci(0x6014)));
}

#[test]
fn a_station_that_nobody_knows_is_looked_for_in_the_whole_vlan() {
    let mut rig = rig(forwarding());
    let frame = Udp { destination: "203.0.113.7", ..IN }.frame();
    let sent = rig.send(4, &frame);
    let ports: Vec<u16> = sent.iter().map(|(port, _)| *port).collect();
    assert_eq!(ports, [4, 5, 6], "where it came in as well: it is another frame now");
    assert_eq!(read(&sent[0].1), (station(8), ours(3), 63));
    assert_eq!(Tag::parse(&sent[2].1), Tag::Present(Tci(10)));
    assert_eq!(rig.plane.port_counts(PortId(4)).flooded, 1);
    rig.learn(10, station(8), 5);
    assert_eq!(rig.send(4, &frame).len(), 1);
}

#[test]
fn what_is_flooded_for_a_route_is_within_the_limits_of_the_port_that_it_came_in_by() {
    let mut ports = ports();
    ports[4].storm = StormLimits { unknown_unicast: Some(1), ..StormLimits::default() };
    let mut rig = rig(assemble(ports, interfaces()));
    let frame = Udp { destination: "203.0.113.7", ..IN }.frame();
    assert_eq!((rig.send(4, &frame).len(), rig.send(4, &frame).len()), (3, 0));
    assert_eq!(rig.drops(4, DropReason::StormControl), 1);
}

#[test]
fn where_the_agent_owns_adjacency_a_station_that_nobody_knows_is_reported_and_not_looked_for() {
    for (interval, expected) in [(None, [1, 0, 0]), (Some(Duration::from_secs(1)), [1, 0, 1])] {
        let learning = Learning { adjacency: Keeper::Agent, report_interval: interval, ..Learning::INLINE };
        let mut rig = rig(forwarding().with_learning(learning));
        let frame = Udp { destination: "203.0.113.7", ..IN }.frame();
        let unresolved = WorkerEvent::AdjacencyUnresolved { vlan: vlan(10), mac: station(8) };
        let send = |rig: &mut Rig, turns: u64| {
            rig.now += Duration::from_millis(turns * 600);
            assert_eq!(rig.send(4, &frame), []);
            let reports = rig.plane.take_reports(usize::MAX);
            reports.iter().filter(|report| report.event == unresolved).count()
        };
        let reported: Vec<usize> = (0..3).map(|turn: u64| send(&mut rig, turn.min(1))).collect();
        assert_eq!(reported, expected);
        assert_eq!(rig.drops(4, DropReason::AdjacencyUnresolved), 3);
        assert!(rig.plane.sources_waiting().is_empty(), "it is no source");
        rig.plane.install(rig.now, vlan(10), station(8), PortId(5), |_| {});
        assert_eq!(rig.send(4, &frame).len(), 1);
        // Once it has gone again, that is news.
        rig.plane.table().flush_port(5);
        assert_eq!(send(&mut rig, 0), 1);
    }
}

#[test]
fn the_port_of_a_station_has_to_be_up_and_in_the_vlan() {
    let mut ports = ports();
    ports[5].up = false;
    let mut rig = rig(assemble(ports, interfaces()));
    rig.learn(10, station(8), 5);
    rig.learn(20, station(9), 4);
    assert_eq!(rig.send(4, &Udp { destination: "203.0.113.7", ..IN }.frame()), []);
    assert_eq!(rig.drops(4, DropReason::DestinationDown), 1);
    assert_eq!(rig.send(4, &IN.frame()), []);
    assert_eq!(rig.drops(4, DropReason::VlanNotAllowed), 1);
}

#[test]
fn a_flood_group_that_has_lapsed_or_leaves_ports_out_holds_for_routed_packets_too() {
    let mut members = PortSet::new(9);
    members.insert(PortId(5));
    let group = |until| forwarding().with_flood_group(vlan(10), &members, until);
    let mut rig = rig(group(None));
    let frame = Udp { destination: "203.0.113.7", ..IN }.frame();
    let mut decisions = Decisions::default();
    assert_eq!(rig.send_traced(4, &frame, Offload::NONE, &mut decisions).len(), 1);
    assert!(
        matches!(decisions.0[..], [Decision::RoutedToAll { left_out: true, .. }]),
        "{decisions:?}",
        decisions = decisions.0
    );
    assert_eq!(rig.drops(6, DropReason::NotInFloodGroup), 1);
    rig.plane.publish(group(Some(rig.now)));
    assert_eq!(rig.send(4, &frame), []);
    assert_eq!(rig.drops(4, DropReason::FloodGroupLapsed), 1);
}

#[test]
fn a_trace_tells_the_group_and_the_bucket_and_the_next_hop_and_the_station() {
    let mut rig = rig(forwarding());
    rig.learn(20, station(9), 6);
    let mut decisions = Decisions::default();
    rig.send_traced(4, &IN.frame(), Offload::NONE, &mut decisions);
    let [Decision::Routed { path, port: PortId(6) }] = decisions.0[..] else { panic!("{:?}", decisions.0) };
    let expected = Path {
        group: group(1),
        bucket: path.bucket,
        next_hop: NextHopId(1),
        interface: InterfaceId(4),
        neighbor: station(9),
    };
    assert_eq!(path, expected);
}

#[test]
fn other_frames_of_the_vlan_are_bridged_as_ever() {
    let mut rig = rig(forwarding());
    let frame = Udp { to: station(50), ..UDP }.frame();
    let ports = |sent: Vec<(u16, Vec<u8>)>| sent.into_iter().map(|(port, _)| port).collect::<Vec<u16>>();
    assert_eq!(ports(rig.send(4, &frame)), [5, 6]);
    // The station of VLAN 20's interface is nobody in VLAN 10.
    assert_eq!(ports(rig.send(4, &Udp { to: ours(4), ..UDP }.frame())), [5, 6]);
    assert_eq!(ports(rig.send(4, &Udp { to: MacAddr::BROADCAST, ..UDP }.frame())), [5, 6]);
    assert!(rig.punted().is_empty());
    rig.send(
        4,
        &Repr { destination: ours(3), source: station(1), ether_type: EtherType::LOCAL_EXPERIMENT }
            .frame(&[]),
    );
    assert_eq!(rig.drops(4, DropReason::UnknownProtocol), 1);
}

#[test]
fn an_interface_that_is_down_is_a_station_that_does_not_listen() {
    let mut interfaces = interfaces();
    interfaces[3].up = false;
    let mut rig = rig(assemble(ports(), interfaces));
    assert_eq!(rig.send(4, &IN.frame()), []);
    assert_eq!(rig.drops(4, DropReason::InterfaceDown), 1);
    assert_eq!(rig.send(4, &crate::handed_up::arp(1, MacAddr::BROADCAST)).len(), 2, "bridged as ever");
    assert!(rig.punted().is_empty());
}

#[test]
fn what_concerns_the_link_is_flooded_and_a_copy_handed_up() {
    let mut rig = rig(forwarding());
    for frame in crate::handed_up::of_the_link() {
        let sent = rig.send(4, &frame);
        assert_eq!(sent.len(), 2, "{frame:02x?}");
        assert_eq!(sent[0].1, frame);
        let packet = rig.one_punted();
        assert_eq!(
            (packet.reason, packet.interface, packet.port),
            (PuntReason::Link, InterfaceId(3), PortId(4))
        );
        assert_eq!(packet.frame, frame);
    }
    // With its tag on the wire, and without in what is handed up.
    let plain = crate::handed_up::arp(1, MacAddr::BROADCAST);
    let mut tagged = plain.clone();
    tagged.splice(12..12, Tci(0x600a).to_bytes());
    assert_eq!(rig.send(6, &tagged)[0].1, plain);
    assert_eq!(rig.one_punted().frame, plain);
    // The switch is the only other station.
    tagged[15] = 20;
    assert_eq!(rig.send(6, &tagged), []);
    assert_eq!(rig.one_punted().interface, InterfaceId(4));
    assert_eq!(rig.all_drops(4) + rig.all_drops(6), 0);
}
