//! Packets that are for the switch: echo, protocols, and what is not taken.

use crate::rig::*;
use greylag_base::MacAddr;
use greylag_ip::addresses::group_mac4;
use greylag_ip::{IpDrop, IpEvent, SendOptions};
use pnet_packet::Packet;
use pnet_packet::icmp::{IcmpPacket, checksum};
use pnet_packet::ipv4::{self, Ipv4Packet};
use pnet_packet::ipv6::Ipv6Packet;
use pnet_packet::udp::{self, UdpPacket};

#[test]
fn echo_is_answered_in_both_families() {
    let mut rig = Rig::with_hosts();
    let mut request = ping("10.0.0.2", "10.0.0.1", &[7; 1472]);
    request[1] = 0x48;
    smoltcp::wire::Ipv4Packet::new_unchecked(&mut request).fill_checksum();
    rig.take(LAN, &request);
    let reply = rig.packet();
    let header = Ipv4Packet::new(&reply).unwrap();
    assert_eq!((header.get_source(), header.get_destination()), (v4("10.0.0.1"), v4("10.0.0.2")));
    assert_eq!(ipv4::checksum(&header), header.get_checksum());
    assert_eq!((header.get_ttl(), header.get_dscp()), (64, 0x12), "the type of service comes back");
    let icmp = IcmpPacket::new(header.payload()).unwrap();
    assert_eq!((icmp.get_icmp_type().0, icmp.get_icmp_code().0), (0, 0));
    assert_eq!(checksum(&icmp), icmp.get_checksum());
    assert_eq!(icmp.payload(), &request[24..]);

    let request = ping("2001:db8::2", "2001:db8::1", b"six");
    rig.take(LAN, &request);
    let reply = rig.packet();
    let header = Ipv6Packet::new(&reply).unwrap();
    assert_eq!((header.get_source(), header.get_destination()), (v6("2001:db8::1"), v6("2001:db8::2")));
    let icmp = pnet_packet::icmpv6::Icmpv6Packet::new(header.payload()).unwrap();
    assert_eq!(icmp.get_icmpv6_type().0, 129);
    let sum = pnet_packet::icmpv6::checksum(&icmp, &header.get_source(), &header.get_destination());
    assert_eq!(sum, icmp.get_checksum());
}

#[test]
fn an_address_is_the_switch_s_on_every_interface_but_a_link_local_one() {
    let mut rig = Rig::with_hosts();
    rig.take(WAN, &ping("10.0.1.2", "10.0.0.1", b""));
    assert_eq!(rig.packets().len(), 1);
    let mut apart = config();
    let wan = apart.interfaces.get_mut(&WAN).unwrap();
    wan.mac = MacAddr([2, 0, 0, 0, 0, 9]);
    let mut rig = Rig::new(apart);
    let request = ping("fe80::22", "fe80::ff:fe00:1", b"");
    let to_wan = from_host(MacAddr([2, 0, 0, 0, 0, 9]), &request);
    rig.hear(WAN, &to_wan);
    assert_eq!(rig.stack.counters().dropped(IpDrop::ForeignAddress), 1);
}

#[test]
fn what_is_not_for_us_or_cannot_be_is_counted() {
    let good = || packet("10.0.0.2", "10.0.0.1", 1, 64, &[0, 0, 0xff, 0xff]);
    let mut damaged = good();
    damaged[10] ^= 1;
    let rows = [
        (IpDrop::ForeignMac, from_host(HOST_MAC, &good())),
        (IpDrop::ForeignMac, from_host(MacAddr::BROADCAST, &ping("10.0.0.2", "10.0.0.1", b""))),
        (IpDrop::Runt, vec![0; 13]),
        (IpDrop::Malformed, from_host(OUR_MAC, &damaged)),
        (IpDrop::Malformed, from_host(OUR_MAC, &good()[..19])),
        (IpDrop::Martian, from_host(OUR_MAC, &ping("127.0.0.1", "10.0.0.1", b""))),
        (IpDrop::Martian, from_host(OUR_MAC, &ping("10.0.0.255", "10.0.0.1", b""))),
        (IpDrop::Martian, from_host(OUR_MAC, &ping("224.0.0.1", "10.0.0.1", b""))),
        (IpDrop::Martian, from_host(OUR_MAC, &ping("ff02::1", "2001:db8::1", b""))),
        (IpDrop::OwnSource, from_host(OUR_MAC, &ping("10.0.1.1", "10.0.0.1", b""))),
        (IpDrop::ForeignAddress, from_host(OUR_MAC, &ping("10.0.0.2", "10.0.0.9", b""))),
    ];
    for (reason, frame) in rows {
        let mut rig = Rig::with_hosts();
        rig.hear(LAN, &frame);
        let drops = &rig.stack.counters().drops;
        assert_eq!(drops.iter().collect::<Vec<_>>(), [(&reason, &1)], "{frame:02x?}");
        assert!(rig.outgoing().is_empty());
    }
}

#[test]
fn datagrams_of_bfd_come_out_with_their_ttl_and_their_interface() {
    let mut rig = Rig::with_hosts();
    rig.stack.register_udp(3784);
    rig.take(WAN, &datagram("10.0.1.2", "10.0.1.1", (50000, 3784), 255, b"bfd"));
    let expected = IpEvent::Datagram {
        interface: WAN,
        from: "10.0.1.2:50000".parse().unwrap(),
        to: "10.0.1.1:3784".parse().unwrap(),
        ttl: 255,
        payload: b"bfd"[..].into(),
    };
    assert_eq!(rig.events(), [expected]);
    let mut damaged = datagram("10.0.1.2", "10.0.1.1", (50000, 3784), 255, b"bfd");
    *damaged.last_mut().unwrap() ^= 1;
    rig.take(WAN, &damaged);
    assert_eq!((rig.events(), rig.stack.counters().dropped(IpDrop::Malformed)), (vec![], 1));

    let how = SendOptions { interface: Some(WAN), ttl: 255, tos: 0xc0 };
    let (from, to) = ("10.0.1.1:50001".parse().unwrap(), "10.0.1.2:3784".parse().unwrap());
    rig.stack.send_udp(rig.now, from, to, how, b"answer");
    let sent = rig.packet();
    let header = Ipv4Packet::new(&sent).unwrap();
    assert_eq!((header.get_ttl(), header.get_dscp()), (255, 48));
    assert_eq!(ipv4::checksum(&header), header.get_checksum());
    let datagram = UdpPacket::new(header.payload()).unwrap();
    assert_eq!(
        (datagram.get_source(), datagram.get_destination(), datagram.payload()),
        (50001, 3784, &b"answer"[..])
    );
    let sum = udp::ipv4_checksum(&datagram, &header.get_source(), &header.get_destination());
    assert_eq!(sum, datagram.get_checksum());
}

#[test]
fn a_protocol_hears_what_is_for_it_and_for_groups_of_the_link() {
    let mut rig = Rig::with_hosts();
    rig.stack.register_protocol(253);
    rig.take(LAN, &packet("10.0.0.2", "10.0.0.1", 253, 1, b"alone"));
    rig.hear(
        LAN,
        &from_host(group_mac4(v4("224.0.0.99")), &packet("10.0.0.2", "224.0.0.99", 253, 1, b"all")),
    );
    let six = packet("fe80::22", "ff02::99", 253, 255, b"six");
    rig.hear(WAN, &from_host(MacAddr([0x33, 0x33, 0, 0, 0, 0x99]), &six));
    let heard = rig.events().into_iter().map(|event| match event {
        IpEvent::Packet { interface, to, protocol: 253, ttl, payload, .. } => (interface, to, ttl, payload),
        other => panic!("{other:?}"),
    });
    let expected = [
        (LAN, ip("10.0.0.1"), 1, b"alone"[..].into()),
        (LAN, ip("224.0.0.99"), 1, b"all"[..].into()),
        (WAN, ip("ff02::99"), 255, b"six"[..].into()),
    ];
    assert_eq!(heard.collect::<Vec<_>>(), expected);
}

#[test]
fn extension_headers_are_walked_over() {
    let mut rig = Rig::with_hosts();
    rig.stack.register_protocol(253);
    // Hop-by-hop options with a router alert, destination options, a route at its end.
    let chain = [60, 0, 5, 2, 0, 0, 1, 0, 43, 0, 1, 4, 0, 0, 0, 0, 253, 0, 4, 0, 0, 0, 0, 0];
    let with = |chain: &[u8]| packet("2001:db8::2", "2001:db8::1", 0, 64, &[chain, b"behind"].concat());
    rig.take(LAN, &with(&chain));
    let events = rig.events();
    assert!(matches!(&events[..], [IpEvent::Packet { payload, .. }] if payload == "behind"), "{events:?}");
    for (at, byte) in [(2, 0x80), (19, 1), (1, 200)] {
        let mut wrong = chain;
        wrong[at] = byte;
        let mut rig = Rig::with_hosts();
        rig.stack.register_protocol(253);
        rig.take(LAN, &with(&wrong));
        assert_eq!(rig.stack.counters().dropped(IpDrop::Malformed), 1, "octet {at}");
    }
}
