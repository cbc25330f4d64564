//! What the protocol must do, seen from outside.

use crate::driver::{A, B, BUNDLE, C, PASSING, Pair, Sent, millis, secs, system, system_mac};
use greylag_base::Instant;
use greylag_lacp::mux::State as Mux;
use greylag_lacp::receive::State as Receive;
use greylag_lacp::{Interval, LacpEvent, LacpMode, PartnerPin, Preset, Reason, Selected};
use greylag_wire::lacp::{Flags, SystemId};
use greylag_wire::{marker, slow};

const STANDARD: &Preset = &Preset::STANDARD;

fn pair(ports: u16) -> Pair {
    Pair::new(system(A, ports, STANDARD), system(B, ports, STANDARD))
}

/// One system with four links, two to each of two chassis that show one system id.
fn dual_homed(preset: &Preset) -> Pair {
    let chassis = |number| {
        let mut config = system(number, 2, preset);
        config.system_id_mac = system_mac(B);
        config.port_number_offset = if number == C { 0x4000 } else { 0 };
        config
    };
    Pair::dual_homed(system(A, 4, preset), chassis(B), chassis(C))
}

fn distributing(pair: &Pair) -> Vec<u16> {
    pair.systems[A].distributing(BUNDLE).iter().map(|port| port.0).collect()
}

/// L1. Half of the links suddenly show another partner.
#[test]
fn a_partner_that_splits_costs_the_affected_links_two_seconds_and_one_half_is_kept() {
    let mut pair = dual_homed(STANDARD).settle();
    assert_eq!(distributing(&pair), [0, 1, 2, 3]);
    let split = pair.now;
    pair.reconfigure(C, |config| config.system_id_mac = system_mac(C));
    pair.run(secs(1));
    for port in [2, 3] {
        let detached = pair.entered(A, port, Mux::Detached).expect("the link leaves the bundle");
        assert!(detached - split <= millis(1), "{:?}", detached - split);
    }
    pair.run(secs(10));
    // The standard's aggregator is the best port's: what leads elsewhere finds none.
    assert_eq!(distributing(&pair), [0, 1]);
    for port in [2, 3] {
        let row = pair.row(A, port);
        assert_eq!((row.selected, row.why), (Selected::Unselected, Some(Reason::OtherPartner)));
    }
    let other = SystemId { priority: STANDARD.system_priority, mac: system_mac(C) };
    let differ = pair.said(A).find_map(|(_, event)| match event {
        LacpEvent::PartnersDiffer { others, .. } => Some(others.clone()),
        _ => None,
    });
    assert_eq!(differ, Some(vec![other]));
    assert!(
        [0, 1].iter().all(|port| pair.entered(A, *port, Mux::Attached).is_none()),
        "the others are untouched"
    );

    let healed = pair.now;
    pair.events.clear();
    pair.reconfigure(C, |config| config.system_id_mac = system_mac(B));
    pair.run(secs(10));
    assert_eq!(distributing(&pair), [0, 1, 2, 3]);
    for port in [2, 3] {
        let attached = pair.entered(A, port, Mux::Attached).expect("the link comes back");
        assert!(attached - healed >= secs(2), "{:?}", attached - healed);
    }
}

/// L1, where the losing half attaches to an aggregator of its own.
#[test]
fn on_linux_the_losing_half_is_in_sync_and_does_not_forward() {
    let mut pair = dual_homed(&Preset::LINUX).settle();
    pair.reconfigure(C, |config| config.system_id_mac = system_mac(C));
    pair.run(secs(10));
    assert_eq!(distributing(&pair), [0, 1]);
    for port in [2, 3] {
        assert_eq!(pair.mux(A, port), Mux::Attached);
        // What the other end sends by it is lost, and only the flags tell.
        assert_eq!(pair.mux(C, port - 2), Mux::CollectingDistributing);
    }
    pair.run(secs(60));
    let idle =
        |(_, event): (_, &LacpEvent)| matches!(event, LacpEvent::PartnerNotCollecting { raised: true, .. });
    assert_eq!(pair.said(C).filter(|said| idle(*said)).count(), 2);
    // When the half that is kept goes, the other stands in without waiting.
    pair.set_link(0, false);
    pair.set_link(1, false);
    assert_eq!(distributing(&pair), [2, 3]);
}

/// Both chassis of a pair lose sight of each other, and each shows a system id of its own.
#[test]
fn in_a_split_brain_a_router_keeps_the_chassis_that_shows_its_own_id_first() {
    for (first, second, kept) in [(B, C, [0, 1]), (C, B, [2, 3])] {
        let mut pair = dual_homed(&Preset::JUNOS).settle();
        let split = pair.now;
        let own_id = |pair: &mut Pair, chassis| {
            pair.reconfigure(chassis, |config| config.system_id_mac = system_mac(10 + chassis));
        };
        own_id(&mut pair, first);
        pair.run(millis(5));
        own_id(&mut pair, second);
        assert!(pair.run_until(secs(1), |pair| distributing(pair).is_empty()), "the whole bundle goes down");
        assert!(pair.run_until(secs(5), |pair| !distributing(pair).is_empty()));
        assert!(pair.now - split >= secs(2));
        pair.run(secs(60));
        assert_eq!(distributing(&pair), kept);
    }
}

/// Every implementation against every other.
#[test]
fn all_presets_come_up_with_all_others() {
    for a in &Preset::ALL {
        for b in &Preset::ALL {
            let mut pair = Pair::new(system(A, 2, a), system(B, 2, b));
            assert!(
                pair.run_until(secs(40), |pair| pair.is_whole(A) && pair.is_whole(B)),
                "{} and {}: {:#?}",
                a.name,
                b.name,
                pair.row(A, 0)
            );
            pair.events.clear();
            pair.run(secs(300));
            assert_eq!(pair.events, [], "{} and {}", a.name, b.name);
        }
    }
}

/// L2 and L3. The partner falls silent.
#[test]
fn a_silent_partner_is_expired_and_then_defaulted() {
    let table = [
        (&Preset::STANDARD, Interval::Fast, 3, 6),
        (&Preset::STANDARD, Interval::Slow, 90, 93),
        (&Preset::VPP, Interval::Fast, 3, 6),
        (&Preset::VPP, Interval::Slow, 90, 180),
    ];
    for (preset, interval, expired, defaulted) in table {
        let mut a = system(A, 1, preset);
        a.bundles[0].interval = interval;
        let mut pair = Pair::new(a, system(B, 1, STANDARD)).settle();
        // Until the next LACPDU has come, so that the last one is known.
        let heard = pair.row(A, 0).counters.in_pdus;
        assert!(pair.run_until(secs(31), |pair| pair.row(A, 0).counters.in_pdus > heard));
        let last = pair.now;
        pair.cut(0);
        pair.run(secs(200));
        let at = |state| pair.received(A, 0, state).map(|at| at - last);
        assert_eq!(at(Receive::Expired), Some(secs(expired)), "{} {interval:?}", preset.name);
        assert_eq!(at(Receive::Defaulted), Some(secs(defaulted)), "{} {interval:?}", preset.name);
        // Frames stop with the sync, not with the memory.
        assert_eq!(pair.entered(A, 0, Mux::Attached).map(|at| at - last), Some(secs(expired)));
        assert_eq!(pair.entered(A, 0, Mux::Detached).map(|at| at - last), Some(secs(defaulted)));
        assert_eq!(pair.row(A, 0).why, Some(Reason::NoPartner));
    }
}

/// L4. Nobody speaks first.
#[test]
fn two_passive_ends_never_say_anything() {
    let passive = |number| {
        let mut config = system(number, 2, STANDARD);
        config.bundles[0].mode = LacpMode::Passive;
        config
    };
    let mut pair = Pair::new(passive(A), passive(B));
    pair.run(secs(600));
    assert_eq!(pair.sent.len(), 0);
    pair.reconfigure(A, |config| config.bundles[0].mode = LacpMode::Active);
    assert!(pair.run_until(secs(10), |pair| pair.is_whole(A) && pair.is_whole(B)));
}

/// L5. A passive end must go on answering, and an active one must not be forgotten while it is expired.
#[test]
fn a_passive_end_with_an_active_partner_does_not_flap() {
    for interval in [Interval::Fast, Interval::Slow] {
        let mut a = system(A, 2, STANDARD);
        a.bundles[0].mode = LacpMode::Passive;
        a.bundles[0].interval = interval;
        let mut pair = Pair::new(a, system(B, 2, STANDARD)).settle();
        pair.run(secs(15 * 60));
        let flaps: Vec<_> = pair
            .events
            .iter()
            .filter(|(_, _, event)| matches!(event, LacpEvent::MuxStateChanged { .. }))
            .collect();
        assert!(flaps.is_empty(), "{flaps:?}");
    }
}

/// L6. Much happens within a second.
#[test]
fn no_more_than_three_lacpdus_leave_in_any_second_and_the_last_word_is_said() {
    let mut pair = pair(1).settle();
    for priority in 0..20 {
        pair.reconfigure(A, |config| config.bundles[0].members[0].port_priority = priority);
        pair.run(millis(70));
    }
    pair.run(secs(2));
    let sent: Vec<Instant> = pair.sent.iter().filter(|sent| sent.system == A).map(|sent| sent.at).collect();
    for (first, fourth) in sent.iter().zip(&sent[3..]) {
        assert!(*fourth - *first >= secs(1), "four between {first} and {fourth}");
    }
    assert_eq!(pair.last_pdu(A, 0).map(|(_, pdu)| pdu.actor.port_priority), Some(19));
    assert_eq!(pair.row(B, 0).partner.port_priority, 19);
}

/// L7. A chassis of the partner reboots, and speaks of itself before it knows of its peer.
#[test]
fn with_a_pin_a_rebooting_chassis_does_not_disturb_the_links_to_the_other() {
    for (pin, disturbed) in [(PartnerPin::Hold, false), (PartnerPin::Release, true)] {
        let mut pair = dual_homed(&Preset::OPEN_VSWITCH).settle();
        pair.reconfigure(A, |config| config.bundles[0].behaviour.partner_pin = pin);
        // The chassis behind the best ports is the one that reboots: an unpinned lead follows it.
        for link in [0, 1] {
            pair.set_link(link, false);
        }
        pair.run(secs(30));
        pair.reconfigure(B, |config| config.system_id_mac = system_mac(7));
        pair.events.clear();
        for link in [0, 1] {
            pair.set_link(link, true);
        }
        pair.run(secs(5));
        let lost = [2, 3].iter().any(|port| pair.entered(A, *port, Mux::Detached).is_some());
        assert_eq!(lost, disturbed, "{pin:?}");
        assert_eq!(distributing(&pair), if disturbed { [0, 1] } else { [2, 3] }, "{pin:?}");
        pair.reconfigure(B, |config| config.system_id_mac = system_mac(B));
        assert!(pair.run_until(secs(10), |pair| pair.is_whole(A)), "{pin:?}");
    }
}

fn marker(transaction: u32) -> Vec<u8> {
    let marker = marker::Repr {
        kind: marker::Kind::Information,
        requester_port: 9,
        requester_system: system_mac(B),
        transaction,
    };
    slow::Repr { source: system_mac(B) }.frame(&marker.emit())
}

fn answers(sent: &[Sent]) -> Vec<marker::Repr> {
    sent.iter()
        .filter_map(|sent| marker::Repr::parse(slow::Frame::new_checked(&sent.frame)?.payload()))
        .collect()
}

/// L8. A marker is answered at once, and no faster than the limit allows.
#[test]
fn a_marker_is_answered_with_its_own_transaction() {
    let mut pair = pair(1).settle();
    pair.inject(A, 0, &marker(77));
    let answered = answers(&pair.sent);
    assert_eq!(answered.len(), 1);
    assert_eq!((answered[0].kind, answered[0].transaction), (marker::Kind::Response, 77));
    assert_eq!((answered[0].requester_port, answered[0].requester_system), (9, system_mac(B)));
    for transaction in 100..200 {
        pair.inject(A, 0, &marker(transaction));
    }
    assert_eq!(answers(&pair.sent).len(), 10);
    let counters = pair.row(A, 0).counters;
    assert_eq!((counters.in_markers, counters.out_marker_responses), (101, 10));

    pair.set_link(0, false);
    pair.run(secs(2));
    pair.inject(A, 0, &marker(300));
    assert_eq!(answers(&pair.sent).len(), 10, "nothing leaves by a link that is down");

    let mut pair = Pair::new(system(A, 1, &Preset::LIBTEAM), system(B, 1, STANDARD)).settle();
    pair.inject(A, 0, &marker(1));
    assert_eq!((answers(&pair.sent).len(), pair.row(A, 0).counters.in_markers), (0, 1));
}

/// L9. What later versions and vendors add does not make the first version's fields unreadable.
#[test]
fn lacpdus_of_other_versions_keep_the_link_up() {
    let sonic: &dyn Fn(&mut Vec<u8>) = &|frame| {
        frame[15] = 0xf1;
        frame[14 + 58..14 + 66].copy_from_slice(&[0x80, 4, 5, 0, 0x81, 4, 3, 0]);
    };
    let version_two: &dyn Fn(&mut Vec<u8>) = &|frame| {
        frame[15] = 2;
        frame.truncate(14 + 58);
        frame.extend([4, 6, 0, 0x80, 0xc2, 1, 6, 131]);
        frame.resize(14 + 58 + 6 + 131, 0);
        frame.extend([0, 0]);
        frame.resize(14 + 58 + 6 + 131 + 52, 0);
    };
    for (version, change) in [(0xf1, sonic), (2, version_two)] {
        let mut pair = pair(1).settle();
        pair.links[0].ways[1] = crate::driver::Way::Cut;
        let (_, pdu) = pair.last_pdu(B, 0).unwrap_or_else(|| {
            pair.run(secs(1));
            pair.last_pdu(B, 0).expect("B speaks every second")
        });
        for _ in 0..20 {
            let mut frame = slow::Repr { source: system_mac(B) }.frame(&pdu.emit());
            change(&mut frame);
            pair.inject(A, 0, &frame);
            pair.run(secs(1));
        }
        let row = pair.row(A, 0);
        assert_eq!((row.receive_state, row.partner_version), (Receive::Current, version));
        assert_eq!((row.mux_state, row.counters.bad), (Mux::CollectingDistributing, 0));
    }
}

/// The first bring-up, step by step.
#[test]
fn two_active_ends_come_up_together_after_the_aggregate_wait() {
    let mut pair = pair(4);
    assert!(pair.run_until(secs(10), |pair| pair.is_whole(A) && pair.is_whole(B)));
    assert!(pair.now >= Instant::ZERO + secs(2) && pair.now <= Instant::ZERO + secs(5), "{}", pair.now);
    let together = pair.said(A).filter_map(|(at, event)| match event {
        LacpEvent::MuxStateChanged { to: Mux::Attached, .. } => Some(at),
        _ => None,
    });
    let together: Vec<Instant> = together.collect();
    assert_eq!(together.len(), 4);
    assert!(together.windows(2).all(|pair| pair[0] == pair[1]), "they attach as one: {together:?}");
    let (_, pdu) = pair.last_pdu(A, 0).unwrap();
    assert!(pdu.actor.flags.has(PASSING) && pdu.partner.flags.has(Flags::SYNCHRONIZATION));
}
