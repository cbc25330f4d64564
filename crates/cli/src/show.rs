//! `greylag show`: what a running switch says, as a table or as its JSON.

mod follow;
mod lag;
mod mclag;
mod pages;
mod routing;
mod sessions;

use crate::arguments::{ShowArguments, Target, What};
use crate::outcome::{Failure, Outcome};
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::answer::{Agent, Alarm};
use greylag_lab::{client, find_switch};
use greylag_switch::alarm::AlarmKind;
use greylag_switch::show::{
    BgpPathRow, Counters, DropRow, FdbEntry, FibRow, PortImpairment, PortIo, PortRow, RouteRow, VlanRow,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) fn show(arguments: &ShowArguments) -> Outcome {
    let ShowArguments { what, to, follow, target } = arguments;
    let socket = socket(target)?;
    if *follow {
        if *what != What::Events || to.is_some() {
            return Err(Failure::Usage("only `show events` goes on: --follow is for that".to_owned()));
        }
        return follow::events(&socket, target.json);
    }
    match (what, to) {
        (What::Routes, to) => {
            return pages::show::<RouteRow>(&socket, "/v1/routes", to.as_ref(), target.json);
        }
        (What::Fib, to) => return pages::show::<FibRow>(&socket, "/v1/fib", to.as_ref(), target.json),
        (What::Bgp, Some(to)) => {
            return pages::show::<BgpPathRow>(&socket, "/v1/bgp/routes", Some(to), target.json);
        }
        (_, Some(_)) => {
            let sentence = "only `show routes`, `show fib` and `show bgp` take a prefix or an address";
            return Err(Failure::Usage(sentence.to_owned()));
        }
        (_, None) => {}
    }
    let answer = client::get(&socket, resource(*what)).map_err(Failure::failed)?;
    print(target.json, answer, |answer| {
        let is_empty = answer.as_array().is_some_and(Vec::is_empty);
        if is_empty && matches!(what, What::Mclag | What::Iccp) {
            return Ok("this switch is no part of a pair: `multi-chassis` is not configured\n".to_owned());
        }
        if let Some(nothing) = nothing(*what).filter(|_| is_empty) {
            return Ok(format!("{}\n", layer3(&socket)?.unwrap_or(nothing)));
        }
        Ok(match what {
            What::Fdb => fdb(&understood::<Vec<_>>(answer)?),
            What::Vlans => vlans(&understood::<Vec<_>>(answer)?),
            What::Ports => ports(&understood::<Vec<_>>(answer)?),
            What::Lags => lag::lags(&understood::<Vec<_>>(answer)?),
            What::Lacp => lag::lacp(&understood::<Vec<_>>(answer)?),
            What::Interfaces => routing::interfaces(&understood::<Vec<_>>(answer)?),
            What::NexthopGroups => routing::groups(&understood::<Vec<_>>(answer)?),
            What::Neighbors => routing::neighbors(&understood::<Vec<_>>(answer)?),
            What::Bfd => sessions::bfd(&understood::<Vec<_>>(answer)?),
            What::Bgp => sessions::bgp(&understood::<Vec<_>>(answer)?),
            What::LinkState => sessions::link_state(&understood::<Vec<_>>(answer)?),
            What::Mclag => mclag::mclag(&understood::<Vec<_>>(answer)?),
            What::Iccp => mclag::iccp(&understood::<Vec<_>>(answer)?),
            What::Routes | What::Fib => unreachable!("these come page by page"),
            What::Drops => drops(&understood::<Vec<_>>(answer)?),
            What::Counters => counters(&understood(answer)?),
            What::Events => events(&understood::<Vec<_>>(answer)?),
            What::Agents => agents(&understood::<Vec<_>>(answer)?),
            What::Alarms => alarms(&understood::<Vec<_>>(answer)?),
        })
    })
}

/// Prints an answer, as it came or as a text for people.
pub(crate) fn print(
    json: bool,
    answer: Value,
    text: impl FnOnce(Value) -> Result<String, Failure>,
) -> Outcome {
    let mut out = std::io::stdout().lock();
    if json {
        return Ok(writeln!(out, "{answer:#}")?);
    }
    Ok(write!(out, "{}", text(answer)?)?)
}

/// The control socket of the switch that is meant.
pub(crate) fn socket(target: &Target) -> Result<PathBuf, Failure> {
    target.switch.as_deref().map_or_else(only_socket, socket_of)
}

/// The control socket of a switch, by its name or its path.
pub(crate) fn socket_of(switch: &str) -> Result<PathBuf, Failure> {
    if switch.contains('/') {
        return Ok(switch.into());
    }
    find_switch::find_switch(switch).map_err(|error| Failure::Usage(error.to_string()))
}

/// That of the only switch that runs.
pub(crate) fn only_socket() -> Result<PathBuf, Failure> {
    find_switch::only_switch().map_err(Failure::failed)
}

fn resource(what: What) -> &'static str {
    match what {
        What::Fdb => "/v1/fdb",
        What::Vlans => "/v1/vlans",
        What::Ports => "/v1/ports",
        What::Lags => "/v1/lags",
        What::Lacp => "/v1/lacp",
        What::Interfaces => "/v1/interfaces",
        What::Routes => "/v1/routes",
        What::Fib => "/v1/fib",
        What::NexthopGroups => "/v1/nexthop-groups",
        What::Neighbors => "/v1/neighbors",
        What::Bfd => "/v1/bfd",
        What::Bgp => "/v1/bgp",
        What::LinkState => "/v1/link-state",
        What::Mclag => "/v1/mclag",
        What::Iccp => "/v1/iccp",
        What::Drops => "/v1/drops",
        What::Counters => "/v1/counters",
        What::Events => "/v1/events",
        What::Agents => "/v1/agents",
        What::Alarms => "/v1/alarms",
    }
}

/// What an empty list of layer 3 means on a switch that routes.
fn nothing(what: What) -> Option<&'static str> {
    Some(match what {
        What::Interfaces => NO_LAYER_3,
        What::NexthopGroups => "there is no next-hop group",
        What::Neighbors => "no neighbor is known",
        What::Bfd => "no BFD session is asked for",
        What::Bgp => "this switch does not speak BGP: `routing.bgp` is not configured",
        What::LinkState => {
            "this switch does not speak the interior protocol: `routing.link-state` is not configured"
        }
        _ => return None,
    })
}

const NO_LAYER_3: &str = "this switch has no interface of layer 3";

/// What is to be said of a switch that does not route.
fn layer3(socket: &Path) -> Result<Option<&'static str>, Failure> {
    let interfaces: Vec<Value> = client::ask(socket, "/v1/interfaces").map_err(Failure::failed)?;
    Ok(interfaces.is_empty().then_some(NO_LAYER_3))
}

/// An answer as a value.
pub(crate) fn understood<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer)
        .map_err(|error| Failure::Failed(format!("the switch speaks another version: {error}")))
}

pub(crate) fn fdb(rows: &[FdbEntry]) -> String {
    let mut table =
        Table::new(&[("VLAN", Right), ("MAC", Left), ("PORT", Left), ("AGE", Right), ("STATE", Left)]);
    for row in rows {
        let age = row.updated.map_or("-".to_owned(), |seconds| format!("{seconds} s"));
        let state = if row.state.is_empty() { "dynamic" } else { &row.state };
        table.row(&[&row.vlan, &row.mac, &row.ifname, &age, &state]);
    }
    format!("{table}{}\n", count(rows.len(), "address", "addresses"))
}

fn vlans(rows: &[VlanRow]) -> String {
    let mut table =
        Table::new(&[("VLAN", Right), ("NAME", Left), ("UNTAGGED", Left), ("TAGGED", Left), ("MACS", Right)]);
    for row in rows {
        let name = row.name.as_deref().unwrap_or("-");
        table.row(&[&row.vlan, &name, &list(&row.untagged), &list(&row.tagged), &row.entries]);
    }
    table.to_string()
}

fn ports(rows: &[PortRow]) -> String {
    let mut table = Table::new(&[
        ("PORT", Left),
        ("TYPE", Left),
        ("IO", Left),
        ("ADMIN", Left),
        ("OPER", Left),
        ("MODE", Left),
        ("UNTAGGED", Right),
        ("VLANS", Left),
        ("MTU", Right),
        ("MACS", Right),
    ]);
    for row in rows {
        let untagged = row.untagged_vlan.map_or("-".to_owned(), |vlan| vlan.to_string());
        table.row(&[
            &row.name,
            &row.kind,
            &row.io.as_ref().map_or("-", |io| io.kind.as_str()),
            &row.admin_status,
            &row.oper_status,
            &row.interface_mode,
            &untagged,
            row.aggregate_id.as_ref().unwrap_or(&row.vlans),
            &row.mtu,
            &row.entries,
        ]);
    }
    // Most ports have the same reason.
    let mut reasons: Vec<(&PortIo, Vec<&str>)> = Vec::new();
    for (io, port) in rows.iter().filter_map(|row| Some((row.io.as_ref()?, row.name.as_str()))) {
        match reasons.iter_mut().find(|(other, _)| *other == io) {
            Some((_, ports)) => ports.push(port),
            None => reasons.push((io, vec![port])),
        }
    }
    let reason =
        |(io, ports): &(&PortIo, Vec<&str>)| format!("{} by {}: {}\n", ports.join(", "), io.kind, io.reason);
    let mut legend: String = reasons.iter().map(reason).collect();
    for row in rows.iter().filter(|row| !row.missed.is_empty()) {
        let reasons: Vec<String> =
            row.missed.iter().map(|(reason, frames)| format!("{frames} {reason}")).collect();
        legend += &format!("dropped in front of {}: {}\n", row.name, reasons.join(", "));
    }
    for (port, impairment) in rows.iter().filter_map(|row| Some((&row.name, row.impairment.as_ref()?))) {
        let PortImpairment { impair, lost, duplicated, corrupted, overtaken, no_room, refused } = impairment;
        legend += &format!(
            "{port} impairs what leaves by it, {impair}: {lost} lost, {duplicated} duplicated, {corrupted} corrupted, \
             {overtaken} overtaken, {no_room} without room, {refused} refused\n"
        );
    }
    if legend.is_empty() { table.to_string() } else { format!("{table}\n{legend}") }
}

fn drops(rows: &[DropRow]) -> String {
    if rows.is_empty() {
        return "no frame was dropped\n".to_owned();
    }
    let mut table = Table::new(&[("PORT", Left), ("REASON", Left), ("FRAMES", Right)]);
    for row in rows {
        table.row(&[&row.port, &row.reason, &row.frames]);
    }
    let mut reasons: Vec<(&str, &str)> =
        rows.iter().map(|row| (row.reason.as_str(), row.description.as_str())).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let legend: String =
        reasons.iter().map(|(reason, description)| format!("{reason}: {description}\n")).collect();
    format!("{table}\n{legend}")
}

fn counters(counters: &Counters) -> String {
    let mut table = Table::new(&[
        ("PORT", Left),
        ("IN", Right),
        ("OCTETS", Right),
        ("FLOODED", Right),
        ("DROPPED", Right),
        ("MISSED", Right),
        ("ERRORS", Right),
        ("OUT", Right),
        ("OCTETS", Right),
    ]);
    for port in &counters.ports {
        table.row(&[
            &port.port,
            &port.in_frames,
            &port.in_octets,
            &port.in_flooded,
            &port.dropped,
            &port.in_missed,
            &port.in_errors,
            &port.out_frames,
            &port.out_octets,
        ]);
    }
    let mac = &counters.mac_table;
    let mut text = table.to_string();
    if !counters.interfaces.is_empty() {
        text += &format!("\n{}", routing::counters(&counters.interfaces));
    }
    text += &format!(
        "\nMAC table: {} of {} addresses\n{} learned, {} refreshed, {} moved, {} moves damped, {} kept static, {} aged, {} evicted\n",
        mac.entries,
        mac.maximum_entries,
        mac.learned,
        mac.refreshed,
        mac.moved,
        mac.move_damped,
        mac.static_kept,
        mac.aged,
        mac.evicted
    );
    for (reason, count) in &mac.declined {
        text += &format!("not learned, {reason}: {count}\n");
    }
    let agent = &counters.learning;
    text += &format!(
        "Learning agent: {} reports handled, {} waiting, {} lost; {} addresses renewed\n",
        agent.reports_handled, agent.reports_waiting, agent.reports_lost, agent.renewed
    );
    if mac.events_lost > 0 {
        text += &format!("events lost: {}\n", mac.events_lost);
    }
    text
}

fn events(rows: &[Value]) -> String {
    let time = |row: &Value| row["time"].as_str().unwrap_or("-").to_owned();
    rows.iter().map(|row| format!("{} {}", time(row), event(row))).collect()
}

/// The name of an event and its fields, with the end of the line.
pub(crate) fn event(row: &Value) -> String {
    let mut text = row["event"].as_str().unwrap_or("-").to_owned();
    for (name, value) in row.as_object().into_iter().flatten() {
        if !["time", "event", "sequence", "uptime-ns"].contains(&name.as_str()) {
            text += &format!(" {name}={}", said(name, value));
        }
    }
    text.push('\n');
    text
}

/// A field of an event; with quotation marks where it has several words.
fn said(name: &str, value: &Value) -> String {
    if let Some(word) = value.as_str().filter(|_| name.ends_with("-diagnostic")) {
        return diagnostic(word);
    }
    let cause = (name == "cause").then(|| serde_json::from_value::<greylag_bgp::Cause>(value.clone()).ok());
    let text = cause.flatten().map_or_else(|| plain(value), |cause| cause.to_string());
    if text.contains(' ') { format!("{text:?}") } else { text }
}

/// What BFD says of a session's end, in the words of RFC 5880.
fn diagnostic(openconfig: &str) -> String {
    match openconfig {
        "DETECTION_TIMEOUT" => "control-detection-time-expired".to_owned(),
        "ECHO_FAILED" => "echo-function-failed".to_owned(),
        "NEIGHBOR_DOWN" => "neighbor-signaled-session-down".to_owned(),
        "FORWARDING_RESET" => "forwarding-plane-reset".to_owned(),
        "ADMIN_DOWN" => "administratively-down".to_owned(),
        other => other.to_lowercase().replace('_', "-"),
    }
}

/// A value in one word: `eth1,eth2` for a list, `32768/02:00:00:00:00:01` for a system.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Object(fields) if fields.len() == 1 => {
            fields.iter().map(|(name, value)| format!("{name}:{}", plain(value))).collect()
        }
        Value::Object(fields) => fields.values().map(plain).collect::<Vec<_>>().join("/"),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn agents(rows: &[Agent]) -> String {
    let mut table = Table::new(&[
        ("AGENT", Left),
        ("STATE", Left),
        ("SINCE", Left),
        ("RESTARTS", Right),
        ("WAITING", Right),
        ("LOST", Right),
        ("MACS", Right),
    ]);
    for Agent { since, row } in rows {
        // Others keep no list of them.
        let addresses = if row.name == "learning" { row.addresses.to_string() } else { "-".to_owned() };
        table.row(&[
            &row.name,
            &word(&row.state),
            &second(since),
            &row.restarts,
            &row.reports_waiting,
            &row.reports_lost,
            &addresses,
        ]);
    }
    table.to_string()
}

fn alarms(rows: &[Alarm]) -> String {
    if rows.is_empty() {
        return "no alarm was raised\n".to_owned();
    }
    let mut table =
        Table::new(&[("ALARM", Left), ("AGENT", Left), ("LEVEL", Left), ("RAISED", Left), ("CLEARED", Left)]);
    for Alarm { raised, cleared, row } in rows {
        let (alarm, agent) = match row.alarm {
            AlarmKind::AgentFailed { agent } => ("agent-failed", agent.name()),
            AlarmKind::AgentRestarting { agent } => ("agent-restarting", agent.name()),
            AlarmKind::RebootPending { agent } => ("reboot-pending", agent.name()),
            AlarmKind::ReportsLost => ("reports-lost", "-"),
            AlarmKind::MacTableFull => ("mac-table-full", "-"),
            AlarmKind::CommitUnconfirmed => ("commit-unconfirmed", "-"),
            AlarmKind::IccpDown => ("iccp-down", "-"),
            AlarmKind::MclagSplitBrain => ("mclag-split-brain", "-"),
            AlarmKind::MclagConflict => ("mclag-conflict", "-"),
            AlarmKind::MclagWithdrawn => ("mclag-withdrawn", "-"),
        };
        let cleared = cleared.as_deref().map_or("-".to_owned(), second);
        table.row(&[&alarm, &agent, &word(&row.severity), &second(raised), &cleared]);
    }
    let raised = rows.iter().filter(|alarm| alarm.cleared.is_none()).count();
    format!("{table}{}\n", count(raised, "alarm is raised", "alarms are raised"))
}

/// The word that JSON has for a value.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| Some(word.as_str()?.to_owned())).unwrap_or_default()
}

/// A time of day without its fraction.
pub(crate) fn second(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(second, _)| format!("{second}Z"))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
