//! Layer 3: interfaces, routes, the FIB and its groups, neighbours.

use crate::Switch;
use crate::config::{GroupHashing, InterfacePlace};
use crate::routing::{
    FibConflict, RouteSource, RouteView, adjacency_address, adjacency_interface, fib_routes_from, in_fib,
    target_kind,
};
use crate::show::sessions::lengths;
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId, MacAddr};
use greylag_dataplane::TrafficCounts;
use greylag_fib::{GroupId, NextHopId};
use greylag_ip::NeighborState;
use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One interface of layer 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceRow {
    /// Its name.
    pub name: String,
    /// Its place in the configuration, from 0.
    pub id: InterfaceId,
    /// `routed-port`, `irb` or `loopback`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The VLAN of an IRB.
    pub vlan: Option<u16>,
    /// OpenConfig: `UP` when it is enabled.
    pub admin_status: String,
    /// OpenConfig: `UP` when packets may pass.
    pub oper_status: String,
    /// Its address on the link.
    pub mac_address: MacAddr,
    /// The longest IP packet, in bytes.
    pub mtu: u16,
    /// Its addresses, with the lengths of their prefixes.
    pub addresses: Vec<String>,
    /// Since when packets may pass, or may not, in nanoseconds since the switch's clock started.
    pub since_ns: Instant,
}

/// What was counted on one interface of layer 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceCountersRow {
    /// The interface.
    pub interface: String,
    /// Of IPv4.
    pub ipv4: TrafficRow,
    /// Of IPv6.
    pub ipv6: TrafficRow,
}

/// Packets of one family on one interface, a super-frame as one, and their octets from the IP header on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrafficRow {
    /// Packets to its station that came in.
    pub in_packets: u64,
    /// Their octets.
    pub in_octets: u64,
    /// Packets that left by it, routed or of the switch itself.
    pub out_packets: u64,
    /// Their octets.
    pub out_octets: u64,
}

impl From<TrafficCounts> for TrafficRow {
    fn from(counts: TrafficCounts) -> Self {
        TrafficRow {
            in_packets: counts.rx_packets,
            in_octets: counts.rx_octets,
            out_packets: counts.tx_packets,
            out_octets: counts.tx_octets,
        }
    }
}

/// Which routes are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those to this prefix and to longer ones in it.
    Within(IpNet),
    /// Those by which packets to this address go: of the longest prefix.
    To(IpAddr),
}

/// One offer for one prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteRow {
    /// Where to.
    pub prefix: IpNet,
    /// Whom it is from.
    pub protocol: RouteSource,
    /// The lower one is taken.
    pub preference: u8,
    /// Then this one.
    pub metric: u32,
    /// It is the one in use.
    pub active: bool,
    /// `local`, `attached`, `next-hops`, `blackhole`, `unreachable` or `prohibit`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The gateways that it names.
    pub gateways: Vec<IpAddr>,
    /// Where that is now.
    pub next_hops: Vec<NextHopRow>,
}

/// A station that packets go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NextHopRow {
    /// Its interface, if it has one.
    pub interface: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its share of flows, relative to the others'.
    pub weight: u16,
}

/// One route of the FIB, as the data plane has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FibRow {
    /// Where to.
    pub prefix: IpNet,
    /// The group that it leads to.
    pub group: GroupId,
    /// Where the group's buckets lead, each next hop once.
    pub next_hops: Vec<String>,
}

/// One group of next hops, as the data plane has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NextHopGroupRow {
    /// Its number.
    pub group: GroupId,
    /// Prefixes that lead to it.
    pub prefixes: u64,
    /// `modulo` or `resilient`.
    pub hashing: String,
    /// How many buckets it has.
    pub buckets: usize,
    /// Where they lead.
    pub members: Vec<GroupMemberRow>,
}

/// Where some buckets of a group lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupMemberRow {
    /// The number of the next hop.
    pub next_hop: NextHopId,
    /// What it is, for people.
    pub to: String,
    /// What the data plane does with packets there, for people.
    pub does: String,
    /// It can be reached, as far as the data plane knows.
    pub live: bool,
    /// It is a member of the group that the RIB wants.
    pub wanted: bool,
    /// Buckets that lead there.
    pub buckets: Vec<u16>,
}

/// One neighbour on a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NeighborRow {
    /// The interface that it is on.
    pub interface: String,
    /// Its address.
    pub address: IpAddr,
    /// Its address on the link, while that is known.
    pub mac_address: Option<MacAddr>,
    /// What is known of it.
    pub state: NeighborState,
    /// Since when that is so, in nanoseconds since the switch's clock started.
    pub since_ns: Instant,
    /// An operator has said where it is.
    pub is_static: bool,
    /// A route leads to it.
    pub wanted: bool,
}

impl Switch {
    /// The interfaces of layer 3.
    pub fn interface_rows(&self) -> Vec<InterfaceRow> {
        let status = |up: bool| if up { "UP" } else { "DOWN" }.to_owned();
        let rows = self.config().numbered_interfaces().map(|(id, config)| {
            let (kind, vlan) = match config.place {
                InterfacePlace::Port(_) => ("routed-port", None),
                InterfacePlace::Vlan(vlan) => ("irb", Some(vlan.get())),
                InterfacePlace::Loopback => ("loopback", None),
            };
            InterfaceRow {
                name: config.name.to_string(),
                id,
                kind: kind.to_owned(),
                vlan,
                admin_status: status(config.enabled),
                oper_status: status(self.interface_is_up(id)),
                mac_address: self.interface_mac(config),
                mtu: config.mtu,
                addresses: self.interface_nets(id).iter().map(IpNet::to_string).collect(),
                since_ns: self
                    .routing
                    .interfaces
                    .get(id.index())
                    .map(|state| state.since)
                    .unwrap_or_default(),
            }
        });
        rows.collect()
    }

    /// What was counted on the interfaces of layer 3.
    pub(super) fn interface_counters(&self) -> Vec<InterfaceCountersRow> {
        let rows = self.config().numbered_interfaces().map(|(id, config)| {
            let counts = self.data_plane().interface_counts(id);
            let interface = config.name.to_string();
            InterfaceCountersRow { interface, ipv4: counts.ipv4.into(), ipv6: counts.ipv6.into() }
        });
        rows.collect()
    }

    /// What is offered for each prefix, the best first: all offers of so many prefixes behind `after`.
    pub fn route_rows(&self, which: Which, after: Option<IpNet>, prefixes: usize) -> Vec<RouteRow> {
        let prefixes: Vec<IpNet> = match which {
            Which::All => self.routing.rib.prefixes_from(after, false).take(prefixes).collect(),
            Which::Within(within) => {
                let from = self.routing.rib.prefixes_from(after.or(Some(within)), after.is_none());
                from.take_while(|prefix| within.contains(prefix)).take(prefixes).collect()
            }
            Which::To(address) => self.routing.rib.longest(address).into_iter().collect(),
        };
        let routes = prefixes.into_iter().flat_map(|prefix| self.routing.rib.offers(prefix));
        routes.map(|route| self.route_row(&route)).collect()
    }

    fn route_row(&self, route: &RouteView<'_>) -> RouteRow {
        let (kind, gateways) = target_kind(route.target);
        let members = self.routing.rib.paths.get(route.path).map_or(&[][..], |path| &path.members);
        let next_hops = members.iter().map(|(adjacency, weight)| NextHopRow {
            interface: adjacency_interface(*adjacency).map(|interface| self.interface_name(interface)),
            address: adjacency_address(*adjacency),
            weight: *weight,
        });
        RouteRow {
            prefix: route.prefix,
            protocol: route.source,
            preference: route.preference,
            metric: route.metric,
            active: route.active,
            kind: kind.to_owned(),
            gateways,
            next_hops: next_hops.collect(),
        }
    }

    /// The routes of the FIB, by prefix: so many behind `after`.
    pub fn fib_rows(&self, which: Which, after: Option<IpNet>, prefixes: usize) -> Vec<FibRow> {
        let Some(routes) = self.data_plane().routes() else { return Vec::new() };
        // From the last prefix of the page before: what is before that is not looked at.
        let from = |first: IpNet| match after.filter(|after| *after >= first) {
            Some(after) => (after, false),
            None => (first, true),
        };
        let chosen: Vec<(IpNet, GroupId)> = match which {
            Which::All => {
                let (from, inclusive) = from(IpNet::V4(Ipv4Net::default()));
                fib_routes_from(&routes.tables(), from, inclusive).take(prefixes).collect()
            }
            Which::Within(within) => {
                let (from, inclusive) = from(within);
                fib_routes_from(&routes.tables(), from, inclusive)
                    .take_while(|(prefix, _)| within.contains(prefix))
                    .take(prefixes)
                    .collect()
            }
            Which::To(address) => {
                let tables = routes.tables();
                let longest = lengths(address).find_map(|prefix| Some((prefix, in_fib(&tables, prefix)?)));
                longest.into_iter().collect()
            }
        };
        let mut texts: BTreeMap<GroupId, Vec<String>> = BTreeMap::new();
        let rows = chosen.into_iter().map(|(prefix, group)| {
            let next_hops = texts.entry(group).or_insert_with(|| {
                let mut texts: Vec<String> =
                    self.group_hops(group).keys().map(|id| self.words().next_hop(*id)).collect();
                texts.sort();
                texts
            });
            FibRow { prefix, group, next_hops: next_hops.clone() }
        });
        rows.collect()
    }

    /// Where the buckets of a group lead, by next hop.
    fn group_hops(&self, group: GroupId) -> BTreeMap<NextHopId, Vec<u16>> {
        let mut hops: BTreeMap<NextHopId, Vec<u16>> = BTreeMap::new();
        let Some(routes) = self.data_plane().routes() else { return hops };
        for (index, bucket) in routes.tables().groups.buckets(group).into_iter().enumerate() {
            if let Some(next_hop) = bucket.next_hop {
                hops.entry(next_hop).or_default().push(index as u16);
            }
        }
        hops
    }

    /// The groups of the FIB.
    pub fn next_hop_group_rows(&self) -> Vec<NextHopGroupRow> {
        let Some(routes) = self.data_plane().routes() else { return Vec::new() };
        let mut prefixes: BTreeMap<GroupId, u64> = BTreeMap::new();
        for (_, group) in self.fib_routes() {
            *prefixes.entry(group).or_default() += 1;
        }
        let groups: Vec<GroupId> = routes.tables().groups.iter().map(|(group, _)| group).collect();
        let hashing = match self.config().routing.next_hop_groups.hashing {
            GroupHashing::Modulo => "modulo",
            GroupHashing::Resilient { .. } => "resilient",
        };
        let row = |group: GroupId| {
            let hops = self.group_hops(group);
            let intended = self.routing.rib.paths.get(group).map_or(&[][..], |path| &path.group);
            NextHopGroupRow {
                group,
                prefixes: prefixes.get(&group).copied().unwrap_or(0),
                hashing: hashing.to_owned(),
                buckets: hops.values().map(Vec::len).sum(),
                members: hops
                    .into_iter()
                    .map(|(next_hop, buckets)| GroupMemberRow {
                        next_hop,
                        to: self.words().next_hop(next_hop),
                        does: self.words().deed(routes.next_hop(next_hop)),
                        live: routes.liveness().get(next_hop),
                        wanted: intended.iter().any(|member| member.next_hop == next_hop),
                        buckets,
                    })
                    .collect(),
            }
        };
        groups.into_iter().map(row).collect()
    }

    /// The neighbours on the links.
    pub fn neighbor_rows(&self, now: Instant) -> Vec<NeighborRow> {
        let Some(station) = &self.routing.station else { return Vec::new() };
        let rows = station.stack.snapshot(now).neighbors.into_iter().map(|row| NeighborRow {
            interface: self.interface_name(row.interface),
            address: row.ip,
            mac_address: row.mac,
            state: row.state,
            since_ns: row.since,
            is_static: row.is_static,
            wanted: row.wanted,
        });
        rows.collect()
    }

    /// What the last comparison of RIB and FIB found.
    pub fn fib_conflicts(&self) -> &[FibConflict] {
        &self.routing.fib_conflicts
    }
}
