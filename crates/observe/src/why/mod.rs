//! Why two stations do not hear each other: where their frames die, what stands behind it, and which flows pass all the same.
//!
//! [`why`] follows a frame of the flow both ways, over a [`Network`] that runs (`live.rs`) or that is replayed (`replay.rs`). In order:
//! `way.rs` finds the station of the next hop as its sender knows it or would ask for it; `walk.rs` follows every copy, each switch by
//! its own stages and each cable by who is at its other end; `explain.rs` finds what stands behind the end in the logs; `flows.rs` tries
//! other ports where something on the way chooses by flow; `text.rs` is all of it for people.

mod answer;
mod explain;
mod flows;
mod frames;
mod live;
mod network;
mod replay;
mod text;
mod walk;
mod way;

pub use answer::{
    Agent, Answer, Choice, ChoiceOption, Death, Dying, Event, Flooding, Flows, Hop, Neighbor, Way,
};
pub use frames::{Flow, Protocol};
pub use live::Running;
pub use network::{Network, Obstacle, Plan, PlanEnd, PlanNode, Station, Told, WhyError};
pub use replay::Replayed;
pub use text::text;

use core::net::IpAddr;
use way::{Party, follow, nearest, owner};

/// The first of the ports that are tried where the flow is not given.
const FIRST_PORT: u16 = 49_152;
/// What traceroute asks for.
const ASKED_PORT: u16 = 33_434;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// A node, or an address of one.
    pub from: String,
    /// A node, or an address of one.
    pub to: String,
    /// The flow's protocol; where it is given, the answer is about that flow alone.
    pub protocol: Option<Protocol>,
    /// Its source port.
    pub source_port: Option<u16>,
    /// Its destination port.
    pub destination_port: Option<u16>,
}

impl Question {
    /// One flow is meant, and not whatever passes between the two.
    fn is_of_one_flow(&self) -> bool {
        self.protocol.is_some() || self.source_port.is_some() || self.destination_port.is_some()
    }
}

/// Why one station does not reach another, both ways.
///
/// # Errors
/// When one of them is not there, or somebody who has to be asked does not answer.
pub fn why<N: Network>(
    network: &N,
    now: greylag_base::Instant,
    question: &Question,
) -> Result<Answer, WhyError> {
    let (from, to) = (party(network, &question.from)?, party(network, &question.to)?);
    if from.node == to.node {
        return Err(WhyError::Same(network.plan().name(from.node).to_owned()));
    }
    let (from, to) = addressed(network, from, to)?;
    let flow = Flow {
        source: from.address,
        destination: to.address,
        protocol: question.protocol.unwrap_or_default(),
        source_port: question.source_port.unwrap_or(FIRST_PORT),
        destination_port: question.destination_port.unwrap_or(ASKED_PORT),
    };
    let there = follow(network, (&from, &to), flow, |flow, number| Flow {
        source_port: flow.source_port.wrapping_add(number),
        ..flow
    })?;
    let back = follow(network, (&to, &from), flow.turned(), |flow, number| Flow {
        destination_port: flow.destination_port.wrapping_add(number),
        ..flow
    })?;
    let ways = vec![there, back];
    let all_pass = |flows: &Option<Flows>| flows.as_ref().is_none_or(|flows| flows.pass == flows.tried);
    let passes = ways.iter().all(|way| way.passes && (question.is_of_one_flow() || all_pass(&way.flows)));
    Ok(Answer { time: network.time(now), passes, ways })
}

/// Somebody who is asked about.
struct Named {
    node: usize,
    address: Option<IpAddr>,
}

fn party<N: Network>(network: &N, name: &str) -> Result<Named, WhyError> {
    let plan = network.plan();
    if let Some(node) = plan.node(name) {
        return Ok(Named { node, address: None });
    }
    let address = name.parse::<IpAddr>().ok();
    let node = match address {
        Some(address) => owner(network, address)?,
        None => None,
    };
    node.map(|node| Named { node, address }).ok_or_else(|| WhyError::NoStation {
        name: name.to_owned(),
        there: plan.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// Gives both the addresses by which they would speak: those that were named, of one subnet if they have such, of IPv4 first.
fn addressed<N: Network>(network: &N, from: Named, to: Named) -> Result<(Party, Party), WhyError> {
    let (own, others) = (addresses(network, &from)?, addresses(network, &to)?);
    let near = |&&(address, length): &&(IpAddr, u8)| {
        ipnet::IpNet::new(address, length).is_ok_and(|net| own.iter().any(|(own, _)| net.contains(own)))
    };
    let alike =
        |&&(address, _): &&(IpAddr, u8)| own.iter().any(|(own, _)| own.is_ipv4() == address.is_ipv4());
    let other = others.iter().find(near).or_else(|| others.iter().find(alike)).map(|(address, _)| *address);
    let pair = other.and_then(|other| Some((nearest(own.iter().copied(), other)?, other)));
    let (source, destination) = pair.ok_or_else(|| WhyError::NoAddress {
        from: network.plan().name(from.node).to_owned(),
        to: network.plan().name(to.node).to_owned(),
    })?;
    Ok((Party { node: from.node, address: source }, Party { node: to.node, address: destination }))
}

fn addresses<N: Network>(network: &N, named: &Named) -> Result<Vec<(IpAddr, u8)>, WhyError> {
    let all = way::addresses_of(network, named.node)?;
    let Some(address) = named.address else { return Ok(all) };
    Ok(all.into_iter().filter(|(own, _)| *own == address).collect())
}
