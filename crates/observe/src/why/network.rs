//! What has to be known of a network to say why two of its stations do not hear each other: the same of one that runs and of one that
//! is replayed.

use core::net::IpAddr;
use greylag_base::{Instant, MacAddr, VlanId};
use greylag_switch::show::{InterfaceRow, PortRow, TraceRequest, TraceRow};
use serde_json::{Map, Value};

/// A network that can be asked. Nothing that is asked changes it.
pub trait Network {
    /// Its nodes and cables.
    fn plan(&self) -> &Plan;

    /// What a host is as a station; `None` for a switch, and for a host that is plugged into nothing.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn station(&self, host: usize) -> Result<Option<Station>, WhyError>;

    /// The neighbour that a host's packets to an address go to; `None` when it has no route there.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn next_hop(&self, host: usize, to: IpAddr) -> Result<Option<IpAddr>, WhyError>;

    /// The station that a host has for a neighbour's address, if it has any.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn neighbor(&self, host: usize, address: IpAddr) -> Result<Option<MacAddr>, WhyError>;

    /// A switch has power, and answers.
    fn runs(&self, switch: usize) -> bool;

    /// The ports of a switch.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn ports(&self, switch: usize) -> Result<Vec<PortRow>, WhyError>;

    /// The interfaces of layer 3 of a switch.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn interfaces(&self, switch: usize) -> Result<Vec<InterfaceRow>, WhyError>;

    /// What a switch would do with a frame now, by its own stages.
    ///
    /// # Errors
    /// When it cannot be asked, or does not understand.
    fn trace(&self, switch: usize, request: &TraceRequest) -> Result<TraceRow, WhyError>;

    /// Why a cable would not bring a frame from its end `from` to the other.
    fn obstacle(&self, link: usize, from: usize, frame: &[u8]) -> Option<Obstacle>;

    /// What has happened so far, oldest first.
    fn log(&self) -> &[Told];

    /// A time as people read it.
    fn time(&self, at: Instant) -> String;
}

/// Nodes and cables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Hosts and switches.
    pub nodes: Vec<PlanNode>,
    /// Each with its two ends.
    pub links: Vec<[PlanEnd; 2]>,
}

/// A host or a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanNode {
    /// Its name.
    pub name: String,
    /// It is a switch.
    pub is_switch: bool,
}

/// An end of a cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanEnd {
    /// The node.
    pub node: usize,
    /// The port or interface.
    pub interface: String,
}

impl Plan {
    /// A node by its name.
    pub fn node(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// What a node is called.
    pub fn name(&self, node: usize) -> &str {
        &self.nodes[node].name
    }

    /// The cable at a port, and the end that the port is.
    pub fn link_at(&self, node: usize, port: &str) -> Option<(usize, usize)> {
        self.links.iter().enumerate().find_map(|(link, ends)| {
            let end = ends.iter().position(|end| end.node == node && end.interface == port)?;
            Some((link, end))
        })
    }

    /// `sw1:eth9`.
    pub fn end_name(&self, link: usize, end: usize) -> String {
        let end = &self.links[link][end];
        format!("{}:{}", self.name(end.node), end.interface)
    }

    /// Steps from each node to one of them; hosts pass nothing on.
    pub(crate) fn distances_to(&self, target: usize, home: Option<usize>) -> Vec<u32> {
        let mut distances = vec![u32::MAX; self.nodes.len()];
        distances[target] = 0;
        let mut reached = std::collections::VecDeque::from([target]);
        while let Some(node) = reached.pop_front() {
            for (link, ends) in self.links.iter().enumerate() {
                let Some(end) = ends.iter().position(|end| end.node == node) else { continue };
                // A host's spare cable is no way to it.
                let is_spare = node == target && home.is_some_and(|home| home != link);
                let passes_on = node == target || self.nodes[node].is_switch;
                let far = ends[1 - end].node;
                if passes_on && !is_spare && distances[far] == u32::MAX {
                    distances[far] = distances[node] + 1;
                    reached.push_back(far);
                }
            }
        }
        distances
    }
}

/// What a host is on its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// Its address on the link.
    pub mac: MacAddr,
    /// The VLAN of its frames' tags.
    pub vlan: Option<VlanId>,
    /// Its addresses, with the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The cable that it is plugged into, and the end that it is at.
    pub plug: (usize, usize),
}

/// Why a cable carries nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// `link-down`.
    pub name: String,
    /// `is down`.
    pub words: String,
}

/// An event of a node's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// When.
    pub at: Instant,
    /// Of which node.
    pub node: usize,
    /// Its name.
    pub event: String,
    /// What belongs to it.
    pub fields: Map<String, Value>,
}

impl Told {
    /// One of its fields.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    /// `agent-failed agent=learning`.
    pub(crate) fn text(&self) -> String {
        if let ("ordered", Some(text)) = (self.event.as_str(), self.field("text")) {
            return text.to_owned();
        }
        let mut text = self.event.clone();
        for (name, value) in &self.fields {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text += &format!(" {name}={value}");
        }
        text
    }
}

/// Why no answer can be given.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// Nobody has this name or address.
    #[error("there is no `{name}`: expected one of {there}, or an address of one of them")]
    NoStation {
        /// What was asked for.
        name: String,
        /// The nodes.
        there: String,
    },
    /// The two are one.
    #[error("{0} and {0} are one station: expected two")]
    Same(String),
    /// They have no addresses of one family.
    #[error("{from} and {to} have no two addresses of one family")]
    NoAddress {
        /// One.
        from: String,
        /// The other.
        to: String,
    },
    /// A node does not answer.
    #[error("{node}: {reason}")]
    Silent {
        /// Which.
        node: String,
        /// Why.
        reason: String,
    },
    /// There is no such lab, or no such moment.
    #[error("{0}")]
    NoNetwork(String),
}
