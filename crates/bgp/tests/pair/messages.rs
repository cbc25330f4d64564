//! UPDATEs that are wrong: what ends a session, with which code, and what does not (RFC 4271 6.3, RFC 7606).

use crate::driver::{address, address6, id, neighbor, prefix};
use greylag_base::{Instant, Seed};
use greylag_bgp::{
    Action, Asn, Bgp, BgpConfig, BgpEvent, Cause, Direction, Fault, Mistake, NeighborConfig, Treatment,
};

const NOW: Instant = Instant::ZERO;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0xff; 16][..], &(19 + body.len() as u16).to_be_bytes(), &[kind], body].concat()
}

/// A router in AS 65001 with a session to a neighbor in `peer_as` that the test pretends to be.
fn router(peer_as: u16) -> Bgp {
    let mut config = BgpConfig::new(Asn(65_001), [192, 0, 2, 1].into());
    let passive = NeighborConfig { passive_mode: true, ..neighbor(0, 1, &[65_001, peer_as.into()]) };
    config.neighbors.push(passive);
    let mut bgp = Bgp::new(config, Seed(1), NOW).expect("the test's configuration is sound");
    for hop in [address(1), address6(1)] {
        bgp.set_next_hop(NOW, hop, Some(0));
    }
    bgp.handle_connected(NOW, id(1), Direction::Passive);
    let asn = peer_as.to_be_bytes();
    let capabilities = [&[1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 65, 4, 0, 0][..], &asn].concat();
    let parameter = [&[2, capabilities.len() as u8][..], &capabilities].concat();
    let fixed = [&[4][..], &asn, &[0, 90, 192, 0, 2, 2, parameter.len() as u8]].concat();
    bgp.handle_bytes(NOW, id(1), Direction::Passive, &message(1, &[fixed, parameter].concat()));
    bgp.handle_bytes(NOW, id(1), Direction::Passive, &message(4, &[]));
    while bgp.poll_transmit().is_some() || bgp.poll_event().is_some() {}
    bgp
}

fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    [&[flags, kind, value.len() as u8][..], value].concat()
}

fn update(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| (part.len() as u16).to_be_bytes();
    message(2, &[&length(withdrawn)[..], withdrawn, &length(attributes), attributes, announced].concat())
}

const PREFIX: &[u8] = &[24, 198, 51, 100];
const NEXT_HOP: &[u8] = &[192, 0, 2, 2];

/// What has to be there, from AS 65002 and from our own.
fn origin() -> Vec<u8> {
    attribute(0x40, 1, &[0])
}

fn path(external: bool) -> Vec<u8> {
    attribute(0x40, 2, if external { &[2, 1, 0, 0, 0xfd, 0xea] } else { &[] })
}

fn hop() -> Vec<u8> {
    attribute(0x40, 3, NEXT_HOP)
}

fn sound(external: bool, more: &[u8]) -> Vec<u8> {
    [&origin(), &path(external), &hop(), more].concat()
}

/// A NOTIFICATION: code, subcode, data.
type Said = (u8, u8, Vec<u8>);

/// Octets come in after a sound route has; is that still there, and what was said and noted?
fn hear(external: bool, bytes: &[u8]) -> (bool, Option<Said>, Vec<Mistake>) {
    let mut bgp = router(if external { 65_002 } else { 65_001 });
    bgp.handle_bytes(NOW, id(1), Direction::Passive, &update(&[], &sound(external, &[]), PREFIX));
    assert!(bgp.route_row(prefix("198.51.100.0/24")).is_some(), "what is sound is taken");
    bgp.handle_bytes(NOW, id(1), Direction::Passive, bytes);
    let there = bgp.route_row(prefix("198.51.100.0/24")).is_some();
    let (mut said, mut noted) = (None, Vec::new());
    while let Some(event) = bgp.poll_event() {
        match event {
            BgpEvent::UpdateMistaken { mistake, .. } => noted.push(mistake),
            BgpEvent::Down { failure, .. } => match failure.cause {
                Cause::NotificationSent(says) => said = Some((says.code, says.subcode, says.data.to_vec())),
                cause => panic!("{cause:?}"),
            },
            _ => {}
        }
    }
    let sent = std::iter::from_fn(|| bgp.poll_transmit()).find_map(|action| match action {
        Action::Send { bytes, .. } if bytes[18] == 3 => Some((bytes[19], bytes[20], bytes[21..].to_vec())),
        _ => None,
    });
    assert_eq!(sent, said, "what is told to the caller is told to the neighbor");
    (there, said, noted)
}

#[test]
fn what_makes_it_uncertain_which_routes_are_meant_ends_the_session() {
    let reach = |value: &[u8]| attribute(0x80, 14, value);
    let bad_reach = reach(&[0, 2, 1, 15, 0, 0, 0, 0]);
    let bad_unreach = attribute(0x80, 15, &[0, 2, 1, 129]);
    let unknown = attribute(0x40, 99, &[1]);
    let empty = reach(&[&[0, 2, 1, 16][..], &[0x20; 16], &[0]].concat());
    type Case<'a> = (Vec<u8>, (u8, u8), &'a [u8]);
    let table: Vec<Case<'_>> = vec![
        // Withdrawn routes, and attributes, that end after the message does.
        (message(2, &[0, 9, 0, 0]), (3, 1), &[]),
        (message(2, &[0, 0, 0, 9]), (3, 1), &[]),
        // Prefixes that are longer than addresses, or end after the message does.
        (update(&[33, 1, 2, 3, 4, 5], &[], &[]), (3, 10), &[]),
        (update(&[24, 1, 2], &[], &[]), (3, 10), &[]),
        (update(&[], &sound(true, &[]), &[33, 1, 2, 3, 4, 5]), (3, 10), &[]),
        (update(&[], &sound(true, &bad_reach), &[]), (3, 9), &bad_reach),
        (update(&[], &bad_unreach, &[]), (3, 9), &bad_unreach),
        (update(&[], &sound(true, &[empty.clone(), empty].concat()), &[]), (3, 1), &[]),
        (update(&[], &sound(true, &unknown), PREFIX), (3, 2), &unknown),
        (message(9, &[]), (1, 3), &[9]),
        (vec![0; 19], (1, 1), &[]),
        (message(4, &[0]), (1, 2), &[0, 20]),
    ];
    for (number, (bytes, (code, subcode), data)) in table.iter().enumerate() {
        let (there, said, _) = hear(true, bytes);
        assert_eq!(said, Some((*code, *subcode, data.to_vec())), "case {number}");
        assert!(!there, "case {number}: its routes are gone with the session");
    }
}

#[test]
fn what_is_wrong_with_an_attribute_takes_the_routes_or_the_attribute() {
    use Fault::{Flags, Foreign, Malformed, Missing, Overrun, Twice};
    use Treatment::{AttributeDiscard as Discard, TreatAsWithdraw as Withdraw};
    let join = |parts: &[Vec<u8>]| parts.concat();
    let with = |flags, kind, value: &[u8]| sound(true, &attribute(flags, kind, value));
    let within = |flags, kind, value: &[u8]| sound(false, &attribute(flags, kind, value));
    // From another system or our own; the attributes; which is wrong, how, and what becomes of it.
    let table: Vec<(bool, Vec<u8>, u8, Fault, Treatment)> = vec![
        (true, join(&[attribute(0x40, 1, &[3]), path(true), hop()]), 1, Malformed, Withdraw),
        (true, join(&[attribute(0x40, 1, &[0, 0]), path(true), hop()]), 1, Malformed, Withdraw),
        (true, join(&[attribute(0xc0, 1, &[0]), path(true), hop()]), 1, Flags, Withdraw),
        (true, join(&[path(true), hop()]), 1, Missing, Withdraw),
        (true, join(&[origin(), hop()]), 2, Missing, Withdraw),
        (
            true,
            join(&[origin(), attribute(0x40, 2, &[9, 1, 0, 0, 0xfd, 0xea]), hop()]),
            2,
            Malformed,
            Withdraw,
        ),
        (true, join(&[origin(), attribute(0x40, 2, &[2, 0]), hop()]), 2, Malformed, Withdraw),
        (
            true,
            join(&[origin(), attribute(0x40, 2, &[2, 2, 0, 0, 0xfd, 0xea]), hop()]),
            2,
            Malformed,
            Withdraw,
        ),
        (
            true,
            join(&[origin(), attribute(0x40, 2, &[3, 1, 0, 0, 0xfd, 0xea]), hop()]),
            2,
            Malformed,
            Withdraw,
        ),
        // Systems: none such, and not the neighbor's.
        (
            true,
            join(&[origin(), attribute(0x40, 2, &[2, 2, 0, 0, 0xfd, 0xea, 0, 0, 0, 0]), hop()]),
            2,
            Malformed,
            Withdraw,
        ),
        (true, join(&[origin(), attribute(0x40, 2, &[2, 1, 0, 0, 0, 7]), hop()]), 2, Malformed, Withdraw),
        (true, join(&[origin(), path(true)]), 3, Missing, Withdraw),
        (true, join(&[origin(), path(true), attribute(0x40, 3, &[1, 2, 3])]), 3, Malformed, Withdraw),
        (true, join(&[origin(), path(true), attribute(0x40, 3, &[0; 4])]), 3, Malformed, Withdraw),
        (true, join(&[origin(), path(true), attribute(0x40, 3, &[224, 0, 0, 1])]), 3, Malformed, Withdraw),
        // Our own address.
        (true, join(&[origin(), path(true), attribute(0x40, 3, &[192, 0, 2, 1])]), 3, Malformed, Withdraw),
        (true, with(0x80, 4, &[1]), 4, Malformed, Withdraw),
        (true, with(0x40, 4, &[0; 4]), 4, Flags, Withdraw),
        (true, with(0x40, 5, &[0; 4]), 5, Foreign, Discard),
        (false, within(0x40, 5, &[0; 3]), 5, Malformed, Withdraw),
        (true, with(0x40, 6, &[1]), 6, Malformed, Discard),
        (true, with(0xc0, 7, &[0; 6]), 7, Malformed, Discard),
        (true, with(0xc0, 8, &[0; 3]), 8, Malformed, Withdraw),
        (true, with(0xc0, 8, &[]), 8, Malformed, Withdraw),
        (true, with(0x80, 9, &[1, 2, 3, 4]), 9, Foreign, Discard),
        (false, within(0x80, 9, &[1, 2, 3]), 9, Malformed, Withdraw),
        (true, with(0x80, 10, &[1, 2, 3, 4]), 10, Foreign, Discard),
        (false, within(0x80, 10, &[1, 2, 3]), 10, Malformed, Withdraw),
        (true, with(0xc0, 16, &[0; 7]), 16, Malformed, Withdraw),
        (true, with(0xc0, 32, &[0; 11]), 32, Malformed, Withdraw),
        (true, with(0x40, 1, &[0]), 1, Twice, Discard),
        (true, sound(true, &[0x80, 4, 9, 0]), 0, Overrun, Withdraw),
        (true, sound(true, &[0x80]), 0, Overrun, Withdraw),
    ];
    for (number, (external, attributes, attribute, fault, treatment)) in table.into_iter().enumerate() {
        let (there, said, noted) = hear(external, &update(&[], &attributes, PREFIX));
        assert_eq!((said, noted), (None, vec![Mistake { attribute, fault, treatment }]), "case {number}");
        assert_eq!(there, treatment == Discard, "case {number}");
    }
}

#[test]
fn what_is_strange_and_not_wrong_is_taken() {
    let long = [&[0xd0, 8, 0, 4][..], &[0, 0, 0, 7]].concat();
    let table: Vec<(bool, Vec<u8>)> = vec![
        // Unknown attributes, transitive or not; with four octets for the length; what four-octet systems need not say.
        (true, attribute(0xc0, 99, &[1])),
        (true, attribute(0x80, 99, &[1])),
        (true, long),
        (true, attribute(0xc0, 17, &[2, 1, 0, 0, 0, 7])),
        (true, attribute(0x80, 4, &[0; 4])),
        // What a route reflector says.
        (false, attribute(0x80, 9, &[1, 2, 3, 4])),
        (false, attribute(0x80, 10, &[1, 2, 3, 4])),
        (false, attribute(0x40, 5, &[0, 0, 1, 0])),
        // A family that nobody has spoken of, and one of ours without a prefix.
        (true, attribute(0x80, 14, &[0, 25, 70, 4, 0, 0, 0, 0, 0, 1, 2, 3])),
        (true, attribute(0x80, 15, &[0, 2, 1])),
    ];
    for (number, (external, more)) in table.into_iter().enumerate() {
        let (there, said, noted) = hear(external, &update(&[], &sound(external, &more), PREFIX));
        assert_eq!((there, said, noted), (true, None, vec![]), "case {number}");
    }
}

#[test]
fn what_nobody_here_knows_is_passed_on_with_a_mark() {
    let mut bgp = router(65_002);
    let more =
        [attribute(0xc0, 99, &[1, 2]), attribute(0x80, 98, &[3]), attribute(0xc0, 32, &[0; 12])].concat();
    bgp.handle_bytes(NOW, id(1), Direction::Passive, &update(&[], &sound(true, &more), PREFIX));
    let path = bgp.route_row(prefix("198.51.100.0/24")).expect("it is taken").paths.remove(0);
    let others: Vec<(u8, bool)> =
        path.attributes.others.iter().map(|other| (other.kind, other.partial)).collect();
    assert_eq!(others, [(32, false), (99, true)]);
}

#[test]
fn groups_are_no_prefixes_and_host_bits_say_nothing() {
    let mut bgp = router(65_002);
    let announced = [&[4, 0xe0][..], &[20, 198, 51, 0x6f]].concat();
    bgp.handle_bytes(NOW, id(1), Direction::Passive, &update(&[], &sound(true, &[]), &announced));
    let prefixes: Vec<String> = bgp.snapshot().routes.iter().map(|row| row.prefix.to_string()).collect();
    assert_eq!(prefixes, ["198.51.96.0/20"]);
}
