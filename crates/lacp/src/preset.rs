//! What known implementations do, as data.
//!
//! Each value that differs from the standard was read in the implementation's source or documentation; where that says
//! nothing, the row has the standard's value. Junos is known by its documentation alone: the defaults are its, the rest
//! is assumed.

use crate::behaviour::{
    Behaviour, BelowMinLinks, ExpiredTimeout, KeyFormat, MistakenPartner, MuxControl, OtherPartners,
    PartnerChoice, PartnerPin, RateLimit, SyncRule, Timers,
};
use crate::config::{Interval, LacpMode};
use std::time::Duration;

/// One implementation: how it behaves, and what it is unless it is configured otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What files call it.
    pub name: &'static str,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Default.
    pub system_priority: u16,
    /// Default.
    pub port_priority: u16,
    /// Default.
    pub mode: LacpMode,
    /// Default.
    pub interval: Interval,
}

const PER_SECOND: Duration = Duration::from_secs(1);

impl Preset {
    /// IEEE 802.1AX-2014 with one aggregator to a bundle, which goes to the best port's partner (6.4.14.2).
    pub const STANDARD: Preset = Preset {
        name: "standard",
        behaviour: Behaviour {
            timers: Timers::STANDARD,
            transmit_limit: RateLimit { frames: 3, within: PER_SECOND },
            // IEEE 802.3-2022 57A.3: no more than ten frames of one slow protocol in a second.
            marker_limit: Some(RateLimit { frames: 10, within: PER_SECOND }),
            mux_control: MuxControl::Coupled,
            sync_rule: SyncRule::Standard,
            expired_timeout: ExpiredTimeout::Short,
            mistaken_partner: MistakenPartner::Accept,
            key_format: KeyFormat::Admin,
            partner_choice: PartnerChoice::LowestPort,
            partner_pin: PartnerPin::Release,
            other_partners: OtherPartners::Detached,
            below_min_links: BelowMinLinks::BundleDown,
        },
        system_priority: 0x8000,
        port_priority: 0x8000,
        mode: LacpMode::Active,
        interval: Interval::Slow,
    };

    /// Linux bonding, mode 802.3ad with `ad_select stable`.
    pub const LINUX: Preset = Preset {
        name: "linux",
        behaviour: Behaviour {
            key_format: KeyFormat::SpeedAndDuplex,
            partner_choice: PartnerChoice::First,
            partner_pin: PartnerPin::Hold,
            other_partners: OtherPartners::Attached,
            ..Self::STANDARD.behaviour
        },
        system_priority: 65535,
        port_priority: 255,
        ..Self::STANDARD
    };

    /// Open vSwitch: no aggregate wait, no churn detection, no markers; members follow a lead that is pinned.
    pub const OPEN_VSWITCH: Preset = Preset {
        name: "ovs",
        behaviour: Behaviour {
            timers: Timers { churn_detection: None, aggregate_wait: Duration::ZERO, ..Timers::STANDARD },
            marker_limit: None,
            partner_pin: PartnerPin::Hold,
            ..Self::STANDARD.behaviour
        },
        system_priority: 65535,
        port_priority: 65535,
        ..Self::STANDARD
    };

    /// libteam's teamd with the `lacp` runner and `agg_select_policy lacp_prio`; SONiC runs it too.
    pub const LIBTEAM: Preset = Preset {
        name: "libteam",
        behaviour: Behaviour {
            timers: Timers { churn_detection: None, aggregate_wait: Duration::ZERO, ..Timers::STANDARD },
            marker_limit: None,
            sync_rule: SyncRule::PartnerSays,
            ..Self::STANDARD.behaviour
        },
        system_priority: 65535,
        port_priority: 255,
        ..Self::STANDARD
    };

    /// DPDK's bonding, mode 4.
    pub const DPDK: Preset = Preset {
        name: "dpdk",
        behaviour: Behaviour {
            timers: Timers {
                fast_periodic: Duration::from_millis(900),
                slow_periodic: Duration::from_secs(29),
                churn_detection: None,
                ..Timers::STANDARD
            },
            transmit_limit: RateLimit { frames: 1, within: Duration::from_millis(500) },
            marker_limit: Some(RateLimit { frames: 1, within: Duration::from_secs(2) }),
            mux_control: MuxControl::Independent,
            sync_rule: SyncRule::DescribesUs,
            mistaken_partner: MistakenPartner::Ignore,
            partner_choice: PartnerChoice::First,
            partner_pin: PartnerPin::Hold,
            ..Self::STANDARD.behaviour
        },
        system_priority: 65535,
        port_priority: 255,
        ..Self::STANDARD
    };

    /// VPP's lacp plugin: members follow the first one.
    pub const VPP: Preset = Preset {
        name: "vpp",
        behaviour: Behaviour {
            timers: Timers { churn_detection: None, ..Timers::STANDARD },
            transmit_limit: RateLimit { frames: 1, within: Duration::from_millis(333) },
            sync_rule: SyncRule::SameAsBefore,
            expired_timeout: ExpiredTimeout::Configured,
            ..Self::STANDARD.behaviour
        },
        system_priority: 65535,
        port_priority: 255,
        interval: Interval::Fast,
        ..Self::STANDARD
    };

    /// Junos: one partner to a bundle; that it is the first one heard, and stays, is assumed.
    pub const JUNOS: Preset = Preset {
        name: "junos",
        behaviour: Behaviour {
            partner_choice: PartnerChoice::First,
            partner_pin: PartnerPin::Hold,
            ..Self::STANDARD.behaviour
        },
        system_priority: 127,
        port_priority: 127,
        mode: LacpMode::Passive,
        interval: Interval::Fast,
    };

    /// All of them.
    pub const ALL: [Preset; 7] =
        [Self::STANDARD, Self::LINUX, Self::OPEN_VSWITCH, Self::LIBTEAM, Self::DPDK, Self::VPP, Self::JUNOS];

    /// The one that files call `name`.
    pub fn named(name: &str) -> Option<Preset> {
        Self::ALL.into_iter().find(|preset| preset.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_found_by_name_and_differ() {
        for preset in Preset::ALL {
            assert_eq!(Preset::named(preset.name), Some(preset));
            assert_eq!(Preset::ALL.iter().filter(|other| other.behaviour == preset.behaviour).count(), 1);
        }
        assert_eq!(Preset::named("nobody"), None);
    }
}
