//! `greylag check` and `greylag clear`: what a switch has learned, audited and forgotten.

use crate::arguments::{CheckWhat, ClearWhat};
use crate::outcome::{Failure, Outcome};
use crate::show;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::answer::FdbCheck;
use greylag_lab::client;
use greylag_switch::FdbConflict;
use serde_json::Value;

pub(crate) fn check(what: &CheckWhat) -> Outcome {
    let CheckWhat::Fdb { repair, target } = what;
    let socket = show::socket(target)?;
    let answer = match repair {
        true => client::post(&socket, "/v1/check/fdb", ""),
        false => client::get(&socket, "/v1/check/fdb"),
    };
    let answer = answer.map_err(Failure::failed)?;
    let found: FdbCheck = show::understood(answer.clone())?;
    show::print(target.json, answer, |_| Ok(report(&found)))?;
    let remaining = found.remaining.as_ref().unwrap_or(&found.conflicts);
    if remaining.is_empty() { Ok(()) } else { Err(Failure::Silent) }
}

fn report(found: &FdbCheck) -> String {
    if found.conflicts.is_empty() {
        return "agent, table and workers agree\n".to_owned();
    }
    let mut table = Table::new(&[
        ("VLAN", Right),
        ("MAC", Left),
        ("CONFLICT", Left),
        ("AGENT", Left),
        ("TABLE", Left),
        ("SEEN", Left),
    ]);
    for FdbConflict { vlan, mac, kind, agent, table: port, seen } in &found.conflicts {
        let kind = serde_json::to_value(kind).unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default();
        let place = |port: &Option<String>| port.clone().unwrap_or_else(|| "-".to_owned());
        table.row(&[vlan, mac, &kind, &place(agent), &place(port), &place(seen)]);
    }
    let conflicts = show::count(found.conflicts.len(), "conflict", "conflicts");
    let repaired = found.remaining.as_ref().map_or_else(String::new, |remaining| {
        let of_those = |conflict: &&FdbConflict| {
            !remaining.iter().any(|left| (left.vlan, left.mac) == (conflict.vlan, conflict.mac))
        };
        format!(
            ", {} repaired, {} remaining",
            found.conflicts.iter().filter(of_those).count(),
            remaining.len()
        )
    });
    format!("{table}{conflicts}{repaired}\n")
}

pub(crate) fn clear(what: &ClearWhat) -> Outcome {
    let ClearWhat::Fdb { port, vlan, target } = what;
    let body = serde_json::json!({"port": port, "vlan": vlan});
    let answer = client::post(&show::socket(target)?, "/v1/fdb/flush", body.to_string());
    show::print(target.json, answer.map_err(Failure::failed)?, |_: Value| Ok(String::new()))
}
