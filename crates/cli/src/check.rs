//! `greylag check` and `greylag clear`: what a switch has learned, audited and forgotten.

use crate::arguments::{CheckWhat, ClearWhat, Target};
use crate::outcome::{Failure, Outcome};
use crate::paragraph::wrap;
use crate::show;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::answer::{FdbCheck, FibCheck, MclagCheck, PathCheck};
use greylag_lab::client;
use greylag_switch::show::MclagCheckRow;
use greylag_switch::{FdbConflict, FibConflict, PathProbe};
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// A table of more conflicts is no table for people.
const SHOWN: usize = 1000;

/// How often a check that takes its time is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn check(what: &CheckWhat) -> Outcome {
    match what {
        CheckWhat::Fdb { repair, target } => check_fdb(*repair, target),
        CheckWhat::Fib { repair, target } => check_fib(*repair, target),
        CheckWhat::Paths { target } => check_paths(target),
        CheckWhat::Mclag { target } => check_mclag(target),
    }
}

/// Asks for a comparison, or for one with a repair.
fn compare(target: &Target, resource: &str, repair: bool) -> Result<Value, Failure> {
    let socket = show::socket(target)?;
    let answer = if repair { client::post(&socket, resource, "") } else { client::get(&socket, resource) };
    answer.map_err(Failure::failed)
}

fn check_fdb(repair: bool, target: &Target) -> Outcome {
    let answer = compare(target, "/v1/check/fdb", repair)?;
    let found: FdbCheck = show::understood(answer.clone())?;
    show::print(target.json, answer, |_| Ok(report(&found)))?;
    fail_unless(found.remaining.as_ref().unwrap_or(&found.conflicts).is_empty())
}

fn fail_unless(right: bool) -> Outcome {
    if right { Ok(()) } else { Err(Failure::Silent) }
}

fn check_fib(repair: bool, target: &Target) -> Outcome {
    let answer = compare(target, "/v1/check/fib", repair)?;
    let found: FibCheck = show::understood(answer.clone())?;
    show::print(target.json, answer, |_| Ok(report_fib(&found)))?;
    fail_unless(found.remaining.as_ref().unwrap_or(&found.conflicts).is_empty())
}

fn report_fib(found: &FibCheck) -> String {
    if found.conflicts.is_empty() {
        return "RIB and FIB agree\n".to_owned();
    }
    let mut table = Table::new(&[
        ("CONFLICT", Left),
        ("PREFIX", Left),
        ("PREFIXES", Right),
        ("GROUP", Right),
        ("BUCKET", Right),
        ("WORKER", Right),
    ]);
    let mut details = Vec::new();
    for conflict in found.conflicts.iter().take(SHOWN) {
        let FibConflict { kind, prefix, prefixes, group, bucket, worker, fib, rib, .. } = conflict;
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row(&[
            &kind.name(),
            &or_none(prefix.map(|prefix| prefix.to_string())),
            prefixes,
            &or_none(group.map(|group| group.get().to_string())),
            &or_none(bucket.map(|bucket| bucket.to_string())),
            &or_none(worker.map(|worker| worker.to_string())),
        ]);
        let side = |name: &str, says: &Option<String>| {
            says.as_ref().map_or(String::new(), |says| wrap(&format!("  {name} {says}"), 6))
        };
        details.push(side("FIB", fib) + &side("RIB", rib));
    }
    let mut text = table.with_details(&details);
    if found.conflicts.len() > SHOWN {
        text += &format!("and {} more, which `-j` prints\n", found.conflicts.len() - SHOWN);
    }
    text += &show::count(found.conflicts.len(), "conflict", "conflicts");
    if let Some(remaining) = &found.remaining {
        let repaired = found.conflicts.iter().filter(|conflict| !remaining.contains(conflict)).count();
        text += &format!(", {repaired} repaired, {} remaining", remaining.len());
    }
    text + "\n"
}

fn check_mclag(target: &Target) -> Outcome {
    let answer = compare(target, "/v1/check/mclag", false)?;
    let found: MclagCheck = show::understood(answer.clone())?;
    show::print(target.json, answer, |_| Ok(report_mclag(&found)))?;
    fail_unless(!found.rows.iter().any(|row| row.conflict))
}

fn report_mclag(found: &MclagCheck) -> String {
    let mut table =
        Table::new(&[("PARAMETER", Left), ("OF", Left), ("LOCAL", Left), ("PEER", Left), ("CONFLICT", Left)]);
    for MclagCheckRow { parameter, of, local, peer, conflict } in found.rows.iter().take(SHOWN) {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let conflict = if *conflict { "yes" } else { "-" };
        table.row(&[parameter, &or_none(of), &or_none(local), &or_none(peer), &conflict]);
    }
    let mut text = table.to_string();
    if found.rows.len() > SHOWN {
        text += &format!("and {} more, which `-j` prints\n", found.rows.len() - SHOWN);
    }
    let conflicts = found.rows.iter().filter(|row| row.conflict).count();
    text + &show::count(conflicts, "conflict", "conflicts") + "\n"
}

/// Begins the check, and waits until it is over.
fn check_paths(target: &Target) -> Outcome {
    let socket = show::socket(target)?;
    let mut answer = client::post(&socket, "/v1/check/paths", "").map_err(Failure::failed)?;
    let is_seen = io::stderr().is_terminal();
    let mut found: PathCheck = show::understood(answer.clone())?;
    while !found.over {
        std::thread::sleep(LOOK);
        answer = client::get(&socket, "/v1/check/paths").map_err(Failure::failed)?;
        found = show::understood(answer.clone())?;
        if is_seen {
            let mut screen = io::stderr();
            let _ = write!(screen, "\r\x1b[K{} of {} buckets answered", found.answered, found.probes)
                .and_then(|()| screen.flush());
        }
    }
    if is_seen {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    show::print(target.json, answer, |_| Ok(report_paths(&found)))?;
    fail_unless(found.lost.is_empty())
}

fn report_paths(found: &PathCheck) -> String {
    if found.probes == 0 {
        return "no route leads to another router: there is no path to be checked\n".to_owned();
    }
    let mut text = String::new();
    if !found.lost.is_empty() {
        let mut table = Table::new(&[
            ("PREFIX", Left),
            ("PREFIXES", Right),
            ("GROUP", Right),
            ("BUCKET", Right),
            ("NEXT HOP", Left),
        ]);
        let shown = &found.lost[..found.lost.len().min(SHOWN)];
        for PathProbe { group, bucket, prefix, prefixes, next_hop, .. } in shown {
            table.row(&[prefix, prefixes, &group.get(), bucket, next_hop]);
        }
        text += &table.with_details(&shown.iter().map(flow).collect::<Vec<_>>());
        if found.lost.len() > SHOWN {
            text += &format!("and {} more, which `-j` prints\n", found.lost.len() - SHOWN);
        }
    }
    let probes = show::count(found.probes, "bucket", "buckets");
    text + &format!("{probes}, {} answered, {} lost\n", found.answered, found.lost.len())
}

/// The packet that nobody answered: others of this flow go the same way.
fn flow(probe: &PathProbe) -> String {
    let PathProbe { source, destination, source_port, destination_port, .. } = probe;
    format!("  udp {source} {source_port} > {destination} {destination_port}\n")
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn conflicts_of_the_fib_say_what_each_side_has() {
        let stations: Vec<String> = (1..=6).map(|n| format!("10.0.{n}.1 on eth{n}")).collect();
        let found = json!({"conflicts": [
            {"kind": "bucket-stale", "prefix": "10.0.20.0/24", "prefixes": 250_000, "group": 2, "bucket": 7,
                "fib": "next hop 5, which is gone", "rib": stations.join(", ")},
            {"kind": "route-missing", "prefix": "2001:db8:20::/64", "prefixes": 1, "group": 3, "rib": "10.0.1.1 on eth2"},
            {"kind": "bucket-stale", "prefixes": 0, "group": 2, "bucket": 7, "worker": 1, "fib": "10.0.1.1 on eth2"},
        ], "remaining": [{"kind": "route-missing", "prefix": "2001:db8:20::/64", "prefixes": 1, "group": 3, "rib": "10.0.1.1 on eth2"}]});
        let text = report_fib(&serde_json::from_value(found).unwrap());
        assert_eq!(
            text,
            "\
CONFLICT       PREFIX            PREFIXES  GROUP  BUCKET  WORKER
bucket-stale   10.0.20.0/24        250000      2       7       -
  FIB next hop 5, which is gone
  RIB 10.0.1.1 on eth1, 10.0.2.1 on eth2, 10.0.3.1 on eth3, 10.0.4.1 on eth4,
      10.0.5.1 on eth5, 10.0.6.1 on eth6
route-missing  2001:db8:20::/64         1      3       -       -
  RIB 10.0.1.1 on eth2
bucket-stale   -                        0      2       7       1
  FIB 10.0.1.1 on eth2
3 conflicts, 2 repaired, 1 remaining
"
        );
        let none = FibCheck { conflicts: Vec::new(), remaining: None };
        assert_eq!(report_fib(&none), "RIB and FIB agree\n");
    }

    #[test]
    fn what_two_chassis_should_agree_on_is_told_with_what_each_has() {
        let found = json!({"rows": [
            {"parameter": "redundancy-group", "local": "1", "peer": "1", "conflict": false},
            {"parameter": "admin-key", "of": "mc-ae-id 10", "local": "10", "peer": "11", "conflict": true},
            {"parameter": "mac", "of": "02:00:00:00:00:07 in VLAN 10", "local": null, "peer": "single-homed", "conflict": true},
        ]});
        assert_eq!(
            report_mclag(&serde_json::from_value(found).unwrap()),
            "\
PARAMETER         OF                            LOCAL  PEER          CONFLICT
redundancy-group  -                             1      1             -
admin-key         mc-ae-id 10                   10     11            yes
mac               02:00:00:00:00:07 in VLAN 10  -      single-homed  yes
2 conflicts
"
        );
    }

    #[test]
    fn a_lost_bucket_is_told_with_the_flow_that_finds_it() {
        let lost = json!({"group": 2, "bucket": 7, "prefix": "10.0.20.0/24", "prefixes": 3, "next-hop": "10.0.1.1 on eth2",
            "source": "10.0.1.0", "destination": "10.0.20.1", "source-port": 49152, "destination-port": 33434,
            "attempts": 3, "answered-by": null});
        let found = json!({"over": true, "probes": 64, "answered": 63, "lost": [lost]});
        assert_eq!(
            report_paths(&serde_json::from_value(found).unwrap()),
            "\
PREFIX        PREFIXES  GROUP  BUCKET  NEXT HOP
10.0.20.0/24         3      2       7  10.0.1.1 on eth2
  udp 10.0.1.0 49152 > 10.0.20.1 33434
64 buckets, 63 answered, 1 lost
"
        );
        let none = PathCheck { over: true, probes: 0, answered: 0, lost: Vec::new() };
        assert_eq!(report_paths(&none), "no route leads to another router: there is no path to be checked\n");
    }
}
