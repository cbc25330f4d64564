//! What stands behind the end of a frame: the agent that is not well, and the newest event of the logs that explains it.

use super::answer::{Agent, Event};
use super::network::{Network, Told};
use greylag_base::MacAddr;

/// How many events are told beside the one that explains.
const BEFORE: usize = 3;

/// Beginnings of names of events that nobody needs to look for: there are too many of them.
const COMMON: &[&str] = &["mac-", "entries-lapsed", "neighbor-", "lacp-", "link-state-spf-", "echo-reply"];

/// What is known of the end of a frame.
pub(super) struct Place<'a> {
    pub(super) node: usize,
    pub(super) reason: &'a str,
    /// Ports that have to do with it: where it came in or would leave, and where the table sends it.
    pub(super) ports: Vec<&'a str>,
    /// The station that it is for.
    pub(super) mac: Option<MacAddr>,
    /// What orders call the cable.
    pub(super) link: Option<String>,
    /// Nodes at the ends of the cable, and the one that it is for.
    pub(super) others: Vec<usize>,
}

/// Which events explain something: the first kind that there is, and of that the newest.
type Kind<'k> = &'k dyn Fn(&Told) -> bool;

impl Place<'_> {
    /// The newest event that explains it.
    pub(super) fn after<N: Network>(&self, network: &N) -> Option<Event> {
        let at_port = |told: &Told| {
            ["port", "interface", "lag"]
                .iter()
                .any(|name| told.field(name).is_some_and(|port| self.ports.contains(&port)))
        };
        let here = |told: &Told| told.node == self.node;
        let of_mac = |told: &Told| {
            let mac = self.mac.map(|mac| mac.to_string());
            mac.is_some() && told.field("mac") == mac.as_deref()
        };
        let is = |told: &Told, names: &[&str]| names.contains(&told.event.as_str());
        let ordered = |told: &Told, actions: &[&str]| {
            told.event == "ordered" && told.field("action").is_some_and(|action| actions.contains(&action))
        };
        let port_down =
            |told: &Told| here(told) && at_port(told) && is(told, &["port-down", "interface-down"]);
        let port_back = |told: &Told| {
            here(told) && at_port(told) && is(told, &["port-up", "lag-changed", "lag-member-changed"])
        };
        let pair = |told: &Told| here(told) && is(told, &["mclag-isolation-changed", "iccp-session-down"]);
        let load = |told: &Told| ordered(told, &["broadcast", "mac-flood", "tcp"]);
        let commit = |told: &Told| {
            here(told)
                && (is(told, &["config-committed", "config-rolled-back"])
                    || ordered(told, &["commit", "rollback"]))
        };
        let member = |told: &Told| here(told) && at_port(told) && is(told, &["lag-member-changed"]);
        let agent = |told: &Told| {
            here(told) && is(told, &["agent-failed", "agent-crashed", "agent-hung", "agent-stopped"])
        };
        let table = |told: &Told| {
            here(told)
                && of_mac(told)
                && is(told, &["mac-moved", "mac-learned", "mac-aged", "mac-move-damped", "mac-evicted"])
        };
        let moved =
            |told: &Told| self.others.contains(&told.node) && ordered(told, &["move-host", "set-mac"]);
        let cable = |told: &Told| {
            let names = self.link.as_deref().zip(told.field("text"));
            told.event == "ordered" && names.is_some_and(|(link, text)| text.contains(link))
                || self.others.contains(&told.node) && is(told, &["power-off"])
        };
        let path = |told: &Told| {
            here(told)
                && (is(told, &["interface-down", "neighbor-failed", "fib-write-failed", "power-on"])
                    || is(told, &["port-down"]))
        };
        let fault = |told: &Told| here(told) && told.event == "ordered";
        let session = |told: &Told| {
            here(told)
                && (told.event.ends_with("-down")
                    || told.event.ends_with("-closed")
                    || is(told, &["config-committed"]))
        };
        let lapsed = |told: &Told| here(told) && is(told, &["entries-lapsed", "mac-aged"]);
        let held = |told: &Told| here(told) && of_mac(told) && is(told, &["mac-move-damped"]);
        let failed = |told: &Told| here(told) && is(told, &["neighbor-failed"]);
        let kinds: &[Kind<'_>] = match self.reason {
            "port-down" | "egress-down" => &[&port_down],
            "destination-down" => &[&port_down, &moved, &commit],
            "not-collecting" => &[&member, &port_down],
            "vlan-not-allowed" | "no-native-vlan" | "interface-down" | "isolated" => &[&port_down, &commit],
            "split-horizon" => &[&pair, &commit],
            "move-damped" => &[&held],
            "hairpin" | "stale-entry" => &[&moved, &table, &agent],
            "wrong-address" | "wrong-vlan" => &[&moved, &commit],
            "not-in-flood-group" => &[&port_back, &agent],
            "flood-group-lapsed" | "adjacency-unresolved" => &[&agent, &lapsed],
            "next-hop-unset" | "no-live-next-hop" => &[&path, &fault],
            "next-hop-unresolved" => &[&failed, &path],
            "no-route" | "unreachable" | "blackhole" | "prohibited" => &[&session, &fault],
            "storm-control" | "link-queue-full" => &[&load, &commit],
            reason if reason.starts_with("link-") || reason == "transit" => &[&cable],
            _ => &[],
        };
        let log = network.log();
        let found = kinds.iter().find_map(|kind| log.iter().rev().find(|told| kind(told)))?;
        Some(event(network, found))
    }

    /// What had happened there, or was done anywhere, before now.
    pub(super) fn before<N: Network>(&self, network: &N, but: Option<&Event>) -> Vec<Event> {
        let is_common = |told: &&Told| COMMON.iter().any(|common| told.event.starts_with(common));
        let relevant = |told: &&Told| {
            told.at > greylag_base::Instant::ZERO && (told.event == "ordered" || told.node == self.node)
        };
        let notable = network.log().iter().rev().filter(relevant).filter(|told| !is_common(told));
        let events = notable.map(|told| event(network, told)).filter(|told| Some(told) != but);
        let mut last: Vec<Event> = events.take(BEFORE).collect();
        last.reverse();
        last
    }
}

/// What made a switch forget a station, or kept it from learning it: its own events of the station, a full table, an agent that was not
/// well, or that nothing was heard of it for long enough.
pub(super) fn forgotten<N: Network>(network: &N, node: usize, mac: MacAddr) -> Option<Event> {
    let mac = mac.to_string();
    let of_mac = |told: &Told| told.field("mac") == Some(mac.as_str());
    let named = |told: &Told, names: &[&str]| names.contains(&told.event.as_str());
    let full = |told: &Told| {
        let alarms = ["mac-table-full", "reports-lost"];
        named(told, &["alarm-raised"]) && told.field("alarm").is_some_and(|alarm| alarms.contains(&alarm))
    };
    let kinds: [Kind<'_>; 4] = [
        &|told| of_mac(told) && named(told, &["mac-aged", "mac-evicted", "mac-declined"]),
        &full,
        &|told| {
            named(told, &["agent-failed", "agent-crashed", "agent-hung", "agent-stopped", "agent-slowed"])
        },
        &|told| named(told, &["entries-lapsed", "fdb-flushed"]),
    ];
    let here = || network.log().iter().rev().filter(|told| told.node == node);
    let found = kinds.iter().find_map(|kind| here().find(|told| kind(told)))?;
    Some(event(network, found))
}

fn event<N: Network>(network: &N, told: &Told) -> Event {
    Event {
        at_ns: told.at,
        at: network.time(told.at),
        node: network.plan().name(told.node).to_owned(),
        text: told.text(),
    }
}

/// The agent of a switch that turned last and is not well.
pub(super) fn trouble<N: Network>(network: &N, node: usize) -> Option<Agent> {
    let mut met = Vec::new();
    for told in network.log().iter().rev().filter(|told| told.node == node) {
        if told.event == "power-off" {
            return None;
        }
        let state = match told.event.as_str() {
            "agent-started" | "agent-resumed" => "running",
            "agent-slowed" => "slow",
            "agent-hung" => "hung",
            "agent-crashed" | "agent-stopped" => "dead",
            "agent-failed" => "failed",
            _ => continue,
        };
        let Some(agent) = told.field("agent").filter(|agent| !met.contains(agent)) else { continue };
        met.push(agent);
        if state != "running" {
            let (agent, state) = (agent.to_owned(), state.to_owned());
            return Some(Agent { agent, state, since_ns: told.at, since: network.time(told.at) });
        }
    }
    None
}
