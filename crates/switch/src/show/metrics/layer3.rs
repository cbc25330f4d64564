//! Layer 3: interfaces, sessions by the state that they are in, RIB and FIB. A session has no label of its own: that would be an address.

use super::{Metrics, word};
use crate::Switch;
use crate::show::TrafficRow;
use greylag_base::Instant;
use greylag_linkstate::NeighborState;
use std::collections::BTreeMap;

/// What is counted of an interface.
type Count = (&'static str, &'static str, fn(&TrafficRow) -> u64);

const COUNTS: [Count; 4] = [
    (
        "greylag_interface_receive_packets_total",
        "IP packets to the interface's station that came in.",
        |row| row.in_packets,
    ),
    ("greylag_interface_receive_bytes_total", "Their bytes, from the IP header on.", |row| row.in_octets),
    (
        "greylag_interface_transmit_packets_total",
        "IP packets that left by the interface, routed or of the switch itself.",
        |row| row.out_packets,
    ),
    ("greylag_interface_transmit_bytes_total", "Their bytes, from the IP header on.", |row| row.out_octets),
];

const BFD: [greylag_bfd::State; 4] = [
    greylag_bfd::State::AdminDown,
    greylag_bfd::State::Down,
    greylag_bfd::State::Init,
    greylag_bfd::State::Up,
];

const BGP: [greylag_bgp::State; 6] = [
    greylag_bgp::State::Idle,
    greylag_bgp::State::Connect,
    greylag_bgp::State::Active,
    greylag_bgp::State::OpenSent,
    greylag_bgp::State::OpenConfirm,
    greylag_bgp::State::Established,
];

const LINK_STATE: [NeighborState; 4] =
    [NeighborState::Held, NeighborState::Init, NeighborState::Exchange, NeighborState::Full];

impl Switch {
    pub(super) fn measure_layer3(&self, now: Instant, metrics: &mut Metrics) {
        let up =
            metrics.gauge("greylag_interface_up", "1 if packets may pass the interface.", &["interface"]);
        for row in self.interface_rows() {
            up.put(&[&row.name], (row.oper_status == "UP").into());
        }
        let counters = self.interface_counters();
        for (name, help, count) in COUNTS {
            let family = metrics.counter(name, help, &["interface", "family"]);
            for row in &counters {
                family.put(&[&row.interface, "ipv4"], count(&row.ipv4));
                family.put(&[&row.interface, "ipv6"], count(&row.ipv6));
            }
        }
        self.measure_bfd(metrics);
        self.measure_bgp(metrics);
        self.measure_link_state(now, metrics);
        self.measure_routes(metrics);
    }

    /// Sessions over several hops have no interface.
    fn measure_bfd(&self, metrics: &mut Metrics) {
        let rows = self.bfd_rows();
        let mut by_interface: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for row in &rows {
            by_interface.entry(row.interface.as_deref().unwrap_or_default()).or_default().push(row);
        }
        let sessions = metrics.gauge(
            "greylag_bfd_sessions",
            "BFD sessions, by interface (none for those over several hops) and state.",
            &["interface", "state"],
        );
        for (interface, rows) in &by_interface {
            for state in BFD {
                let count = rows.iter().filter(|row| row.session_state == state).count();
                sessions.put(&[interface, &word(&state)], count as u64);
            }
        }
        let failures = metrics.counter(
            "greylag_bfd_session_failures_total",
            "How often a BFD session went from up to down.",
            &["interface"],
        );
        for (interface, rows) in &by_interface {
            failures.put(&[interface], rows.iter().map(|row| row.failure_transitions).sum());
        }
    }

    fn measure_bgp(&self, metrics: &mut Metrics) {
        let speaker = self.bgp_rows();
        let neighbors = speaker.as_ref().map_or(&[][..], |speaker| &speaker.neighbors);
        let mut by_peer: BTreeMap<(String, &str), Vec<_>> = BTreeMap::new();
        for row in neighbors {
            let kind = if row.peer_type == "EXTERNAL" { "external" } else { "internal" };
            by_peer.entry((row.peer_as.to_string(), kind)).or_default().push(row);
        }
        let sessions = metrics.gauge(
            "greylag_bgp_sessions",
            "BGP neighbors, by their autonomous system and the state of the session.",
            &["peer_as", "type", "state"],
        );
        for ((peer_as, kind), rows) in &by_peer {
            for state in BGP {
                let count = rows.iter().filter(|row| row.session_state == state).count();
                sessions.put(&[peer_as, kind, &word(&state)], count as u64);
            }
        }
        let ups = metrics.counter(
            "greylag_bgp_session_established_total",
            "How often a BGP session was established.",
            &["peer_as", "type"],
        );
        for ((peer_as, kind), rows) in &by_peer {
            ups.put(&[peer_as, kind], rows.iter().map(|row| row.established_transitions).sum());
        }
        let received = metrics.gauge(
            "greylag_bgp_prefixes_received",
            "Prefixes that BGP neighbors have told and not taken back.",
            &["peer_as", "type", "family"],
        );
        for ((peer_as, kind), rows) in &by_peer {
            let mut families: BTreeMap<String, u64> = BTreeMap::new();
            for family in rows.iter().flat_map(|row| &row.families) {
                *families.entry(word(&family.afi_safi_name)).or_default() += u64::from(family.received);
            }
            for (family, count) in families {
                received.put(&[peer_as, kind, &family], count);
            }
        }
    }

    fn measure_link_state(&self, now: Instant, metrics: &mut Metrics) {
        let neighbors = metrics.gauge(
            "greylag_link_state_neighbors",
            "Routers that the interior protocol hears, by state.",
            &["state"],
        );
        if let Some(link_state) = &self.routing.link_state {
            let rows = link_state.snapshot(now).neighbors;
            for state in LINK_STATE {
                neighbors.put(&[&word(&state)], rows.iter().filter(|row| row.state == state).count() as u64);
            }
        }
    }

    fn measure_routes(&self, metrics: &mut Metrics) {
        let rib = metrics.gauge("greylag_rib_prefixes", "Prefixes for which there is a route.", &["family"]);
        let routes = self.data_plane().routes();
        if routes.is_some() {
            let [ipv4, ipv6] = self.routing.rib.prefix_counts();
            rib.put(&["ipv4"], ipv4 as u64);
            rib.put(&["ipv6"], ipv6 as u64);
        }
        let fib = metrics.gauge("greylag_fib_routes", "Routes that packets are forwarded by.", &["family"]);
        if let Some(routes) = routes {
            let tables = routes.tables();
            fib.put(&["ipv4"], tables.ipv4.len() as u64);
            fib.put(&["ipv6"], tables.ipv6.len() as u64);
        }
        let conflicts = metrics.gauge(
            "greylag_fib_conflicts",
            "Places where RIB and FIB differed when they were compared last.",
            &[],
        );
        if routes.is_some() {
            conflicts.put(&[], self.fib_conflicts().len() as u64);
        }
        let waiting = metrics.gauge(
            "greylag_fib_writes_waiting",
            "Changes of the FIB that the programming agent has yet to write.",
            &[],
        );
        if routes.is_some() {
            waiting.put(&[], self.writes_waiting() as u64);
        }
    }
}
