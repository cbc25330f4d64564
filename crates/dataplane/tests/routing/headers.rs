//! What is forwarded, how it is changed, and which packets are not.

use crate::rig::{Rig, UDP, UDP6, Udp, neighbor, ours, read, station, v4, v6};
use greylag_base::{DropReason, InterfaceId, MacAddr};
use greylag_dataplane::{NextHop, PuntReason, TrafficCounts};
use greylag_wire::checksum;
use greylag_wire::ethernet::EtherType;
use greylag_wire::vlan::Tci;

fn rig() -> Rig {
    let rig = Rig::new();
    rig.route("198.51.100.0/24", 1, &[(1, neighbor(1, 9))]);
    rig.route("2001:db8:1::/48", 1, &[(1, neighbor(1, 9))]);
    rig
}

#[test]
fn a_packet_gets_other_stations_and_one_hop_less_and_nothing_else_changes() {
    for packet in [UDP, UDP6] {
        for ttl in [2, 64, 255] {
            let (mut rig, frame) = (rig(), Udp { ttl, ..packet }.frame());
            let [(port, sent)] = &rig.send(0, &frame)[..] else { panic!("one frame") };
            assert_eq!((*port, read(sent)), (1, (station(9), ours(1), ttl - 1)));
            let expected = Udp { to: station(9), from: ours(1), ttl: ttl - 1, ..packet }.frame();
            assert_eq!(*sent, expected, "as another implementation writes it");
        }
    }
}

#[test]
fn checksums_follow_for_every_header_that_there_can_be() {
    let mut rig = rig();
    let mut frame = UDP.frame();
    for identification in 0..=u16::MAX {
        frame[18..20].copy_from_slice(&identification.to_be_bytes());
        frame[24..26].fill(0);
        let sum = !checksum::sum(&frame[14..34]);
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        // Of a header whose sum is 0, 0xffff says the same.
        let [(_, sent)] = &rig.send(0, &frame)[..] else { panic!("identification {identification}") };
        read(sent);
    }
}

#[test]
fn packets_and_octets_are_counted_by_interface_and_family() {
    let mut rig = rig();
    rig.send(0, &UDP.frame());
    rig.send(0, &UDP6.frame());
    rig.send(0, &Udp { ttl: 1, ..UDP6 }.frame());
    let counts = |interface| rig.plane.interface_counts(InterfaceId(interface));
    let (first, second) = (counts(0), counts(1));
    assert_eq!(first.ipv4, TrafficCounts { rx_packets: 1, rx_octets: 46, ..TrafficCounts::default() });
    assert_eq!(first.ipv6, TrafficCounts { rx_packets: 2, rx_octets: 132, ..TrafficCounts::default() });
    assert_eq!(second.ipv4, TrafficCounts { tx_packets: 1, tx_octets: 46, ..TrafficCounts::default() });
    assert_eq!(second.ipv6, TrafficCounts { tx_packets: 1, tx_octets: 66, ..TrafficCounts::default() });
}

#[test]
fn a_header_that_is_not_sound_is_dropped_for_what_is_wrong_with_it() {
    /// What is wrong with a frame, and what becomes of it.
    type Case = (&'static str, bool, fn(&mut Vec<u8>), DropReason);
    let cases: &[Case] = &[
        ("version 5", false, |frame| frame[14] = 0x55, DropReason::BadIpHeader),
        ("four words", false, |frame| frame[14] = 0x44, DropReason::BadIpHeader),
        ("options, and no room", false, |frame| frame[14] = 0x4f, DropReason::BadIpHeader),
        ("more than there is", false, |frame| frame[17] = 47, DropReason::BadIpHeader),
        ("less than a header", false, |frame| frame[16..18].fill(0), DropReason::BadIpHeader),
        ("cut short", false, |frame| frame.truncate(33), DropReason::BadIpHeader),
        ("no packet", false, |frame| frame.truncate(14), DropReason::BadIpHeader),
        ("checksum", false, |frame| frame[24] ^= 1, DropReason::BadIpChecksum),
        ("another address", false, |frame| frame[33] ^= 1, DropReason::BadIpChecksum),
        ("version 4", true, |frame| frame[14] = 0x45, DropReason::BadIpHeader),
        ("more than there is", true, |frame| frame[19] = 27, DropReason::BadIpHeader),
        ("cut short", true, |frame| frame.truncate(53), DropReason::BadIpHeader),
        ("no packet", true, |frame| frame.truncate(14), DropReason::BadIpHeader),
    ];
    for (name, six, spoil, reason) in cases {
        let mut rig = rig();
        let mut frame = if *six { UDP6 } else { UDP }.frame();
        // Frames of this test are as long as their packets.
        frame.truncate(if *six { 80 } else { 60 });
        spoil(&mut frame);
        assert_eq!(rig.send(0, &frame), [], "{name}");
        assert_eq!((rig.drops(0, *reason), rig.all_drops(0)), (1, 1), "{name}");
        assert!(rig.punted().is_empty(), "{name}");
    }
}

#[test]
fn options_are_covered_by_the_checksum_and_stay() {
    let mut rig = rig();
    let mut frame = UDP.frame();
    frame.splice(34..34, [1, 1, 1, 0]);
    (frame[14], frame[17]) = (0x46, 50);
    frame[24..26].fill(0);
    let sum = !checksum::sum(&frame[14..38]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    let [(1, sent)] = &rig.send(0, &frame)[..] else { panic!("one frame by port 1") };
    assert_eq!((read(sent).2, &sent[34..38]), (63, &[1, 1, 1, 0][..]));
    frame[35] = 0;
    assert_eq!(rig.send(0, &frame), []);
    assert_eq!(rig.drops(0, DropReason::BadIpChecksum), 1);
}

#[test]
fn what_fills_up_a_short_frame_is_no_part_of_the_packet() {
    let mut rig = rig();
    let frame = Udp { payload: 0, ..UDP }.frame();
    assert_eq!(frame.len(), 60);
    let [(1, sent)] = &rig.send(0, &frame)[..] else { panic!("one frame by port 1") };
    assert_eq!(sent.len(), 60);
    assert_eq!(rig.plane.interface_counts(InterfaceId(1)).ipv4.tx_octets, 28);
}

#[test]
fn addresses_that_nobody_may_send_from_or_to() {
    let sources =
        ["0.0.0.7", "127.0.0.1", "224.0.0.5", "239.1.1.1", "240.0.0.1", "255.255.255.255", "169.254.7.7"];
    let destinations = ["0.0.0.7", "127.0.0.1", "232.1.1.1", "240.0.0.1", "255.255.255.255", "169.254.7.7"];
    let sources6 = ["::", "::1", "ff02::5", "ff0e::1", "fe80::1"];
    let destinations6 = ["::", "::1", "ff0e::1", "fe80::1"];
    let cases = (sources.iter().map(|source| (Udp { source, ..UDP }, DropReason::MartianSource)))
        .chain(
            destinations
                .iter()
                .map(|destination| (Udp { destination, ..UDP }, DropReason::MartianDestination)),
        )
        .chain(sources6.iter().map(|source| (Udp { source, ..UDP6 }, DropReason::MartianSource)))
        .chain(
            destinations6
                .iter()
                .map(|destination| (Udp { destination, ..UDP6 }, DropReason::MartianDestination)),
        );
    for (packet, reason) in cases {
        let mut rig = rig();
        rig.route("0.0.0.0/0", 2, &[(2, neighbor(1, 9))]);
        rig.route("::/0", 2, &[(2, neighbor(1, 9))]);
        let name = format!("{} to {}", packet.source, packet.destination);
        assert_eq!(rig.send(0, &packet.frame()), [], "{name}");
        assert_eq!((rig.drops(0, reason), rig.all_drops(0)), (1, 1), "{name}");
    }
}

#[test]
fn an_address_of_the_link_may_be_ours() {
    let mut rig = rig();
    rig.route("fe80::1/128", 2, &[(2, NextHop::Local)]);
    let frame = Udp { source: "fe80::2", destination: "fe80::1", ttl: 1, ..UDP6 }.frame();
    assert_eq!(rig.send(0, &frame), []);
    let packet = rig.one_punted();
    assert_eq!((packet.reason, &packet.frame[..]), (PuntReason::Address, &frame[..]));
    assert_eq!(rig.all_drops(0), 0);
}

#[test]
fn frames_to_others_and_of_other_kinds_go_no_further_on_a_routed_port() {
    let mut rig = rig();
    rig.send(0, &Udp { to: station(3), ..UDP }.frame());
    assert_eq!(rig.drops(0, DropReason::NotForUs), 1);
    rig.send(0, &Udp { to: MacAddr::BROADCAST, ..UDP }.frame());
    assert_eq!(rig.drops(0, DropReason::NotForUs), 2);
    let mut other = UDP.frame();
    other[12..14].copy_from_slice(&EtherType::LOCAL_EXPERIMENT.0.to_be_bytes());
    rig.send(0, &other);
    assert_eq!(rig.drops(0, DropReason::UnknownProtocol), 1);
    let tagged = |tci: u16| {
        let mut frame = UDP.frame();
        frame.splice(12..12, Tci(tci).to_bytes());
        frame
    };
    rig.send(0, &tagged(10));
    assert_eq!((rig.drops(0, DropReason::VlanNotAllowed), rig.all_drops(0)), (1, 4));
    // A tag that has a priority alone is none (802.1Q-2022 3.194).
    let [(1, sent)] = &rig.send(0, &tagged(0xa000))[..] else { panic!("one frame by port 1") };
    assert_eq!(read(sent), (station(9), ours(1), 63));
    assert_eq!(rig.plane.table().iter(0).count(), 0, "nothing is learned there");
}

#[test]
fn addresses_are_where_the_standards_have_them() {
    // The tests above build packets by another implementation; this one holds it to account.
    assert_eq!(
        (&UDP.frame()[26..30], &UDP.frame()[30..34]),
        (&v4("192.0.2.77")[..], &v4("198.51.100.1")[..])
    );
    assert_eq!(UDP6.frame()[38..54], v6("2001:db8:1::1"));
}
