//! The table of neighbours of one interface: the conceptual model of RFC 4861 5.1 and 7.3.2 for both families, as Linux has it, with
//! the lifetime of RFC 1122 2.3.2.1 for IPv4.
//!
//! That a lifetime is over takes no timer: an entry is stale when somebody looks. Only neighbours that somebody has to reach
//! ([`want`](Neighbors::want)) are asked again before anybody sends them something.

use core::net::IpAddr;
use greylag_base::{Instant, MacAddr};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Packets that wait for one neighbour. RFC 4861 7.2.2 asks for at least one, the newest.
const WAITING: usize = 64;

/// How neighbours are found, and for how long they are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighborTimers {
    /// How long a neighbour is believed after it has confirmed its address (RFC 4861 6.3.4, ReachableTime).
    pub reachable: Duration,
    /// From one solicitation to the next (RFC 4861 10, RETRANS_TIMER).
    pub retransmit: Duration,
    /// Solicitations that are sent to the group, or to the neighbour alone, before it is given up (RFC 4861 10, MAX_MULTICAST_SOLICIT
    /// and MAX_UNICAST_SOLICIT).
    pub solicitations: u8,
    /// From the first packet to a stale neighbour until it is asked (RFC 4861 10, DELAY_FIRST_PROBE_TIME): something above
    /// may be heard from it. With zero it is asked at once.
    pub delay: Duration,
    /// For how long nobody asks for a neighbour again that has not answered. With zero it is forgotten at once.
    pub failed: Duration,
    /// For how long one stays that is stale and that nobody uses; `Duration::MAX` is until there is no more room.
    pub stale: Duration,
    /// How many neighbours there is room for, static ones aside (Linux's `gc_thresh3`).
    pub capacity: usize,
}

impl Default for NeighborTimers {
    /// RFC 4861's times, a second of silence about a neighbour that has not answered, and twenty minutes for one that is stale.
    fn default() -> Self {
        NeighborTimers {
            reachable: Duration::from_secs(30),
            retransmit: Duration::from_secs(1),
            solicitations: 3,
            delay: Duration::from_secs(5),
            failed: Duration::from_secs(1),
            stale: Duration::from_secs(1200),
            capacity: 1024,
        }
    }
}

/// What is known of a neighbour (RFC 4861 7.3.2; the last two as Linux has them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeighborState {
    /// It is being asked for; packets wait.
    Incomplete,
    /// It has confirmed its address within the lifetime.
    Reachable,
    /// The lifetime is over. The next packet goes to the old address, and has it verified.
    Stale,
    /// A packet went to the old address; for a while, something may be heard that confirms it.
    Delay,
    /// The old address is being asked whether it still is the neighbour's.
    Probe,
    /// It has not answered; packets for it are dropped.
    Failed,
    /// An operator says where it is.
    Permanent,
}

/// What was heard of a neighbour.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// It is worth a new entry.
    pub create: bool,
    /// It shows that the neighbour can hear us.
    pub confirms: bool,
    /// Another MAC address than the known one replaces it.
    pub overrides: bool,
}

/// Where an entry stands in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

/// A packet's fate.
#[derive(Debug)]
pub enum Resolved<P> {
    /// It goes to this address, which is to be asked whether it still is the neighbour's when `ask` says so.
    Goes {
        /// Where.
        to: MacAddr,
        /// The packet.
        packet: P,
        /// The neighbour is to be asked.
        ask: bool,
    },
    /// It waits for the neighbour.
    Waits {
        /// The neighbour is to be asked for.
        ask: bool,
        /// What had to make room.
        oldest: Option<P>,
    },
    /// The neighbour did not answer, shortly before.
    Failed(P),
    /// There is no room for another neighbour.
    Full(P),
}

/// Whom to ask: a neighbour's IP address, and where it is believed to be.
pub type Question = (IpAddr, Option<MacAddr>);

/// What a timer asks for.
#[derive(Debug)]
pub enum Expired<P> {
    /// Ask once more.
    Ask(Question),
    /// The neighbour did not answer; these packets waited for it.
    Failed(IpAddr, VecDeque<P>),
}

/// What operators see of a neighbour.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its IP address.
    pub addr: IpAddr,
    /// Where it is, if that is known.
    pub mac: Option<MacAddr>,
    /// What is known of it.
    pub state: NeighborState,
    /// Since when that is so.
    pub since: Instant,
    /// When it last confirmed its address, or was first asked for when it never has.
    pub confirmed: Instant,
    /// Somebody has to reach it.
    pub wanted: bool,
}

#[derive(Debug)]
struct Neighbor<P> {
    addr: IpAddr,
    mac: MacAddr,
    /// Stale by age is still `Reachable` here.
    state: NeighborState,
    since: Instant,
    confirmed: Instant,
    used: Instant,
    /// Solicitations sent, while incomplete or in probe.
    asked: u8,
    timer: Option<Instant>,
    waiting: VecDeque<P>,
}

impl<P> Neighbor<P> {
    fn mac(&self) -> Option<MacAddr> {
        let unknown = matches!(self.state, NeighborState::Incomplete | NeighborState::Failed);
        (!unknown).then_some(self.mac)
    }
}

/// The neighbours of one interface, and the packets that wait for them.
#[derive(Debug)]
pub struct Neighbors<P> {
    timers: NeighborTimers,
    slots: Vec<Option<Neighbor<P>>>,
    free: Vec<Slot>,
    by_addr: BTreeMap<IpAddr, Slot>,
    agenda: BTreeSet<(Instant, Slot)>,
    wanted: BTreeSet<IpAddr>,
    /// Those of which something may have changed since somebody last asked.
    touched: BTreeSet<IpAddr>,
}

impl<P> Neighbors<P> {
    /// A table that knows nobody.
    pub fn new(timers: NeighborTimers) -> Self {
        Neighbors {
            timers,
            slots: Vec::new(),
            free: Vec::new(),
            by_addr: BTreeMap::new(),
            agenda: BTreeSet::new(),
            wanted: BTreeSet::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Goes by other times from now on.
    pub fn set_timers(&mut self, timers: NeighborTimers) {
        self.timers = timers;
    }

    /// How many are known or asked for.
    pub fn len(&self) -> usize {
        self.by_addr.len()
    }

    /// Is nobody known?
    pub fn is_empty(&self) -> bool {
        self.by_addr.is_empty()
    }

    /// State and address of a neighbour; no address while there is none that packets go to.
    pub fn get(&self, now: Instant, addr: IpAddr) -> Option<(NeighborState, Option<MacAddr>)> {
        let neighbor = self.at(*self.by_addr.get(&addr)?);
        Some((self.state(neighbor, now), neighbor.mac()))
    }

    /// All of them, by address.
    pub fn entries(&self, now: Instant) -> impl Iterator<Item = Entry> + '_ {
        self.by_addr.values().map(move |&slot| {
            let neighbor = self.at(slot);
            let (addr, mac, state) = (neighbor.addr, neighbor.mac(), self.state(neighbor, now));
            let lapsed = state == NeighborState::Stale && neighbor.state != state;
            let since = if lapsed { neighbor.confirmed + self.timers.reachable } else { neighbor.since };
            let wanted = self.wanted.contains(&addr);
            Entry { addr, mac, state, since, confirmed: neighbor.confirmed, wanted }
        })
    }

    /// Those of which something may have changed since the last call, forgotten ones too.
    pub fn take_touched(&mut self) -> BTreeSet<IpAddr> {
        std::mem::take(&mut self.touched)
    }

    /// Decides on a packet; `hint` is where the neighbour was the last time.
    pub fn resolve(&mut self, now: Instant, addr: IpAddr, packet: P, hint: &mut Option<Slot>) -> Resolved<P> {
        let hinted = hint.filter(|slot| {
            self.slots[slot.0 as usize].as_ref().is_some_and(|neighbor| neighbor.addr == addr)
        });
        *hint = hinted.or_else(|| self.by_addr.get(&addr).copied());
        let Some(slot) = *hint else {
            *hint = self.insert(now, addr, MacAddr::ZERO, NeighborState::Incomplete);
            let Some(slot) = *hint else { return Resolved::Full(packet) };
            self.at_mut(slot).waiting.push_back(packet);
            self.ask(now, slot);
            return Resolved::Waits { ask: true, oldest: None };
        };
        let state = self.state(self.at(slot), now);
        let neighbor = self.at_mut(slot);
        neighbor.used = now;
        match state {
            NeighborState::Incomplete => {
                // RFC 4861 7.2.2: a new arrival replaces the oldest.
                let waiting = &mut neighbor.waiting;
                let oldest = if waiting.len() == WAITING { waiting.pop_front() } else { None };
                waiting.push_back(packet);
                Resolved::Waits { ask: false, oldest }
            }
            NeighborState::Failed => Resolved::Failed(packet),
            NeighborState::Stale => {
                let to = neighbor.mac;
                Resolved::Goes { to, packet, ask: self.verify(now, slot).is_some() }
            }
            _ => Resolved::Goes { to: neighbor.mac, packet, ask: false },
        }
    }

    /// Begins to look for a neighbour that is not known, and has one verified that is stale.
    pub fn look_for(&mut self, now: Instant, addr: IpAddr) -> Option<Question> {
        if !self.by_addr.contains_key(&addr) {
            let slot = self.insert(now, addr, MacAddr::ZERO, NeighborState::Incomplete)?;
            self.ask(now, slot);
            return Some((addr, None));
        }
        self.used(now, addr)
    }

    /// Something was sent to a neighbour past this table.
    pub fn used(&mut self, now: Instant, addr: IpAddr) -> Option<Question> {
        let slot = *self.by_addr.get(&addr)?;
        self.at_mut(slot).used = now;
        let stale = self.state(self.at(slot), now) == NeighborState::Stale;
        if stale { self.verify(now, slot) } else { None }
    }

    /// Somebody has to reach a neighbour from now on, or no longer has to: it is looked for until it is found, and verified whenever
    /// it is stale. On an interface that is not `up`, nobody is looked for.
    pub fn want(&mut self, now: Instant, addr: IpAddr, wanted: bool, up: bool) -> Option<Question> {
        if wanted {
            self.wanted.insert(addr);
            let question = if up { self.look_for(now, addr) } else { None };
            self.watch(addr);
            return question;
        }
        if self.wanted.remove(&addr) {
            self.watch(addr);
        }
        None
    }

    /// Those that somebody has to reach.
    pub fn wanted(&self) -> &BTreeSet<IpAddr> {
        &self.wanted
    }

    /// An operator says where a neighbour is. Gives the packets that waited for it.
    pub fn set_permanent(&mut self, now: Instant, addr: IpAddr, mac: MacAddr) -> VecDeque<P> {
        let slot = match self.by_addr.get(&addr) {
            Some(&slot) => slot,
            None => self.place(now, addr, mac, NeighborState::Permanent),
        };
        self.at_mut(slot).mac = mac;
        self.enter(now, slot, NeighborState::Permanent, None);
        std::mem::take(&mut self.at_mut(slot).waiting)
    }

    /// Forgets what an operator had said of a neighbour.
    pub fn remove_permanent(&mut self, addr: IpAddr) {
        let permanent = |slot: &&Slot| self.at(**slot).state == NeighborState::Permanent;
        if let Some(&slot) = self.by_addr.get(&addr).filter(permanent) {
            self.remove(slot);
        }
    }

    /// Takes in what was heard of a neighbour, without an address of its own when `mac` is `None` (RFC 4861 7.2.5).
    /// Gives the packets that waited for it, with where they go.
    ///
    /// Unlike Linux, it believes an advertisement of a neighbour that had failed.
    pub fn hear(
        &mut self,
        now: Instant,
        addr: IpAddr,
        mac: Option<MacAddr>,
        evidence: Evidence,
    ) -> Option<(MacAddr, VecDeque<P>)> {
        let believed = if evidence.confirms { NeighborState::Reachable } else { NeighborState::Stale };
        let Some(&slot) = self.by_addr.get(&addr) else {
            if evidence.create {
                self.insert(now, addr, mac?, believed);
                self.watch(addr);
            }
            return None;
        };
        let state = self.state(self.at(slot), now);
        let unknown = matches!(state, NeighborState::Incomplete | NeighborState::Failed);
        let known = self.at(slot).mac;
        let differs = mac.is_some_and(|mac| mac != known);
        let next = match state {
            NeighborState::Permanent => None,
            _ if unknown && mac.is_none() => None,
            _ if unknown => Some(believed),
            NeighborState::Reachable if differs && !evidence.overrides => Some(NeighborState::Stale),
            _ if differs && !evidence.overrides => None,
            _ if evidence.confirms || differs => Some(believed),
            _ => None,
        }?;
        let takes = unknown || evidence.overrides;
        let neighbor = self.at_mut(slot);
        if let Some(mac) = mac.filter(|_| takes) {
            neighbor.mac = mac;
        }
        if next == NeighborState::Reachable {
            neighbor.confirmed = now;
        }
        self.enter(now, slot, next, None);
        self.watch(addr);
        let neighbor = self.at_mut(slot);
        let waiting = std::mem::take(&mut neighbor.waiting);
        (!waiting.is_empty()).then_some((neighbor.mac, waiting))
    }

    /// When the next neighbour is to be asked again, or given up.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// The next thing that is due.
    pub fn expire(&mut self, now: Instant) -> Option<Expired<P>> {
        loop {
            let &(_, slot) = self.agenda.first().filter(|(at, _)| *at <= now)?;
            self.set_timer(slot, None);
            let &Neighbor { addr, asked, state, .. } = self.at(slot);
            let mac = self.at(slot).mac();
            match state {
                NeighborState::Incomplete | NeighborState::Probe if asked < self.timers.solicitations => {
                    self.ask(now, slot);
                    return Some(Expired::Ask((addr, mac)));
                }
                NeighborState::Incomplete | NeighborState::Probe => {
                    return Some(Expired::Failed(addr, self.fail(now, slot)));
                }
                NeighborState::Delay => return Some(Expired::Ask(self.probe(now, slot))),
                NeighborState::Failed if self.wanted.contains(&addr) => {
                    self.enter(now, slot, NeighborState::Incomplete, None);
                    self.at_mut(slot).asked = 0;
                    self.ask(now, slot);
                    return Some(Expired::Ask((addr, None)));
                }
                NeighborState::Failed => {
                    self.remove(slot);
                }
                NeighborState::Reachable | NeighborState::Stale if self.wanted.contains(&addr) => {
                    if let Some(question) = self.verify(now, slot) {
                        return Some(Expired::Ask(question));
                    }
                }
                NeighborState::Reachable | NeighborState::Stale => {
                    if self.forgotten_at(self.at(slot)).is_some_and(|at| at <= now) {
                        self.remove(slot);
                    } else {
                        self.watch(addr);
                    }
                }
                NeighborState::Permanent => {}
            }
        }
    }

    /// Forgets everybody but who is permanent, as an interface that loses its carrier does. Gives what waited.
    pub fn flush(&mut self) -> Vec<P> {
        let forgotten = |slot: &Slot| self.at(*slot).state != NeighborState::Permanent;
        let slots: Vec<Slot> = self.by_addr.values().copied().filter(forgotten).collect();
        slots.into_iter().flat_map(|slot| self.remove(slot).waiting).collect()
    }

    fn state(&self, neighbor: &Neighbor<P>, now: Instant) -> NeighborState {
        let old = now.since(neighbor.confirmed) >= self.timers.reachable;
        match neighbor.state {
            NeighborState::Reachable if old => NeighborState::Stale,
            state => state,
        }
    }

    /// A stale neighbour is in use: RFC 4861 7.3.3 has it asked after a while, unless something confirms it before.
    fn verify(&mut self, now: Instant, slot: Slot) -> Option<Question> {
        if self.timers.delay.is_zero() {
            return Some(self.probe(now, slot));
        }
        let due = now + self.timers.delay;
        self.enter(now, slot, NeighborState::Delay, Some(due));
        None
    }

    fn probe(&mut self, now: Instant, slot: Slot) -> Question {
        self.enter(now, slot, NeighborState::Probe, None);
        self.at_mut(slot).asked = 0;
        self.ask(now, slot);
        let neighbor = self.at(slot);
        (neighbor.addr, Some(neighbor.mac))
    }

    /// Counts a solicitation and sets the timer for what follows.
    fn ask(&mut self, now: Instant, slot: Slot) {
        self.at_mut(slot).asked += 1;
        let due = now + self.timers.retransmit;
        self.set_timer(slot, Some(due));
    }

    fn fail(&mut self, now: Instant, slot: Slot) -> VecDeque<P> {
        if self.timers.failed.is_zero() {
            return self.remove(slot).waiting;
        }
        let due = now + self.timers.failed;
        self.enter(now, slot, NeighborState::Failed, Some(due));
        std::mem::take(&mut self.at_mut(slot).waiting)
    }

    /// Sees to it that a neighbour is verified when its lifetime is over, if somebody has to reach it, and is forgotten some time
    /// otherwise.
    fn watch(&mut self, addr: IpAddr) {
        let Some(&slot) = self.by_addr.get(&addr) else { return };
        let neighbor = self.at(slot);
        let due = match neighbor.state {
            NeighborState::Reachable | NeighborState::Stale if !self.wanted.contains(&addr) => {
                self.forgotten_at(neighbor)
            }
            NeighborState::Reachable => Some(neighbor.confirmed + self.timers.reachable),
            NeighborState::Stale => Some(neighbor.since),
            _ => return,
        };
        self.set_timer(slot, due);
    }

    /// When a neighbour has been stale and not in use for too long, if it is not used until then.
    fn forgotten_at(&self, neighbor: &Neighbor<P>) -> Option<Instant> {
        let stale = match neighbor.state {
            NeighborState::Reachable => neighbor.confirmed + self.timers.reachable,
            _ => neighbor.since,
        };
        (self.timers.stale < Duration::MAX).then(|| stale.max(neighbor.used) + self.timers.stale)
    }

    fn enter(&mut self, now: Instant, slot: Slot, state: NeighborState, timer: Option<Instant>) {
        self.set_timer(slot, timer);
        let neighbor = self.at_mut(slot);
        if neighbor.state != state {
            (neighbor.state, neighbor.since) = (state, now);
        }
        let addr = neighbor.addr;
        self.touched.insert(addr);
    }

    fn set_timer(&mut self, slot: Slot, at: Option<Instant>) {
        if let Some(old) = std::mem::replace(&mut self.at_mut(slot).timer, at) {
            self.agenda.remove(&(old, slot));
        }
        self.agenda.extend(at.map(|at| (at, slot)));
    }

    /// In a full table one that has failed makes room, or else the one that has been stale for the longest; for one that somebody
    /// has to reach, any that nobody has to. `None` when there is none of these.
    fn insert(&mut self, now: Instant, addr: IpAddr, mac: MacAddr, state: NeighborState) -> Option<Slot> {
        if self.len() >= self.timers.capacity {
            let needed = self.wanted.contains(&addr);
            let spare = |neighbor: &&Neighbor<P>| {
                let idle = match self.state(neighbor, now) {
                    NeighborState::Stale | NeighborState::Failed => true,
                    NeighborState::Permanent => false,
                    _ => needed,
                };
                idle && !self.wanted.contains(&neighbor.addr)
            };
            let failed =
                |neighbor: &&Neighbor<P>| (neighbor.state != NeighborState::Failed, neighbor.confirmed);
            let oldest = self.slots.iter().flatten().filter(spare).min_by_key(failed)?;
            let slot = self.by_addr[&oldest.addr];
            self.remove(slot);
        }
        Some(self.place(now, addr, mac, state))
    }

    fn place(&mut self, now: Instant, addr: IpAddr, mac: MacAddr, state: NeighborState) -> Slot {
        let neighbor = Neighbor {
            addr,
            mac,
            state,
            since: now,
            confirmed: now,
            used: now,
            asked: 0,
            timer: None,
            waiting: VecDeque::new(),
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            Slot(self.slots.len() as u32 - 1)
        });
        self.slots[slot.0 as usize] = Some(neighbor);
        self.by_addr.insert(addr, slot);
        self.touched.insert(addr);
        slot
    }

    fn remove(&mut self, slot: Slot) -> Neighbor<P> {
        self.set_timer(slot, None);
        let neighbor = self.slots[slot.0 as usize].take().expect("a slot in use has a neighbour");
        self.by_addr.remove(&neighbor.addr);
        self.touched.insert(neighbor.addr);
        self.free.push(slot);
        neighbor
    }

    fn at(&self, slot: Slot) -> &Neighbor<P> {
        self.slots[slot.0 as usize].as_ref().expect("a slot in use has a neighbour")
    }

    fn at_mut(&mut self, slot: Slot) -> &mut Neighbor<P> {
        self.slots[slot.0 as usize].as_mut().expect("a slot in use has a neighbour")
    }
}
