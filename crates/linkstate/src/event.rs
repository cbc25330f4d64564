//! What happens to a router, as values.

use crate::neighbor::NeighborState;
use crate::wire::LsaId;
use core::net::Ipv4Addr;
use greylag_base::InterfaceId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkStateEvent {
    /// A neighbor is in another state.
    NeighborChanged {
        /// Where.
        interface: InterfaceId,
        /// Who.
        neighbor: Ipv4Addr,
        /// Before; `None` for one that was not known.
        from: Option<NeighborState>,
        /// After; `None` for one that is known no more.
        to: Option<NeighborState>,
    },
    /// An adjacency is up: the neighbor has all that we had. It is announced now.
    AdjacencyUp {
        /// Where.
        interface: InterfaceId,
        /// With whom.
        neighbor: Ipv4Addr,
    },
    /// An adjacency that was up is so no more.
    AdjacencyDown {
        /// Where.
        interface: InterfaceId,
        /// With whom.
        neighbor: Ipv4Addr,
        /// Why.
        reason: DownReason,
    },
    /// An announcement is new, says something else, or counts no more. Being refreshed is no change.
    DatabaseChanged {
        /// Which.
        lsa: LsaId,
        /// How.
        change: DatabaseChange,
        /// Of the instance.
        sequence: u32,
    },
    /// What a neighbor has of us is newer than what we have said: it is from before a restart, or somebody has our router-id. It
    /// is outbid.
    OldSelfHeard {
        /// Which.
        lsa: LsaId,
        /// Of the instance.
        sequence: u32,
    },
    /// The shortest paths were calculated.
    SpfRan {
        /// What asked for it first.
        trigger: SpfTrigger,
        /// Since then.
        waited: Duration,
        /// Routers that are in reach, besides this one.
        routers: u32,
        /// Ways that were looked at.
        links: u32,
        /// Routes that are others than before.
        changed: u32,
    },
}

/// Why an adjacency ceased to be up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DownReason {
    /// Nothing was heard for the dead interval.
    DeadInterval,
    /// The interface has lost its carrier, or the address that it speaks from.
    LinkDown,
    /// BFD says that the path to the neighbor has failed.
    Bfd,
    /// The neighbor has restarted: its incarnation is another.
    Restarted,
    /// The neighbor does not hear us any more, says its hello.
    OneWay,
    /// The interface was disabled, made passive or removed, or the router has another router-id.
    Configuration,
}

/// What became of an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseChange {
    /// It was not there.
    New,
    /// It says something else.
    Changed,
    /// Its router has withdrawn it.
    Withdrawn,
    /// Its router has not refreshed it for an hour.
    Expired,
}

/// What asked for a calculation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpfTrigger {
    /// The database has changed.
    Database(LsaId),
    /// An adjacency of our own came, went, or has another gateway.
    Adjacency(Ipv4Addr),
    /// What we are, or our own prefixes, have changed.
    Configuration,
}
