//! What happens to a session, as values.

use crate::config::SystemConfig;
use crate::object::{Aggregator, Port};
use greylag_base::{MacAddr, VlanId};
use greylag_wire::iccp::{MacPlace, Malformed, Status};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IccpEvent {
    /// Both ends speak of bundles with each other. What the peer has follows, up to [`PeerMacsComplete`](IccpEvent::PeerMacsComplete).
    SessionUp,
    /// The session is over. Everything that the peer has said is forgotten here; no event says so piece by piece.
    SessionDown {
        /// Why.
        cause: Cause,
    },
    /// The peer's chassis.
    PeerSystem(SystemConfig),
    /// The peer has this leg, or it is otherwise than before.
    PeerAggregator {
        /// How it is now.
        aggregator: Aggregator,
        /// What [`acknowledge_aggregator`](crate::Iccp::acknowledge_aggregator) answers to.
        serial: u32,
    },
    /// The peer has this leg no longer.
    PeerAggregatorGone {
        /// Which.
        id: u16,
    },
    /// The peer has acted on what this leg of ours is now. What it said of an earlier state is no event.
    AggregatorAcknowledged {
        /// Which.
        id: u16,
        /// The message that it answers.
        serial: u32,
    },
    /// The peer has this link, or it is otherwise than before.
    PeerPort(Port),
    /// The peer has this link no longer.
    PeerPortGone {
        /// Its LACP port number.
        number: u16,
    },
    /// The peer has this address there.
    PeerMac {
        /// In which VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where; `None` for nowhere any more.
        place: Option<MacPlace>,
    },
    /// The peer has told everything that it has: what it did not name since the session came up is not there.
    PeerMacsComplete,
    /// The peer routes what is sent to this address in this VLAN.
    PeerIrbMac {
        /// In which VLAN.
        vlan: VlanId,
        /// The address; `None` for none any more.
        mac: Option<MacAddr>,
    },
    /// Both chassis are told what cannot go together.
    Conflict(Conflict),
    /// They no longer are.
    ConflictOver(Conflict),
}

/// Two chassis are told what cannot go together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conflict {
    /// In what.
    pub parameter: ConflictParameter,
    /// Of which bundle; `None` for the whole chassis.
    pub aggregator: Option<u16>,
    /// What is so here; `None` for not there.
    pub local: Option<String>,
    /// What is so at the peer; `None` for not there.
    pub peer: Option<String>,
}

/// What has to be the same on both chassis, or different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictParameter {
    /// Has to be the same. There is no session otherwise.
    RedundancyGroup,
    /// Has to be different.
    NodeId,
    /// The bundle has to be on both.
    McAeId,
    /// The system id that the bundle shows to its partner has to be the same.
    SystemIdMac,
    /// So has the priority that goes with it.
    SystemPriority,
    /// So has the bundle's key.
    AdminKey,
}

/// Why a session is over, or did not come about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// TCP ended, or did not come about.
    ConnectionClosed,
    /// The peer has opened another connection: it no longer knows of this one.
    ConnectionReplaced,
    /// Nothing was heard for the session timeout.
    SessionTimeout,
    /// BFD says that the peer cannot be reached.
    BfdDown,
    /// The peer said so.
    PeerDisconnected(Status),
    /// The peer speaks of bundles no longer, for this reason if it gave one.
    PeerApplicationDisconnected(String),
    /// What the peer sends makes no sense.
    Malformed(Malformed),
    /// The peer refused the session.
    Refused(Status),
    /// The session has to begin anew for what was configured.
    ConfigurationChanged,
    /// An operator wants none.
    AdminDown,
}

impl fmt::Display for Cause {
    /// In a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::ConnectionClosed => f.write_str("connection closed"),
            Cause::ConnectionReplaced => f.write_str("the peer has connected anew"),
            Cause::SessionTimeout => f.write_str("session timeout"),
            Cause::BfdDown => f.write_str("BFD down"),
            Cause::PeerDisconnected(status) => write!(f, "the peer disconnected: {status}"),
            Cause::PeerApplicationDisconnected(why) if why.is_empty() => {
                f.write_str("the peer disconnected mLACP")
            }
            Cause::PeerApplicationDisconnected(why) => write!(f, "the peer disconnected mLACP: {why}"),
            Cause::Malformed(malformed) => write!(f, "the peer makes no sense: {malformed}"),
            Cause::Refused(status) => write!(f, "the peer refused: {status}"),
            Cause::ConfigurationChanged => f.write_str("configuration changed"),
            Cause::AdminDown => f.write_str("disabled"),
        }
    }
}
