//! What a router is told to be, and whether it can be that.

use crate::wire::AnnouncedPrefix;
use core::net::Ipv4Addr;
use greylag_base::InterfaceId;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::time::Duration;

/// The cost of an interface, and the metric of its prefixes, that makes it the last resort (RFC 6987 2, MaxLinkMetric): who
/// wants to take a link out of use sets it at both ends, waits until traffic has moved, and takes the link down then.
pub const COST_OUT: u16 = u16::MAX;

/// One router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStateConfig {
    /// Its name among the routers; no other may have it.
    pub router_id: Ipv4Addr,
    /// Nobody should go through this router; what is at the router stays in reach.
    pub overload: bool,
    /// From a change to the calculation, where none has run for the hold time.
    pub spf_delay: Duration,
    /// Between two calculations; each change within this time makes it longer by as much.
    pub spf_hold: Duration,
    /// It does not become longer than that.
    pub spf_max_hold: Duration,
    /// Its interfaces.
    pub interfaces: Vec<InterfaceConfig>,
    /// Prefixes that it announces besides those of its interfaces, such as loopbacks.
    pub prefixes: Vec<AnnouncedPrefix>,
}

impl LinkStateConfig {
    /// A router without interfaces, with the times of FRR's ospfd (`timers throttle spf 0 50 5000`).
    pub fn new(router_id: Ipv4Addr) -> Self {
        LinkStateConfig {
            router_id,
            overload: false,
            spf_delay: Duration::ZERO,
            spf_hold: Duration::from_millis(50),
            spf_max_hold: Duration::from_millis(5000),
            interfaces: Vec::new(),
            prefixes: Vec::new(),
        }
    }
}

/// One interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceConfig {
    /// Which.
    pub id: InterfaceId,
    /// What it costs to leave by it, and the metric of its prefixes.
    pub cost: u16,
    /// How often a hello is sent.
    pub hello_interval: Duration,
    /// After so much silence a neighbor is given up.
    pub dead_interval: Duration,
    /// Its prefixes are announced, but nobody is spoken to.
    pub passive: bool,
    /// Otherwise, it is not there.
    pub enabled: bool,
}

impl InterfaceConfig {
    /// With the times that RFC 2328 C.3 samples, and the cost that FRR's ospfd has for an interface of unknown speed.
    pub fn new(id: InterfaceId) -> Self {
        InterfaceConfig {
            id,
            cost: 10,
            hello_interval: Duration::from_secs(10),
            dead_interval: Duration::from_secs(40),
            passive: false,
            enabled: true,
        }
    }
}

/// Why a router cannot be what its configuration asks for. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Zero stands for nobody.
    #[error("router-id 0.0.0.0: expected another, of this router alone")]
    RouterId,
    /// The hold time cannot grow to less than it is.
    #[error("spf-max-hold {max_hold:?} is less than spf-hold {hold:?}: expected as much or more")]
    Hold {
        /// As configured.
        hold: Duration,
        /// As configured.
        max_hold: Duration,
    },
    /// Two interfaces have one id.
    #[error("interface {0} is there twice")]
    InterfaceTwice(InterfaceId),
    /// A way that costs nothing would be as short as none.
    #[error("interface {0}: cost is zero: expected 1 to 65535")]
    Cost(InterfaceId),
    /// Hellos say it in milliseconds, in 32 bits.
    #[error(
        "interface {interface}: {leaf} {interval:?}: expected whole milliseconds, 1 or more, 49 days or less"
    )]
    Interval {
        /// Of which interface.
        interface: InterfaceId,
        /// Which.
        leaf: &'static str,
        /// As configured.
        interval: Duration,
    },
    /// Every neighbor would be given up before its next hello.
    #[error("interface {interface}: dead-interval {dead:?} is not longer than hello-interval {hello:?}")]
    DeadInterval {
        /// Of which interface.
        interface: InterfaceId,
        /// As configured.
        hello: Duration,
        /// As configured.
        dead: Duration,
    },
    /// A prefix has bits that it does not mean.
    #[error("prefix {prefix} has bits behind its length: expected {expected}")]
    HostBits {
        /// As configured.
        prefix: IpNet,
        /// Without them.
        expected: IpNet,
    },
    /// One prefix has two metrics.
    #[error("prefix {0} is there twice")]
    PrefixTwice(IpNet),
}

impl LinkStateConfig {
    /// Can it be?
    ///
    /// # Errors
    /// When it contradicts itself, or cannot be told to others.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.router_id.is_unspecified() {
            return Err(ConfigError::RouterId);
        }
        if self.spf_max_hold < self.spf_hold {
            return Err(ConfigError::Hold { hold: self.spf_hold, max_hold: self.spf_max_hold });
        }
        let mut ids = BTreeSet::new();
        for interface in &self.interfaces {
            if !ids.insert(interface.id) {
                return Err(ConfigError::InterfaceTwice(interface.id));
            }
            interface.check()?;
        }
        let mut prefixes = BTreeSet::new();
        for AnnouncedPrefix { prefix, .. } in &self.prefixes {
            let expected = prefix.trunc();
            if *prefix != expected {
                return Err(ConfigError::HostBits { prefix: *prefix, expected });
            }
            if !prefixes.insert(*prefix) {
                return Err(ConfigError::PrefixTwice(*prefix));
            }
        }
        Ok(())
    }
}

impl InterfaceConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let interface = self.id;
        if self.cost == 0 {
            return Err(ConfigError::Cost(interface));
        }
        let (hello, dead) = (self.hello_interval, self.dead_interval);
        for (leaf, interval) in [("hello-interval", hello), ("dead-interval", dead)] {
            let millis = u32::try_from(interval.as_millis()).ok().filter(|millis| *millis > 0);
            if millis.map(|millis| Duration::from_millis(millis.into())) != Some(interval) {
                return Err(ConfigError::Interval { interface, leaf, interval });
            }
        }
        if dead <= hello {
            return Err(ConfigError::DeadInterval { interface, hello, dead });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> LinkStateConfig {
        LinkStateConfig {
            interfaces: vec![InterfaceConfig::new(InterfaceId(0)), InterfaceConfig::new(InterfaceId(1))],
            prefixes: vec![prefix("192.0.2.1/32"), prefix("2001:db8::1/128")],
            ..LinkStateConfig::new(Ipv4Addr::new(192, 0, 2, 1))
        }
    }

    fn prefix(text: &str) -> AnnouncedPrefix {
        AnnouncedPrefix { prefix: text.parse().unwrap(), metric: 0 }
    }

    fn broken(change: impl FnOnce(&mut LinkStateConfig)) -> String {
        let mut config = sound();
        change(&mut config);
        config.check().map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        type Change = fn(&mut LinkStateConfig);
        let wrong: [(Change, &str); 11] = [
            (|_| {}, ""),
            (
                |config| config.router_id = Ipv4Addr::UNSPECIFIED,
                "router-id 0.0.0.0: expected another, of this router alone",
            ),
            (
                |config| config.spf_hold = Duration::from_secs(6),
                "spf-max-hold 5s is less than spf-hold 6s: expected as much or more",
            ),
            (|config| config.interfaces[1].id = InterfaceId(0), "interface 0 is there twice"),
            (|config| config.interfaces[1].cost = 0, "interface 1: cost is zero: expected 1 to 65535"),
            (
                |config| config.interfaces[0].hello_interval = Duration::ZERO,
                "interface 0: hello-interval 0ns: expected whole milliseconds, 1 or more, 49 days or less",
            ),
            (
                |config| config.interfaces[0].dead_interval = Duration::from_micros(40_000_001),
                "interface 0: dead-interval 40.000001s: expected whole milliseconds, 1 or more, 49 days or less",
            ),
            (
                |config| config.interfaces[0].dead_interval = Duration::from_secs(50 * 86_400),
                "interface 0: dead-interval 4320000s: expected whole milliseconds, 1 or more, 49 days or less",
            ),
            (
                |config| config.interfaces[0].dead_interval = Duration::from_secs(10),
                "interface 0: dead-interval 10s is not longer than hello-interval 10s",
            ),
            (
                |config| config.prefixes.push(prefix("192.0.2.1/24")),
                "prefix 192.0.2.1/24 has bits behind its length: expected 192.0.2.0/24",
            ),
            (|config| config.prefixes.push(prefix("192.0.2.1/32")), "prefix 192.0.2.1/32 is there twice"),
        ];
        for (change, error) in wrong {
            assert_eq!(broken(change), error);
        }
    }
}
