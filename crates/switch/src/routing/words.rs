//! Next hops and groups in words for people, with interfaces by name.

use crate::Switch;
use crate::config::InterfaceConfig;
use crate::routing::next_hops::Adjacency;
use crate::routing::rib::Rib;
use core::net::IpAddr;
use greylag_base::InterfaceId;
use greylag_dataplane::NextHop;
use greylag_fib::{GroupId, NextHopId};

/// What numbers stand for.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    pub(crate) rib: &'a Rib,
    pub(crate) interfaces: &'a [InterfaceConfig],
}

impl Words<'_> {
    fn interface(self, id: InterfaceId) -> String {
        self.interfaces.get(id.index()).map_or_else(|| id.to_string(), |config| config.name.to_string())
    }

    /// The stations of a group.
    pub(crate) fn group(self, group: GroupId) -> String {
        let Some(path) = self.rib.paths.get(group) else { return format!("group {}", group.get()) };
        let texts: Vec<String> = path.held.iter().map(|adjacency| self.adjacency(*adjacency)).collect();
        if texts.is_empty() { "nobody".to_owned() } else { texts.join(", ") }
    }

    /// A next hop by its number.
    pub(crate) fn next_hop(self, id: NextHopId) -> String {
        match self.rib.next_hops.adjacency(id) {
            Some(adjacency) => self.adjacency(adjacency),
            None => format!("next hop {}, which is gone", id.0),
        }
    }

    /// The address of the station that a next hop is.
    pub(crate) fn address(self, id: NextHopId) -> Option<IpAddr> {
        match self.rib.next_hops.adjacency(id)? {
            Adjacency::Neighbor(_, address) => Some(address),
            _ => None,
        }
    }

    pub(crate) fn adjacency(self, adjacency: Adjacency) -> String {
        match adjacency {
            Adjacency::Neighbor(interface, address) => format!("{address} on {}", self.interface(interface)),
            Adjacency::Glean(interface) => format!("on the link of {}", self.interface(interface)),
            Adjacency::Local => "this switch".to_owned(),
            Adjacency::Blackhole => "blackhole".to_owned(),
            Adjacency::Unreachable => "unreachable".to_owned(),
            Adjacency::Prohibit => "prohibit".to_owned(),
        }
    }

    /// What the data plane does with packets of a next hop.
    pub(crate) fn deed(self, next_hop: NextHop) -> String {
        match next_hop {
            NextHop::Neighbor { interface, mac } => format!("to {mac} by {}", self.interface(interface)),
            NextHop::Unresolved { interface } => format!("unresolved on {}", self.interface(interface)),
            NextHop::Glean { interface } => format!("glean on {}", self.interface(interface)),
            NextHop::Unset => "nothing: dropped".to_owned(),
            NextHop::Local => "local".to_owned(),
            NextHop::Blackhole => "blackhole".to_owned(),
            NextHop::Unreachable => "unreachable".to_owned(),
            NextHop::Prohibited => "prohibit".to_owned(),
        }
    }
}

impl Switch {
    pub(crate) fn words(&self) -> Words<'_> {
        Words { rib: &self.routing.rib, interfaces: &self.config().interfaces }
    }
}
