//! What the peer is told, when, and how often.

use crate::driver::{A, B, Pair, config, leg, link, secs, station, vlan};
use greylag_base::VlanId;
use greylag_iccp::{Action, IccpEvent, MacPlace, Synchronised, VlanList};
use greylag_wire::iccp::{LONGEST, Message, Parameter, Repr};
use std::collections::BTreeMap;
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(10);

fn set_macs(pair: &mut Pair, end: usize, numbers: std::ops::Range<u32>, place: Option<MacPlace>) {
    pair.tell(end, |iccp, now| {
        numbers.for_each(|number| iccp.set_mac(now, vlan(97), station(number), place));
    });
}

/// The messages that one end has sent since the record began.
fn messages(pair: &Pair, end: usize) -> Vec<Repr> {
    let mut rest = &pair.record.as_ref().expect("there is a record")[end][..];
    let mut messages = Vec::new();
    while let Some(length) = Message::length(rest) {
        assert!(length <= LONGEST && length <= rest.len());
        messages.push(Repr::parse(&rest[..length]).expect("what is sent makes sense"));
        rest = &rest[length..];
    }
    messages
}

#[test]
fn everything_that_was_there_before_the_session_is_told_when_it_comes_up() {
    let mut pair = Pair::new([config(A), config(B)], 1);
    pair.tell(A, |iccp, now| {
        iccp.set_aggregator(now, leg(A, 10, true));
        iccp.set_port(now, link(A, 1, true));
        iccp.set_irb_mac(now, vlan(97), Some(station(1)));
    });
    set_macs(&mut pair, A, 0..2000, Some(MacPlace::Aggregator(10)));
    pair.run(MOMENT);
    assert!(pair.is_whole());
    let all = Synchronised { aggregators: 1, ports: 1, irb_macs: 1, macs: 2000 };
    assert_eq!(pair.row(A).synchronised_sent, all);
    assert_eq!(pair.row(B).synchronised_received, all);
    assert_eq!(pair.peers[B].legs[&10], leg(A, 10, true));
    assert_eq!(pair.peers[B].links[&1], link(A, 1, true));
    assert_eq!(pair.peers[B].irb_macs[&vlan(97)], station(1));
    assert_eq!(pair.row(B).peer_aggregators, [leg(A, 10, true)]);
    assert_eq!(pair.row(B).peer_ports, [link(A, 1, true)]);
    let heard = pair.heard(B);
    let place = |wanted: &dyn Fn(&IccpEvent) -> bool| heard.iter().position(wanted).expect("it is told");
    let up = place(&|event| *event == IccpEvent::SessionUp);
    let bundle = place(&|event| matches!(event, IccpEvent::PeerAggregator { .. }));
    let mac = place(&|event| matches!(event, IccpEvent::PeerMac { .. }));
    let complete = place(&|event| *event == IccpEvent::PeerMacsComplete);
    assert!(up < bundle && bundle < mac && mac < complete);
    let last = heard.iter().rposition(|event| matches!(event, IccpEvent::PeerMac { .. }));
    assert!(last.is_some_and(|last| last < complete));
}

#[test]
fn vlans_are_told_by_place_and_go_with_their_bundle() {
    let list = |untagged: u16, vlans: &[u16]| VlanList {
        untagged: VlanId::new(untagged),
        vlans: vlans.iter().copied().filter_map(VlanId::new).collect(),
    };
    let every_other: Vec<u16> = (1..4095).step_by(2).collect();
    let mut pair = Pair::new([config(A), config(B)], 1);
    pair.tell(A, |iccp, now| {
        iccp.set_aggregator(now, leg(A, 10, true));
        iccp.set_vlans(now, Some(10), Some(list(97, &[10, 11, 12, 97])));
        iccp.set_vlans(now, None, Some(list(0, &[10])));
        // As long as a list can be, and more than one message has room for.
        (20..40).for_each(|id| iccp.set_vlans(now, Some(id), Some(list(0, &every_other))));
    });
    pair.run(MOMENT);
    assert!(pair.is_whole());
    let told = |pair: &Pair| -> BTreeMap<Option<u16>, String> {
        pair.row(B).peer_vlans.into_iter().map(|place| (place.aggregator, place.vlans)).collect()
    };
    let heard = told(&pair);
    assert_eq!(heard.len(), 22);
    assert_eq!((heard[&Some(10)].as_str(), heard[&None].as_str()), ("10-12,97, 97 untagged", "10"));
    assert_eq!(heard[&Some(39)].split(',').count(), every_other.len());
    // Who tells nothing has nothing known of it.
    assert!(pair.row(A).peer_vlans.is_empty());
    pair.tell(A, |iccp, now| {
        iccp.set_vlans(now, None, Some(list(0, &[10, 20])));
        iccp.set_vlans(now, Some(10), None);
        iccp.remove_aggregator(now, 10);
    });
    pair.run(MOMENT);
    let heard = told(&pair);
    assert_eq!((heard.get(&Some(10)), heard[&None].as_str()), (None, "10,20"));
}

#[test]
fn a_hundred_thousand_addresses_in_a_burst_arrive_whole_and_no_message_is_too_long() {
    for chunk in [128, 32 * 1024, 65_535] {
        let mut configs = [config(A), config(B)];
        configs[A].mac_chunk = chunk;
        let mut pair = Pair::new(configs, 1);
        pair.run(MOMENT);
        pair.record = Some(Default::default());
        set_macs(&mut pair, A, 0..100_000, Some(MacPlace::SingleHomed));
        pair.run(MOMENT);
        assert_eq!(pair.peers[B].macs.len(), 100_000);
        let mut rest = &pair.record.as_ref().expect("it is kept")[A][..];
        while let Some(length) = Message::length(rest) {
            assert!(length <= chunk, "{length} octets");
            rest = &rest[length..];
        }
        // And again in a whole synchronisation.
        pair.cut();
        assert!(pair.run_until(secs(5), Pair::is_whole));
        assert_eq!(pair.peers[B].macs.len(), 100_000);
    }
}

#[test]
fn what_changes_while_the_peer_does_not_read_is_told_once_and_as_it_is_then() {
    let mut pair = Pair::settled();
    pair.record = Some(Default::default());
    pair.tell(A, |iccp, _| iccp.set_room(false));
    for round in 0..10 {
        set_macs(&mut pair, A, 0..100, Some(MacPlace::Aggregator(round)));
        pair.tell(A, |iccp, now| iccp.set_aggregator(now, leg(A, 10, round % 2 == 0)));
    }
    let came_and_went = 100..200;
    set_macs(&mut pair, A, came_and_went.clone(), Some(MacPlace::SingleHomed));
    set_macs(&mut pair, A, came_and_went, None);
    pair.run(secs(2));
    assert!(messages(&pair, A).is_empty());
    let row = pair.row(A);
    assert_eq!(row.waiting, 201);
    assert!(row.waiting_since.is_some_and(|since| pair.now.since(since) == secs(2)));
    pair.tell(A, |iccp, _| iccp.set_room(true));
    pair.run(MOMENT);
    let mut told = BTreeMap::new();
    for parameter in messages(&pair, A).into_iter().flat_map(|message| message.parameters) {
        if let Parameter::Macs(entries) = parameter {
            for entry in entries {
                assert_eq!(told.insert(entry.mac, entry.place), None, "once");
            }
        }
    }
    assert_eq!(told.len(), 100, "what came and went is not told at all");
    assert!(told.values().all(|place| *place == Some(MacPlace::Aggregator(9))));
    assert_eq!(pair.peers[B].legs[&10], leg(A, 10, false));
    assert_eq!((pair.row(A).waiting, pair.row(A).waiting_since), (0, None));
}

#[test]
fn a_leg_overtakes_a_table_of_addresses() {
    let mut pair = Pair::settled();
    pair.tell(A, |iccp, _| iccp.set_room(false));
    set_macs(&mut pair, A, 0..50_000, Some(MacPlace::Aggregator(10)));
    pair.tell(A, |iccp, now| iccp.set_aggregator(now, leg(A, 10, true)));
    pair.ends[A].set_room(true);
    let Some(Action::Send(bytes)) = pair.ends[A].poll_action(pair.now) else {
        panic!("there is much to say")
    };
    let message = Repr::parse(&bytes).unwrap();
    assert!(matches!(message.parameters[0], Parameter::AggregatorConfig(_)), "{message:?}");
}

#[test]
fn a_leg_is_acknowledged_as_it_is_and_not_as_it_was() {
    let mut pair = Pair::settled();
    pair.tell(A, |iccp, now| iccp.set_aggregator(now, leg(A, 10, false)));
    pair.run(MOMENT);
    let old = pair.peers[B].serials[&10];
    pair.tell(A, |iccp, now| iccp.set_aggregator(now, leg(A, 10, true)));
    // It answers before it has heard of the change.
    pair.tell(B, |iccp, now| iccp.acknowledge_aggregator(now, 10, old));
    pair.run(MOMENT);
    let new = pair.peers[B].serials[&10];
    assert_ne!(old, new);
    let acknowledged = |pair: &Pair| -> Vec<u32> {
        let heard = pair.heard(A).into_iter();
        heard
            .filter_map(|event| match event {
                IccpEvent::AggregatorAcknowledged { id: 10, serial } => Some(serial),
                _ => None,
            })
            .collect()
    };
    assert!(acknowledged(&pair).is_empty());
    pair.tell(B, |iccp, now| iccp.acknowledge_aggregator(now, 10, new));
    pair.run(MOMENT);
    assert_eq!(acknowledged(&pair), [new]);
    // Nobody asks about a leg that is not there.
    pair.tell(B, |iccp, now| iccp.acknowledge_aggregator(now, 11, new));
    pair.run(MOMENT);
    assert_eq!(acknowledged(&pair), [new]);
}

#[test]
fn what_is_withdrawn_is_gone_at_the_peer() {
    let mut pair = Pair::settled();
    pair.tell(A, |iccp, now| {
        iccp.set_aggregator(now, leg(A, 10, true));
        iccp.set_port(now, link(A, 1, true));
        iccp.set_irb_mac(now, vlan(97), Some(station(1)));
        iccp.set_mac(now, vlan(97), station(2), Some(MacPlace::Aggregator(10)));
    });
    pair.run(MOMENT);
    pair.events.clear();
    pair.tell(A, |iccp, now| {
        iccp.set_mac(now, vlan(97), station(2), None);
        iccp.set_irb_mac(now, vlan(97), None);
        iccp.remove_port(now, 1);
        iccp.remove_aggregator(now, 10);
        iccp.remove_aggregator(now, 11);
    });
    pair.run(MOMENT);
    let peer = &pair.peers[B];
    assert!(
        peer.legs.is_empty() && peer.links.is_empty() && peer.macs.is_empty() && peer.irb_macs.is_empty()
    );
    assert_eq!(pair.row(A).synchronised_sent, Synchronised::default());
    assert_eq!(pair.row(B).synchronised_received, Synchronised::default());
}

#[test]
fn what_is_withdrawn_while_there_is_no_session_is_not_told_in_the_next() {
    let mut pair = Pair::settled();
    set_macs(&mut pair, A, 0..10, Some(MacPlace::SingleHomed));
    pair.run(MOMENT);
    pair.cut();
    set_macs(&mut pair, A, 0..5, None);
    let row = pair.row(A);
    assert_eq!((row.waiting, row.synchronised_sent), (0, Synchronised::default()), "there is nobody to tell");
    assert!(pair.run_until(secs(5), Pair::is_whole));
    assert_eq!(pair.peers[B].macs.len(), 5);
    assert_eq!(pair.row(A).synchronised_sent.macs, 5);
}

#[test]
fn a_groups_address_is_no_stations() {
    let mut pair = Pair::settled();
    let group = greylag_base::MacAddr([1, 0, 0x5e, 0, 0, 1]);
    pair.tell(A, |iccp, now| iccp.set_mac(now, vlan(97), group, Some(MacPlace::SingleHomed)));
    pair.run(MOMENT);
    assert!(pair.is_whole() && pair.row(A).waiting == 0);
}

#[test]
fn a_row_is_kebab_case_and_reads_back() {
    let mut pair = Pair::settled();
    pair.tell(A, |iccp, now| iccp.set_aggregator(now, leg(A, 10, true)));
    pair.run(MOMENT);
    let row = pair.row(B);
    let text = serde_json::to_string(&row).unwrap();
    for key in ["redundancy-group", "session-state\":\"OPERATIONAL", "rg-application-data", "waiting-since"] {
        assert!(text.contains(key), "{key} in {text}");
    }
    assert_eq!(serde_json::from_str::<greylag_iccp::IccpSnapshot>(&text).unwrap(), row);
}
