//! A pair of chassis. What its preset says goes unwritten, so that another preset brings its own.

use super::Time;
use super::lag::Differences;
use greylag_base::PortName;
use greylag_switch::config::{
    BackupLivenessConfig, BfdTimers, HealthGateConfig, IccpConfig, MclagBehaviour, MultiChassisConfig,
    StatusControl, SwitchConfig,
};
use greylag_switch::mclag::{Preset, RoleFrom};
use serde::Serialize;
use std::net::IpAddr;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct MultiChassis<'a> {
    preset: &'a str,
    chassis_id: u8,
    redundancy_group: u32,
    inter_chassis_link: &'a PortName,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_control: Option<StatusControl>,
    init_delay_time: Time,
    iccp: Iccp,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_liveness_detection: Option<BackupLiveness>,
    #[serde(flatten)]
    behaviour: Differences,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_gate: Option<HealthGate>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Iccp {
    local_address: IpAddr,
    peer_address: IpAddr,
    keepalive: Time,
    session_timeout: Time,
    connect_retry: Time,
    session_establishment_hold_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    liveness_detection: Option<Bfd>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Bfd {
    minimum_interval: Time,
    multiplier: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct BackupLiveness {
    backup_peer_ip: IpAddr,
    interval: Time,
    timeout: Time,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct HealthGate {
    hold_down: Time,
    probe_interval: Time,
}

impl<'a> MultiChassis<'a> {
    pub(super) fn of(pair: &'a MultiChassisConfig, switch: &'a SwitchConfig) -> Self {
        let preset = Preset::named(&pair.preset).unwrap_or(Preset::JUNOS);
        MultiChassis {
            preset: &pair.preset,
            chassis_id: pair.chassis_id,
            redundancy_group: pair.redundancy_group,
            inter_chassis_link: &switch.ports[pair.inter_chassis_link.index()].name,
            status_control: (preset.role_from == RoleFrom::StatusControl).then_some(pair.status_control),
            init_delay_time: pair.init_delay.into(),
            iccp: Iccp::of(&pair.iccp),
            backup_liveness_detection: pair.backup_liveness.map(|it| {
                let BackupLivenessConfig { peer_address, interval, timeout } = it;
                let (interval, timeout) = (interval.into(), timeout.into());
                BackupLiveness { backup_peer_ip: peer_address, interval, timeout }
            }),
            behaviour: Differences::of_pair(&pair.behaviour, &preset.behaviour),
            health_gate: pair.health_gate.map(|HealthGateConfig { hold_down, probe_interval }| HealthGate {
                hold_down: hold_down.into(),
                probe_interval: probe_interval.map_or(Time::None("never"), Time::from),
            }),
        }
    }
}

impl Iccp {
    fn of(iccp: &IccpConfig) -> Self {
        let IccpConfig {
            local_address,
            peer_address,
            keepalive,
            session_timeout,
            connect_retry,
            session_establishment_hold_time,
            liveness_detection,
        } = *iccp;
        Iccp {
            local_address,
            peer_address,
            keepalive: keepalive.into(),
            session_timeout: session_timeout.into(),
            connect_retry: connect_retry.into(),
            session_establishment_hold_time: session_establishment_hold_time.into(),
            liveness_detection: liveness_detection.map(|timers: BfdTimers| Bfd {
                minimum_interval: timers.desired_minimum_tx_interval.into(),
                multiplier: timers.detection_multiplier,
            }),
        }
    }
}

impl Differences {
    fn of_pair(behaviour: &MclagBehaviour, preset: &MclagBehaviour) -> Self {
        let MclagBehaviour {
            peer_alive,
            peer_unknown,
            peer_dead,
            icl_down,
            isolation_on_iccp_down,
            synchronised_macs,
            own_id_until_peer,
            wait_for_peer,
            prefer_status_control_active,
        } = behaviour;
        let mut all = Differences::default();
        all.add_word("on-peer-alive", peer_alive, &preset.peer_alive);
        all.add_word("on-peer-unknown", peer_unknown, &preset.peer_unknown);
        all.add_word("on-peer-dead", peer_dead, &preset.peer_dead);
        all.add_word("on-icl-down", icl_down, &preset.icl_down);
        all.add_word("isolation-on-iccp-down", isolation_on_iccp_down, &preset.isolation_on_iccp_down);
        all.add_word("synchronised-macs", synchronised_macs, &preset.synchronised_macs);
        all.add_word("own-id-until-peer", own_id_until_peer, &preset.own_id_until_peer);
        all.add_word("wait-for-peer", wait_for_peer, &preset.wait_for_peer);
        let prefers = &preset.prefer_status_control_active;
        all.add_word("prefer-status-control-active", prefer_status_control_active, prefers);
        all
    }
}
