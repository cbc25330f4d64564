//! Another IP stack, the kernel's as a rule, that shares an interface.

use crate::handed_up::arp;
use crate::rig::{HOST, Rig, UDP, UDP6, Udp, assemble, interfaces, neighbor, ours, ports, station};
use greylag_base::{DropReason, InterfaceId, MacAddr, PortId};
use greylag_dataplane::{Keeper, Layer3, Learning, NextHop, PuntReason};
use greylag_ports::Offload;

/// The other stack shares this interface.
fn rig(interface: u16) -> Rig {
    let (mut ports, mut interfaces) = (ports(), interfaces());
    ports[HOST.index()].layer3 = Layer3::Host(InterfaceId(interface));
    interfaces[usize::from(interface)].host = Some(HOST);
    let rig = Rig::with(assemble(ports, interfaces));
    rig.route("192.0.2.1/32", 1, &[(1, NextHop::Local)]);
    rig.route("2001:db8::1/128", 1, &[(1, NextHop::Local)]);
    rig.route("198.51.100.0/24", 2, &[(2, neighbor(1, 9))]);
    rig
}

/// A neighbour advertisement to one of our addresses.
fn advertisement() -> Vec<u8> {
    let mut frame = Udp { source: "2001:db8::77", destination: "2001:db8::1", ttl: 255, ..UDP6 }.frame();
    (frame[20], frame[54]) = (58, 136);
    frame
}

#[test]
fn what_is_for_us_goes_there_as_it_came_in() {
    let mut rig = rig(0);
    let offload = Offload { flags: 1, checksum_start: 34, checksum_offset: 6, ..Offload::NONE };
    let frame = Udp { destination: "192.0.2.1", ..UDP }.frame();
    assert_eq!(rig.send_offloaded(0, &frame, offload), [(7, frame, offload)]);
    for frame in [arp(1, MacAddr::BROADCAST), arp(1, ours(0))] {
        assert_eq!(rig.send(0, &frame), [(7, frame)]);
    }
    assert!(rig.punted().is_empty());
    // What is not for us is the router's as ever.
    assert_eq!(rig.send(0, &UDP.frame())[0].0, 1);
    rig.send(0, &Udp { ttl: 1, ..UDP }.frame());
    assert_eq!(rig.one_punted().reason, PuntReason::TtlExpired);
}

#[test]
fn answers_go_to_both() {
    let mut rig = rig(0);
    for (frame, reason) in [(arp(2, ours(0)), PuntReason::Link), (advertisement(), PuntReason::Address)] {
        assert_eq!(rig.send(0, &frame), [(7, frame.clone())]);
        let packet = rig.one_punted();
        assert_eq!((packet.reason, &packet.frame[..]), (reason, &frame[..]));
    }
}

#[test]
fn what_comes_from_there_leaves_by_the_interface_and_is_neither_routed_nor_learned() {
    let mut rig = rig(0);
    // To whom it pleases: not even to the interface itself is it ours.
    for to in [station(1), ours(0), ours(1), MacAddr::BROADCAST] {
        let frame = Udp { to, from: ours(0), ..UDP }.frame();
        assert_eq!(rig.send(7, &frame), [(0, frame)]);
    }
    let frame = arp(1, MacAddr::BROADCAST);
    assert_eq!(rig.send(7, &frame), [(0, frame)]);
    assert_eq!(rig.plane.table().iter(0).count(), 0);
    assert!(rig.punted().is_empty());
    let counts = rig.plane.interface_counts(InterfaceId(0)).ipv4;
    assert_eq!((counts.tx_packets, counts.rx_packets), (4, 0), "IP packets alone");
}

#[test]
fn in_a_vlan_it_is_a_station_among_others() {
    let mut rig = rig(3);
    let ports = |sent: &[(u16, Vec<u8>)]| sent.iter().map(|(port, _)| *port).collect::<Vec<u16>>();
    // A question to all: bridged, and a copy for the stack, without the tag of the VLAN.
    let sent = rig.send(4, &arp(1, MacAddr::BROADCAST));
    assert_eq!(ports(&sent), [5, 6, 7]);
    assert_eq!(sent[2].1, arp(1, MacAddr::BROADCAST));
    // Its answer goes to who asked, and is not learned from.
    let frame = Udp { to: station(1), from: ours(3), ..UDP }.frame();
    assert_eq!(ports(&rig.send(7, &frame)), [4]);
    let learned: Vec<u16> = rig.plane.table().iter(0).map(|entry| entry.port).collect();
    assert_eq!(learned, [4]);
    // Nobody knows this one, and this is for all.
    for to in [station(50), MacAddr::BROADCAST] {
        assert_eq!(ports(&rig.send(7, &Udp { to, from: ours(3), ..UDP }.frame())), [4, 5, 6]);
    }
    // Bridged frames never reach it.
    assert_eq!(ports(&rig.send(4, &Udp { to: station(51), ..UDP }.frame())), [5, 6]);
    rig.learn(10, station(50), 5);
    assert_eq!(ports(&rig.send(7, &Udp { to: station(50), from: ours(3), ..UDP }.frame())), [5]);
}

#[test]
fn what_the_agent_has_to_find_is_not_flooded_for_it_either() {
    let mut rig = rig(3);
    let learning = Learning { adjacency: Keeper::Agent, ..Learning::INLINE };
    let (mut ports, mut interfaces) = (ports(), interfaces());
    ports[HOST.index()].layer3 = Layer3::Host(InterfaceId(3));
    interfaces[3].host = Some(HOST);
    rig.plane.publish(assemble(ports, interfaces).with_learning(learning));
    assert_eq!(rig.send(7, &Udp { to: station(50), from: ours(3), ..UDP }.frame()), []);
    assert_eq!(rig.drops(7, DropReason::AdjacencyUnresolved), 1);
    assert_eq!(rig.plane.reports_waiting(), 1);
}

#[test]
fn without_its_port_the_control_side_gets_everything() {
    let (mut ports, mut interfaces) = (ports(), interfaces());
    ports[HOST.index()].up = false;
    interfaces[0].host = Some(HOST);
    let mut rig = rig(0);
    rig.plane.publish(assemble(ports, interfaces));
    assert_eq!(rig.send(0, &arp(1, ours(0))), []);
    assert_eq!(rig.one_punted().reason, PuntReason::Link);
    rig.send(7, &UDP.frame());
    assert_eq!(rig.drops(7, DropReason::PortDown), 1);
    assert_eq!(rig.plane.port_counts(PortId(0)).punted, 1);
}
