//! Link aggregation: what LACP says of the switch, what each bundle (LAG) is, and what flows are told apart by.
//!
//! A bundle is a port like any other, made of ports: it has VLANs, addresses and counters of its own, and a place in the list of
//! ports. A member names its bundle, as OpenConfig's `aggregate-id` does, so that no port can be in two.

use greylag_base::{MacAddr, Mbps, PortId};
use greylag_dataplane::FlowFields;
use greylag_lacp::{Behaviour, Interval, LacpMode, Preset, Timers};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What LACP says of the whole switch (OpenConfig `lacp/config`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LacpConfig {
    /// The system id of bundles that have none of their own; the chassis' address when absent.
    pub system_id_mac: Option<MacAddr>,
    /// The priority of bundles that have none of their own; that of their preset when absent.
    pub system_priority: Option<u16>,
    /// Added to every port's number in LACPDUs. Two chassis that show one system id must not use the same numbers.
    pub port_number_offset: u16,
}

/// What flows are told apart by, where there is more than one way to send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FlowHashConfig {
    /// What of a frame counts.
    pub fields: FlowFields,
    /// Both directions of a flow count as one.
    pub symmetric: bool,
    /// Switches with the same seed make the same choices; drawn from the switch's own seed when absent.
    pub seed: Option<u64>,
}

impl Default for FlowHashConfig {
    /// The five-tuple, each direction for itself.
    fn default() -> Self {
        FlowHashConfig { fields: FlowFields::LAYER3_4, symmetric: false, seed: None }
    }
}

/// A bundle of ports that is one link (IEEE 802.1AX: link aggregation group).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LagConfig {
    /// The implementation whose ways it has, by its name there ([`Preset::named`]).
    pub preset: String,
    /// OpenConfig `lacp-mode`; `STATIC` for a bundle without LACP.
    pub mode: LacpMode,
    /// OpenConfig `interval`.
    pub interval: Interval,
    /// In place of the switch's.
    pub system_id_mac: Option<MacAddr>,
    /// In place of the switch's.
    pub system_priority: Option<u16>,
    /// Its key in LACPDUs; its number among the ports, from 1, when absent.
    pub admin_key: Option<u16>,
    /// OpenConfig `min-links`: with fewer, it is down.
    pub min_links: u16,
    /// Members beyond so many stand by.
    pub max_links: Option<u16>,
    /// A better member that comes back takes the place of the one that stood in for it.
    pub revertive: bool,
    /// How long a member's link that was down must be up again before it is used.
    pub wait_to_restore: Duration,
    /// After so long without any partner, one member is used as if there were no LACP.
    pub fallback: Option<Duration>,
    /// Where implementations differ: the preset's, with what was configured otherwise.
    pub behaviour: Behaviour,
    /// When a member is lost, only its flows move.
    pub resilient: bool,
    /// The bundle goes over both chassis of a pair, and this is its number there.
    pub mc_ae_id: Option<u16>,
}

impl LagConfig {
    /// Within so long do the ports of a switch begin, each at a time of its own, unless it is told otherwise. A switch does not
    /// bring all its ports up at one instant, and what begins together would be timed together for ever: LACPDUs, time-outs, returns.
    pub const START_SPREAD: Duration = Duration::from_secs(1);

    /// A bundle as an implementation has it unless it is told otherwise.
    pub fn of(preset: &Preset) -> Self {
        let timers = Timers { start_spread: LagConfig::START_SPREAD, ..preset.behaviour.timers };
        LagConfig {
            preset: preset.name.to_owned(),
            mode: preset.mode,
            interval: preset.interval,
            system_id_mac: None,
            system_priority: None,
            admin_key: None,
            min_links: 1,
            max_links: None,
            revertive: true,
            wait_to_restore: Duration::ZERO,
            fallback: None,
            behaviour: Behaviour { timers, ..preset.behaviour },
            resilient: false,
            mc_ae_id: None,
        }
    }
}

impl Default for LagConfig {
    fn default() -> Self {
        LagConfig::of(&Preset::STANDARD)
    }
}

/// A port's place in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MemberConfig {
    /// OpenConfig `aggregate-id`: the bundle.
    pub lag: PortId,
    /// Lower is better; that of the bundle's preset when absent.
    pub port_priority: Option<u16>,
}

/// What a link does unless it is told otherwise: what veth says.
pub const DEFAULT_SPEED: Mbps = Mbps(10_000);
