//! The management network of a lab: a bridge of the kernel's in a namespace of its own, and an interface `mgmt0` at each switch that is
//! on it. No worker forwards there, so that it lives when the data plane does not.

use crate::deploy::DeployError;
use crate::link::{self, LinkError, VethEnd};
use crate::mark;
use crate::netns::Netns;
use crate::record::NodeRecord;
use crate::stack::Stack;
use crate::state::LabFolder;
use greylag_base::PortName;
use greylag_scenario::lab::{MANAGEMENT_INTERFACE, MANAGEMENT_PREFIX};

const BRIDGE: &str = "mgmt";

/// What the mark calls the namespace: no node's name has a dot.
const MARKED: &str = ".mgmt";

const MTU: u16 = 1500;

/// Makes it: `namespaces` are those of the nodes, in their order.
pub(crate) fn make(
    folder: &LabFolder,
    netns: &str,
    nodes: &[NodeRecord],
    namespaces: &[Netns],
) -> Result<(), DeployError> {
    let middle = Netns::create(netns)?;
    mark::write(&middle, folder, MARKED)?;
    Stack::Switch.apply(&middle)?;
    link::bridge(&middle, BRIDGE)?;
    for (index, (node, of_node)) in nodes.iter().zip(namespaces).enumerate() {
        let Some(address) = node.management_address else { continue };
        let (own, port) = (interface(MANAGEMENT_INTERFACE), interface(&port_of(index)));
        let end = |netns, name| VethEnd { netns, name, mac: None, mtu: MTU };
        link::veth_pair(&end(of_node, &own), &end(&middle, &port))?;
        link::join_bridge(&middle, port.as_str(), BRIDGE)?;
        link::add_address(of_node, MANAGEMENT_INTERFACE, address, MANAGEMENT_PREFIX)?;
        link::set_up(&middle, port.as_str())?;
        link::set_up(of_node, MANAGEMENT_INTERFACE)?;
    }
    Ok(())
}

/// A node's port is cut, or whole again: at the bridge, so that the node keeps its address.
pub(crate) fn set_port(netns: &Netns, node: usize, up: bool) -> Result<(), LinkError> {
    match up {
        true => link::set_up(netns, &port_of(node)),
        false => link::set_down(netns, &port_of(node)),
    }
}

/// The bridge's port that leads to a node.
fn port_of(node: usize) -> String {
    format!("to-{node}")
}

fn interface(name: &str) -> PortName {
    PortName::new(name).expect("short, and without a slash")
}
