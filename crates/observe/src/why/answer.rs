//! What is answered: the JSON of `greylag why -j`, documented in docs/why.md.

use super::frames::Flow;
use greylag_base::{Instant, MacAddr, VlanId};
use serde::Serialize;
use std::net::IpAddr;

/// Why two stations do not hear each other, or that they do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// When it was asked, as people read it.
    pub time: String,
    /// Every flow that was asked for passes, both ways.
    pub passes: bool,
    /// There, and back.
    pub ways: Vec<Way>,
}

/// One direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Way {
    /// Who sends.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What was followed.
    pub flow: Flow,
    /// It arrives.
    pub passes: bool,
    /// How the station of the next hop was found.
    pub neighbor: Option<Neighbor>,
    /// Where it went, as far as it went.
    pub hops: Vec<Hop>,
    /// Switches that send it to all, though it is for one.
    pub floods: Vec<Flooding>,
    /// Where it died.
    pub death: Option<Death>,
    /// What becomes of others between the same two, where something on the way chooses by flow.
    pub flows: Option<Flows>,
}

/// The station that packets are sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Neighbor {
    /// Its address.
    pub address: IpAddr,
    /// Its address on the link, as far as the sender knows it or would come to know it.
    pub mac_address: Option<MacAddr>,
    /// The sender has it; if not, it was asked for.
    pub known: bool,
}

/// A node on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hop {
    /// Which.
    pub node: String,
    /// By which port the frame came in.
    pub port: Option<String>,
    /// What is done with it, for people.
    pub text: String,
}

/// A switch that does not know where the station is that a frame is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flooding {
    /// Which.
    pub node: String,
    /// Whose entry it does not have.
    pub mac_address: MacAddr,
    /// In which VLAN.
    pub vlan: VlanId,
    /// The agent of that switch that is not well.
    pub agent: Option<Agent>,
    /// The newest event that explains it; none where the switch has never heard of the station.
    pub after: Option<Event>,
}

/// The end of a frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Death {
    /// Where: a switch or a host.
    pub node: String,
    /// At which port; that by which it came in, or by which it would have had to leave.
    pub port: Option<String>,
    /// `ingress`, `learn`, `route`, `lookup`, `flood` or `egress` of a switch; `link`, `host` or `neighbor`.
    pub stage: String,
    /// The drop reason, or what a cable or a host does: `link-one-way`, `stale-entry`, `wrong-address`.
    pub reason: String,
    /// For people.
    pub text: String,
    /// The table entry that it follows, for people.
    pub entry: Option<String>,
    /// The agent of that switch that is not well.
    pub agent: Option<Agent>,
    /// The newest event that explains it: so it is since then.
    pub after: Option<Event>,
    /// What else had happened there, or was done anywhere, the latest last.
    pub before: Vec<Event>,
    /// What died of it was sent to find a neighbour, for this one.
    pub asked_for: Option<IpAddr>,
}

/// An agent that is not well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Agent {
    /// Which.
    pub agent: String,
    /// `failed`, `dead`, `hung` or `slow`.
    pub state: String,
    /// Since when.
    pub since_ns: Instant,
    /// The same, as people read it.
    pub since: String,
}

/// An event of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// When.
    pub at_ns: Instant,
    /// The same, as people read it.
    pub at: String,
    /// Whose log.
    pub node: String,
    /// `agent-failed agent=learning`.
    pub text: String,
}

/// Flows that differ in one port.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flows {
    /// How many were tried.
    pub tried: usize,
    /// How many arrive.
    pub pass: usize,
    /// Their ports, the first and the last: source ports of the station that asks.
    pub ports: [u16; 2],
    /// Where something chooses.
    pub choices: Vec<Choice>,
    /// The first that does not arrive, where the one that was followed does.
    pub first_that_dies: Option<Dying>,
}

/// A flow that does not arrive.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dying {
    /// Which.
    pub flow: Flow,
    /// Where it went, as far as it went.
    pub hops: Vec<Hop>,
    /// Where it died.
    pub death: Death,
}

/// A group of next hops or a bundle that the flows came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Choice {
    /// The switch.
    pub node: String,
    /// `group 3` or `ae0`.
    pub by: String,
    /// How many buckets it has; 0 for a bundle.
    pub buckets: usize,
    /// What it leads to.
    pub options: Vec<ChoiceOption>,
}

/// Where a group or a bundle leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChoiceOption {
    /// A next hop, or a port.
    pub to: String,
    /// Flows that arrive.
    pub pass: usize,
    /// Flows that do not.
    pub die: usize,
    /// Buckets of a group whose flows do not arrive.
    pub dead_buckets: Vec<u16>,
}
