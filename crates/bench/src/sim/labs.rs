//! The labs that are measured, written as a user would write them.

use super::{SimError, SimPlan};
use greylag_scenario::story::{self, Choice, Scenario};
use greylag_scenario::{FileError, Source};
use std::fmt::Write;
use std::time::Duration;

fn read(text: &str) -> Result<Scenario, FileError> {
    story::parse(&Source::new("bench.yml", text), &Choice::default())
}

const HEAD: &str = "name: bench\ntitle: What is measured\nduration: 10m\ntopology:\n";

/// Switches in a row with a host at either end. Nodes are in the order of the row, hosts last; so are links.
pub(super) fn row(switches: usize) -> Result<Scenario, FileError> {
    let mut text = format!("{HEAD}  nodes:\n");
    for switch in 1..=switches {
        let _ = writeln!(text, "    sw{switch}: {{kind: greylag}}");
    }
    text.push_str("    h1: {kind: host}\n    h2: {kind: host}\n  links:\n");
    text.push_str("    - endpoints: [\"h1:eth1\", \"sw1:eth1\"]\n");
    for switch in 1..switches {
        let next = switch + 1;
        let _ = writeln!(text, "    - endpoints: [\"sw{switch}:eth2\", \"sw{next}:eth1\"]");
    }
    let _ = writeln!(text, "    - endpoints: [\"sw{switches}:eth2\", \"h2:eth1\"]");
    read(&text)
}

/// A switch in the middle, the others around it, hosts at those in turn; each flow between two hosts of its own.
pub(super) fn star(plan: &SimPlan) -> Result<Scenario, SimError> {
    let SimPlan { switches, links, flows, .. } = *plan;
    if switches < 2 || links < switches + 1 {
        return Err(SimError::Links { links, switches });
    }
    let hosts = links - (switches - 1);
    let mut text = format!("{HEAD}  nodes:\n");
    for switch in 1..=switches {
        let _ = writeln!(text, "    sw{switch}: {{kind: greylag}}");
    }
    for host in 1..=hosts {
        let _ = writeln!(text, "    h{host}: {{kind: host}}");
    }
    text.push_str("  links:\n");
    for switch in 2..=switches {
        let _ = writeln!(text, "    - endpoints: [\"sw1:eth{switch}\", \"sw{switch}:eth0\"]");
    }
    for host in 1..=hosts {
        let switch = 2 + host % (switches - 1);
        let address = format!("10.{}.{}.{}/8", host >> 16, host >> 8 & 0xff, host & 0xff);
        let _ = writeln!(
            text,
            "    - endpoints: [\"sw{switch}:h{host}\", {{node: h{host}, interface: eth1, ipv4: {address}}}]"
        );
    }
    text.push_str("flows:\n  probes: {from: [h1], to: [h2], interval: 1s}\n");
    let mut scenario = read(&text)?;
    scenario.flows[0].pairs = (0..flows)
        .map(|flow| {
            let (from, turn) = (flow % hosts, flow / hosts);
            let to = (from + 1 + turn % (hosts - 1)) % hosts;
            (switches + from, switches + to)
        })
        .collect();
    scenario.flows[0].stop = Duration::MAX;
    Ok(scenario)
}

/// Four switches in a row with four hosts each, whose learning agents learn; one of them is given up after a minute.
pub(super) fn failure() -> Result<Scenario, FileError> {
    let mut text = format!("{HEAD}  nodes:\n");
    for switch in 1..=4 {
        let _ = writeln!(text, "    sw{switch}: {{kind: greylag, config: {{learning: {{mode: agent}}}}}}");
    }
    for host in 1..=16 {
        let _ = writeln!(text, "    h{host}: {{kind: host}}");
    }
    text.push_str("  links:\n");
    for switch in 1..4 {
        let _ = writeln!(text, "    - endpoints: [\"sw{switch}:up\", \"sw{}:down\"]", switch + 1);
    }
    for host in 1..=16 {
        let switch = 1 + host % 4;
        let _ = writeln!(
            text,
            "    - endpoints: [\"sw{switch}:h{host}\", {{node: h{host}, interface: eth1, ipv4: 10.0.0.{host}/24}}]"
        );
    }
    text.push_str("flows:\n");
    for host in 1..=16 {
        let to = host % 16 + 1;
        let _ = writeln!(text, "  f{host}: {{from: [h{host}], to: [h{to}], interval: 1s}}");
    }
    text.push_str("timeline:\n  - {at: 60s, fault: {switch: sw2, crash-loop: {run: 1s, dump: 1s}}, standing: assumed}\n");
    read(&text)
}
