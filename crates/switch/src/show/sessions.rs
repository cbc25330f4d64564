//! The sessions of BFD and BGP, and what the interior protocol knows: the protocols' own rows, with interfaces and neighbours by
//! name.

use crate::Switch;
use crate::show::routing::Which;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::{Instant, InterfaceId};
use greylag_bfd::{Diagnostic, Path, SessionRow};
use greylag_bgp::{
    Attributes, Cause, Direction, FamilyRow, Messages, NeighborId, Notification, PathPart, Source, Standing,
};
use greylag_linkstate::{DatabaseRow, DownReason, NeighborState};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One BFD session, with OpenConfig's names where it has them. Intervals and times are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BfdRow {
    /// The interface of a single hop; `None` where several hops may lie between.
    pub interface: Option<String>,
    /// The other end.
    pub remote_address: IpAddr,
    /// Our end.
    pub local_address: IpAddr,
    /// What carries it is up.
    pub path_up: bool,
    /// What we make of it.
    pub session_state: greylag_bfd::State,
    /// What the other end said last.
    pub remote_session_state: greylag_bfd::State,
    /// Why our state last changed.
    pub local_diagnostic_code: Diagnostic,
    /// Why the other end's state last changed, as it said last.
    pub remote_diagnostic_code: Diagnostic,
    /// When the state was last another, in nanoseconds since the switch's clock started.
    #[serde(rename = "last-change-ns")]
    pub last_change: Instant,
    /// When it last went from up to down, likewise; absent for never.
    #[serde(rename = "last-failure-time-ns", skip_serializing_if = "Option::is_none", default)]
    pub last_failure_time: Option<Instant>,
    /// How often it has gone from up to down.
    pub failure_transitions: u64,
    /// How often it has come up.
    pub up_transitions: u64,
    /// What the other end tells its packets by.
    pub local_discriminator: u32,
    /// What we tell the other end's by; 0 while it is not known.
    pub remote_discriminator: u32,
    /// As configured.
    pub desired_minimum_tx_interval: u32,
    /// As configured.
    pub required_minimum_receive: u32,
    /// As configured.
    pub detection_multiplier: u8,
    /// How often the other end can receive.
    pub remote_minimum_receive_interval: u32,
    /// How many of its packets have to be missed.
    pub remote_multiplier: u8,
    /// The longest time between two of our packets.
    pub transmit_interval: u32,
    /// After so much silence the other end is given up; `None` while it is not known.
    pub detection_time: Option<u64>,
    /// Packets that went.
    pub transmitted_packets: u64,
    /// Packets that came and were taken.
    pub received_packets: u64,
    /// Packets that were discarded, by rule.
    pub discards: greylag_bfd::Discards,
}

/// The BGP speaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BgpRow<N = BgpNeighborRow> {
    /// Our autonomous system.
    #[serde(rename = "as")]
    pub autonomous_system: u32,
    /// Our BGP Identifier.
    pub router_id: Ipv4Addr,
    /// Its neighbours.
    pub neighbors: Vec<N>,
}

/// One neighbour of BGP, with OpenConfig's names where it has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BgpNeighborRow {
    /// The other end.
    pub neighbor_address: IpAddr,
    /// Our end.
    pub local_address: IpAddr,
    /// Its autonomous system.
    pub peer_as: u32,
    /// OpenConfig: `INTERNAL` or `EXTERNAL`.
    pub peer_type: String,
    /// Of the connection that is further.
    pub session_state: greylag_bgp::State,
    /// Who opened the connection that has the session.
    pub established_by: Option<Direction>,
    /// Since when there is a session, or none, in nanoseconds since the switch's clock started.
    #[serde(rename = "last-change-ns")]
    pub last_change: Instant,
    /// How often there was one.
    pub established_transitions: u64,
    /// What has failed below it.
    pub paths_lost: Vec<PathPart>,
    /// Its BGP Identifier, while there is a session.
    pub remote_router_id: Option<Ipv4Addr>,
    /// What both ends go by, in seconds; 0 for never, `None` while there is no session.
    pub negotiated_hold_time: Option<u64>,
    /// When a session last ceased, likewise; absent for never.
    #[serde(rename = "last-failure-ns", skip_serializing_if = "Option::is_none", default)]
    pub last_failure: Option<Instant>,
    /// Why.
    pub last_failure_cause: Option<Cause>,
    /// What was said to it last when a session ended.
    pub last_notification_sent: Option<Notification>,
    /// What it said last when a session ended.
    pub last_notification_received: Option<Notification>,
    /// Messages that went.
    pub messages_sent: Messages,
    /// Messages that came.
    pub messages_received: Messages,
    /// Prefixes, by family.
    pub families: Vec<FamilyRow>,
}

/// One path that BGP knows to a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BgpPathRow {
    /// Where to.
    pub prefix: IpNet,
    /// The neighbour that has told of it; `None` for a route of our own.
    pub neighbor_address: Option<IpAddr>,
    /// Is it used, and if not, why not.
    pub standing: Standing,
    /// How far its next hop is; `None` for not to be reached, or a route of our own.
    pub metric: Option<u32>,
    /// What is said of it.
    #[serde(flatten)]
    pub attributes: Attributes,
}

/// What the interior protocol knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkStateRow<N = LinkStateNeighborRow> {
    /// The name of the router among the others.
    pub router_id: Ipv4Addr,
    /// The others find ways around it.
    pub overload: bool,
    /// The interfaces that it runs on.
    pub interfaces: Vec<LinkStateInterfaceRow>,
    /// Routers that it hears, by interface.
    pub neighbors: Vec<N>,
    /// What each router has announced, by router.
    pub database: Vec<DatabaseRow>,
    /// How many routes it offers; `/v1/routes` has them.
    pub routes: usize,
    /// How often shortest paths were computed.
    pub spf_runs: u64,
    /// When they last were, in nanoseconds since the switch's clock started.
    #[serde(rename = "spf-last-ns", skip_serializing_if = "Option::is_none", default)]
    pub spf_last: Option<Instant>,
    /// Packets that were discarded, by rule.
    pub discards: greylag_linkstate::Discards,
}

/// An interface that the interior protocol runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkStateInterfaceRow {
    /// Its name.
    pub interface: String,
    /// Nobody is looked for on it.
    pub passive: bool,
    /// It has a carrier.
    pub up: bool,
    /// What it costs to leave by it.
    pub metric: u16,
    /// Milliseconds between two hellos.
    pub hello_interval_ms: u64,
    /// Milliseconds after which a silent neighbour is gone.
    pub dead_interval_ms: u64,
    /// Adjacencies that are up.
    pub adjacencies: u32,
}

/// A router on a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkStateNeighborRow {
    /// Our interface.
    pub interface: String,
    /// Its router-id.
    pub neighbor: Ipv4Addr,
    /// How far the adjacency has come.
    pub state: NeighborState,
    /// Since when, in nanoseconds since the switch's clock started.
    #[serde(rename = "since-ns")]
    pub since: Instant,
    /// Where it takes IPv4 packets.
    pub ipv4: Option<Ipv4Addr>,
    /// Where it takes IPv6 packets.
    pub ipv6: Option<Ipv6Addr>,
    /// Announcements that it has not confirmed.
    pub unconfirmed: u32,
    /// Why it last had to begin anew; `None` for never.
    pub last_down: Option<DownReason>,
}

impl<N> BgpRow<N> {
    /// The same with other rows of neighbours.
    pub fn map<M>(self, row: impl FnMut(N) -> M) -> BgpRow<M> {
        let BgpRow { autonomous_system, router_id, neighbors } = self;
        BgpRow { autonomous_system, router_id, neighbors: neighbors.into_iter().map(row).collect() }
    }
}

impl<N> LinkStateRow<N> {
    /// The same with other rows of neighbours.
    pub fn map<M>(self, row: impl FnMut(N) -> M) -> LinkStateRow<M> {
        LinkStateRow {
            router_id: self.router_id,
            overload: self.overload,
            interfaces: self.interfaces,
            neighbors: self.neighbors.into_iter().map(row).collect(),
            database: self.database,
            routes: self.routes,
            spf_runs: self.spf_runs,
            spf_last: self.spf_last,
            discards: self.discards,
        }
    }
}

impl Switch {
    /// The BFD sessions; none while their agent does not run.
    pub fn bfd_rows(&self) -> Vec<BfdRow> {
        let sessions = self.routing.bfd.iter().flat_map(|bfd| bfd.snapshot().sessions);
        sessions.map(|row| self.bfd_row(row)).collect()
    }

    fn bfd_row(&self, row: SessionRow) -> BfdRow {
        BfdRow {
            interface: match row.path {
                Path::SingleHop { interface } => Some(self.interface_name(interface)),
                Path::Multihop { .. } => None,
            },
            remote_address: row.remote_address,
            local_address: row.local_address,
            path_up: row.path_up,
            session_state: row.session_state,
            remote_session_state: row.remote_session_state,
            local_diagnostic_code: row.local_diagnostic_code,
            remote_diagnostic_code: row.remote_diagnostic_code,
            last_change: row.last_change,
            last_failure_time: row.last_failure_time,
            failure_transitions: row.failure_transitions,
            up_transitions: row.up_transitions,
            local_discriminator: row.local_discriminator,
            remote_discriminator: row.remote_discriminator,
            desired_minimum_tx_interval: row.desired_minimum_tx_interval.0,
            required_minimum_receive: row.required_minimum_receive.0,
            detection_multiplier: row.detection_multiplier,
            remote_minimum_receive_interval: row.remote_minimum_receive_interval.0,
            remote_multiplier: row.remote_multiplier,
            transmit_interval: row.transmit_interval.0,
            detection_time: row.detection_time.map(|time| time.as_micros() as u64),
            transmitted_packets: row.asynchronous.transmitted_packets,
            received_packets: row.asynchronous.received_packets,
            discards: row.discards,
        }
    }

    /// The BGP speaker and its neighbours; none where BGP is not spoken, or the routing agent does not run.
    pub fn bgp_rows(&self) -> Option<BgpRow> {
        let bgp = &self.routing.speaker.as_ref()?.bgp;
        let config = bgp.config();
        let rows = config.neighbors.iter().filter_map(|neighbor| bgp.neighbor_row(neighbor.id));
        Some(BgpRow {
            autonomous_system: config.asn.0,
            router_id: config.router_id,
            neighbors: rows.map(bgp_neighbor_row).collect(),
        })
    }

    /// What BGP knows of prefixes, all paths: so many prefixes behind `after`.
    pub fn bgp_path_rows(&self, which: Which, after: Option<IpNet>, prefixes: usize) -> Vec<BgpPathRow> {
        let Some(speaker) = &self.routing.speaker else { return Vec::new() };
        let bgp = &speaker.bgp;
        let addresses: BTreeMap<NeighborId, IpAddr> =
            bgp.config().neighbors.iter().map(|config| (config.id, config.neighbor_address)).collect();
        let chosen: Vec<IpNet> = match which {
            Which::All => bgp.prefixes(after).take(prefixes).collect(),
            Which::Within(within) => {
                bgp.prefixes(after).filter(|prefix| within.contains(prefix)).take(prefixes).collect()
            }
            Which::To(address) => {
                lengths(address).find(|prefix| bgp.route_row(*prefix).is_some()).into_iter().collect()
            }
        };
        let rows = chosen.into_iter().filter_map(|prefix| bgp.route_row(prefix)).flat_map(|row| {
            let addresses = &addresses;
            row.paths.into_iter().map(move |path| BgpPathRow {
                prefix: row.prefix,
                neighbor_address: match path.source {
                    Source::Local => None,
                    Source::Neighbor(id) => addresses.get(&id).copied(),
                },
                standing: path.standing,
                metric: path.metric,
                attributes: path.attributes,
            })
        });
        rows.collect()
    }

    /// What the interior protocol knows; none where it is not spoken, or the routing agent does not run.
    pub fn link_state_rows(&self, now: Instant) -> Option<LinkStateRow> {
        let snapshot = self.routing.link_state.as_ref()?.snapshot(now);
        let name = |id: InterfaceId| self.interface_name(id);
        let interfaces = snapshot.interfaces.into_iter().filter(|row| row.enabled);
        let interfaces = interfaces.map(|row| LinkStateInterfaceRow {
            interface: name(row.interface),
            passive: row.passive,
            up: row.up,
            metric: row.cost,
            hello_interval_ms: row.hello_interval.as_millis() as u64,
            dead_interval_ms: row.dead_interval.as_millis() as u64,
            adjacencies: row.adjacencies,
        });
        let neighbors = snapshot.neighbors.into_iter().map(|row| LinkStateNeighborRow {
            interface: name(row.interface),
            neighbor: row.neighbor,
            state: row.state,
            since: row.since,
            ipv4: row.ipv4,
            ipv6: row.ipv6,
            unconfirmed: row.unconfirmed,
            last_down: row.last_down,
        });
        Some(LinkStateRow {
            router_id: snapshot.router_id,
            overload: snapshot.overload,
            interfaces: interfaces.collect(),
            neighbors: neighbors.collect(),
            database: snapshot.database,
            routes: snapshot.routes.len(),
            spf_runs: snapshot.spf.runs,
            spf_last: snapshot.spf.last,
            discards: snapshot.discards,
        })
    }
}

fn bgp_neighbor_row(row: greylag_bgp::NeighborRow) -> BgpNeighborRow {
    let (last_failure, last_failure_cause) = row.last_failure.map(|last| (last.at, last.cause)).unzip();
    BgpNeighborRow {
        neighbor_address: row.neighbor_address,
        local_address: row.local_address,
        peer_as: row.peer_as.0,
        peer_type: if row.external { "EXTERNAL" } else { "INTERNAL" }.to_owned(),
        session_state: row.session_state,
        established_by: row.established_by,
        last_change: row.last_change,
        established_transitions: row.established_transitions,
        paths_lost: row.paths_lost,
        remote_router_id: row.remote_router_id,
        negotiated_hold_time: row.negotiated_hold_time.map(|time| time.as_secs()),
        last_failure,
        last_failure_cause,
        last_notification_sent: row.last_notification_sent,
        last_notification_received: row.last_notification_received,
        messages_sent: row.messages_sent,
        messages_received: row.messages_received,
        families: row.families,
    }
}

/// The prefixes that an address is in, the longest first.
pub(super) fn lengths(address: IpAddr) -> impl Iterator<Item = IpNet> {
    let host = IpNet::from(address);
    (0..=host.max_prefix_len())
        .rev()
        .filter_map(move |length| Some(IpNet::new(address, length).ok()?.trunc()))
}
