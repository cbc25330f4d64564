//! Every arrow of every diagram is taken, by an incident that is known to take it.

use crate::driver::{A, ACTIVE, B, C, PASSING, Pair, millis, secs, system};
use greylag_base::PortId;
use greylag_lacp::mux::{State as Mux, When as MuxWhen};
use greylag_lacp::periodic::{State as Periodic, When as PeriodicWhen};
use greylag_lacp::receive::{State as Receive, When as ReceiveWhen};
use greylag_lacp::{
    Arrows, Interval, LacpConfig, LacpMode, MuxControl, Preset, Transition, churn, mux, periodic, receive,
};
use greylag_wire::lacp::Flags;
use std::fmt::Debug;

fn one_port() -> LacpConfig {
    system(A, 1, &Preset::STANDARD)
}

fn with_control(control: MuxControl) -> LacpConfig {
    let mut config = one_port();
    config.bundles[0].behaviour.mux_control = control;
    config
}

fn pair() -> Pair {
    Pair::new(one_port(), system(B, 1, &Preset::STANDARD)).settle()
}

const fn on<S, W>(from: S, when: W, to: S) -> Transition<S, W> {
    Transition { from: Some(from), when, to }
}

const fn anywhere<S, W>(when: W, to: S) -> Transition<S, W> {
    Transition { from: None, when, to }
}

/// A link that is down.
fn unplugged() -> Pair {
    let mut pair = pair();
    pair.set_link(0, false);
    pair
}

fn plug_in(pair: &mut Pair) {
    pair.set_link(0, true);
    pair.run(secs(5));
}

/// What an incident is: how it begins, what happens, and which arrows the first port then takes.
struct Incident<S: 'static, W: 'static> {
    name: &'static str,
    begins: fn() -> Pair,
    happens: fn(&mut Pair),
    takes: Vec<Transition<S, W>>,
}

/// Plays each incident, checks that it takes the arrows that it names, and that together they take all.
fn play<S: Copy + PartialEq + Debug, W: Copy + PartialEq + Debug>(
    diagram: &[Transition<S, W>],
    counts: fn(&Arrows<'_>) -> Vec<u64>,
    incidents: &[Incident<S, W>],
) {
    let mut covered = vec![false; diagram.len()];
    for incident in incidents {
        let mut pair = (incident.begins)();
        let taken = |pair: &Pair| counts(&pair.systems[A].arrows(PortId(0)).expect("the port is a member"));
        let before = taken(&pair);
        (incident.happens)(&mut pair);
        let after = taken(&pair);
        for takes in &incident.takes {
            let row = diagram.iter().position(|arrow| arrow == takes);
            let row = row.unwrap_or_else(|| panic!("{}: {takes:?} is no arrow", incident.name));
            assert!(after[row] > before[row], "{}: {takes:?} is not taken", incident.name);
            covered[row] = true;
        }
    }
    let missing: Vec<_> =
        diagram.iter().zip(covered).filter(|(_, covered)| !covered).map(|(arrow, _)| arrow).collect();
    assert!(missing.is_empty(), "no incident takes {missing:?}");
}

#[test]
fn every_arrow_of_the_receive_machine_is_taken() {
    let incidents = [
        Incident {
            name: "the first LACPDUs",
            begins: unplugged,
            happens: plug_in,
            takes: vec![
                on(Receive::PortDisabled, ReceiveWhen::EnabledWithLacp, Receive::Expired),
                on(Receive::Expired, ReceiveWhen::PduReceived, Receive::Current),
                on(Receive::Current, ReceiveWhen::PduReceived, Receive::Current),
            ],
        },
        Incident {
            name: "the partner falls silent, and speaks again",
            begins: pair,
            happens: |pair| {
                pair.cut(0);
                pair.run(secs(10));
                pair.mend(0);
                // Who has given its partner up speaks at the slow pace.
                pair.run(secs(31));
            },
            takes: vec![
                on(Receive::Current, ReceiveWhen::CurrentWhileExpired, Receive::Expired),
                on(Receive::Expired, ReceiveWhen::CurrentWhileExpired, Receive::Defaulted),
                on(Receive::Defaulted, ReceiveWhen::PduReceived, Receive::Current),
            ],
        },
        Incident {
            name: "the link goes down",
            begins: pair,
            happens: |pair| pair.set_link(0, false),
            takes: vec![anywhere(ReceiveWhen::PortDisabled, Receive::PortDisabled)],
        },
        Incident {
            name: "the cable is moved to another port",
            begins: || {
                let mut pair = Pair::alone(system(A, 2, &Preset::STANDARD));
                pair.speak(0, B, ACTIVE);
                pair
            },
            happens: |pair| {
                let now = pair.now;
                pair.systems[A].set_link(now, PortId(0), None);
                let partner_port = pair.row(A, 0).partner.port_num;
                pair.speak_from(1, B, partner_port, ACTIVE);
            },
            takes: vec![
                on(Receive::PortDisabled, ReceiveWhen::PortMoved, Receive::Initialize),
                on(Receive::Initialize, ReceiveWhen::Always, Receive::PortDisabled),
            ],
        },
        Incident {
            name: "LACP is turned off and on",
            begins: pair,
            happens: |pair| {
                pair.reconfigure(A, |config| config.bundles[0].mode = LacpMode::Static);
                pair.reconfigure(A, |config| config.bundles[0].mode = LacpMode::Active);
            },
            takes: vec![
                on(Receive::PortDisabled, ReceiveWhen::EnabledWithoutLacp, Receive::LacpDisabled),
                on(Receive::LacpDisabled, ReceiveWhen::LacpEnabled, Receive::PortDisabled),
            ],
        },
    ];
    play(receive::DIAGRAM, |arrows| arrows.receive.to_vec(), &incidents);
}

#[test]
fn every_arrow_of_the_periodic_machine_is_taken() {
    let incidents = [
        Incident {
            name: "the first LACPDUs",
            begins: unplugged,
            happens: plug_in,
            takes: vec![
                on(Periodic::NoPeriodic, PeriodicWhen::NotQuiet, Periodic::FastPeriodic),
                on(Periodic::FastPeriodic, PeriodicWhen::TimerExpired, Periodic::PeriodicTx),
                on(Periodic::PeriodicTx, PeriodicWhen::PartnerShort, Periodic::FastPeriodic),
            ],
        },
        Incident {
            name: "the partner wants less, then more",
            begins: pair,
            happens: |pair| {
                pair.reconfigure(B, |config| config.bundles[0].interval = Interval::Slow);
                pair.run(secs(40));
                pair.reconfigure(B, |config| config.bundles[0].interval = Interval::Fast);
                pair.run(secs(3));
            },
            takes: vec![
                on(Periodic::FastPeriodic, PeriodicWhen::PartnerLong, Periodic::SlowPeriodic),
                on(Periodic::SlowPeriodic, PeriodicWhen::TimerExpired, Periodic::PeriodicTx),
                on(Periodic::PeriodicTx, PeriodicWhen::PartnerLong, Periodic::SlowPeriodic),
                on(Periodic::SlowPeriodic, PeriodicWhen::PartnerShort, Periodic::PeriodicTx),
            ],
        },
        Incident {
            name: "the link goes down",
            begins: pair,
            happens: |pair| pair.set_link(0, false),
            takes: vec![anywhere(PeriodicWhen::Quiet, Periodic::NoPeriodic)],
        },
    ];
    play(periodic::DIAGRAM, |arrows| arrows.periodic.to_vec(), &incidents);
}

const WAITS: Transition<Mux, MuxWhen> = on(Mux::Detached, MuxWhen::SelectedOrStandby, Mux::Waiting);
const ATTACHES: Transition<Mux, MuxWhen> = on(Mux::Waiting, MuxWhen::SelectedAndReady, Mux::Attached);

fn limit_to_one(pair: &mut Pair) {
    pair.reconfigure(A, |config| config.bundles[0].max_links = Some(1));
}

fn two_links(control: MuxControl) -> Pair {
    let mut config = system(A, 2, &Preset::STANDARD);
    config.system_priority = 1;
    config.bundles[0].behaviour.mux_control = control;
    // The worse port from the beginning, so that nothing but the limit changes.
    config.bundles[0].members[0].port_priority = 60_000;
    Pair::new(config, system(B, 2, &Preset::STANDARD)).settle()
}

#[test]
fn every_arrow_of_the_coupled_mux_machine_is_taken() {
    let incidents = [
        Incident {
            name: "the link comes up",
            begins: || Pair::alone(with_control(MuxControl::Coupled)),
            happens: |pair| {
                pair.speak_for(4, 0, B, ACTIVE.with(Flags::SYNCHRONIZATION));
            },
            takes: vec![
                WAITS,
                ATTACHES,
                on(Mux::Attached, MuxWhen::SelectedAndInSync, Mux::CollectingDistributing),
            ],
        },
        Incident {
            name: "another partner speaks while the port waits, and again while it works",
            begins: || Pair::alone(with_control(MuxControl::Coupled)),
            happens: |pair| {
                pair.speak(0, B, ACTIVE.with(PASSING));
                pair.run(millis(500));
                pair.speak_for(4, 0, C, ACTIVE.with(PASSING));
                pair.speak(0, B, ACTIVE.with(PASSING));
            },
            takes: vec![
                on(Mux::Waiting, MuxWhen::Unselected, Mux::Detached),
                on(Mux::CollectingDistributing, MuxWhen::Unselected, Mux::Attached),
                on(Mux::Attached, MuxWhen::Unselected, Mux::Detached),
            ],
        },
        Incident {
            name: "the partner falls silent",
            begins: pair,
            happens: |pair| {
                pair.cut(0);
                pair.run(secs(4));
            },
            takes: vec![on(Mux::CollectingDistributing, MuxWhen::OutOfSync, Mux::Attached)],
        },
        Incident {
            name: "one link is enough",
            begins: || two_links(MuxControl::Coupled),
            happens: limit_to_one,
            takes: vec![
                on(Mux::CollectingDistributing, MuxWhen::Standby, Mux::Attached),
                on(Mux::Attached, MuxWhen::Standby, Mux::Detached),
            ],
        },
    ];
    play(mux::COUPLED, |arrows| arrows.mux.to_vec(), &incidents);
}

#[test]
fn every_arrow_of_the_independent_mux_machine_is_taken() {
    let incidents = [
        Incident {
            name: "the link comes up",
            begins: || Pair::alone(with_control(MuxControl::Independent)),
            happens: |pair| {
                pair.speak_for(4, 0, B, ACTIVE.with(Flags::SYNCHRONIZATION));
                pair.speak(0, B, ACTIVE.with(PASSING));
            },
            takes: vec![
                WAITS,
                ATTACHES,
                on(Mux::Attached, MuxWhen::SelectedAndInSync, Mux::Collecting),
                on(Mux::Collecting, MuxWhen::SelectedAndCollecting, Mux::Distributing),
            ],
        },
        Incident {
            name: "another partner speaks while the port waits, and again while it works",
            begins: || Pair::alone(with_control(MuxControl::Independent)),
            happens: |pair| {
                pair.speak(0, B, ACTIVE.with(PASSING));
                pair.run(millis(500));
                pair.speak_for(4, 0, C, ACTIVE.with(PASSING));
                pair.speak(0, B, ACTIVE.with(PASSING));
            },
            takes: vec![
                on(Mux::Waiting, MuxWhen::Unselected, Mux::Detached),
                on(Mux::Distributing, MuxWhen::Unselected, Mux::Collecting),
                on(Mux::Collecting, MuxWhen::Unselected, Mux::Attached),
                on(Mux::Attached, MuxWhen::Unselected, Mux::Detached),
            ],
        },
        Incident {
            name: "the partner stops collecting, then leaves the sync",
            begins: || Pair::alone(with_control(MuxControl::Independent)),
            happens: |pair| {
                pair.speak_for(4, 0, B, ACTIVE.with(PASSING));
                pair.speak(0, B, ACTIVE.with(Flags::SYNCHRONIZATION));
                pair.speak(0, B, ACTIVE.with(PASSING));
                pair.speak(0, B, ACTIVE.with(Flags::COLLECTING));
            },
            takes: vec![
                on(Mux::Distributing, MuxWhen::NotCollecting, Mux::Collecting),
                on(Mux::Distributing, MuxWhen::OutOfSync, Mux::Collecting),
                on(Mux::Collecting, MuxWhen::OutOfSync, Mux::Attached),
            ],
        },
        Incident {
            name: "one link is enough",
            begins: || two_links(MuxControl::Independent),
            happens: limit_to_one,
            takes: vec![
                on(Mux::Distributing, MuxWhen::Standby, Mux::Collecting),
                on(Mux::Collecting, MuxWhen::Standby, Mux::Attached),
                on(Mux::Attached, MuxWhen::Standby, Mux::Detached),
            ],
        },
    ];
    play(mux::INDEPENDENT, |arrows| arrows.mux.to_vec(), &incidents);
}

#[test]
fn every_arrow_of_the_churn_machines_is_taken_on_both_sides() {
    const MONITOR: churn::State = churn::State::ChurnMonitor;
    let incidents = || {
        [
            Incident {
                name: "a link that is silent for a minute, and then works",
                begins: || {
                    let mut pair = Pair::new(one_port(), system(B, 1, &Preset::STANDARD));
                    pair.cut(0);
                    pair
                },
                happens: |pair| {
                    pair.run(secs(61));
                    pair.mend(0);
                    pair.run(secs(40));
                },
                takes: vec![
                    on(MONITOR, churn::When::TimerExpired, churn::State::Churn),
                    on(churn::State::Churn, churn::When::InSync, churn::State::NoChurn),
                ],
            },
            Incident {
                name: "a link that is silent for ten seconds, and then goes down",
                begins: pair,
                happens: |pair| {
                    pair.cut(0);
                    pair.run(secs(10));
                    pair.mend(0);
                    pair.run(secs(40));
                    pair.set_link(0, false);
                },
                takes: vec![
                    on(churn::State::NoChurn, churn::When::OutOfSync, MONITOR),
                    on(MONITOR, churn::When::InSync, churn::State::NoChurn),
                    anywhere(churn::When::PortDisabled, MONITOR),
                ],
            },
        ]
    };
    play(churn::DIAGRAM, |arrows| arrows.actor_churn.to_vec(), &incidents());
    play(churn::DIAGRAM, |arrows| arrows.partner_churn.to_vec(), &incidents());
}
