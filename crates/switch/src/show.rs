//! What operators ask a switch: one stable, serialisable row type per question. The same rows are the control
//! socket's JSON and the program's tables.

mod lag;
mod mclag;
mod metrics;
mod routing;
mod sessions;
mod trace;

use crate::Switch;
use crate::agent::{AgentKind, AgentState, Life};
use crate::alarm::{AlarmKind, Severity};
use crate::config::{Attachment, Membership};
use crate::diff::diff;
use crate::learning::Origin;
use greylag_base::{DropReason, Instant, MacAddr, PortId, VlanId};
pub use greylag_dataplane::RxDrop;
use greylag_dataplane::{PortCounts, RxDrops};
use greylag_mactable::{Decline, Record};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use lag::{LacpCounters, LacpRow, LagMemberRow, LagRow};
pub use mclag::{IccpRow, LegState, MclagBundleRow, MclagCheckRow, MclagRow};
pub use metrics::{Exposition, Family, Kind, Metrics, Sample, write_series};
pub use routing::{
    FibRow, GroupMemberRow, InterfaceCountersRow, InterfaceRow, NeighborRow, NextHopGroupRow, NextHopRow,
    RouteRow, TrafficRow, Which,
};
pub use sessions::{
    BfdRow, BgpNeighborRow, BgpPathRow, BgpRow, LinkStateInterfaceRow, LinkStateNeighborRow, LinkStateRow,
};
pub use trace::{TraceBridge, TraceError, TraceRequest, TraceRoute, TraceRow, TraceSent};

/// One address of the MAC table, with the key names of `bridge -j fdb`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FdbEntry {
    /// The address.
    pub mac: MacAddr,
    /// The port that it is behind.
    pub ifname: String,
    /// Its VLAN.
    pub vlan: VlanId,
    /// Seconds since it was last heard, up to a five-hundredth of the ageing time less; absent for static entries.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub updated: Option<u64>,
    /// `extern_learn`, as the bridge of Linux has it, where the other chassis of a pair has told of it; nothing else is in use.
    pub flags: Vec<String>,
    /// The switch.
    pub master: String,
    /// `static`, or empty for learned entries.
    pub state: String,
}

/// One VLAN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VlanRow {
    /// Its id.
    pub vlan: VlanId,
    /// Its name, when it has one.
    pub name: Option<String>,
    /// Member ports whose frames of this VLAN have no tag.
    pub untagged: Vec<String>,
    /// Member ports whose frames of this VLAN have a tag.
    pub tagged: Vec<String>,
    /// Addresses that it holds.
    pub entries: u64,
}

/// One port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortRow {
    /// Its name.
    pub name: String,
    /// Its number in the switch, from 0.
    pub id: PortId,
    /// `device`, `tap` or `lag`.
    #[serde(rename = "type")]
    pub kind: String,
    /// OpenConfig: `UP` when enabled.
    pub admin_status: String,
    /// OpenConfig: `UP` when frames may pass.
    pub oper_status: String,
    /// OpenConfig: `ACCESS` or `TRUNK`; `AGGREGATE` for a part of a bundle.
    pub interface_mode: String,
    /// The VLAN of untagged frames.
    pub untagged_vlan: Option<VlanId>,
    /// OpenConfig: the bundle that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aggregate_id: Option<String>,
    /// All its VLANs, as ranges.
    pub vlans: String,
    /// The longest payload, in bytes.
    pub mtu: u16,
    /// Addresses learned on it.
    pub entries: u64,
    /// Frames that the kernel dropped before they were received, by the reason's name; only reasons that occurred.
    #[serde(default)]
    pub missed: BTreeMap<String, u64>,
    /// How its device was opened; absent where it has none, and in the virtual world.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub io: Option<PortIo>,
    /// How frames fare that leave by it; absent where nobody ever impaired it, and in the virtual world.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub impairment: Option<PortImpairment>,
}

/// What the live world does to frames that leave by a port, and has done since it was first told to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortImpairment {
    /// In the words of `impair`; `{}` where it has been mended.
    pub impair: String,
    /// Lost by chance.
    pub lost: u64,
    /// Sent twice.
    pub duplicated: u64,
    /// With a flipped bit.
    pub corrupted: u64,
    /// Held back, for others to overtake them.
    pub overtaken: u64,
    /// Dropped because too many waited.
    pub no_room: u64,
    /// Not taken by the port when their time had come.
    pub refused: u64,
}

/// How the live world opened a port's device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortIo {
    /// `af-packet`, `af-xdp` or `raw`.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// Plain frames leave past the device's queueing discipline at present; absent where none ever do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_qdisc: Option<bool>,
}

/// Frames dropped on one port for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropRow {
    /// The port; `-` for what the switch itself sends and drops before it has one.
    pub port: String,
    /// The reason's name.
    pub reason: String,
    /// How many.
    pub frames: u64,
    /// What the reason means.
    pub description: String,
}

/// The counters of a switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counters {
    /// By port.
    pub ports: Vec<PortCountersRow>,
    /// By interface of layer 3.
    #[serde(default)]
    pub interfaces: Vec<InterfaceCountersRow>,
    /// Of the MAC table.
    pub mac_table: MacTableCounters,
    /// Of the learning agent.
    pub learning: LearningCounters,
}

/// What was counted on one port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PortCountersRow {
    /// The port.
    pub port: String,
    /// Frames received.
    pub in_frames: u64,
    /// Their bytes, without frame check sequence.
    pub in_octets: u64,
    /// Received frames that were flooded.
    pub in_flooded: u64,
    /// Received frames that were for the switch itself.
    #[serde(default)]
    pub in_punted: u64,
    /// Frames dropped: those that came in by this port, and those that it should have sent and could not.
    pub dropped: u64,
    /// Receptions that failed.
    pub in_errors: u64,
    /// Frames that the kernel dropped before they were received.
    pub in_missed: u64,
    /// Frames sent.
    pub out_frames: u64,
    /// Their bytes, without frame check sequence.
    pub out_octets: u64,
}

/// What was counted about the MAC table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MacTableCounters {
    /// Addresses that it holds.
    pub entries: u64,
    /// Addresses that it holds at most.
    pub maximum_entries: u64,
    /// New addresses.
    pub learned: u64,
    /// Entries whose age was set back.
    pub refreshed: u64,
    /// Addresses that changed ports.
    pub moved: u64,
    /// Moves that damping refused.
    pub move_damped: u64,
    /// Frames whose source has a static entry on another port.
    pub static_kept: u64,
    /// Addresses that were silent for the ageing time.
    pub aged: u64,
    /// Addresses that made room for another.
    pub evicted: u64,
    /// Addresses that were not learned, by reason.
    pub declined: BTreeMap<String, u64>,
    /// Events that workers could not report.
    pub events_lost: u64,
}

/// What was counted about the learning agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LearningCounters {
    /// Reports that wait for it.
    pub reports_waiting: u64,
    /// Reports that it handled.
    pub reports_handled: u64,
    /// Reports of those that it left at that: older than what it knew, or of a port that is down or no member.
    pub reports_ignored: u64,
    /// Reports that a fault lost on their way to it.
    pub reports_lost: u64,
    /// Entries whose age it set back.
    pub renewed: u64,
    /// Writes that a fault kept from the table.
    pub writes_refused: u64,
    /// Addresses on its list.
    pub addresses: u64,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AgentRow {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: AgentState,
    /// Since when it runs, or does not, in nanoseconds since the switch's clock started.
    #[serde(rename = "since-ns")]
    pub since: Instant,
    /// How often it was started again.
    pub restarts: u64,
    /// Reports that wait for it.
    pub reports_waiting: u64,
    /// Reports that workers could not put into their queues.
    pub reports_lost: u64,
    /// Addresses on its list.
    pub addresses: u64,
}

/// An address on the learning agent's list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KnownRow {
    /// Its VLAN.
    pub vlan: VlanId,
    /// The address.
    pub mac: MacAddr,
    /// The port that the agent has it on.
    pub ifname: String,
    /// Seconds since it was last seen, as far as the agent heard.
    pub updated: u64,
    /// How the agent came to know it.
    pub origin: Origin,
}

/// One alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AlarmRow {
    /// What it is about.
    #[serde(flatten)]
    pub alarm: AlarmKind,
    /// How bad it is.
    pub severity: Severity,
    /// Since when, in nanoseconds since the switch's clock started.
    #[serde(rename = "raised-ns")]
    pub raised: Instant,
    /// Until when; absent while it is raised.
    #[serde(rename = "cleared-ns", skip_serializing_if = "Option::is_none", default)]
    pub cleared: Option<Instant>,
}

/// One configuration that the switch had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CommitRow {
    /// A rollback of so many steps brings it back; 0 is the running one.
    pub rollback: usize,
    /// Counts commits, from 1.
    pub commit: u64,
    /// When it was committed, in nanoseconds of the clock of that time.
    #[serde(rename = "committed-ns")]
    pub at: Instant,
    /// Who; absent for the first one, and for a rollback because nobody confirmed.
    pub author: Option<String>,
    /// It waits to be confirmed.
    pub unconfirmed: bool,
    /// Settings that it changed.
    pub changes: usize,
}

fn status(up: bool) -> String {
    if up { "UP" } else { "DOWN" }.to_owned()
}

impl Switch {
    /// The MAC table, by VLAN and address.
    pub fn fdb(&self, now: Instant) -> Vec<FdbEntry> {
        let is_remote = |vlan, mac, port| {
            let known = self.learning.agent.as_ref().and_then(|agent| agent.list().get(vlan, mac));
            known.is_some_and(|known| {
                known.port == port && matches!(known.origin, Origin::Peer | Origin::Pinned)
            })
        };
        let mut rows: Vec<FdbEntry> = self
            .data_plane()
            .table()
            .iter(now.as_nanos())
            .filter_map(|entry| {
                let (vlan, mac, port) = (VlanId::new(entry.vlan)?, MacAddr(entry.mac), PortId(entry.port));
                Some(FdbEntry {
                    mac,
                    ifname: self.port_name(port),
                    vlan,
                    updated: (!entry.is_static).then_some(entry.age / 1_000_000_000),
                    flags: is_remote(vlan, mac, port)
                        .then(|| "extern_learn".to_owned())
                        .into_iter()
                        .collect(),
                    master: self.config().name.clone(),
                    state: if entry.is_static { "static" } else { "" }.to_owned(),
                })
            })
            .collect();
        rows.sort_by_key(|row| (row.vlan, row.mac));
        rows.dedup_by_key(|row| (row.vlan, row.mac));
        rows
    }

    fn count_entries(&self, now: Instant, key: impl Fn(&Record) -> u16) -> BTreeMap<u16, u64> {
        let mut counts = BTreeMap::new();
        for entry in self.data_plane().table().iter(now.as_nanos()) {
            *counts.entry(key(&entry)).or_default() += 1;
        }
        counts
    }

    /// The VLANs that exist: those with a member, and those that have settings.
    pub fn vlans(&self, now: Instant) -> Vec<VlanRow> {
        let entries = self.count_entries(now, |entry| entry.vlan);
        let vlans = self.config().vlan_set();
        vlans
            .iter()
            .map(|vlan| {
                let members = |tagged: bool| {
                    self.ports()
                        .iter()
                        .map(super::port::Port::config)
                        .filter(|port| port.membership.carries(vlan))
                        .filter(|port| (port.membership.untagged() != Some(vlan)) == tagged)
                        .map(|port| port.name.to_string())
                        .collect()
                };
                VlanRow {
                    vlan,
                    name: self.config().vlans.get(&vlan).and_then(|settings| settings.name.clone()),
                    untagged: members(false),
                    tagged: members(true),
                    entries: entries.get(&vlan.get()).copied().unwrap_or(0),
                }
            })
            .collect()
    }

    /// The ports, in the order of the configuration.
    pub fn port_rows(&self, now: Instant) -> Vec<PortRow> {
        let entries = self.count_entries(now, |entry| entry.port);
        self.ports()
            .iter()
            .enumerate()
            .map(|(index, port)| {
                let config = port.config();
                let missed = self.data_plane().port_counts(PortId(index as u16)).rx_missed;
                let reasons = RxDrop::ALL.into_iter().filter(|&reason| missed.of(reason) > 0);
                PortRow {
                    name: config.name.to_string(),
                    id: PortId(index as u16),
                    kind: match config.attachment {
                        Attachment::Device => "device",
                        Attachment::Tap { .. } => "tap",
                        Attachment::Lag(_) => "lag",
                    }
                    .to_owned(),
                    admin_status: status(config.enabled),
                    oper_status: status(port.is_up()),
                    interface_mode: match config.membership {
                        Membership::Access(_) => "ACCESS",
                        Membership::Trunk { .. } => "TRUNK",
                        Membership::Aggregate(_) => "AGGREGATE",
                        Membership::Routed => "ROUTED",
                    }
                    .to_owned(),
                    untagged_vlan: config.membership.untagged(),
                    aggregate_id: config.membership.aggregate().map(|member| self.port_name(member.lag)),
                    vlans: config.membership.vlans().to_string(),
                    mtu: config.mtu,
                    entries: entries.get(&(index as u16)).copied().unwrap_or(0),
                    missed: reasons.map(|reason| (reason.name().to_owned(), missed.of(reason))).collect(),
                    io: None,
                    impairment: None,
                }
            })
            .collect()
    }

    /// What was dropped, by port and reason, by the kernel in front of a port first; only reasons that occurred.
    pub fn drops(&self) -> Vec<DropRow> {
        let mut rows = Vec::new();
        let ports = self.ports().iter().enumerate().map(|(index, port)| {
            let counts = self.data_plane().port_counts(PortId(index as u16));
            (port.config().name.to_string(), counts.rx_missed, counts.drops)
        });
        let own = ("-".to_owned(), RxDrops::default(), self.data_plane().own_drops());
        for (port, missed, drops) in ports.chain([own]) {
            let mut tell = |reason: &str, frames: u64, description: &str| {
                if frames > 0 {
                    let (port, reason) = (port.clone(), reason.to_owned());
                    rows.push(DropRow { port, reason, frames, description: description.to_owned() });
                }
            };
            for reason in RxDrop::ALL {
                tell(reason.name(), missed.of(reason), reason.description());
            }
            for reason in DropReason::ALL {
                tell(reason.name(), drops[reason.index()], reason.description());
            }
        }
        rows
    }

    /// What was counted on a port; on a bundle, what passed its ports as well.
    fn port_counts(&self, id: PortId) -> PortCounts {
        let mut counts = self.data_plane().port_counts(id);
        for (member, _) in self.config().members(id) {
            let member = self.data_plane().port_counts(member);
            counts.rx_frames += member.rx_frames;
            counts.rx_bytes += member.rx_bytes;
            counts.flooded += member.flooded;
            counts.tx_frames += member.tx_frames;
            counts.tx_bytes += member.tx_bytes;
        }
        counts
    }

    /// What was counted.
    pub fn counters(&self, now: Instant) -> Counters {
        let ports = self.ports().iter().enumerate().map(|(index, port)| {
            let counts = self.port_counts(PortId(index as u16));
            PortCountersRow {
                port: port.config().name.to_string(),
                in_frames: counts.rx_frames,
                in_octets: counts.rx_bytes,
                in_flooded: counts.flooded,
                in_punted: counts.punted,
                dropped: counts.drops.iter().sum(),
                in_errors: counts.rx_errors,
                in_missed: counts.rx_missed.total(),
                out_frames: counts.tx_frames,
                out_octets: counts.tx_bytes,
            }
        });
        let learn = self.data_plane().learn_counts();
        let agent = &self.learning.counts;
        let declined = learn.declined.iter().zip(agent.declined).map(|(workers, agent)| workers + agent);
        let declined = Decline::ALL.iter().zip(declined).filter(|&(_, count)| count > 0);
        Counters {
            ports: ports.collect(),
            interfaces: self.interface_counters(),
            mac_table: MacTableCounters {
                entries: self.data_plane().table().iter(now.as_nanos()).count() as u64,
                maximum_entries: self.config().mac_table.maximum_entries.into(),
                learned: learn.learned + agent.installed,
                refreshed: learn.refreshed + agent.renewed,
                moved: learn.moved + agent.moved,
                move_damped: learn.damped + agent.damped,
                static_kept: learn.static_kept,
                aged: learn.aged,
                evicted: learn.evicted + agent.evicted,
                declined: declined.map(|(decline, count)| (decline.name().to_owned(), count)).collect(),
                events_lost: learn.events_lost,
            },
            learning: LearningCounters {
                reports_waiting: self.data_plane().reports_waiting() as u64,
                reports_handled: agent.handled,
                reports_ignored: agent.ignored,
                reports_lost: agent.lost,
                renewed: agent.renewed,
                writes_refused: agent.refused,
                addresses: self.addresses(),
            },
        }
    }

    fn addresses(&self) -> u64 {
        self.learning.agent.as_ref().map_or(0, |agent| agent.list().len() as u64)
    }

    /// The agents for which the switch has something to do.
    pub fn agent_rows(&self) -> Vec<AgentRow> {
        let row = |(&agent, life): (&AgentKind, &Life)| {
            let (waiting, lost, addresses) = match agent {
                AgentKind::Learning => {
                    let plane = self.data_plane();
                    (plane.reports_waiting() as u64, plane.learn_counts().events_lost, self.addresses())
                }
                AgentKind::Lacp => {
                    let plane = self.data_plane();
                    let ports = (0..self.ports().len()).map(|port| plane.port_counts(PortId(port as u16)));
                    let lost = ports.map(|counts| counts.drops[DropReason::PuntQueueFull.index()]).sum();
                    (plane.punts_waiting() as u64, lost, 0)
                }
                AgentKind::Programming => (self.writes_waiting() as u64, 0, 0),
                AgentKind::Bfd | AgentKind::Routing | AgentKind::Iccp => (0, 0, 0),
            };
            AgentRow {
                name: agent.name().to_owned(),
                state: life.state(),
                since: life.supervisor.since(),
                restarts: life.supervisor.starts().saturating_sub(1),
                reports_waiting: waiting,
                reports_lost: lost,
                addresses,
            }
        };
        self.lives.iter().map(row).collect()
    }

    /// The learning agent's own list, by VLAN and address; empty while it does not run.
    pub fn known(&self, now: Instant) -> Vec<KnownRow> {
        let list = self.learning.agent.iter().flat_map(|agent| agent.list().iter());
        list.map(|(vlan, mac, known)| KnownRow {
            vlan,
            mac,
            ifname: self.port_name(known.port),
            updated: now.since(known.seen).as_secs(),
            origin: known.origin,
        })
        .collect()
    }

    /// The alarms that are raised, and the last ones that were cleared, in the order in which they were raised.
    pub fn alarm_rows(&self) -> Vec<AlarmRow> {
        let alarms = self.cleared_alarms().chain(self.alarms());
        let mut rows: Vec<AlarmRow> = alarms
            .map(|alarm| AlarmRow {
                alarm: alarm.kind,
                severity: alarm.severity,
                raised: alarm.raised,
                cleared: alarm.cleared,
            })
            .collect();
        rows.sort_by_key(|row| row.raised);
        rows
    }

    /// The configurations that the switch had, the running one first.
    pub fn commit_rows(&self) -> Vec<CommitRow> {
        let history = self.history();
        let row = |(rollback, commit): (usize, &crate::history::Commit)| CommitRow {
            rollback,
            commit: commit.number,
            at: commit.at,
            author: commit.author.clone(),
            unconfirmed: commit.unconfirmed,
            changes: history.before(rollback + 1).map_or(0, |before| diff(before, &commit.config).len()),
        };
        history.commits().enumerate().map(row).collect()
    }
}
