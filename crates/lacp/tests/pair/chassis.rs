//! A bundle of a chassis that shows one system id with another: kept out, let in, and with an id of its own again.

use crate::driver::{A, B, BUNDLE, C, Pair, millis, secs, system, system_mac};
use greylag_base::PortId;
use greylag_lacp::mux::State as Mux;
use greylag_lacp::{Admission, LacpMode, OtherPartners, Preset, Reason, Selected};
use greylag_wire::lacp::Flags;
use std::time::Duration;

fn admit(pair: &mut Pair, chassis: usize, admission: Admission) {
    pair.reconfigure(chassis, |config| config.bundles[0].admission = admission);
}

fn distributing(pair: &Pair, system: usize) -> Vec<u16> {
    pair.systems[system].distributing(BUNDLE).iter().map(|port| port.0).collect()
}

/// How the ports of B are: all alike.
fn state(pair: &Pair) -> (Mux, Selected, Option<Reason>) {
    let rows: Vec<_> = (0..2).map(|port| pair.row(B, port)).collect();
    let states: Vec<_> = rows.iter().map(|row| (row.mux_state, row.selected, row.why)).collect();
    assert_eq!(states[0], states[1]);
    states[0]
}

/// What B's first port says: in sync, collecting, distributing.
fn says(pair: &Pair) -> [bool; 3] {
    let (_, pdu) = pair.last_pdu(B, 0).expect("it speaks");
    [Flags::SYNCHRONIZATION, Flags::COLLECTING, Flags::DISTRIBUTING].map(|flag| pdu.actor.flags.has(flag))
}

#[test]
fn a_bundle_is_kept_out_and_let_in_step_by_step() {
    use Selected::{Selected as Used, Standby, Unselected};
    let (waits, out) = (Some(Reason::BundleStandby), Some(Reason::BundleSuspended));
    type Step = (u64, Option<Admission>, (Mux, Selected, Option<Reason>), [bool; 3]);
    for preset in &Preset::ALL {
        let up = match preset.behaviour.mux_control {
            greylag_lacp::MuxControl::Coupled => Mux::CollectingDistributing,
            greylag_lacp::MuxControl::Independent => Mux::Distributing,
        };
        let wait = preset.behaviour.timers.aggregate_wait.as_millis() as u64;
        // Milliseconds since the step before, what is ordered then, and how things are 50 ms later.
        let steps: &[Step] = &[
            (0, Some(Admission::Standby), (Mux::Waiting, Standby, waits), [false; 3]),
            (60_000, None, (Mux::Waiting, Standby, waits), [false; 3]),
            // It has waited long enough.
            (0, Some(Admission::Open), (up, Used, None), [true; 3]),
            (5_000, Some(Admission::Suspended), (Mux::Detached, Unselected, out), [false; 3]),
            // Before the partner has given it up.
            (0, Some(Admission::Standby), (Mux::Waiting, Standby, waits), [false; 3]),
            (5_000, Some(Admission::Suspended), (Mux::Detached, Unselected, out), [false; 3]),
            // From here it waits for others to attach together with.
            (
                0,
                Some(Admission::Open),
                if wait > 50 { (Mux::Waiting, Used, None) } else { (up, Used, None) },
                [wait <= 50; 3],
            ),
            (wait, None, (up, Used, None), [true; 3]),
        ];
        let mut pair = Pair::new(system(A, 2, &Preset::STANDARD), system(B, 2, preset)).settle();
        for (number, (after, order, expected, said)) in steps.iter().enumerate() {
            pair.run(Duration::from_millis(*after));
            if let Some(admission) = order {
                admit(&mut pair, B, *admission);
            }
            // Up to three LACPDUs a second may leave, and what is to be said waits for the next.
            pair.run(millis(50));
            assert_eq!(state(&pair), *expected, "{}: step {number}", preset.name);
            pair.run(millis(1_100));
            assert_eq!(says(&pair), *said, "{}: step {number}", preset.name);
            let all: &[u16] = if said[2] { &[0, 1] } else { &[] };
            assert_eq!(
                [A, B].map(|end| distributing(&pair, end)),
                [all, all],
                "{}: step {number}",
                preset.name
            );
        }
    }
}

#[test]
fn lacpdus_go_on_while_a_bundle_stands_by_and_one_is_the_last_when_it_is_suspended() {
    use greylag_lacp::receive::State as Receive;
    for (admission, heard, heard_later, receive) in [
        (Admission::Standby, 2..=4, 29..=31, Receive::Current),
        (Admission::Suspended, 1..=1, 0..=0, Receive::Defaulted),
    ] {
        let mut pair = Pair::new(system(A, 2, &Preset::STANDARD), system(B, 2, &Preset::STANDARD)).settle();
        pair.sent.clear();
        admit(&mut pair, B, admission);
        let from_b =
            |pair: &Pair| pair.sent.iter().filter(|sent| sent.system == B && sent.port == PortId(0)).count();
        pair.run(millis(2_500));
        assert!(heard.contains(&from_b(&pair)), "{admission:?}: {}", from_b(&pair));
        assert_eq!((says(&pair), distributing(&pair, A)), ([false; 3], vec![]), "{admission:?}");
        pair.run(secs(10));
        pair.sent.clear();
        pair.run(secs(30));
        assert!(heard_later.contains(&from_b(&pair)), "{admission:?}: {}", from_b(&pair));
        assert_eq!(pair.row(A, 0).receive_state, receive, "{admission:?}");
        admit(&mut pair, B, Admission::Open);
        pair.run(secs(5));
        assert_eq!(distributing(&pair, A), [0, 1], "{admission:?}");
    }
}

#[test]
fn a_bundle_that_is_kept_out_from_the_start_takes_no_link_whoever_comes() {
    for (admission, why) in
        [(Admission::Standby, Reason::BundleStandby), (Admission::Suspended, Reason::BundleSuspended)]
    {
        let mut config = system(B, 2, &Preset::STANDARD);
        config.bundles[0].admission = admission;
        // No partner is no reason to use a link all the same.
        config.bundles[0].fallback = Some(secs(5));
        let mut pair = Pair::new(system(A, 2, &Preset::STANDARD), config.clone());
        pair.cut(0);
        pair.cut(1);
        pair.run(secs(60));
        assert_eq!((distributing(&pair, B), pair.mux(B, 0)), (vec![], Mux::Detached));
        pair.mend(0);
        pair.mend(1);
        pair.run(secs(60));
        assert_eq!((distributing(&pair, B), pair.row(B, 0).why), (vec![], Some(why)));
        admit(&mut pair, B, Admission::Open);
        pair.run(secs(5));
        assert_eq!(distributing(&pair, B), [0, 1]);
    }
}

#[test]
fn a_bundle_without_lacp_is_kept_out_as_well() {
    for admission in [Admission::Standby, Admission::Suspended] {
        let mut config = system(A, 2, &Preset::STANDARD);
        config.bundles[0].mode = LacpMode::Static;
        let mut pair = Pair::alone(config);
        assert_eq!(distributing(&pair, A), [0, 1]);
        admit(&mut pair, A, admission);
        assert_eq!(distributing(&pair, A), [0_u16; 0]);
        pair.run(secs(10));
        admit(&mut pair, A, Admission::Open);
        assert_eq!(distributing(&pair, A), [0, 1]);
    }
}

/// A system with four links, two to each of two chassis that show one system id with port numbers of their own.
fn dual_homed(preset: &Preset, chassis: &Preset) -> Pair {
    let chassis = |number| {
        let mut config = system(number, 2, chassis);
        config.bundles[0].system_id_mac = Some(system_mac(9));
        config.port_number_offset = if number == C { 0x4000 } else { 0 };
        config
    };
    Pair::dual_homed(system(A, 4, preset), chassis(B), chassis(C)).settle()
}

fn revert(pair: &mut Pair, chassis: usize) {
    pair.reconfigure(chassis, |config| config.bundles[0].system_id_mac = None);
}

#[test]
fn the_standby_chassis_gives_all_flows_to_the_other_and_gets_its_own_back() {
    for preset in &Preset::ALL {
        let mut pair = dual_homed(preset, &Preset::STANDARD);
        assert_eq!(distributing(&pair, A), [0, 1, 2, 3], "{}", preset.name);
        admit(&mut pair, C, Admission::Standby);
        pair.run(secs(30));
        assert_eq!(distributing(&pair, A), [0, 1], "{}", preset.name);
        admit(&mut pair, C, Admission::Open);
        pair.run(secs(5));
        assert_eq!(distributing(&pair, A), [0, 1, 2, 3], "{}", preset.name);
    }
}

/// Every partner, when both chassis show ids of their own from one moment on, and then the shared one again.
#[test]
fn when_both_chassis_revert_every_partner_keeps_one() {
    for preset in &Preset::ALL {
        let mut pair = dual_homed(preset, &Preset::STANDARD);
        let split = pair.now;
        for chassis in [B, C] {
            revert(&mut pair, chassis);
            // Out of sync before anything comes back from the partner.
            assert!((0..2).all(|port| !pair.mux(chassis, port).is_attached()), "{}", preset.name);
        }
        pair.run(millis(1_100));
        assert_eq!(distributing(&pair, A), [0_u16; 0], "{}", preset.name);
        assert!(pair.run_until(secs(10), |pair| !distributing(pair, A).is_empty()), "{}", preset.name);
        let outage = pair.now - split;
        assert!((secs(2)..secs(5)).contains(&outage), "{}: {outage:?}", preset.name);
        pair.run(secs(60));
        let kept = distributing(&pair, A);
        assert!(kept == [0, 1] || kept == [2, 3], "{}: {kept:?}", preset.name);
        let [winner, loser] = if kept == [0, 1] { [B, C] } else { [C, B] };
        for port in 0..4 {
            let row = pair.row(A, port);
            assert!([system_mac(B), system_mac(C)].contains(&row.partner.system.mac));
            if !kept.contains(&port) {
                let expected = match preset.behaviour.other_partners {
                    OtherPartners::Detached => (Selected::Unselected, Some(Reason::OtherPartner)),
                    OtherPartners::Attached => (Selected::Selected, Some(Reason::OtherPartner)),
                };
                assert_eq!((row.selected, row.why), expected, "{}: port {port}", preset.name);
            }
        }
        assert_eq!(distributing(&pair, winner), [0, 1], "{}", preset.name);
        // Where the links that lost are attached, their chassis sends into them, and nobody takes it.
        let lost = match preset.behaviour.other_partners {
            OtherPartners::Detached => &[][..],
            OtherPartners::Attached => &[0, 1],
        };
        assert_eq!(distributing(&pair, loser), lost, "{}", preset.name);

        for chassis in [B, C] {
            pair.reconfigure(chassis, |config| config.bundles[0].system_id_mac = Some(system_mac(9)));
        }
        pair.run(secs(10));
        assert_eq!(distributing(&pair, A), [0, 1, 2, 3], "{}", preset.name);
    }
}

/// One chassis alone reverts: the other's links are as they were, unless the partner goes by something else than who was there.
#[test]
fn when_one_chassis_reverts_the_partner_goes_on_with_one() {
    for preset in &Preset::ALL {
        for chassis in [B, C] {
            let mut pair = dual_homed(preset, &Preset::STANDARD);
            revert(&mut pair, chassis);
            pair.run(secs(30));
            let kept = distributing(&pair, A);
            assert!(kept == [0, 1] || kept == [2, 3], "{} reverts {chassis}: {kept:?}", preset.name);
        }
    }
}
