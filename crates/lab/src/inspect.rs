//! What is deployed, and in which state it is.

use crate::frr;
use crate::link::{self, LinkError};
use crate::link_monitor::LinkState;
use crate::mark;
use crate::netns::{Netns, NetnsError};
use crate::record::{BondRecord, LabRecord, NodeRecord, NodeRecordKind};
use crate::state::{LabFolder, State, StateError};
use greylag_base::{MacAddr, PortName};
use serde::Serialize;
use std::io;

/// A lab that is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabStatus {
    /// Its name.
    pub name: String,
    /// Its deployment was not cut short.
    pub complete: bool,
    /// In the order of its file.
    pub nodes: Vec<NodeStatus>,
}

/// A node of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: NodeRecordKind,
    /// Its network namespace, below /run/netns.
    pub netns: String,
    /// The process of a switch or of a host's bond, while it runs.
    pub pid: Option<u32>,
    /// The bond of a host, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond: Option<BondStatus>,
    /// Does it work?
    pub state: NodeState,
    /// All but `lo`; `None` where this user may not look into the namespace.
    pub interfaces: Option<Vec<InterfaceStatus>>,
}

/// The bond of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BondStatus {
    /// Its interface.
    pub interface: PortName,
    /// The host's links that it is made of.
    pub members: Vec<PortName>,
}

/// Does a node work?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// The process of the switch or the bond lives, and so do FRR's; the host's namespace is there.
    Running,
    /// It does not.
    Dead,
}

impl std::fmt::Display for NodeState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            NodeState::Running => "running",
            NodeState::Dead => "dead",
        })
    }
}

/// An interface of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceStatus {
    /// Its name.
    pub name: String,
    /// Up or down.
    pub state: LinkState,
    /// Its MAC address.
    pub mac_address: Option<MacAddr>,
    /// Its MTU, in bytes.
    pub mtu: u32,
    /// With their prefix lengths, such as `10.0.0.1/24`.
    pub addresses: Vec<String>,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// No such lab.
    #[error("lab `{0}` is not deployed")]
    NotDeployed(String),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A namespace cannot be entered.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// Its interfaces cannot be listed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// The state of one lab, or of all.
///
/// # Errors
/// When there is no lab of that name, or what was written down of it cannot be read.
pub fn inspect(state: &State, lab: Option<&str>) -> Result<Vec<LabStatus>, InspectError> {
    if let Some(lab) = lab {
        let status = inspect_lab(&state.lab(lab)?)?;
        return status.map(|status| vec![status]).ok_or_else(|| InspectError::NotDeployed(lab.to_owned()));
    }
    let mut all = Vec::new();
    for lab in state.labs()? {
        all.extend(inspect_lab(&state.lab(&lab)?)?);
    }
    Ok(all)
}

/// As [`inspect`], wherever on this machine the labs were written down: to look needs no right to write there.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_machine(lab: Option<&str>) -> Result<Vec<LabStatus>, InspectError> {
    let mut found = Vec::new();
    for state in State::places() {
        match inspect(&state, lab) {
            Err(InspectError::NotDeployed(_)) => {}
            labs => found.extend(labs?),
        }
    }
    match lab {
        Some(lab) if found.is_empty() => Err(InspectError::NotDeployed(lab.to_owned())),
        _ => Ok(found),
    }
}

fn inspect_lab(folder: &LabFolder) -> Result<Option<LabStatus>, InspectError> {
    let Some(record) = LabRecord::read(folder)? else { return Ok(None) };
    let nodes = record.nodes.iter().map(|node| inspect_node(folder, node)).collect::<Result<_, _>>()?;
    Ok(Some(LabStatus { name: record.name, complete: record.complete, nodes }))
}

fn inspect_node(folder: &LabFolder, node: &NodeRecord) -> Result<NodeStatus, InspectError> {
    let process = folder.process(&node.name).filter(|process| process.is_alive() && !process.is_ending());
    let netns = match mark::open(folder, &node.netns) {
        Ok(netns) => Some(netns),
        Err(NetnsError::Missing(_) | NetnsError::PlainFile(_)) => None,
        Err(e) => return Err(e.into()),
    };
    let works = match node.kind {
        NodeRecordKind::Greylag => process.is_some(),
        NodeRecordKind::Frr => process.is_some() && frr::runs_in(&folder.frr(&node.name)),
        NodeRecordKind::Host => netns.is_some() && (process.is_some() || node.bond.is_none()),
    };
    let bond = node.bond.as_ref();
    Ok(NodeStatus {
        name: node.name.clone(),
        kind: node.kind,
        netns: node.netns.clone(),
        pid: process.map(|process| process.pid),
        bond: bond.map(|BondRecord { interface, members, .. }| BondStatus {
            interface: interface.clone(),
            members: members.clone(),
        }),
        state: if works { NodeState::Running } else { NodeState::Dead },
        interfaces: match netns.map_or(Ok(Vec::new()), |netns| interfaces(&netns)) {
            // Only root may enter a namespace, and anybody may ask what runs.
            Err(e) if e.source.kind() == io::ErrorKind::PermissionDenied => None,
            interfaces => Some(interfaces?),
        },
    })
}

fn interfaces(netns: &Netns) -> Result<Vec<InterfaceStatus>, LinkError> {
    let addresses = link::addresses(netns)?;
    let interfaces = link::list(netns)?.into_iter().filter(|interface| interface.name != "lo");
    Ok(interfaces
        .map(|interface| InterfaceStatus {
            state: if interface.up && interface.carrier { LinkState::Up } else { LinkState::Down },
            mac_address: interface.mac,
            mtu: interface.mtu,
            addresses: addresses
                .iter()
                .filter(|(index, ..)| *index == interface.index)
                .map(|(_, address, prefix)| format!("{address}/{prefix}"))
                .collect(),
            name: interface.name,
        })
        .collect())
}
