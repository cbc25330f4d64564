//! A lab that runs: its switches by their control sockets, its hosts by the kernel.

use super::network::{Network, Obstacle, Plan, PlanEnd, PlanNode, Station, Told, WhyError};
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr};
use greylag_lab::client;
use greylag_lab::link::Interface;
use greylag_lab::map::{Map, MapError};
use greylag_switch::show::{InterfaceRow, PortRow, TraceRequest, TraceRow};
use serde::de::DeserializeOwned;
use serde_json::{Map as Fields, Value};
use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A lab that stands on this machine.
pub struct Running {
    map: Map,
    plan: Plan,
    log: Vec<Told>,
    /// Switches that answer.
    awake: BTreeSet<usize>,
}

/// Where a host is plugged in.
struct Plugged {
    plug: (usize, usize),
    interface: Interface,
}

impl Running {
    /// The lab of this name, or the only one.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find(lab: Option<&str>) -> Result<Self, WhyError> {
        let map = Map::of(lab).map_err(|error| WhyError::NoNetwork(error.to_string()))?;
        let nodes = map.nodes.iter();
        let nodes = nodes.map(|node| PlanNode { name: node.name.clone(), is_switch: node.socket.is_some() });
        let end = |(node, interface): &(usize, String)| PlanEnd { node: *node, interface: interface.clone() };
        let links = map.links.iter().map(|[one, other]| [end(one), end(other)]);
        let plan = Plan { nodes: nodes.collect(), links: links.collect() };
        let sockets = map.nodes.iter().enumerate().filter_map(|(node, at)| Some((node, at.socket.as_ref()?)));
        let awake: BTreeSet<usize> =
            sockets.filter(|(_, socket)| UnixStream::connect(socket).is_ok()).map(|(node, _)| node).collect();
        let mut running = Running { map, plan, log: Vec::new(), awake };
        running.log = running.read_logs()?;
        Ok(running)
    }

    /// The time of day, as its logs have it.
    pub fn now() -> Instant {
        instant(SystemTime::now())
    }

    fn read_logs(&self) -> Result<Vec<Told>, WhyError> {
        let mut log = Vec::new();
        for &node in &self.awake {
            let events: Vec<Fields<String, Value>> = self.ask(node, "/v1/events")?;
            log.extend(events.into_iter().filter_map(|event| told(node, event)));
        }
        log.sort_by_key(|told| told.at);
        Ok(log)
    }

    fn socket(&self, node: usize) -> Result<&Path, WhyError> {
        let socket = self.map.nodes[node].socket.as_deref().filter(|_| self.awake.contains(&node));
        socket.ok_or_else(|| self.silent(node, "it does not answer"))
    }

    fn ask<T: DeserializeOwned>(&self, node: usize, resource: &str) -> Result<T, WhyError> {
        client::ask(self.socket(node)?, resource).map_err(|error| self.silent(node, error))
    }

    fn silent(&self, node: usize, reason: impl ToString) -> WhyError {
        WhyError::Silent { node: self.plan.name(node).to_owned(), reason: reason.to_string() }
    }

    /// The cable of a host that carries its addresses, and its interface.
    fn plug(&self, host: usize) -> Result<Option<Plugged>, MapError> {
        for (link, ends) in self.plan.links.iter().enumerate() {
            let Some(end) = ends.iter().position(|end| end.node == host) else { continue };
            let interface = self.map.interface(host, &ends[end].interface)?;
            if let Some(interface) = interface
                && !self.map.addresses(host, interface.index)?.is_empty()
            {
                return Ok(Some(Plugged { plug: (link, end), interface }));
            }
        }
        Ok(None)
    }
}

fn instant(time: SystemTime) -> Instant {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Instant::ZERO + since
}

/// A line of `/v1/events`.
fn told(node: usize, mut fields: Fields<String, Value>) -> Option<Told> {
    let time = fields.remove("time")?;
    let at = instant(humantime::parse_rfc3339(time.as_str()?).ok()?);
    fields.remove("sequence");
    fields.remove("uptime-ns");
    let event = fields.remove("event")?.as_str()?.to_owned();
    Some(Told { at, node, event, fields })
}

impl Network for Running {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn station(&self, host: usize) -> Result<Option<Station>, WhyError> {
        let failed = |error: MapError| self.silent(host, error);
        let Some(Plugged { plug, interface }) = self.plug(host).map_err(failed)? else { return Ok(None) };
        let Some(mac) = interface.mac else { return Ok(None) };
        let addresses = self.map.addresses(host, interface.index).map_err(failed)?;
        let is_global = |address: &IpAddr| match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(address) => !address.is_unicast_link_local(),
        };
        let addresses = addresses.into_iter().filter(|(address, _)| is_global(address)).collect();
        Ok(Some(Station { mac, vlan: None, addresses, plug }))
    }

    fn next_hop(&self, host: usize, to: IpAddr) -> Result<Option<IpAddr>, WhyError> {
        let Some(station) = self.station(host)? else { return Ok(None) };
        let is_near = |(own, length): &(IpAddr, u8)| {
            ipnet::IpNet::new(*own, *length).is_ok_and(|net| net.contains(&to))
        };
        if station.addresses.iter().any(is_near) {
            return Ok(Some(to));
        }
        let mut gateways = self.map.gateways(host).iter().copied();
        Ok(gateways.find(|gateway| gateway.is_ipv4() == to.is_ipv4()))
    }

    fn neighbor(&self, host: usize, address: IpAddr) -> Result<Option<MacAddr>, WhyError> {
        self.map.neighbor(host, address).map_err(|error| self.silent(host, error))
    }

    fn runs(&self, switch: usize) -> bool {
        self.awake.contains(&switch)
    }

    fn ports(&self, switch: usize) -> Result<Vec<PortRow>, WhyError> {
        self.ask(switch, "/v1/ports")
    }

    fn interfaces(&self, switch: usize) -> Result<Vec<InterfaceRow>, WhyError> {
        self.ask(switch, "/v1/interfaces")
    }

    fn trace(&self, switch: usize, request: &TraceRequest) -> Result<TraceRow, WhyError> {
        let body = serde_json::to_string(request).expect("plain values can be written as JSON");
        client::order(self.socket(switch)?, "/v1/trace", body).map_err(|error| self.silent(switch, error))
    }

    fn obstacle(&self, link: usize, from: usize, _frame: &[u8]) -> Option<Obstacle> {
        let obstacle = |name: &str, words: &str| Obstacle { name: name.to_owned(), words: words.to_owned() };
        let [near, far] = [from, 1 - from].map(|end| &self.plan.links[link][end]);
        // The interface of a TAP is the host's; a switch has a descriptor at its end.
        let is_down = |end: &PlanEnd| {
            let interface = self.map.interface(end.node, &end.interface).ok().flatten();
            interface.is_some_and(|interface| !(interface.up && interface.carrier))
        };
        if is_down(near) || is_down(far) {
            return Some(obstacle("link-down", "is down"));
        }
        let is_cut = self.map.is_blackholed(near.node, &near.interface).unwrap_or(false);
        is_cut.then(|| obstacle("link-one-way", "carries nothing that way: all that leaves there is dropped"))
    }

    fn log(&self) -> &[Told] {
        &self.log
    }

    fn time(&self, at: Instant) -> String {
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(at.as_nanos());
        // Days are of no interest where something has just gone wrong: the time of day, in UTC.
        humantime::format_rfc3339_millis(time)
            .to_string()
            .split(['T', 'Z'])
            .nth(1)
            .unwrap_or_default()
            .to_owned()
    }
}
