//! The interface of a VLAN stands in for that of the other chassis, behind port 6: stations with a leg to both send packets for one by
//! either.

use crate::rig::{
    Decisions, Rig, UDP, UDP6, Udp, assemble, interfaces, neighbor, ours, ports, read, station, vlan,
};
use greylag_base::{DropReason, InterfaceId, MacAddr, PortId};
use greylag_dataplane::{
    Chassis, Decision, Keeper, Learning, NextHop, PortForwarding, PuntReason, StormLimits,
};
use greylag_ports::Offload;
use greylag_wire::ethernet::{EtherType, Repr};

/// The other chassis' interface in VLAN 10, and its addresses there.
const PEER: MacAddr = MacAddr([2, 0, 0, 0, 0, 200]);
const ITS_IPV4: &str = "192.0.2.250";
const ITS_IPV6: &str = "2001:db8:10::fa";

const TO_PEER: Udp<'_> = Udp { to: PEER, ..UDP };

fn chassis() -> Vec<PortForwarding> {
    let mut ports = ports();
    // Untagged, so that a frame is bridged there as it is.
    ports[6].untagged = Some(vlan(10));
    ports[6].chassis = Chassis::Link;
    ports[5].chassis = Chassis::Shared;
    ports
}

fn rig_on(ports: Vec<PortForwarding>) -> Rig {
    let mut interfaces = interfaces();
    interfaces[3].peer_mac = Some(PEER);
    let rig = Rig::with(assemble(ports, interfaces));
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(1, 9))]);
    rig.route("2001:db8:1::/48", 1, &[(1, neighbor(1, 9))]);
    let its_own = NextHop::Neighbor { interface: InterfaceId(3), mac: PEER };
    for (prefix, number) in [("192.0.2.250/32", 2), ("2001:db8:10::fa/128", 2), ("203.0.113.0/24", 2)] {
        rig.route(prefix, number, &[(2, its_own)]);
    }
    rig.route("192.0.2.1/32", 3, &[(3, NextHop::Local)]);
    rig.route("192.0.2.64/26", 4, &[(4, NextHop::Glean { interface: InterfaceId(3) })]);
    rig
}

fn rig() -> Rig {
    let rig = rig_on(chassis());
    rig.learn(10, PEER, 6);
    rig
}

/// A frame that came in by port 4; what was decided, and what left. The rehearsal said the same.
fn send(rig: &mut Rig, frame: &[u8]) -> (Decision, Vec<(u16, Vec<u8>)>) {
    let rehearsed = rig.plane.rehearse(rig.now, 0, PortId(4), frame);
    let mut heard = Decisions::default();
    let sent = rig.send_traced(4, frame, Offload::NONE, &mut heard);
    let sent: Vec<_> = sent.into_iter().map(|(port, frame, _)| (port, frame)).collect();
    let [decision] = heard.0[..] else { panic!("{:?}", heard.0) };
    let would: Vec<_> = rehearsed.sent.into_iter().map(|(port, frame)| (port.0, frame)).collect();
    assert_eq!((rehearsed.decision, would), (Some(decision), sent.clone()));
    (decision, sent)
}

#[test]
fn a_packet_to_the_other_chassis_station_is_routed_here() {
    for packet in [TO_PEER, Udp { to: PEER, ..UDP6 }] {
        let mut rig = rig();
        let (decision, sent) = send(&mut rig, &packet.frame());
        assert!(matches!(decision, Decision::Routed { port: PortId(1), .. }), "{decision:?}");
        assert_eq!(read(&sent[0].1), (station(9), ours(1), 63));
    }
}

#[test]
fn a_packet_for_our_own_address_is_ours_whichever_chassis_it_was_sent_to() {
    let mut rig = rig();
    let (decision, sent) = send(&mut rig, &Udp { destination: "192.0.2.1", ..TO_PEER }.frame());
    assert_eq!((decision, sent), (Decision::Punted, vec![]));
    let reasons: Vec<PuntReason> = rig.punted().iter().map(|packet| packet.reason).collect();
    assert_eq!(reasons, [PuntReason::Address]);
}

#[test]
fn what_is_for_the_other_chassis_itself_crosses_the_link_as_it_is() {
    for (to, packet) in [(ITS_IPV4, TO_PEER), (ITS_IPV6, Udp { to: PEER, ..UDP6 })] {
        // BGP with a neighbour on the link lives one hop (RFC 4271), what GTSM protects 255 (RFC 5082).
        for ttl in [1, 64, 255] {
            let mut rig = rig();
            let frame = Udp { destination: to, ttl, ..packet }.frame();
            assert_eq!(send(&mut rig, &frame), (Decision::Forwarded(PortId(6)), vec![(6, frame.clone())]));
            assert_eq!((rig.all_drops(4), rig.punted().len()), (0, 0));
            let counts = rig.plane.interface_counts(InterfaceId(3));
            assert_eq!(counts, Default::default(), "it was not in our interface");
        }
    }
}

#[test]
fn what_goes_by_the_other_chassis_is_given_to_it_as_it_is() {
    let mut rig = rig();
    let frame = Udp { destination: "203.0.113.9", ..TO_PEER }.frame();
    assert_eq!(send(&mut rig, &frame), (Decision::Forwarded(PortId(6)), vec![(6, frame)]));
    // Sent to ours it is a packet to be routed, and back into its VLAN.
    let (decision, sent) = send(&mut rig, &Udp { to: ours(3), destination: "203.0.113.9", ..UDP }.frame());
    assert!(matches!(decision, Decision::Routed { port: PortId(6), .. }), "{decision:?}");
    assert_eq!(read(&sent[0].1), (PEER, ours(3), 63));
}

#[test]
fn what_two_neighbours_say_to_each_other_crosses_the_link() {
    let arp_reply = |ether_type| {
        let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 2];
        arp.resize(46, 0);
        Repr { destination: PEER, source: station(77), ether_type }.frame(&arp)
    };
    let link_local = Udp { to: PEER, source: "fe80::77", destination: "fe80::fa", ..UDP6 }.frame();
    let from_link_local = Udp { to: PEER, source: "fe80::77", ..UDP6 }.frame();
    let cut = Repr { destination: PEER, source: station(77), ether_type: EtherType::IPV4 }.frame(&[0x45; 10]);
    for frame in [
        arp_reply(EtherType::ARP),
        arp_reply(EtherType::LOCAL_EXPERIMENT),
        link_local,
        from_link_local,
        Udp { destination: "169.254.0.1", ..TO_PEER }.frame(),
        cut,
    ] {
        let mut rig = rig();
        assert_eq!(send(&mut rig, &frame), (Decision::Forwarded(PortId(6)), vec![(6, frame.clone())]));
        assert_eq!((rig.all_drops(4), rig.punted().len()), (0, 0));
    }
}

#[test]
fn a_packet_that_lives_no_longer_or_whose_station_nobody_knows_is_told_of_as_any_other() {
    let mut rig = rig();
    let (decision, _) = send(&mut rig, &Udp { ttl: 1, ..TO_PEER }.frame());
    assert_eq!(decision, Decision::Dropped(DropReason::TtlExpired));
    // It may be the other chassis; asked for it, that says so.
    let (decision, _) = send(&mut rig, &Udp { destination: "192.0.2.99", ..TO_PEER }.frame());
    assert_eq!(decision, Decision::Dropped(DropReason::NextHopUnresolved));
    let (decision, _) = send(&mut rig, &Udp { destination: "9.9.9.9", ..TO_PEER }.frame());
    assert_eq!(decision, Decision::Dropped(DropReason::NoRoute));
}

#[test]
fn a_peer_that_nobody_knows_the_port_of_is_looked_for_by_the_rules_of_the_bridge() {
    let agent = Learning { adjacency: Keeper::Agent, ..Learning::INLINE };
    for learning in [Learning::INLINE, agent] {
        let rig = &mut rig_on(chassis());
        let forwarding = (*rig.plane.forwarding()).clone().with_learning(learning);
        rig.plane.publish(forwarding);
        let frame = Udp { destination: ITS_IPV4, ..TO_PEER }.frame();
        let (decision, sent) = send(rig, &frame);
        assert_eq!(decision, Decision::Flooded { left_out: false });
        assert_eq!(sent, [(5, frame.clone()), (6, frame)], "and not back where it came in");
        let reports = rig.plane.take_reports(9);
        assert!(reports.iter().all(|report| !format!("{report:?}").contains("Adjacency")), "{reports:?}");
    }
    let mut limited = chassis();
    limited[4].storm = StormLimits { unknown_unicast: Some(1), ..StormLimits::default() };
    let mut rig = rig_on(limited);
    let frame = Udp { destination: ITS_IPV4, ..TO_PEER }.frame();
    assert_eq!((rig.send(4, &frame).len(), rig.send(4, &frame).len()), (2, 0));
    assert_eq!(rig.drops(4, DropReason::StormControl), 1);
    let mut apart = chassis();
    (apart[4].isolation_group, apart[6].isolation_group) = (Some(1), Some(1));
    let mut rig = rig_on(apart);
    rig.learn(10, PEER, 6);
    let (decision, _) = send(&mut rig, &frame);
    assert_eq!(decision, Decision::Dropped(DropReason::Isolated));
}

#[test]
fn what_came_by_the_link_does_not_go_back_by_it() {
    let mut rig = rig();
    for destination in ["198.51.100.1", ITS_IPV4] {
        assert_eq!(rig.send(6, &Udp { destination, ..TO_PEER }.frame()), []);
    }
    assert_eq!((rig.drops(6, DropReason::Hairpin), rig.all_drops(6)), (2, 2));
}

#[test]
fn a_packet_that_is_routed_from_the_link_leaves_by_a_leg_that_both_chassis_have() {
    // The other chassis routes what it gets by itself: what it passes on has no other way.
    let mut rig = rig();
    rig.route("198.18.0.0/24", 9, &[(9, neighbor(3, 8))]);
    rig.learn(10, station(8), 5);
    let sent = rig.send(6, &Udp { to: ours(3), destination: "198.18.0.1", ..UDP }.frame());
    assert_eq!((sent.len(), sent[0].0), (1, 5));
    // Bridged to the same station, it has been given to that leg already.
    assert_eq!(rig.send(6, &Udp { to: station(8), destination: "198.18.0.1", ..UDP }.frame()), []);
    assert_eq!(rig.drops(6, DropReason::SplitHorizon), 1);
}

#[test]
fn an_interface_that_is_down_routes_for_nobody_and_bridges_to_the_other_chassis() {
    let mut interfaces = interfaces();
    (interfaces[3].peer_mac, interfaces[3].up) = (Some(PEER), false);
    let mut rig = Rig::with(assemble(chassis(), interfaces));
    rig.learn(10, PEER, 6);
    assert_eq!(send(&mut rig, &TO_PEER.frame()).0, Decision::Forwarded(PortId(6)));
}
