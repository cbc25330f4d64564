//! What happened in a switch, in order.

use crate::agent::AgentKind;
use crate::alarm::{AlarmKind, Severity};
use crate::lacp::LacpEvent;
use crate::mclag::MclagEvent;
use crate::routing::{BfdSessionEvent, BgpSessionEvent, LinkStateTold, RoutingEvent};
use crate::supervisor::GivenUp;
use greylag_base::{Instant, MacAddr, VlanId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Something that happened in a switch. Ports go by their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Event {
    /// The switch started.
    SwitchStarted {
        /// How many ports it has.
        ports: usize,
        /// How many workers forward.
        workers: u16,
    },
    /// A port's link came up.
    PortUp {
        /// Its name.
        port: String,
    },
    /// A port's link went down. The addresses behind it are forgotten.
    PortDown {
        /// Its name.
        port: String,
    },
    /// A new address.
    MacLearned {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it is.
        port: String,
    },
    /// An address changed ports.
    MacMoved {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it was.
        from: String,
        /// Where it is.
        to: String,
    },
    /// An address changes ports too often and is held.
    MacMoveDamped {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it is held.
        held: String,
        /// Where it was seen.
        seen: String,
    },
    /// An address made room for another in a full table.
    MacEvicted {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it was.
        port: String,
    },
    /// An address was silent for the ageing time; or it was the other chassis' of a pair, which has it no longer.
    MacAged {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it was.
        port: String,
    },
    /// The table did not take an address that the learning agent would have had in it, or a static one that a rollback brings
    /// back.
    MacDeclined {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it is.
        port: String,
        /// Why.
        reason: Cow<'static, str>,
    },
    /// An operator flushed dynamic addresses, or static ones that a rollback brings back needed their room.
    FdbFlushed {
        /// Of one port only.
        #[serde(skip_serializing_if = "Option::is_none")]
        port: Option<String>,
        /// Of one VLAN only.
        #[serde(skip_serializing_if = "Option::is_none")]
        vlan: Option<VlanId>,
    },
    /// The agent's list was compared with the table, and with what the workers see.
    FdbChecked {
        /// Addresses of which they say different things.
        conflicts: usize,
        /// Those that were put right.
        repaired: usize,
    },
    /// An agent was started.
    AgentStarted {
        /// Which.
        agent: AgentKind,
        /// It is its so-manieth start since the switch has something for it to do.
        start: u64,
    },
    /// An agent was stopped because an operator restarts it, or the switch has nothing for it to do any more.
    AgentStopped {
        /// Which.
        agent: AgentKind,
    },
    /// An agent has ended by itself.
    AgentCrashed {
        /// Which.
        agent: AgentKind,
    },
    /// An agent was given up.
    AgentFailed {
        /// Which.
        agent: AgentKind,
        /// Why.
        result: GivenUp,
    },
    /// The watchdog has the whole switch started anew.
    WatchdogReboot {
        /// The agent that was given up.
        agent: AgentKind,
    },
    /// An agent lives and does nothing.
    AgentHung {
        /// Which.
        agent: AgentKind,
    },
    /// An agent handles fewer reports than it could.
    AgentSlowed {
        /// Which.
        agent: AgentKind,
        /// Reports per second.
        rate: u32,
    },
    /// An agent that was hung or slow is not any more.
    AgentResumed {
        /// Which.
        agent: AgentKind,
    },
    /// An alarm was raised.
    AlarmRaised {
        /// What it is about.
        #[serde(flatten)]
        alarm: AlarmKind,
        /// How bad it is.
        severity: Severity,
    },
    /// An alarm was cleared.
    AlarmCleared {
        /// What it was about.
        #[serde(flatten)]
        alarm: AlarmKind,
        /// How bad it was.
        severity: Severity,
    },
    /// A configuration was committed.
    ConfigCommitted {
        /// Who.
        author: String,
        /// How many settings are others than before.
        changes: usize,
        /// It is rolled back unless it is confirmed within so many seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        confirm_within: Option<u64>,
    },
    /// A commit was confirmed.
    ConfigConfirmed,
    /// An earlier configuration was put in place again.
    ConfigRolledBack {
        /// Who did it; absent when nobody confirmed the commit in time.
        #[serde(skip_serializing_if = "Option::is_none")]
        author: Option<String>,
        /// How many settings are others than before.
        changes: usize,
    },
    /// Something happened to a bundle or its ports.
    #[serde(untagged)]
    Lacp(LacpEvent),
    /// Something happened at layer 3.
    #[serde(untagged)]
    Routing(RoutingEvent),
    /// Something happened to a BFD session.
    #[serde(untagged)]
    Bfd(BfdSessionEvent),
    /// Something happened to a BGP session.
    #[serde(untagged)]
    Bgp(BgpSessionEvent),
    /// Something happened to the pair of chassis that the switch is one of.
    #[serde(untagged)]
    Mclag(MclagEvent),
    /// Something happened to the interior protocol.
    #[serde(untagged)]
    LinkState(LinkStateTold),
}

/// An event with its place in the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Counts from 1, without gaps.
    pub sequence: u64,
    /// When, in nanoseconds since the switch's clock started.
    #[serde(rename = "uptime-ns")]
    pub at: Instant,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// The last events of a switch, oldest first; the oldest go when there are too many.
#[derive(Debug, Default)]
pub struct EventLog {
    records: VecDeque<EventRecord>,
    last: u64,
}

impl EventLog {
    /// How many events are kept.
    pub const KEPT: usize = 16_384;

    pub(crate) fn push(&mut self, at: Instant, event: Event) {
        if self.records.len() == Self::KEPT {
            self.records.pop_front();
        }
        self.last += 1;
        self.records.push_back(EventRecord { sequence: self.last, at, event });
    }

    /// The events that are kept and come after `sequence`; 0 for all.
    pub fn after(&self, sequence: u64) -> impl Iterator<Item = &EventRecord> {
        let first = self.records.front().map_or(0, |record| record.sequence);
        self.records.iter().skip(sequence.saturating_add(1).saturating_sub(first) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_and_sequence_numbers_stay() {
        let mut log = EventLog::default();
        for _ in 0..EventLog::KEPT + 10 {
            log.push(Instant::ZERO, Event::PortUp { port: "eth1".into() });
        }
        assert_eq!(log.after(0).next().unwrap().sequence, 11);
        assert_eq!(log.after(0).count(), EventLog::KEPT);
        let last = (EventLog::KEPT + 10) as u64;
        assert_eq!(log.after(last - 2).map(|record| record.sequence).collect::<Vec<_>>(), [last - 1, last]);
        assert_eq!(log.after(last).count(), 0);
        assert_eq!(log.after(u64::MAX).count(), 0);
    }

    #[test]
    fn what_was_written_is_read() {
        let (vlan, mac) = (VlanId::DEFAULT, MacAddr([2, 0, 0, 0, 0, 1]));
        let alarm = AlarmKind::AgentFailed { agent: AgentKind::Learning };
        let mut log = EventLog::default();
        for event in [
            Event::MacDeclined { vlan, mac, port: "eth1".into(), reason: "table-full".into() },
            Event::FdbFlushed { port: None, vlan: Some(vlan) },
            Event::AlarmRaised { alarm, severity: alarm.severity() },
            Event::ConfigRolledBack { author: None, changes: 2 },
            Event::ConfigConfirmed,
        ] {
            log.push(Instant::from_nanos(7), event);
        }
        for record in log.after(0) {
            let text = serde_json::to_string(record).unwrap();
            assert_eq!(serde_json::from_str::<EventRecord>(&text).unwrap(), *record, "{text}");
        }
    }

    #[test]
    fn json_is_flat_and_in_kebab_case() {
        let mut log = EventLog::default();
        log.push(Instant::from_nanos(7), Event::PortDown { port: "eth1".into() });
        let json = serde_json::to_string(&log.after(0).next().unwrap()).unwrap();
        assert_eq!(json, r#"{"sequence":1,"uptime-ns":7,"event":"port-down","port":"eth1"}"#);
    }
}
