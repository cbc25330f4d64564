//! Learning: what becomes of a source address.

use crate::counts::Holder;
use crate::evict::{Newcomer, REACH};
use crate::ids::NONE;
use crate::insert::Insert;
use crate::layout::is_static;
use crate::probe::Probe;
use crate::renewal::Renewal;
use crate::session::{Decline, Learn, Session};
use crate::sweep::Swept;
use crate::table::{Found, MacTable};

/// How often an operation starts over because another thread changed the same entry.
const TRIES: usize = 8;

impl Session<'_> {
    /// A frame from this address came in on `port`. Writes nothing if that is known and was noted in this tick.
    ///
    /// Lock-free with a bounded number of steps. Group addresses are the caller's to keep out.
    #[inline]
    pub fn learn(&self, probe: &Probe, port: u16) -> Learn {
        self.learn_with(probe, port, |_| true)
    }

    /// As [`Session::learn`], but before a live address moves, `allow` is asked with the port that it is on.
    ///
    /// It is asked at most once per port.
    #[inline]
    pub fn learn_with(&self, probe: &Probe, port: u16, allow: impl FnMut(u16) -> bool) -> Learn {
        self.learn_reporting(probe, port, allow, |_| {})
    }

    /// As [`Session::learn_with`]; `evicted` is told who had to make room, see [`crate::WhenFull`].
    #[inline]
    pub fn learn_reporting(
        &self,
        probe: &Probe,
        port: u16,
        allow: impl FnMut(u16) -> bool,
        evicted: impl FnMut(Swept),
    ) -> Learn {
        let binding = self.table.ports.id(port);
        let is_named = binding != NONE && probe.fid() != NONE && self.table.fid(probe.vlan()) == probe.fid();
        if !probe.is_unsettled() {
            if is_named && self.is_settled(self.table.seek(probe), probe.key(), binding) {
                return Learn::Current;
            }
        } else if is_named && self.show_held(probe, binding) {
            return Learn::New;
        }
        self.learn_slowly(probe, port, allow, evicted)
    }

    /// As [`Session::learn_reporting`], of an address that was just seen not to be current.
    pub(crate) fn learn_slowly(
        &self,
        probe: &Probe,
        port: u16,
        mut allow: impl FnMut(u16) -> bool,
        mut evicted: impl FnMut(Swept),
    ) -> Learn {
        // Held under an id that is not in force any more: in the way of what comes now.
        self.end_offer();
        let Some(fid) = self.table.vlans.claim(probe.vlan()) else {
            return Learn::Declined(Decline::VlansFull);
        };
        // There are more bindings than ports: none is left only while several threads take one for the same port.
        let Some(binding) = self.table.ports.claim(port) else { return Learn::Declined(Decline::Contended) };
        // Not copied: a probe that was just written in pieces is slow to read as a whole.
        let mut fresh;
        let mut probe = if fid == probe.fid() {
            probe
        } else {
            fresh = self.table.reprobe(probe, fid);
            &fresh
        };
        let mut verdict = None;
        let mut reclaimed = false;
        // Placing the key meets with an entry that came in the meantime; if it is counting in that fails, look first.
        let mut was_absent = probe.is_absent();
        for _ in 0..TRIES {
            let is_guess = std::mem::take(&mut was_absent);
            let is_there = !is_guess && self.table.seek(probe) != 0;
            let found = if is_there { self.table.find(probe) } else { None };
            let outcome = match found {
                Some(found) => self.see(found, binding, port, |from| match verdict {
                    Some((asked, allowed)) if asked == from => allowed,
                    _ => verdict.insert((from, allow(from))).1,
                }),
                // The VLAN was flushed and swept meanwhile: a static entry is under the new id.
                None if self.table.fid(probe.vlan()) != probe.fid() => {
                    let Some(fid) = self.table.vlans.claim(probe.vlan()) else {
                        return Learn::Declined(Decline::VlansFull);
                    };
                    let again = self.table.reprobe(probe, fid);
                    fresh = again;
                    probe = &fresh;
                    None
                }
                None => match self.insert(probe, binding, port) {
                    Some(Learn::Declined(_)) if is_guess => None,
                    // Room that lapsed or flushed entries take here is better used for one that is alive.
                    Some(Learn::Declined(decline)) if !reclaimed => {
                        reclaimed = true;
                        let has_room = self.table.reclaim_around(probe, &self.clock) > 0
                            || self.evict_for(probe, binding, decline, &mut evicted);
                        if has_room { None } else { Some(Learn::Declined(decline)) }
                    }
                    Some(Learn::Declined(decline))
                        if self.evict_for(probe, binding, decline, &mut evicted) =>
                    {
                        None
                    }
                    outcome => outcome,
                },
            };
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
        Learn::Declined(Decline::Contended)
    }

    /// An entry of the address is there. `None`: it changed, look again.
    fn see(&self, found: Found, binding: u16, port: u16, allow: impl FnOnce(u16) -> bool) -> Option<Learn> {
        let (table, word) = (self.table, found.word);
        let holder = table.port_of(word);
        if is_static(word) {
            return Some(match holder {
                Some(at) if at != port => Learn::Static { port: at },
                _ => Learn::Current,
            });
        }
        let Some(from) = holder.filter(|_| !self.clock.lapsed(word)) else {
            // Not alive any more: as good as a vacant slot, and counted as such.
            table.remove_at(found);
            return None;
        };
        if from == port {
            let Some(next) = self.renewed(word) else { return Some(Learn::Current) };
            let outcome = if self.renewal == Renewal::Hit { Learn::Hit } else { Learn::Refreshed };
            return table.replace(found, next).then_some(outcome);
        }
        if !allow(from) {
            return Some(Learn::MoveRefused { from });
        }
        let admitted = match table.counts.admit_move(binding, port) {
            Ok(admitted) => admitted,
            Err(decline) => return Some(Learn::Declined(decline)),
        };
        let moved = table.layout.entry(word & table.layout.key_mask(), binding, self.clock.code());
        let has_moved = table.replace(found, moved);
        // One of the two counts is one too many now: the old port's, or the one just reserved.
        table.counts.end_move(admitted, table.layout.binding(if has_moved { word } else { moved }));
        has_moved.then_some(Learn::Moved { from })
    }

    fn insert(&self, probe: &Probe, binding: u16, port: u16) -> Option<Learn> {
        let (table, fid) = (self.table, probe.fid());
        if let Err(decline) = table.counts.admit(binding, port, fid, probe.vlan()) {
            return Some(Learn::Declined(decline));
        }
        if !table.admit_to_chip(probe) {
            table.counts.leave(Holder::Binding(binding), fid);
            return Some(Learn::Declined(Decline::ChipBucketFull));
        }
        let outcome = match table.place(probe, binding, self.clock.code()) {
            Insert::Placed => {
                self.has_placed.set(true);
                return Some(Learn::New);
            }
            Insert::Again => None,
            Insert::Contended => Some(Learn::Declined(Decline::Contended)),
            Insert::Full => Some(Learn::Declined(Decline::BucketsFull)),
        };
        table.leave(probe, Holder::Binding(binding));
        outcome
    }

    fn evict_for(
        &self,
        probe: &Probe,
        binding: u16,
        reason: Decline,
        evicted: &mut impl FnMut(Swept),
    ) -> bool {
        let newcomer = Newcomer { probe, peers: self.table.counts.binding(binding), reason };
        self.table.evict_for(newcomer, REACH, &self.clock, evicted)
    }
}

impl MacTable {
    /// Takes a key's place in the imitated chip, if one is imitated.
    pub(crate) fn admit_to_chip(&self, probe: &Probe) -> bool {
        self.chip.as_ref().is_none_or(|chip| chip.admit(self.key_of_probe(probe)))
    }

    /// Counts a key out that was counted in and not placed.
    pub(crate) fn leave(&self, probe: &Probe, holder: Holder) {
        self.counts.leave(holder, probe.fid());
        if let Some(chip) = &self.chip {
            chip.leave(self.key_of_probe(probe));
        }
    }
}
