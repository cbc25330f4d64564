//! Neighbours over ARP and neighbour discovery: what is asked, what is answered, who is believed.

use crate::rig::*;
use greylag_base::{InterfaceId, MacAddr, Seed};
use greylag_ip::addresses::{ALL_NODES, group_mac6, solicited_node};
use greylag_ip::arp::{self, Arp};
use greylag_ip::nd::{self, Message};
use greylag_ip::{IpDrop, IpEvent, IpStack, NeighborState, Outgoing, SendOptions};
use greylag_wire::ethernet::EtherType;
use pnet_packet::Packet;
use pnet_packet::arp::{ArpOperations, ArpPacket};
use pnet_packet::icmpv6::ndp::{NdpOptionTypes, NeighborAdvertPacket, NeighborSolicitPacket};
use pnet_packet::icmpv6::{Icmpv6Packet, checksum};
use pnet_packet::ipv6::Ipv6Packet;
use std::time::Duration;

const HOW: SendOptions = SendOptions { interface: None, ttl: 255, tos: 0 };

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn bytes(message: Message) -> Vec<u8> {
    let mut packet = vec![0; message.packet_len()];
    message.emit(&mut packet);
    packet
}

/// The neighbour message in a packet, if headers and checksum are right.
fn nd_message(packet: &[u8]) -> (Ipv6Packet<'_>, Vec<u8>) {
    let ip = Ipv6Packet::new(packet).unwrap();
    let payload = ip.payload()[..ip.get_payload_length().into()].to_vec();
    let icmp = Icmpv6Packet::new(&payload).unwrap();
    assert_eq!(checksum(&icmp, &ip.get_source(), &ip.get_destination()), icmp.get_checksum());
    assert_eq!(ip.get_hop_limit(), 255);
    (ip, payload)
}

#[test]
fn addresses_are_announced_when_an_interface_comes_up_and_when_they_are_new() {
    let mut rig = Rig::new(config());
    rig.stack.set_interface(rig.now, LAN, false);
    rig.stack.set_interface(rig.now, LAN, true);
    let frames = rig.frames();
    let [(LAN, MacAddr::BROADCAST, EtherType::ARP, gratuitous), global, local] = &frames[..] else {
        panic!("{frames:02x?}")
    };
    let arp = ArpPacket::new(gratuitous).unwrap();
    assert_eq!(arp.get_operation(), ArpOperations::Request);
    assert_eq!((arp.get_sender_proto_addr(), arp.get_target_proto_addr()), (v4("10.0.0.1"), v4("10.0.0.1")));
    assert_eq!(arp.get_sender_hw_addr().octets(), OUR_MAC.0);
    for ((_, mac, _, packet), own) in [(global, v6("2001:db8::1")), (local, v6("fe80::ff:fe00:1"))] {
        assert_eq!(*mac, group_mac6(ALL_NODES));
        let (ip, message) = nd_message(packet);
        assert_eq!((ip.get_source(), ip.get_destination()), (own, ALL_NODES));
        let advert = NeighborAdvertPacket::new(&message).unwrap();
        // Router and override, and not solicited.
        assert_eq!((advert.get_flags(), advert.get_target_addr()), (0b1010_0000, own));
        let option = &advert.get_options()[0];
        assert_eq!((option.option_type, &option.data[..]), (NdpOptionTypes::TargetLLAddr, &OUR_MAC.0[..]));
    }
    let mut more = config();
    more.interfaces.get_mut(&LAN).unwrap().ipv4.push((v4("10.0.7.1"), 24));
    rig.stack.reconfigure(rig.now, more).unwrap();
    let [(LAN, MacAddr::BROADCAST, EtherType::ARP, packet)] = &rig.frames()[..] else { panic!() };
    assert_eq!(Arp::parse(packet).unwrap().sender, v4("10.0.7.1"));
}

#[test]
fn a_packet_waits_until_its_neighbour_has_answered() {
    let mut rig = Rig::new(config());
    rig.stack.send_ip(rig.now, ip("10.0.0.1"), ip("10.0.0.2"), 253, HOW, b"first");
    rig.stack.send_ip(rig.now, ip("10.0.0.1"), ip("10.0.0.2"), 253, HOW, b"second");
    let [(LAN, MacAddr::BROADCAST, EtherType::ARP, asked)] = &rig.frames()[..] else { panic!() };
    let asked = ArpPacket::new(asked).unwrap();
    assert_eq!(
        (asked.get_sender_proto_addr(), asked.get_target_proto_addr()),
        (v4("10.0.0.1"), v4("10.0.0.2"))
    );
    let answer = Arp { is_reply: false, mac: OUR_MAC, sender: v4("10.0.0.1"), target: v4("10.0.0.2") };
    rig.hear(LAN, &arp_frame(OUR_MAC, answer.answer(HOST_MAC)));
    let packets = rig.packets();
    assert!(packets[0].ends_with(b"first") && packets[1].ends_with(b"second") && packets.len() == 2);
    let changed = IpEvent::NeighborChanged {
        interface: LAN,
        ip: ip("10.0.0.2"),
        mac: Some(HOST_MAC),
        state: Some(NeighborState::Reachable),
    };
    assert_eq!(rig.events(), [changed]);
}

#[test]
fn a_neighbour_of_ipv6_is_asked_for_in_its_group_and_later_alone() {
    let mut rig = Rig::new(config());
    let host = v6("fe80::22");
    rig.stack.want(rig.now, LAN, host.into(), true);
    let [(LAN, mac, EtherType::IPV6, packet)] = &rig.frames()[..] else { panic!() };
    assert_eq!(*mac, group_mac6(solicited_node(host)));
    let (header, message) = nd_message(packet);
    assert_eq!(
        (header.get_source(), header.get_destination()),
        (v6("fe80::ff:fe00:1"), solicited_node(host))
    );
    let solicit = NeighborSolicitPacket::new(&message).unwrap();
    assert_eq!(solicit.get_target_addr(), host);
    assert_eq!(&solicit.get_options()[0].data[..], OUR_MAC.0);

    let answer = nd::answer(HOST_MAC, host, Some(v6("fe80::ff:fe00:1")), false);
    rig.take(LAN, &bytes(answer));
    assert_eq!(rig.stack.neighbor(LAN, host.into()), Some((NeighborState::Reachable, Some(HOST_MAC))));
    // It is wanted: after its lifetime and five seconds it is asked, alone.
    rig.sleep(second(50));
    let [(LAN, HOST_MAC, EtherType::IPV6, packet), ..] = &rig.frames()[..] else { panic!() };
    assert_eq!(nd_message(packet).0.get_destination(), host);
}

#[test]
fn a_neighbour_that_is_gone_is_told_of_once() {
    let mut rig = Rig::new(config());
    let host = ip("10.0.0.2");
    rig.stack.want(rig.now, LAN, host, true);
    let answer = Arp { is_reply: false, mac: OUR_MAC, sender: v4("10.0.0.1"), target: v4("10.0.0.2") };
    rig.hear(LAN, &arp_frame(OUR_MAC, answer.answer(HOST_MAC)));
    rig.events();
    let found = rig.now;
    rig.sleep(second(120));
    let gone = |state| IpEvent::NeighborChanged { interface: LAN, ip: host, mac: None, state };
    assert_eq!(rig.events(), [gone(Some(NeighborState::Failed))], "and is asked for ever since");
    let row = rig.stack.snapshot(rig.now).neighbors[0];
    assert!(row.wanted && row.mac.is_none() && !row.is_static, "{row:?}");
    assert_eq!(row.age, rig.now - found);
    // It comes back, and says so to everybody: that is enough to send to it, and to have it verified.
    rig.hear(LAN, &arp_frame(MacAddr::BROADCAST, arp::request(HOST_MAC, v4("10.0.0.2"), v4("10.0.0.2"))));
    let back = IpEvent::NeighborChanged {
        interface: LAN,
        ip: host,
        mac: Some(HOST_MAC),
        state: Some(NeighborState::Stale),
    };
    assert_eq!(rig.events(), [back]);
    // The link goes down.
    rig.stack.set_interface(rig.now, LAN, false);
    assert_eq!(rig.events(), [gone(None)]);
    rig.frames();
    rig.stack.set_interface(rig.now, LAN, true);
    let asked = |frame: &(InterfaceId, MacAddr, EtherType, Vec<u8>)| {
        frame.2 == EtherType::ARP && Arp::parse(&frame.3).unwrap().target == v4("10.0.0.2")
    };
    assert_eq!(rig.frames().iter().filter(|frame| asked(frame)).count(), 1, "it still is wanted");
}

#[test]
fn arp_is_answered_for_the_interface_s_own_addresses_alone() {
    let request = |sender, target| arp::request(HOST_MAC, v4(sender), v4(target));
    let rows = [
        ("10.0.0.2", "10.0.0.1", true, true),
        // Somebody looks for duplicates: answered, and nobody has been met.
        ("0.0.0.0", "10.0.0.1", true, false),
        // An address of ours, on another interface.
        ("10.0.0.2", "10.0.1.1", false, false),
        ("10.0.0.2", "10.0.0.3", false, false),
        ("224.0.0.5", "10.0.0.1", false, false),
    ];
    for (sender, target, answered, known) in rows {
        let mut rig = Rig::new(config());
        rig.hear(LAN, &arp_frame(MacAddr::BROADCAST, request(sender, target)));
        let frames = rig.frames();
        assert_eq!(frames.len(), usize::from(answered), "{sender} asks for {target}");
        for (interface, to, _, packet) in frames {
            let arp = ArpPacket::new(&packet).unwrap();
            assert_eq!((interface, to, arp.get_operation()), (LAN, HOST_MAC, ArpOperations::Reply));
            assert_eq!(arp.get_sender_hw_addr().octets(), OUR_MAC.0);
            assert_eq!((arp.get_sender_proto_addr(), arp.get_target_proto_addr()), (v4(target), v4(sender)));
        }
        let stale = Some((NeighborState::Stale, Some(HOST_MAC)));
        assert_eq!(
            rig.stack.neighbor(LAN, ip(sender)),
            stale.filter(|_| known),
            "{sender} asks for {target}"
        );
    }
}

/// What RFC 4861 7.1 does not let pass.
#[test]
fn neighbour_messages_that_break_a_rule_are_dropped() {
    let sound = |from: &str| {
        let group = solicited_node(v6("2001:db8::1"));
        let (_, message) = nd::solicitation(HOST_MAC, v6(from), v6("2001:db8::1"), None);
        assert_eq!(message.to, group);
        bytes(message)
    };
    let refill = |mut packet: Vec<u8>| {
        let (from, to) = (v6_at(&packet, 8), v6_at(&packet, 24));
        smoltcp::wire::Icmpv6Packet::new_unchecked(&mut packet[40..]).fill_checksum(&from, &to);
        packet
    };
    let change = |at: usize, byte: u8| {
        let mut packet = sound("2001:db8::2");
        packet[at] = byte;
        refill(packet)
    };
    let mut damaged = sound("2001:db8::2");
    damaged[42] ^= 1;
    let mut unspecified = sound("2001:db8::2");
    unspecified[8..24].fill(0);
    let mut astray = unspecified.clone();
    astray[64..72].fill(0);
    astray.truncate(64);
    astray[5] -= 8;
    let rows = [
        ("sound", sound("2001:db8::2"), true),
        ("of somebody without address", refill(astray.clone()), true),
        ("of somebody without address, to one alone", refill(alone(astray)), false),
        ("forwarded by a router", change(7, 254), false),
        ("checksum", damaged, false),
        ("code", change(41, 1), false),
        ("group as target", change(48, 0xff), false),
        ("option of no length", change(65, 0), false),
        ("group as link-layer address", change(66, 3), false),
        ("no source, but a link-layer address", refill(unspecified), false),
    ];
    for (name, packet, taken) in rows {
        let mut rig = Rig::new(config());
        rig.hear(LAN, &from_host(group_mac6(solicited_node(v6("2001:db8::1"))), &packet));
        let answers = rig.frames();
        assert_eq!(answers.len(), usize::from(taken), "{name}");
        assert_eq!(rig.stack.counters().dropped(IpDrop::Malformed), u64::from(!taken), "{name}");
        if let [(_, HOST_MAC, _, packet)] = &answers[..] {
            let (header, message) = nd_message(packet);
            assert_eq!(header.get_destination(), v6("2001:db8::2"));
            // Router, solicited, override.
            assert_eq!(NeighborAdvertPacket::new(&message).unwrap().get_flags(), 0b1110_0000);
        }
    }
}

fn alone(mut packet: Vec<u8>) -> Vec<u8> {
    packet[24..40].copy_from_slice(&v6("2001:db8::1").octets());
    packet
}

#[test]
fn an_answer_to_a_group_is_no_answer() {
    let mut rig = Rig::new(config());
    rig.stack.want(rig.now, LAN, ip("2001:db8::2"), true);
    let mut advertisement = bytes(nd::announcement(HOST_MAC, v6("2001:db8::2"), false));
    advertisement[44] |= 0x40;
    smoltcp::wire::Icmpv6Packet::new_unchecked(&mut advertisement[40..])
        .fill_checksum(&v6("2001:db8::2"), &ALL_NODES);
    rig.hear(LAN, &from_host(group_mac6(ALL_NODES), &advertisement));
    assert_eq!(rig.stack.counters().dropped(IpDrop::Malformed), 1);
    assert_eq!(rig.stack.neighbor(LAN, ip("2001:db8::2")), Some((NeighborState::Incomplete, None)));
}

fn v6_at(packet: &[u8], at: usize) -> std::net::Ipv6Addr {
    let octets: [u8; 16] = packet[at..at + 16].try_into().unwrap();
    octets.into()
}

#[test]
fn an_address_of_ours_that_another_station_has_is_told_of_and_defended() {
    let mut rig = Rig::new(config());
    let claim = arp_frame(MacAddr::BROADCAST, arp::request(HOST_MAC, v4("10.0.0.1"), v4("10.0.0.1")));
    let duplicate = |text| IpEvent::DuplicateAddress { interface: LAN, ip: ip(text), mac: HOST_MAC };
    rig.hear(LAN, &claim);
    rig.hear(LAN, &claim);
    assert_eq!(rig.events(), [duplicate("10.0.0.1")]);
    assert_eq!(rig.frames().len(), 1, "once in ten seconds");
    rig.sleep(second(10));
    rig.hear(
        LAN,
        &from_host(group_mac6(ALL_NODES), &bytes(nd::announcement(HOST_MAC, v6("2001:db8::1"), false))),
    );
    assert_eq!(rig.events(), [duplicate("2001:db8::1")]);
    assert!(rig.stack.snapshot(rig.now).neighbors.is_empty());
}

#[test]
fn what_the_data_plane_uses_is_verified() {
    let mut rig = Rig::new(config());
    rig.hear(LAN, &arp_frame(MacAddr::BROADCAST, arp::request(HOST_MAC, v4("10.0.0.2"), v4("10.0.0.1"))));
    rig.frames();
    rig.sleep(second(1100));
    assert!(rig.frames().is_empty(), "nobody uses it");
    rig.stack.used(rig.now, LAN, ip("10.0.0.2"));
    rig.sleep(second(5));
    let [(LAN, HOST_MAC, EtherType::ARP, _)] = &rig.frames()[..] else { panic!("it is asked alone") };
}

#[test]
fn a_static_neighbour_is_where_an_operator_says() {
    let mut rig = Rig::with_hosts();
    let other = MacAddr([2, 0, 0, 0, 0, 0x33]);
    let request = arp::request(other, v4("10.0.0.2"), v4("10.0.0.1"));
    rig.hear(LAN, &arp_frame(MacAddr::BROADCAST, request));
    rig.stack.set_interface(rig.now, LAN, false);
    assert_eq!(rig.stack.resolve(rig.now, LAN, ip("10.0.0.2")), Some(HOST_MAC));
    rig.stack.set_interface(rig.now, LAN, true);
    rig.stack.want(rig.now, LAN, ip("10.0.0.2"), true);
    rig.frames();
    rig.events();
    rig.stack.reconfigure(rig.now, config()).unwrap();
    let gone: Vec<_> = rig.events();
    assert_eq!(gone.len(), 4, "{gone:?}");
    assert_eq!(rig.stack.neighbor(LAN, ip("2001:db8::2")), None);
    // Somebody has to reach it all the same.
    assert_eq!(rig.stack.neighbor(LAN, ip("10.0.0.2")), Some((NeighborState::Incomplete, None)));
    assert_eq!(rig.frames().len(), 1);
}

#[test]
fn a_packet_for_no_subnet_of_ours_is_given_to_who_knows_the_routes() {
    let mut rig = Rig::with_hosts();
    rig.stack.send_ip(rig.now, ip("10.0.0.1"), ip("192.0.2.1"), 253, HOW, b"far");
    let out = rig.outgoing();
    let [Outgoing::Route { to, packet }] = &out[..] else { panic!("{out:?}") };
    assert_eq!(*to, ip("192.0.2.1"));
    let packet = packet.clone();
    rig.stack.send_via(rig.now, WAN, Some(ip("10.0.1.2")), &packet);
    let [(WAN, HOST_MAC, EtherType::IPV4, framed)] = &rig.frames()[..] else { panic!() };
    assert_eq!(framed[..packet.len()], packet[..]);
    // Of link-local addresses and groups, nobody but the sender knows where they are.
    rig.stack.send_ip(rig.now, ip("10.0.0.1"), ip("224.0.0.5"), 253, HOW, b"nowhere");
    assert_eq!(rig.stack.counters().dropped(IpDrop::NoRoute), 1);
    let how = SendOptions { interface: Some(WAN), ..HOW };
    rig.stack.send_ip(rig.now, ip("10.0.1.1"), ip("224.0.0.5"), 253, how, b"group");
    let [(WAN, MacAddr([1, 0, 0x5e, 0, 0, 5]), _, _)] = rig.frames()[..] else { panic!() };
}

#[test]
fn switches_that_are_started_together_do_not_verify_together() {
    let verified = |seed| {
        let now = greylag_base::Instant::ZERO;
        let mut stack = IpStack::new(config(), Seed(seed), now).unwrap();
        stack.set_interface(now, LAN, true);
        stack.want(now, LAN, ip("10.0.0.2"), true);
        let answer = Arp { is_reply: false, mac: OUR_MAC, sender: v4("10.0.0.1"), target: v4("10.0.0.2") };
        stack.handle_frame(now, LAN, &arp_frame(OUR_MAC, answer.answer(HOST_MAC)));
        stack.poll_timeout().unwrap() - now
    };
    assert_eq!(verified(1), verified(1));
    assert_ne!(verified(1), verified(2));
    assert!((1..50).all(|seed| (second(15)..second(45)).contains(&verified(seed))));
}
