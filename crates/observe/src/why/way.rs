//! One direction: whom the packet is sent to on the link, where it goes from there, and what ends it.

use super::answer::{Death, Flooding, Hop, Neighbor, Way};
use super::explain::{Place, forgotten, trouble};
use super::flows;
use super::frames::{Flow, answer, question};
use super::network::{Network, Station, WhyError};
use super::walk::{Fate, Start, Step, Target, Walk, walk};
use core::net::IpAddr;
use greylag_base::MacAddr;
use greylag_switch::show::{InterfaceRow, TraceRow};

/// One of the two that are asked about.
pub(super) struct Party {
    pub(super) node: usize,
    pub(super) address: IpAddr,
}

/// What a node is on its links.
enum Standing {
    Host(Station),
    Switch(Vec<InterfaceRow>),
    /// A host that is plugged into nothing, or a switch without power.
    Nothing,
}

fn standing<N: Network>(network: &N, node: usize) -> Result<Standing, WhyError> {
    Ok(match network.plan().nodes[node].is_switch {
        true if network.runs(node) => Standing::Switch(network.interfaces(node)?),
        true => Standing::Nothing,
        false => network.station(node)?.map_or(Standing::Nothing, Standing::Host),
    })
}

fn target<N: Network>(network: &N, node: usize) -> Result<Target, WhyError> {
    let (station, interfaces) = match standing(network, node)? {
        Standing::Host(station) => (Some(station), Vec::new()),
        Standing::Switch(interfaces) => (None, interfaces),
        Standing::Nothing => (None, Vec::new()),
    };
    Ok(Target { node, station, interfaces })
}

/// Whoever has an address.
pub(super) fn owner<N: Network>(network: &N, address: IpAddr) -> Result<Option<usize>, WhyError> {
    for node in 0..network.plan().nodes.len() {
        let has = match standing(network, node)? {
            Standing::Host(station) => station.addresses.iter().any(|(own, _)| *own == address),
            Standing::Switch(interfaces) => interfaces.iter().any(|row| has_address(row, address)),
            Standing::Nothing => false,
        };
        if has {
            return Ok(Some(node));
        }
    }
    Ok(None)
}

fn has_address(row: &InterfaceRow, address: IpAddr) -> bool {
    row.addresses
        .iter()
        .filter_map(|text| text.split('/').next()?.parse().ok())
        .any(|own: IpAddr| own == address)
}

/// Follows a flow from one to the other, and tries others like it where something on the way chooses by flow.
pub(super) fn follow<N: Network>(
    network: &N,
    (from, to): (&Party, &Party),
    flow: Flow,
    varies: fn(Flow, u16) -> Flow,
) -> Result<Way, WhyError> {
    let plan = network.plan();
    let mut way = Way {
        from: plan.name(from.node).to_owned(),
        to: plan.name(to.node).to_owned(),
        flow,
        passes: false,
        neighbor: None,
        hops: Vec::new(),
        floods: Vec::new(),
        death: None,
        flows: None,
    };
    let target = target(network, to.node)?;
    let sender = match standing(network, from.node)? {
        Standing::Host(station) => {
            let Some(next) = network.next_hop(from.node, to.address)? else {
                way.death = Some(plain(network, from.node, ("host", "no-route"), "it has no route there"));
                return Ok(way);
            };
            let known = network.neighbor(from.node, next)?;
            let mac = match known {
                Some(mac) => Ok(mac),
                None => ask(network, &Asker { node: from.node, interface: None }, next)?,
            };
            let mac_address = mac.as_ref().ok().copied();
            way.neighbor = Some(Neighbor { address: next, mac_address, known: known.is_some() });
            match mac {
                Ok(mac) => Sender::Host(from.node, station, mac),
                Err(unanswered) => {
                    (way.death, way.hops) = (Some(unanswered.death), unanswered.hops);
                    return Ok(way);
                }
            }
        }
        Standing::Switch(_) => Sender::Switch(from.node),
        Standing::Nothing => {
            way.death = Some(plain(network, from.node, ("host", "off"), "it has no power, or no link"));
            return Ok(way);
        }
    };
    let mut walk = sender.send(network, flow, &target)?;
    let shown = match walk.arrived {
        Some(step) => step,
        None => walk.last_word(network, &target)?,
    };
    way.passes = walk.arrived.is_some();
    way.hops = hops(network, &walk, shown);
    way.floods = walk.chain(shown).into_iter().filter_map(|at| flooding(network, &walk.steps[at])).collect();
    if !way.passes {
        let end = end(network, &walk, shown, &target)?;
        (way.death, way.hops) = (Some(end.death), end.hops);
    }
    if flows::something_chooses(network, &walk)? {
        way.flows = Some(flows::tried(network, &sender, &target, flow, varies)?);
    }
    Ok(way)
}

/// A frame for one station goes to all of its VLAN.
fn flooding<N: Network>(network: &N, step: &Step) -> Option<Flooding> {
    let row = step.row.as_ref().filter(|row| row.decision == "flooded")?;
    let mac_address = row.destination_mac.filter(|mac| !mac.is_group())?;
    Some(Flooding {
        node: network.plan().name(step.node).to_owned(),
        mac_address,
        vlan: row.bridge.as_ref()?.vlan,
        agent: trouble(network, step.node),
        after: forgotten(network, step.node, mac_address),
    })
}

/// Who sends a flow.
pub(super) enum Sender {
    /// A host, to a station.
    Host(usize, Station, MacAddr),
    Switch(usize),
}

impl Sender {
    pub(super) fn send<N: Network>(
        &self,
        network: &N,
        flow: Flow,
        target: &Target,
    ) -> Result<Walk, WhyError> {
        match self {
            Sender::Host(node, station, mac) => {
                let frame = flow.frame(station.mac, *mac, station.vlan);
                walk(network, &Start::Host(*node, station.clone()), frame, target)
            }
            Sender::Switch(node) => {
                let frame = flow.frame(MacAddr::ZERO, MacAddr::ZERO, None);
                walk(network, &Start::Switch(*node, None), frame, target)
            }
        }
    }
}

/// Who asks for a neighbour.
struct Asker {
    node: usize,
    /// Of a switch.
    interface: Option<String>,
}

/// What ended a frame, and how far it had come.
pub(super) struct End {
    pub(super) death: Death,
    pub(super) hops: Vec<Hop>,
}

/// Asks for a neighbour, as who asks would: the station that it learns, or what ends the question or its answer.
fn ask<N: Network>(
    network: &N,
    asker: &Asker,
    address: IpAddr,
) -> Result<Result<MacAddr, Box<End>>, WhyError> {
    let Some(owner) = owner(network, address)? else {
        let text = format!("nobody has the address {address}");
        let death = plain(network, asker.node, ("neighbor", "nobody-there"), &text);
        return Ok(Err(Box::new(asking(End { death, hops: Vec::new() }, address))));
    };
    let lost = |death: Death| Ok(Err(Box::new(asking(End { death, hops: Vec::new() }, address))));
    let (start, mac, source, vlan) = match standing(network, asker.node)? {
        Standing::Host(station) => {
            let source = nearest(station.addresses.iter().copied(), address);
            let (mac, vlan) = (station.mac, station.vlan);
            (Start::Host(asker.node, station), mac, source, vlan)
        }
        Standing::Switch(rows) => {
            let row = rows.iter().find(|row| Some(&row.name) == asker.interface.as_ref());
            let Some(row) = row else {
                return lost(plain(network, asker.node, ("neighbor", "off"), "it has no such interface"));
            };
            (
                Start::Switch(asker.node, asker.interface.clone()),
                row.mac_address,
                nearest(addresses(row), address),
                None,
            )
        }
        Standing::Nothing => {
            return lost(plain(network, asker.node, ("host", "off"), "it has no power, or no link"));
        }
    };
    let Some(question) = source.and_then(|source| question(mac, vlan, source, address)) else {
        return lost(plain(network, asker.node, ("host", "no-address"), "it has no address of that family"));
    };
    let there = target(network, owner)?;
    let mut walked = walk(network, &start, question, &there)?;
    if walked.arrived.is_none() {
        let last = walked.last_word(network, &there)?;
        return Ok(Err(Box::new(asking(end(network, &walked, last, &there)?, address))));
    }
    let (start, own, vlan) =
        match (&there.station, there.interfaces.iter().find(|row| has_address(row, address))) {
            (Some(station), _) => (Start::Host(owner, station.clone()), station.mac, station.vlan),
            (None, Some(row)) => (Start::Switch(owner, Some(row.name.clone())), row.mac_address, None),
            (None, None) => return lost(plain(network, owner, ("host", "off"), "it has no power")),
        };
    let answer = source.and_then(|source| answer((own, address), vlan, (mac, source)));
    let here = target(network, asker.node)?;
    let mut walked = walk(network, &start, answer.unwrap_or_default(), &here)?;
    if walked.arrived.is_none() {
        let last = walked.last_word(network, &here)?;
        return Ok(Err(Box::new(asking(end(network, &walked, last, &here)?, address))));
    }
    Ok(Ok(own))
}

/// What ended was sent to find a neighbour.
fn asking(end: End, address: IpAddr) -> End {
    End { death: Death { asked_for: Some(address), ..end.death }, ..end }
}

fn addresses(row: &InterfaceRow) -> impl Iterator<Item = (IpAddr, u8)> {
    row.addresses.iter().filter_map(|text| {
        let (address, length) = text.split_once('/')?;
        Some((address.parse().ok()?, length.parse().ok()?))
    })
}

/// All addresses of a node.
pub(super) fn addresses_of<N: Network>(network: &N, node: usize) -> Result<Vec<(IpAddr, u8)>, WhyError> {
    Ok(match standing(network, node)? {
        Standing::Host(station) => station.addresses,
        Standing::Switch(rows) => rows.iter().flat_map(addresses).collect(),
        Standing::Nothing => Vec::new(),
    })
}

/// The address of a station's that is nearest to another.
pub(super) fn nearest(own: impl Iterator<Item = (IpAddr, u8)>, to: IpAddr) -> Option<IpAddr> {
    let alike: Vec<(IpAddr, u8)> = own.filter(|(own, _)| own.is_ipv4() == to.is_ipv4()).collect();
    let near = alike
        .iter()
        .find(|(own, length)| ipnet::IpNet::new(*own, *length).is_ok_and(|net| net.contains(&to)));
    near.or(alike.first()).map(|(own, _)| *own)
}

/// An end without a frame.
fn plain<N: Network>(network: &N, node: usize, (stage, reason): (&str, &str), text: &str) -> Death {
    let place = Place { node, reason, ports: Vec::new(), mac: None, link: None, others: vec![node] };
    let after = place.after(network);
    Death {
        node: network.plan().name(node).to_owned(),
        port: None,
        stage: stage.to_owned(),
        reason: reason.to_owned(),
        text: text.to_owned(),
        entry: None,
        agent: trouble(network, node),
        before: place.before(network, after.as_ref()),
        after,
        asked_for: None,
    }
}

/// What ended a frame that has not arrived, and what stands behind it.
pub(super) fn end<N: Network>(network: &N, walk: &Walk, at: usize, target: &Target) -> Result<End, WhyError> {
    let step = &walk.steps[at];
    // A packet whose next hop nobody knows died of what keeps that from being known.
    if let (Fate::Dropped(reason), Some(route)) =
        (&step.fate, step.row.as_ref().and_then(|row| row.route.as_ref()))
        && reason == "next-hop-unresolved"
    {
        let address = route.address.or_else(|| step.row.as_ref()?.destination);
        let asker = Asker { node: step.node, interface: route.interface.clone() };
        if let Some(address) = address
            && let Err(unanswered) = ask(network, &asker, address)?
        {
            return Ok(*unanswered);
        }
    }
    let plan = network.plan();
    let fate = told(network, step, target);
    let entry = entry(network, step, &fate.reason);
    let behind = step.row.as_ref().and_then(|row| row.bridge.as_ref()?.destination.clone());
    let mac = step.row.as_ref().and_then(|row| row.destination_mac);
    let bundle = match &step.fate {
        Fate::NotThere { bundle, .. } => bundle.as_ref(),
        _ => None,
    };
    let (link, mut others) = match &step.fate {
        Fate::Lost { link, .. } => {
            let [one, other] = [plan.end_name(*link, 0), plan.end_name(*link, 1)];
            (Some((one, other)), plan.links[*link].iter().map(|end| end.node).collect())
        }
        _ => (None, Vec::new()),
    };
    others.push(target.node);
    let place = Place {
        node: step.node,
        reason: &fate.reason,
        ports: fate.port.iter().chain(&behind).chain(bundle).map(String::as_str).collect(),
        mac,
        link: link.map(|(one, _)| one),
        others,
    };
    let after = place.after(network);
    let before = place.before(network, after.as_ref());
    let death = Death {
        node: plan.name(step.node).to_owned(),
        agent: trouble(network, step.node),
        port: fate.port,
        stage: fate.stage,
        reason: fate.reason,
        text: fate.text,
        entry,
        after,
        before,
        asked_for: None,
    };
    Ok(End { death, hops: hops(network, walk, at) })
}

/// The end of a copy in words.
struct Fatality {
    port: Option<String>,
    stage: String,
    reason: String,
    text: String,
}

fn told<N: Network>(network: &N, step: &Step, target: &Target) -> Fatality {
    let plan = network.plan();
    let (port, to) = (step.port.clone(), plan.name(target.node));
    let fatal = |port: Option<String>, stage: &str, reason: &str, text: String| Fatality {
        port,
        stage: stage.to_owned(),
        reason: reason.to_owned(),
        text,
    };
    let at = port.as_ref().map_or_else(String::new, |port| format!(" at {port}"));
    match &step.fate {
        Fate::Dropped(reason) => {
            let row = step.row.as_ref();
            let stage = row.and_then(|row| row.stage.clone()).unwrap_or_default();
            let words = row.and_then(|row| row.steps.last()).cloned().unwrap_or_default();
            fatal(port, &stage, reason, words)
        }
        Fate::NotThere { port, reason, .. } => {
            let words = match reason.as_str() {
                "port-down" => format!("it is flooded, and {port}, which leads to {to}, is down"),
                "vlan-not-allowed" => {
                    let vlan =
                        step.row.as_ref().and_then(|row| row.bridge.as_ref()).map(|bridge| bridge.vlan);
                    let vlan = vlan.map_or_else(String::new, |vlan| format!(" {vlan}"));
                    format!("it is flooded, and {port}, which leads to {to}, is not in VLAN{vlan}")
                }
                "not-in-flood-group" => format!(
                    "it is flooded, and {port}, which leads to {to}, is up and not in the VLAN's flood group"
                ),
                _ => format!("it is flooded, and no copy leaves by {port}, which leads to {to}"),
            };
            fatal(Some(port.clone()), "flood", reason, words)
        }
        Fate::Lost { link, from, obstacle } => {
            let (here, there) = (plan.end_name(*link, *from), plan.end_name(*link, 1 - *from));
            fatal(port, "link", &obstacle.name, format!("the link from {here} to {there} {}", obstacle.words))
        }
        Fate::GoesOn => {
            let sent = step.row.iter().flat_map(|row| &row.sent).next();
            let by = sent.map_or_else(|| "its link".to_owned(), |sent| sent.port.clone());
            let text = format!("it is sent by {by}, which does not lead to {to}");
            fatal(sent.map(|sent| sent.port.clone()).or(port), "lookup", "stale-entry", text)
        }
        Fate::Kept => fatal(port, "host", "kept", format!("it ends{at}: it is not for {to}'s station")),
        Fate::Refused(reason) => {
            let text = match *reason {
                "wrong-vlan" => format!("it comes to {to} with a tag that {to} does not have"),
                _ => format!("it comes to {to} under an address that {to} does not have"),
            };
            fatal(port, "host", reason, text)
        }
        Fate::Off => fatal(port, "host", "off", "it has no power, or does not answer".to_owned()),
        Fate::Circles => fatal(port, "lookup", "loop", "it goes in circles".to_owned()),
        Fate::Arrives => fatal(port, "", "", String::new()),
    }
}

/// The table entry that a frame followed.
fn entry<N: Network>(network: &N, step: &Step, reason: &str) -> Option<String> {
    let row = step.row.as_ref()?;
    let name = network.plan().name(step.node);
    if let Some(route) = &row.route {
        let prefix = route.prefix.map_or_else(|| "a route".to_owned(), |prefix| prefix.to_string());
        return Some(format!(
            "{name} has {prefix} by group {}: bucket {} of {} leads to {}",
            route.group.get(),
            route.bucket,
            route.buckets,
            route.next_hop
        ));
    }
    let bridge = row.bridge.as_ref()?;
    let destination = bridge.destination.as_ref()?;
    let mac = row.destination_mac?;
    (!reason.starts_with("not-in"))
        .then(|| format!("{name} has {mac} in VLAN {} behind {destination}", bridge.vlan))
}

/// The way that a copy took, in words.
fn hops<N: Network>(network: &N, walk: &Walk, last: usize) -> Vec<Hop> {
    let plan = network.plan();
    let hop = |at: &usize| {
        let step = &walk.steps[*at];
        let by = |row: &TraceRow| {
            let ports: Vec<&str> = row.sent.iter().map(|sent| sent.port.as_str()).collect();
            if ports.is_empty() { String::new() } else { format!(" by {}", ports.join(", ")) }
        };
        let text = match (&step.fate, &step.row) {
            (Fate::Arrives, _) => "it arrives".to_owned(),
            (Fate::GoesOn, None) => "sends it".to_owned(),
            (Fate::GoesOn, Some(row)) => match &row.route {
                Some(route) => format!("routes it to {}{}", route.next_hop, by(row)),
                None if row.decision == "flooded" => format!("floods it{}", by(row)),
                None => format!("sends it on{}", by(row)),
            },
            (Fate::Dropped(reason), _) => format!("drops it: {reason}"),
            (Fate::NotThere { port, reason, .. }, row) => {
                let by = row.as_ref().map_or_else(String::new, by);
                format!("floods it{by}, and not by {port}: {reason}")
            }
            (Fate::Lost { obstacle, .. }, _) => format!("the link {}", obstacle.words),
            (Fate::Kept, _) => "it ends here".to_owned(),
            (Fate::Refused(reason), _) => format!("does not take it: {reason}"),
            (Fate::Off, _) => "has no power".to_owned(),
            (Fate::Circles, _) => "it was here before".to_owned(),
        };
        Hop { node: plan.name(step.node).to_owned(), port: step.port.clone(), text }
    };
    walk.chain(last).iter().map(hop).collect()
}
