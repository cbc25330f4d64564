//! What holds whatever happens.

use crate::driver::{A, B, C, Net, id, mesh, secs};
use greylag_base::{Instant, Seed};
use greylag_bgp::{Attributes, Bgp, Direction, IpNet, Origin, PathPart};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Deed {
    Announce(usize, u8, u32),
    Withdraw(usize, u8),
    Reset(usize, usize),
    Path(usize, usize, bool),
    Cut(usize, usize),
    Heal,
    Pass(u64),
}

fn deed(routers: usize) -> impl Strategy<Value = Deed> {
    let one = move || 0..routers;
    let pair = move || {
        (0..routers, 1..routers).prop_map(move |(router, further)| (router, (router + further) % routers))
    };
    prop_oneof![
        4 => (one(), 0..6_u8, 0..3_u32).prop_map(|(router, number, med)| Deed::Announce(router, number, med)),
        2 => (one(), 0..6_u8).prop_map(|(router, number)| Deed::Withdraw(router, number)),
        1 => pair().prop_map(|(router, other)| Deed::Reset(router, other)),
        1 => (pair(), any::<bool>()).prop_map(|((router, other), usable)| Deed::Path(router, other, usable)),
        1 => pair().prop_map(|(router, other)| Deed::Cut(router, other)),
        1 => Just(Deed::Heal),
        3 => (0..200_000_u64).prop_map(Deed::Pass),
    ]
}

/// The first half in each family.
fn numbered(number: u8) -> IpNet {
    let text = match number {
        0..3 => format!("198.51.{number}.0/24"),
        _ => format!("2001:db8:{number}::/48"),
    };
    text.parse().expect("a prefix")
}

fn act(net: &mut Net, own: &mut [BTreeMap<IpNet, u32>], deed: &Deed) {
    match *deed {
        Deed::Announce(router, number, med) => {
            own[router].insert(numbered(number), med);
            let attributes = Attributes { med: Some(med), ..Attributes::local(Origin::Igp) };
            net.tell(router, |bgp, now| bgp.announce(now, numbered(number), attributes));
        }
        Deed::Withdraw(router, number) => {
            own[router].remove(&numbered(number));
            net.tell(router, |bgp, now| bgp.withdraw(now, numbered(number)));
        }
        Deed::Reset(router, other) => net.tell(router, |bgp, now| bgp.reset(now, id(other))),
        Deed::Path(router, other, usable) => {
            net.tell(router, |bgp, now| bgp.set_path(now, id(other), usable, PathPart::Interface));
        }
        Deed::Cut(router, other) => net.cut.push([router, other]),
        Deed::Heal => net.heal(),
        Deed::Pass(millis) => net.run(std::time::Duration::from_millis(millis)),
    }
}

/// Everything is well again, and everybody knows everything.
fn mend(net: &mut Net) {
    net.heal();
    for (router, other) in [(A, B), (A, C), (B, A), (B, C), (C, A), (C, B)] {
        net.tell(router, |bgp, now| bgp.set_path(now, id(other), true, PathPart::Interface));
    }
    assert!(net.run_until(secs(900), Net::is_up), "sessions come back");
    net.run(secs(1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// Two systems or three, whatever happened: in the end, each router has a path to what the others originate, with what they say
    /// of it, and to nothing else. In a full mesh all have the best from its originator.
    #[test]
    fn routers_agree_in_the_end(deeds in prop::collection::vec(deed(3), 1..40), seed: u64, inner: bool) {
        let systems: &[u32] = if inner { &[65_001; 3] } else { &[65_001, 65_002, 65_003] };
        let mut net = Net::new(mesh(systems), seed);
        let mut own = vec![BTreeMap::new(); 3];
        for deed in &deeds {
            act(&mut net, &mut own, deed);
        }
        mend(&mut net);
        for router in [A, B, C] {
            let others: BTreeMap<IpNet, ()> = (0..3)
                .filter(|other| *other != router)
                .flat_map(|other| own[other].keys().map(|prefix| (*prefix, ())))
                .filter(|(prefix, ())| !own[router].contains_key(prefix))
                .collect();
            let used: Vec<IpNet> = net.used[router].keys().copied().collect();
            prop_assert_eq!(used, others.into_keys().collect::<Vec<IpNet>>(), "router {}", router);
            for (prefix, route) in &net.used[router] {
                let row = net.routers[router].route_row(*prefix).expect("it is used");
                prop_assert_eq!(route.next_hops.len(), 1);
                prop_assert!(row.paths.iter().all(|path| path.attributes.next_hop.is_some()));
            }
        }
        // What each thinks that the other has is what the other has.
        for (router, other) in [(A, B), (B, A), (A, C), (C, A), (B, C), (C, B)] {
            let sent = net.row(router, other).families.into_iter().map(|row| row.sent);
            let received = net.row(other, router).families.into_iter().map(|row| row.received);
            prop_assert_eq!(sent.collect::<Vec<u32>>(), received.collect::<Vec<u32>>());
        }
    }

    /// Of two routers: among three, who hears a part sooner may say sooner what that means to the third.
    #[test]
    fn how_octets_are_split_changes_nothing(deeds in prop::collection::vec(deed(2), 1..30), seed: u64) {
        let play = |split| {
            let mut net = Net::new(mesh(&[65_001, 65_002]), seed);
            net.split = split;
            let mut own = vec![BTreeMap::new(); 2];
            for deed in &deeds {
                act(&mut net, &mut own, deed);
            }
            (net.events, net.used)
        };
        let whole = play(None);
        prop_assert!(play(Some(1)) == whole);
        prop_assert!(play(Some(30)) == whole);
    }

    #[test]
    fn no_octets_from_outside_upset_the_speaker(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        kind in 1..6_u8,
        framed: bool,
        established: bool,
    ) {
        let mut net = Net::new(mesh(&[65_001, 65_002]), 1);
        if established {
            prop_assert!(net.run_until(secs(60), Net::is_up));
        }
        let length = (19 + bytes.len() as u16).to_be_bytes();
        let header = if framed { [&[0xff; 16][..], &length, &[kind]].concat() } else { Vec::new() };
        for direction in Direction::BOTH {
            net.routers[A].handle_connected(net.now, id(B), direction);
            net.routers[A].handle_bytes(net.now, id(B), direction, &[&header[..], &bytes].concat());
        }
        let later = net.now + secs(600);
        while net.routers[A].poll_timeout().is_some_and(|next| next <= later) {
            let next = net.routers[A].poll_timeout().expect("there is one");
            net.routers[A].handle_timeout(next);
            while net.routers[A].poll_transmit().is_some() {}
        }
    }
}

#[test]
fn one_neighbor_more_changes_nothing_for_the_others() {
    let times = |routers: usize| {
        let config = mesh(&[65_001, 65_002, 65_003][..routers]).remove(A);
        let mut bgp = Bgp::new(config, Seed(5), Instant::ZERO).expect("it is sound");
        bgp.handle_closed(Instant::ZERO, id(B), Direction::Active);
        bgp.neighbor_row(id(B)).expect("there is one").connections
    };
    assert_eq!(times(2), times(3));
}
