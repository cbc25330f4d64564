//! Any two sane ends come to an agreement from any start, or say why a link is not used; and nothing that comes in by a
//! link does harm.

use crate::driver::{A, B, BUNDLE, Pair, SPEED, Way, millis, secs, system, system_mac};
use greylag_base::{Instant, Mbps, PortId, Seed};
use greylag_lacp::{
    Behaviour, BelowMinLinks, Counters, Interval, Lacp, LacpConfig, LacpMode, MuxControl, OtherPartners,
    PartnerChoice, PartnerPin, Preset,
};
use greylag_wire::lacp::{Flags, Participant, Repr, SystemId};
use greylag_wire::slow;
use proptest::collection::vec;
use proptest::prelude::*;

const LINKS: u16 = 4;

fn preset() -> impl Strategy<Value = Preset> {
    (0..Preset::ALL.len()).prop_map(|index| Preset::ALL[index])
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let controls = prop_oneof![Just(MuxControl::Coupled), Just(MuxControl::Independent)];
    let choices = prop_oneof![
        Just(PartnerChoice::First),
        Just(PartnerChoice::LowestSystem),
        Just(PartnerChoice::LowestPort),
        Just(PartnerChoice::MostMembers),
        Just(PartnerChoice::MostBandwidth),
    ];
    let policies = (any::<bool>(), any::<bool>(), any::<bool>());
    (preset(), controls, choices, policies, 0..4000u64).prop_map(
        |(preset, mux_control, partner_choice, (hold, detached, down), spread)| {
            let mut behaviour = Behaviour {
                mux_control,
                partner_choice,
                partner_pin: if hold { PartnerPin::Hold } else { PartnerPin::Release },
                other_partners: if detached { OtherPartners::Detached } else { OtherPartners::Attached },
                below_min_links: if down { BelowMinLinks::BundleDown } else { BelowMinLinks::MembersHeld },
                ..preset.behaviour
            };
            behaviour.timers.start_spread = millis(spread);
            behaviour
        },
    )
}

fn end(number: usize) -> impl Strategy<Value = LacpConfig> {
    let limits = (1..=2u16, proptest::option::of(2..=LINKS), any::<bool>());
    let modes = (any::<bool>(), any::<bool>());
    (behaviour(), limits, modes, vec(0..4u16, usize::from(LINKS)), 0..3u16).prop_map(
        move |(behaviour, (min, max, revertive), (active, fast), priorities, system_priority)| {
            let mut config = system(number, LINKS, &Preset::STANDARD);
            config.system_priority = system_priority;
            let bundle = &mut config.bundles[0];
            bundle.behaviour = behaviour;
            (bundle.min_links, bundle.max_links, bundle.revertive) = (min, max, revertive);
            bundle.mode = if active { LacpMode::Active } else { LacpMode::Passive };
            bundle.interval = if fast { Interval::Fast } else { Interval::Slow };
            for (member, priority) in bundle.members.iter_mut().zip(priorities) {
                member.port_priority = priority;
            }
            config
        },
    )
}

/// What an end makes of a link.
#[derive(Debug, PartialEq)]
enum Verdict {
    Passes,
    /// It says why it does not.
    Reason,
    Neither,
}

fn verdict(pair: &Pair, system: usize, port: u16) -> Verdict {
    let row = pair.row(system, port);
    let bundle = &pair.systems[system].snapshot().bundles[0];
    match (row.member.collecting && row.member.distributing, row.why) {
        (true, None) => Verdict::Passes,
        (false, Some(_)) => Verdict::Reason,
        // The bundle is down for want of links.
        (false, None) if !bundle.up => Verdict::Reason,
        _ => Verdict::Neither,
    }
}

fn shown(pair: &Pair) -> String {
    format!("{:#?}", pair.systems.iter().map(Lacp::snapshot).collect::<Vec<_>>())
}

/// Every link passes frames at both ends, or one of them says why not.
fn agree(pair: &Pair) -> Result<(), TestCaseError> {
    for port in 0..LINKS {
        let verdicts = [verdict(pair, A, port), verdict(pair, B, port)];
        let agreed = verdicts == [Verdict::Passes, Verdict::Passes];
        prop_assert!(
            agreed || verdicts.contains(&Verdict::Reason),
            "{verdicts:?} of {port}: {}",
            shown(pair)
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_ends_agree_or_say_why(
        a in end(A),
        b in end(B),
        seed in any::<u64>(),
        slower in proptest::option::of(0..LINKS),
    ) {
        let silent = [&a, &b].iter().all(|end| end.bundles[0].mode == LacpMode::Passive);
        // Two ends that limit themselves, and stick to what they had first, may stick to different links; and of links that
        // cannot be aggregated, each may keep others than its partner does.
        let limits = |end: &LacpConfig| (end.bundles[0].max_links.is_some(), end.bundles[0].revertive);
        let at_odds = slower.is_some() || matches!((limits(&a), limits(&b)), ((true, x), (true, y)) if !x || !y);
        let mut pair = Pair::seeded(a, b, Seed(seed));
        if let Some(port) = slower {
            for system in [A, B] {
                pair.systems[system].set_link(Instant::ZERO, PortId(port), Some(Mbps(1_000)));
            }
        }
        pair.run(secs(150));
        agree(&pair)?;
        let used = pair.systems[A].distributing(BUNDLE).len();
        prop_assert!(if silent { used == 0 } else { at_odds || used > 0 }, "{} links are used: {}", used, shown(&pair));
        // What has been agreed on stays.
        let before = pair.events.len();
        pair.run(secs(200));
        prop_assert_eq!(pair.events.len(), before, "{:?}", &pair.events[before..]);
    }

    #[test]
    fn two_standard_ends_use_every_link_from_any_start(
        seed in any::<u64>(),
        spread in 0..10_000u64,
        intervals in (any::<bool>(), any::<bool>()),
        passive in any::<bool>(),
        loss in 0.0..0.2f64,
    ) {
        let one = |number, fast, passive| {
            let mut config = system(number, LINKS, &Preset::STANDARD);
            let bundle = &mut config.bundles[0];
            bundle.behaviour.timers.start_spread = millis(spread);
            bundle.interval = if fast { Interval::Fast } else { Interval::Slow };
            bundle.mode = if passive { LacpMode::Passive } else { LacpMode::Active };
            config
        };
        let (a, b) = (one(A, intervals.0, false), one(B, intervals.1, passive));
        let mut pair = Pair::seeded(a, b, Seed(seed));
        for link in &mut pair.links {
            link.ways = [Way::Loses(loss); 2];
        }
        pair.run(secs(60));
        for link in 0..pair.links.len() {
            pair.mend(link);
        }
        prop_assert!(pair.run_until(secs(100), |pair| pair.is_whole(A) && pair.is_whole(B)));
    }
}

/// A LACPDU of a partner that exists, or hardly, some of whose octets are overwritten and whose end is cut or grown.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let participant = |port| {
        (0..3usize, 0..3u16, any::<u8>()).prop_map(move |(system, key, flags)| Participant {
            system: SystemId { priority: key, mac: system_mac(system) },
            key,
            port_priority: 32768,
            port,
            flags: Flags(flags),
        })
    };
    let edits = vec((0..124usize, any::<u8>()), 0..3);
    (participant(1), participant(1), edits, 0..400usize, 0..10u8).prop_map(
        |(actor, partner, edits, length, cut)| {
            let pdu = Repr { version: 1, actor, partner, collector_max_delay: 0 };
            let mut frame = slow::Repr { source: system_mac(B) }.frame(&pdu.emit());
            for (at, octet) in edits {
                frame[at] = octet;
            }
            if cut == 0 {
                frame.resize(length, 2);
            }
            frame
        },
    )
}

#[derive(Clone, Debug)]
enum Happens {
    Frame(u16, Vec<u8>),
    Link(u16, bool),
    Time(u64),
    System(usize),
    Mode(u8),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        12 => (0..LINKS, mutated()).prop_map(|(port, frame)| Happens::Frame(port, frame)),
        2 => (0..LINKS, any::<bool>()).prop_map(|(port, up)| Happens::Link(port, up)),
        8 => (0..5_000u64).prop_map(Happens::Time),
        1 => (3..5usize).prop_map(Happens::System),
        1 => (0..3u8).prop_map(Happens::Mode),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_comes_in_is_counted_and_keeps_to_the_rules(config in end(A), all in vec(happens(), 1..120)) {
        let mut pair = Pair::alone(config);
        let limit = pair.systems[A].config().bundles[0].behaviour.transmit_limit;
        let mut frames = 0;
        for happens in all {
            match happens {
                Happens::Frame(port, frame) => {
                    frames += 1;
                    pair.inject(A, port, &frame);
                }
                Happens::Link(port, up) => {
                    let now = pair.now;
                    pair.systems[A].set_link(now, PortId(port), up.then_some(SPEED));
                }
                Happens::Time(span) => pair.run(millis(span)),
                Happens::System(number) => pair.reconfigure(A, |config| config.system_id_mac = system_mac(number)),
                Happens::Mode(mode) => {
                    let mode = [LacpMode::Active, LacpMode::Passive, LacpMode::Static][usize::from(mode)];
                    pair.reconfigure(A, |config| config.bundles[0].mode = mode);
                }
            }
            for port in 0..LINKS {
                let row = pair.row(A, port);
                prop_assert!(row.link.is_some() || row.member == greylag_lacp::Member::default());
                prop_assert!(row.member.collecting || !row.member.distributing);
            }
        }
        let counted = |counters: Counters| {
            let markers = counters.in_markers + counters.in_marker_responses;
            counters.in_pdus + markers + counters.bad + counters.unknown
        };
        prop_assert_eq!((0..LINKS).map(|port| counted(pair.row(A, port).counters)).sum::<u64>(), frames);
        for port in 0..LINKS {
            let pdus = pair.sent.iter().filter(|sent| sent.port == PortId(port) && sent.pdu().is_some());
            let times: Vec<Instant> = pdus.map(|sent| sent.at).collect();
            for (first, beyond) in times.iter().zip(times.iter().skip(limit.frames.into())) {
                prop_assert!(*beyond - *first >= limit.within);
            }
        }
    }
}
