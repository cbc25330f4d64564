//! Names that a switch gives to what it tells: events, alarms, counters.

use crate::json_names::names_of;
use crate::nearest::nearest;
use crate::phrase::quoted;
use greylag_base::DropReason;
use greylag_switch::config::SwitchConfig;
use greylag_switch::show::{Counters, MacTableCounters, PortCountersRow};

/// The events of `greylag_switch::Event`, those of LACP and of layer 3 included.
pub(super) const EVENTS: &[&str] = &[
    "switch-started",
    "port-up",
    "port-down",
    "mac-learned",
    "mac-moved",
    "mac-move-damped",
    "mac-evicted",
    "mac-declined",
    "mac-aged",
    "agent-started",
    "agent-stopped",
    "agent-crashed",
    "agent-failed",
    "watchdog-reboot",
    "agent-hung",
    "agent-slowed",
    "agent-resumed",
    "alarm-raised",
    "alarm-cleared",
    "config-committed",
    "config-confirmed",
    "config-rolled-back",
    "fdb-flushed",
    "fdb-checked",
    "lacp-receive-state-changed",
    "lacp-periodic-state-changed",
    "lacp-mux-state-changed",
    "lacp-churn-state-changed",
    "lacp-selection-changed",
    "lacp-partner-changed",
    "lacp-partner-kept",
    "lacp-partners-differ",
    "lacp-partner-not-collecting",
    "lacp-one-way",
    "lacp-pdus-missed",
    "lacp-own-system-heard",
    "lacp-port-moved",
    "lag-fallback-changed",
    "lag-member-changed",
    "lag-changed",
    "interface-up",
    "interface-down",
    "neighbor-resolved",
    "neighbor-failed",
    "address-conflict",
    "fib-write-failed",
    "fpm-connected",
    "fpm-closed",
    "fpm-failed",
    "fpm-stale-removed",
    "fib-checked",
    "paths-checked",
    "bfd-session-up",
    "bfd-session-down",
    "bgp-session-up",
    "bgp-session-down",
    "link-state-adjacency-up",
    "link-state-adjacency-down",
    "link-state-spf-ran",
    "iccp-session-up",
    "iccp-session-down",
    "mclag-system-id-changed",
    "mclag-members-changed",
    "mclag-isolation-changed",
    "mclag-peer-liveness-changed",
    "mclag-init-delay-over",
    "mclag-conflict",
    "mclag-conflict-over",
    "mclag-health-changed",
    "mclag-withdrawn",
];

/// What a replay calls the end of a frame, beside faults and drop reasons: where it was lost, or which agent was in trouble there.
pub(super) const CAUSES: &[&str] = &[
    "link",
    "link-down",
    "link-queue-full",
    "link-one-way",
    "link-loss",
    "link-corrupt",
    "link-dark",
    "transit",
    "stale-entry",
    "vanished",
    "flooded",
    "wrong-address",
    "agent-slowed",
    "agent-hung",
    "agent-crashed",
    "agent-failed",
];

/// The alarms of `greylag_switch::alarm::AlarmKind`.
pub(super) const ALARMS: &[&str] = &[
    "agent-failed",
    "agent-restarting",
    "reboot-pending",
    "reports-lost",
    "mac-table-full",
    "commit-unconfirmed",
    "iccp-down",
    "mclag-split-brain",
    "mclag-conflict",
    "mclag-withdrawn",
];

/// Is `path` a counter of a switch: `mac-table.learned`, `ports.eth1.in-frames`, `drops.storm-control`?
pub(super) fn counter(path: &str, config: &SwitchConfig) -> Result<(), String> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut groups = names_of::<Counters>().to_vec();
    groups.push("drops");
    let ports = || config.ports.iter().map(|port| port.name.as_str());
    let (wrong, all): (&str, Vec<&str>) = match first {
        "drops" => (rest, DropReason::ALL.iter().map(|reason| reason.name()).collect()),
        "mac-table" => (rest.split('.').next().unwrap_or(rest), names_of::<MacTableCounters>().to_vec()),
        // A port's name may have a dot.
        "ports" => match rest.rsplit_once('.') {
            Some((port, counter)) if ports().any(|name| name == port) => {
                (counter, names_of::<PortCountersRow>().to_vec())
            }
            Some((port, _)) => (port, ports().collect()),
            None => (rest, ports().collect()),
        },
        _ if groups.contains(&first) => return Ok(()),
        _ => (first, groups),
    };
    if all.contains(&wrong) && (first != "ports" || rest.contains('.')) {
        return Ok(());
    }
    let advice = match nearest(wrong, all.iter().copied()) {
        Some(meant) if meant != wrong => format!("did you mean `{}`?", path.replacen(wrong, meant, 1)),
        _ => format!("in place of {} expected one of {}", quoted(wrong), all.join(", ")),
    };
    Err(format!("there is no counter {}: {advice}", quoted(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_switch::agent::AgentKind::Learning;
    use greylag_switch::alarm::AlarmKind;

    /// The variants of an enumeration that have a name in JSON, out of its source.
    fn variants(source: &str, enumeration: &str) -> Vec<String> {
        let (_, body) = source.split_once(&format!("pub enum {enumeration} {{\n")).unwrap();
        let (body, _) = body.split_once("\n}\n").unwrap();
        let variants = body
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()) && !line.contains('('));
        let kebab =
            |c: char| if c.is_ascii_uppercase() { format!("-{}", c.to_ascii_lowercase()) } else { c.into() };
        variants
            .map(|line| line.chars().take_while(char::is_ascii_alphanumeric).map(kebab).collect::<String>())
            .map(|name| name.trim_start_matches('-').to_owned())
            .collect()
    }

    #[test]
    fn every_event_is_known() {
        let mut events = variants(include_str!("../../../switch/src/event.rs"), "Event");
        for (source, enumeration) in [
            (include_str!("../../../switch/src/lacp/event.rs"), "LacpEvent"),
            (include_str!("../../../switch/src/routing/event.rs"), "RoutingEvent"),
            (include_str!("../../../switch/src/routing/bfd.rs"), "BfdSessionEvent"),
            (include_str!("../../../switch/src/routing/bgp.rs"), "BgpSessionEvent"),
            (include_str!("../../../switch/src/routing/link_state.rs"), "LinkStateTold"),
            (include_str!("../../../switch/src/mclag/event.rs"), "MclagEvent"),
        ] {
            events.extend(variants(source, enumeration));
        }
        let mut known = EVENTS.to_vec();
        known.sort_unstable();
        events.sort_unstable();
        assert_eq!(events, known);
    }

    #[test]
    fn alarms_are_called_as_the_switch_calls_them() {
        let kinds = [
            AlarmKind::AgentFailed { agent: Learning },
            AlarmKind::AgentRestarting { agent: Learning },
            AlarmKind::RebootPending { agent: Learning },
            AlarmKind::ReportsLost,
            AlarmKind::MacTableFull,
            AlarmKind::CommitUnconfirmed,
            AlarmKind::IccpDown,
            AlarmKind::MclagSplitBrain,
            AlarmKind::MclagConflict,
            AlarmKind::MclagWithdrawn,
        ];
        let name = |kind: &AlarmKind| serde_json::to_value(kind).unwrap()["alarm"].clone();
        assert_eq!(kinds.iter().map(name).collect::<Vec<_>>(), ALARMS);
    }
}
