//! A lab: nodes and the links between them, as a value and as a `*.clab.yml` file.
//!
//! The file has containerlab's shape. `labs/` has examples.

mod bond;
mod containerlab;
mod frr;
mod link;
mod management;
mod node;
mod unique;

use crate::error::{FileError, Problem};
use crate::field::{Document, Field};
use crate::keys::Keys;
use crate::name::lab_name;
use crate::source::Source;
use crate::story::{HostSettings, LinkSettings};
use greylag_base::{MacAddr, PortName};
use greylag_switch::config::{BondConfig, SwitchConfig};
use management::ManagementNetwork;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use unique::Taken;

pub use management::{MANAGEMENT_INTERFACE, MANAGEMENT_PREFIX};

const EXAMPLE: &str = "`name: quickstart`, `topology: {nodes: .., links: ..}`";

const KEYS: Keys = Keys { allowed: &["name", "topology"], explained: containerlab::ROOT };
const TOPOLOGY_KEYS: Keys = Keys { allowed: &["nodes", "links"], explained: containerlab::TOPOLOGY };

/// Reads a `*.clab.yml`, and the `startup-config` and `frr.conf` files that it names, which are relative to its folder.
///
/// # Errors
/// All that is wrong with them, with file, line, column and field; for a text that is not YAML its first problem
/// only.
pub fn parse(source: &Source) -> Result<Lab, FileError> {
    let document = Document::read(source)?;
    let mut elsewhere = Vec::new();
    let lab = read(&document.root(), source, &mut elsewhere);
    let mut problems = document.into_problems();
    problems.append(&mut elsewhere);
    FileError::unless_clean(lab, problems)
}

/// Reads a lab. What it gives is right only if no problem was reported; those of other files go to `elsewhere`.
fn read(root: &Field<'_>, source: &Source, elsewhere: &mut Vec<Problem>) -> Lab {
    let mut lab = Lab { name: String::new(), nodes: Vec::new(), links: Vec::new() };
    if root.is_nothing() {
        root.refuse(format!("the file is empty: expected a lab such as {EXAMPLE}"));
        return lab;
    }
    if root.has("ports") && !root.has("topology") {
        root.refuse(
            "this is a switch's configuration: expected a lab with `topology`, or `greylag run` for one switch",
        );
        return lab;
    }
    let Some(map) = root.mapping(&KEYS, EXAMPLE) else { return lab };
    let name = map.required("name", "add one such as `name: quickstart`");
    if let Some((field, name)) = name.and_then(|field| Some((field, field.text()?))) {
        lab_name(name).unwrap_or_else(|wrong| field.refuse(wrong));
        lab.name = name.to_owned();
    }
    match map.required("topology", "add `topology: {nodes: .., links: ..}`") {
        Some(topology) => read_topology(topology, Form::Lab, &lab.name, source, elsewhere).lab,
        None => lab,
    }
}

/// What a topology is part of. Scenarios say more of hosts and links, which are greylag's own there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Lab,
    Scenario,
}

/// A lab with what only a scenario says of it.
pub(crate) struct Topology {
    pub(crate) lab: Lab,
    /// As many as the lab has nodes.
    pub(crate) hosts: Vec<Option<HostSettings>>,
    /// As many as the lab has nodes.
    pub(crate) boots: Vec<Duration>,
    /// As many as the lab has links.
    pub(crate) links: Vec<LinkSettings>,
    /// Some node or link could not be read: what is not there may be there.
    pub(crate) incomplete: bool,
}

/// Reads nodes and links. What it gives is right only if no problem was reported.
pub(crate) fn read_topology(
    field: &Field<'_>,
    form: Form,
    name: &str,
    source: &Source,
    elsewhere: &mut Vec<Problem>,
) -> Topology {
    let mut lab = Lab { name: name.to_owned(), nodes: Vec::new(), links: Vec::new() };
    let Some(map) = field.mapping(&TOPOLOGY_KEYS, "{nodes: .., links: ..}") else {
        return Topology { lab, hosts: Vec::new(), boots: Vec::new(), links: Vec::new(), incomplete: true };
    };
    let nodes = map.required("nodes", "add one such as `nodes: {sw1: {kind: greylag}}`");
    let nodes = nodes.map(|nodes| node::read_outlines(nodes, form)).unwrap_or_default();
    let mut taken = Taken::default();
    let (mut drafts, incomplete) =
        map.get("links").map(|links| link::read_all(links, &nodes, form, &mut taken)).unwrap_or_default();
    link::name_stations(&mut drafts, &nodes);
    // Namespaces are called after the nodes, so the names have to be in place before the switches are read.
    lab.nodes = nodes.iter().map(node::Outline::as_host).collect();
    let mut management = ManagementNetwork::default();
    let kinds: Vec<NodeKind> = (0..nodes.len())
        .map(|index| {
            let cables = link::cables_of(index, &drafts, &lab);
            nodes[index].read_kind(&cables, incomplete, &mut management, source, elsewhere)
        })
        .collect();
    for (index, (node, kind)) in lab.nodes.iter_mut().zip(kinds).enumerate() {
        node.kind = kind;
        node.frr = nodes[index].read_frr(node, name, source);
        node.bond = nodes[index].read_bond(&link::ends_of(index, &drafts), incomplete, &mut taken);
    }
    let incomplete = incomplete || nodes.iter().any(|node| node.kind.is_none());
    let hosts = nodes.iter().map(node::Outline::host_settings).collect();
    let boots = nodes.iter().map(node::Outline::boot).collect();
    let (links, settings) = drafts.into_iter().filter_map(link::Draft::finished).unzip();
    lab.links = links;
    Topology { lab, hosts, boots, links: settings, incomplete }
}

/// A whole lab.
#[derive(Clone, Debug, PartialEq)]
pub struct Lab {
    /// Its name, part of the name of everything that it makes.
    pub name: String,
    /// Switches and hosts, in the order of the file.
    pub nodes: Vec<Node>,
    /// The cables.
    pub links: Vec<Link>,
}

/// A switch or a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name, unique in the lab.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Commands that are run in it once everything is up, each through `sh -c`.
    pub exec: Vec<String>,
    /// A bond of links of its; hosts only.
    pub bond: Option<Box<HostBond>>,
    /// FRR's daemons find its routes; switches only.
    pub frr: Option<Box<FrrNode>>,
}

/// FRR's daemons at a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrrNode {
    /// The text of an `frr.conf`.
    pub configuration: String,
    /// Daemons besides those that the configuration needs, by their programs.
    pub daemons: Vec<String>,
}

/// The bond of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBond {
    /// What it is made of.
    pub config: BondConfig,
    /// The IPv4 address of its interface.
    pub ipv4: Option<(Ipv4Addr, u8)>,
    /// The IPv6 address of its interface.
    pub ipv6: Option<(Ipv6Addr, u8)>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A switch of ours. Every port has a link, but bundles: their members have.
    Greylag(Box<SwitchConfig>),
    /// A network namespace with the kernel's own stack.
    Host,
}

/// A cable between two interfaces.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// What it is made of.
    pub medium: Medium,
    /// Its two ends.
    pub ends: [End; 2],
    /// The MTU of both interfaces, in bytes.
    pub mtu: u16,
}

/// What a cable is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A veth pair.
    Veth,
    /// A TAP of the switch at one end, whose interface is the other end's. Exactly one end is a switch.
    Tap,
}

/// One end of a cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Index of its node in [`Lab::nodes`].
    pub node: usize,
    /// The interface's name in the node.
    pub interface: PortName,
    /// Its MAC address. A host's end always has one, that of the file or 02:67:6c:NN:NN:II (node and interface by
    /// number): a host keeps its address when its switch is powered off and on. A switch's end without one takes
    /// the kernel's choice.
    pub mac: Option<MacAddr>,
    /// Its IPv4 address; hosts only.
    pub ipv4: Option<(Ipv4Addr, u8)>,
    /// Its IPv6 address; hosts only.
    pub ipv6: Option<(Ipv6Addr, u8)>,
    /// Where IPv4 packets go that are for no subnet of the host.
    pub gateway: Option<Ipv4Addr>,
    /// Where IPv6 packets go that are for no subnet of the host.
    pub gateway6: Option<Ipv6Addr>,
}

impl Lab {
    /// The network namespace of a node.
    pub fn netns(&self, node: usize) -> String {
        format!("greylag-{}-{}", self.name, self.nodes[node].name)
    }

    /// The address of a node on the management network, if it is on it.
    pub fn management_address(&self, node: usize) -> Option<IpAddr> {
        match &self.nodes[node].kind {
            NodeKind::Greylag(config) => config.management_address,
            NodeKind::Host => None,
        }
    }

    /// The network namespace of the management network's bridge. No node's name has a dot.
    pub fn management_netns(&self) -> String {
        format!("greylag-{}.mgmt", self.name)
    }

    /// The network namespace of FRR at a node, which has the node's interfaces, not its ports. No node's name has a dot.
    pub fn frr_netns(&self, node: usize) -> String {
        frr::netns(&self.name, &self.nodes[node].name)
    }
}
