use super::{second, word};
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::answer::{Bfd, Bgp, BgpNeighbor, LinkState};

pub(super) fn bfd(rows: &[Bfd]) -> String {
    let mut table = Table::new(&[
        ("REMOTE", Left),
        ("INTERFACE", Left),
        ("STATE", Left),
        ("SINCE", Left),
        ("DETECT", Right),
        ("DIAGNOSTIC", Left),
    ]);
    for Bfd { last_change, row, .. } in rows {
        let interface = row.interface.as_deref().unwrap_or("multihop");
        let detect = row.detection_time.map_or("-".to_owned(), millis);
        table.row(&[
            &row.remote_address,
            &interface,
            &word(&row.session_state),
            &second(last_change),
            &detect,
            &diagnostic(&row.local_diagnostic_code),
        ]);
    }
    table.to_string()
}

fn diagnostic(code: &impl serde::Serialize) -> String {
    let text = super::plain(&serde_json::to_value(code).unwrap_or_default());
    if text == "NO_DIAGNOSTIC" { "-".to_owned() } else { text }
}

/// Microseconds as milliseconds.
fn millis(micros: u64) -> String {
    format!("{} ms", micros as f64 / 1000.0)
}

pub(super) fn bgp(rows: &[Bgp]) -> String {
    let mut text = String::new();
    for speaker in rows {
        text += &format!("AS {}, router-id {}\n", speaker.autonomous_system, speaker.router_id);
        let mut table = Table::new(&[
            ("NEIGHBOR", Left),
            ("AS", Right),
            ("STATE", Left),
            ("SINCE", Left),
            ("TAKEN", Right),
            ("TOLD", Right),
        ]);
        let mut failures = String::new();
        for BgpNeighbor { last_change, last_failure, row } in &speaker.neighbors {
            let (taken, told) = row
                .families
                .iter()
                .fold((0, 0), |(taken, told), family| (taken + family.accepted, told + family.sent));
            if let (Some(at), Some(cause)) = (last_failure, &row.last_failure_cause) {
                failures += &format!("{} failed last {}: {cause}\n", row.neighbor_address, second(at));
            }
            table.row(&[
                &row.neighbor_address,
                &row.peer_as,
                &word(&row.session_state),
                &second(last_change),
                &taken,
                &told,
            ]);
        }
        text += &format!("{table}{failures}");
    }
    text
}

pub(super) fn link_state(rows: &[LinkState]) -> String {
    let mut text = String::new();
    for LinkState { spf_last, row } in rows {
        text += &format!("router-id {}{}\n", row.router_id, if row.overload { ", overloaded" } else { "" });
        let mut table = Table::new(&[
            ("INTERFACE", Left),
            ("METRIC", Right),
            ("NEIGHBOR", Left),
            ("STATE", Left),
            ("SINCE", Left),
            ("LAST DOWN", Left),
        ]);
        for interface in &row.interfaces {
            let on = row.neighbors.iter().filter(|neighbor| neighbor.row.interface == interface.interface);
            let mut name = interface.interface.as_str();
            for neighbor in on {
                let down = neighbor.row.last_down.map_or("-".to_owned(), |reason| word(&reason));
                table.row(&[
                    &name,
                    &interface.metric,
                    &neighbor.row.neighbor,
                    &word(&neighbor.row.state),
                    &second(&neighbor.since),
                    &down,
                ]);
                name = "";
            }
            if !name.is_empty() {
                let state = match (interface.up, interface.passive) {
                    (false, _) => "down",
                    (true, true) => "passive",
                    (true, false) => "alone",
                };
                table.row(&[&name, &interface.metric, &"-", &state, &"-", &"-"]);
            }
        }
        let mut routers: Vec<_> = row.database.iter().map(|row| row.header.id.router).collect();
        routers.dedup();
        let last = spf_last.as_deref().map_or("never".to_owned(), second);
        text += &format!(
            "{table}\n{}, {}; shortest paths computed {} times, last {last}\n",
            super::count(routers.len(), "router", "routers"),
            super::count(row.routes, "route", "routes"),
            row.spf_runs
        );
    }
    text
}
