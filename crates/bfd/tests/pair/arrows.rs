//! Every arrow of the state machine is taken between two switches, by an incident that is known to take it.

use crate::driver::{A, B, Pair, SESSION, Way, millis, secs, session};
use greylag_bfd::{Bfd, DIAGRAM, Role, SessionConfig, State, When};

use State::{AdminDown, Down, Init, Up};
use When::{DetectionTimeExpired, Disabled, Enabled, ForwardingPlaneReset, Heard, PathDown};

/// What an incident is: how it begins, what happens, and which arrows the first switch then takes.
struct Incident {
    name: &'static str,
    begins: fn() -> Pair,
    happens: fn(&mut Pair),
    takes: &'static [(State, When)],
}

fn up() -> Pair {
    Pair::settled(session(A), session(B))
}

/// The second switch waits to be spoken to.
fn waited_for() -> Pair {
    Pair::new(session(A), SessionConfig { role: Role::Passive, ..session(B) })
}

/// The second switch is not heard, and the first waits to be spoken to.
fn waiting() -> Pair {
    let mut pair = Pair::new(SessionConfig { role: Role::Passive, ..session(A) }, session(B));
    // What B has sent at its start has arrived, what A answers does not.
    pair.ways[A] = Way::Cut;
    pair.run(millis(1));
    assert_eq!(pair.state(A), Init);
    pair
}

const INCIDENTS: &[Incident] = &[
    Incident {
        name: "both begin at once",
        begins: || Pair::new(session(A), session(B)),
        happens: |pair| pair.run(secs(2)),
        takes: &[(Down, Heard(Down)), (Init, Heard(Init))],
    },
    Incident {
        name: "the other end answers",
        begins: waited_for,
        happens: |pair| pair.run(secs(2)),
        takes: &[(Down, Heard(Init))],
    },
    Incident {
        name: "the other end is up first",
        begins: waiting,
        happens: |pair| {
            pair.ways[A] = Way::Whole;
            pair.run(secs(2));
        },
        takes: &[(Init, Heard(Up))],
    },
    Incident {
        name: "the other end is disabled while it is waited for",
        begins: waiting,
        happens: |pair| {
            pair.reconfigure(B, |session| session.enabled = false);
            pair.run(millis(1));
        },
        takes: &[(Init, Heard(AdminDown))],
    },
    Incident {
        name: "the other end falls silent while it is waited for",
        begins: waiting,
        happens: |pair| {
            pair.ways[B] = Way::Cut;
            pair.run(secs(4));
        },
        takes: &[(Init, DetectionTimeExpired)],
    },
    Incident {
        name: "the other end restarts",
        begins: up,
        happens: |pair| {
            pair.restart(B);
            pair.run(millis(1));
        },
        takes: &[(Up, Heard(Down))],
    },
    Incident {
        name: "the other end is disabled",
        begins: up,
        happens: |pair| {
            pair.reconfigure(B, |session| session.enabled = false);
            pair.run(millis(1));
        },
        takes: &[(Up, Heard(AdminDown))],
    },
    Incident {
        name: "the other end falls silent",
        begins: up,
        happens: |pair| {
            pair.ways[B] = Way::Cut;
            pair.run(secs(1));
        },
        takes: &[(Up, DetectionTimeExpired)],
    },
    Incident {
        name: "the link goes down, too early and later",
        begins: waiting,
        happens: |pair| {
            pair.tell(A, |bfd, now| bfd.set_path(now, SESSION, false));
            pair.tell(A, |bfd, now| bfd.set_path(now, SESSION, true));
            pair.ways[A] = Way::Whole;
            pair.run(secs(3));
            pair.tell(A, |bfd, now| bfd.set_path(now, SESSION, false));
        },
        takes: &[(Init, PathDown), (Up, PathDown)],
    },
    Incident {
        name: "the forwarding plane is reset again and again",
        begins: waiting,
        happens: |pair| {
            pair.tell(A, Bfd::reset_forwarding);
            pair.tell(A, Bfd::reset_forwarding);
            pair.ways[A] = Way::Whole;
            pair.run(secs(3));
            pair.tell(A, Bfd::reset_forwarding);
        },
        takes: &[(Init, ForwardingPlaneReset), (Down, ForwardingPlaneReset), (Up, ForwardingPlaneReset)],
    },
    Incident {
        name: "an operator disables and enables it",
        begins: waiting,
        happens: |pair| {
            pair.reconfigure(A, |session| session.enabled = false);
            pair.reconfigure(A, |session| session.enabled = true);
            pair.reconfigure(A, |session| session.enabled = false);
            pair.reconfigure(A, |session| session.enabled = true);
            pair.ways[A] = Way::Whole;
            pair.run(secs(3));
            pair.reconfigure(A, |session| session.enabled = false);
        },
        takes: &[(Init, Disabled), (AdminDown, Enabled), (Down, Disabled), (Up, Disabled)],
    },
];

#[test]
fn every_arrow_of_the_state_machine_is_taken() {
    let mut covered = vec![false; DIAGRAM.len()];
    for incident in INCIDENTS {
        let mut pair = (incident.begins)();
        let taken = |pair: &Pair| pair.switches[A].arrows(SESSION).expect("there is one session").to_vec();
        // Where a switch has just begun, what it did first counts too.
        let before = taken(&pair);
        (incident.happens)(&mut pair);
        let after = taken(&pair);
        for (from, when) in incident.takes {
            let row = DIAGRAM.iter().position(|arrow| (arrow.from, arrow.when) == (*from, *when));
            let row = row.unwrap_or_else(|| panic!("{}: {from:?} {when:?} is no arrow", incident.name));
            assert!(after[row] > before[row], "{}: {from:?} {when:?} is not taken", incident.name);
            covered[row] = true;
        }
    }
    let missing: Vec<_> = DIAGRAM.iter().zip(covered).filter(|(_, covered)| !covered).collect();
    assert!(missing.is_empty(), "no incident takes {missing:?}");
}
