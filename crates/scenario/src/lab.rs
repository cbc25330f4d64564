//! A lab: nodes and the links between them, as a value and as a `*.clab.yml` file.
//!
//! The file has containerlab's shape. `labs/` has examples.

mod containerlab;
mod link;
mod node;
mod unique;

use crate::error::{FileError, Problem};
use crate::field::{Document, Field};
use crate::keys::Keys;
use crate::name::lab_name;
use crate::source::Source;
use greylag_base::{MacAddr, PortName};
use greylag_switch::config::SwitchConfig;

const EXAMPLE: &str = "`name: quickstart`, `topology: {nodes: .., links: ..}`";

const KEYS: Keys = Keys { allowed: &["name", "topology"], explained: containerlab::ROOT };
const TOPOLOGY_KEYS: Keys = Keys { allowed: &["nodes", "links"], explained: containerlab::TOPOLOGY };

/// Reads a `*.clab.yml`, and the `startup-config` files that it names, which are relative to its folder.
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
    let topology = map.required("topology", "add `topology: {nodes: .., links: ..}`");
    let Some(topology) = topology.and_then(|field| field.mapping(&TOPOLOGY_KEYS, "{nodes: .., links: ..}"))
    else {
        return lab;
    };
    let nodes = topology.required("nodes", "add one such as `nodes: {sw1: {kind: greylag}}`");
    let nodes = nodes.map(node::read_outlines).unwrap_or_default();
    let (mut links, incomplete) =
        topology.get("links").map(|links| link::read_all(links, &nodes)).unwrap_or_default();
    link::name_stations(&mut links, &nodes);
    // Namespaces are called after the nodes, so the names have to be in place before the switches are read.
    lab.nodes = nodes.iter().map(node::Outline::as_host).collect();
    let kinds: Vec<NodeKind> = (0..nodes.len())
        .map(|index| {
            let cables = link::cables_of(index, &links, &lab);
            nodes[index].read_kind(&cables, incomplete, source, elsewhere)
        })
        .collect();
    for (node, kind) in lab.nodes.iter_mut().zip(kinds) {
        node.kind = kind;
    }
    lab.links = links.into_iter().filter_map(link::Draft::finished).collect();
    lab
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
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A switch of ours. Every port has a link.
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
    pub ipv4: Option<(std::net::Ipv4Addr, u8)>,
    /// Its IPv6 address; hosts only.
    pub ipv6: Option<(std::net::Ipv6Addr, u8)>,
}

impl Lab {
    /// The network namespace of a node.
    pub fn netns(&self, node: usize) -> String {
        format!("greylag-{}-{}", self.name, self.nodes[node].name)
    }
}
