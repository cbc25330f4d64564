//! What zebra of FRR 8.4.4 said to a listener, octet for octet (`zebra-8.4.4.fpm`).
//!
//! It had two interfaces, 192.0.2.1/30 and 192.0.2.5/30 with 2001:db8:a::/64 and 2001:db8:b::/64, and static routes: 198.51.100.0/24 and
//! 2001:db8:100::/48 by neighbours behind both, 203.0.113.0/24 to nowhere, 203.0.113.64/26 rejected. Then the second interface went down
//! and came back, and 203.0.113.0/24 was taken away.

use greylag_fpm::{
    Family, Fpm, FpmMessage, GroupMember, IfIndex, Next, NextHop, NextHopAdd, NextHopGroup, NextHopId,
    NextHopObject, Protocol, RouteAdd, RouteDelete, RoutePrefix, TableId,
};

const STREAM: &[u8] = include_bytes!("zebra-8.4.4.fpm");

/// Hands a stream over in pieces of this size, and calls `hear` with each message.
fn play(stream: &[u8], piece: usize, mut hear: impl FnMut(FpmMessage<'_>)) -> Fpm {
    let mut fpm = Fpm::new();
    for mut octets in stream.chunks(piece) {
        while !octets.is_empty() {
            octets = &octets[fpm.handle_bytes(octets)..];
            while let Some(message) = fpm.poll_message().expect("zebra sends nothing wrong") {
                hear(message);
            }
        }
    }
    fpm.handle_end().expect("the recording is whole");
    fpm
}

/// In the words of an operator.
fn line(message: FpmMessage<'_>) -> String {
    let prefix_of = |RouteAdd { prefix, next, replace, .. }| {
        let next = match next {
            Next::Id(NextHopId(id)) => format!("by {id}"),
            other => format!("{other:?}").to_lowercase(),
        };
        format!("{} {prefix} {next}", if replace { "replace" } else { "add" })
    };
    match message {
        FpmMessage::RouteAdd(add) => prefix_of(add),
        FpmMessage::RouteDelete(delete) => format!("delete {}", delete.prefix),
        FpmMessage::NextHopAdd(NextHopAdd { id: NextHopId(id), object, .. }) => match object {
            NextHopObject::Single(
                _,
                NextHop { gateway: Some(gateway), interface: IfIndex(interface), .. },
            ) => {
                format!("{id} is {gateway} at {interface}")
            }
            NextHopObject::Single(_, NextHop { interface: IfIndex(interface), .. }) => {
                format!("{id} is at {interface}")
            }
            NextHopObject::Blackhole => format!("{id} is nowhere"),
            NextHopObject::Group(group) => {
                let member = |member: GroupMember| format!(" {}", member.id.0);
                format!("{id} is{}", group.members.iter().map(member).collect::<String>())
            }
        },
        FpmMessage::NextHopDelete(NextHopId(id)) => format!("{id} is gone"),
        FpmMessage::Other(other) => other.to_string(),
    }
}

#[test]
fn a_router_connects_loses_an_interface_and_gets_it_back() {
    let mut lines = Vec::new();
    let fpm = play(STREAM, STREAM.len(), |message| lines.push(line(message)));
    let expected = "
        17 is nowhere
        18 is nowhere
        19 is 20 21
        20 is 192.0.2.2 at 3
        21 is 192.0.2.6 at 5
        5 is at 3
        22 is 23 24
        6 is at 5
        23 is 2001:db8:a::2 at 3
        7 is at 3
        24 is 2001:db8:b::2 at 5
        8 is at 5
        27 is at 2
        30 is at 4
        replace 192.0.2.0/30 by 5
        replace 192.0.2.4/30 by 6
        replace 198.51.100.0/24 by 19
        replace 203.0.113.0/24 blackhole
        replace 203.0.113.64/26 unreachable
        add 2001:db8:a::/64 by 7
        add 2001:db8:b::/64 by 8
        add 2001:db8:100::/48 by 22
        add fe80::/64 by 7
        delete 192.0.2.4/30
        delete 2001:db8:b::/64
        add fe80::/64 by 7
        replace 198.51.100.0/24 by 20
        19 is gone
        replace 2001:db8:100::/48 by 23
        22 is gone
        35 is at 5
        replace 192.0.2.4/30 by 35
        add fe80::/64 by 7
        41 is at 5
        add 2001:db8:b::/64 by 41
        43 is 192.0.2.6 at 5
        42 is 20 43
        replace 198.51.100.0/24 by 42
        48 is 2001:db8:b::2 at 5
        47 is 23 48
        replace 2001:db8:100::/48 by 47
        add fe80::/64 by 7
        delete 203.0.113.0/24
        17 is gone";
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected);
    let counts = fpm.counts();
    assert_eq!((counts.frames, counts.route_adds, counts.route_deletes), (44, 18, 3));
    // The routes by both neighbours changed twice, each time by a deletion and a new route.
    assert_eq!((counts.replaced, counts.errors), (4, 0));
}

#[test]
fn messages_say_all_that_zebra_knows() {
    let mut found = 0;
    play(STREAM, STREAM.len(), |message| {
        let main = TableId::MAIN;
        let expected = match message {
            FpmMessage::NextHopAdd(NextHopAdd { id: NextHopId(19), .. }) => {
                let members = [20, 21].map(|id| GroupMember { id: NextHopId(id), weight: 1 });
                let group = NextHopGroup { members: members[..].into(), resilient: None };
                let object = NextHopObject::Group(group);
                let add = NextHopAdd { id: NextHopId(19), protocol: Protocol::ZEBRA, replace: true, object };
                assert_eq!(message, FpmMessage::NextHopAdd(add));
                found += 1;
                return;
            }
            FpmMessage::NextHopAdd(NextHopAdd { id: NextHopId(24), .. }) => {
                let gateway = Some("2001:db8:b::2".parse().unwrap());
                let next_hop = NextHop { gateway, interface: IfIndex(5), onlink: false, encap: None };
                let object = NextHopObject::Single(Some(Family::V6), next_hop);
                let id = NextHopId(24);
                FpmMessage::NextHopAdd(NextHopAdd { id, protocol: Protocol::ZEBRA, replace: true, object })
            }
            FpmMessage::RouteAdd(RouteAdd { next: Next::Id(NextHopId(22)), .. }) => {
                let prefix = RoutePrefix::V6("2001:db8:100::/48".parse().unwrap());
                let (protocol, next) = (Protocol::STATIC, Next::Id(NextHopId(22)));
                let add = RouteAdd { prefix, table: main, protocol, priority: 20, next, replace: false };
                FpmMessage::RouteAdd(add)
            }
            FpmMessage::RouteDelete(RouteDelete { protocol: Protocol::STATIC, .. }) => {
                let prefix = RoutePrefix::V4("203.0.113.0/24".parse().unwrap());
                let (protocol, priority) = (Protocol::STATIC, 20);
                FpmMessage::RouteDelete(RouteDelete { prefix, table: main, protocol, priority })
            }
            _ => return,
        };
        assert_eq!(message, expected);
        found += 1;
    });
    assert_eq!(found, 4);
}

#[test]
fn it_does_not_matter_where_the_stream_is_cut() {
    let mut whole = Vec::new();
    let all = play(STREAM, STREAM.len(), |message| whole.push(line(message)));
    for piece in [1, 2, 3, 7, 19, 64, 100] {
        let mut cut = Vec::new();
        let fpm = play(STREAM, piece, |message| cut.push(line(message)));
        assert_eq!(cut, whole, "in pieces of {piece}");
        assert_eq!(fpm.counts(), all.counts(), "in pieces of {piece}");
    }
}
