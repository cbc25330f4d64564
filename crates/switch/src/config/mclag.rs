//! A pair of chassis that partners take for one switch: multi-chassis link aggregation.

use super::BfdTimers;
use crate::mclag::Preset;
use core::net::IpAddr;
use greylag_base::PortId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What this switch is in a pair of chassis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MultiChassisConfig {
    /// The implementation whose ways the pair has, by its name there ([`Preset::named`]).
    pub preset: String,
    /// 0 or 1. It enters the numbers of ports in LACPDUs and the node id of mLACP (RFC 7275 7.2.3).
    pub chassis_id: u8,
    /// The same on both chassis (RFC 7275 4.2).
    pub redundancy_group: u32,
    /// The link between the chassis: a bundle or a port.
    pub inter_chassis_link: PortId,
    /// Which of the two this one is, where they have to differ.
    pub status_control: StatusControl,
    /// The control session.
    pub iccp: IccpConfig,
    /// How the peer is looked for while the control session is down.
    pub backup_liveness: Option<BackupLivenessConfig>,
    /// After the switch's start, multi-chassis bundles stay out for so long.
    pub init_delay: Duration,
    /// What is done when something fails: the preset's, with what was configured otherwise.
    pub behaviour: MclagBehaviour,
    /// A switch that finds that it does not learn leaves the bundles.
    pub health_gate: Option<HealthGateConfig>,
}

impl MultiChassisConfig {
    /// A chassis as an implementation has it unless it is told otherwise.
    pub fn of(
        preset: &Preset,
        chassis_id: u8,
        status_control: StatusControl,
        inter_chassis_link: PortId,
        iccp: IccpConfig,
    ) -> Self {
        MultiChassisConfig {
            preset: preset.name.to_owned(),
            chassis_id,
            redundancy_group: 1,
            inter_chassis_link,
            status_control,
            iccp,
            backup_liveness: None,
            init_delay: preset.init_delay,
            behaviour: preset.behaviour,
            health_gate: None,
        }
    }

    /// What LACP adds to the numbers of a chassis' ports, so that no two ports of a shared system have the same.
    pub const fn port_number_offset(chassis_id: u8) -> u16 {
        chassis_id as u16 * 0x4000
    }
}

/// Which of the two a chassis is, where they have to differ. Frames go by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusControl {
    /// Junos: `status-control active`; iccpd: the lower address; Cumulus: primary.
    Active,
    /// The other one.
    Standby,
}

/// The control session between the chassis (RFC 7275, over TCP).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IccpConfig {
    /// An address of an interface of this switch.
    pub local_address: IpAddr,
    /// The peer's.
    pub peer_address: IpAddr,
    /// Something is sent at least this often.
    pub keepalive: Duration,
    /// A peer that says nothing for so long is gone.
    pub session_timeout: Duration,
    /// How long after a connection failed the next is tried.
    pub connect_retry: Duration,
    /// After the switch's start, a session that was never up is no failure for so long.
    pub session_establishment_hold_time: Duration,
    /// BFD over more than one hop beside it (RFC 5883): its end is the session's.
    pub liveness_detection: Option<BfdTimers>,
}

impl IccpConfig {
    /// A session between two addresses, with iccpd's keepalive of 1 s and time-out of 15 s, Junos' hold time of 300 s, and without BFD.
    pub fn between(local_address: IpAddr, peer_address: IpAddr) -> Self {
        IccpConfig {
            local_address,
            peer_address,
            keepalive: Duration::from_secs(1),
            session_timeout: Duration::from_secs(15),
            connect_retry: Duration::from_secs(1),
            session_establishment_hold_time: Duration::from_secs(300),
            liveness_detection: None,
        }
    }
}

/// How the peer is looked for over the management network, which only happens while the control session is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BackupLivenessConfig {
    /// The peer's address on the management network.
    pub peer_address: IpAddr,
    /// How often it is asked.
    pub interval: Duration,
    /// A peer that does not answer for so long is dead.
    pub timeout: Duration,
}

impl BackupLivenessConfig {
    /// Asks every second, and gives up after three.
    pub fn of(peer_address: IpAddr) -> Self {
        BackupLivenessConfig {
            peer_address,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
        }
    }
}

/// What a chassis does when something fails. Each field is a key of the file, and each [`Preset`] a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MclagBehaviour {
    /// The control session is down, and backup liveness says that the peer is alive.
    pub peer_alive: WhenIccpDown,
    /// The control session is down, and there is no backup liveness.
    pub peer_unknown: WhenIccpDown,
    /// The control session is down, and backup liveness says that the peer is dead.
    pub peer_dead: WhenIccpDown,
    /// The inter-chassis link is down.
    pub icl_down: WhenIclDown,
    /// What becomes of isolation when the control session ends.
    pub isolation_on_iccp_down: Isolation,
    /// What becomes of the peer's addresses when the control session ends.
    pub synchronised_macs: SynchronisedMacs,
    /// Until the control session was up once since the start, both show their own system id.
    pub own_id_until_peer: bool,
    /// Until the control session was up once since the start, bundles stay out for as long as the hold time.
    pub wait_for_peer: bool,
    /// This chassis keeps the shared system id, whatever the role, when the control session ends.
    pub prefer_status_control_active: bool,
}

/// Who shows its own system id once the control session is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenIccpDown {
    /// Both chassis.
    BothRevert,
    /// The one whose status control is standby.
    StandbyReverts,
    /// Neither.
    None,
}

/// What the standby chassis does with its legs while the inter-chassis link is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenIclDown {
    /// Nothing.
    Nothing,
    /// They are on standby in LACP (mux WAITING), as long as the control session is up.
    StandbyWaits,
    /// They are suspended, as long as the peer is known to be alive, by the session or by backup liveness.
    StandbySuspends,
}

/// What becomes of isolation when the control session ends: no frame that came in over the inter-chassis link leaves by a leg
/// whose other leg is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// It stays as it was.
    Keep,
    /// It goes.
    Lift,
}

/// What becomes of the peer's addresses when the control session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SynchronisedMacs {
    /// They become ordinary ones: they move, and age from then on.
    Convert,
    /// They stay where the peer had them, unmoved, until the ageing time is over: behind the inter-chassis link from when the leg here
    /// goes down.
    Pin,
    /// They are forgotten.
    Flush,
}

/// A switch that finds that it does not learn withdraws from its multi-chassis bundles, unless the peer has done so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HealthGateConfig {
    /// It must be well for so long before it comes back.
    pub hold_down: Duration,
    /// How often a frame of its own goes through the learning path; `None` for the agent's life alone.
    pub probe_interval: Option<Duration>,
}
