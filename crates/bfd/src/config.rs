//! What a switch's sessions are told to be, and whether they can be that.

use core::net::IpAddr;
use greylag_base::InterfaceId;
use greylag_wire::bfd::Micros;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// As many sessions as there are source ports for (RFC 5881 4).
pub const MOST_SESSIONS: usize = 16_384;

/// A session of one switch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u32);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session{}", self.0)
    }
}

/// All sessions of a switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BfdConfig {
    /// The sessions.
    pub sessions: Vec<SessionConfig>,
}

/// One session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Which.
    pub id: SessionId,
    /// OpenConfig `local-address`: where its packets come from.
    pub local_address: IpAddr,
    /// OpenConfig `remote-address`: where its packets go.
    pub remote_address: IpAddr,
    /// What lies between them.
    pub path: Path,
    /// Who speaks first.
    pub role: Role,
    /// OpenConfig `enabled`; otherwise, it is held in AdminDown, and says so.
    pub enabled: bool,
    /// OpenConfig `desired-minimum-tx-interval`. While the session is not up, it sends once a second at most.
    pub desired_minimum_tx_interval: Micros,
    /// OpenConfig `required-minimum-receive`.
    pub required_minimum_receive: Micros,
    /// OpenConfig `detection-multiplier`: so many packets have to be missed before the other end gives this one up.
    pub detection_multiplier: u8,
}

impl SessionConfig {
    /// An active session that is enabled, with what FRR's bfdd has by default: three times 300 ms.
    pub fn new(id: SessionId, local_address: IpAddr, remote_address: IpAddr, path: Path) -> Self {
        SessionConfig {
            id,
            local_address,
            remote_address,
            path,
            role: Role::Active,
            enabled: true,
            desired_minimum_tx_interval: Micros::from_millis(300),
            required_minimum_receive: Micros::from_millis(300),
            detection_multiplier: 3,
        }
    }
}

/// What lies between the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// One link or subnet (RFC 5881). What crossed a router, so that its TTL is not 255, is discarded.
    SingleHop {
        /// Where the packets leave, and where a first packet has to come in.
        interface: InterfaceId,
    },
    /// Whatever routing finds (RFC 5883).
    Multihop {
        /// What came further, so that its TTL is less, is discarded: 255 for no router between, 1 for any number.
        minimum_ttl: u8,
    },
}

/// Who speaks first (RFC 5880 6.1).
///
/// RFC 5881 3 wants both ends of a single hop to be active. Devices let one be passive, and so do we; two passive ends
/// never come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// This end does.
    Active,
    /// This end speaks when it is spoken to.
    Passive,
}

/// What tells the session of a packet whose sender does not know our discriminator yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// RFC 5881 3: there is one session between two systems over an interface.
    SingleHop { interface: InterfaceId, remote: IpAddr },
    /// RFC 5883 4.1: two sessions between two systems differ in an address.
    Multihop { local: IpAddr, remote: IpAddr },
}

impl SessionConfig {
    pub(crate) fn peer(&self) -> Peer {
        let (local, remote) = (self.local_address, self.remote_address);
        match self.path {
            Path::SingleHop { interface } => Peer::SingleHop { interface, remote },
            Path::Multihop { .. } => Peer::Multihop { local, remote },
        }
    }

    /// Would a session with the one configuration be another with the other, rather than a changed one?
    pub(crate) fn is_another(&self, other: &SessionConfig) -> bool {
        (self.peer(), self.local_address) != (other.peer(), other.local_address)
    }
}

/// Why the sessions cannot be what their configuration asks for. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Two sessions have one id.
    #[error("session {0} is there twice")]
    SessionTwice(SessionId),
    /// First packets could be for either.
    #[error(
        "sessions {first} and {second} have the same remote address and the same {}: expected one session",
        if *.multihop { "local address" } else { "interface" }
    )]
    PeerTwice {
        /// One of them.
        first: SessionId,
        /// The other.
        second: SessionId,
        /// They are multihop sessions.
        multihop: bool,
    },
    /// An address that no packet can have.
    #[error("session {session}: {leaf} {address} is not the address of one system")]
    Address {
        /// Of which session.
        session: SessionId,
        /// Which address.
        leaf: &'static str,
        /// The address.
        address: IpAddr,
    },
    /// The two ends cannot speak to each other.
    #[error("session {session}: {local} and {remote} are not two addresses of one family")]
    Addresses {
        /// Of which session.
        session: SessionId,
        /// The local address.
        local: IpAddr,
        /// The remote address.
        remote: IpAddr,
    },
    /// An interval or a multiplier that makes no sense.
    #[error("session {session}: {leaf} is zero: expected 1 or more")]
    Zero {
        /// Of which session.
        session: SessionId,
        /// Which.
        leaf: &'static str,
    },
    /// There are not as many source ports.
    #[error("{0} sessions: expected at most {MOST_SESSIONS}, so that each has a UDP source port of its own")]
    TooMany(usize),
}

impl BfdConfig {
    /// Can it be?
    ///
    /// # Errors
    /// When it contradicts itself, or RFC 5880.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.sessions.len() > MOST_SESSIONS {
            return Err(ConfigError::TooMany(self.sessions.len()));
        }
        let mut ids = BTreeSet::new();
        let mut peers = BTreeMap::new();
        for session in &self.sessions {
            if !ids.insert(session.id) {
                return Err(ConfigError::SessionTwice(session.id));
            }
            session.check()?;
            if let Some(first) = peers.insert(session.peer(), session.id) {
                let multihop = matches!(session.path, Path::Multihop { .. });
                return Err(ConfigError::PeerTwice { first, second: session.id, multihop });
            }
        }
        Ok(())
    }
}

impl SessionConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let (session, local, remote) = (self.id, self.local_address, self.remote_address);
        for (leaf, address) in [("local-address", local), ("remote-address", remote)] {
            if address.is_unspecified() || address.is_multicast() {
                return Err(ConfigError::Address { session, leaf, address });
            }
        }
        if local.is_ipv4() != remote.is_ipv4() || local == remote {
            return Err(ConfigError::Addresses { session, local, remote });
        }
        let leaves = [
            ("desired-minimum-tx-interval", self.desired_minimum_tx_interval.0),
            ("required-minimum-receive", self.required_minimum_receive.0),
            ("detection-multiplier", self.detection_multiplier.into()),
        ];
        match leaves.into_iter().find(|(_, value)| *value == 0) {
            Some((leaf, _)) => Err(ConfigError::Zero { session, leaf }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(id: u32, local: &str, remote: &str, interface: u16) -> SessionConfig {
        let path = Path::SingleHop { interface: InterfaceId(interface) };
        SessionConfig::new(SessionId(id), local.parse().unwrap(), remote.parse().unwrap(), path)
    }

    fn far(id: u32, local: &str, remote: &str) -> SessionConfig {
        SessionConfig { path: Path::Multihop { minimum_ttl: 254 }, ..hop(id, local, remote, 0) }
    }

    fn check(sessions: &[SessionConfig]) -> String {
        let config = BfdConfig { sessions: sessions.to_vec() };
        config.check().map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn sessions_that_can_be_told_apart_may_be() {
        let sound = [
            hop(1, "10.0.0.1", "10.0.0.2", 1),
            hop(2, "10.0.0.1", "10.0.0.3", 1),
            hop(3, "fe80::1", "fe80::2", 1),
            hop(4, "fe80::1", "fe80::2", 2),
            far(5, "10.0.0.1", "10.0.0.2"),
            far(6, "10.0.1.1", "10.0.0.2"),
        ];
        assert_eq!(check(&sound), "");
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let one = hop(1, "10.0.0.1", "10.0.0.2", 1);
        let wrong = [
            (vec![one, one], "session 1 is there twice"),
            (
                vec![one, hop(2, "10.0.0.9", "10.0.0.2", 1)],
                "sessions 1 and 2 have the same remote address and the same interface: expected one session",
            ),
            (
                vec![far(1, "10.0.0.1", "10.0.0.2"), far(2, "10.0.0.1", "10.0.0.2")],
                "sessions 1 and 2 have the same remote address and the same local address: expected one session",
            ),
            (
                vec![hop(1, "10.0.0.1", "224.0.0.1", 1)],
                "session 1: remote-address 224.0.0.1 is not the address of one system",
            ),
            (
                vec![hop(1, "::", "fe80::1", 1)],
                "session 1: local-address :: is not the address of one system",
            ),
            (
                vec![hop(1, "10.0.0.1", "fe80::1", 1)],
                "session 1: 10.0.0.1 and fe80::1 are not two addresses of one family",
            ),
            (
                vec![hop(1, "10.0.0.1", "10.0.0.1", 1)],
                "session 1: 10.0.0.1 and 10.0.0.1 are not two addresses of one family",
            ),
            (
                vec![SessionConfig { detection_multiplier: 0, ..one }],
                "session 1: detection-multiplier is zero: expected 1 or more",
            ),
            (
                vec![SessionConfig { required_minimum_receive: Micros(0), ..one }],
                "session 1: required-minimum-receive is zero: expected 1 or more",
            ),
            (
                vec![SessionConfig { desired_minimum_tx_interval: Micros(0), ..one }],
                "session 1: desired-minimum-tx-interval is zero: expected 1 or more",
            ),
            (
                vec![one; MOST_SESSIONS + 1],
                "16385 sessions: expected at most 16384, so that each has a UDP source port of its own",
            ),
        ];
        for (sessions, error) in wrong {
            assert_eq!(check(&sessions), error);
        }
    }
}
