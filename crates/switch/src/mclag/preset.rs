//! What known implementations of multi-chassis link aggregation do, as data.
//!
//! docs/mclag.md says of each value whether it is documented, and where, or assumed.

use crate::config::{Isolation, MclagBehaviour, SynchronisedMacs, WhenIccpDown, WhenIclDown};
use std::time::Duration;

/// One implementation: how a pair behaves, and what it is unless it is configured otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What files call it.
    pub name: &'static str,
    /// Where the role of a chassis comes from.
    pub role_from: RoleFrom,
    /// How it behaves.
    pub behaviour: MclagBehaviour,
    /// Default.
    pub init_delay: Duration,
}

/// Where the role of a chassis comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleFrom {
    /// It is configured.
    StatusControl,
    /// The lower address of the control session is the active one's.
    Address,
}

impl Preset {
    /// Junos on QFX: `mc-ae` with ICCP.
    pub const JUNOS: Preset = Preset {
        name: "junos",
        role_from: RoleFrom::StatusControl,
        behaviour: MclagBehaviour {
            peer_alive: WhenIccpDown::BothRevert,
            peer_unknown: WhenIccpDown::StandbyReverts,
            peer_dead: WhenIccpDown::None,
            icl_down: WhenIclDown::StandbyWaits,
            isolation_on_iccp_down: Isolation::Lift,
            synchronised_macs: SynchronisedMacs::Convert,
            own_id_until_peer: true,
            wait_for_peer: false,
            prefer_status_control_active: false,
        },
        init_delay: Duration::from_secs(240),
    };

    /// SONiC's iccpd. It knows no backup liveness: a peer that is dead and one that cannot be reached are the same to it.
    pub const ICCPD: Preset = Preset {
        name: "iccpd",
        role_from: RoleFrom::Address,
        behaviour: MclagBehaviour {
            peer_alive: WhenIccpDown::StandbyReverts,
            peer_unknown: WhenIccpDown::StandbyReverts,
            peer_dead: WhenIccpDown::StandbyReverts,
            icl_down: WhenIclDown::Nothing,
            isolation_on_iccp_down: Isolation::Lift,
            synchronised_macs: SynchronisedMacs::Convert,
            own_id_until_peer: false,
            wait_for_peer: false,
            prefer_status_control_active: false,
        },
        init_delay: Duration::ZERO,
    };

    /// Cumulus Linux' clagd.
    pub const CUMULUS: Preset = Preset {
        name: "cumulus",
        role_from: RoleFrom::StatusControl,
        behaviour: MclagBehaviour {
            peer_alive: WhenIccpDown::StandbyReverts,
            peer_unknown: WhenIccpDown::StandbyReverts,
            peer_dead: WhenIccpDown::StandbyReverts,
            icl_down: WhenIclDown::StandbySuspends,
            isolation_on_iccp_down: Isolation::Lift,
            synchronised_macs: SynchronisedMacs::Flush,
            own_id_until_peer: false,
            wait_for_peer: true,
            prefer_status_control_active: false,
        },
        init_delay: Duration::from_secs(180),
    };

    /// All of them.
    pub const ALL: [Preset; 3] = [Preset::JUNOS, Preset::ICCPD, Preset::CUMULUS];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.name == name)
    }
}
