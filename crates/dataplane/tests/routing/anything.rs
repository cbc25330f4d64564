//! Whatever comes in does no harm, and every frame is sent, handed up or counted.

use crate::handed_up::arp;
use crate::rig::{HOST, PORTS, Rig, UDP, UDP6, Udp, assemble, interfaces, neighbor, ours, ports, station};
use greylag_base::{InterfaceId, MacAddr, PortId};
use greylag_dataplane::{Layer3, NextHop};
use greylag_ports::Offload;
use greylag_wire::vlan::Tci;
use proptest::collection::vec;
use proptest::prelude::*;

/// A switch in which a packet can meet anything.
fn rig() -> Rig {
    let (mut ports, mut interfaces) = (ports(), interfaces());
    ports[HOST.index()].layer3 = Layer3::Host(InterfaceId(3));
    interfaces[3].host = Some(HOST);
    let rig = Rig::with(assemble(ports, interfaces));
    let next_hops = [
        neighbor(0, 9),
        neighbor(1, 9),
        neighbor(2, 9),
        neighbor(3, 9),
        neighbor(4, 9),
        neighbor(5, 9),
        NextHop::Unset,
        NextHop::Local,
        NextHop::Blackhole,
        NextHop::Unreachable,
        NextHop::Prohibited,
        NextHop::Glean { interface: InterfaceId(3) },
        NextHop::Unresolved { interface: InterfaceId(0) },
    ];
    let next_hops: Vec<(u32, NextHop)> = (1..).zip(next_hops).collect();
    rig.route("198.51.100.0/24", 1, &next_hops);
    rig.route("2001:db8:1::/48", 1, &next_hops);
    rig.learn(20, station(9), 6);
    rig
}

/// A sound frame of some kind, some of whose octets are overwritten, and whose end may be cut.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let to = prop_oneof![
        (0..6_u16).prop_map(ours),
        Just(station(9)),
        Just(MacAddr::BROADCAST),
        Just(MacAddr([1, 0, 0x5e, 0, 0, 5])),
        Just(MacAddr([0x33, 0x33, 0, 0, 0, 1])),
    ];
    let kind = (any::<[bool; 3]>(), any::<u16>(), prop_oneof![Just(64_u8), any::<u8>()], 0..1500_usize);
    let tag = proptest::option::of(prop_oneof![Just(10_u16), Just(20), Just(0x6000), any::<u16>()]);
    let edits = vec((0..60_usize, any::<u8>()), 0..3);
    (to, kind, tag, edits, proptest::option::of(0..120_usize)).prop_map(
        |(to, ([is_arp, six, ours], source_port, ttl, payload), tag, edits, cut)| {
            let packet = if six { UDP6 } else { UDP };
            let mut frame = match is_arp && payload % 4 == 0 {
                true => arp(1 + u8::from(ours), to),
                false => Udp { to, ttl, source_port, payload, ..packet }.frame(),
            };
            if let Some(tci) = tag {
                frame.splice(12..12, Tci(tci).to_bytes());
            }
            for (at, octet) in edits {
                frame[at] = octet;
            }
            frame.truncate(cut.unwrap_or(usize::MAX));
            frame
        },
    )
}

fn offloads() -> impl Strategy<Value = Offload> {
    prop_oneof![
        3 => Just(Offload::NONE),
        1 => any::<[u8; Offload::HEADER_LEN]>().prop_map(Offload::from_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_frame_is_accounted_for(frames in vec((0..8_u16, mutated(), offloads()), 1..64)) {
        let mut rig = rig();
        for (port, frame, offload) in frames {
            let drops = |rig: &Rig| (0..PORTS).map(|port| rig.all_drops(port)).sum::<u64>();
            let counts = |rig: &Rig| rig.plane.port_counts(PortId(port));
            let (before, dropped) = (counts(&rig), drops(&rig));
            let sent = rig.send_offloaded(port, &frame, offload).len() as u64;
            let (after, dropped) = (counts(&rig), drops(&rig) - dropped);
            let (punted, flooded) = (after.punted - before.punted, after.flooded - before.flooded);
            prop_assert_eq!(after.rx_frames, before.rx_frames + 1);
            let fates = sent + dropped + punted;
            if flooded > 0 {
                prop_assert!(fates > 0, "flooded to nobody, and not counted: {frame:02x?}");
            } else {
                // Answers go to the other stack as well as up; nothing else is in two places.
                prop_assert!(
                    fates == 1 || (sent, dropped, punted) == (1, 0, 1),
                    "sent {sent}, dropped {dropped}, handed up {punted}: {frame:02x?}"
                );
            }
        }
        for packet in rig.punted() {
            prop_assert!(packet.frame.len() >= 14);
        }
    }
}
