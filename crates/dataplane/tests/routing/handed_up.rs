//! What workers hand up, and in what shape.

use crate::rig::{Rig, UDP, UDP6, Udp, neighbor, ours, station};
use greylag_base::{DropReason, InterfaceId, MacAddr, PortId};
use greylag_dataplane::{NextHop, PuntReason};
use greylag_ports::Offload;
use greylag_wire::ethernet::{EtherType, Repr};

/// An ARP frame: 1 asks, 2 answers.
pub(crate) fn arp(operation: u8, destination: MacAddr) -> Vec<u8> {
    let packet = [0, 1, 8, 0, 6, 4, 0, operation];
    Repr { destination, source: station(1), ether_type: EtherType::ARP }.frame(&packet)
}

fn to_group(group: [u8; 6], packet: Udp<'_>) -> Vec<u8> {
    Udp { to: MacAddr(group), ttl: 1, ..packet }.frame()
}

/// Frames to all or many that concern the link.
pub(crate) fn of_the_link() -> Vec<Vec<u8>> {
    vec![
        arp(1, MacAddr::BROADCAST),
        arp(2, MacAddr::BROADCAST),
        to_group([1, 0, 0x5e, 0, 0, 5], Udp { destination: "224.0.0.5", ..UDP }),
        // All nodes, all routers of OSPF, somebody's solicited node.
        to_group([0x33, 0x33, 0, 0, 0, 1], Udp { destination: "ff02::1", ..UDP6 }),
        to_group([0x33, 0x33, 0, 0, 0, 5], Udp { source: "fe80::7", destination: "ff02::5", ..UDP6 }),
        to_group([0x33, 0x33, 0xff, 0, 0, 1], Udp { destination: "ff02::1:ff00:1", ..UDP6 }),
    ]
}

#[test]
fn what_concerns_the_link_ends_at_a_routed_port() {
    let mut rig = Rig::new();
    let unicast = [arp(1, ours(0)), arp(2, ours(0))];
    // RFC 6085: to a group, and to one station's address.
    let group = [Udp { destination: "ff02::1", ..UDP6 }, Udp { destination: "224.0.0.9", ..UDP }];
    let frames = of_the_link().into_iter().chain(unicast).chain(group.map(|packet| packet.frame()));
    for frame in frames {
        assert_eq!(rig.send(0, &frame), []);
        let packet = rig.one_punted();
        assert_eq!((packet.reason, packet.interface), (PuntReason::Link, InterfaceId(0)), "{frame:02x?}");
        assert_eq!(packet.frame, frame);
    }
    assert_eq!(rig.all_drops(0), 0);
    for frame in [
        to_group([1, 0, 0x5e, 1, 1, 1], Udp { destination: "239.1.1.1", ..UDP }),
        to_group([0x33, 0x33, 0, 0, 0, 1], Udp { destination: "ff05::1", ..UDP6 }),
        arp(1, station(2)),
    ] {
        assert_eq!((rig.send(0, &frame), rig.punted()), (vec![], vec![]));
    }
    assert_eq!((rig.drops(0, DropReason::NotForUs), rig.all_drops(0)), (3, 3));
}

#[test]
fn a_worker_says_that_it_has_handed_something_up() {
    let mut rig = Rig::new();
    rig.send(0, &Udp { to: station(3), ..UDP }.frame());
    assert!(!rig.worker.take_punted());
    rig.send(0, &arp(1, ours(0)));
    assert!(rig.worker.take_punted() && !rig.worker.take_punted());
    assert_eq!(rig.plane.packets_waiting(), 1);
}

#[test]
fn a_flood_of_packets_for_nobody_never_keeps_out_those_for_us() {
    let mut rig = Rig::new();
    rig.route("192.0.2.1/32", 1, &[(1, NextHop::Local)]);
    for _ in 0..2_000 {
        rig.send(0, &UDP.frame());
    }
    assert_eq!(rig.drops(0, DropReason::NoRoute), 2_000, "each for its own reason, seen or not");
    let ours = Udp { destination: "192.0.2.1", ..UDP }.frame();
    assert_eq!(rig.send(0, &ours), []);
    let packets = rig.punted();
    assert_eq!(packets[0].reason, PuntReason::Address, "ours goes first");
    assert!(packets.len() > 100 && packets.len() < 2_000, "{}", packets.len());
    // There is room again.
    rig.send(0, &UDP.frame());
    assert_eq!(rig.one_punted().reason, PuntReason::NoRoute);
    // Ours, too, have an end.
    for _ in 0..2_000 {
        rig.send(0, &ours);
    }
    let counts = rig.plane.port_counts(PortId(0));
    let full = counts.drops[DropReason::PuntQueueFull.index()];
    assert!(full > 0);
    assert_eq!(counts.punted + full, 2_001);
    assert_eq!(rig.plane.take_packets(5).len(), 5);
    assert_eq!(rig.plane.packets_waiting() as u64 + 5 + 1, counts.punted);
}

/// A BFD packet to an address of the switch: UDP port 3784.
fn bfd() -> Vec<u8> {
    let mut frame = Udp { destination: "192.0.2.1", ttl: 255, ..UDP }.frame();
    frame[36..38].copy_from_slice(&3784_u16.to_be_bytes());
    frame
}

#[test]
fn neither_pings_nor_questions_for_addresses_keep_out_what_a_session_lives_by() {
    let mut rig = Rig::new();
    rig.route("192.0.2.1/32", 1, &[(1, NextHop::Local)]);
    for _ in 0..2_000 {
        rig.send(0, &Udp { destination: "192.0.2.1", ..UDP }.frame());
        rig.send(0, &arp(1, MacAddr::BROADCAST));
    }
    let full = rig.drops(0, DropReason::PuntQueueFull);
    assert!(full > 2_000, "both queues are full: {full}");
    assert_eq!(rig.send(0, &bfd()), []);
    assert_eq!(rig.drops(0, DropReason::PuntQueueFull), full, "it has a queue of its own");
    let packets = rig.punted();
    assert_eq!(packets[0].frame, bfd(), "the last to come is the first to be looked at");
    let ranks: Vec<PuntReason> = packets[1..].iter().map(|packet| packet.reason).collect();
    assert!(ranks.is_sorted_by_key(|reason| *reason != PuntReason::Link), "then who asks, then the rest");
}

#[test]
fn a_checksum_that_the_sender_left_to_do_is_done() {
    let mut rig = Rig::new();
    rig.route("192.0.2.1/32", 1, &[(1, NextHop::Local)]);
    rig.route("198.51.100.0/24", 2, &[(2, neighbor(1, 9))]);
    let whole = Udp { destination: "192.0.2.1", ..UDP }.frame();
    let mut frame = whole.clone();
    // What a kernel leaves there: the sum over the pseudo-header (linux/skbuff.h, CHECKSUM_PARTIAL).
    let words = |octets: &[u8]| -> u32 {
        octets.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum()
    };
    let mut pseudo = words(&frame[26..34]) + 17 + 26;
    pseudo = (pseudo & 0xffff) + (pseudo >> 16);
    frame[40..42].copy_from_slice(&(pseudo as u16).to_be_bytes());
    assert_ne!(frame, whole);
    let offload = Offload { flags: 1, checksum_start: 34, checksum_offset: 6, ..Offload::NONE };
    assert_eq!(rig.send_offloaded(0, &frame, offload), []);
    assert_eq!(rig.one_punted().frame, whole);
}
