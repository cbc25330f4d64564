//! RIB and FIB compared: what each write was to bring about, beside what is there.

use crate::routing::door::{GroupShape, ipv4, ipv6};
use crate::routing::next_hops::Adjacency;
use crate::routing::route::Target;
use crate::routing::words::Words;
use core::net::IpAddr;
use greylag_base::InterfaceId;
use greylag_dataplane::{DataPlane, NextHop, RouteTables, Routes, StaleBucket};
use greylag_fib::{GroupId, Kind, Member, NextHopId};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where RIB and FIB differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FibConflict {
    /// What is wrong.
    pub kind: FibConflictKind,
    /// The prefix that it is about; of a group or bucket, the first that leads there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<IpNet>,
    /// How many prefixes lead there.
    pub prefixes: u64,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<u16>,
    /// The next hop, where it is about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<NextHopId>,
    /// The worker that alone forwards by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<u16>,
    /// What the FIB has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fib: Option<String>,
    /// What the RIB wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rib: Option<String>,
}

/// How RIB and FIB differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FibConflictKind {
    /// The FIB lacks a route.
    RouteMissing,
    /// The FIB has a route that the RIB has not.
    RouteStale,
    /// The route leads to another group.
    RouteDiffers,
    /// The FIB lacks a group.
    GroupMissing,
    /// The FIB has a group that the RIB has not.
    GroupStale,
    /// A bucket leads to a next hop that is no member of the group.
    BucketStale,
    /// A member has none of the buckets, or too few.
    MemberShort,
    /// The FIB does something else with packets of a next hop.
    NextHopDiffers,
}

impl FibConflictKind {
    /// The name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            FibConflictKind::RouteMissing => "route-missing",
            FibConflictKind::RouteStale => "route-stale",
            FibConflictKind::RouteDiffers => "route-differs",
            FibConflictKind::GroupMissing => "group-missing",
            FibConflictKind::GroupStale => "group-stale",
            FibConflictKind::BucketStale => "bucket-stale",
            FibConflictKind::MemberShort => "member-short",
            FibConflictKind::NextHopDiffers => "next-hop-differs",
        }
    }
}

/// A group that the RIB wants, and the prefixes that are to lead there.
#[derive(Clone, Copy, Default)]
struct Users {
    first: Option<IpNet>,
    count: u64,
}

/// All differences: routes by prefix, then groups and buckets, then next hops.
pub(crate) fn compare(words: Words<'_>, routes: &Routes, shape: GroupShape) -> Vec<FibConflict> {
    let rib = words.rib;
    let tables = routes.tables();
    let mut conflicts = Vec::new();
    let mut users: BTreeMap<GroupId, Users> = BTreeMap::new();
    let mut wanted = 0_usize;
    for (prefix, group) in rib.intended() {
        let of_group = users.entry(group).or_default();
        of_group.first = of_group.first.or(Some(prefix));
        of_group.count += 1;
        wanted += 1;
        let there = in_fib(&tables, prefix);
        if there != Some(group) {
            let kind = match there {
                Some(_) => FibConflictKind::RouteDiffers,
                None => FibConflictKind::RouteMissing,
            };
            conflicts.push(FibConflict {
                prefix: Some(prefix),
                prefixes: 1,
                group: Some(group),
                fib: there.map(|group| words.group(group)),
                rib: Some(words.group(group)),
                ..FibConflict::of(kind)
            });
        }
    }
    let missing = conflicts.iter().filter(|conflict| conflict.kind == FibConflictKind::RouteMissing).count();
    if tables.ipv4.len() + tables.ipv6.len() + missing > wanted {
        stale_routes(words, &tables, &mut conflicts);
    }
    for (&group, of_group) in &users {
        compare_group(words, &tables, shape, (group, *of_group), &mut conflicts);
    }
    for (group, _) in tables.groups.iter().filter(|(group, _)| !users.contains_key(group)) {
        conflicts.push(FibConflict { group: Some(group), ..FibConflict::of(FibConflictKind::GroupStale) });
    }
    for (id, adjacency) in rib.next_hops.iter() {
        let (is, wants) = (routes.next_hop(id), rib.next_hops.word(adjacency));
        if is != wants {
            conflicts.push(FibConflict {
                next_hop: Some(id),
                fib: Some(words.deed(is)),
                rib: Some(format!("{}, {}", words.adjacency(adjacency), words.deed(wants))),
                ..FibConflict::of(FibConflictKind::NextHopDiffers)
            });
        }
    }
    for id in rib.next_hops.given_up() {
        let is = routes.next_hop(id);
        if is != NextHop::Unset {
            conflicts.push(FibConflict {
                next_hop: Some(id),
                fib: Some(words.deed(is)),
                rib: Some(words.deed(NextHop::Unset)),
                ..FibConflict::of(FibConflictKind::NextHopDiffers)
            });
        }
    }
    conflicts
}

impl FibConflict {
    fn of(kind: FibConflictKind) -> Self {
        FibConflict {
            kind,
            prefix: None,
            prefixes: 0,
            group: None,
            bucket: None,
            next_hop: None,
            worker: None,
            fib: None,
            rib: None,
        }
    }

    /// A bucket by which one worker alone forwards.
    pub(crate) fn of_worker(words: Words<'_>, stale: &StaleBucket) -> Self {
        let users = words.rib.intended().filter(|(_, group)| *group == stale.group).map(|(prefix, _)| prefix);
        let users: Vec<IpNet> = users.collect();
        FibConflict {
            prefix: users.first().copied(),
            prefixes: users.len() as u64,
            group: Some(stale.group),
            bucket: Some(stale.bucket),
            worker: Some(stale.worker),
            fib: Some(words.next_hop(stale.next_hop)),
            rib: Some(words.group(stale.group)),
            ..FibConflict::of(FibConflictKind::BucketStale)
        }
    }
}

/// The group that the FIB has for a prefix.
pub(crate) fn in_fib(tables: &RouteTables, prefix: IpNet) -> Option<GroupId> {
    ipv4(prefix)
        .and_then(|prefix| tables.ipv4.get(prefix))
        .or_else(|| ipv6(prefix).and_then(|prefix| tables.ipv6.get(prefix)))
}

fn stale_routes(words: Words<'_>, tables: &RouteTables, conflicts: &mut Vec<FibConflict>) {
    let wanted: BTreeSet<IpNet> = words.rib.intended().map(|(prefix, _)| prefix).collect();
    for (prefix, group) in fib_routes(tables).filter(|(prefix, _)| !wanted.contains(prefix)) {
        conflicts.push(FibConflict {
            prefix: Some(prefix),
            prefixes: 1,
            group: Some(group),
            fib: Some(words.group(group)),
            ..FibConflict::of(FibConflictKind::RouteStale)
        });
    }
}

fn compare_group(
    words: Words<'_>,
    tables: &RouteTables,
    shape: GroupShape,
    (id, users): (GroupId, Users),
    conflicts: &mut Vec<FibConflict>,
) {
    let members = words.rib.paths.get(id).map_or(&[][..], |path| &path.group);
    let conflict = |kind| FibConflict {
        prefix: users.first,
        prefixes: users.count,
        group: Some(id),
        rib: Some(words.group(id)),
        ..FibConflict::of(kind)
    };
    let buckets = tables.groups.buckets(id);
    if buckets.is_empty() {
        conflicts.push(conflict(FibConflictKind::GroupMissing));
        return;
    }
    let mut shares: BTreeMap<NextHopId, u64> = BTreeMap::new();
    // Buckets that members may lack, since they lead elsewhere: said of each bucket, and not of the members once more.
    let mut astray = 0;
    for (bucket, next_hop) in buckets.iter().enumerate() {
        match next_hop.next_hop {
            Some(next_hop) if members.iter().any(|member| member.next_hop == next_hop) => {
                *shares.entry(next_hop).or_default() += 1;
            }
            other => {
                astray += 1;
                conflicts.push(FibConflict {
                    bucket: Some(bucket as u16),
                    fib: Some(other.map_or_else(|| "nobody".to_owned(), |id| words.next_hop(id))),
                    ..conflict(FibConflictKind::BucketStale)
                });
            }
        }
    }
    // Buckets of a resilient group wait until they are idle.
    let waits = matches!(shape.kind, Kind::Resilient(_));
    for member in members {
        let (has, least) =
            (shares.get(&member.next_hop).copied().unwrap_or(0), least_share(members, member, buckets.len()));
        let missing = if waits { least.min(1) } else { least }.saturating_sub(has);
        let explained = missing.min(astray);
        astray -= explained;
        if missing > explained {
            conflicts.push(FibConflict {
                fib: Some(format!(
                    "{} has {has} of {} buckets",
                    words.next_hop(member.next_hop),
                    buckets.len()
                )),
                rib: Some(format!("{least} at least")),
                ..conflict(FibConflictKind::MemberShort)
            });
        }
    }
}

/// Buckets that a member has at least, where they are dealt out by weight.
fn least_share(members: &[Member], member: &Member, buckets: usize) -> u64 {
    let weights: u64 = members.iter().map(|member| u64::from(member.weight)).sum();
    buckets as u64 * u64::from(member.weight) / weights.max(1)
}

/// The station of a next hop.
pub(crate) fn adjacency_address(adjacency: Adjacency) -> Option<IpAddr> {
    match adjacency {
        Adjacency::Neighbor(_, address) => Some(address),
        _ => None,
    }
}

/// The interface of a next hop.
pub(crate) fn adjacency_interface(adjacency: Adjacency) -> Option<InterfaceId> {
    match adjacency {
        Adjacency::Neighbor(interface, _) | Adjacency::Glean(interface) => Some(interface),
        _ => None,
    }
}

/// What a route does, by name, and the gateways that it names.
pub(crate) fn target_kind(target: &Target) -> (&'static str, Vec<IpAddr>) {
    match target {
        Target::Local => ("local", Vec::new()),
        Target::Attached(_) => ("attached", Vec::new()),
        Target::Hops(hops) => ("next-hops", hops.iter().map(|hop| hop.address).collect()),
        Target::Blackhole => ("blackhole", Vec::new()),
        Target::Unreachable => ("unreachable", Vec::new()),
        Target::Prohibit => ("prohibit", Vec::new()),
    }
}

/// What the FIB has, by prefix.
pub(crate) fn fib_routes(tables: &RouteTables) -> impl Iterator<Item = (IpNet, GroupId)> {
    fib_routes_from(tables, IpNet::V4(Ipv4Net::default()), true)
}

/// Those from a prefix on: with it if that is `inclusive`, or those behind it.
pub(crate) fn fib_routes_from(
    tables: &RouteTables,
    from: IpNet,
    inclusive: bool,
) -> impl Iterator<Item = (IpNet, GroupId)> {
    let of_ipv4 = ipv4(from).into_iter().flat_map(move |from| tables.ipv4.iter_from(from, inclusive));
    let of_ipv4 = of_ipv4.filter_map(|(prefix, group)| {
        let net = Ipv4Net::new(prefix.first().into(), prefix.len()).ok()?;
        Some((IpNet::V4(net), group))
    });
    // All of IPv6 is behind any of IPv4.
    let (first, inclusive) = match from {
        IpNet::V4(_) => (IpNet::V6(Ipv6Net::default()), true),
        IpNet::V6(_) => (from, inclusive),
    };
    let of_ipv6 = ipv6(first).into_iter().flat_map(move |from| tables.ipv6.iter_from(from, inclusive));
    let of_ipv6 = of_ipv6.filter_map(|(prefix, group)| {
        let net = Ipv6Net::new(prefix.first().into(), prefix.len()).ok()?;
        Some((IpNet::V6(net), group))
    });
    of_ipv4.chain(of_ipv6)
}

/// The longest prefix of the FIB that an address is in, and its group.
pub(crate) fn fib_longest(plane: &DataPlane, address: IpAddr) -> Option<(IpNet, GroupId)> {
    let routes = plane.routes()?;
    let tables = routes.tables();
    let longest = IpNet::from(address).prefix_len();
    (0..=longest).rev().find_map(|length| {
        let prefix = IpNet::new(address, length).ok()?.trunc();
        Some((prefix, in_fib(&tables, prefix)?))
    })
}

impl crate::Switch {
    pub(crate) fn fib_routes(&self) -> Vec<(IpNet, GroupId)> {
        self.data_plane().routes().map(|routes| fib_routes(&routes.tables()).collect()).unwrap_or_default()
    }
}
