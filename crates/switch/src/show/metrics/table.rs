//! The MAC table: how full it is, and what happens in it.

use super::Metrics;
use crate::Switch;
use crate::show::{LearningCounters, MacTableCounters};
use greylag_base::Instant;
use greylag_mactable::Decline;

/// What is counted of the table, each under a name of its own.
type Count = (&'static str, &'static str, fn(&MacTableCounters) -> u64);

const COUNTS: [Count; 8] = [
    ("greylag_mac_table_learned_total", "New addresses.", |table| table.learned),
    (
        "greylag_mac_table_refreshed_total",
        "Entries whose age was set back, by workers or by the learning agent.",
        |table| table.refreshed,
    ),
    ("greylag_mac_table_moved_total", "Addresses that changed ports.", |table| table.moved),
    ("greylag_mac_table_moves_damped_total", "Moves that damping refused.", |table| table.move_damped),
    ("greylag_mac_table_aged_total", "Addresses that were silent for the ageing time.", |table| table.aged),
    ("greylag_mac_table_evicted_total", "Addresses that made room for another.", |table| table.evicted),
    (
        "greylag_mac_table_static_kept_total",
        "Frames whose source has a static entry on another port.",
        |table| table.static_kept,
    ),
    (
        "greylag_worker_reports_lost_total",
        "Reports of workers, to the learning agent or of events, that did not fit their queue.",
        |table| table.events_lost,
    ),
];

/// What is counted of the learning agent.
type AgentCount = (&'static str, &'static str, fn(&LearningCounters) -> u64);

const AGENT_COUNTS: [AgentCount; 3] = [
    ("greylag_learning_reports_handled_total", "Reports that the learning agent handled.", |agent| {
        agent.reports_handled
    }),
    (
        "greylag_learning_reports_lost_total",
        "Reports that a fault lost on their way to the learning agent.",
        |agent| agent.reports_lost,
    ),
    (
        "greylag_learning_writes_refused_total",
        "Writes of the learning agent that a fault kept from the table.",
        |agent| agent.writes_refused,
    ),
];

impl Switch {
    pub(super) fn measure_table(&self, now: Instant, metrics: &mut Metrics) {
        let counters = self.counters(now);
        let (table, agent) = (&counters.mac_table, &counters.learning);
        metrics
            .gauge("greylag_mac_table_entries", "Addresses in the MAC table.", &[])
            .put(&[], table.entries);
        metrics
            .gauge("greylag_mac_table_capacity_entries", "Addresses that the MAC table holds at most.", &[])
            .put(&[], table.maximum_entries);
        let on_ports = metrics.gauge("greylag_port_mac_entries", "Addresses behind the port.", &["port"]);
        let entries = self.count_entries(now, |entry| entry.port);
        for (index, port) in self.ports().iter().enumerate() {
            let entries = entries.get(&(index as u16)).copied().unwrap_or(0);
            on_ports.put(&[port.config().name.as_str()], entries);
        }
        for (name, help, count) in COUNTS {
            metrics.counter(name, help, &[]).put(&[], count(table));
        }
        let declined = metrics.counter(
            "greylag_mac_table_declined_total",
            "Addresses that were not learned, by reason.",
            &["reason"],
        );
        for decline in Decline::ALL {
            let count = table.declined.get(decline.name()).copied().unwrap_or(0);
            declined.put(&[decline.name()], count);
        }
        metrics
            .gauge("greylag_learning_reports_waiting", "Reports that wait for the learning agent.", &[])
            .put(&[], agent.reports_waiting);
        for (name, help, count) in AGENT_COUNTS {
            metrics.counter(name, help, &[]).put(&[], count(agent));
        }
    }
}
