//! What operators ask: neighbours and connections, as serialisable rows.

use crate::counters::IpCounters;
use crate::neighbor::NeighborState;
use crate::stack::IpStack;
use crate::tcp::ConnectionId;
use core::net::{IpAddr, SocketAddr};
use greylag_base::{Instant, InterfaceId, MacAddr};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything that a switch's IP stack knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IpSnapshot {
    /// By interface and address.
    pub neighbors: Vec<NeighborRow>,
    /// By number.
    pub connections: Vec<ConnectionRow>,
    /// What it has counted.
    pub counters: IpCounters,
}

/// One neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NeighborRow {
    /// Where.
    pub interface: InterfaceId,
    /// Its address.
    pub ip: IpAddr,
    /// Where packets for it go; `None` for nowhere.
    pub mac: Option<MacAddr>,
    /// What is known of it.
    pub state: NeighborState,
    /// Since when that is so.
    pub since: Instant,
    /// How long ago it last confirmed its address; of one that never has, how long ago it was first asked for.
    pub age: Duration,
    /// An operator has said where it is.
    pub is_static: bool,
    /// Somebody has to reach it.
    pub wanted: bool,
}

/// One TCP connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectionRow {
    /// Which.
    pub id: ConnectionId,
    /// Our end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Where it came in, or was told to leave.
    pub interface: Option<InterfaceId>,
    /// RFC 9293 3.3.2, as ss prints it.
    pub state: String,
    /// Octets that have not been acknowledged.
    pub send_queue: usize,
    /// Octets that nobody has read.
    pub receive_queue: usize,
}

impl IpStack {
    /// Everything that is known at `now`.
    pub fn snapshot(&self, now: Instant) -> IpSnapshot {
        let neighbors = self.links.interfaces.iter().flat_map(|(&interface, link)| {
            link.neighbors.entries(now).map(move |entry| NeighborRow {
                interface,
                ip: entry.addr,
                mac: entry.mac,
                state: entry.state,
                since: entry.since,
                age: now - entry.confirmed,
                is_static: entry.state == NeighborState::Permanent,
                wanted: entry.wanted,
            })
        });
        let connections = self.tcp.connections().map(|(id, connection, state, send_queue, receive_queue)| {
            let (local, remote, interface) = (connection.local, connection.remote, connection.interface);
            ConnectionRow {
                id,
                local,
                remote,
                interface,
                state: state.to_string(),
                send_queue,
                receive_queue,
            }
        });
        IpSnapshot {
            neighbors: neighbors.collect(),
            connections: connections.collect(),
            counters: self.counters().clone(),
        }
    }
}
