//! ICMP errors: what they say, and when nobody is told.

use crate::rig::*;
use greylag_base::MacAddr;
use greylag_ip::{IcmpError, IcmpLimit, IpConfig, Silence};
use pnet_packet::Packet;
use pnet_packet::icmp::{IcmpPacket, checksum};
use pnet_packet::ipv4::{self, Ipv4Packet};
use pnet_packet::ipv6::Ipv6Packet;
use std::time::Duration;

const UDP: &[u8] = &[0, 7, 0, 9, 0, 8, 0, 0];

/// Type, code and the word behind the checksum of the one error that leaves, when all around them is right.
fn told(rig: &mut Rig, own: &str, to: &str) -> (u8, u8, u32, Vec<u8>) {
    let packet = rig.packet();
    let icmp = if packet[0] >> 4 == 4 {
        let header = Ipv4Packet::new(&packet).unwrap();
        assert_eq!(ipv4::checksum(&header), header.get_checksum());
        assert_eq!((header.get_source(), header.get_destination()), (v4(own), v4(to)));
        assert_eq!(header.get_dscp(), 48, "internetwork control");
        assert!(packet.len() <= 576);
        let icmp = header.payload().to_vec();
        let view = IcmpPacket::new(&icmp).unwrap();
        assert_eq!(checksum(&view), view.get_checksum());
        icmp
    } else {
        let header = Ipv6Packet::new(&packet).unwrap();
        assert_eq!((header.get_source(), header.get_destination()), (v6(own), v6(to)));
        assert!(packet.len() <= 1280);
        let icmp = header.payload().to_vec();
        let view = pnet_packet::icmpv6::Icmpv6Packet::new(&icmp).unwrap();
        let sum = pnet_packet::icmpv6::checksum(&view, &header.get_source(), &header.get_destination());
        assert_eq!(sum, view.get_checksum());
        icmp
    };
    let word = u32::from_be_bytes([icmp[4], icmp[5], icmp[6], icmp[7]]);
    (icmp[0], icmp[1], word, icmp[8..].to_vec())
}

#[test]
fn each_error_has_its_type_and_code_in_both_families() {
    let rows = [
        (IcmpError::TimeExceeded, (11, 0, 0), (3, 0, 0)),
        (IcmpError::NetUnreachable, (3, 0, 0), (1, 0, 0)),
        (IcmpError::HostUnreachable, (3, 1, 0), (1, 3, 0)),
        (IcmpError::AdminProhibited, (3, 13, 0), (1, 1, 0)),
        (IcmpError::TooBig { mtu: 1400 }, (3, 4, 1400), (2, 0, 1400)),
    ];
    for (error, four, six) in rows {
        let mut rig = Rig::with_hosts();
        let transit = packet("10.0.0.2", "192.0.2.1", 17, 1, &[UDP, &[7; 1400]].concat());
        rig.stack.forward_error(rig.now, LAN, error, &from_host(OUR_MAC, &transit));
        let (kind, code, word, quoted) = told(&mut rig, "10.0.0.1", "10.0.0.2");
        assert_eq!((kind, code, word), four, "{error:?}");
        assert_eq!(quoted, transit[..576 - 28]);
        let transit = packet("2001:db8::2", "2001:db8:ffff::1", 17, 1, &[UDP, &[7; 1400]].concat());
        rig.stack.forward_error(rig.now, LAN, error, &from_host(OUR_MAC, &transit));
        let (kind, code, word, quoted) = told(&mut rig, "2001:db8::1", "2001:db8::2");
        assert_eq!((kind, code, word), six, "{error:?}");
        assert_eq!(quoted, transit[..1280 - 48]);
        assert_eq!(rig.stack.counters().icmp_errors[error.name()], 2);
    }
}

#[test]
fn the_padding_of_a_frame_is_not_quoted() {
    let mut rig = Rig::with_hosts();
    let transit = packet("10.0.0.2", "192.0.2.1", 17, 1, UDP);
    rig.stack.forward_error(rig.now, LAN, IcmpError::TimeExceeded, &from_host(OUR_MAC, &transit));
    assert_eq!(told(&mut rig, "10.0.0.1", "10.0.0.2").3, transit);
}

/// RFC 1122 3.2.2, RFC 1812 4.3.2.7 and RFC 4443 2.4(e), row by row.
#[test]
fn nobody_is_told() {
    let udp = |from: &str, to: &str| packet(from, to, 17, 1, UDP);
    let icmp = |kind: u8| packet("10.0.0.2", "192.0.2.1", 1, 1, &[kind, 0, 0, 0, 0, 0, 0, 0]);
    let icmp6 = |kind: u8| packet("2001:db8::2", "2001:db8:9::1", 58, 1, &[kind, 0, 0, 0, 0, 0, 0, 0]);
    let place = |offset: [u8; 2]| {
        let mut packet = udp("10.0.0.2", "192.0.2.1");
        packet[6..8].copy_from_slice(&offset);
        packet
    };
    let six = |to: &str, place: u8| {
        packet("2001:db8::2", to, 44, 1, &[&[17, 0, 0, place, 0, 0, 0, 1], UDP].concat())
    };
    let mut too_long = udp("10.0.0.2", "192.0.2.1");
    too_long[3] = 61;
    let rows = [
        (icmp(8), None),
        (icmp(0), None),
        (icmp(3), Some(Silence::AboutError)),
        (icmp(4), Some(Silence::AboutError)),
        (icmp(5), Some(Silence::AboutError)),
        (icmp(11), Some(Silence::AboutError)),
        (icmp(12), Some(Silence::AboutError)),
        (icmp6(128), None),
        (icmp6(1), Some(Silence::AboutError)),
        (icmp6(127), Some(Silence::AboutError)),
        (icmp6(137), Some(Silence::AboutError)),
        (place([0x20, 0]), None),
        (place([0x20, 1]), Some(Silence::Fragment)),
        (place([0, 1]), Some(Silence::Fragment)),
        (six("2001:db8:9::1", 1), None),
        (six("2001:db8:9::1", 8), Some(Silence::Fragment)),
        (udp("10.0.0.2", "224.1.1.1"), Some(Silence::ToGroup)),
        (udp("10.0.0.2", "255.255.255.255"), Some(Silence::ToGroup)),
        (udp("10.0.0.2", "10.0.1.255"), Some(Silence::ToGroup)),
        (udp("2001:db8::2", "ff05::1"), Some(Silence::ToGroup)),
        (udp("0.0.0.0", "192.0.2.1"), Some(Silence::NoSource)),
        (udp("0.1.2.3", "192.0.2.1"), Some(Silence::NoSource)),
        (udp("224.0.0.1", "192.0.2.1"), Some(Silence::NoSource)),
        (udp("127.0.0.1", "192.0.2.1"), Some(Silence::NoSource)),
        (udp("240.0.0.1", "192.0.2.1"), Some(Silence::NoSource)),
        (udp("10.0.0.255", "192.0.2.1"), Some(Silence::NoSource)),
        (udp("10.0.1.1", "192.0.2.1"), Some(Silence::NoSource)),
        (udp("::", "2001:db8:9::1"), Some(Silence::NoSource)),
        (udp("::1", "2001:db8:9::1"), Some(Silence::NoSource)),
        (udp("ff02::1", "2001:db8:9::1"), Some(Silence::NoSource)),
        (too_long, Some(Silence::Malformed)),
    ];
    for (packet, silence) in rows {
        let mut rig = Rig::with_hosts();
        rig.stack.forward_error(rig.now, LAN, IcmpError::TimeExceeded, &from_host(OUR_MAC, &packet));
        assert_eq!(rig.outgoing().len(), usize::from(silence.is_none()), "{packet:02x?}");
        let counted: Vec<Silence> = rig.stack.counters().icmp_silences.keys().copied().collect();
        assert_eq!(counted, Vec::from_iter(silence), "{packet:02x?}");
    }
    // For a group of the link layer.
    let mut rig = Rig::with_hosts();
    let frame = from_host(MacAddr::BROADCAST, &udp("10.0.0.2", "192.0.2.1"));
    rig.stack.forward_error(rig.now, LAN, IcmpError::TimeExceeded, &frame);
    assert_eq!(rig.stack.counters().icmp_silences[&Silence::ToGroup], 1);
    // The way to a group of IPv6 may have an MTU too.
    let transit = udp("2001:db8::2", "ff05::1");
    rig.stack.forward_error(rig.now, LAN, IcmpError::TooBig { mtu: 1300 }, &from_host(OUR_MAC, &transit));
    assert_eq!(told(&mut rig, "2001:db8::1", "2001:db8::2").0, 2);
}

#[test]
fn there_is_a_limit_to_errors() {
    let icmp_limit = IcmpLimit { per_second: 10, burst: 3 };
    let mut rig = Rig::new(IpConfig { icmp_limit, ..config() });
    let transit = from_host(OUR_MAC, &packet("10.0.0.2", "192.0.2.1", 17, 1, UDP));
    let burst = |rig: &mut Rig| {
        let before = rig.stack.counters().icmp_errors.get("time-exceeded").copied().unwrap_or(0);
        for _ in 0..20 {
            rig.stack.forward_error(rig.now, LAN, IcmpError::TimeExceeded, &transit);
        }
        rig.stack.counters().icmp_errors["time-exceeded"] - before
    };
    assert_eq!(burst(&mut rig), 3);
    rig.sleep(Duration::from_millis(199));
    assert_eq!(burst(&mut rig), 1);
    rig.sleep(Duration::from_secs(10));
    assert_eq!(burst(&mut rig), 3);
    assert_eq!(rig.stack.counters().icmp_silences[&Silence::Limited], 53);
}

#[test]
fn an_error_leaves_from_the_interface_that_the_packet_came_in_by() {
    let mut rig = Rig::with_hosts();
    // Its source is elsewhere: where, the routes know.
    let transit = from_host(OUR_MAC, &packet("198.51.100.7", "192.0.2.1", 17, 1, UDP));
    rig.stack.forward_error(rig.now, WAN, IcmpError::TimeExceeded, &transit);
    let out = rig.outgoing();
    let [greylag_ip::Outgoing::Route { packet, .. }] = &out[..] else { panic!("{out:?}") };
    assert_eq!(Ipv4Packet::new(packet).unwrap().get_source(), v4("10.0.1.1"));
    // From a link-local address to a far one: the answer stays on the link.
    let mut rig = Rig::new(config());
    let transit = self::packet("fe80::22", "2001:db8:9::1", 17, 1, UDP);
    rig.stack.forward_error(rig.now, WAN, IcmpError::NetUnreachable, &from_host(OUR_MAC, &transit));
    assert!(rig.frames().iter().all(|frame| frame.0 == WAN));
    let row = &rig.stack.snapshot(rig.now).neighbors[0];
    assert_eq!((row.interface, row.ip), (WAN, ip("fe80::22")));
}

#[test]
fn who_sent_a_packet_to_a_neighbour_that_does_not_answer_is_told() {
    let mut config = config();
    config.interfaces.get_mut(&LAN).unwrap().neighbors.insert(ip("10.0.0.2"), HOST_MAC);
    let mut rig = Rig::new(config);
    let transit = packet("10.0.0.2", "10.0.1.77", 17, 64, UDP);
    let forward =
        |rig: &mut Rig| rig.stack.forward_slow(rig.now, LAN, WAN, None, &from_host(OUR_MAC, &transit));
    forward(&mut rig);
    rig.sleep(Duration::from_millis(2999));
    assert_eq!(rig.frames().len(), 3, "it is asked for three times");
    rig.sleep(Duration::from_millis(1));
    let quoted = packet("10.0.0.2", "10.0.1.77", 17, 63, UDP);
    assert_eq!(told(&mut rig, "10.0.0.1", "10.0.0.2"), (3, 1, 0, quoted));
    // For a second, nobody is asked.
    forward(&mut rig);
    assert_eq!(told(&mut rig, "10.0.0.1", "10.0.0.2").1, 1);
    rig.sleep(Duration::from_secs(1));
    forward(&mut rig);
    assert_eq!(rig.frames().len(), 1);
}

#[test]
fn nobody_listens_and_nobody_speaks_that() {
    let mut rig = Rig::with_hosts();
    let unheard = datagram("10.0.0.2", "10.0.0.1", (5, 9), 64, b"");
    rig.take(LAN, &unheard);
    assert_eq!(told(&mut rig, "10.0.0.1", "10.0.0.2"), (3, 3, 0, unheard));
    let unheard = packet("10.0.0.2", "10.0.0.1", 200, 64, b"what");
    rig.take(LAN, &unheard);
    assert_eq!(told(&mut rig, "10.0.0.1", "10.0.0.2"), (3, 2, 0, unheard));
    let unheard = datagram("2001:db8::2", "2001:db8::1", (5, 9), 64, b"");
    rig.take(LAN, &unheard);
    assert_eq!(told(&mut rig, "2001:db8::1", "2001:db8::2"), (1, 4, 0, unheard));
    let unheard = packet("2001:db8::2", "2001:db8::1", 60, 64, &[200, 0, 1, 4, 0, 0, 0, 0]);
    rig.take(LAN, &unheard);
    assert_eq!(told(&mut rig, "2001:db8::1", "2001:db8::2"), (4, 1, 40, unheard));
}
