//! The learning agent: keeps a list of where stations are, and of the MAC table what it owns.
//!
//! It hears what workers report, and by what it owns installs and moves entries, renews those that were hit, and keeps the
//! flood groups. What it believes is on its [`list`]; what is true is in the table; [`audit`] compares them.
//!
//! It trusts its list: a report that says what the list says already is no news, and nothing is written. So a write that
//! never arrived is not made again by the next report, until the station was silent for the ageing time, or an audit or a
//! restart tells.

pub(crate) mod audit;
mod life;
mod list;
pub(crate) mod mishaps;
mod peer;
mod remote;
mod reports;

use crate::config::{FloodGroups, MoveDamping, ReportOrder, SwitchConfig};
use crate::event::Event;
use crate::port::Port;
use crate::table_door::{Installed, Place, TableDoor};
use greylag_base::{Instant, MacAddr, PortId, Seed, VlanId};
use greylag_dataplane::{Damper, Ruling, WorkerEvent, WorkerReport};
use greylag_mactable::Decline;
use list::{Known, List};
use mishaps::Mishaps;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use list::Origin;
pub use peer::Learned;
pub(crate) use peer::PeerMacs;

/// What is done again and again is not done more often.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// What a switch has of learning: the agent, and what outlives it.
pub(crate) struct Learning {
    /// While it runs.
    pub(crate) agent: Option<LearningAgent>,
    pub(crate) mishaps: Mishaps,
    pub(crate) counts: AgentCounts,
    /// When the flood groups were renewed last, or their lease began.
    pub(crate) flood_renewed: Instant,
    /// When the agent looks at its queue of its own accord.
    pub(crate) next_look: Option<Instant>,
    /// The table is to be compared with the agent's list now.
    pub(crate) audit_due: bool,
    /// What workers had lost, and declined for want of room, at the last look.
    pub(crate) lost: u64,
    pub(crate) full: u64,
    /// What was flushed with a port or VLAN that went, or a port that left a VLAN, and is to be flushed once more; and when that is
    /// if nobody polls the workers first.
    pub(crate) gone: Vec<Flush>,
    pub(crate) second_flush: Option<Instant>,
}

impl Learning {
    pub(crate) fn new(seed: Seed, now: Instant) -> Learning {
        Learning {
            agent: None,
            mishaps: Mishaps::new(seed),
            counts: AgentCounts::default(),
            flood_renewed: now,
            next_look: None,
            audit_due: false,
            lost: 0,
            full: 0,
            gone: Vec::new(),
            second_flush: None,
        }
    }
}

/// What the agent has done, counted since the switch started. It outlives the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AgentCounts {
    /// Reports that it handled.
    pub(crate) handled: u64,
    /// Reports older than what it knew, and reports from ports that are down or not members.
    pub(crate) ignored: u64,
    /// Reports that a fault lost on their way.
    pub(crate) lost: u64,
    /// Entries that it installed.
    pub(crate) installed: u64,
    /// Entries that it moved.
    pub(crate) moved: u64,
    /// Moves that damping refused.
    pub(crate) damped: u64,
    /// Entries whose stamps it moved.
    pub(crate) renewed: u64,
    /// Entries that made room for what it installed.
    pub(crate) evicted: u64,
    /// Writes that a fault kept from the table.
    pub(crate) refused: u64,
    /// What the table did not take, by [`Decline::index`].
    pub(crate) declined: [u64; Decline::ALL.len()],
}

/// Dynamic addresses that were flushed: of one port, of one VLAN, of one port in one VLAN, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Flush {
    pub(crate) port: Option<PortId>,
    pub(crate) vlan: Option<VlanId>,
}

impl Flush {
    pub(crate) fn takes(self, vlan: VlanId, port: PortId) -> bool {
        self.port.is_none_or(|flushed| flushed == port) && self.vlan.is_none_or(|flushed| flushed == vlan)
    }
}

/// What the agent finds around it.
pub(crate) struct Around<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a SwitchConfig,
    pub(crate) ports: &'a [Port],
    pub(crate) door: &'a mut TableDoor,
    pub(crate) mishaps: &'a mut Mishaps,
    pub(crate) counts: &'a mut AgentCounts,
    /// What it tells: when, and what.
    pub(crate) told: &'a mut Vec<(Instant, Event)>,
    /// The table has declined an address because it had no room.
    pub(crate) full: &'a mut bool,
    /// What the other chassis of a pair has told.
    pub(crate) peers: &'a PeerMacs,
}

impl Around<'_> {
    fn port_name(&self, port: PortId) -> String {
        self.ports[port.index()].config().name.to_string()
    }

    fn tell(&mut self, at: Instant, event: Event) {
        self.told.push((at, event));
    }

    /// The port that leads to the other chassis of a pair.
    fn link(&self) -> Option<PortId> {
        inter_chassis_link(self.config)
    }
}

/// A learning agent that runs. One that has ended is no more: its list went with it.
pub(crate) struct LearningAgent {
    list: List,
    /// When it took the table for its list.
    adopted: Instant,
    next_renewal: Instant,
    next_audit: Option<Instant>,
    /// What was flushed while it did not listen.
    missed: BTreeSet<Flush>,
    /// What it was to flush, and did not hear of.
    put_off: BTreeSet<Flush>,
    /// Addresses whose entries others replaced or evicted while it did not listen.
    displaced: BTreeSet<(VlanId, MacAddr)>,
    /// Addresses that move: where workers install, they watch them.
    damper: Damper,
    /// Addresses that the table did not take. When there are too many to remember, it remembers none.
    declined: BTreeSet<(VlanId, MacAddr)>,
    /// When the other chassis' addresses are kept current next; none, when there are none.
    next_keep: Option<Instant>,
    /// Addresses that stay where they are until then, by static entries.
    pins: BTreeMap<(VlanId, MacAddr), Instant>,
}

/// How many addresses that the table did not take the agent remembers.
const DECLINED: usize = 4096;

impl LearningAgent {
    /// An agent that has just been started: it takes the table for its list as it stands, renews what was hit meanwhile, and has
    /// the workers report again what waits, for it knows of no report that another took with it.
    pub(crate) fn start(around: &mut Around<'_>) -> Self {
        let now = around.now;
        let list = List::new(around.ports.len(), around.config.mac_table.maximum_entries);
        let next_audit = around.config.learning.audit_interval.map(|interval| now + interval);
        let mut agent = LearningAgent {
            list,
            adopted: now,
            next_renewal: now,
            next_audit,
            missed: BTreeSet::new(),
            put_off: BTreeSet::new(),
            displaced: BTreeSet::new(),
            damper: Damper::new(),
            declined: BTreeSet::new(),
            next_keep: None,
            pins: BTreeMap::new(),
        };
        agent.adopt(around);
        around.door.forget_reports(now);
        agent.renew(around);
        agent.settle_remotes(around);
        agent
    }

    /// Takes the table for its list.
    pub(crate) fn adopt(&mut self, around: &mut Around<'_>) {
        self.list.clear();
        self.adopted = around.now;
        let mut loose = Vec::new();
        for entry in around.door.entries(around.now) {
            let Place { vlan, mac, port } = entry.place;
            let origin = match around.peers.place(vlan, mac) {
                _ if self.pins.contains_key(&(vlan, mac)) => Origin::Pinned,
                _ if entry.is_static => {
                    loose.push(entry.place);
                    continue;
                }
                Some(wanted) if wanted == port => Origin::Peer,
                _ => Origin::Adopted,
            };
            self.list.note(vlan, mac, Known::new(port, entry.seen, origin));
        }
        self.loosen(loose, around);
    }

    /// What it believes.
    pub(crate) fn list(&self) -> &List {
        &self.list
    }

    /// When it has something to do by itself.
    pub(crate) fn poll_timeout(&self, config: &SwitchConfig) -> Option<Instant> {
        let renewal = renews(config).then_some(self.next_renewal);
        [renewal, self.next_audit, self.next_of_remotes()].into_iter().flatten().min()
    }

    /// The settings are others now.
    pub(crate) fn reconfigure(&mut self, now: Instant, config: &SwitchConfig) {
        self.next_renewal = self.next_renewal.min(now + config.learning.renew_interval);
        self.next_audit = config
            .learning
            .audit_interval
            .map(|interval| self.next_audit.map_or(now + interval, |next| next.min(now + interval)));
    }

    /// Renews entries that were hit, if it is time; says whether it was.
    pub(crate) fn renew_if_due(&mut self, around: &mut Around<'_>) -> bool {
        let is_due = renews(around.config) && self.next_renewal <= around.now;
        if is_due {
            self.renew(around);
        }
        is_due
    }

    /// Is the periodic audit due? Counts it as made.
    pub(crate) fn audit_is_due(&mut self, around: &Around<'_>) -> bool {
        let is_due = self.next_audit.is_some_and(|next| next <= around.now);
        if is_due {
            let interval = around.config.learning.audit_interval;
            self.next_audit = interval.map(|interval| around.now + interval.max(SHORTEST_INTERVAL));
        }
        is_due
    }

    /// Renews what was hit. An entry that the list has elsewhere is not: that is for the audit. One that it does not have is
    /// taken up.
    fn renew(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        self.next_renewal = now + around.config.learning.renew_interval.max(SHORTEST_INTERVAL);
        if !around.config.learning.owned().lease {
            return;
        }
        let (list, link, mut seen) = (&mut self.list, around.link(), Vec::new());
        let renewed = around.door.renew(now, |Place { vlan, mac, port }| match list.get_mut(vlan, mac) {
            Some(known) if known.port != port => false,
            Some(known) => {
                known.seen = now;
                if known.origin == Origin::Peer && Some(port) != link {
                    seen.push((vlan, mac, Known::new(port, now, Origin::Reported)));
                }
                true
            }
            None => {
                list.note(vlan, mac, Known::new(port, now, Origin::Adopted));
                true
            }
        });
        around.counts.renewed += renewed as u64;
        for (vlan, mac, known) in seen {
            self.list.note(vlan, mac, known);
        }
    }

    /// Dynamic addresses were flushed.
    pub(crate) fn handle_flush(&mut self, flush: Flush, around: &mut Around<'_>) {
        self.unpin_flushed(flush, around);
        self.list.forget(flush);
    }

    /// Dynamic addresses were flushed, and it does not listen.
    pub(crate) fn miss_flush(&mut self, flush: Flush) {
        self.missed.insert(flush);
    }

    /// It is to flush what it does not hear of now.
    pub(crate) fn put_off(&mut self, flush: Flush) {
        self.put_off.insert(flush);
    }

    /// What it was to flush while it did not listen.
    pub(crate) fn take_put_off(&mut self) -> BTreeSet<Flush> {
        std::mem::take(&mut self.put_off)
    }

    /// The entry of an address is not in the table any more, and no worker reports that.
    pub(crate) fn handle_displaced(&mut self, vlan: VlanId, mac: MacAddr, listens: bool) {
        if listens {
            self.list.remove(vlan, mac);
            self.pins.remove(&(vlan, mac));
        } else {
            self.displaced.insert((vlan, mac));
        }
    }

    /// It listens again: what was flushed or displaced meanwhile goes from its list, and what is on ports that are down or not
    /// members.
    pub(crate) fn resume(&mut self, around: &mut Around<'_>) {
        for flush in std::mem::take(&mut self.missed) {
            self.handle_flush(flush, around);
        }
        for (vlan, mac) in std::mem::take(&mut self.displaced) {
            self.handle_displaced(vlan, mac, true);
        }
        self.reconcile(around.ports);
        self.settle_remotes(around);
    }

    /// Forgets what is on ports that are down or not members.
    pub(crate) fn reconcile(&mut self, ports: &[Port]) {
        self.list.retain(|vlan, port| ports[port.index()].carries(vlan));
    }

    /// Takes in what a worker reported.
    pub(crate) fn handle_report(&mut self, report: WorkerReport, around: &mut Around<'_>) {
        around.counts.handled += 1;
        let WorkerReport { at, event } = report;
        let (vlan, mac) = match event {
            WorkerEvent::Seen { vlan, mac, .. }
            | WorkerEvent::SeenElsewhere { vlan, mac, .. }
            | WorkerEvent::Learned { vlan, mac, .. }
            | WorkerEvent::Moved { vlan, mac, .. }
            | WorkerEvent::Damped { vlan, mac, .. }
            | WorkerEvent::Evicted { vlan, mac, .. }
            | WorkerEvent::Aged { vlan, mac, .. }
            | WorkerEvent::AdjacencyUnresolved { vlan, mac } => (vlan, mac),
        };
        // What another has told is kept current although nobody sees it.
        let since = |known: &Known| if known.origin == Origin::Peer { known.put } else { known.seen };
        let is_old = self.list.get(vlan, mac).is_some_and(|known| at < since(known));
        if around.config.learning.report_order == ReportOrder::Stamped && is_old {
            around.counts.ignored += 1;
            return;
        }
        match event {
            WorkerEvent::Seen { port, .. } | WorkerEvent::SeenElsewhere { seen: port, .. } => {
                self.handle_sighting(at, Place { vlan, mac, port }, around);
            }
            // The switch asks for it.
            WorkerEvent::AdjacencyUnresolved { .. } => {}
            WorkerEvent::Learned { port, .. } => {
                // Behind a port that has gone down since, or left the VLAN, the table has forgotten it.
                if around.ports[port.index()].carries(vlan) {
                    self.list.note(vlan, mac, Known::new(port, at, Origin::Reported));
                }
                let name = around.port_name(port);
                around.tell(at, Event::MacLearned { vlan, mac, port: name });
                if Some(port) == around.link() {
                    self.settle_remote(vlan, mac, false, around);
                }
            }
            WorkerEvent::Moved { from, to, .. } => {
                if around.ports[to.index()].carries(vlan) {
                    self.list.note(vlan, mac, Known::new(to, at, Origin::Reported));
                } else {
                    self.list.remove_at(vlan, mac, from);
                }
                let names = (around.port_name(from), around.port_name(to));
                around.tell(at, Event::MacMoved { vlan, mac, from: names.0, to: names.1 });
                if Some(to) == around.link() {
                    self.settle_remote(vlan, mac, false, around);
                }
            }
            WorkerEvent::Damped { held, seen, .. } => {
                let (held, seen) = (around.port_name(held), around.port_name(seen));
                around.tell(at, Event::MacMoveDamped { vlan, mac, held, seen });
            }
            WorkerEvent::Evicted { port, .. } => {
                self.hear_of_end(at, Place { vlan, mac, port });
                let port = around.port_name(port);
                around.tell(at, Event::MacEvicted { vlan, mac, port });
            }
            WorkerEvent::Aged { port, .. } => {
                self.hear_of_end(at, Place { vlan, mac, port });
                let port = around.port_name(port);
                around.tell(at, Event::MacAged { vlan, mac, port });
                self.settle_remote(vlan, mac, false, around);
            }
        }
        if self.list.is_longer_than_the_table() {
            // It has not heard of what went: the table tells.
            self.adopt(around);
        }
    }

    /// An entry has ended. What ended before the table was taken for the list was not in it, and if it is on the list, it was learned again.
    fn hear_of_end(&mut self, at: Instant, Place { vlan, mac, port }: Place) {
        if at >= self.adopted {
            self.list.remove_at(vlan, mac, port);
        }
    }

    /// A worker has seen a source that the table does not have there.
    fn handle_sighting(&mut self, at: Instant, place: Place, around: &mut Around<'_>) {
        let Place { vlan, mac, port } = place;
        // The port may have gone down, or left the VLAN, since; and what workers see without the agent's leave is not its.
        if !around.ports[port.index()].carries(vlan) || !around.config.learning.owned().learn {
            around.counts.ignored += 1;
            return;
        }
        if Some(port) == around.link() && around.peers.place(vlan, mac).is_some() {
            // The other chassis knows better where it is.
            self.settle_remote(vlan, mac, false, around);
            return;
        }
        let before = self.list.get(vlan, mac).copied();
        if before.is_some_and(|known| known.origin == Origin::Pinned) {
            return;
        }
        let before = before.filter(|known| lives(around.config, around.now, known.seen));
        if before.is_some_and(|known| known.port == port) {
            self.list.note(vlan, mac, Known::new(port, at, Origin::Reported));
            return;
        }
        if let Some(held) = before.map(|known| known.port)
            && self.is_held(Place { port: held, ..place }, port, around)
        {
            return;
        }
        self.put(at, place, Origin::Reported, before.map(|known| known.port), around);
    }

    /// Writes an entry, and tells of it; `from` is where the address was.
    fn put(
        &mut self,
        seen: Instant,
        place: Place,
        origin: Origin,
        from: Option<PortId>,
        around: &mut Around<'_>,
    ) {
        let Some(outcome) = self.write(seen, place, origin, around) else { return };
        let Place { vlan, mac, port } = place;
        let from = if let Installed::Moved { from } = outcome { Some(from) } else { from };
        let to = around.port_name(port);
        match from.map(|from| around.port_name(from)) {
            None => around.tell(around.now, Event::MacLearned { vlan, mac, port: to }),
            Some(from) => around.tell(around.now, Event::MacMoved { vlan, mac, from, to }),
        }
    }

    /// Does the address move too often, so that it stays where it is? Its frames pass meanwhile: dropping them is for workers that
    /// install themselves.
    fn is_held(&mut self, place: Place, seen: PortId, around: &mut Around<'_>) -> bool {
        let Some(rule) = around.config.mac_table.move_damping.map(MoveDamping::rule) else { return false };
        let Place { vlan, mac, port } = place;
        let ruling = self.damper.rule(rule, vlan, mac, around.now);
        if ruling == Ruling::HoldBegins {
            let (held, seen) = (around.port_name(port), around.port_name(seen));
            around.tell(around.now, Event::MacMoveDamped { vlan, mac, held, seen });
        }
        around.counts.damped += u64::from(ruling != Ruling::Allowed);
        ruling != Ruling::Allowed
    }

    /// Writes an entry into the table and on the list; `None` when it is not there then, as far as the agent knows.
    fn write(
        &mut self,
        seen: Instant,
        place: Place,
        origin: Origin,
        around: &mut Around<'_>,
    ) -> Option<Installed> {
        let Place { vlan, mac, port } = place;
        let (outcome, evicted) = if around.mishaps.refuses() {
            around.counts.refused += 1;
            let before = self.list.get(vlan, mac).map(|known| known.port);
            (before.map_or(Installed::New, |from| Installed::Moved { from }), Vec::new())
        } else {
            around.door.install(around.now, place)
        };
        for Place { vlan, mac, port } in evicted {
            self.list.remove_at(vlan, mac, port);
            around.counts.evicted += 1;
            let port = around.port_name(port);
            around.tell(around.now, Event::MacEvicted { vlan, mac, port });
        }
        match outcome {
            Installed::New => around.counts.installed += 1,
            Installed::Moved { .. } => around.counts.moved += 1,
            Installed::Kept => {}
            Installed::Static { .. } => return None,
            Installed::Declined(decline) => {
                if self.declined.len() == DECLINED {
                    self.declined.clear();
                }
                self.declined.insert((vlan, mac));
                around.counts.declined[decline.index()] += 1;
                *around.full |= is_full(decline);
                let (port, reason) = (around.port_name(port), decline.name().into());
                around.tell(around.now, Event::MacDeclined { vlan, mac, port, reason });
                return None;
            }
        }
        self.declined.remove(&(vlan, mac));
        self.list.note(vlan, mac, Known::new(port, seen, origin));
        Some(outcome)
    }
}

/// The port that leads to the other chassis of a pair.
fn inter_chassis_link(config: &SwitchConfig) -> Option<PortId> {
    config.multi_chassis.as_ref().map(|pair| pair.inter_chassis_link)
}

/// Does an agent of this configuration renew anything?
fn renews(config: &SwitchConfig) -> bool {
    let owned = config.learning.owned();
    owned.lease || (owned.flood && config.learning.flood == FloodGroups::Leased)
}

/// Is what was last seen then younger than the ageing time?
fn lives(config: &SwitchConfig, now: Instant, seen: Instant) -> bool {
    let ageing_time = config.mac_table.ageing_time;
    ageing_time.is_zero() || now.since(seen) <= ageing_time
}

/// Is it for want of room?
fn is_full(decline: Decline) -> bool {
    matches!(decline, Decline::TableFull | Decline::BucketsFull | Decline::ChipBucketFull)
}
