//! What an event makes of something that has a state.

use serde::Serialize;
use serde_json::{Map, Value};

/// What has a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// The node itself.
    Power,
    /// An agent, by its name.
    Agent,
    /// An alarm, by its name and agent.
    Alarm,
    /// The session with the other chassis, by its address.
    Iccp,
    /// What backup liveness says of the other chassis.
    Peer,
    /// The health gate.
    Health,
    /// A BFD session, by the address of its other end.
    Bfd,
    /// A BGP session, by the address of its other end.
    Bgp,
    /// An adjacency of the interior protocol, by its interface and neighbour.
    Adjacency,
    /// A bundle.
    Lag,
    /// The system id that a bundle shows.
    SystemId,
    /// What of a bundle the pair lets take part.
    Leg,
    /// Whether what comes from the other chassis leaves by a bundle.
    Isolation,
    /// Whether the links of a bundle have one partner.
    Partners,
    /// What a port may do in its bundle.
    Member,
    /// What LACP suspects of a port's link.
    Suspicion,
    /// A port or a bundle as a port.
    Port,
    /// Whether the learning agent and the MAC table agree.
    Table,
    /// Whether RIB and FIB agree.
    Fib,
}

/// What became of something that has a state: when, what, and why, where that is told.
pub(super) type History = Vec<(u64, String, String)>;

/// Something that has a state, and its history.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Track {
    pub(super) node: usize,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) turns: History,
}

/// What an event says of a state.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) why: String,
}

/// The states that an event changes.
pub(super) fn turn(event: &str, fields: &Map<String, Value>) -> Option<Turn> {
    let text = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(value) => value.to_string(),
    };
    let is = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or(false);
    let either = |name: &str, yes: &str, no: &str| (if is(name) { yes } else { no }).to_owned();
    let of = |kind: Kind, name: String, state: &str| {
        Some(Turn { kind, name, state: state.to_owned(), why: String::new() })
    };
    let because =
        |kind: Kind, name: String, state: String, why: String| Some(Turn { kind, name, state, why });
    match event {
        "power-on" => of(Kind::Power, String::new(), "on"),
        "power-off" => of(Kind::Power, String::new(), "off"),
        "agent-started" | "agent-resumed" => of(Kind::Agent, text("agent"), "running"),
        "agent-slowed" => of(Kind::Agent, text("agent"), "slow"),
        "agent-hung" => of(Kind::Agent, text("agent"), "hung"),
        "agent-crashed" => of(Kind::Agent, text("agent"), "crashed"),
        "agent-stopped" => of(Kind::Agent, text("agent"), "stopped"),
        "agent-failed" => because(Kind::Agent, text("agent"), "given-up".to_owned(), text("result")),
        "alarm-raised" => of(Kind::Alarm, alarm(&text), &text("severity")),
        "alarm-cleared" => of(Kind::Alarm, alarm(&text), "cleared"),
        "iccp-session-up" => of(Kind::Iccp, text("peer-address"), "up"),
        "iccp-session-down" => because(Kind::Iccp, text("peer-address"), "down".to_owned(), text("cause")),
        "mclag-peer-liveness-changed" => of(Kind::Peer, String::new(), &text("to")),
        "mclag-health-changed" => {
            because(Kind::Health, "gate".to_owned(), either("healthy", "healthy", "sick"), text("cause"))
        }
        "mclag-withdrawn" => of(Kind::Health, "bundles".to_owned(), &either("withdrawn", "withdrawn", "in")),
        "bfd-session-up" => of(Kind::Bfd, text("remote-address"), "up"),
        "bfd-session-down" => {
            let why = format!("local {}, remote {}", text("local-diagnostic"), text("remote-diagnostic"));
            because(Kind::Bfd, text("remote-address"), "down".to_owned(), why)
        }
        "bgp-session-up" => of(Kind::Bgp, text("neighbor-address"), "up"),
        "bgp-session-down" => because(Kind::Bgp, text("neighbor-address"), "down".to_owned(), text("cause")),
        "link-state-adjacency-up" => of(Kind::Adjacency, adjacency(&text), "up"),
        "link-state-adjacency-down" => {
            because(Kind::Adjacency, adjacency(&text), "down".to_owned(), text("reason"))
        }
        "lag-changed" => {
            let by = fields.get("distributing").and_then(Value::as_array);
            let by: Vec<&str> = by.into_iter().flatten().filter_map(Value::as_str).collect();
            let why = if by.is_empty() {
                "sends by no link".to_owned()
            } else {
                format!("sends by {}", by.join(", "))
            };
            because(Kind::Lag, text("lag"), either("up", "up", "down"), why)
        }
        "mclag-system-id-changed" => {
            because(Kind::SystemId, text("lag"), either("shared", "shared", "own"), text("system-id"))
        }
        "mclag-members-changed" => of(Kind::Leg, text("lag"), &text("to")),
        "mclag-isolation-changed" => {
            of(Kind::Isolation, text("lag"), &either("isolated", "isolated", "open"))
        }
        "lacp-partners-differ" => {
            let others =
                fields.get("others").and_then(Value::as_array).is_some_and(|others| !others.is_empty());
            of(Kind::Partners, text("lag"), if others { "differ" } else { "one" })
        }
        "lag-member-changed" => {
            let state = match (is("collecting"), is("distributing")) {
                (true, true) => "collecting-distributing",
                (true, false) => "collecting",
                (false, true) => "distributing",
                (false, false) => "detached",
            };
            because(Kind::Member, text("port"), state.to_owned(), text("lag"))
        }
        "lacp-one-way" => of(Kind::Suspicion, text("port"), &either("raised", "one-way", "none")),
        "lacp-partner-not-collecting" => {
            of(Kind::Suspicion, text("port"), &either("raised", "partner-not-collecting", "none"))
        }
        "port-up" => of(Kind::Port, text("port"), "up"),
        "port-down" => of(Kind::Port, text("port"), "down"),
        _ => None,
    }
}

fn alarm(text: &impl Fn(&str) -> String) -> String {
    let (alarm, agent) = (text("alarm"), text("agent"));
    if agent.is_empty() { alarm } else { format!("{alarm} ({agent})") }
}

fn adjacency(text: &impl Fn(&str) -> String) -> String {
    format!("{} to {}", text("interface"), text("neighbor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Turn> {
        let fields: Map<String, Value> = serde_json::from_str(line).unwrap();
        turn(fields["event"].as_str().unwrap(), &fields)
    }

    #[test]
    fn an_event_that_changes_a_state_says_which_and_why() {
        let down = read(
            r#"{"event":"bgp-session-down","neighbor-address":"10.0.0.1","peer-as":1,"cause":"hold-timer-expired"}"#,
        );
        let down = down.unwrap();
        assert_eq!((down.kind, down.name.as_str(), down.state.as_str()), (Kind::Bgp, "10.0.0.1", "down"));
        assert_eq!(down.why, "hold-timer-expired");
        let lag =
            read(r#"{"event":"lag-changed","lag":"ae0","up":true,"distributing":["eth1","eth2"]}"#).unwrap();
        assert_eq!((lag.state.as_str(), lag.why.as_str()), ("up", "sends by eth1, eth2"));
        let alarm =
            read(r#"{"event":"alarm-raised","alarm":"agent-failed","agent":"learning","severity":"red"}"#);
        assert_eq!(alarm.unwrap().name, "agent-failed (learning)");
    }

    #[test]
    fn what_has_no_state_changes_none() {
        assert_eq!(read(r#"{"event":"mac-learned","vlan":1,"mac":"02:00:00:00:00:01","port":"eth1"}"#), None);
    }
}
