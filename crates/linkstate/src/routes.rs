//! Routes: where packets to a prefix go, and what has changed there.

use core::net::IpAddr;
use greylag_base::InterfaceId;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// No route has more next hops; those with the lowest interfaces and gateways are kept.
pub const MAX_PATHS: usize = 64;

/// Where packets go next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NextHop {
    /// Where they leave.
    pub interface: InterfaceId,
    /// To whom; for IPv6, an address of the link.
    pub gateway: IpAddr,
}

/// A prefix has a route, another route, or none any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteChange {
    /// Which.
    pub prefix: IpNet,
    /// In order, without doubles, [`MAX_PATHS`] at most; none when the route is withdrawn.
    pub next_hops: Vec<NextHop>,
    /// What it costs from here; 0 when the route is withdrawn.
    pub metric: u32,
}

/// What is known of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) next_hops: Vec<NextHop>,
    pub(crate) metric: u32,
}

impl Route {
    /// Another way to the same prefix: the shorter counts, both when they are equal.
    pub(crate) fn join(&mut self, other: Route) {
        match other.metric.cmp(&self.metric) {
            std::cmp::Ordering::Less => *self = other,
            std::cmp::Ordering::Equal => self.next_hops.extend(other.next_hops),
            std::cmp::Ordering::Greater => {}
        }
    }

    /// In order, without doubles, and not too many.
    pub(crate) fn settle(&mut self) {
        self.next_hops.sort_unstable();
        self.next_hops.dedup();
        self.next_hops.truncate(MAX_PATHS);
    }
}
