//! What is written is read again, by ourselves and by the netlink crates.

use greylag_fpm::{
    Encap, EncodeError, Family, Fpm, FpmMessage, GroupMember, Hop, IfIndex, Members, Next, NextHop,
    NextHopAdd, NextHopGroup, NextHopId, NextHopObject, Other, Outcome, Protocol, Resilient, RouteAdd,
    RouteDelete, RoutePrefix, TableId, encode, encode_outcome,
};
use netlink_packet_core::{NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteVia,
};
use proptest::prelude::*;
use std::net::IpAddr;
use std::time::Duration;

fn add<'a>(prefix: &str, next: Next<'a>) -> RouteAdd<'a> {
    let prefix = match prefix.contains(':') {
        true => RoutePrefix::V6(prefix.parse().unwrap()),
        false => RoutePrefix::V4(prefix.parse().unwrap()),
    };
    RouteAdd { prefix, table: TableId::MAIN, protocol: Protocol::BGP, priority: 20, next, replace: true }
}

fn hop(gateway: &str, interface: u32, weight: u16) -> Hop {
    let gateway = Some(gateway.parse().unwrap());
    Hop { next_hop: NextHop { gateway, interface: IfIndex(interface), ..NextHop::default() }, weight }
}

/// The netlink message of the one frame.
fn netlink(octets: &[u8]) -> NetlinkMessage<RouteNetlinkMessage> {
    assert_eq!(&octets[..2], [1, 1]);
    assert_eq!(usize::from(u16::from_be_bytes([octets[2], octets[3]])), octets.len());
    NetlinkMessage::deserialize(&octets[4..]).expect("it is netlink")
}

fn route(octets: &[u8]) -> RouteMessage {
    match netlink(octets).payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => route,
        other => panic!("{other:?}"),
    }
}

/// Reads the messages of a stream that has nothing wrong in it.
fn hear(stream: &[u8], mut hear: impl FnMut(FpmMessage<'_>)) {
    let mut fpm = Fpm::new();
    assert_eq!(fpm.handle_bytes(stream), stream.len());
    while let Some(message) = fpm.poll_message().expect("there is nothing wrong in it") {
        hear(message);
    }
    fpm.handle_end().unwrap();
}

#[test]
fn other_people_s_netlink_reads_our_routes() {
    let mut octets = Vec::new();
    let table = TableId(1001);
    let by_id = RouteAdd { table, ..add("198.51.100.0/24", Next::Id(NextHopId(77))) };
    encode(&[FpmMessage::RouteAdd(by_id)], &mut octets).unwrap();
    let header = netlink(&octets).header;
    assert_eq!(header.flags & (NLM_F_REQUEST | NLM_F_REPLACE), NLM_F_REQUEST | NLM_F_REPLACE);
    let read = route(&octets);
    assert_eq!((read.header.destination_prefix_length, read.header.protocol), (24, RouteProtocol::Bgp));
    let destination = RouteAddress::Inet("198.51.100.0".parse().unwrap());
    assert!(read.attributes.contains(&RouteAttribute::Destination(destination)));
    assert!(read.attributes.contains(&RouteAttribute::Table(1001)));
    assert!(read.attributes.contains(&RouteAttribute::Priority(20)));

    octets.clear();
    let hops = [hop("192.0.2.2", 3, 1), hop("192.0.2.6", 5, 4)];
    encode(&[FpmMessage::RouteAdd(add("0.0.0.0/0", Next::Hops(hops[..].into())))], &mut octets).unwrap();
    let read = route(&octets);
    let multipath = read.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => Some(hops),
        _ => None,
    });
    let hops: Vec<_> = multipath.unwrap().iter().map(|hop| (hop.interface_index, hop.hops)).collect();
    assert_eq!(hops, [(3, 0), (5, 3)]);

    // An IPv6 neighbour of an IPv4 route has an attribute that says of which family it is.
    octets.clear();
    let by_ipv6 = Next::Hops(hop("2001:db8::2", 3, 1).into());
    encode(&[FpmMessage::RouteAdd(add("198.51.100.0/24", by_ipv6))], &mut octets).unwrap();
    let neighbour = RouteVia::Inet6("2001:db8::2".parse().unwrap());
    assert!(route(&octets).attributes.contains(&RouteAttribute::Via(neighbour)));
}

#[test]
fn an_outcome_is_the_route_with_a_flag_in_a_frame_of_its_own() {
    let outcomes = [
        (Outcome::Offloaded, RouteFlags::RtOffload),
        (Outcome::Trapped, RouteFlags::RtTrap),
        (Outcome::Failed, RouteFlags::OffloadFailed),
    ];
    for (outcome, flag) in outcomes {
        let mut octets = Vec::new();
        encode_outcome(&add("2001:db8::/32", Next::Id(NextHopId(5))), outcome, &mut octets).unwrap();
        let read = route(&octets);
        assert_eq!(read.header.flags, flag);
        assert_eq!(read.header.protocol, RouteProtocol::Bgp);
        // Without this flag zebra passes it over.
        assert_ne!(netlink(&octets).header.flags & NLM_F_REQUEST, 0);
    }
}

#[test]
fn a_deletion_and_what_takes_its_place_are_one() {
    let new = add("2001:db8::/32", Next::Id(NextHopId(9)));
    let RouteAdd { prefix, table, protocol, priority, .. } = new;
    let old = FpmMessage::RouteDelete(RouteDelete { prefix, table, protocol, priority });
    let new = RouteAdd { replace: false, ..new };
    let mut stream = Vec::new();
    encode(&[old, FpmMessage::RouteAdd(new)], &mut stream).unwrap();
    // In frames of their own they are two, and so they are for two prefixes or two tables.
    encode(&[old], &mut stream).unwrap();
    encode(&[FpmMessage::RouteAdd(new)], &mut stream).unwrap();
    let other_table = FpmMessage::RouteAdd(RouteAdd { table: TableId(9), ..new });
    encode(&[old, other_table], &mut stream).unwrap();
    let other_prefix = FpmMessage::RouteAdd(RouteAdd { prefix: add("::/0", Next::Blackhole).prefix, ..new });
    encode(&[old, other_prefix], &mut stream).unwrap();
    let mut said = Vec::new();
    hear(&stream, |message| said.push(format!("{message:?}")));
    let replaced = FpmMessage::RouteAdd(RouteAdd { replace: true, ..new });
    let expected = [replaced, old, FpmMessage::RouteAdd(new), old, other_table, old, other_prefix];
    assert_eq!(said, expected.map(|message| format!("{message:?}")));
}

#[test]
fn what_does_not_fit_a_frame_is_refused_and_leaves_nothing() {
    let members: Vec<_> = (1..9000).map(|id| GroupMember { id: NextHopId(id), weight: 1 }).collect();
    let group = NextHopGroup { members: members[..].into(), resilient: None };
    let object = NextHopObject::Group(group);
    let add = NextHopAdd { id: NextHopId(1), protocol: Protocol::ZEBRA, replace: true, object };
    let mut octets = vec![7];
    let refused = encode(&[FpmMessage::NextHopAdd(add)], &mut octets).unwrap_err();
    assert!(matches!(refused, EncodeError::TooLong(len) if len > 65_535), "{refused}");
    let other = encode(&[FpmMessage::Other(Other::Lsp)], &mut octets).unwrap_err();
    assert_eq!(other.to_string(), "a label switched path cannot be written: only its name is known");
    assert_eq!(octets, [7]);
}

prop_compose! {
    fn any_next_hop()(
        gateway in any::<Option<IpAddr>>(),
        interface in any::<u32>(),
        onlink in any::<bool>(),
        encap in any::<Option<u16>>(),
    ) -> NextHop {
        NextHop { gateway, interface: IfIndex(interface), onlink, encap: encap.map(Encap) }
    }
}

prop_compose! {
    fn any_prefix()(v4 in any::<(u32, u8)>(), v6 in any::<(u128, u8)>(), six in any::<bool>()) -> RoutePrefix {
        let short = RoutePrefix::V4(greylag_fib::Prefix::new(v4.0, v4.1 % 33).unwrap());
        let long = RoutePrefix::V6(greylag_fib::Prefix::new(v6.0, v6.1 % 129).unwrap());
        if six { long } else { short }
    }
}

/// All that a message can be made of, for whichever one is made.
#[derive(Debug)]
struct Parts {
    which: u8,
    prefix: RoutePrefix,
    numbers: (u32, u32, u8, u32),
    replace: bool,
    hops: Vec<(NextHop, u16)>,
    members: Vec<(u32, u16)>,
    resilient: Option<(u16, u32, u32)>,
}

prop_compose! {
    fn any_parts()(
        which in 0u8..10,
        prefix in any_prefix(),
        numbers in any::<(u32, u32, u8, u32)>(),
        replace in any::<bool>(),
        hops in prop::collection::vec((any_next_hop(), prop_oneof![Just(1u16), 1u16..=256]), 0..6),
        members in prop::collection::vec((any::<u32>(), 1u16..), 0..6),
        resilient in any::<Option<(u16, u32, u32)>>(),
    ) -> Parts {
        Parts { which, prefix, numbers, replace, hops, members, resilient }
    }
}

/// Makes the message, and hands it over.
fn with<T>(parts: &Parts, take: impl FnOnce(FpmMessage<'_>) -> T) -> T {
    let (id, table, protocol, priority) = parts.numbers;
    let (id, table, protocol) = (NextHopId(id), TableId(table), Protocol(protocol));
    let (prefix, replace) = (parts.prefix, parts.replace);
    let hops: Vec<Hop> = parts.hops.iter().map(|&(next_hop, weight)| Hop { next_hop, weight }).collect();
    let members: Vec<_> =
        parts.members.iter().map(|&(id, weight)| GroupMember { id: NextHopId(id), weight }).collect();
    let one = hops.first().map_or_else(NextHop::default, |hop| hop.next_hop);
    let tick = |ticks| Duration::from_millis(10) * ticks;
    let resilient = parts.resilient.map(|(buckets, idle, unbalanced)| Resilient {
        buckets,
        idle: tick(idle),
        unbalanced: tick(unbalanced),
    });
    let group = NextHopGroup { members: Members::from(&members[..]), resilient };
    let route = |next| FpmMessage::RouteAdd(RouteAdd { prefix, table, protocol, priority, next, replace });
    let object = |object| FpmMessage::NextHopAdd(NextHopAdd { id, protocol, replace, object });
    take(match parts.which {
        0 => route(Next::Id(id)),
        1 => route(Next::Hops(hops[..].into())),
        2 => route(Next::Blackhole),
        3 => route(Next::Unreachable),
        4 => route(Next::Prohibit),
        5 => FpmMessage::RouteDelete(RouteDelete { prefix, table, protocol, priority }),
        6 => object(NextHopObject::Single(Some(Family::V4), one)),
        7 => object(NextHopObject::Blackhole),
        8 => object(NextHopObject::Group(group)),
        _ => FpmMessage::NextHopDelete(id),
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(all in prop::collection::vec(any_parts(), 1..20), piece in 1usize..300) {
        let mut stream = Vec::new();
        for parts in &all {
            with(parts, |message| encode(&[message], &mut stream)).unwrap();
        }
        let (mut fpm, mut heard) = (Fpm::new(), 0);
        for octets in stream.chunks(piece) {
            prop_assert_eq!(fpm.handle_bytes(octets), octets.len());
            while let Some(message) = fpm.poll_message().unwrap() {
                let same = with(&all[heard], |expected| (message == expected, format!("{expected:?}")));
                prop_assert!(same.0, "{:?} instead of {}", message, same.1);
                heard += 1;
            }
        }
        prop_assert_eq!(heard, all.len());
    }
}
