//! A lab that stands, for somebody who looks for a fault in it: what is plugged into what, and what the kernel has of its hosts.

use crate::inspect::InspectError;
use crate::link::{self, Interface, LinkError};
use crate::mark;
use crate::netns::{Netns, NetnsError};
use crate::qdisc;
use crate::record::{EndRecord, LabRecord, NodeRecord};
use crate::state::{LabFolder, State};
use greylag_base::MacAddr;
use greylag_switch::config::BondConfig;
use std::net::IpAddr;
use std::path::PathBuf;

/// A lab's nodes and cables. A host with a bond is two nodes here: its stack, and the switch in front of it that the bond is.
pub struct Map {
    /// The lab's name.
    pub name: String,
    /// Nodes in the order of its file, bonds behind them.
    pub nodes: Vec<MapNode>,
    /// Cables, each with the node and the interface at its two ends.
    pub links: Vec<[(usize, String); 2]>,
    folder: LabFolder,
}

/// A node.
pub struct MapNode {
    /// Its name.
    pub name: String,
    /// The control socket of a switch or a bond.
    pub socket: Option<PathBuf>,
    netns: String,
    gateways: Vec<IpAddr>,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// There is no such lab.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// None is deployed, and none was named.
    #[error("no lab is deployed: deploy one with `greylag lab deploy`")]
    None,
    /// Several are, and none was named.
    #[error("several labs are deployed: say which with `-l`: {}", .0.join(", "))]
    Several(Vec<String>),
    /// A namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// Its interfaces.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Map {
    /// A lab that is deployed on this machine: of this name, or the only one.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn of(lab: Option<&str>) -> Result<Map, MapError> {
        let mut found = Vec::new();
        for state in State::places() {
            for name in state.labs().map_err(InspectError::from)? {
                let folder = state.lab(&name).map_err(InspectError::from)?;
                if lab.is_none_or(|lab| lab == name)
                    && let Some(record) = LabRecord::read(&folder).map_err(InspectError::from)?
                {
                    found.push((state.clone(), folder, record));
                }
            }
        }
        match (found.len(), lab) {
            (0, Some(lab)) => Err(InspectError::NotDeployed(lab.to_owned()).into()),
            (0, None) => Err(MapError::None),
            (1, _) => {
                let (state, folder, record) = found.remove(0);
                Ok(Map::read(&state, folder, &record))
            }
            _ => Err(MapError::Several(found.into_iter().map(|(.., record)| record.name).collect())),
        }
    }

    fn read(state: &State, folder: LabFolder, record: &LabRecord) -> Map {
        let socket = |node: &NodeRecord| state.control_socket(&record.switch_name(node));
        let gateways = |node: usize| {
            let ends = record.links.iter().flat_map(|link| &link.ends);
            ends.filter(move |end| end.node == node).flat_map(|end| end.gateways.clone()).collect()
        };
        let mut nodes: Vec<MapNode> = record
            .nodes
            .iter()
            .enumerate()
            .map(|(index, node)| MapNode {
                name: node.name.clone(),
                socket: node.kind.is_switch().then(|| socket(node)),
                netns: node.netns.clone(),
                gateways: gateways(index),
            })
            .collect();
        let mut links = Vec::new();
        let mut bonds = Vec::new();
        for (index, node) in record.nodes.iter().enumerate() {
            let Some(bond) = &node.bond else { continue };
            links.push([(index, bond.interface.to_string()), (nodes.len(), BondConfig::HOST.to_owned())]);
            bonds.push((index, nodes.len()));
            nodes.push(MapNode {
                name: format!("{}'s bond", node.name),
                socket: Some(socket(node)),
                netns: node.netns.clone(),
                gateways: Vec::new(),
            });
        }
        let place = |end: &EndRecord| {
            let bond = bonds.iter().find(|(host, _)| *host == end.node).map(|(_, bond)| *bond);
            (bond.unwrap_or(end.node), end.interface.to_string())
        };
        links.extend(record.links.iter().map(|link| [place(&link.ends[0]), place(&link.ends[1])]));
        Map { name: record.name.clone(), nodes, links, folder }
    }

    /// An interface of a node, as the kernel has it.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn interface(&self, node: usize, name: &str) -> Result<Option<Interface>, MapError> {
        Ok(link::find(&self.netns(node)?, name)?)
    }

    /// The addresses of a host on one of its interfaces, with the lengths of their prefixes.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn addresses(&self, node: usize, interface: u32) -> Result<Vec<(IpAddr, u8)>, MapError> {
        let all = link::addresses(&self.netns(node)?)?;
        Ok(all.into_iter().filter(|(of, ..)| *of == interface).map(|(_, ip, length)| (ip, length)).collect())
    }

    /// Where a host's packets go that are for no subnet of its.
    pub fn gateways(&self, node: usize) -> &[IpAddr] {
        &self.nodes[node].gateways
    }

    /// The station that a host's kernel has for a neighbour, if it can be used.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn neighbor(&self, node: usize, address: IpAddr) -> Result<Option<MacAddr>, MapError> {
        Ok(link::neighbor(&self.netns(node)?, address)?)
    }

    /// All frames that leave an interface disappear.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn is_blackholed(&self, node: usize, interface: &str) -> Result<bool, MapError> {
        let netns = self.netns(node)?;
        Ok(qdisc::is_blackhole(&netns, interface).map_err(LinkError::at("look up", &netns, interface))?)
    }

    fn netns(&self, node: usize) -> Result<Netns, MapError> {
        Ok(mark::open(&self.folder, &self.nodes[node].netns)?)
    }
}
