//! The settings of a pair of chassis.

use super::{Settings, span, word};
use crate::config::{
    BackupLivenessConfig, BfdTimers, HealthGateConfig, IccpConfig, MclagBehaviour, MultiChassisConfig,
    SwitchConfig,
};

pub(super) fn multi_chassis(config: &SwitchConfig, to: &mut Settings) {
    to.below = String::new();
    to.set_if("management-address", config.management_address);
    let Some(pair) = &config.multi_chassis else { return };
    let MultiChassisConfig {
        preset,
        chassis_id,
        redundancy_group,
        inter_chassis_link,
        status_control,
        iccp: of_iccp,
        backup_liveness,
        init_delay,
        behaviour: of_behaviour,
        health_gate,
    } = pair;
    to.below("multi-chassis");
    to.set("preset", preset);
    to.set("chassis-id", chassis_id);
    to.set("redundancy-group", redundancy_group);
    let link = config.ports.get(inter_chassis_link.index());
    to.set_if("inter-chassis-link", link.map(|port| &port.name));
    to.set("status-control", word(status_control));
    to.set("init-delay-time", span(*init_delay));
    behaviour(of_behaviour, to);
    iccp(of_iccp, to);
    if let Some(BackupLivenessConfig { peer_address, interval, timeout }) = backup_liveness {
        to.below("multi-chassis.backup-liveness-detection");
        to.set("backup-peer-ip", peer_address);
        to.set("interval", span(*interval));
        to.set("timeout", span(*timeout));
    }
    if let Some(HealthGateConfig { hold_down, probe_interval }) = health_gate {
        to.below("multi-chassis.health-gate");
        to.set("hold-down", span(*hold_down));
        to.set("probe-interval", probe_interval.map_or_else(|| "never".to_owned(), span));
    }
}

fn behaviour(behaviour: &MclagBehaviour, to: &mut Settings) {
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
    to.set("on-peer-alive", word(peer_alive));
    to.set("on-peer-unknown", word(peer_unknown));
    to.set("on-peer-dead", word(peer_dead));
    to.set("on-icl-down", word(icl_down));
    to.set("isolation-on-iccp-down", word(isolation_on_iccp_down));
    to.set("synchronised-macs", word(synchronised_macs));
    to.set("own-id-until-peer", own_id_until_peer);
    to.set("wait-for-peer", wait_for_peer);
    to.set("prefer-status-control-active", prefer_status_control_active);
}

fn iccp(iccp: &IccpConfig, to: &mut Settings) {
    let IccpConfig {
        local_address,
        peer_address,
        keepalive,
        session_timeout,
        connect_retry,
        session_establishment_hold_time,
        liveness_detection,
    } = iccp;
    to.below("multi-chassis.iccp");
    to.set("local-address", local_address);
    to.set("peer-address", peer_address);
    to.set("keepalive", span(*keepalive));
    to.set("session-timeout", span(*session_timeout));
    to.set("connect-retry", span(*connect_retry));
    to.set("session-establishment-hold-time", span(*session_establishment_hold_time));
    if let Some(BfdTimers { desired_minimum_tx_interval, detection_multiplier, .. }) = liveness_detection {
        to.below("multi-chassis.iccp.liveness-detection");
        to.set("minimum-interval", span(*desired_minimum_tx_interval));
        to.set("multiplier", detection_multiplier);
    }
}
