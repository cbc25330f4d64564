//! Who is connected to whom, as an onlooker knows it: from the plan, and from the orders to move.

use super::order::host_end;
use greylag_base::{MacAddr, PortId, PortName};
use greylag_scenario::lab::{Lab, Link, NodeKind};
use greylag_scenario::story::{Action, FlowLoss, LinkChange, Scenario};
use greylag_switch::config::SwitchConfig;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Farther than any way through a lab.
const UNREACHED: u16 = u16::MAX;

/// The network from above.
pub(crate) struct Topology {
    /// The nodes at the ends of each link.
    pub(crate) ends: Vec<[usize; 2]>,
    /// Links by port of each switch, with the end that the switch is at.
    ports: Vec<Vec<Option<(usize, usize)>>>,
    /// The bundle that each port of each switch is a part of, as it is configured now.
    bundles: Vec<Vec<Option<PortId>>>,
    /// By which ports the bundles of each switch send, as it tells.
    distributing: Vec<BTreeMap<PortId, BTreeSet<PortId>>>,
    /// Whose network each link is, where that loses flows by itself.
    networks: Vec<String>,
    /// What the ports of each switch are called.
    names: Vec<Vec<PortName>>,
    /// Each host's address and its link; `None` for switches.
    stations: Vec<Option<Station>>,
    /// Steps from each node (first) to each host (second).
    distances: Vec<Vec<u16>>,
}

#[derive(Clone, Copy)]
struct Station {
    mac: Option<MacAddr>,
    link: Option<usize>,
}

impl Topology {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let lab = &scenario.lab;
        let ends: Vec<[usize; 2]> =
            lab.links.iter().map(|link| [link.ends[0].node, link.ends[1].node]).collect();
        let stations = (0..lab.nodes.len()).map(|node| station(scenario, node)).collect();
        let ports = (0..lab.nodes.len()).map(|node| ports(lab, node)).collect();
        let configs = || {
            lab.nodes.iter().map(|node| match &node.kind {
                NodeKind::Greylag(config) => Some(&**config),
                NodeKind::Host => None,
            })
        };
        let names = |config: &SwitchConfig| config.ports.iter().map(|port| port.name.clone()).collect();
        let mut topology = Topology {
            ends,
            ports,
            bundles: configs().map(|config| config.map_or_else(Vec::new, bundles)).collect(),
            distributing: vec![BTreeMap::new(); lab.nodes.len()],
            networks: scenario.links.iter().map(|link| within(link.loses.as_ref())).collect(),
            names: configs().map(|config| config.map_or_else(Vec::new, names)).collect(),
            stations,
            distances: Vec::new(),
        };
        topology.measure();
        topology
    }

    pub(crate) fn is_host(&self, node: usize) -> bool {
        self.stations[node].is_some()
    }

    /// The address of a host.
    pub(crate) fn mac(&self, node: usize) -> Option<MacAddr> {
        self.stations[node].and_then(|station| station.mac)
    }

    /// The host that has an address.
    pub(crate) fn host_with(&self, mac: MacAddr) -> Option<usize> {
        self.stations.iter().position(|station| station.is_some_and(|station| station.mac == Some(mac)))
    }

    /// Steps from a node to a host; more than any way has when there is none.
    pub(crate) fn distance(&self, node: usize, host: usize) -> u16 {
        self.distances[node][host]
    }

    /// The link at a port of a switch, and the end that the switch is at.
    pub(crate) fn link_at(&self, switch: usize, port: PortId) -> Option<(usize, usize)> {
        self.ports[switch].get(port.index()).copied().flatten()
    }

    /// The port of a switch that an end of a link is plugged into.
    pub(crate) fn port_at(&self, switch: usize, link: usize, end: usize) -> Option<PortId> {
        let port = self.ports[switch].iter().position(|plug| *plug == Some((link, end)))?;
        Some(PortId(port as u16))
    }

    /// The bundle that a port of a switch is a part of.
    pub(crate) fn bundle_of(&self, switch: usize, port: PortId) -> Option<PortId> {
        self.bundles[switch].get(port.index()).copied().flatten()
    }

    /// What stands for a port of a switch in its table: its bundle, or the port.
    pub(crate) fn bridge_port(&self, switch: usize, port: PortId) -> PortId {
        self.bundle_of(switch, port).unwrap_or(port)
    }

    /// A switch runs with another configuration.
    pub(crate) fn configured(&mut self, switch: usize, config: &SwitchConfig) {
        self.bundles[switch] = bundles(config);
    }

    /// A switch tells by which ports a bundle of it sends.
    pub(crate) fn sends_by(&mut self, switch: usize, lag: &str, ports: &[String]) {
        if let Some(lag) = self.port_called(switch, lag) {
            let ports = ports.iter().filter_map(|port| self.port_called(switch, port)).collect();
            self.distributing[switch].insert(lag, ports);
        }
    }

    /// Without power no bundle sends.
    pub(crate) fn powered(&mut self, switch: usize) {
        self.distributing[switch].clear();
    }

    /// The port is a part of a bundle that does not send by it.
    pub(crate) fn sends_past(&self, switch: usize, port: PortId) -> bool {
        self.bundle_of(switch, port).is_some_and(|lag| {
            !self.distributing[switch].get(&lag).is_some_and(|ports| ports.contains(&port))
        })
    }

    /// The node at the other end of a port's link.
    pub(crate) fn far(&self, switch: usize, port: PortId) -> Option<usize> {
        self.link_at(switch, port).map(|(link, end)| self.ends[link][1 - end])
    }

    /// Whose network a link is that loses flows by itself.
    pub(crate) fn network(&self, link: usize) -> &str {
        &self.networks[link]
    }

    /// What a port of a switch is called.
    pub(crate) fn name_of(&self, switch: usize, port: PortId) -> &str {
        self.names[switch].get(port.index()).map_or("", PortName::as_str)
    }

    /// A port of a switch by its name.
    pub(crate) fn port_called(&self, switch: usize, name: &str) -> Option<PortId> {
        let port = self.names[switch].iter().position(|port| port.as_str() == name)?;
        Some(PortId(port as u16))
    }

    /// Does the way from a node over one of its links to a host get shorter?
    pub(crate) fn leads_to(&self, node: usize, link: usize, host: usize) -> bool {
        let [a, b] = self.ends[link];
        let far = if a == node { b } else { a };
        // A host's spare interface leads nowhere until the host is moved there.
        let lives_there = !self.is_host(far) || self.stations[far].is_some_and(|at| at.link == Some(link));
        lives_there && self.distances[far][host] < self.distances[node][host]
    }

    /// The port of a switch that a host is behind, or the bundle.
    pub(crate) fn port_towards(&self, switch: usize, host: usize) -> Option<PortId> {
        let port = self.ports[switch]
            .iter()
            .position(|link| link.is_some_and(|(link, _)| self.leads_to(switch, link, host)))?;
        Some(self.bridge_port(switch, PortId(port as u16)))
    }

    /// Takes note of an order that changes who is where.
    pub(crate) fn ordered(&mut self, action: &Action, lab: &Lab) {
        match action {
            Action::MoveHost { link, to, .. } => {
                if let Some(station) = &mut self.stations[host_end(lab, *link)] {
                    station.link = Some(*to);
                }
                self.measure();
            }
            Action::SetMac { host, mac } => {
                if let Some(station) = &mut self.stations[*host] {
                    station.mac = Some(*mac);
                }
            }
            Action::Link { link, change: LinkChange::Loses(loss) } => {
                self.networks[*link].clone_from(&loss.within);
            }
            _ => {}
        }
    }

    fn measure(&mut self) {
        let nodes = self.stations.len();
        let mut distances = vec![vec![UNREACHED; nodes]; nodes];
        for host in (0..nodes).filter(|&node| self.is_host(node)) {
            distances[host][host] = 0;
            let mut reached = VecDeque::from([host]);
            while let Some(node) = reached.pop_front() {
                for (link, ends) in self.ends.iter().enumerate().filter(|(_, ends)| ends.contains(&node)) {
                    let far = if ends[0] == node { ends[1] } else { ends[0] };
                    // Hosts pass nothing on, and a spare interface is no way to anybody.
                    let is_way = self.stations[node].is_none_or(|at| node == host && at.link == Some(link));
                    if is_way && distances[far][host] == UNREACHED {
                        distances[far][host] = distances[node][host] + 1;
                        reached.push_back(far);
                    }
                }
            }
        }
        self.distances = distances;
    }
}

/// A host's station: on the first of its links that is up at the start, under the address of its first interface.
fn station(scenario: &Scenario, node: usize) -> Option<Station> {
    let lab = &scenario.lab;
    if !matches!(lab.nodes[node].kind, NodeKind::Host) {
        return None;
    }
    let links =
        || (0..lab.links.len()).filter(|&link| lab.links[link].ends.iter().any(|end| end.node == node));
    let link = links().find(|&link| scenario.links[link].up).or_else(|| links().next());
    let end = link.and_then(|link| lab.links[link].ends.iter().find(|end| end.node == node));
    Some(Station { mac: end.and_then(|end| end.mac), link })
}

fn within(loses: Option<&FlowLoss>) -> String {
    loses.map(|loss| loss.within.clone()).unwrap_or_default()
}

fn bundles(config: &SwitchConfig) -> Vec<Option<PortId>> {
    config.ports.iter().map(|port| port.membership.aggregate().map(|member| member.lag)).collect()
}

fn ports(lab: &Lab, node: usize) -> Vec<Option<(usize, usize)>> {
    let NodeKind::Greylag(config) = &lab.nodes[node].kind else { return Vec::new() };
    let link_of = |name: &PortName| {
        let at = |(link, cable): (usize, &Link)| {
            let end = cable.ends.iter().position(|end| end.node == node && end.interface == *name)?;
            Some((link, end))
        };
        lab.links.iter().enumerate().find_map(at)
    };
    config.ports.iter().map(|port| link_of(&port.name)).collect()
}
