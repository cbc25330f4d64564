//! The virtual world: switches, hosts and links on one event queue, and one clock that only the queue moves.

use crate::fabric::Fabric;
use crate::flow::FlowError;
use crate::flows::{self, Flows};
use crate::frame_pool::FramePool;
use crate::host::{Host, HostError};
use crate::host_node::HostNode;
use crate::link::{Link, Place};
use crate::management::{Delivery, ManagementNetwork};
use crate::observer::{LinkLoss, Observer};
use crate::queue::EventQueue;
use crate::switch_node::{Plug, SwitchNode};
use greylag_base::{Instant, Seed};
use greylag_scenario::lab::{Lab, NodeKind};
use greylag_scenario::story::{Scenario, Version};
use greylag_switch::{Input, Switch, SwitchError};
use std::time::Duration;

/// A world cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A switch cannot be what its configuration asks for.
    #[error("switch {name}: {source}")]
    Switch {
        /// Its name.
        name: String,
        /// Why.
        source: SwitchError,
    },
    /// A host cannot be what the lab asks for.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A flow cannot be what the scenario asks for.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

/// A switch or a host.
pub(crate) enum Node {
    Switch(Box<SwitchNode>),
    Host(Box<HostNode>),
}

/// Whose event it is.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// A node's own time has come.
    Node(usize),
    /// A frame arrives at the end `to` of a link.
    Arrival { link: usize, to: usize },
    /// A datagram arrives by the management network.
    Management,
}

/// A world. The same scenario and the same seed make the same world, for ever.
pub struct World<O> {
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) fabric: Fabric,
    sources: Vec<Source>,
    /// What the queue calls a node's own time.
    timeouts: Vec<u32>,
    pub(crate) lab: Lab,
    /// How long each node boots when its watchdog starts it anew.
    boots: Vec<Duration>,
    pub(crate) flows: Flows,
    pub(crate) observer: O,
}

impl<O: Observer> World<O> {
    /// The lab of a scenario as it stands at its start; flows are there, the timeline is the caller's.
    ///
    /// # Errors
    /// When a switch cannot be what its configuration asks for.
    pub fn new(scenario: &Scenario, seed: Seed, observer: O) -> Result<Self, WorldError> {
        let lab = &scenario.lab;
        let plugs: Vec<Box<[Option<Plug>]>> = (0..lab.nodes.len()).map(|node| plugs(lab, node)).collect();
        let mut sources = Vec::new();
        let mut timeouts = Vec::new();
        let mut places = vec![[Place { node: 0, port: 0, source: 0 }; 2]; lab.links.len()];
        for (node, plugs) in plugs.iter().enumerate() {
            timeouts.push(sources.len() as u32);
            sources.push(Source::Node(node));
            for (port, plug) in plugs.iter().enumerate() {
                let &Some(Plug { link, end }) = plug else { continue };
                places[link][end] = Place { node, port, source: sources.len() as u32 };
                sources.push(Source::Arrival { link, to: end });
            }
        }
        // Behind all nodes, so that a management network changes the order of nothing else.
        let of_management = sources.len() as u32;
        sources.push(Source::Management);
        let links = lab.links.iter().zip(&scenario.links).zip(places);
        let fabric = Fabric {
            links: links
                .map(|((cable, settings), places)| Link::new(lab, cable, settings, places, seed))
                .collect(),
            queue: EventQueue::new(sources.len()),
            pool: FramePool::default(),
            management: ManagementNetwork::new(lab),
            of_management,
        };
        let nodes = lab.nodes.iter().zip(plugs).enumerate().map(|(index, (node, plugs))| {
            Ok(match &node.kind {
                NodeKind::Greylag(config) => {
                    let seed = seed.derive(&format!("switch/{}", node.name));
                    let mut switch = SwitchNode::new(index, config, plugs, seed);
                    let runs = |version: &&Version| version.at_start.contains(&index);
                    if let Some(version) = scenario.versions.iter().find(runs) {
                        switch.install(version.clone());
                    }
                    Node::Switch(Box::new(switch))
                }
                NodeKind::Host => {
                    let settings = scenario.hosts[index].as_ref().expect("every host has settings");
                    let host = HostNode::new(
                        index,
                        lab,
                        &scenario.links,
                        settings,
                        plugs.iter().copied().flatten().collect(),
                        seed,
                    )?;
                    Node::Host(Box::new(host))
                }
            })
        });
        let nodes = nodes.collect::<Result<Vec<Node>, WorldError>>()?;
        let flows = flows::expand(scenario, seed)?;
        let (lab, boots) = (lab.clone(), scenario.boots.clone());
        let mut world =
            World { now: Instant::ZERO, nodes, fabric, sources, timeouts, lab, boots, flows, observer };
        world.start_flows()?;
        for node in 0..world.nodes.len() {
            world.light_up(node)?;
        }
        for link in 0..world.fabric.links.len() {
            world.tell_carrier(link);
        }
        (0..world.nodes.len()).for_each(|node| world.expect(node));
        Ok(world)
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Lets everything happen that happens up to `until`, inclusive.
    pub fn run_until(&mut self, until: Instant) {
        while let Some((now, source)) = self.fabric.queue.pop_until(until) {
            self.now = now;
            match self.sources[source as usize] {
                Source::Arrival { link, to } => self.deliver(link, to),
                Source::Node(node) => self.wake(node),
                Source::Management => self.deliver_management(),
            }
        }
        self.now = self.now.max(until);
    }

    /// Puts a frame on a link, as if the node at its end `from` (0 or 1) had sent it.
    pub fn send(&mut self, link: usize, from: usize, frame: &[u8]) {
        let frame = self.fabric.pool.copy(frame);
        self.fabric.send(self.now, link, from, frame, &mut self.observer);
    }

    /// A switch, unless it is without power.
    pub fn switch(&self, node: usize) -> Option<&Switch> {
        match self.nodes.get(node)? {
            Node::Switch(switch) => switch.switch(),
            Node::Host(_) => None,
        }
    }

    /// A host.
    pub fn host(&self, node: usize) -> Option<&Host> {
        match self.nodes.get(node)? {
            Node::Host(host) => Some(host.host()),
            Node::Switch(_) => None,
        }
    }

    /// The link that a host is plugged into, and the end that it is at.
    pub(crate) fn plug(&self, node: usize) -> Option<(usize, usize)> {
        match self.nodes.get(node)? {
            Node::Host(host) => host.plug().map(|plug| (plug.link, plug.end)),
            Node::Switch(_) => None,
        }
    }

    /// Why a link would lose a frame from its end `from` now, unless by chance.
    pub(crate) fn fate(&self, link: usize, from: usize, frame: &[u8]) -> Option<LinkLoss> {
        self.fabric.links[link].fate(self.now, from, frame)
    }

    /// Who looks on.
    pub fn observer(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Frames have arrived at an end of a link: those of one moment are one batch.
    fn deliver(&mut self, link: usize, to: usize) {
        let (now, fabric, observer) = (self.now, &mut self.fabric, &mut self.observer);
        let Place { node, port, .. } = fabric.links[link].places[to];
        match &mut self.nodes[node] {
            Node::Switch(switch) => {
                if !switch.forward(now, port, fabric, observer) {
                    return;
                }
            }
            Node::Host(host) => {
                while let Some(frame) = fabric.arrive(now, link, to, observer) {
                    host.handle_frame(now, &frame);
                    fabric.pool.give(frame);
                }
                fabric.await_next(link, to);
                host.settle(now, fabric, observer);
            }
        }
        self.expect(node);
    }

    /// Datagrams have arrived by the management network.
    fn deliver_management(&mut self) {
        while let Some(Delivery { node, from, octets }) = self.fabric.management.arrive(self.now) {
            self.tell(node, Input::Management { from, octets });
        }
        self.fabric.await_management();
    }

    /// A node's time has come.
    fn wake(&mut self, index: usize) {
        let now = self.now;
        match &mut self.nodes[index] {
            Node::Switch(switch) if switch.has_booted(now) => {
                self.light_up(index).expect("it has run with this configuration before");
                self.tell_neighbours(index);
            }
            Node::Switch(switch) => switch.handle_timeout(now, &mut self.fabric, &mut self.observer),
            Node::Host(host) => {
                host.handle_timeout(now);
                host.settle(now, &mut self.fabric, &mut self.observer);
            }
        }
        self.expect(index);
    }

    /// Asks a node when it has something to do.
    pub(crate) fn expect(&mut self, index: usize) {
        if matches!(&self.nodes[index], Node::Switch(switch) if switch.wants_reboot()) {
            // What the watchdog asks for is what an operator would do.
            self.power_off(index);
            self.power_on(index, self.boots[index]);
        }
        let timeout = match &self.nodes[index] {
            Node::Switch(switch) => switch.poll_timeout(),
            Node::Host(host) => host.poll_timeout(),
        };
        match timeout {
            Some(at) => self.fabric.queue.set(self.timeouts[index], at),
            None => self.fabric.queue.clear(self.timeouts[index]),
        }
    }

    /// Starts what a node is, and lights its ends of links.
    fn light_up(&mut self, index: usize) -> Result<(), WorldError> {
        match &mut self.nodes[index] {
            Node::Switch(switch) => {
                switch.start(self.now, &mut self.fabric, &mut self.observer)?;
                for &Plug { link, end } in switch.plugs().iter().flatten() {
                    self.fabric.links[link].light(end, true);
                }
            }
            Node::Host(host) => {
                if let Some(Plug { link, end }) = host.plug() {
                    self.fabric.links[link].light(end, true);
                }
            }
        }
        Ok(())
    }

    /// Whatever is plugged into the links of a node, and the node itself, hear what has become of their carrier.
    pub(crate) fn tell_neighbours(&mut self, index: usize) {
        let plugs = match &self.nodes[index] {
            Node::Switch(switch) => switch.plugs().len(),
            Node::Host(host) => host.plugs().len(),
        };
        for port in 0..plugs {
            let plug = match &self.nodes[index] {
                Node::Switch(switch) => switch.plugs()[port],
                Node::Host(host) => Some(host.plugs()[port]),
            };
            if let Some(plug) = plug {
                self.tell_carrier(plug.link);
            }
        }
    }

    /// Both ends of a link hear of their carrier if it has changed.
    pub(crate) fn tell_carrier(&mut self, link: usize) {
        for end in 0..2 {
            let Some(up) = self.fabric.links[link].carrier_change(end) else { continue };
            let Place { node, port, .. } = self.fabric.links[link].places[end];
            match &mut self.nodes[node] {
                Node::Switch(switch) => {
                    let port = greylag_base::PortId(port as u16);
                    switch.tell(self.now, Input::Link { port, up }, &mut self.fabric, &mut self.observer);
                }
                Node::Host(host) if host.plug().is_some_and(|plug| plug.link == link) => {
                    host.set_link(up);
                    host.settle(self.now, &mut self.fabric, &mut self.observer);
                }
                Node::Host(_) => {}
            }
            self.expect(node);
        }
    }

    /// What is on a link is lost.
    pub(crate) fn lose(&mut self, link: usize, why: LinkLoss) {
        self.fabric.lose_all(self.now, link, why, &mut self.observer);
    }
}

/// What a node is plugged into: by port for a switch, whose bundles are plugged into nothing; in the order of the links for a host.
fn plugs(lab: &Lab, node: usize) -> Box<[Option<Plug>]> {
    let ends = lab.links.iter().enumerate().flat_map(|(link, cable)| {
        cable.ends.iter().enumerate().map(move |(end, place)| (Plug { link, end }, place))
    });
    let own: Vec<_> = ends.filter(|(_, place)| place.node == node).collect();
    match &lab.nodes[node].kind {
        NodeKind::Host => own.into_iter().map(|(plug, _)| Some(plug)).collect(),
        NodeKind::Greylag(config) => {
            let plug_of = |name| own.iter().find(|(_, place)| place.interface == name).map(|&(plug, _)| plug);
            config.ports.iter().map(|port| plug_of(port.name.clone())).collect()
        }
    }
}
