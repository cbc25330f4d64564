use crate::clock::Clock;
use crate::grace::Stay;
use crate::ids::NONE;
use crate::insert::Insert;
use crate::layout::{is_static, with_age};
use crate::probe::Probe;
use crate::sync::Ordering;
use crate::table::{Found, MacTable};

/// How often an operation starts over because another thread changed the same entry.
const TRIES: usize = 8;

/// The data path's view of the table for one batch of frames: the time stands still and nothing waits.
///
/// Take all probes first and prefetch them, then learn all sources, then look up all destinations: so the
/// memory accesses of a batch overlap.
pub struct Session<'t> {
    table: &'t MacTable,
    clock: Clock,
    _stay: Stay<'t>,
}

/// What a look-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The port behind which the station is.
    pub port: u16,
    /// Was configured; neither ages nor moves.
    pub is_static: bool,
    /// Time since it was last seen, in ticks of 1/512 of the ageing time; 0 if it does not age.
    pub age_ticks: u16,
}

/// What became of a source address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learn {
    /// Was known on this port and seen in this tick; nothing was written.
    Current,
    /// Was known on this port; its age starts anew.
    Refreshed,
    /// Was not known.
    New,
    /// Was known on another port.
    Moved {
        /// The port it was on.
        from: u16,
    },
    /// Is known on another port, and the caller would not have it moved.
    MoveRefused {
        /// The port it stays on.
        from: u16,
    },
    /// Has a static entry on another port, which stays.
    Static {
        /// The port of the static entry.
        port: u16,
    },
    /// Was not learned, or not moved.
    Declined(Decline),
}

/// Why an address was not learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decline {
    /// The table has as many entries as its capacity.
    TableFull,
    /// Both buckets of the address are full.
    BucketsFull,
    /// The port has as many entries as its limit.
    PortLimit,
    /// The VLAN has as many entries as its limit.
    VlanLimit,
    /// More VLANs have entries than the table was made for.
    VlansFull,
    /// Other threads are busy with the same address; its next frame will do.
    Contended,
}

impl Decline {
    /// All of them.
    pub const ALL: [Decline; 6] = [
        Decline::TableFull,
        Decline::BucketsFull,
        Decline::PortLimit,
        Decline::VlanLimit,
        Decline::VlansFull,
        Decline::Contended,
    ];

    /// The name in tables, JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Decline::TableFull => "table-full",
            Decline::BucketsFull => "buckets-full",
            Decline::PortLimit => "port-limit",
            Decline::VlanLimit => "vlan-limit",
            Decline::VlansFull => "vlans-full",
            Decline::Contended => "contended",
        }
    }

    /// Its place in [`Decline::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl<'t> Session<'t> {
    #[inline]
    pub(crate) fn new(table: &'t MacTable, stay: Stay<'t>, clock: Clock) -> Self {
        Session { table, clock, _stay: stay }
    }

    /// Hashes a key. VLANs are 1 to 4094.
    #[inline]
    pub fn probe(&self, vlan: u16, mac: [u8; 6]) -> Probe {
        self.table.probe(vlan, mac)
    }

    /// Starts to fetch the cache line that a look-up or learning will read.
    #[inline]
    pub fn prefetch(&self, probe: &Probe) {
        self.table.lines[self.table.bucket(probe)].prefetch();
    }

    /// Where is this address? Reads one cache line of the table, sometimes two; never waits and never starts over
    /// unless its VLAN is flushed meanwhile, and then at most twice.
    #[inline]
    pub fn lookup(&self, probe: &Probe) -> Option<Entry> {
        let mut moved = *probe;
        for _ in 0..3 {
            if moved.fid() != NONE {
                let found = self.table.find(&moved);
                // Looked at after the search: had the VLAN been flushed in between, a static entry would be found under
                // the new id only, and a dynamic one must not be found.
                if self.table.vlans.id(moved.vlan()) == moved.fid() {
                    return found.and_then(|found| self.entry(found.word));
                }
            }
            match self.table.vlans.id(moved.vlan()) {
                NONE => return None,
                fid => moved = self.table.reprobe(&moved, fid),
            }
        }
        None
    }

    /// Looks up many: prefetches all, then looks at each. `found` is filled as far as the shorter of the two reaches.
    pub fn lookup_batch(&self, probes: &[Probe], found: &mut [Option<Entry>]) {
        for probe in probes {
            self.prefetch(probe);
        }
        for (probe, found) in probes.iter().zip(found) {
            *found = self.lookup(probe);
        }
    }

    #[inline]
    pub(crate) fn entry(&self, word: u64) -> Option<Entry> {
        let port = self.table.port_of(word)?;
        let ticks = self.clock.ticks(word);
        (ticks <= crate::clock::LIFE).then_some(Entry {
            port,
            is_static: is_static(word),
            age_ticks: ticks as u16,
        })
    }

    /// Age in nanoseconds of an entry's word.
    pub(crate) fn age(&self, word: u64) -> u64 {
        self.clock.nanos(word)
    }

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
        let binding = self.table.ports.id(port);
        if binding != NONE && probe.fid() != NONE && self.table.vlans.id(probe.vlan()) == probe.fid() {
            let current = self.table.layout.entry(probe.key(), binding, self.clock.code());
            let found = self.table.find(probe);
            // The secondary bit is where the entry is, not what it says.
            if found.is_some_and(|found| found.word & !crate::layout::SECONDARY == current) {
                return Learn::Current;
            }
        }
        self.learn_slowly(probe, port, allow)
    }

    fn learn_slowly(&self, probe: &Probe, port: u16, mut allow: impl FnMut(u16) -> bool) -> Learn {
        let Some(fid) = self.table.vlans.claim(probe.vlan()) else {
            return Learn::Declined(Decline::VlansFull);
        };
        // There are more bindings than ports: none is left only while several threads take one for the same port.
        let Some(binding) = self.table.ports.claim(port) else { return Learn::Declined(Decline::Contended) };
        let probe = if fid == probe.fid() { *probe } else { self.table.reprobe(probe, fid) };
        let mut verdict = None;
        let mut reclaimed = false;
        for _ in 0..TRIES {
            let outcome = match self.table.find(&probe) {
                Some(found) => self.see(found, binding, port, |from| match verdict {
                    Some((asked, allowed)) if asked == from => allowed,
                    _ => verdict.insert((from, allow(from))).1,
                }),
                None => match self.insert(&probe, binding, port) {
                    // Room that lapsed or flushed entries take here is better used for one that is alive.
                    Some(Learn::Declined(_)) if !reclaimed => {
                        reclaimed = true;
                        if self.table.reclaim_around(&probe, &self.clock) > 0 {
                            None
                        } else {
                            self.insert(&probe, binding, port)
                        }
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
        let cell = table.lines[found.bucket].slot(found.slot);
        let replace = |next| cell.compare_exchange(word, next, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if from == port {
            if self.clock.is_current(word) {
                return Some(Learn::Current);
            }
            return replace(with_age(word, self.clock.code())).then_some(Learn::Refreshed);
        }
        if !allow(from) {
            return Some(Learn::MoveRefused { from });
        }
        if let Err(decline) = table.counts.admit_move(binding, port) {
            return Some(Learn::Declined(decline));
        }
        let moved = table.layout.entry(word & table.layout.key_mask(), binding, self.clock.code());
        let has_moved = replace(moved);
        // One of the two counts is one too many now: the old port's, or the one just reserved.
        table.counts.leave_holder(table.holder(if has_moved { word } else { moved }));
        has_moved.then_some(Learn::Moved { from })
    }

    fn insert(&self, probe: &Probe, binding: u16, port: u16) -> Option<Learn> {
        let (table, fid) = (self.table, probe.fid());
        if let Err(decline) = table.counts.admit(binding, port, fid, probe.vlan()) {
            return Some(Learn::Declined(decline));
        }
        let outcome = match table.place(probe, binding, self.clock.code()) {
            Insert::Placed => return Some(Learn::New),
            Insert::Again => None,
            Insert::Contended => Some(Learn::Declined(Decline::Contended)),
            Insert::Full => Some(Learn::Declined(Decline::BucketsFull)),
        };
        table.counts.leave(crate::counts::Holder::Binding(binding), fid);
        outcome
    }
}
