//! What operators ask: everything that a router knows, as serialisable rows.

use crate::discard::Discards;
use crate::event::DownReason;
use crate::neighbor::{Neighbor, NeighborId, NeighborState};
use crate::routes::NextHop;
use crate::system::LinkState;
use crate::wire::{AnnouncedPrefix, Link, LsaHeader};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{Instant, InterfaceId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything that a router knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkStateSnapshot {
    /// Its name among the routers.
    pub router_id: Ipv4Addr,
    /// Nobody should go through it.
    pub overload: bool,
    /// By id, those that are configured.
    pub interfaces: Vec<InterfaceRow>,
    /// By interface and router-id.
    pub neighbors: Vec<NeighborRow>,
    /// By router-id and fragment.
    pub database: Vec<DatabaseRow>,
    /// By prefix.
    pub routes: Vec<RouteRow>,
    /// Of the shortest paths.
    pub spf: SpfRow,
    /// Packets that were discarded.
    pub discards: Discards,
}

/// An interface that is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceRow {
    /// Which.
    pub interface: InterfaceId,
    /// As configured.
    pub enabled: bool,
    /// As configured.
    pub passive: bool,
    /// It has a carrier, says the caller.
    pub up: bool,
    /// As configured.
    pub cost: u16,
    /// As configured.
    pub hello_interval: Duration,
    /// As configured.
    pub dead_interval: Duration,
    /// What the caller says, with the lengths of their subnets.
    pub addresses: Vec<IpNet>,
    /// When the next hello goes; `None` where nobody is spoken to.
    pub next_hello: Option<Instant>,
    /// Adjacencies that are up.
    pub adjacencies: u32,
}

/// A neighbor on an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NeighborRow {
    /// Where.
    pub interface: InterfaceId,
    /// Who.
    pub neighbor: Ipv4Addr,
    /// How far the adjacency has come.
    pub state: NeighborState,
    /// Since when.
    pub since: Instant,
    /// Where it takes IPv4 packets.
    pub ipv4: Option<Ipv4Addr>,
    /// Where it takes IPv6 packets.
    pub ipv6: Option<Ipv6Addr>,
    /// Its own number for its interface.
    pub neighbor_interface: InterfaceId,
    /// When its last hello came.
    pub last_hello: Instant,
    /// When it is given up if no other comes.
    pub dead_at: Option<Instant>,
    /// Announcements that it has not confirmed.
    pub unconfirmed: u32,
    /// Why it last had to begin anew; `None` for never.
    pub last_down: Option<DownReason>,
}

/// An announcement in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatabaseRow {
    /// Which instance, with its age of now.
    #[serde(flatten)]
    pub header: LsaHeader,
    /// Nobody should go through the router.
    pub overload: bool,
    /// Where one gets from there.
    pub links: Vec<Link>,
    /// What is there.
    pub prefixes: Vec<AnnouncedPrefix>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteRow {
    /// Where to.
    pub prefix: IpNet,
    /// What it costs from here.
    pub metric: u32,
    /// By interface and gateway.
    pub next_hops: Vec<NextHop>,
}

/// When the shortest paths are calculated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SpfRow {
    /// How often they were.
    pub runs: u64,
    /// When they last were.
    pub last: Option<Instant>,
    /// When they will be; `None` when nothing has changed since.
    pub next: Option<Instant>,
    /// What a change within that time of the last has to wait.
    pub hold: Duration,
}

impl LinkState {
    /// Where its neighbors take packets, by interface: BFD sessions go by these.
    pub fn neighbor_addresses(&self) -> Vec<(InterfaceId, IpAddr)> {
        let rows = self.neighbors.iter().map(|(id, known)| self.neighbor_row(*id, known));
        let addresses = rows.filter_map(|row| {
            let ipv4 = row.ipv4.map(IpAddr::from);
            Some((row.interface, ipv4.or_else(|| row.ipv6.map(IpAddr::from))?))
        });
        addresses.collect()
    }

    /// Everything that the router knows.
    pub fn snapshot(&self, now: Instant) -> LinkStateSnapshot {
        let database = self.database.iter().map(|(_, entry)| DatabaseRow {
            header: entry.header(now),
            overload: entry.lsa().overload,
            links: entry.lsa().links.clone(),
            prefixes: entry.lsa().prefixes.clone(),
        });
        let routes = self.routes.iter().map(|(prefix, route)| RouteRow {
            prefix: *prefix,
            metric: route.metric,
            next_hops: route.next_hops.clone(),
        });
        LinkStateSnapshot {
            router_id: self.config.router_id,
            overload: self.config.overload,
            interfaces: self.interface_rows(),
            neighbors: self.neighbors.iter().map(|(id, known)| self.neighbor_row(*id, known)).collect(),
            database: database.collect(),
            routes: routes.collect(),
            spf: SpfRow {
                runs: self.spf_runs,
                last: self.throttle.last(),
                next: self.throttle.due(),
                hold: self.throttle.hold(&self.config),
            },
            discards: self.discards.clone(),
        }
    }

    fn interface_rows(&self) -> Vec<InterfaceRow> {
        let row = |id: InterfaceId| {
            let known = self.interfaces.get(&id)?;
            let config = known.config?;
            let full = self.own_links().filter(|link| link.interface == id);
            Some(InterfaceRow {
                interface: id,
                enabled: config.enabled,
                passive: config.passive,
                up: known.up,
                cost: config.cost,
                hello_interval: config.hello_interval,
                dead_interval: config.dead_interval,
                addresses: known.addresses.clone(),
                next_hello: known.speaks().map(|_| known.hello_at),
                adjacencies: full.count() as u32,
            })
        };
        self.interfaces.keys().filter_map(|id| row(*id)).collect()
    }

    fn neighbor_row(&self, id: NeighborId, known: &Neighbor) -> NeighborRow {
        NeighborRow {
            interface: id.0,
            neighbor: id.1,
            state: known.state,
            since: known.since,
            ipv4: known.ipv4,
            ipv6: known.ipv6,
            neighbor_interface: known.interface,
            last_hello: known.heard,
            dead_at: self.dead_at(id),
            unconfirmed: known.unconfirmed.len() as u32,
            last_down: known.last_down,
        }
    }
}
