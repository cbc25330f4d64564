//! What one end of a session is told to be, and whether it can be that.

use greylag_base::MacAddr;
use greylag_wire::iccp::{LONGEST_SENDER_NAME, Node};
use greylag_wire::lacp::SystemId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who opens the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// We do: of two chassis, the one with the lower address.
    Active,
    /// The peer does.
    Passive,
}

/// A chassis as a system of LACP (RFC 7275 7.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SystemConfig {
    /// What it calls itself where it is alone. What a bundle shows to its partner is the bundle's
    /// ([`Aggregator::system`](crate::Aggregator::system)), and has to be the same on both chassis.
    pub system: SystemId,
    /// From 0 to 7, and another than the peer's.
    pub node_id: u8,
}

/// One end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IccpConfig {
    /// Both chassis are in the same one; not 0.
    pub redundancy_group: u32,
    /// What the peer's operators see; at most 80 octets.
    pub sender_name: String,
    /// Who opens the connection.
    pub role: Role,
    /// After so long without anything to say, something is said.
    pub keepalive: Duration,
    /// After so long without anything heard, the session is over. In whole seconds: the shorter of both ends' is used.
    pub session_timeout: Duration,
    /// So long after an attempt that has failed there is another.
    pub connect_retry: Duration,
    /// The chassis.
    pub system: SystemConfig,
    /// A message about MAC addresses has at most so many octets.
    pub mac_chunk: usize,
}

impl IccpConfig {
    /// With what iccpd has as defaults: 1 s, 15 s, and 1 s between attempts.
    pub fn new(redundancy_group: u32, role: Role, system: SystemConfig) -> Self {
        IccpConfig {
            redundancy_group,
            sender_name: format!("greylag-{}", system.node_id),
            role,
            keepalive: Duration::from_secs(1),
            session_timeout: Duration::from_secs(15),
            connect_retry: Duration::from_secs(1),
            system,
            mac_chunk: 32 * 1024,
        }
    }

    /// # Errors
    /// When it cannot be.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.redundancy_group == 0 {
            return Err(ConfigError::RedundancyGroup);
        }
        if self.sender_name.is_empty() || self.sender_name.len() > LONGEST_SENDER_NAME {
            return Err(ConfigError::SenderName(self.sender_name.len()));
        }
        if Node::new(self.system.node_id).is_none() {
            return Err(ConfigError::NodeId(self.system.node_id));
        }
        if !self.system.system.mac.is_unicast() {
            return Err(ConfigError::SystemId(self.system.system.mac));
        }
        for (leaf, time) in [("keepalive", self.keepalive), ("connect-retry", self.connect_retry)] {
            if time.is_zero() {
                return Err(ConfigError::Zero { leaf });
            }
        }
        let timeout = self.session_timeout;
        if !(3..=65_535).contains(&timeout.as_secs()) || timeout.subsec_nanos() != 0 {
            return Err(ConfigError::SessionTimeout(timeout));
        }
        if timeout < self.keepalive * 3 {
            return Err(ConfigError::Keepalive { keepalive: self.keepalive, session_timeout: timeout });
        }
        if !MAC_CHUNKS.contains(&self.mac_chunk) {
            return Err(ConfigError::MacChunk(self.mac_chunk));
        }
        Ok(())
    }
}

/// Between a message of few addresses and the longest that a length of two octets can tell.
const MAC_CHUNKS: std::ops::RangeInclusive<usize> = 128..=65_535;

/// Why an end cannot be what its configuration asks for. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No redundancy group has this number.
    #[error("redundancy-group is 0: expected 1 to 4294967295")]
    RedundancyGroup,
    /// The name does not fit.
    #[error("sender-name has {0} octets: expected 1 to 80")]
    SenderName(usize),
    /// The node id does not fit.
    #[error("node-id {0}: expected 0 to 7")]
    NodeId(u8),
    /// The system id is not a station's address.
    #[error("system-id-mac {0} is not a unicast address")]
    SystemId(MacAddr),
    /// A span that cannot be zero is.
    #[error("{leaf} is zero: expected more")]
    Zero {
        /// Which.
        leaf: &'static str,
    },
    /// The timeout does not fit.
    #[error("session-timeout {0:?}: expected whole seconds, 3 to 65535")]
    SessionTimeout(Duration),
    /// One message that comes late would end the session.
    #[error(
        "keepalive {keepalive:?} with session-timeout {session_timeout:?}: expected at most a third of it"
    )]
    Keepalive {
        /// The interval.
        keepalive: Duration,
        /// The timeout.
        session_timeout: Duration,
    },
    /// The chunk is too small or too large.
    #[error("mac-chunk {0}: expected 128 to 65535 octets")]
    MacChunk(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_and_says_why() {
        let system = SystemId { priority: 127, mac: MacAddr([2, 0, 0, 0, 0, 1]) };
        let sound = IccpConfig::new(1, Role::Active, SystemConfig { system, node_id: 0 });
        assert_eq!(sound.check(), Ok(()));
        type Case = (fn(&mut IccpConfig), &'static str);
        let table: &[Case] = &[
            (|c| c.redundancy_group = 0, "redundancy-group is 0: expected"),
            (|c| c.sender_name = "x".repeat(81), "sender-name has 81 octets: expected"),
            (|c| c.sender_name.clear(), "sender-name has 0 octets: expected"),
            (|c| c.system.node_id = 8, "node-id 8: expected 0 to 7"),
            (|c| c.system.system.mac = MacAddr::BROADCAST, "system-id-mac ff:ff:ff:ff:ff:ff is not"),
            (|c| c.keepalive = Duration::ZERO, "keepalive is zero: expected"),
            (|c| c.connect_retry = Duration::ZERO, "connect-retry is zero: expected"),
            (|c| c.session_timeout = Duration::from_millis(3500), "session-timeout 3.5s: expected whole"),
            (|c| c.keepalive = Duration::from_secs(6), "keepalive 6s with session-timeout 15s: expected"),
            (|c| c.mac_chunk = 65_536, "mac-chunk 65536: expected"),
        ];
        for (change, says) in table {
            let mut config = sound.clone();
            change(&mut config);
            let said = config.check().expect_err(says).to_string();
            assert!(said.starts_with(says), "{said:?} instead of {says:?}");
        }
    }
}
