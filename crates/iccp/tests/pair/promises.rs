//! What has to hold whatever happens.

use crate::driver::{A, B, Pair, Peer, config, leg, link, secs, station, vlan};
use greylag_base::{Instant, MacAddr, VlanId};
use greylag_iccp::{Aggregator, Iccp, IccpEvent, MacPlace, Port, SessionState};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// What one end has, as it was told.
#[derive(Clone, Debug, Default)]
struct Model {
    legs: BTreeMap<u16, Aggregator>,
    links: BTreeMap<u16, Port>,
    macs: BTreeMap<(VlanId, MacAddr), MacPlace>,
    irb_macs: BTreeMap<VlanId, MacAddr>,
}

impl Model {
    fn is_seen_as(&self, peer: &Peer) -> bool {
        self.legs == peer.legs
            && self.links == peer.links
            && self.macs == peer.macs
            && self.irb_macs == peer.irb_macs
    }
}

#[derive(Clone, Debug)]
enum Step {
    Leg(usize, u16, Option<bool>),
    Link(usize, u16, Option<bool>),
    Mac(usize, u32, Option<u16>),
    IrbMac(usize, u16, bool),
    Room(usize, bool),
    Stall(bool),
    Cut,
    Path(usize, bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let end = 0..2_usize;
    prop_oneof![
        2 => (end.clone(), 1..4_u16, any::<Option<bool>>()).prop_map(|(end, id, up)| Step::Leg(end, id, up)),
        2 => (end.clone(), 1..4_u16, any::<Option<bool>>()).prop_map(|(end, id, up)| Step::Link(end, id, up)),
        8 => (end.clone(), 0..40_u32, prop::option::of(0..3_u16)).prop_map(|(end, mac, at)| Step::Mac(end, mac, at)),
        1 => (end.clone(), 1..4_u16, any::<bool>()).prop_map(|(end, vlan, there)| Step::IrbMac(end, vlan, there)),
        1 => (end.clone(), any::<bool>()).prop_map(|(end, room)| Step::Room(end, room)),
        1 => any::<bool>().prop_map(Step::Stall),
        1 => Just(Step::Cut),
        1 => (end, any::<bool>()).prop_map(|(end, usable)| Step::Path(end, usable)),
        4 => (0..3000_u64).prop_map(Step::Wait),
    ]
}

fn take(pair: &mut Pair, models: &mut [Model; 2], step: Step) {
    match step {
        Step::Leg(end, id, Some(up)) => {
            models[end].legs.insert(id, leg(end, id, up));
            pair.tell(end, |iccp, now| iccp.set_aggregator(now, leg(end, id, up)));
        }
        Step::Leg(end, id, None) => {
            models[end].legs.remove(&id);
            pair.tell(end, |iccp, now| iccp.remove_aggregator(now, id));
        }
        Step::Link(end, number, Some(up)) => {
            models[end].links.insert(number, link(end, number, up));
            pair.tell(end, |iccp, now| iccp.set_port(now, link(end, number, up)));
        }
        Step::Link(end, number, None) => {
            models[end].links.remove(&number);
            pair.tell(end, |iccp, now| iccp.remove_port(now, number));
        }
        Step::Mac(end, number, at) => {
            let place = at.map(|id| if id == 0 { MacPlace::SingleHomed } else { MacPlace::Aggregator(id) });
            let key = (vlan(97), station(number));
            match place {
                Some(place) => models[end].macs.insert(key, place),
                None => models[end].macs.remove(&key),
            };
            pair.tell(end, |iccp, now| iccp.set_mac(now, key.0, key.1, place));
        }
        Step::IrbMac(end, id, there) => {
            let mac = there.then(|| station(end as u32));
            match mac {
                Some(mac) => models[end].irb_macs.insert(vlan(id), mac),
                None => models[end].irb_macs.remove(&vlan(id)),
            };
            pair.tell(end, |iccp, now| iccp.set_irb_mac(now, vlan(id), mac));
        }
        Step::Room(end, room) => pair.tell(end, |iccp, _| iccp.set_room(room)),
        Step::Stall(stalled) => pair.stalled = stalled,
        Step::Cut => pair.cut(),
        Step::Path(end, usable) => pair.tell(end, |iccp, now| iccp.set_path(now, usable)),
        Step::Wait(millis) => pair.run(Duration::from_millis(millis)),
    }
}

/// What A has sent to B up to a whole session with something in it.
fn conversation() -> Vec<u8> {
    let mut pair = Pair::new([config(A), config(B)], 1);
    pair.record = Some(Default::default());
    pair.tell(A, |iccp, now| {
        iccp.set_aggregator(now, leg(A, 10, true));
        iccp.set_port(now, link(A, 1, true));
        iccp.set_irb_mac(now, vlan(97), Some(station(7)));
        (0..50).for_each(|number| iccp.set_mac(now, vlan(97), station(number), Some(MacPlace::SingleHomed)));
    });
    pair.run(secs(3));
    assert!(pair.is_whole());
    pair.record.expect("it is kept")[A].clone()
}

/// A passive end that hears octets in pieces, and nothing else.
fn listen<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<IccpEvent>, Iccp) {
    let mut iccp = Iccp::new(config(B), Instant::ZERO).expect("the test's is sound");
    iccp.handle_connected(Instant::ZERO);
    let mut events = Vec::new();
    for piece in pieces {
        iccp.handle_bytes(Instant::ZERO, piece);
        while iccp.poll_action(Instant::ZERO).is_some() {}
        events.extend(std::iter::from_fn(|| iccp.poll_event()));
        iccp.snapshot();
    }
    (events, iccp)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn both_know_all_of_each_other_whatever_happened_between(
        steps in prop::collection::vec(step(), 0..80),
        split in prop::option::of(1..200_usize),
        seed in any::<u64>(),
    ) {
        let mut pair = Pair::new([config(A), config(B)], seed);
        pair.split = split;
        let mut models = [Model::default(), Model::default()];
        for step in steps {
            take(&mut pair, &mut models, step);
        }
        pair.stalled = false;
        for end in [A, B] {
            pair.tell(end, |iccp, now| {
                iccp.set_room(true);
                iccp.set_path(now, true);
            });
        }
        prop_assert!(pair.run_until(secs(60), Pair::is_whole), "{:#?}", pair.row(A));
        pair.run(secs(2));
        prop_assert!(models[A].is_seen_as(&pair.peers[B]), "{:#?}\n{:#?}", models[A], pair.peers[B]);
        prop_assert!(models[B].is_seen_as(&pair.peers[A]), "{:#?}\n{:#?}", models[B], pair.peers[A]);
        let macs: BTreeMap<_, _> = pair.ends[B].peer_macs().map(|(vlan, mac, at)| ((vlan, mac), at)).collect();
        prop_assert_eq!(&macs, &models[A].macs);
        prop_assert_eq!((pair.row(A).messages_sent.naks, pair.row(B).messages_sent.naks), (0, 0));
    }

    #[test]
    fn however_the_octets_are_cut_they_say_the_same(cuts in prop::collection::vec(1..400_usize, 1..40)) {
        let octets = conversation();
        let (whole, _) = listen(std::iter::once(&octets[..]));
        let (mut rest, mut cuts) = (&octets[..], cuts.into_iter().cycle());
        let pieces = std::iter::from_fn(|| {
            let (piece, later) = rest.split_at(cuts.next()?.min(rest.len()));
            rest = later;
            (!piece.is_empty()).then_some(piece)
        });
        let (cut, iccp) = listen(pieces);
        prop_assert_eq!(cut, whole);
        prop_assert!(iccp.is_up());
    }

    #[test]
    fn octets_that_are_changed_do_no_harm_and_end_a_session_with_a_cause(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut octets = conversation();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        let (events, iccp) = listen(octets.chunks(100));
        let ups = events.iter().filter(|event| **event == IccpEvent::SessionUp).count();
        let downs = events.iter().filter(|event| matches!(event, IccpEvent::SessionDown { .. })).count();
        prop_assert_eq!(ups - downs, usize::from(iccp.is_up()));
        if iccp.session() == SessionState::Nonexistent {
            prop_assert!(iccp.snapshot().last_failure.is_some());
        }
    }

    #[test]
    fn any_octets_are_taken(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20)) {
        listen(pieces.iter().map(Vec::as_slice));
    }
}
