//! `lab.json`: what a deployment made or was about to make, so that it can be removed, compared and mended
//! without the lab file.

use crate::state::{LabFolder, StateError};
use greylag_base::{MacAddr, PortName};
use greylag_scenario::lab::{End, FrrNode, HostBond, Lab, Medium, NodeKind};
use greylag_switch::config::Io;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;

const FILE: &str = "lab.json";

/// A lab as it was deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LabRecord {
    pub(crate) name: String,
    /// Everything was made. What is left of a deployment that was cut short is not.
    pub(crate) complete: bool,
    pub(crate) nodes: Vec<NodeRecord>,
    pub(crate) links: Vec<LinkRecord>,
    /// The network namespace of the management network's bridge, where a switch is on that network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) management: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct NodeRecord {
    pub(crate) name: String,
    pub(crate) kind: NodeRecordKind,
    pub(crate) netns: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bond: Option<BondRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frr: Option<FrrRecord>,
    /// Its address on the management network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) management_address: Option<IpAddr>,
}

/// FRR at a switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct FrrRecord {
    pub(crate) netns: String,
    /// Where zebra tells its routes.
    pub(crate) fpm: Option<SocketAddr>,
    pub(crate) configuration: String,
    /// Programs that run besides those that the configuration needs.
    pub(crate) daemons: Vec<String>,
}

/// The bond of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct BondRecord {
    pub(crate) interface: PortName,
    pub(crate) members: Vec<PortName>,
    pub(crate) ipv4: Option<(Ipv4Addr, u8)>,
    pub(crate) ipv6: Option<(Ipv6Addr, u8)>,
}

impl NodeRecord {
    /// A process of ours runs in it: that of a switch, or of a bond.
    pub(crate) fn has_process(&self) -> bool {
        self.kind.is_switch() || self.bond.is_some()
    }
}

impl FrrRecord {
    fn of(FrrNode { configuration, daemons }: &FrrNode, kind: &NodeKind, netns: String) -> Self {
        let fpm = match kind {
            NodeKind::Greylag(config) => config.routing.fpm.as_ref().map(|fpm| fpm.listen),
            NodeKind::Host => None,
        };
        FrrRecord { netns, fpm, configuration: configuration.clone(), daemons: daemons.clone() }
    }
}

impl BondRecord {
    fn of(HostBond { config, ipv4, ipv6 }: &HostBond) -> Self {
        let (interface, members) = (config.interface.clone(), config.members.clone());
        BondRecord { interface, members, ipv4: *ipv4, ipv6: *ipv6 }
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeRecordKind {
    /// A switch of ours.
    Greylag,
    /// A switch of ours whose routes FRR finds.
    Frr,
    /// A network namespace with the kernel's own stack.
    Host,
}

impl NodeRecordKind {
    /// A switch of ours.
    pub(crate) const fn is_switch(self) -> bool {
        matches!(self, NodeRecordKind::Greylag | NodeRecordKind::Frr)
    }
}

impl std::fmt::Display for NodeRecordKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            NodeRecordKind::Greylag => "greylag",
            NodeRecordKind::Frr => "frr",
            NodeRecordKind::Host => "host",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LinkRecord {
    pub(crate) tap: bool,
    pub(crate) mtu: u16,
    /// Of a cable, at both ends.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) queues: NonZeroU32,
    pub(crate) ends: [EndRecord; 2],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct EndRecord {
    /// Index of its node.
    pub(crate) node: usize,
    pub(crate) interface: PortName,
    pub(crate) mac_address: Option<MacAddr>,
    pub(crate) ipv4: Option<(Ipv4Addr, u8)>,
    pub(crate) ipv6: Option<(Ipv6Addr, u8)>,
    /// Where packets go that are for no subnet of the host.
    #[serde(default)]
    pub(crate) gateways: Vec<IpAddr>,
    /// The kernel finishes what it sends by it, for the port at the other end sees nothing but octets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) finishes: bool,
}

/// At this end is a port that is not told what a sender left to hardware.
fn sees_octets_alone(lab: &Lab, end: &End) -> bool {
    let NodeKind::Greylag(config) = &lab.nodes[end.node].kind else { return false };
    let port = config.ports.iter().find(|port| port.name == end.interface);
    port.is_some_and(|port| matches!(port.io, Io::AfXdp | Io::Raw))
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn is_one(queues: &NonZeroU32) -> bool {
    *queues == one()
}

/// A port by AF_XDP has a socket for each queue of its device, and each worker has one of them at most. Between two such ports what leaves
/// by a queue has to come in by one, so that the switch with fewer workers decides.
fn queues(lab: &Lab, ends: &[End; 2]) -> NonZeroU32 {
    let workers = |end: &End| {
        let NodeKind::Greylag(config) = &lab.nodes[end.node].kind else { return None };
        let port = config.ports.iter().find(|port| port.name == end.interface)?;
        (port.io == Io::AfXdp).then_some(config.workers.count)
    };
    let fewest = ends.iter().filter_map(workers).min();
    fewest.and_then(|workers| NonZeroU32::new(workers.into())).unwrap_or(one())
}

impl LabRecord {
    /// What deploying this lab will make.
    pub(crate) fn of(lab: &Lab) -> Self {
        let nodes = lab.nodes.iter().enumerate().map(|(index, node)| NodeRecord {
            name: node.name.clone(),
            kind: match node.kind {
                NodeKind::Greylag(_) if node.frr.is_some() => NodeRecordKind::Frr,
                NodeKind::Greylag(_) => NodeRecordKind::Greylag,
                NodeKind::Host => NodeRecordKind::Host,
            },
            netns: lab.netns(index),
            bond: node.bond.as_deref().map(BondRecord::of),
            frr: node.frr.as_deref().map(|frr| FrrRecord::of(frr, &node.kind, lab.frr_netns(index))),
            management_address: lab.management_address(index),
        });
        let links = lab.links.iter().map(|link| LinkRecord {
            tap: link.medium == Medium::Tap,
            mtu: link.mtu,
            queues: queues(lab, &link.ends),
            ends: [0, 1].map(|at| (&link.ends[at], &link.ends[1 - at])).map(|(end, other)| EndRecord {
                finishes: sees_octets_alone(lab, other),
                node: end.node,
                interface: end.interface.clone(),
                mac_address: end.mac,
                ipv4: end.ipv4,
                ipv6: end.ipv6,
                gateways: [end.gateway.map(IpAddr::V4), end.gateway6.map(IpAddr::V6)]
                    .into_iter()
                    .flatten()
                    .collect(),
            }),
        });
        let has_management = (0..lab.nodes.len()).any(|node| lab.management_address(node).is_some());
        LabRecord {
            name: lab.name.clone(),
            complete: false,
            nodes: nodes.collect(),
            links: links.collect(),
            management: has_management.then(|| lab.management_netns()),
        }
    }

    /// Reads it; `None` when there is none.
    pub(crate) fn read(folder: &LabFolder) -> Result<Option<Self>, StateError> {
        let Some(text) = folder.read(FILE)? else { return Ok(None) };
        let unreadable = |reason: String| StateError::Unreadable { path: folder.path().join(FILE), reason };
        let record: LabRecord = serde_json::from_str(&text).map_err(|e| unreadable(e.to_string()))?;
        let node_is_there = |end: &EndRecord| end.node < record.nodes.len();
        if !record.links.iter().flat_map(|link| &link.ends).all(node_is_there) {
            return Err(unreadable("a link ends at a node that is not there".to_owned()));
        }
        Ok(Some(record))
    }

    pub(crate) fn write(&self, folder: &LabFolder) -> Result<(), StateError> {
        let text = serde_json::to_string_pretty(self).expect("plain values can be written as JSON");
        folder.write(FILE, &text)
    }

    /// The name that a switch or bond of the lab is known by outside of it: its control socket is called after it.
    pub(crate) fn switch_name(&self, node: &NodeRecord) -> String {
        format!("{}-{}", self.name, node.name)
    }
}
