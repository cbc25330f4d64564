//! What is done with a packet once its route is found.

use crate::rig::{
    Decisions, LAG, Rig, UDP, UDP6, Udp, assemble, interfaces, neighbor, ours, ports, read, station,
};
use greylag_base::{DropReason, InterfaceId, PortId};
use greylag_dataplane::{Aggregation, Buckets, Decision, NextHop, PortForwarding, PuntReason};
use greylag_fib::NextHopId;
use greylag_ports::Offload;

const HOP: NextHopId = NextHopId(1);

/// A rule: what the next hop says, for what packet; why it is dropped, and why handed up.
type Rule = (&'static str, NextHop, Udp<'static>, Option<DropReason>, Option<PuntReason>);

#[test]
fn each_next_hop_has_its_outcome() {
    let interface = InterfaceId(1);
    let unresolved = NextHop::Unresolved { interface };
    let glean = NextHop::Glean { interface };
    let last = Udp { ttl: 1, ..UDP };
    let long = Udp { payload: 1472, ..UDP };
    let rules: &[Rule] = &[
        ("unset", NextHop::Unset, UDP, Some(DropReason::NextHopUnset), None),
        (
            "unresolved",
            unresolved,
            UDP,
            Some(DropReason::NextHopUnresolved),
            Some(PuntReason::Unresolved(HOP)),
        ),
        ("glean", glean, UDP, Some(DropReason::NextHopUnresolved), Some(PuntReason::Unresolved(HOP))),
        ("local", NextHop::Local, UDP, None, Some(PuntReason::Address)),
        ("local, last hop", NextHop::Local, last, None, Some(PuntReason::Address)),
        ("local, long", NextHop::Local, long, None, Some(PuntReason::Address)),
        ("blackhole", NextHop::Blackhole, UDP, Some(DropReason::Blackhole), None),
        (
            "unreachable",
            NextHop::Unreachable,
            UDP,
            Some(DropReason::Unreachable),
            Some(PuntReason::Unreachable),
        ),
        ("prohibited", NextHop::Prohibited, UDP, Some(DropReason::Prohibited), Some(PuntReason::Prohibited)),
        ("last hop", neighbor(1, 9), last, Some(DropReason::TtlExpired), Some(PuntReason::TtlExpired)),
        (
            "no hop",
            neighbor(1, 9),
            Udp { ttl: 0, ..UDP },
            Some(DropReason::TtlExpired),
            Some(PuntReason::TtlExpired),
        ),
        ("glean, last hop", glean, last, Some(DropReason::TtlExpired), Some(PuntReason::TtlExpired)),
        ("too big", neighbor(2, 9), long, Some(DropReason::PacketTooBig), Some(PuntReason::TooBig(HOP))),
        ("down", neighbor(3, 9), UDP, Some(DropReason::InterfaceDown), None),
        ("loopback", neighbor(5, 9), UDP, Some(DropReason::InterfaceDown), None),
        ("no interface", neighbor(77, 9), UDP, Some(DropReason::InterfaceDown), None),
    ];
    for &(name, next_hop, packet, dropped, handed_up) in rules {
        let mut interfaces = interfaces();
        interfaces[2].mtu = 1499;
        interfaces[3].up = false;
        let mut rig = Rig::with(assemble(ports(), interfaces));
        rig.route("198.51.100.0/24", 1, &[(HOP.0, next_hop)]);
        let frame = packet.frame();
        let mut decisions = Decisions::default();
        assert_eq!(rig.send_traced(0, &frame, Offload::NONE, &mut decisions), [], "{name}");
        let counts = rig.plane.port_counts(PortId(0));
        let ours = u64::from(dropped.is_none());
        assert_eq!((counts.punted, rig.all_drops(0)), (ours, 1 - ours), "{name}");
        let told = dropped.map_or(Decision::Punted, Decision::Dropped);
        assert_eq!(decisions.0, [told], "{name}");
        if let Some(reason) = dropped {
            assert_eq!(rig.drops(0, reason), 1, "{name}");
        }
        let packets = rig.punted();
        let why: Vec<PuntReason> = packets.iter().map(|packet| packet.reason).collect();
        assert_eq!(why, handed_up.into_iter().collect::<Vec<PuntReason>>(), "{name}");
        for packet in packets {
            assert_eq!(packet.frame, frame, "{name}: as it came in");
            assert_eq!((packet.port, packet.interface, packet.at), (PortId(0), InterfaceId(0), rig.now));
        }
    }
}

#[test]
fn without_a_route_the_control_side_is_told_so() {
    for packet in [UDP, UDP6] {
        let mut rig = Rig::new();
        assert_eq!(rig.send(0, &packet.frame()), []);
        assert_eq!(rig.drops(0, DropReason::NoRoute), 1);
        assert_eq!(rig.one_punted().reason, PuntReason::NoRoute);
    }
}

#[test]
fn a_group_without_a_live_next_hop_is_not_no_route() {
    let mut rig = Rig::new();
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(1, 9)), (2, neighbor(2, 9))]);
    let routes = rig.plane.routes().unwrap();
    routes.liveness().set(NextHopId(1), false);
    assert_eq!(rig.send(0, &UDP.frame()).len(), 1);
    rig.plane.routes().unwrap().liveness().set(NextHopId(2), false);
    assert_eq!(rig.send(0, &UDP.frame()), []);
    assert_eq!(rig.drops(0, DropReason::NoLiveNextHop), 1);
    assert_eq!(rig.one_punted().reason, PuntReason::NoRoute);
}

#[test]
fn the_longest_packet_that_an_interface_takes_is_taken() {
    let mut rig = Rig::new();
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(1, 9))]);
    assert_eq!(rig.send(0, &Udp { payload: 1472, ..UDP }.frame()).len(), 1);
    rig.plane.publish(assemble(
        ports(),
        interfaces()
            .into_iter()
            .map(|mut interface| {
                interface.mtu = 1499;
                interface
            })
            .collect(),
    ));
    assert_eq!(rig.send(0, &Udp { payload: 1472, ..UDP }.frame()), []);
    assert_eq!(rig.one_punted().reason, PuntReason::TooBig(NextHopId(1)));
}

#[test]
fn a_packet_may_leave_where_it_came_in() {
    let mut rig = Rig::new();
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(0, 9))]);
    assert_eq!(rig.send(0, &UDP.frame())[0].0, 0);
}

#[test]
fn an_interface_that_is_down_takes_nothing() {
    let mut down = interfaces();
    down[0].up = false;
    let mut rig = Rig::with(assemble(ports(), down));
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(1, 9))]);
    assert_eq!(rig.send(0, &UDP.frame()), []);
    assert_eq!(rig.drops(0, DropReason::InterfaceDown), 1);
}

#[test]
fn a_port_that_is_down_is_no_way_out() {
    let mut ports = ports();
    ports[1].up = false;
    let mut rig = Rig::with(assemble(ports, interfaces()));
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(1, 9))]);
    assert_eq!(rig.send(0, &UDP.frame()), []);
    assert_eq!(rig.drops(0, DropReason::DestinationDown), 1);
}

#[test]
fn a_bundle_routes_as_one_port_and_flows_use_all_of_it() {
    let mut rig = Rig::new();
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(2, 9))]);
    rig.route("203.0.113.0/24", 2, &[(2, neighbor(1, 8))]);
    let mut used = [0; 4];
    for source_port in 0..100 {
        let frame = Udp { source_port, ..UDP }.frame();
        let [(port, sent)] = &rig.send(0, &frame)[..] else { panic!("one frame") };
        assert_eq!(read(sent), (station(9), ours(2), 63));
        assert_eq!(rig.send(0, &frame)[0].0, *port, "a flow keeps its port");
        used[usize::from(*port)] += 1;
    }
    assert_eq!((used[0], used[1]), (0, 0));
    assert!(used[2] >= 30 && used[3] >= 30, "{used:?}");
    // What comes in by either port has come in by the bundle.
    for (member, count) in [(2, 1), (3, 2)] {
        let frame = Udp { to: ours(2), destination: "203.0.113.5", ..UDP }.frame();
        assert_eq!(rig.send(member, &frame)[0].0, 1);
        assert_eq!(rig.plane.interface_counts(InterfaceId(2)).ipv4.rx_packets, count);
    }
    let frame = Udp { to: ours(2), destination: "192.0.2.200", ..UDP }.frame();
    rig.send(3, &frame);
    let packet = rig.one_punted();
    assert_eq!((packet.port, packet.interface), (LAG, InterfaceId(2)));
}

#[test]
fn a_bundle_without_a_port_is_no_way_out() {
    let mut ports = ports();
    ports[8] = PortForwarding { aggregation: Aggregation::Lag(Buckets::even(&[])), ..ports[8].clone() };
    let mut rig = Rig::with(assemble(ports, interfaces()));
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(2, 9))]);
    assert_eq!(rig.send(0, &UDP.frame()), []);
    assert_eq!(rig.drops(0, DropReason::DestinationDown), 1);
}
