//! What goes wrong on links and at the other end, and what must come of it.

use crate::driver::{A, ACTIVE, B, BUNDLE, C, PASSING, Pair, SPEED, Way, millis, secs, system, system_mac};
use greylag_base::{Mbps, PortId, Seed};
use greylag_lacp::mux::State as Mux;
use greylag_lacp::receive::State as Receive;
use greylag_lacp::{
    BelowMinLinks, BundleConfig, BundleId, LacpConfig, LacpEvent, LacpMode, Member, MuxControl,
    OtherPartners, PartnerChoice, Preset, Reason, Selected, SyncRule, churn,
};
use greylag_wire::lacp::{Flags, SystemId};

const STANDARD: &Preset = &Preset::STANDARD;

fn pair(ports: u16) -> Pair {
    Pair::new(system(A, ports, STANDARD), system(B, ports, STANDARD))
}

fn with(ports: u16, change: impl FnOnce(&mut BundleConfig)) -> LacpConfig {
    let mut config = system(A, ports, STANDARD);
    change(&mut config.bundles[0]);
    config
}

fn distributing(pair: &Pair) -> Vec<u16> {
    pair.systems[A].distributing(BUNDLE).iter().map(|port| port.0).collect()
}

fn why(pair: &Pair, port: u16) -> (Selected, Option<Reason>) {
    let row = pair.row(A, port);
    (row.selected, row.why)
}

fn said(pair: &Pair, event: &LacpEvent) -> bool {
    pair.said(A).any(|(_, said)| said == event)
}

#[test]
fn a_partner_that_changes_its_system_id_costs_the_aggregate_wait() {
    let mut pair = pair(2).settle();
    let change = pair.now;
    pair.reconfigure(B, |config| config.system_id_mac = system_mac(9));
    assert!(pair.run_until(secs(1), |pair| distributing(pair).is_empty()));
    assert!(pair.now - change <= millis(1));
    assert!(pair.run_until(secs(10), |pair| pair.is_whole(A)));
    let outage = pair.now - change;
    assert!(outage >= secs(2) && outage < secs(3), "{outage:?}");
    let id = |mac| Some(SystemId { priority: STANDARD.system_priority, mac });
    let (from, to) = (id(system_mac(B)), id(system_mac(9)));
    assert!(said(&pair, &LacpEvent::PartnerChanged { port: PortId(0), from, to }));
    assert!(said(&pair, &LacpEvent::PartnerKept { bundle: BUNDLE, from, to }));
    assert!(said(&pair, &LacpEvent::BundleChanged { bundle: BUNDLE, up: false, distributing: vec![] }));
}

#[test]
fn of_two_partners_the_one_that_the_policy_names_is_kept() {
    // One link to B, by the best port; two slower ones to C, which has the lower address only where it is said.
    struct Case {
        choice: PartnerChoice,
        first_heard: usize,
        partners: [usize; 2],
        kept: usize,
    }
    let case = |choice, first_heard, partners, kept| Case { choice, first_heard, partners, kept };
    let cases = [
        case(PartnerChoice::First, 0, [B, C], 0),
        case(PartnerChoice::First, 1, [B, C], 1),
        case(PartnerChoice::LowestSystem, 0, [B, C], 0),
        case(PartnerChoice::LowestSystem, 0, [C, B], 1),
        case(PartnerChoice::LowestPort, 1, [C, B], 0),
        case(PartnerChoice::MostMembers, 0, [B, C], 1),
        case(PartnerChoice::MostBandwidth, 1, [C, B], 0),
    ];
    for Case { choice, first_heard, partners, kept } in cases {
        let mut pair = Pair::alone(with(3, |bundle| bundle.behaviour.partner_choice = choice));
        for port in [1, 2] {
            let now = pair.now;
            pair.systems[A].set_link(now, PortId(port), Some(Mbps(1_000)));
        }
        let ports_of = [vec![0], vec![1, 2]];
        for second in 0..6 {
            for (index, ports) in ports_of.iter().enumerate() {
                if second > 0 || index == first_heard {
                    for &port in ports {
                        pair.speak(port, partners[index], ACTIVE.with(PASSING));
                    }
                }
            }
            pair.run(secs(1));
        }
        assert_eq!(distributing(&pair), ports_of[kept], "{choice:?}, {first_heard} first, {partners:?}");
        let other = &ports_of[1 - kept];
        assert_eq!(why(&pair, other[0]), (Selected::Unselected, Some(Reason::OtherPartner)), "{choice:?}");
    }
}

#[test]
fn a_partner_that_never_collects_is_reported_and_gets_frames_only_under_coupled_control() {
    for (control, sent_to_it) in [(MuxControl::Coupled, true), (MuxControl::Independent, false)] {
        let mut pair = Pair::alone(with(1, |bundle| bundle.behaviour.mux_control = control));
        pair.speak_for(70, 0, B, ACTIVE.with(Flags::SYNCHRONIZATION));
        let member = pair.systems[A].member(PortId(0)).unwrap();
        assert_eq!(member, Member { collecting: true, distributing: sent_to_it }, "{control:?}");
        let raised = |raised| LacpEvent::PartnerNotCollecting { port: PortId(0), raised };
        let (at, _) = pair.said(A).find(|(_, event)| **event == raised(true)).expect("it is reported");
        assert!(at.as_nanos() >= 60_000_000_000 && !said(&pair, &raised(false)));
        pair.speak(0, B, ACTIVE.with(PASSING));
        assert!(said(&pair, &raised(false)));
        assert!(pair.systems[A].member(PortId(0)).unwrap().distributing);
    }
}

#[test]
fn a_partner_that_never_gets_in_sync_churns_after_a_minute() {
    let mut pair = Pair::alone(with(1, |_| {}));
    pair.speak_for(61, 0, B, ACTIVE);
    let churns = LacpEvent::ChurnStateChanged {
        port: PortId(0),
        side: churn::Side::Partner,
        from: churn::State::ChurnMonitor,
        to: churn::State::Churn,
    };
    assert!(said(&pair, &churns));
    assert_eq!((pair.mux(A, 0), pair.row(A, 0).actor_churn_state), (Mux::Attached, churn::State::NoChurn));
}

#[test]
fn a_link_that_works_one_way_is_left_and_reported_by_the_end_that_still_hears() {
    let mut pair = pair(2).settle();
    let cut = pair.now;
    pair.links[0].ways[0] = Way::Cut;
    pair.run(secs(12));
    let left = pair.entered(A, 0, Mux::Attached).expect("the link is left") - cut;
    assert!(left <= secs(7), "{left:?}");
    assert!(said(&pair, &LacpEvent::OneWay { port: PortId(0), raised: true }));
    assert!(!said(&pair, &LacpEvent::OneWay { port: PortId(1), raised: true }));
    // The other end has given up and speaks at the slow pace, which is too slow for this one.
    assert_eq!((pair.receive(B, 0), pair.receive(A, 0)), (Receive::Defaulted, Receive::Defaulted));
    pair.run(secs(300));
    assert!(!said(&pair, &LacpEvent::OneWay { port: PortId(0), raised: false }));
    assert_eq!(distributing(&pair), [1]);
    pair.mend(0);
    assert!(pair.run_until(secs(40), |pair| pair.is_whole(A) && pair.is_whole(B)));
    assert!(said(&pair, &LacpEvent::OneWay { port: PortId(0), raised: false }));
}

#[test]
fn a_link_survives_the_loss_of_two_lacpdus_in_a_row_and_no_more() {
    for (way, survives) in [
        (Way::AllButOneIn(2), true),
        (Way::AllButOneIn(3), true),
        (Way::OneIn(2), true),
        (Way::OneIn(4), false),
    ] {
        let mut pair = pair(1).settle();
        pair.links[0].ways = [way; 2];
        pair.run(secs(120));
        let stayed = pair.entered(A, 0, Mux::Attached).is_none();
        assert_eq!(stayed, survives, "{way:?}");
        let missed = pair.row(A, 0).counters.missed;
        assert!((20..=110).contains(&missed), "{way:?}: {missed} missed");
        assert!(pair.said(A).any(|(_, event)| matches!(event, LacpEvent::PdusMissed { .. })), "{way:?}");
    }
    let mut pair = pair(1).settle();
    pair.run(secs(600));
    assert_eq!(pair.row(A, 0).counters.missed, 0, "a link that loses nothing misses nothing");
}

#[test]
fn a_bundle_below_min_links_is_down_and_lacp_says_so_or_not() {
    for (policy, says_so) in [(BelowMinLinks::BundleDown, false), (BelowMinLinks::MembersHeld, true)] {
        let a = with(3, |bundle| (bundle.min_links, bundle.behaviour.below_min_links) = (2, policy));
        let mut pair = Pair::new(a, system(B, 3, STANDARD)).settle();
        pair.set_link(0, false);
        assert_eq!(distributing(&pair), [1, 2], "{policy:?}");
        pair.set_link(1, false);
        pair.run(secs(2));
        assert_eq!(distributing(&pair), [0; 0], "{policy:?}");
        assert_eq!(pair.systems[A].member(PortId(2)), Some(Member::default()));
        let partner_hears_of_it = !pair.row(B, 2).partner.flags.contains(&"collecting".to_owned());
        assert_eq!(partner_hears_of_it, says_so, "{policy:?}");
        pair.set_link(0, true);
        pair.set_link(1, true);
        assert!(pair.run_until(secs(5), |pair| pair.is_whole(A) && pair.is_whole(B)), "{policy:?}");
    }
}

#[test]
fn a_standby_link_stands_in_and_steps_back_if_it_is_to() {
    for (revertive, after) in [(true, vec![0, 1]), (false, vec![1, 2])] {
        let a = with(3, |bundle| (bundle.max_links, bundle.revertive) = (Some(2), revertive));
        let mut pair = Pair::new(a, system(B, 3, STANDARD));
        pair.run(secs(10));
        assert_eq!(distributing(&pair), [0, 1]);
        assert_eq!(why(&pair, 2), (Selected::Standby, Some(Reason::MaxLinks)));
        pair.set_link(0, false);
        // Its wait is over already: it attaches as soon as it is needed.
        pair.run(secs(1));
        assert_eq!(distributing(&pair), [1, 2]);
        pair.set_link(0, true);
        pair.run(secs(10));
        assert_eq!(distributing(&pair), after, "revertive {revertive}");
    }
}

#[test]
fn two_ends_that_use_two_of_four_links_use_the_same_two() {
    // The priorities of the better system decide; those of the other say the opposite.
    for better in [A, B] {
        let limited = |number: usize| {
            let mut config = system(number, 4, STANDARD);
            config.system_priority = if number == better { 1 } else { 2 };
            config.bundles[0].max_links = Some(2);
            for (index, member) in config.bundles[0].members.iter_mut().enumerate() {
                let number = number as u16;
                member.port_priority = if number == 0 { index as u16 } else { 10 - index as u16 };
            }
            config
        };
        let mut pair = Pair::new(limited(A), limited(B));
        pair.run(secs(20));
        assert_eq!(distributing(&pair), if better == A { [0, 1] } else { [2, 3] });
        assert_eq!(pair.systems[B].distributing(BUNDLE), pair.systems[A].distributing(BUNDLE));
    }
}

#[test]
fn a_link_that_was_down_waits_to_be_restored_while_there_is_another() {
    let mut pair =
        Pair::new(with(2, |bundle| bundle.wait_to_restore = secs(60)), system(B, 2, STANDARD)).settle();
    pair.set_link(0, false);
    pair.run(secs(1));
    pair.set_link(0, true);
    pair.run(secs(59));
    assert_eq!(
        (distributing(&pair), why(&pair, 0)),
        (vec![1], (Selected::Standby, Some(Reason::WaitToRestore)))
    );
    pair.run(secs(2));
    assert_eq!(distributing(&pair), [0, 1]);
    // With nothing else left, waiting would only make it worse.
    pair.set_link(0, false);
    pair.set_link(1, false);
    pair.run(secs(1));
    pair.set_link(0, true);
    pair.set_link(1, true);
    pair.run(secs(5));
    assert_eq!(distributing(&pair), [0, 1]);
    pair.events.clear();
    pair.run(secs(100));
    assert_eq!(pair.events, []);
}

#[test]
fn a_link_that_blinks_is_used_again_at_once() {
    let mut pair = pair(2).settle();
    pair.set_link(0, false);
    assert_eq!(distributing(&pair), [1]);
    assert_eq!(why(&pair, 0), (Selected::Selected, Some(Reason::LinkDown)));
    pair.run(millis(300));
    pair.set_link(0, true);
    // The selection was left undisturbed: one LACPDU each way is all that it takes.
    assert!(pair.run_until(millis(1100), |pair| pair.is_whole(A) && pair.is_whole(B)));
    // Even when nothing is left in between, and for longer.
    for up in [false, true] {
        pair.set_link(0, up);
        pair.set_link(1, up);
        assert!(pair.run_until(millis(1100), |pair| pair.is_whole(A) == up));
        pair.run(secs(20));
    }
    assert_eq!(pair.row(A, 0).counters.missed, 0, "what a link that is down does not carry is not missed");
}

#[test]
fn a_partner_that_has_us_wrong_is_told_at_once() {
    let mut pair = Pair::alone(with(1, |_| {}));
    pair.speak_for(4, 0, B, ACTIVE.with(PASSING));
    assert_eq!(distributing(&pair), [0]);
    pair.run(millis(400));
    pair.sent.clear();
    // Such that nothing else changes, which would be worth telling too.
    pair.reconfigure(A, |config| config.bundles[0].behaviour.sync_rule = SyncRule::PartnerSays);
    pair.speak_about_another(0, B, ACTIVE.with(PASSING));
    assert_eq!(pair.last_pdu(A, 0).map(|(at, _)| at), Some(pair.now));
}

#[test]
fn a_passive_partner_that_takes_us_for_passive_is_not_in_sync() {
    // Nobody would keep such a link up (recordPDU, 6.4.9).
    let mut pair = Pair::alone(with(1, |_| {}));
    let in_sync = |pair: &Pair| pair.row(A, 0).partner.flags.contains(&"synchronization".to_owned());
    pair.speak(0, B, ACTIVE.with(PASSING).without(Flags::ACTIVITY));
    assert!(!in_sync(&pair));
    pair.speak(0, B, ACTIVE.with(PASSING));
    assert!(in_sync(&pair));
}

#[test]
fn links_to_another_partner_do_not_keep_a_bundle_waiting() {
    let attached = |bundle: &mut BundleConfig| bundle.behaviour.other_partners = OtherPartners::Attached;
    let mut pair = Pair::alone(with(2, attached));
    pair.speak(0, B, ACTIVE.with(PASSING));
    pair.run(millis(1500));
    pair.speak(1, C, ACTIVE.with(PASSING));
    pair.run(millis(500));
    assert_eq!((pair.mux(A, 0), pair.mux(A, 1)), (Mux::CollectingDistributing, Mux::Waiting));
}

#[test]
fn without_any_partner_one_port_is_used_until_a_partner_speaks() {
    let mut pair = Pair::alone(with(3, |bundle| bundle.fallback = Some(secs(30))));
    pair.run(secs(30));
    assert_eq!(distributing(&pair), [0; 0]);
    pair.run(secs(6));
    assert_eq!(distributing(&pair), [0]);
    assert!(said(&pair, &LacpEvent::FallbackChanged { bundle: BUNDLE, port: Some(PortId(0)) }));
    // The port that is used stays, as long as its link does.
    let now = pair.now;
    pair.systems[A].set_link(now, PortId(0), None);
    pair.run(secs(3));
    assert_eq!(distributing(&pair), [1]);
    let now = pair.now;
    pair.systems[A].set_link(now, PortId(0), Some(SPEED));
    pair.run(secs(60));
    assert_eq!(distributing(&pair), [1]);

    pair.speak_for(4, 2, B, ACTIVE.with(PASSING));
    assert_eq!(
        (distributing(&pair), why(&pair, 1)),
        (vec![2], (Selected::Unselected, Some(Reason::NoPartner)))
    );
    assert!(said(&pair, &LacpEvent::FallbackChanged { bundle: BUNDLE, port: None }));
}

#[test]
fn a_static_bundle_uses_every_link_that_is_up_and_says_nothing() {
    let a = with(3, |bundle| (bundle.mode, bundle.max_links) = (LacpMode::Static, Some(2)));
    let mut pair = Pair::new(a, with(3, |bundle| bundle.mode = LacpMode::Static));
    assert_eq!(distributing(&pair), [0, 1]);
    pair.set_link(0, false);
    assert_eq!(
        (distributing(&pair), why(&pair, 0)),
        (vec![1, 2], (Selected::Unselected, Some(Reason::LinkDown)))
    );
    pair.set_link(0, true);
    assert_eq!(distributing(&pair), [0, 1]);
    pair.run(secs(100));
    assert_eq!(pair.sent.len(), 0);
    pair.speak(0, B, ACTIVE);
    assert_eq!(pair.row(A, 0).counters.ignored, 1);
}

#[test]
fn a_port_that_hears_its_own_system_is_not_used() {
    let a = system(A, 2, STANDARD);
    let mut pair = Pair::wired(vec![a], vec![[(A, PortId(0)), (A, PortId(1))]], Seed(1));
    pair.run(secs(10));
    assert_eq!(distributing(&pair), [0; 0]);
    assert_eq!(why(&pair, 0), (Selected::Unselected, Some(Reason::OwnSystem)));
    let reports = pair.said(A).filter(|(_, event)| matches!(event, LacpEvent::OwnSystemHeard { .. })).count();
    assert_eq!(reports, 2, "once for each port, not for each LACPDU");
    assert!(pair.row(A, 0).counters.own_system > 0);
    // The loop gives way to a partner, without the link going down.
    pair.cut(0);
    pair.speak_for(4, 0, B, ACTIVE.with(PASSING));
    assert_eq!(distributing(&pair), [0]);
}

#[test]
fn links_whose_partner_says_other_things_than_the_first_are_left_out() {
    // The second link is slower, and on Linux has another key.
    let mut pair = Pair::new(system(A, 2, &Preset::LINUX), system(B, 2, &Preset::LINUX)).settle();
    for system in [A, B] {
        let now = pair.now;
        pair.systems[system].set_link(now, PortId(1), Some(Mbps(1_000)));
    }
    pair.run(secs(10));
    assert_eq!((distributing(&pair), why(&pair, 1)), (vec![0], (Selected::Selected, Some(Reason::OtherKey))));

    // The second link is individual.
    let mut pair = Pair::alone(with(2, |_| {}));
    for _ in 0..5 {
        pair.speak(0, B, ACTIVE.with(PASSING));
        pair.speak(1, B, ACTIVE.with(PASSING).without(Flags::AGGREGATION));
        pair.run(secs(1));
    }
    assert_eq!(
        (distributing(&pair), why(&pair, 1)),
        (vec![0], (Selected::Unselected, Some(Reason::Individual)))
    );
}

#[test]
fn what_another_implementation_makes_of_sync_is_seen() {
    // DPDK collects while its partner still waits.
    let mut pair = Pair::alone(system(A, 1, &Preset::DPDK));
    pair.speak_for(4, 0, B, ACTIVE);
    assert_eq!(pair.mux(A, 0), Mux::Collecting);
    // VPP takes a partner for in sync that has said the same twice.
    let mut pair = Pair::alone(system(A, 1, &Preset::VPP));
    let in_sync = |pair: &Pair| pair.row(A, 0).partner.flags.contains(&"synchronization".to_owned());
    pair.speak(0, B, ACTIVE.with(PASSING));
    assert!(!in_sync(&pair));
    pair.speak(0, B, ACTIVE.with(PASSING));
    assert!(in_sync(&pair));
    // libteam believes a partner that describes somebody else.
    for (preset, believes) in [(&Preset::LIBTEAM, true), (STANDARD, false)] {
        let mut pair = Pair::alone(system(A, 1, preset));
        pair.speak_about_another(0, B, ACTIVE.with(PASSING));
        assert_eq!(in_sync(&pair), believes, "{}", preset.name);
    }
}

#[test]
fn dpdk_does_not_hear_a_partner_that_takes_it_for_another_system() {
    let mut pair = Pair::alone(system(A, 1, &Preset::DPDK));
    pair.speak_about_another(0, B, ACTIVE);
    assert_eq!((pair.receive(A, 0), pair.row(A, 0).counters.ignored), (Receive::Expired, 1));
    pair.speak(0, B, ACTIVE);
    assert_eq!(pair.receive(A, 0), Receive::Current);
}

#[test]
fn two_chassis_that_share_their_port_numbers_are_taken_for_one_port() {
    for (offset, confused) in [(0, true), (0x4000, false)] {
        let chassis = |number| {
            let mut config = system(number, 1, STANDARD);
            config.system_id_mac = system_mac(B);
            config.port_number_offset = if number == C { offset } else { 0 };
            config
        };
        let mut pair = Pair::dual_homed(system(A, 2, STANDARD), chassis(B), chassis(C)).settle();
        pair.set_link(0, false);
        pair.run(secs(3));
        assert_eq!(said(&pair, &LacpEvent::PortMoved { port: PortId(0) }), confused, "offset {offset}");
        let remembered = pair.row(A, 0).receive_state == Receive::PortDisabled
            && pair.row(A, 0).partner.system.mac == system_mac(B);
        assert_eq!(remembered, !confused, "offset {offset}");
    }
}

#[test]
fn our_own_change_of_system_id_takes_the_bundle_down_at_both_ends_and_up_again() {
    let mut pair = pair(2).settle();
    pair.reconfigure(A, |config| config.bundles[0].system_id_mac = Some(system_mac(8)));
    assert_eq!((distributing(&pair), pair.mux(A, 0)), (vec![], Mux::Waiting));
    assert!(pair.run_until(secs(5), |pair| pair.is_whole(A) && pair.is_whole(B)));
    assert_eq!(pair.row(B, 0).partner.system.mac, system_mac(8));
    assert!(pair.entered(B, 0, Mux::Detached).is_some());
}

#[test]
fn ports_change_bundles_and_bundles_go() {
    let mut pair = pair(2).settle();
    pair.reconfigure(A, |config| {
        let moved = config.bundles[0].members.pop().unwrap();
        let mut second = BundleConfig::new(BundleId(1), STANDARD);
        second.members.push(moved);
        config.bundles.push(second);
    });
    assert_eq!(distributing(&pair), [0]);
    // B sees two keys behind one bundle, and keeps the first port's.
    pair.run(secs(10));
    assert_eq!(pair.systems[A].distributing(BundleId(1)), []);
    assert_eq!(pair.row(B, 1).why, Some(Reason::OtherKey));
    pair.events.clear();
    pair.reconfigure(A, |config| config.bundles.clear());
    assert_eq!(pair.systems[A].member(PortId(0)), None);
    assert!(said(&pair, &LacpEvent::BundleChanged { bundle: BUNDLE, up: false, distributing: vec![] }));
    let none = Member::default();
    assert!(said(&pair, &LacpEvent::MemberChanged { port: PortId(0), bundle: BUNDLE, member: none }));
    pair.run(secs(10));
    assert_eq!(pair.systems[A].poll_timeout(), None);
}

#[test]
fn settings_that_partners_do_not_care_about_change_without_an_outage() {
    let mut pair = pair(2).settle();
    pair.reconfigure(A, |config| {
        let bundle = &mut config.bundles[0];
        bundle.interval = greylag_lacp::Interval::Slow;
        bundle.wait_to_restore = secs(9);
        bundle.behaviour.timers.aggregate_wait = secs(1);
        bundle.behaviour.partner_choice = PartnerChoice::MostMembers;
    });
    pair.run(secs(100));
    let outages = pair.events.iter().filter(|(_, _, event)| matches!(event, LacpEvent::MemberChanged { .. }));
    assert_eq!(outages.count(), 0);
    // B now sends at the pace that it is asked for.
    let sent = pair.sent.iter().filter(|sent| sent.system == B && sent.port == PortId(0)).count();
    assert!((3..=6).contains(&sent), "{sent}");
}

#[test]
fn ports_begin_at_times_of_their_own_that_the_seed_decides() {
    let begun = |seed| {
        let a = with(4, |bundle| bundle.behaviour.timers.start_spread = secs(5));
        let mut pair = Pair::seeded(a, system(B, 4, STANDARD), Seed(seed));
        assert!(pair.run_until(secs(60), |pair| pair.is_whole(A)));
        let times: Vec<_> = (0..4).map(|port| pair.received(A, port, Receive::Expired).unwrap()).collect();
        (times, pair.now)
    };
    let (times, _) = begun(1);
    assert!(times.windows(2).all(|pair| pair[0] != pair[1]), "{times:?}");
    assert_eq!(begun(1), begun(1));
    assert_ne!(begun(1), begun(2));
}

#[test]
fn the_snapshot_says_in_words_what_is_going_on() {
    let pair = pair(1).settle();
    let json = serde_json::to_value(pair.systems[A].snapshot()).unwrap();
    let bundle = &json["bundles"][0];
    assert_eq!(
        (&bundle["lacp-mode"], &bundle["interval"], &bundle["up"]),
        (&"ACTIVE".into(), &"FAST".into(), &true.into())
    );
    assert_eq!(bundle["partner"], serde_json::json!({"priority": 32768, "mac": "02:00:00:00:00:a1"}));
    let member = &bundle["members"][0];
    for (key, value) in [
        ("selected", "SELECTED"),
        ("receive-state", "CURRENT"),
        ("periodic-state", "FAST_PERIODIC"),
        ("mux-state", "COLLECTING_DISTRIBUTING"),
        ("actor-churn-state", "NO_CHURN"),
    ] {
        assert_eq!(member[key], value, "{key}");
    }
    let flags = ["activity", "timeout", "aggregation", "synchronization", "collecting", "distributing"];
    assert_eq!(member["actor"]["flags"], serde_json::json!(flags));
    assert_eq!((&member["collecting"], &member["why"]), (&true.into(), &serde_json::Value::Null));
    assert!(member["counters"]["out-pdus"].as_u64().unwrap() > 3);
    let again: greylag_lacp::LacpSnapshot = serde_json::from_value(json).unwrap();
    assert_eq!(again, pair.systems[A].snapshot());

    let event = LacpEvent::MuxStateChanged {
        port: PortId(3),
        from: Mux::Attached,
        to: Mux::CollectingDistributing,
        because: greylag_lacp::mux::When::SelectedAndInSync,
    };
    assert_eq!(
        serde_json::to_string(&event).unwrap(),
        r#"{"event":"mux-state-changed","port":3,"from":"ATTACHED","to":"COLLECTING_DISTRIBUTING","because":"selected-and-in-sync"}"#
    );
}
