//! What each chassis of a pair does when something fails: the matrix of failures for each preset, which `docs/mclag.md` shows too,
//! and what holds in all circumstances there are.

use greylag_switch::config::{
    Isolation, MclagBehaviour, StatusControl, SynchronisedMacs, WhenIccpDown, WhenIclDown,
};
use greylag_switch::mclag::{
    BackupLiveness, Circumstances, ControlSession, Members, Preset, RuledIsolation, Ruling, SystemId, rule,
};

const SESSIONS: [ControlSession; 3] = [ControlSession::Up, ControlSession::Down, ControlSession::Never];
const ROLES: [StatusControl; 2] = [StatusControl::Active, StatusControl::Standby];
const KNOWN: [BackupLiveness; 3] =
    [BackupLiveness::Unconfigured, BackupLiveness::Alive, BackupLiveness::Dead];

/// What both did before anything failed.
const WELL: Ruling = Ruling {
    system_id: SystemId::Shared,
    members: Members::Up,
    isolation: RuledIsolation::Kept,
    synchronised_macs: None,
};

/// Nothing is wrong.
fn well(role: StatusControl) -> Circumstances {
    Circumstances {
        role,
        control_session: ControlSession::Up,
        inter_chassis_link: true,
        backup_liveness: BackupLiveness::Unknown,
        init_delay_over: true,
        hold_time_over: true,
        healthy: true,
        before: WELL,
    }
}

/// A failure, what each chassis then knows, and for each preset what the active and the standby one do, and why.
struct Failure {
    name: &'static str,
    at: fn(&mut Circumstances),
    /// `junos`, `iccpd`, `cumulus`.
    cells: [(&'static str, &'static str); 3],
}

/// The rows of protocols.md 2.7, in the words of the page.
const MATRIX: &[Failure] = &[
    Failure {
        name: "the link is down, the session stands by another way",
        at: |at| at.inter_chassis_link = false,
        cells: [
            ("keep / wait", "documented: the standby mc-ae goes to LACP standby, mux WAITING"),
            ("keep / keep", "source: addresses behind the link go, roles stay"),
            ("keep / suspend", "documented: protodown; that it is the secondary is assumed"),
        ],
    },
    Failure {
        name: "the session is down, the link up, nobody looks for the peer",
        at: |at| {
            (at.control_session, at.backup_liveness) = (ControlSession::Down, BackupLiveness::Unconfigured);
        },
        cells: [
            ("keep / revert", "documented: the standby mc-ae changes its system id to the default"),
            ("keep / revert", "source: the standby takes its own MAC back"),
            ("keep / revert", "documented: the secondary falls back to its bond's MAC"),
        ],
    },
    Failure {
        name: "the session is down, the link up, the peer alive",
        at: |at| (at.control_session, at.backup_liveness) = (ControlSession::Down, BackupLiveness::Alive),
        cells: [
            ("revert / revert", "documented: both change to the default; as logged on 23 October 2025"),
            ("keep / revert", "source: there is no backup liveness to tell it apart by"),
            ("keep / revert", "documented: no change of roles, the secondary falls back"),
        ],
    },
    Failure {
        name: "the session is down, the link up, the peer dead",
        at: |at| (at.control_session, at.backup_liveness) = (ControlSession::Down, BackupLiveness::Dead),
        cells: [
            ("keep / keep", "documented: no change, whatever the link does"),
            ("keep / revert", "source: as above"),
            ("keep / revert", "documented: as above"),
        ],
    },
    Failure {
        name: "only the management network is down",
        at: |at| at.backup_liveness = BackupLiveness::Dead,
        cells: [
            ("keep / keep", "documented: with ICCP up the peer is alive by definition"),
            ("keep / keep", "it has none"),
            ("keep / keep", "documented: a warning"),
        ],
    },
    Failure {
        name: "link and session are down, nobody looks for the peer",
        at: |at| {
            (at.control_session, at.backup_liveness) = (ControlSession::Down, BackupLiveness::Unconfigured);
            at.inter_chassis_link = false;
        },
        cells: [
            ("keep / revert", "documented: whatever the link does"),
            ("keep / revert", "source: split brain and the peer's death are the same"),
            ("keep / revert", "documented: whoever is not known to be alive is dead"),
        ],
    },
    Failure {
        name: "link and session are down, the peer alive",
        at: |at| {
            (at.control_session, at.backup_liveness) = (ControlSession::Down, BackupLiveness::Alive);
            at.inter_chassis_link = false;
        },
        cells: [
            ("revert / revert", "documented: whatever the link does"),
            ("keep / revert", "source: as above"),
            ("keep / revert, suspend", "documented: it falls back, and protodown where the backup is alive"),
        ],
    },
    Failure {
        name: "the peer is dead",
        at: |at| {
            (at.control_session, at.backup_liveness) = (ControlSession::Down, BackupLiveness::Dead);
            at.inter_chassis_link = false;
        },
        cells: [
            ("keep / keep", "documented: an inactive peer changes nothing"),
            ("keep / revert", "source: a standby that survives flaps once"),
            ("keep / revert", "documented: a secondary that survives flaps once"),
        ],
    },
    Failure {
        name: "after a start, until the session stands",
        at: |at| {
            (at.control_session, at.backup_liveness) = (ControlSession::Never, BackupLiveness::Unconfigured);
            at.hold_time_over = false;
        },
        cells: [
            ("revert / revert", "documented symptom: default ids until ICCP is up"),
            ("keep / revert", "source: as without a session"),
            ("suspend / revert, suspend", "documented: protodown until peered, or the reload timer is over"),
        ],
    },
    Failure {
        name: "after a start, the session does not stand within the hold time",
        at: |at| {
            (at.control_session, at.backup_liveness) = (ControlSession::Never, BackupLiveness::Unconfigured);
        },
        cells: [
            ("revert / revert", "assumed: the symptom lasts as long as its cause"),
            ("keep / revert", "source: as without a session"),
            ("keep / revert", "documented: bonds come up alone"),
        ],
    },
    Failure {
        name: "within the init delay",
        at: |at| at.init_delay_over = false,
        cells: [
            ("suspend / suspend", "documented: init-delay-time holds every mc-ae out"),
            ("suspend / suspend", "not its own: 0s by default"),
            ("suspend / suspend", "documented: initDelay"),
        ],
    },
    Failure {
        name: "the health gate of the chassis is shut",
        at: |at| at.healthy = false,
        cells: [
            ("suspend / suspend", "greylag's own"),
            ("suspend / suspend", "greylag's own"),
            ("suspend / suspend", "greylag's own"),
        ],
    },
];

fn word(ruling: Ruling) -> &'static str {
    match (ruling.system_id, ruling.members) {
        (SystemId::Shared, Members::Up) => "keep",
        (SystemId::Shared, Members::Standby) => "wait",
        (SystemId::Shared, Members::Suspended) => "suspend",
        (SystemId::Own, Members::Up) => "revert",
        (SystemId::Own, Members::Standby) => "revert, wait",
        (SystemId::Own, Members::Suspended) => "revert, suspend",
    }
}

fn cell(preset: &Preset, failure: &Failure) -> String {
    let each = ROLES.map(|role| {
        let mut at = well(role);
        (failure.at)(&mut at);
        word(rule(&preset.behaviour, &at))
    });
    each.join(" / ")
}

#[test]
fn what_each_preset_does_in_each_failure() {
    for failure in MATRIX {
        for (preset, (expected, why)) in Preset::ALL.iter().zip(failure.cells) {
            assert_eq!(cell(preset, failure), expected, "{}, {}: {why}", preset.name, failure.name);
        }
    }
}

#[test]
fn the_page_has_the_matrix() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/mclag.md");
    let page = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let names = Preset::ALL.map(|preset| format!("`{}`", preset.name)).join(" | ");
    let mut table = vec![format!("| active / standby | {names} |"), "| --- | --- | --- | --- |".to_owned()];
    for failure in MATRIX {
        let cells = failure.cells.map(|(expected, why)| format!("{expected} ({why})")).join(" | ");
        table.push(format!("| {} | {cells} |", failure.name));
    }
    let table = table.join("\n") + "\n";
    assert!(page.contains(&table), "docs/mclag.md should have:\n{table}");
}

#[test]
fn the_page_has_the_presets() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/mclag.md");
    let page = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let as_json = Preset::ALL.map(|preset| serde_json::to_value(preset.behaviour).unwrap());
    let keys: Vec<String> = as_json[0].as_object().unwrap().keys().cloned().collect();
    for key in keys {
        let values = as_json.each_ref().map(|of| format!("`{}`", of[&key].to_string().trim_matches('"')));
        let named = match key.as_str() {
            "peer-alive" | "peer-unknown" | "peer-dead" | "icl-down" => format!("on-{key}"),
            other => other.to_owned(),
        };
        let row = format!("| `{named}` | {} |", values.join(" | "));
        assert!(page.contains(&row), "docs/mclag.md should have: {row}");
    }
    let delays = Preset::ALL.map(|preset| format!("`{}s`", preset.init_delay.as_secs())).join(" | ");
    assert!(page.contains(&format!("| `init-delay-time` | {delays} |")), "{delays}");
}

/// Calls `check` in all circumstances, but for what was ruled before.
fn everywhere(before: Ruling, mut check: impl FnMut(&Circumstances)) {
    let liveness = KNOWN.into_iter().chain([BackupLiveness::Unknown]);
    for backup_liveness in liveness {
        for (role, control_session) in ROLES.iter().flat_map(|role| SESSIONS.map(|session| (*role, session)))
        {
            for bits in 0..16_u8 {
                check(&Circumstances {
                    role,
                    control_session,
                    backup_liveness,
                    inter_chassis_link: bits & 1 != 0,
                    init_delay_over: bits & 2 != 0,
                    hold_time_over: bits & 4 != 0,
                    healthy: bits & 8 != 0,
                    before,
                });
            }
        }
    }
}

/// All that can be written of a pair's behaviour.
fn behaviours() -> Vec<MclagBehaviour> {
    const REVERTS: [WhenIccpDown; 3] =
        [WhenIccpDown::BothRevert, WhenIccpDown::StandbyReverts, WhenIccpDown::None];
    const LINK: [WhenIclDown; 3] =
        [WhenIclDown::Nothing, WhenIclDown::StandbyWaits, WhenIclDown::StandbySuspends];
    const MACS: [SynchronisedMacs; 3] =
        [SynchronisedMacs::Convert, SynchronisedMacs::Pin, SynchronisedMacs::Flush];
    const ISOLATION: [Isolation; 2] = [Isolation::Keep, Isolation::Lift];
    let of = |number: usize| MclagBehaviour {
        peer_alive: REVERTS[number % 3],
        peer_unknown: REVERTS[number / 3 % 3],
        peer_dead: REVERTS[number / 9 % 3],
        icl_down: LINK[number / 27 % 3],
        synchronised_macs: MACS[number / 81 % 3],
        isolation_on_iccp_down: ISOLATION[number / 243 % 2],
        own_id_until_peer: number / 486 % 2 == 1,
        wait_for_peer: number / 972 % 2 == 1,
        prefer_status_control_active: number / 1944 % 2 == 1,
    };
    (0..3888).map(of).collect()
}

fn rulings() -> Vec<Ruling> {
    let macs =
        [None, Some(SynchronisedMacs::Convert), Some(SynchronisedMacs::Pin), Some(SynchronisedMacs::Flush)];
    let members = [Members::Up, Members::Standby, Members::Suspended];
    let of = |number: usize| Ruling {
        system_id: [SystemId::Shared, SystemId::Own][number % 2],
        members: members[number / 2 % 3],
        isolation: [RuledIsolation::Kept, RuledIsolation::Lifted][number / 6 % 2],
        synchronised_macs: macs[number / 12],
    };
    (0..48).map(of).collect()
}

fn has_open_gates(at: &Circumstances) -> bool {
    at.init_delay_over && at.healthy
}

fn is_unknown(at: &Circumstances) -> bool {
    at.control_session == ControlSession::Down && at.backup_liveness == BackupLiveness::Unknown
}

#[test]
fn what_was_ruled_stays_while_nobody_knows_of_the_peer_and_counts_for_nothing_else() {
    for preset in Preset::ALL {
        for before in rulings() {
            everywhere(before, |at| {
                let ruling = rule(&preset.behaviour, at);
                if !is_unknown(at) {
                    assert_eq!(
                        ruling,
                        rule(&preset.behaviour, &Circumstances { before: WELL, ..*at }),
                        "{at:?}"
                    );
                } else if has_open_gates(at) {
                    assert_eq!(ruling, before, "{at:?}");
                } else {
                    assert_eq!(ruling, Ruling { members: Members::Suspended, ..before }, "{at:?}");
                }
            });
        }
    }
}

#[test]
fn a_gate_suspends_and_does_nothing_else() {
    for behaviour in behaviours() {
        everywhere(WELL, |at| {
            let ruling = rule(&behaviour, at);
            let open = rule(&behaviour, &Circumstances { init_delay_over: true, healthy: true, ..*at });
            match has_open_gates(at) {
                true => assert_eq!(ruling, open),
                false => assert_eq!(ruling, Ruling { members: Members::Suspended, ..open }, "{at:?}"),
            }
        });
    }
}

#[test]
fn one_chassis_of_two_goes_on_whatever_both_see_of_each_other() {
    for behaviour in behaviours() {
        everywhere(WELL, |active| {
            if active.role != StatusControl::Active || !has_open_gates(active) || is_unknown(active) {
                return;
            }
            // What one knows of the other is nothing that both have in common.
            for backup_liveness in KNOWN {
                let standby = Circumstances { role: StatusControl::Standby, backup_liveness, ..*active };
                let both = [active, &standby].map(|at| rule(&behaviour, at).members);
                let is_out = |members: &Members| *members != Members::Up;
                let waits = behaviour.wait_for_peer
                    && active.control_session == ControlSession::Never
                    && !active.hold_time_over;
                assert_eq!(both.iter().all(is_out), waits, "{behaviour:?} {active:?} {standby:?}");
            }
        });
    }
}

#[test]
fn a_session_that_stands_leaves_everything_shared_and_kept() {
    for behaviour in behaviours() {
        everywhere(WELL, |at| {
            let ruling = rule(&behaviour, at);
            if at.control_session == ControlSession::Up {
                assert_eq!(Ruling { members: Members::Up, ..ruling }, WELL, "{at:?}");
            } else if !is_unknown(at) {
                // While both show one system, no partner may hear one frame by both.
                let shows = |role| rule(&behaviour, &Circumstances { role, ..*at }).system_id;
                let are_two = ROLES.map(shows) != [SystemId::Shared; 2];
                let lifted = are_two && behaviour.isolation_on_iccp_down == Isolation::Lift;
                assert_eq!(ruling.isolation == RuledIsolation::Lifted, lifted, "{at:?}");
                let has_ended = at.control_session == ControlSession::Down;
                assert_eq!(
                    ruling.synchronised_macs,
                    has_ended.then_some(behaviour.synchronised_macs),
                    "{at:?}"
                );
            }
        });
    }
}

#[test]
fn a_chassis_that_is_preferred_keeps_the_shared_id() {
    for behaviour in behaviours().into_iter().filter(|behaviour| behaviour.prefer_status_control_active) {
        everywhere(WELL, |at| {
            let own = at.control_session == ControlSession::Never && behaviour.own_id_until_peer;
            assert_eq!(rule(&behaviour, at).system_id == SystemId::Own, own, "{behaviour:?} {at:?}");
        });
    }
}

#[test]
fn only_junos_ever_leaves_both_with_their_own_or_both_with_the_shared_id() {
    for preset in [Preset::ICCPD, Preset::CUMULUS] {
        everywhere(WELL, |at| {
            if at.control_session != ControlSession::Up && !is_unknown(at) {
                let own = rule(&preset.behaviour, at).system_id == SystemId::Own;
                assert_eq!(own, at.role == StatusControl::Standby, "{} {at:?}", preset.name);
            }
        });
    }
}
