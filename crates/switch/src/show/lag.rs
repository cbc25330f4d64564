//! Bundles: as the data plane uses them, and as LACP speaks of them. Leaves have OpenConfig's names where it has one
//! (openconfig-if-aggregate, openconfig-lacp).

use crate::Switch;
use crate::config::LagConfig;
use greylag_base::{Instant, MacAddr, Mbps, PortId};
use greylag_lacp::{Counters, EndRow, Interval, LacpMode, MemberRow, Reason, Selected};
use greylag_lacp::{churn, mux, periodic, receive};
use serde::{Deserialize, Serialize};

/// One bundle, as the data plane uses it: true whether or not its agent lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LagRow {
    /// Its name.
    pub name: String,
    /// OpenConfig: `LACP` or `STATIC`.
    pub lag_type: String,
    /// OpenConfig: `UP` when frames may pass.
    pub oper_status: String,
    /// OpenConfig: with fewer links, it is down.
    pub min_links: u16,
    /// OpenConfig: what its links carry together, in Mbit/s.
    pub lag_speed: Mbps,
    /// Only the flows of a lost link move.
    pub resilient: bool,
    /// Its ports.
    pub members: Vec<LagMemberRow>,
}

/// One port of a bundle, as the data plane uses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LagMemberRow {
    /// Its name.
    pub interface: String,
    /// OpenConfig: `UP` when it is enabled and has a link.
    pub oper_status: String,
    /// What comes in by it is taken.
    pub collecting: bool,
    /// Flows leave by it.
    pub distributing: bool,
    /// The share of all flows that leave by it, in percent.
    pub share: f64,
}

/// One port of a bundle, as LACP has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LacpRow {
    /// The bundle.
    pub name: String,
    /// The port.
    pub interface: String,
    /// Who speaks first.
    pub lacp_mode: LacpMode,
    /// How often the partner is asked to send.
    pub interval: Interval,
    /// OpenConfig: `ACTIVE` or `PASSIVE`, as we say.
    pub activity: String,
    /// OpenConfig: `SHORT` or `LONG`, as we ask for.
    pub timeout: String,
    /// OpenConfig: `IN_SYNC` or `OUT_SYNC`, as we say.
    pub synchronization: String,
    /// We say that it can be one of several.
    pub aggregatable: bool,
    /// We say that we take what comes in.
    pub collecting: bool,
    /// We say that we send.
    pub distributing: bool,
    /// Ours.
    pub system_id: MacAddr,
    /// Ours.
    pub system_priority: u16,
    /// Ours.
    pub oper_key: u16,
    /// Ours.
    pub port_num: u16,
    /// Ours.
    pub port_priority: u16,
    /// The flags that we set, by the standard's names.
    pub actor_state: Vec<String>,
    /// The partner's; all zeros where none is known.
    pub partner_id: MacAddr,
    /// The partner's.
    pub partner_system_priority: u16,
    /// The partner's.
    pub partner_key: u16,
    /// The partner's.
    pub partner_port_num: u16,
    /// The partner's.
    pub partner_port_priority: u16,
    /// The flags that the partner set, by the standard's names.
    pub partner_state: Vec<String>,
    /// What selection has decided.
    pub selected: Selected,
    /// Why it is not used, or is held back.
    pub why: Option<Reason>,
    /// Of the receive machine.
    pub receive_state: receive::State,
    /// Of the periodic machine.
    pub periodic_state: periodic::State,
    /// Of the mux machine.
    pub mux_state: mux::State,
    /// Of the churn machine, for our end.
    pub actor_churn_state: churn::State,
    /// Of the churn machine, for the partner's.
    pub partner_churn_state: churn::State,
    /// When receive or mux machine changed last, in nanoseconds since the switch's clock started.
    #[serde(rename = "last-change-ns")]
    pub last_change: Instant,
    /// What was counted.
    pub counters: LacpCounters,
}

/// What LACP counted on one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LacpCounters {
    /// LACPDUs received.
    pub lacp_in_pkts: u64,
    /// LACPDUs sent.
    pub lacp_out_pkts: u64,
    /// LACPDUs and markers that were malformed.
    pub lacp_rx_errors: u64,
    /// Frames of slow protocols that are not known here.
    pub lacp_unknown_errors: u64,
    /// LACPDUs that were not looked at.
    pub lacp_ignored: u64,
    /// LACPDUs of our own system.
    pub lacp_own_system: u64,
    /// LACPDUs that the partner was asked for and that did not arrive.
    pub lacp_missed: u64,
    /// Markers received.
    pub marker_in_pkts: u64,
    /// Markers answered.
    pub marker_response_out_pkts: u64,
    /// Answers to markers received, though we never ask.
    pub marker_response_in_pkts: u64,
}

impl From<Counters> for LacpCounters {
    fn from(counted: Counters) -> Self {
        LacpCounters {
            lacp_in_pkts: counted.in_pdus,
            lacp_out_pkts: counted.out_pdus,
            lacp_rx_errors: counted.bad,
            lacp_unknown_errors: counted.unknown,
            lacp_ignored: counted.ignored,
            lacp_own_system: counted.own_system,
            lacp_missed: counted.missed,
            marker_in_pkts: counted.in_markers,
            marker_response_out_pkts: counted.out_marker_responses,
            marker_response_in_pkts: counted.in_marker_responses,
        }
    }
}

impl Switch {
    /// The bundles, as the data plane uses them.
    pub fn lag_rows(&self) -> Vec<LagRow> {
        self.config().lags().map(|(id, lag)| self.lag_row(id, lag)).collect()
    }

    fn lag_row(&self, id: PortId, lag: &LagConfig) -> LagRow {
        let buckets = self.bundles.lags.buckets(id);
        let buckets = buckets.as_slice();
        let member = |port: PortId| {
            let own = buckets.iter().filter(|&&member| member == port).count();
            LagMemberRow {
                interface: self.port_name(port),
                oper_status: super::status(self.ports()[port.index()].is_up()),
                collecting: self.collects(port),
                distributing: own > 0,
                share: if buckets.is_empty() { 0.0 } else { 100.0 * own as f64 / buckets.len() as f64 },
            }
        };
        let members: Vec<PortId> = self.config().members(id).map(|(port, _)| port).collect();
        let speeds = members.iter().filter(|port| buckets.contains(port));
        LagRow {
            name: self.port_name(id),
            lag_type: if lag.mode == LacpMode::Static { "STATIC" } else { "LACP" }.to_owned(),
            oper_status: super::status(self.ports()[id.index()].is_up()),
            min_links: lag.min_links,
            lag_speed: Mbps(speeds.map(|port| self.ports()[port.index()].config().speed.0).sum()),
            resilient: lag.resilient,
            members: members.into_iter().map(member).collect(),
        }
    }

    /// The ports of bundles, as LACP has them; `None` where there are bundles and no agent that speaks for them.
    pub fn lacp_rows(&self) -> Option<Vec<LacpRow>> {
        if self.config().lags().next().is_none() {
            return Some(Vec::new());
        }
        let machines = self.bundles.lacp.as_ref()?.machines();
        let rows = self.config().lags().flat_map(|(id, lag)| {
            let rows = self.config().members(id).filter_map(|(port, _)| machines.member_row(port));
            rows.map(move |row| self.lacp_row(id, lag, row))
        });
        Some(rows.collect())
    }

    fn lacp_row(&self, id: PortId, lag: &LagConfig, row: MemberRow) -> LacpRow {
        let says = |end: &EndRow, flag: &str| end.flags.iter().any(|name| name == flag);
        let (actor, partner) = (row.actor, row.partner);
        let word = |flag, yes: &str, no: &str| if says(&actor, flag) { yes } else { no }.to_owned();
        LacpRow {
            name: self.port_name(id),
            interface: self.port_name(row.port),
            lacp_mode: lag.mode,
            interval: lag.interval,
            activity: word("activity", "ACTIVE", "PASSIVE"),
            timeout: word("timeout", "SHORT", "LONG"),
            synchronization: word("synchronization", "IN_SYNC", "OUT_SYNC"),
            aggregatable: says(&actor, "aggregation"),
            collecting: says(&actor, "collecting"),
            distributing: says(&actor, "distributing"),
            system_id: actor.system.mac,
            system_priority: actor.system.priority,
            oper_key: actor.oper_key,
            port_num: actor.port_num,
            port_priority: actor.port_priority,
            actor_state: actor.flags,
            partner_id: partner.system.mac,
            partner_system_priority: partner.system.priority,
            partner_key: partner.oper_key,
            partner_port_num: partner.port_num,
            partner_port_priority: partner.port_priority,
            partner_state: partner.flags,
            selected: row.selected,
            why: row.why,
            receive_state: row.receive_state,
            periodic_state: row.periodic_state,
            mux_state: row.mux_state,
            actor_churn_state: row.actor_churn_state,
            partner_churn_state: row.partner_churn_state,
            last_change: row.last_change,
            counters: row.counters.into(),
        }
    }
}
