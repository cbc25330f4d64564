//! What two chassis tell each other of.

use greylag_base::{MacAddr, Mbps};
use greylag_wire::lacp::{Flags, Participant, SystemId};
use serde::{Deserialize, Serialize};

/// A chassis' leg of a multi-chassis bundle (RFC 7275 7.2.4 and 7.2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Aggregator {
    /// The same on both chassis: mc-ae-id.
    pub id: u16,
    /// The redundant object that both legs are of.
    pub object_id: u64,
    /// As whom it speaks LACP while the chassis are one; has to be the same on both. RFC 7275 knows one for the whole chassis: this
    /// travels in a parameter of our own.
    pub system: SystemId,
    /// The leg's own address.
    pub mac: MacAddr,
    /// Has to be the same on both.
    pub key: u16,
    /// What the chassis calls it; at most 20 octets are told.
    pub name: String,
    /// It passes frames.
    pub up: bool,
    /// Whom it is connected to, once that is known.
    pub partner: Option<Partner>,
}

/// Whom a bundle is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Partner {
    /// The system.
    pub system: SystemId,
    /// Its key.
    pub key: u16,
}

/// A link of a multi-chassis bundle (RFC 7275 7.2.5 and 7.2.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Port {
    /// Its LACP port number, which no port of the peer has.
    pub number: u16,
    /// The bundle that it is of.
    pub aggregator: u16,
    /// Its address.
    pub mac: MacAddr,
    /// Its key.
    pub key: u16,
    /// Its LACP priority.
    pub priority: u16,
    /// Its speed.
    pub speed: Mbps,
    /// What the chassis calls it; at most 20 octets are told.
    pub name: String,
    /// There is a link.
    pub up: bool,
    /// LACP has selected it for the bundle.
    pub selected: bool,
    /// Its LACP flags.
    pub flags: Flags,
    /// The other end of the link, once that is known.
    pub partner: Option<Participant>,
}
