//! Routes: what the control side writes, and workers read while it does.

use crate::next_hop::{NextHop, NextHops};
use greylag_fib::{
    GroupId, GroupReader, GroupSizes, Groups, Ipv4Fib, Ipv6Fib, Liveness, NextHopId, Reader, Writer,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many routes and next hops a switch has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteLimits {
    /// Routes of IPv4.
    pub ipv4: u32,
    /// Routes of IPv6.
    pub ipv6: u32,
    /// Next-hop groups.
    pub groups: u32,
    /// Buckets of all groups together.
    pub buckets: u32,
    /// Next hops.
    pub next_hops: u32,
}

impl Default for RouteLimits {
    /// What a small router needs.
    fn default() -> Self {
        RouteLimits { ipv4: 16_384, ipv6: 16_384, groups: 1024, buckets: 65_536, next_hops: 4096 }
    }
}

/// The routes of a switch, for its control side: prefix to group, group to buckets, bucket to next hop, next hop to what is done.
///
/// One who writes at a time; workers never wait for it.
pub struct Routes {
    tables: Mutex<RouteTables>,
    next_hops: Arc<NextHops>,
    liveness: Liveness,
}

/// What is changed under one roof.
pub struct RouteTables {
    /// Routes of IPv4.
    pub ipv4: Writer<u32>,
    /// Routes of IPv6.
    pub ipv6: Writer<u128>,
    /// Next-hop groups.
    pub groups: Groups,
}

impl Routes {
    pub(crate) fn new(limits: RouteLimits) -> Self {
        let RouteLimits { ipv4, ipv6, groups, buckets, next_hops } = limits;
        let groups = Groups::new(GroupSizes { groups, next_hops, buckets });
        let liveness = groups.liveness();
        Routes {
            tables: Mutex::new(RouteTables {
                ipv4: Ipv4Fib::new(ipv4 as usize),
                ipv6: Ipv6Fib::new(ipv6 as usize),
                groups,
            }),
            next_hops: Arc::new(NextHops::new(next_hops)),
            liveness,
        }
    }

    /// The tables, to be changed or audited. Workers read on meanwhile.
    pub fn tables(&self) -> MutexGuard<'_, RouteTables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is done with packets of a next hop: one store, whatever number of routes leads there.
    pub fn set_next_hop(&self, id: NextHopId, next_hop: NextHop) {
        self.next_hops.set(id, next_hop);
    }

    /// What is done with packets of a next hop.
    pub fn next_hop(&self, id: NextHopId) -> NextHop {
        self.next_hops.get(id)
    }

    /// Which next hops can be reached: one store takes one out of all groups.
    pub fn liveness(&self) -> &Liveness {
        &self.liveness
    }

    /// For one worker.
    pub(crate) fn reader(&self) -> RouteReader {
        let tables = self.tables();
        RouteReader {
            ipv4: tables.ipv4.reader(),
            ipv6: tables.ipv6.reader(),
            groups: tables.groups.reader(),
            next_hops: Arc::clone(&self.next_hops),
        }
    }
}

/// A bucket of a group by which one worker goes on forwarding, whatever the group has become, as a line card does that has missed an
/// update. Whether its next hop can be reached is not asked either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaleBucket {
    /// The worker's index.
    pub worker: u16,
    /// The group.
    pub group: GroupId,
    /// Its bucket, from 0 on.
    pub bucket: u16,
    /// Where that leads.
    pub next_hop: NextHopId,
}

/// One worker's eyes on the routes.
pub(crate) struct RouteReader {
    pub(crate) ipv4: Reader<u32>,
    pub(crate) ipv6: Reader<u128>,
    pub(crate) groups: GroupReader,
    pub(crate) next_hops: Arc<NextHops>,
}
