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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn a_bfd_session_says_why_it_went_down() {
        let session = |state: &str,
                       diagnostic: serde_json::Value,
                       interface: serde_json::Value,
                       time: serde_json::Value| {
            json!({"last-change": "2026-01-02T03:04:05.678901Z", "interface": interface, "remote-address": "10.0.1.1",
                "local-address": "10.0.1.0", "path-up": true, "session-state": state, "remote-session-state": "DOWN",
                "local-diagnostic-code": diagnostic, "remote-diagnostic-code": "NO_DIAGNOSTIC", "last-change-ns": 7,
                "failure-transitions": 1, "up-transitions": 1, "local-discriminator": 1, "remote-discriminator": 0,
                "desired-minimum-tx-interval": 300_000, "required-minimum-receive": 300_000, "detection-multiplier": 3,
                "remote-minimum-receive-interval": 1, "remote-multiplier": 0, "transmit-interval": 1_000_000,
                "detection-time": time, "transmitted-packets": 9, "received-packets": 8, "discards": {"ttl": 1}})
        };
        let rows = json!([
            session("UP", json!("NO_DIAGNOSTIC"), json!("eth2"), json!(900_000)),
            session("DOWN", json!("DETECTION_TIMEOUT"), json!(null), json!(null)),
            session("DOWN", json!({"RESERVED": 9}), json!("irb97"), json!(4500)),
        ]);
        assert_eq!(
            bfd(&from_value::<Vec<_>>(rows).unwrap()),
            "\
REMOTE    INTERFACE  STATE  SINCE                 DETECT  DIAGNOSTIC
10.0.1.1  eth2       UP     2026-01-02T03:04:05Z  900 ms  -
10.0.1.1  multihop   DOWN   2026-01-02T03:04:05Z       -  DETECTION_TIMEOUT
10.0.1.1  irb97      DOWN   2026-01-02T03:04:05Z  4.5 ms  RESERVED:9
"
        );
    }

    #[test]
    fn a_bgp_session_says_how_the_last_one_ended() {
        let notification = json!({"code": 6, "subcode": 2, "data": []});
        let rows = json!([{"as": 65001, "router-id": "192.0.2.1", "neighbors": [
            {"last-change": "2026-01-02T03:04:05.6Z", "last-failure": "2026-01-02T03:04:05.6Z", "last-failure-ns": 7,
                "neighbor-address": "10.0.1.1", "local-address": "10.0.1.0", "peer-as": 65002, "peer-type": "EXTERNAL",
                "session-state": "ACTIVE", "established-by": null, "last-change-ns": 7, "established-transitions": 1,
                "paths-lost": [], "remote-router-id": null, "negotiated-hold-time": null,
                "last-failure-cause": {"notification-received": notification}, "last-notification-sent": null,
                "last-notification-received": notification,
                "messages-sent": {"update": 1, "notification": 0, "total": 9},
                "messages-received": {"update": 1, "notification": 1, "total": 9},
                "families": [{"afi-safi-name": "IPV4_UNICAST", "active": false, "received": 5, "accepted": 4, "sent": 2},
                    {"afi-safi-name": "IPV6_UNICAST", "active": false, "received": 1, "accepted": 1, "sent": 0}]},
        ]}]);
        assert_eq!(
            bgp(&from_value::<Vec<_>>(rows).unwrap()),
            "\
AS 65001, router-id 192.0.2.1
NEIGHBOR     AS  STATE   SINCE                 TAKEN  TOLD
10.0.1.1  65002  ACTIVE  2026-01-02T03:04:05Z      5     2
10.0.1.1 failed last 2026-01-02T03:04:05Z: it said: Cease/Administrative Shutdown
"
        );
    }

    #[test]
    fn events_of_layer_3_are_one_line_each() {
        let line = |event: serde_json::Value| super::super::event(&event);
        let down = json!({"sequence": 1, "uptime-ns": 7, "event": "bgp-session-down", "neighbor-address": "10.0.1.1",
            "peer-as": 65002, "cause": {"notification-sent": {"code": 4, "subcode": 0, "data": []}}});
        let text = line(down);
        assert!(
            text.contains(" neighbor-address=10.0.1.1")
                && text.contains(" cause=\"we said: Hold Timer Expired\""),
            "{text}"
        );
        let down = json!({"event": "bfd-session-down", "local-diagnostic": {"RESERVED": 9}});
        assert_eq!(line(down), "bfd-session-down local-diagnostic=RESERVED:9\n");
        let down = json!({"event": "bfd-session-down", "local-diagnostic": "DETECTION_TIMEOUT"});
        assert_eq!(line(down), "bfd-session-down local-diagnostic=control-detection-time-expired\n");
        let failed = json!({"event": "fib-write-failed", "what": "route 10.0.0.0/8"});
        assert_eq!(line(failed), "fib-write-failed what=\"route 10.0.0.0/8\"\n");
    }
}
