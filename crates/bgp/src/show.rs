//! What operators ask: everything that a speaker knows, as serialisable rows with OpenConfig's words where it has them.
//!
//! Unlike OpenConfig's, times are of the world's clock.

use crate::Bgp;
use crate::attributes::Attributes;
use crate::config::{Asn, Family, NeighborId};
use crate::connection::Connection;
use crate::decision::Standing;
use crate::event::{Cause, Failure};
use crate::fsm::{Direction, State};
use crate::neighbor::{Messages, Neighbor, PathPart};
use crate::notification::Notification;
use crate::rib::{Path, Source};
use core::net::{IpAddr, Ipv4Addr};
use greylag_base::Instant;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything that a speaker knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BgpSnapshot {
    /// Our own system.
    #[serde(rename = "as")]
    pub asn: Asn,
    /// Our BGP Identifier.
    pub router_id: Ipv4Addr,
    /// By id.
    pub neighbors: Vec<NeighborRow>,
    /// By prefix.
    pub routes: Vec<RouteRow>,
}

/// One neighbor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NeighborRow {
    /// Which.
    pub neighbor: NeighborId,
    /// The other end.
    pub neighbor_address: IpAddr,
    /// Our end.
    pub local_address: IpAddr,
    /// Its system.
    pub peer_as: Asn,
    /// OpenConfig `peer-type`: it is of another system.
    pub external: bool,
    /// As configured.
    pub enabled: bool,
    /// What has failed below it.
    pub paths_lost: Vec<PathPart>,
    /// Why nothing is tried before its configuration changes.
    pub cut_off: Option<Cause>,
    /// Of the connection that is further.
    pub session_state: State,
    /// Who opened the connection that has the session.
    pub established_by: Option<Direction>,
    /// Since when there is a session, or none.
    pub last_change: Instant,
    /// How often there was one.
    pub established_transitions: u64,
    /// Its BGP Identifier, as far as there is a session.
    pub remote_router_id: Option<Ipv4Addr>,
    /// What both ends go by; `None` while there is no session.
    pub negotiated_hold_time: Option<Duration>,
    /// It tells everything once more when it is asked to.
    pub route_refresh: bool,
    /// Both connections, ours first.
    pub connections: [ConnectionRow; 2],
    /// How a session last ceased.
    pub last_failure: Option<Failure>,
    /// What was said to it last.
    pub last_notification_sent: Option<Notification>,
    /// What it said last.
    pub last_notification_received: Option<Notification>,
    /// Messages that went.
    pub messages_sent: Messages,
    /// Messages that came.
    pub messages_received: Messages,
    /// Prefixes, by family.
    pub families: Vec<FamilyRow>,
}

/// One connection to a neighbor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectionRow {
    /// Who opens it.
    pub direction: Direction,
    /// Where its machine is.
    pub state: State,
    /// When it is tried next; a timer that does not run is `None`.
    pub connect_retry: Option<Instant>,
    /// When the neighbor is given up.
    pub hold: Option<Instant>,
    /// When the next KEEPALIVE goes.
    pub keepalive: Option<Instant>,
    /// When something is tried again after a failure.
    pub idle_hold: Option<Instant>,
}

/// Prefixes of one family with one neighbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FamilyRow {
    /// Which.
    pub afi_safi_name: Family,
    /// Both ends speak of it.
    pub active: bool,
    /// Prefixes that the neighbor has told us.
    pub received: u32,
    /// Those that do not lead through ourselves.
    pub accepted: u32,
    /// Prefixes that we have told the neighbor.
    pub sent: u32,
}

/// One prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteRow {
    /// Which.
    pub prefix: IpNet,
    /// All paths, by their source.
    pub paths: Vec<PathRow>,
}

/// One path to a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PathRow {
    /// Whom it is from.
    pub source: Source,
    /// Is it used, and if not, why not.
    pub standing: Standing,
    /// How far its next hop is; `None` for not to be reached, or a route of our own.
    pub metric: Option<u32>,
    /// What is said of it.
    #[serde(flatten)]
    pub attributes: Attributes,
}

impl Bgp {
    /// Everything that the speaker knows.
    pub fn snapshot(&self) -> BgpSnapshot {
        BgpSnapshot {
            asn: self.config().asn,
            router_id: self.config().router_id,
            neighbors: self.neighbors().map(neighbor_row).collect(),
            routes: self.rib().iter().map(|(prefix, paths)| self.row(prefix, paths)).collect(),
        }
    }

    /// One neighbor; `None` when there is none.
    pub fn neighbor_row(&self, neighbor: NeighborId) -> Option<NeighborRow> {
        self.neighbor(neighbor).map(neighbor_row)
    }

    /// The prefixes to which there is a path, in order, behind this one if one is given.
    pub fn prefixes(&self, after: Option<IpNet>) -> impl Iterator<Item = IpNet> {
        self.rib().prefixes(after)
    }

    /// One prefix; `None` when there is no path to it.
    pub fn route_row(&self, prefix: IpNet) -> Option<RouteRow> {
        let paths = self.rib().paths(prefix);
        (!paths.is_empty()).then(|| self.row(prefix, paths))
    }

    /// What a neighbor was told last of a prefix; `None` for nothing.
    pub fn told(&self, neighbor: NeighborId, prefix: IpNet) -> Option<&Attributes> {
        self.neighbor(neighbor)?.out.said(prefix).map(|shared| &**shared)
    }

    /// How often each arrow of [`DIAGRAM`](crate::DIAGRAM) was taken by a neighbor's connection, in its order; `None` when there is
    /// none.
    pub fn arrows(&self, neighbor: NeighborId, direction: Direction) -> Option<&[u64]> {
        self.neighbor(neighbor).map(|neighbor| &neighbor.connection(direction).taken[..])
    }

    fn row(&self, prefix: IpNet, paths: &[Path]) -> RouteRow {
        let paths = paths.iter().map(|path| PathRow {
            source: path.source,
            standing: path.standing,
            metric: path.attributes.next_hop.and_then(|next_hop| self.metric(next_hop)),
            attributes: (*path.attributes).clone(),
        });
        RouteRow { prefix, paths: paths.collect() }
    }
}

fn connection_row(connection: &Connection) -> ConnectionRow {
    ConnectionRow {
        direction: connection.direction,
        state: connection.state,
        connect_retry: connection.timers.connect_retry,
        hold: connection.timers.hold,
        keepalive: connection.timers.keepalive,
        idle_hold: connection.timers.idle_hold,
    }
}

fn neighbor_row(neighbor: &Neighbor) -> NeighborRow {
    let (config, agreed) = (&neighbor.config, neighbor.agreed());
    let [sent, received] = neighbor.last_notification.clone();
    let families = config.families.iter().map(|family| family.family).map(|family| FamilyRow {
        afi_safi_name: family,
        active: neighbor.speaks(family),
        received: neighbor.prefixes(family),
        accepted: neighbor.accepted[family as usize],
        sent: neighbor.out.told(family),
    });
    NeighborRow {
        neighbor: config.id,
        neighbor_address: config.neighbor_address,
        local_address: config.local_address,
        peer_as: config.peer_as,
        external: neighbor.external,
        enabled: config.enabled,
        paths_lost: neighbor.paths_lost.iter().copied().collect(),
        cut_off: neighbor.cut_off.clone(),
        session_state: neighbor.state(),
        established_by: neighbor.established,
        last_change: neighbor.since,
        established_transitions: neighbor.times_up,
        remote_router_id: agreed.map(|agreed| agreed.id),
        negotiated_hold_time: agreed.map(|agreed| agreed.hold_time),
        route_refresh: agreed.is_some_and(|agreed| agreed.route_refresh),
        connections: Direction::BOTH.map(|direction| connection_row(neighbor.connection(direction))),
        last_failure: neighbor.last_failure.clone(),
        last_notification_sent: sent,
        last_notification_received: received,
        messages_sent: neighbor.sent,
        messages_received: neighbor.received,
        families: families.collect(),
    }
}
