//! What the configuration of a switch is to the machines of LACP.

use crate::config::{LagConfig, SwitchConfig};
use greylag_base::{MacAddr, PortId};
use greylag_lacp::{BundleConfig, BundleId, LacpConfig, MemberConfig, Preset};

/// The number of a bundle is that of its port.
pub(super) fn bundle_id(lag: PortId) -> BundleId {
    BundleId(lag.0)
}

pub(super) fn lag_of(bundle: BundleId) -> PortId {
    PortId(bundle.0)
}

/// The system that `config` makes of a switch whose own address is `chassis`.
pub fn lacp_system(config: &SwitchConfig, chassis: MacAddr) -> LacpConfig {
    LacpConfig {
        system_id_mac: config.lacp.system_id_mac.unwrap_or(chassis),
        system_priority: config.lacp.system_priority.unwrap_or(Preset::STANDARD.system_priority),
        port_number_offset: config.lacp.port_number_offset,
        bundles: config.lags().map(|(id, lag)| bundle(config, chassis, id, lag)).collect(),
    }
}

fn bundle(config: &SwitchConfig, chassis: MacAddr, id: PortId, lag: &LagConfig) -> BundleConfig {
    let preset = Preset::named(&lag.preset).unwrap_or(Preset::STANDARD);
    let system_priority = lag.system_priority.or(config.lacp.system_priority);
    BundleConfig {
        mode: lag.mode,
        interval: lag.interval,
        system_id_mac: lag.system_id_mac,
        system_priority: Some(system_priority.unwrap_or(preset.system_priority)),
        admin_key: lag.admin_key.unwrap_or(id.0.saturating_add(1)),
        min_links: lag.min_links,
        max_links: lag.max_links,
        revertive: lag.revertive,
        wait_to_restore: lag.wait_to_restore,
        fallback: lag.fallback,
        behaviour: lag.behaviour,
        members: config
            .members(id)
            .map(|(port, member)| MemberConfig {
                port,
                mac: port_mac(chassis, port),
                port_priority: member.port_priority.unwrap_or(preset.port_priority),
            })
            .collect(),
        ..BundleConfig::new(bundle_id(id), &preset)
    }
}

/// The address of a port: it comes after that of the chassis.
fn port_mac(chassis: MacAddr, port: PortId) -> MacAddr {
    MacAddr::from_bits(chassis.to_bits() + 1 + u64::from(port.0))
}
