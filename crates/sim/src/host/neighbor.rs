//! The table of neighbours: conceptual model of RFC 4861 5.1 and 7.3.2 for both families, with the lifetime of
//! RFC 1122 2.3.2.1 for IPv4.
//!
//! Left out is DELAY: nothing above tells this layer that a neighbour is reachable, so there is nothing to wait for.

use super::NeighborConfig;
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Packets that wait for one neighbour. RFC 4861 7.2.2 asks for at least one, the newest.
const WAITING: usize = 64;

/// What a host knows of a neighbour (RFC 4861 7.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeighborState {
    /// It is being asked for; packets wait.
    Incomplete,
    /// It has confirmed its address within the lifetime.
    Reachable,
    /// The lifetime is over. The next packet goes to the old address, and asks it.
    Stale,
    /// The old address is being asked whether it still is the neighbour's.
    Probe,
}

/// What was heard of a neighbour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// It is worth a new entry.
    pub(crate) create: bool,
    /// It shows that the neighbour can hear us.
    pub(crate) confirms: bool,
    /// Another MAC address than the known one replaces it.
    pub(crate) overrides: bool,
}

/// Where an entry stands in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u32);

/// A packet's fate.
#[derive(Debug)]
pub(crate) enum Resolved {
    /// It goes to this address, which is to be asked whether it still is the neighbour's when `ask` says so.
    Goes { to: MacAddr, frame: Vec<u8>, ask: bool },
    /// It waits for the neighbour, which is to be asked for when `ask` says so; `oldest` had to make room.
    Waits { ask: bool, oldest: Option<Vec<u8>> },
    /// There is no room for another neighbour.
    Full(Vec<u8>),
}

/// What a timer asks for.
#[derive(Debug)]
pub(crate) enum Expired {
    /// Ask once more, the known address alone if there is one.
    Ask(IpAddr, Option<MacAddr>),
    /// The neighbour is gone; these packets waited for it.
    Failed(IpAddr, VecDeque<Vec<u8>>),
}

#[derive(Debug)]
struct Neighbor {
    addr: IpAddr,
    mac: MacAddr,
    /// Stale by age is still `Reachable` here: time passes without a timer.
    state: NeighborState,
    confirmed: Instant,
    /// Solicitations sent, and when the next is due; while incomplete or in probe.
    asked: u8,
    ask_at: Instant,
    waiting: VecDeque<Vec<u8>>,
}

impl Neighbor {
    fn is_asked(&self) -> bool {
        matches!(self.state, NeighborState::Incomplete | NeighborState::Probe)
    }
}

#[derive(Debug)]
pub(crate) struct Neighbors {
    config: NeighborConfig,
    slots: Vec<Option<Neighbor>>,
    free: Vec<Slot>,
    by_addr: BTreeMap<IpAddr, Slot>,
    timers: BTreeSet<(Instant, Slot)>,
}

impl Neighbors {
    pub(crate) fn new(config: NeighborConfig) -> Self {
        Neighbors {
            config,
            slots: Vec::new(),
            free: Vec::new(),
            by_addr: BTreeMap::new(),
            timers: BTreeSet::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_addr.len()
    }

    /// State and address of a neighbour; no address while it is incomplete.
    pub(crate) fn get(&self, now: Instant, addr: IpAddr) -> Option<(NeighborState, Option<MacAddr>)> {
        let neighbor = self.at(*self.by_addr.get(&addr)?);
        let state = self.state(neighbor, now);
        Some((state, (state != NeighborState::Incomplete).then_some(neighbor.mac)))
    }

    /// Decides on a packet; `hint` is where the neighbour was the last time.
    pub(crate) fn resolve(
        &mut self,
        now: Instant,
        addr: IpAddr,
        frame: Vec<u8>,
        hint: &mut Option<Slot>,
    ) -> Resolved {
        let hinted = hint.filter(|slot| {
            self.slots[slot.0 as usize].as_ref().is_some_and(|neighbor| neighbor.addr == addr)
        });
        *hint = hinted.or_else(|| self.by_addr.get(&addr).copied());
        let Some(slot) = *hint else {
            *hint = self.insert(now, addr, MacAddr::ZERO, NeighborState::Incomplete);
            let Some(slot) = *hint else { return Resolved::Full(frame) };
            self.at_mut(slot).waiting.push_back(frame);
            self.ask(now, slot);
            return Resolved::Waits { ask: true, oldest: None };
        };
        let neighbor = self.at(slot);
        match self.state(neighbor, now) {
            NeighborState::Reachable | NeighborState::Probe => {
                Resolved::Goes { to: neighbor.mac, frame, ask: false }
            }
            NeighborState::Stale => {
                // RFC 4861 7.3.3: the packet goes to the cached address, and it is verified in the meantime.
                let neighbor = self.at_mut(slot);
                (neighbor.state, neighbor.asked) = (NeighborState::Probe, 0);
                let to = neighbor.mac;
                self.ask(now, slot);
                Resolved::Goes { to, frame, ask: true }
            }
            NeighborState::Incomplete => {
                let waiting = &mut self.at_mut(slot).waiting;
                // RFC 4861 7.2.2: a new arrival replaces the oldest.
                let oldest = if waiting.len() == WAITING { waiting.pop_front() } else { None };
                waiting.push_back(frame);
                Resolved::Waits { ask: false, oldest }
            }
        }
    }

    /// Takes in what was heard of a neighbour, without an address of its own when `mac` is `None` (RFC 4861 7.2.5).
    /// Gives the packets that waited for it, with where they go.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        addr: IpAddr,
        mac: Option<MacAddr>,
        evidence: Evidence,
    ) -> Option<(MacAddr, VecDeque<Vec<u8>>)> {
        let believed = if evidence.confirms { NeighborState::Reachable } else { NeighborState::Stale };
        let Some(&slot) = self.by_addr.get(&addr) else {
            if evidence.create {
                self.insert(now, addr, mac?, believed);
            }
            return None;
        };
        let state = self.state(self.at(slot), now);
        let known = self.at(slot).mac;
        let differs = mac.is_some_and(|mac| mac != known);
        let next = match state {
            NeighborState::Incomplete if mac.is_none() => return None,
            NeighborState::Incomplete => Some(believed),
            NeighborState::Reachable if differs && !evidence.overrides => Some(NeighborState::Stale),
            _ if differs && !evidence.overrides => None,
            _ if evidence.confirms || differs => Some(believed),
            _ => None,
        }?;
        let takes = state == NeighborState::Incomplete || evidence.overrides;
        if self.at(slot).is_asked() {
            self.timers.remove(&(self.at(slot).ask_at, slot));
        }
        let neighbor = self.at_mut(slot);
        if let Some(mac) = mac.filter(|_| takes) {
            neighbor.mac = mac;
        }
        neighbor.state = next;
        if next == NeighborState::Reachable {
            neighbor.confirmed = now;
        }
        let waiting = std::mem::take(&mut neighbor.waiting);
        (!waiting.is_empty()).then_some((neighbor.mac, waiting))
    }

    /// When the next neighbour is to be asked again, or given up.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The next thing that is due.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Expired> {
        let &(at, slot) = self.timers.first().filter(|(at, _)| *at <= now)?;
        self.timers.remove(&(at, slot));
        let neighbor = self.at(slot);
        if neighbor.asked < self.config.attempts {
            let known = (neighbor.state == NeighborState::Probe).then_some(neighbor.mac);
            let addr = neighbor.addr;
            self.ask(now, slot);
            return Some(Expired::Ask(addr, known));
        }
        let neighbor = self.remove(slot);
        Some(Expired::Failed(neighbor.addr, neighbor.waiting))
    }

    /// Forgets everybody, as an interface that loses its carrier does. Gives what waited.
    pub(crate) fn flush(&mut self) -> Vec<Vec<u8>> {
        self.timers.clear();
        let slots: Vec<Slot> = self.by_addr.values().copied().collect();
        slots.into_iter().flat_map(|slot| self.remove(slot).waiting).collect()
    }

    fn state(&self, neighbor: &Neighbor, now: Instant) -> NeighborState {
        let old = now.since(neighbor.confirmed) >= self.config.lifetime;
        match neighbor.state {
            NeighborState::Reachable if old => NeighborState::Stale,
            state => state,
        }
    }

    /// Counts a solicitation and sets the timer for what follows.
    fn ask(&mut self, now: Instant, slot: Slot) {
        let ask_at = now + self.config.retry_interval;
        let neighbor = self.at_mut(slot);
        neighbor.asked += 1;
        neighbor.ask_at = ask_at;
        self.timers.insert((ask_at, slot));
    }

    /// In a full table the entry that has been stale for the longest makes room; `None` when there is none.
    fn insert(&mut self, now: Instant, addr: IpAddr, mac: MacAddr, state: NeighborState) -> Option<Slot> {
        if self.len() >= self.config.capacity {
            let stale = |neighbor: &&Neighbor| self.state(neighbor, now) == NeighborState::Stale;
            let oldest =
                self.slots.iter().flatten().filter(stale).min_by_key(|neighbor| neighbor.confirmed)?;
            let slot = self.by_addr[&oldest.addr];
            self.remove(slot);
        }
        let neighbor =
            Neighbor { addr, mac, state, confirmed: now, asked: 0, ask_at: now, waiting: VecDeque::new() };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            Slot(self.slots.len() as u32 - 1)
        });
        self.slots[slot.0 as usize] = Some(neighbor);
        self.by_addr.insert(addr, slot);
        Some(slot)
    }

    fn remove(&mut self, slot: Slot) -> Neighbor {
        let neighbor = self.slots[slot.0 as usize].take().expect("a slot in use has a neighbour");
        self.by_addr.remove(&neighbor.addr);
        self.free.push(slot);
        neighbor
    }

    fn at(&self, slot: Slot) -> &Neighbor {
        self.slots[slot.0 as usize].as_ref().expect("a slot in use has a neighbour")
    }

    fn at_mut(&mut self, slot: Slot) -> &mut Neighbor {
        self.slots[slot.0 as usize].as_mut().expect("a slot in use has a neighbour")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NeighborState::{Incomplete, Probe, Reachable, Stale};

    const ADDR: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 2));
    const OLD: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const NEW: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
    const SOLICITED: Evidence = Evidence { create: false, confirms: true, overrides: false };
    const OVERRIDE: Evidence = Evidence { create: false, confirms: false, overrides: true };
    const BOTH: Evidence = Evidence { create: false, confirms: true, overrides: true };
    const NEITHER: Evidence = Evidence { create: false, confirms: false, overrides: false };

    /// A table with the neighbour in a state, ten lifetimes after the start.
    fn table(state: NeighborState) -> (Neighbors, Instant) {
        let lifetime = std::time::Duration::from_secs(30);
        let mut table = Neighbors::new(NeighborConfig { lifetime, ..NeighborConfig::default() });
        let now = Instant::ZERO + 10 * lifetime;
        let heard = if state == Reachable { now } else { Instant::ZERO };
        if state != Incomplete {
            table.hear(heard, ADDR, Some(OLD), Evidence { create: true, ..BOTH });
        }
        if matches!(state, Incomplete | Probe) {
            table.resolve(now, ADDR, Vec::new(), &mut None);
        }
        assert_eq!(table.get(now, ADDR).unwrap().0, state);
        (table, now)
    }

    /// RFC 4861 7.2.5 and appendix C, row by row.
    #[test]
    fn what_an_advertisement_changes() {
        let steps = [
            (Incomplete, None, BOTH, Incomplete, None),
            (Incomplete, Some(NEW), NEITHER, Stale, Some(NEW)),
            (Incomplete, Some(NEW), SOLICITED, Reachable, Some(NEW)),
            (Reachable, Some(OLD), NEITHER, Reachable, Some(OLD)),
            (Reachable, Some(NEW), NEITHER, Stale, Some(OLD)),
            (Reachable, Some(NEW), SOLICITED, Stale, Some(OLD)),
            (Reachable, Some(NEW), OVERRIDE, Stale, Some(NEW)),
            (Reachable, Some(NEW), BOTH, Reachable, Some(NEW)),
            (Stale, Some(NEW), SOLICITED, Stale, Some(OLD)),
            (Stale, Some(OLD), SOLICITED, Reachable, Some(OLD)),
            (Stale, None, SOLICITED, Reachable, Some(OLD)),
            (Stale, Some(NEW), OVERRIDE, Stale, Some(NEW)),
            (Stale, Some(OLD), OVERRIDE, Stale, Some(OLD)),
            (Probe, Some(NEW), NEITHER, Probe, Some(OLD)),
            (Probe, Some(OLD), OVERRIDE, Probe, Some(OLD)),
            (Probe, Some(NEW), OVERRIDE, Stale, Some(NEW)),
            (Probe, Some(OLD), SOLICITED, Reachable, Some(OLD)),
            (Probe, Some(NEW), BOTH, Reachable, Some(NEW)),
        ];
        for step in steps {
            let (before, mac, evidence, after, known) = step;
            let (mut table, now) = table(before);
            table.hear(now, ADDR, mac, evidence);
            assert_eq!(table.get(now, ADDR), Some((after, known)), "{step:?}");
            let asks = matches!(after, Incomplete | Probe);
            assert_eq!(table.poll_timeout().is_some(), asks, "{step:?}");
        }
    }

    #[test]
    fn nobody_is_added_by_what_was_not_for_us() {
        let mut table = Neighbors::new(NeighborConfig::default());
        table.hear(Instant::ZERO, ADDR, Some(NEW), BOTH);
        assert_eq!(table.get(Instant::ZERO, ADDR), None);
        table.hear(Instant::ZERO, ADDR, Some(NEW), Evidence { create: true, ..OVERRIDE });
        assert_eq!(table.get(Instant::ZERO, ADDR), Some((Stale, Some(NEW))));
    }
}
