//! The audit: what the agent's list, the table and the workers' eyes say of the same address, and where they differ.
//!
//! Which differences there can be, and what is done about them:
//!
//! | kind | how it comes about | where the agent installs | where workers install |
//! | --- | --- | --- | --- |
//! | `not-in-table` | a write that did not arrive; an eviction that nobody heard of | written again | taken off the list |
//! | `not-on-list` | a report of what a worker learned was lost; one of what lapsed was late | put on the list | put on the list |
//! | `other-port` | a move that did not arrive in the table; the report of a move was lost | written again | put right on the list |
//! | `seen-elsewhere` | the report of a move was lost: agent and table agree, and are wrong | written as the worker saw it | cannot be |
//! | `not-learned` | the report of a new source was lost, and it is flooded to | written as the worker saw it | cannot be |
//!
//! An address on the list that is older than the ageing time and not in the table is none: the table has let it go, and the
//! report of that is late or lost. A repair takes it off the list. What the table declined is none either.

use super::{Around, LearningAgent, Origin};
use crate::Switch;
use crate::agent::AgentKind;
use crate::config::SwitchConfig;
use crate::event::Event;
use crate::input::Refused;
use crate::learning::list::Known;
use crate::port::Port;
use crate::table_door::{Place, Sighting, TableEntry, entries, sightings};
use greylag_base::{Instant, MacAddr, PortId, VlanId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// The agent has it, the table has not.
    NotInTable,
    /// The table has it, the agent has not.
    NotOnList,
    /// They have it on different ports.
    OtherPort,
    /// They agree, and a worker has seen it elsewhere since.
    SeenElsewhere,
    /// A worker has seen it, and neither has it.
    NotLearned,
}

/// An address of which agent, table and workers say different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FdbConflict {
    /// Its VLAN.
    pub vlan: VlanId,
    /// The address.
    pub mac: MacAddr,
    /// What differs.
    pub kind: ConflictKind,
    /// The port that the agent has it on.
    pub agent: Option<String>,
    /// The port that the table has it on: where its frames go.
    pub table: Option<String>,
    /// The port that a worker has seen it on, and reported without an answer.
    pub seen: Option<String>,
}

/// The same by numbers.
#[derive(Clone, Copy, Debug)]
struct Conflict {
    vlan: VlanId,
    mac: MacAddr,
    kind: ConflictKind,
    agent: Option<Known>,
    table: Option<TableEntry>,
    seen: Option<Sighting>,
}

/// What is compared with the agent's list.
struct Evidence {
    entries: Vec<TableEntry>,
    sightings: Vec<Sighting>,
}

/// All that is said of one address.
#[derive(Clone, Copy, Default)]
struct Words {
    agent: Option<Known>,
    table: Option<TableEntry>,
    seen: Option<Sighting>,
}

impl Switch {
    /// Where the agent's list, the table and what workers see differ, by VLAN and address. A list that is not there, because the
    /// agent has ended, differs from nothing. What waits in the workers' queues may show as a difference:
    /// [`Switch::poll_workers`] first.
    pub fn check_fdb(&self, now: Instant) -> Vec<FdbConflict> {
        let Some(agent) = &self.learning.agent else { return Vec::new() };
        let plane = self.data_plane();
        let evidence = Evidence { entries: entries(plane, now), sightings: sightings(plane) };
        let conflicts = agent.compare(now, self.config(), self.ports(), &evidence);
        let name = |port: PortId| self.port_name(port);
        let named = |conflict: Conflict| FdbConflict {
            vlan: conflict.vlan,
            mac: conflict.mac,
            kind: conflict.kind,
            agent: conflict.agent.map(|known| name(known.port)),
            table: conflict.table.map(|entry| name(entry.place.port)),
            seen: conflict.seen.map(|seen| name(seen.place.port)),
        };
        conflicts.into_iter().map(named).collect()
    }

    /// Compares, and puts right what differs.
    pub(crate) fn audit(&mut self, now: Instant, repair: bool) -> Result<(), Refused> {
        if !self.listens() {
            return Err(Refused::AgentDown { agent: AgentKind::Learning });
        }
        let evidence = Evidence { entries: self.door.entries(now), sightings: self.door.sightings() };
        self.with_learning(now, |agent, around| {
            let conflicts = agent.compare(now, around.config, around.ports, &evidence);
            let mut repaired = 0;
            if repair {
                repaired = conflicts.iter().filter(|conflict| agent.repair(conflict, around)).count();
                agent.forget_old(&evidence, around);
            }
            around.tell(now, Event::FdbChecked { conflicts: conflicts.len(), repaired });
        });
        Ok(())
    }
}

impl LearningAgent {
    fn compare(
        &self,
        now: Instant,
        config: &SwitchConfig,
        ports: &[Port],
        evidence: &Evidence,
    ) -> Vec<Conflict> {
        let mut words: BTreeMap<(VlanId, MacAddr), Words> = BTreeMap::new();
        for (vlan, mac, known) in self.list.iter() {
            words.entry((vlan, mac)).or_default().agent = Some(*known);
        }
        for entry in &evidence.entries {
            words.entry((entry.place.vlan, entry.place.mac)).or_default().table = Some(*entry);
        }
        for sighting in &evidence.sightings {
            let Place { vlan, mac, port } = sighting.place;
            // Every look at the queue brings what is younger.
            let is_heard = sighting.at + 2 * config.learning.poll_interval < now;
            let lives = super::lives(config, now, sighting.at);
            // The other chassis passes on what came in by its leg.
            let is_remote = Some(port) == super::inter_chassis_link(config)
                && self.list.get(vlan, mac).is_some_and(|known| known.origin == Origin::Peer);
            if lives
                && !is_remote
                && is_heard
                && ports[port.index()].carries(vlan)
                && !self.declined.contains(&(vlan, mac))
            {
                // The last report of each comes first.
                words.entry((vlan, mac)).or_default().seen.get_or_insert(*sighting);
            }
        }
        let conflict = |((vlan, mac), words): ((VlanId, MacAddr), Words)| {
            let Words { agent, table, seen } = words;
            let kind = judge(&words, config, now)?;
            Some(Conflict { vlan, mac, kind, agent, table, seen })
        };
        words.into_iter().filter_map(conflict).collect()
    }

    /// Puts right what differs; says whether it is right now, as far as the agent knows.
    fn repair(&mut self, conflict: &Conflict, around: &mut Around<'_>) -> bool {
        let Conflict { vlan, mac, kind, agent, table, seen } = *conflict;
        let installs = around.config.learning.owned().learn;
        match (kind, agent, table, seen) {
            (
                ConflictKind::NotInTable | ConflictKind::OtherPort,
                Some(Known { port, seen, origin, .. }),
                _,
                _,
            ) if installs || (kind == ConflictKind::NotInTable && origin == Origin::Peer) => {
                self.write(seen, Place { vlan, mac, port }, origin, around).is_some()
            }
            (ConflictKind::SeenElsewhere | ConflictKind::NotLearned, _, _, Some(Sighting { place, at })) => {
                self.write(at, place, Origin::Reported, around).is_some()
            }
            (_, _, Some(TableEntry { place, seen, .. }), _) => {
                self.list.note(vlan, mac, Known::new(place.port, seen, Origin::Adopted));
                true
            }
            _ => {
                self.list.remove(vlan, mac);
                true
            }
        }
    }

    /// Takes off the list what is too old to be in the table, and is not there.
    fn forget_old(&mut self, evidence: &Evidence, around: &Around<'_>) {
        let is_there = |vlan, mac| {
            let key = |entry: &TableEntry| (entry.place.vlan, entry.place.mac);
            evidence.entries.binary_search_by_key(&(vlan, mac), key).is_ok()
        };
        let old: Vec<_> = self
            .list
            .iter()
            .filter(|(_, _, known)| !super::lives(around.config, around.now, known.seen))
            .map(|(vlan, mac, _)| (vlan, mac))
            .filter(|&(vlan, mac)| !is_there(vlan, mac))
            .collect();
        for (vlan, mac) in old {
            self.list.remove(vlan, mac);
        }
    }
}

/// What differs in what is said of one address.
fn judge(words: &Words, config: &SwitchConfig, now: Instant) -> Option<ConflictKind> {
    let Words { agent, table, seen } = *words;
    match (agent, table) {
        // An operator says where it is.
        (_, Some(entry)) if entry.is_static => None,
        (Some(known), Some(entry)) if known.port != entry.place.port => Some(ConflictKind::OtherPort),
        (Some(known), None) if super::lives(config, now, known.seen) => Some(ConflictKind::NotInTable),
        (None, Some(_)) => Some(ConflictKind::NotOnList),
        (Some(known), Some(entry)) => {
            // A hit before the move may have been renewed after it. But a report that was made before the one that put the
            // address there is no news, however late it arrives.
            let is_later = |seen: Sighting| {
                seen.at + config.learning.renew_interval >= entry.seen
                    && (known.origin == Origin::Adopted || seen.at > known.put)
            };
            let elsewhere = seen.filter(|seen| seen.place.port != entry.place.port);
            elsewhere.filter(|&seen| is_later(seen)).map(|_| ConflictKind::SeenElsewhere)
        }
        (_, None) => seen.map(|_| ConflictKind::NotLearned),
    }
}
