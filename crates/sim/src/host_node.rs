//! A host in the virtual world: its stack, what it is plugged into, and what it is made to send.

use crate::fabric::Fabric;
use crate::flow::Flow;
use crate::generator::{Emission, Generator, Pinging};
use crate::host::{Host, HostConfig, HostError, HostEvent, NeighborConfig};
use crate::observer::{Happening, Observer};
use crate::switch_node::Plug;
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr, Seed, VlanId};
use greylag_scenario::lab::{End, Lab};
use greylag_scenario::story::{HostSettings, LinkSettings};
use std::time::Duration;

/// Where hosts take the bytes of transfers (RFC 863).
const DISCARD: u16 = 9;
/// Data of an echo request, as ping sends it.
const PING_BYTES: usize = 56;
/// Between two echo requests.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// A host. It has one interface; a second link is where it can be moved.
pub(crate) struct HostNode {
    node: usize,
    host: Host,
    vlan: Option<VlanId>,
    seed: Seed,
    plugs: Box<[Plug]>,
    /// Which of them it is plugged into.
    active: usize,
    carrier: bool,
    listens: bool,
    generators: Vec<Generator>,
    pings: Vec<Pinging>,
    /// How many orders to ping it has had, and how many to send frames: they name chance and identifiers.
    pinged: u16,
    generated: u64,
}

impl HostNode {
    /// A host that is plugged into the first of its links that is up at the start. Its IP addresses are the first of each
    /// family that its ends have, whichever of them that is.
    pub(crate) fn new(
        node: usize,
        lab: &Lab,
        links: &[LinkSettings],
        settings: &HostSettings,
        plugs: Box<[Plug]>,
        seed: Seed,
    ) -> Result<Self, HostError> {
        let active = plugs.iter().position(|plug| links[plug.link].up).unwrap_or(0);
        let end = plugs.get(active).map(|plug| &lab.links[plug.link].ends[plug.end]);
        // A host that is plugged into nothing has an address that nobody will ever see.
        let mac = end.and_then(|end| end.mac).unwrap_or(MacAddr([2, 0, 0, 0, 0, 1]));
        let name = &lab.nodes[node].name;
        let config = HostConfig {
            vlan: settings.vlan,
            ipv4: ends(lab, node).find_map(|end| end.ipv4).into_iter().collect(),
            ipv6: ends(lab, node).find_map(|end| end.ipv6).into_iter().collect(),
            gateway4: ends(lab, node).find_map(|end| end.gateway),
            gateway6: ends(lab, node).find_map(|end| end.gateway6),
            neighbors: NeighborConfig {
                lifetime: settings.neighbor_lifetime,
                gratuitous: settings.announces,
                ..NeighborConfig::default()
            },
            ..HostConfig::new(name.clone(), mac)
        };
        let mut host = Host::new(config, seed)?;
        host.set_link(false);
        Ok(HostNode {
            node,
            host,
            vlan: settings.vlan,
            seed: seed.derive(&format!("host/{name}")),
            plugs,
            active,
            carrier: false,
            listens: false,
            generators: Vec::new(),
            pings: Vec::new(),
            pinged: 0,
            generated: 0,
        })
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn plugs(&self) -> &[Plug] {
        &self.plugs
    }

    /// The link that it is plugged into.
    pub(crate) fn plug(&self) -> Option<Plug> {
        self.plugs.get(self.active).copied()
    }

    /// Changes links; says which it leaves and which it takes. Its stack does not hear of it.
    pub(crate) fn replug(&mut self, link: usize) -> Option<(Plug, Plug)> {
        let to = self.plugs.iter().position(|plug| plug.link == link)?;
        let from = std::mem::replace(&mut self.active, to);
        Some((self.plugs[from], self.plugs[to]))
    }

    /// Sends a flow's probes.
    pub(crate) fn send_flow(&mut self, flow: &Flow) -> Result<(), HostError> {
        self.host.send_flow(flow)
    }

    /// Takes a flow's probes.
    pub(crate) fn receive_flow(&mut self, flow: &Flow) {
        self.host.receive_flow(flow);
    }

    pub(crate) fn handle_frame(&mut self, now: Instant, frame: &[u8]) {
        self.host.handle_frame(now, frame);
    }

    pub(crate) fn set_link(&mut self, up: bool) {
        self.carrier = up;
        self.host.set_link(up);
    }

    pub(crate) fn announce(&mut self) {
        self.host.announce();
    }

    /// Takes another address. What no station can have changes nothing: the file's reader has refused it.
    pub(crate) fn set_mac(&mut self, mac: MacAddr) {
        let _ = self.host.set_mac(mac);
    }

    /// Accepts transfers.
    pub(crate) fn listen(&mut self) {
        if !self.listens {
            self.listens = self.host.tcp_listen(DISCARD).is_ok();
        }
    }

    /// Sends bytes to a host that listens; nothing is sent to an address that is of no family of ours.
    pub(crate) fn transfer(&mut self, now: Instant, to: IpAddr, bytes: u64) {
        let _ = self.host.tcp_connect(now, to, DISCARD, bytes);
    }

    pub(crate) fn ping(&mut self, now: Instant, to: IpAddr, count: u16) {
        self.pinged = self.pinged.wrapping_add(1);
        self.pings.push(Pinging { to, ident: self.pinged, sequence: 0, count, next: now });
        self.handle_timeout(now);
    }

    /// Sends frames at a rate for a while.
    pub(crate) fn generate(&mut self, now: Instant, emission: Emission, rate: u32, lasts: Duration) {
        self.generated += 1;
        let seed = self.seed.derive(&format!("frames/{}", self.generated));
        self.generators.extend(Generator::new(now, emission, rate, lasts, seed));
    }

    /// Its address of a family.
    pub(crate) fn address(lab: &Lab, node: usize, ipv6: bool) -> Option<IpAddr> {
        match ipv6 {
            true => ends(lab, node).find_map(|end| end.ipv6).map(|(address, _)| address.into()),
            false => ends(lab, node).find_map(|end| end.ipv4).map(|(address, _)| address.into()),
        }
    }

    /// When it has something to do by itself.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let generators = self.generators.iter().map(Generator::next);
        let pings = self.pings.iter().map(|ping| ping.next);
        self.host.poll_timeout().into_iter().chain(generators).chain(pings).min()
    }

    /// Does what is due by now, but for the frames that it is made to send: see [`HostNode::settle`].
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.host.poll_timeout().is_some_and(|at| at <= now) {
            self.host.handle_timeout(now);
        }
        for ping in self.pings.iter_mut().filter(|ping| ping.next <= now) {
            // Without an address of that family there is nothing to send from, each time.
            let _ = self.host.ping(now, ping.to, ping.ident, ping.sequence, PING_BYTES);
            ping.sequence = ping.sequence.wrapping_add(1);
            ping.count = ping.count.saturating_sub(1);
            ping.next = now + PING_INTERVAL;
        }
        self.pings.retain(|ping| ping.count > 0);
    }

    /// Puts on the link whatever is to be sent now, and tells the observer what has happened.
    pub(crate) fn settle(&mut self, now: Instant, fabric: &mut Fabric, observer: &mut impl Observer) {
        if let Some(Plug { link, end }) = self.plugs.get(self.active).copied() {
            let mut frame = fabric.pool.take();
            while self.host.poll_transmit(&mut frame) {
                let next = fabric.pool.take();
                fabric.send(now, link, end, std::mem::replace(&mut frame, next), observer);
            }
            let (mac, vlan) = (self.host.mac(), self.vlan);
            for generator in &mut self.generators {
                while generator.emit(now, mac, vlan, &mut frame) {
                    if self.carrier {
                        let next = fabric.pool.take();
                        fabric.send(now, link, end, std::mem::replace(&mut frame, next), observer);
                    }
                }
            }
            fabric.pool.give(frame);
        }
        if !self.generators.is_empty() {
            self.generators.retain(|generator| !generator.is_over());
        }
        while let Some(event) = self.host.poll_event() {
            let (name, fields) = words(&event);
            observer.happened(now, self.node, &Happening::Host(name, &fields));
        }
    }
}

/// The ends of links at a node.
fn ends(lab: &Lab, node: usize) -> impl Iterator<Item = &End> {
    lab.links.iter().flat_map(|link| &link.ends).filter(move |end| end.node == node)
}

/// A host's event as an observer hears it.
fn words(event: &HostEvent) -> (&'static str, Vec<(&'static str, String)>) {
    let seconds = |time: &Duration| format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    match event {
        HostEvent::EchoReply { from, ident, seq, round_trip } => (
            "echo-reply",
            vec![
                ("from", from.to_string()),
                ("ident", ident.to_string()),
                ("seq", seq.to_string()),
                ("round-trip", seconds(round_trip)),
            ],
        ),
        HostEvent::NeighborFailed { addr, dropped } => {
            ("neighbor-failed", vec![("addr", addr.to_string()), ("dropped", dropped.to_string())])
        }
        HostEvent::TransferDone { id, bytes, duration } => (
            "transfer-done",
            vec![("id", id.0.to_string()), ("bytes", bytes.to_string()), ("duration", seconds(duration))],
        ),
        HostEvent::TransferFailed { id, acknowledged } => {
            ("transfer-failed", vec![("id", id.0.to_string()), ("acknowledged", acknowledged.to_string())])
        }
        HostEvent::TransferReceived { port, from, from_port, bytes, complete } => (
            "transfer-received",
            vec![
                ("port", port.to_string()),
                ("from", from.to_string()),
                ("from-port", from_port.to_string()),
                ("bytes", bytes.to_string()),
                ("complete", complete.to_string()),
            ],
        ),
        HostEvent::Datagram { from, from_port, len } => (
            "datagram",
            vec![("from", from.to_string()), ("from-port", from_port.to_string()), ("len", len.to_string())],
        ),
    }
}
