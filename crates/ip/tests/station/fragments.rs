//! Packets that are longer than a link, and those that come in parts.

use crate::rig::*;
use greylag_ip::{IpDrop, IpEvent, SendOptions};
use pnet_packet::Packet;
use pnet_packet::ipv4::{self, Ipv4Packet};
use std::time::Duration;

/// An IPv4 packet that may be cut, with options: one that is copied, one that is not.
fn with_options(len: usize) -> Vec<u8> {
    let mut whole = packet("10.0.0.2", "192.0.2.1", 253, 9, &[]);
    // No operation, a record of the route for one address, a stream id (copied), the end.
    whole.extend([1, 7, 7, 4, 0, 0, 0, 0, 0x88, 4, 0x12, 0x34, 0, 0, 0, 0]);
    whole.extend((0..len).map(|index| index as u8));
    whole[0] = 0x49;
    let total = whole.len() as u16;
    whole[2..4].copy_from_slice(&total.to_be_bytes());
    whole[4..8].copy_from_slice(&[0xab, 0xcd, 0, 0]);
    smoltcp::wire::Ipv4Packet::new_unchecked(&mut whole).fill_checksum();
    whole
}

/// A switch whose WAN carries this much.
fn narrow(mtu: u16) -> Rig {
    let mut rig = Rig::with_hosts();
    let mut config = rig.stack.config().clone();
    let wan = config.interfaces.get_mut(&WAN).unwrap();
    (wan.mtu, wan.ipv6) = (mtu, Vec::new());
    wan.neighbors.retain(|addr, _| addr.is_ipv4());
    rig.stack.reconfigure(rig.now, config).unwrap();
    rig.events();
    rig
}

fn forward(rig: &mut Rig, packet: &[u8]) {
    rig.stack.forward_slow(rig.now, LAN, WAN, Some(ip("10.0.1.2")), &from_host(OUR_MAC, packet));
}

#[test]
fn a_packet_is_cut_as_rfc_791_says() {
    let mut rig = narrow(600);
    let whole = with_options(1400);
    forward(&mut rig, &whole);
    let parts = rig.packets();
    let mut payload = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let header = Ipv4Packet::new(part).unwrap();
        assert!(part.len() <= 600);
        assert_eq!(ipv4::checksum(&header), header.get_checksum());
        assert_eq!((header.get_identification(), header.get_ttl()), (0xabcd, 8));
        assert_eq!(usize::from(header.get_fragment_offset()) * 8, payload.len());
        assert_eq!(header.get_flags() & 1 == 1, index + 1 < parts.len());
        let options = &part[20..usize::from(header.get_header_length()) * 4];
        let expected = if index == 0 { &whole[20..36] } else { &[0x88, 4, 0x12, 0x34][..] };
        assert_eq!(options, expected);
        payload.extend_from_slice(&part[usize::from(header.get_header_length()) * 4..]);
    }
    assert_eq!((parts.len(), &payload[..]), (3, &whole[36..]));
    // A part is cut again: the offset goes on, and the last of its parts is not the last of all.
    let mut rig = narrow(400);
    forward(&mut rig, &parts[1]);
    let again = rig.packets();
    let offset = Ipv4Packet::new(&parts[1]).unwrap().get_fragment_offset();
    assert_eq!(again.len(), 2);
    assert_eq!(Ipv4Packet::new(&again[0]).unwrap().get_fragment_offset(), offset);
    assert!(again.iter().all(|part| Ipv4Packet::new(part).unwrap().get_flags() & 1 == 1));
}

#[test]
fn of_what_must_not_be_cut_or_has_come_too_far_the_source_is_told() {
    let mut protected = with_options(1400);
    protected[6] = 0x40;
    smoltcp::wire::Ipv4Packet::new_unchecked(&mut protected).fill_checksum();
    let six = |ttl| packet("2001:db8::2", "2001:db8:9::1", 253, ttl, &[0; 1400]);
    let mut late = with_options(8);
    late[8] = 1;
    smoltcp::wire::Ipv4Packet::new_unchecked(&mut late).fill_checksum();
    let rows = [
        (protected, IpDrop::TooBig, [3, 4]),
        (six(9), IpDrop::TooBig, [2, 0]),
        (late, IpDrop::HopLimit, [11, 0]),
        (six(1), IpDrop::HopLimit, [3, 0]),
    ];
    for (transit, reason, kind) in rows {
        let mut rig = narrow(600);
        forward(&mut rig, &transit);
        assert_eq!(rig.stack.counters().dropped(reason), 1);
        let told = rig.packet();
        let icmp = if told[0] >> 4 == 4 { &told[20..] } else { &told[40..] };
        assert_eq!(icmp[..2], kind);
        assert!(
            kind[0] == 11 || kind == [3, 0] || icmp[4..8] == [0, 0, 2, 88],
            "the MTU is 600: {:?}",
            &icmp[4..8]
        );
    }
}

#[test]
fn what_is_damaged_or_was_for_everybody_is_not_forwarded() {
    let mut rig = narrow(1500);
    let mut damaged = with_options(8);
    damaged[10] ^= 1;
    forward(&mut rig, &damaged);
    let frame = from_host(greylag_base::MacAddr::BROADCAST, &with_options(8));
    rig.stack.forward_slow(rig.now, LAN, WAN, None, &frame);
    let drops = &rig.stack.counters().drops;
    assert_eq!(drops.keys().collect::<Vec<_>>(), [&IpDrop::ForeignMac, &IpDrop::Malformed]);
    assert!(rig.outgoing().is_empty());
}

/// A switch whose own packets leave in parts, and one that puts them together.
#[test]
fn a_long_echo_goes_both_ways_in_parts() {
    for (host, own) in [("10.0.0.2", "10.0.0.1"), ("2001:db8::2", "2001:db8::1")] {
        let mut far = Rig::new({
            let mut config = config();
            config.interfaces.remove(&WAN);
            let lan = config.interfaces.get_mut(&LAN).unwrap();
            *lan = interface(HOST_MAC, &["10.0.0.2/24", "2001:db8::2/64"]);
            lan.neighbors = [(ip("10.0.0.1"), OUR_MAC), (ip("2001:db8::1"), OUR_MAC)].into();
            config
        });
        let mut rig = Rig::with_hosts();
        let data: Vec<u8> = (0..5000).map(|index| index as u8).collect();
        let request = ping(host, own, &data);
        let header_len = request.len() - 5008;
        let how = SendOptions { interface: None, ttl: 64, tos: 0 };
        let protocol = if header_len == 20 { 1 } else { 58 };
        far.stack.send_ip(far.now, ip(host), ip(own), protocol, how, &request[header_len..]);
        let mut parts = far.packets();
        assert_eq!(parts.len(), 4);
        // They come in any order, and some twice.
        parts.reverse();
        parts.insert(2, parts[1].clone());
        for part in &parts {
            assert!(part.len() <= 1500);
            rig.take(LAN, part);
        }
        assert_eq!(rig.stack.counters().echo_replies, 1, "{own}");
        let reply = rig.packets();
        assert_eq!(reply.len(), 4);
        // The other end puts it together: an echo reply is of interest to nobody, and is not damaged.
        for part in reply {
            far.hear(LAN, &from_host(HOST_MAC, &part));
        }
        assert!(far.stack.counters().drops.is_empty(), "{:?}", far.stack.counters());
    }
}

#[test]
fn parts_that_overlap_are_no_packet_and_those_that_lack_are_told_of() {
    let mut rig = Rig::with_hosts();
    rig.stack.register_protocol(253);
    let part = |ident: u8, offset: u8, more: bool, data: &[u8]| {
        let mut part = packet("10.0.0.2", "10.0.0.1", 253, 64, data);
        part[4..8].copy_from_slice(&[0, ident, if more { 0x20 } else { 0 }, offset]);
        smoltcp::wire::Ipv4Packet::new_unchecked(&mut part).fill_checksum();
        part
    };
    rig.take(LAN, &part(1, 0, true, b"sixteen octets.."));
    rig.take(LAN, &part(1, 1, false, b"overlap"));
    assert_eq!(rig.stack.counters().dropped(IpDrop::Fragments), 1);
    rig.take(LAN, &part(4, 1, false, b"overlap"));
    rig.take(LAN, &part(4, 0, true, b"sixteen octets.."));
    assert_eq!(rig.stack.counters().dropped(IpDrop::Fragments), 2);
    rig.take(LAN, &part(2, 1, false, b"the end"));
    rig.take(LAN, &part(2, 0, true, b"begins, "));
    let events = rig.events();
    assert!(
        matches!(&events[..], [IpEvent::Packet { payload, .. }] if payload == "begins, the end"),
        "{events:?}"
    );
    rig.take(LAN, &part(3, 0, true, b"no more "));
    rig.sleep(Duration::from_secs(30));
    let told = rig.packet();
    assert_eq!(&Ipv4Packet::new(&told).unwrap().payload()[..2], [11, 1]);
}
