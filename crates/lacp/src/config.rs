//! What a system is told to be, and whether it can be that.

use crate::behaviour::{Behaviour, KeyFormat};
use crate::preset::Preset;
use greylag_base::{MacAddr, PortId};
use greylag_wire::lacp::SystemId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A bundle of one switch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BundleId(pub u16);

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bundle{}", self.0)
    }
}

/// A whole system: what its partners see as one.
#[derive(Clone, Debug, PartialEq)]
pub struct LacpConfig {
    /// OpenConfig `system-id-mac`.
    pub system_id_mac: MacAddr,
    /// OpenConfig `system-priority`: lower is better.
    pub system_priority: u16,
    /// Added to every port's number, which is its [`PortId`] and one. Two chassis that show one system id must not use the
    /// same numbers, or a partner takes two ports for one.
    pub port_number_offset: u16,
    /// The bundles.
    pub bundles: Vec<BundleConfig>,
}

/// One bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleConfig {
    /// Which.
    pub id: BundleId,
    /// OpenConfig `lacp-mode`.
    pub mode: LacpMode,
    /// OpenConfig `interval`: how often the partner is asked to send, and so how soon it is given up.
    pub interval: Interval,
    /// In place of the system's.
    pub system_id_mac: Option<MacAddr>,
    /// In place of the system's.
    pub system_priority: Option<u16>,
    /// Ports with the same key may be aggregated; no two bundles of a system have the same.
    pub admin_key: u16,
    /// OpenConfig `min-links`: with fewer, the bundle is down.
    pub min_links: u16,
    /// Ports beyond so many stand by, the best ones by port priority being used; `None` for all.
    pub max_links: Option<u16>,
    /// A better port that comes back takes the place of the one that stood in for it.
    pub revertive: bool,
    /// How long a link that was down must be up again before it is used, as long as the bundle has another.
    pub wait_to_restore: Duration,
    /// After so long without any partner, one port is used as if there were no LACP; `None` for never.
    pub fallback: Option<Duration>,
    /// Whether its links may be used at all.
    pub admission: Admission,
    /// Where implementations differ.
    pub behaviour: Behaviour,
    /// The ports.
    pub members: Vec<MemberConfig>,
}

impl BundleConfig {
    /// A bundle without members, as the implementation would have it; the key is the id and one.
    pub fn new(id: BundleId, preset: &Preset) -> Self {
        BundleConfig {
            id,
            mode: preset.mode,
            interval: preset.interval,
            system_id_mac: None,
            system_priority: None,
            admin_key: id.0.wrapping_add(1),
            min_links: 1,
            max_links: None,
            revertive: true,
            wait_to_restore: Duration::ZERO,
            fallback: None,
            admission: Admission::Open,
            behaviour: preset.behaviour,
            members: Vec::new(),
        }
    }
}

/// A port of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    /// Which.
    pub port: PortId,
    /// Its own address: the source of its LACPDUs.
    pub mac: MacAddr,
    /// Lower is better.
    pub port_priority: u16,
}

/// Who speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LacpMode {
    /// The port does.
    Active,
    /// The port speaks when it is spoken to.
    Passive,
    /// Nobody: every port whose link is up is used.
    Static,
}

/// Whether the links of a bundle may be used, by the word of somebody who knows more than LACP does: this chassis and another show
/// one system, and the other's links are to be used, or this one is not ready to forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// They are.
    #[default]
    Open,
    /// They stand by: the mux machine waits, and the link is used at once when that is over.
    Standby,
    /// They are detached. One LACPDU says so, then LACP is silent, as on a port that has been taken down; a bundle that begins so
    /// says nothing at all.
    Suspended,
}

/// How often the partner is asked to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Interval {
    /// Every second.
    Fast,
    /// Every thirty seconds.
    Slow,
}

/// Why a system cannot be what its configuration asks for. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Two bundles have one id.
    #[error("bundle {0} is there twice")]
    BundleTwice(BundleId),
    /// A port is in two bundles, or twice in one.
    #[error("port {port} is a member twice: expected one bundle, and once")]
    PortTwice {
        /// Which.
        port: PortId,
    },
    /// A port's number does not fit.
    #[error("port {port} with port-number-offset {offset} has a number beyond 65535")]
    PortNumber {
        /// Which.
        port: PortId,
        /// The offset.
        offset: u16,
    },
    /// The system id is not a station's address.
    #[error("bundle {bundle}: system-id-mac {mac} is not a unicast address")]
    SystemId {
        /// Of which bundle.
        bundle: BundleId,
        /// The address.
        mac: MacAddr,
    },
    /// The key is out of its range.
    #[error("bundle {bundle}: admin-key {key} is out of range: expected {expected}")]
    Key {
        /// Of which bundle.
        bundle: BundleId,
        /// The key.
        key: u16,
        /// What would be right.
        expected: &'static str,
    },
    /// Two bundles would be one to a partner.
    #[error(
        "bundles {first} and {second} have the same system id and admin-key: a partner takes them for one"
    )]
    KeyTwice {
        /// One of them.
        first: BundleId,
        /// The other.
        second: BundleId,
    },
    /// The bundle can never have enough links.
    #[error(
        "bundle {bundle}: min-links {min} cannot be reached with {most} links: expected 1 to {most}, and max-links of 1 or more"
    )]
    Links {
        /// Which bundle.
        bundle: BundleId,
        /// What is asked for.
        min: u16,
        /// What there can be.
        most: u16,
    },
    /// A timer or a limit that makes no sense.
    #[error("bundle {bundle}: {name} is zero: expected more")]
    Zero {
        /// Of which bundle.
        bundle: BundleId,
        /// Which.
        name: &'static str,
    },
}

impl LacpConfig {
    /// The system id that a bundle shows.
    pub fn system_of(&self, bundle: &BundleConfig) -> SystemId {
        SystemId {
            priority: bundle.system_priority.unwrap_or(self.system_priority),
            mac: bundle.system_id_mac.unwrap_or(self.system_id_mac),
        }
    }

    /// The number that a port has in LACPDUs.
    pub fn port_number(&self, port: PortId) -> u16 {
        port.0.saturating_add(self.port_number_offset).saturating_add(1)
    }

    /// Can it be?
    ///
    /// # Errors
    /// When it contradicts itself.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut ports = BTreeSet::new();
        let mut bundles = BTreeSet::new();
        let mut keys = BTreeMap::new();
        for bundle in &self.bundles {
            if !bundles.insert(bundle.id) {
                return Err(ConfigError::BundleTwice(bundle.id));
            }
            for member in &bundle.members {
                let port = member.port;
                if !ports.insert(port) {
                    return Err(ConfigError::PortTwice { port });
                }
                if port.0.checked_add(self.port_number_offset).is_none_or(|sum| sum == u16::MAX) {
                    return Err(ConfigError::PortNumber { port, offset: self.port_number_offset });
                }
            }
            let system = self.system_of(bundle);
            if !system.mac.is_unicast() {
                return Err(ConfigError::SystemId { bundle: bundle.id, mac: system.mac });
            }
            if let Some(first) = keys.insert((system, bundle.admin_key), bundle.id) {
                return Err(ConfigError::KeyTwice { first, second: bundle.id });
            }
            bundle.check()?;
        }
        Ok(())
    }
}

impl BundleConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let (range, expected) = match self.behaviour.key_format {
            KeyFormat::Admin => (1..=u16::MAX, "1 to 65535"),
            KeyFormat::SpeedAndDuplex => (0..=1023, "0 to 1023, because the speed stands beside it"),
        };
        if !range.contains(&self.admin_key) {
            return Err(ConfigError::Key { bundle: self.id, key: self.admin_key, expected });
        }
        let members = self.members.len() as u16;
        let most = self.max_links.unwrap_or(members).min(members);
        if self.max_links == Some(0) || self.min_links == 0 || (members > 0 && self.min_links > most) {
            return Err(ConfigError::Links { bundle: self.id, min: self.min_links, most });
        }
        let behaviour = &self.behaviour;
        let timers = &behaviour.timers;
        let limits =
            [("transmit-limit", Some(behaviour.transmit_limit)), ("marker-limit", behaviour.marker_limit)];
        let spans = [
            ("fast-periodic", timers.fast_periodic),
            ("slow-periodic", timers.slow_periodic),
            ("short-timeout", timers.short_timeout),
            ("long-timeout", timers.long_timeout),
        ];
        let zero_limit = limits
            .into_iter()
            .find(|(_, limit)| limit.is_some_and(|limit| limit.frames == 0 || limit.within.is_zero()));
        let zero_span = spans.into_iter().find(|(_, span)| span.is_zero());
        match zero_limit.map(|(name, _)| name).or(zero_span.map(|(name, _)| name)) {
            Some(name) => Err(ConfigError::Zero { bundle: self.id, name }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn bundle(id: u16, ports: &[u16]) -> BundleConfig {
        BundleConfig {
            members: ports
                .iter()
                .map(|&port| MemberConfig { port: PortId(port), mac: MAC, port_priority: 1 })
                .collect(),
            ..BundleConfig::new(BundleId(id), &Preset::STANDARD)
        }
    }

    fn check(change: impl FnOnce(&mut LacpConfig)) -> Result<(), ConfigError> {
        let mut config = LacpConfig {
            system_id_mac: MAC,
            system_priority: 1,
            port_number_offset: 0,
            bundles: vec![bundle(0, &[0, 1]), bundle(1, &[2])],
        };
        change(&mut config);
        config.check()
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let (first, second) = (BundleId(0), BundleId(1));
        assert_eq!(check(|_| {}), Ok(()));
        assert_eq!(check(|c| c.bundles[1].id = first), Err(ConfigError::BundleTwice(first)));
        assert_eq!(
            check(|c| c.bundles[1].members[0].port = PortId(1)),
            Err(ConfigError::PortTwice { port: PortId(1) })
        );
        assert_eq!(
            check(|c| c.port_number_offset = 65_535),
            Err(ConfigError::PortNumber { port: PortId(0), offset: 65_535 })
        );
        assert_eq!(
            check(|c| c.bundles[1].system_id_mac = Some(MacAddr::BROADCAST)),
            Err(ConfigError::SystemId { bundle: second, mac: MacAddr::BROADCAST })
        );
        assert_eq!(check(|c| c.bundles[1].admin_key = 1), Err(ConfigError::KeyTwice { first, second }));
        assert!(matches!(check(|c| c.bundles[0].admin_key = 0), Err(ConfigError::Key { key: 0, .. })));
        assert!(matches!(
            check(|c| {
                c.bundles[0].behaviour = Preset::LINUX.behaviour;
                c.bundles[0].admin_key = 1024;
            }),
            Err(ConfigError::Key { key: 1024, .. })
        ));
        for (min, max) in [(3, None), (2, Some(1)), (0, None), (1, Some(0))] {
            let links = check(|c| (c.bundles[0].min_links, c.bundles[0].max_links) = (min, max));
            assert!(matches!(links, Err(ConfigError::Links { .. })), "min-links {min}, max-links {max:?}");
        }
        let zero = check(|c| c.bundles[0].behaviour.timers.fast_periodic = Duration::ZERO);
        assert_eq!(zero.unwrap_err().to_string(), "bundle 0: fast-periodic is zero: expected more");
        let zero = check(|c| c.bundles[0].behaviour.transmit_limit.frames = 0);
        assert_eq!(zero, Err(ConfigError::Zero { bundle: first, name: "transmit-limit" }));
    }

    #[test]
    fn the_last_port_number_is_65535() {
        assert_eq!(check(|c| c.port_number_offset = 65_535 - 3), Ok(()));
    }
}
