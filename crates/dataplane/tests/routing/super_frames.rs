//! Frames that somebody else will cut into segments are routed whole.

use crate::rig::{Rig, UDP, UDP6, Udp, assemble, interfaces, neighbor, ours, ports, read, station};
use greylag_base::DropReason;
use greylag_dataplane::{NextHop, PuntReason};
use greylag_fib::NextHopId;
use greylag_ports::Offload;

/// As a kernel hands it over: TCP or UDP in segments of this much payload.
fn offload(gso_type: u8, transport: u16, header: u16, segment_len: u16) -> Offload {
    Offload {
        flags: 1,
        gso_type,
        header_len: transport + header,
        segment_len,
        checksum_start: transport,
        checksum_offset: if header == 8 { 6 } else { 16 },
    }
}

#[test]
fn they_keep_what_is_left_to_do() {
    for (packet, offload) in [
        (UDP, offload(5, 34, 8, 1472)),
        (UDP6, offload(5, 54, 8, 1452)),
        // What is in them is not looked at: TCP, and TCP with ECN.
        (UDP, offload(1, 34, 20, 1460)),
        (UDP6, offload(0x84, 54, 32, 1428)),
    ] {
        let mut rig = Rig::new();
        rig.route("198.51.100.0/24", 1, &[(1, neighbor(1, 9))]);
        rig.route("2001:db8:1::/48", 1, &[(1, neighbor(1, 9))]);
        let frame = Udp { payload: 60_000, ..packet }.frame();
        let sent = rig.send_offloaded(0, &frame, offload);
        let [(1, sent, left)] = &sent[..] else { panic!("one frame by port 1: {:?}", sent.len()) };
        assert_eq!((read(sent), *left), ((station(9), ours(1), 63), offload));
        assert!(sent[40..] == frame[40..]);
    }
}

#[test]
fn they_are_judged_by_their_segments() {
    let mut interfaces = interfaces();
    interfaces[1].mtu = 1400;
    let mut rig = Rig::with(assemble(ports(), interfaces));
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(1, 9))]);
    let frame = Udp { payload: 60_000, ..UDP }.frame();
    assert_eq!(rig.send_offloaded(0, &frame, offload(5, 34, 8, 1373)), []);
    assert_eq!(rig.drops(0, DropReason::PacketTooBig), 1);
    let packet = rig.one_punted();
    assert_eq!((packet.reason, packet.frame.len()), (PuntReason::TooBig(NextHopId(1)), frame.len()));
    assert_eq!(rig.send_offloaded(0, &frame, offload(5, 34, 8, 1372)).len(), 1);
}

#[test]
fn in_a_vlan_the_offsets_follow_the_tag() {
    let mut rig = Rig::new();
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(4, 9))]);
    rig.learn(20, station(9), 6);
    let frame = Udp { payload: 60_000, to: ours(3), ..UDP }.frame();
    let sent = rig.send_offloaded(4, &frame, offload(5, 34, 8, 1400));
    let [(6, _, left)] = &sent[..] else { panic!("one frame by port 6") };
    assert_eq!((left.checksum_start, left.header_len, left.segment_len), (38, 46, 1400));
}

#[test]
fn one_for_us_is_handed_up_whole() {
    let mut rig = Rig::new();
    rig.route("192.0.2.1/32", 1, &[(1, NextHop::Local)]);
    let frame = Udp { payload: 65_000, destination: "192.0.2.1", ..UDP }.frame();
    assert_eq!(rig.send_offloaded(0, &frame, Offload { flags: 0, ..offload(5, 34, 8, 1400) }), []);
    assert_eq!(rig.one_punted().frame, frame);
}
