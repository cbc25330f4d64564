//! Routes as protocols offer them.

use core::net::IpAddr;
use greylag_base::InterfaceId;
use serde::{Deserialize, Serialize};

/// Whom a route is from. Of routes with the same preference and metric, the first in this order is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteSource {
    /// An address of the switch itself.
    Local,
    /// The subnet of an interface.
    Connected,
    /// A neighbour on the link that has answered.
    Neighbor,
    /// The operator.
    Static,
    /// FRR's zebra.
    Zebra,
    /// BGP.
    Bgp,
    /// The interior protocol.
    LinkState,
}

impl RouteSource {
    /// The name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            RouteSource::Local => "local",
            RouteSource::Connected => "connected",
            RouteSource::Neighbor => "neighbor",
            RouteSource::Static => "static",
            RouteSource::Zebra => "zebra",
            RouteSource::Bgp => "bgp",
            RouteSource::LinkState => "link-state",
        }
    }

    /// The preference of its routes where nothing else is said; the lower one is taken. FRR's administrative distances; BGP's
    /// internal routes have 200.
    pub const fn preference(self) -> u8 {
        match self {
            RouteSource::Local | RouteSource::Connected | RouteSource::Neighbor => 0,
            RouteSource::Static => 1,
            RouteSource::Zebra => 10,
            RouteSource::Bgp => 20,
            RouteSource::LinkState => 110,
        }
    }
}

/// What a protocol offers for a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// Of two offers, the one with the lower preference is taken.
    pub preference: u8,
    /// Then the one with the lower metric.
    pub metric: u32,
    /// What becomes of packets.
    pub target: Target,
}

impl Offer {
    /// An offer with its source's preference.
    pub(crate) fn of(source: RouteSource, target: Target) -> Self {
        Offer { preference: source.preference(), metric: 0, target }
    }
}

/// What becomes of packets that have a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// They are for the switch itself.
    Local,
    /// Their destination is on the link of an interface.
    Attached(InterfaceId),
    /// They go to one of these, which are in order.
    Hops(Vec<Hop>),
    /// They are dropped in silence.
    Blackhole,
    /// They are dropped, and the sender is told that the destination is unreachable.
    Unreachable,
    /// They are dropped, and the sender is told that this is forbidden.
    Prohibit,
}

/// A gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hop {
    /// Its address. Without an interface, the RIB says how to get there.
    pub address: IpAddr,
    /// The interface that it is on, where that is said.
    pub interface: Option<InterfaceId>,
    /// Its share of flows, relative to those of the others.
    pub weight: u16,
}

impl Target {
    /// To these gateways; those that are named twice get the shares of both.
    pub fn hops(hops: impl IntoIterator<Item = Hop>) -> Self {
        let mut hops: Vec<Hop> = hops.into_iter().collect();
        hops.sort_unstable();
        hops.dedup_by(|again, first| {
            let is_same = (again.address, again.interface) == (first.address, first.interface);
            if is_same {
                first.weight = first.weight.saturating_add(again.weight);
            }
            is_same
        });
        Target::Hops(hops)
    }
}
