//! What a chassis of a pair does, as one function of what it knows. No state, no clock: who asks keeps both.

use crate::config::{Isolation, MclagBehaviour, StatusControl, SynchronisedMacs, WhenIccpDown, WhenIclDown};
use serde::{Deserialize, Serialize};

/// All that a chassis knows of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// Which of the two it is.
    pub role: StatusControl,
    /// The control session.
    pub control_session: ControlSession,
    /// The inter-chassis link is up.
    pub inter_chassis_link: bool,
    /// What is known of the peer while the control session is down.
    pub backup_liveness: BackupLiveness,
    /// The init delay since the switch's start is over.
    pub init_delay_over: bool,
    /// The session establishment hold time since the switch's start is over.
    pub hold_time_over: bool,
    /// The health gate, if there is one, lets it take part.
    pub healthy: bool,
    /// What was ruled last, which stays while nobody knows of the peer.
    pub before: Ruling,
}

/// The control session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlSession {
    /// It stands.
    Up,
    /// It stood since the switch's start, and does not.
    Down,
    /// It never stood since the switch's start.
    Never,
}

/// What is known of the peer while the control session is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupLiveness {
    /// Nobody asks.
    Unconfigured,
    /// It was asked and has not answered, nor is the time-out over; or there is no need to ask.
    Unknown,
    /// It answers.
    Alive,
    /// It has not answered for as long as the time-out.
    Dead,
}

/// What a chassis does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ruling {
    /// What LACP shows on multi-chassis bundles.
    pub system_id: SystemId,
    /// What their links may do.
    pub members: Members,
    /// Whether legs whose other leg was up stay isolated from the inter-chassis link.
    pub isolation: RuledIsolation,
    /// What becomes of the peer's addresses; `None` as long as they are kept current.
    pub synchronised_macs: Option<SynchronisedMacs>,
}

/// A system id in LACP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemId {
    /// The bundle's, which is the same on both chassis.
    Shared,
    /// The chassis' own.
    Own,
}

/// What the links of multi-chassis bundles may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Members {
    /// As LACP has it.
    Up,
    /// They stand by (mux WAITING).
    Standby,
    /// They are detached, and nothing passes. LACP says so once, and is silent then.
    Suspended,
}

/// Whether legs whose other leg was up stay isolated from the inter-chassis link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuledIsolation {
    /// As it was last agreed.
    Kept,
    /// None is.
    Lifted,
}

/// What a chassis does in these circumstances.
pub fn rule(behaviour: &MclagBehaviour, at: &Circumstances) -> Ruling {
    let kept = at.control_session == ControlSession::Down && at.backup_liveness == BackupLiveness::Unknown;
    let ruling = if kept { at.before } else { known(behaviour, at) };
    match at.init_delay_over && at.healthy {
        true => ruling,
        false => Ruling { members: Members::Suspended, ..ruling },
    }
}

/// What it does when it knows enough.
fn known(behaviour: &MclagBehaviour, at: &Circumstances) -> Ruling {
    let reverts = who_reverts(behaviour, at);
    // As long as both show one system, a partner uses both legs: without isolation it would hear everything twice.
    let isolation = match behaviour.isolation_on_iccp_down {
        Isolation::Lift if reverts != WhenIccpDown::None => RuledIsolation::Lifted,
        Isolation::Lift | Isolation::Keep => RuledIsolation::Kept,
    };
    let system_id = match (reverts, at.role) {
        (WhenIccpDown::BothRevert, _) | (WhenIccpDown::StandbyReverts, StatusControl::Standby) => {
            SystemId::Own
        }
        (WhenIccpDown::StandbyReverts, StatusControl::Active) | (WhenIccpDown::None, _) => SystemId::Shared,
    };
    let has_ended = at.control_session == ControlSession::Down;
    Ruling {
        system_id,
        members: members(behaviour, at),
        isolation,
        synchronised_macs: has_ended.then_some(behaviour.synchronised_macs),
    }
}

/// Which chassis show a system of their own.
fn who_reverts(behaviour: &MclagBehaviour, at: &Circumstances) -> WhenIccpDown {
    match (at.control_session, at.backup_liveness) {
        (ControlSession::Up, _) => WhenIccpDown::None,
        (ControlSession::Never, _) if behaviour.own_id_until_peer => WhenIccpDown::BothRevert,
        _ if behaviour.prefer_status_control_active => WhenIccpDown::None,
        (_, BackupLiveness::Alive) => behaviour.peer_alive,
        (_, BackupLiveness::Unconfigured | BackupLiveness::Unknown) => behaviour.peer_unknown,
        (_, BackupLiveness::Dead) => behaviour.peer_dead,
    }
}

fn members(behaviour: &MclagBehaviour, at: &Circumstances) -> Members {
    if behaviour.wait_for_peer && at.control_session == ControlSession::Never && !at.hold_time_over {
        return Members::Suspended;
    }
    if at.inter_chassis_link || at.role == StatusControl::Active {
        return Members::Up;
    }
    let has_session = at.control_session == ControlSession::Up;
    match behaviour.icl_down {
        WhenIclDown::StandbyWaits if has_session => Members::Standby,
        WhenIclDown::StandbySuspends if has_session || at.backup_liveness == BackupLiveness::Alive => {
            Members::Suspended
        }
        _ => Members::Up,
    }
}
