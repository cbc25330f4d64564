//! `greylag show`: what a running switch says, as a table or as its JSON.

mod lag;

use crate::arguments::{ShowArguments, Target, What};
use crate::outcome::{Failure, Outcome};
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::answer::{Agent, Alarm};
use greylag_lab::{client, find_switch};
use greylag_switch::alarm::AlarmKind;
use greylag_switch::show::{Counters, DropRow, FdbEntry, PortRow, VlanRow};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;

pub(crate) fn show(arguments: &ShowArguments) -> Outcome {
    let ShowArguments { what, target } = arguments;
    let answer = client::get(&socket(target)?, resource(*what)).map_err(Failure::failed)?;
    print(target.json, answer, |answer| {
        Ok(match what {
            What::Fdb => fdb(&understood::<Vec<_>>(answer)?),
            What::Vlans => vlans(&understood::<Vec<_>>(answer)?),
            What::Ports => ports(&understood::<Vec<_>>(answer)?),
            What::Lags => lag::lags(&understood::<Vec<_>>(answer)?),
            What::Lacp => lag::lacp(&understood::<Vec<_>>(answer)?),
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
    match target.switch.as_deref() {
        Some(path) if path.contains('/') => Ok(path.into()),
        Some(name) => find_switch::find_switch(name).map_err(|error| Failure::Usage(error.to_string())),
        None => find_switch::only_switch().map_err(Failure::failed),
    }
}

fn resource(what: What) -> &'static str {
    match what {
        What::Fdb => "/v1/fdb",
        What::Vlans => "/v1/vlans",
        What::Ports => "/v1/ports",
        What::Lags => "/v1/lags",
        What::Lacp => "/v1/lacp",
        What::Drops => "/v1/drops",
        What::Counters => "/v1/counters",
        What::Events => "/v1/events",
        What::Agents => "/v1/agents",
        What::Alarms => "/v1/alarms",
    }
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
            &row.admin_status,
            &row.oper_status,
            &row.interface_mode,
            &untagged,
            row.aggregate_id.as_ref().unwrap_or(&row.vlans),
            &row.mtu,
            &row.entries,
        ]);
    }
    table.to_string()
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
    let mut text = format!(
        "{table}\nMAC table: {} of {} addresses\n{} learned, {} refreshed, {} moved, {} moves damped, {} kept static, {} aged, {} evicted\n",
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
            text += &format!(" {name}={}", plain(value));
        }
    }
    text.push('\n');
    text
}

/// A value in one word: `eth1,eth2` for a list, `32768/02:00:00:00:00:01` for a system.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
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
        table.row(&[
            &row.name,
            &word(&row.state),
            &second(since),
            &row.restarts,
            &row.reports_waiting,
            &row.reports_lost,
            &row.addresses,
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
            AlarmKind::ReportsLost => ("reports-lost", "-"),
            AlarmKind::MacTableFull => ("mac-table-full", "-"),
            AlarmKind::CommitUnconfirmed => ("commit-unconfirmed", "-"),
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
