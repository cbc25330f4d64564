use crate::clock::Clock;
use crate::grace::Stay;
use crate::hold::Held;
use crate::ids::NONE;
use crate::key::Key;
use crate::layout::is_static;
use crate::probe::Probe;
use crate::renewal::Renewal;
#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
use crate::simd::Simd;
use crate::table::MacTable;
use std::cell::Cell;

/// The data path's view of the table for one batch of frames: the time stands still and nothing waits.
///
/// Take all probes first and prefetch them, then learn all sources, then look up all destinations: so the
/// memory accesses of a batch overlap.
pub struct Session<'t> {
    pub(crate) table: &'t MacTable,
    pub(crate) clock: Clock,
    pub(crate) renewal: Renewal,
    /// The slot that is held for the address whose turn it is.
    pub(crate) offered: Cell<Option<Held>>,
    /// An address was placed that was not there.
    pub(crate) has_placed: Cell<bool>,
    /// None at a seat.
    _stay: Option<Stay<'t>>,
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
    /// Was known on this port, and seen in this tick or hit already; nothing was written.
    Current,
    /// Was known on this port; its age starts anew.
    Refreshed,
    /// Was known on this port; its hit bit is set now, see [`Renewal::Hit`].
    Hit,
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Decline {
    /// The table has as many entries as its capacity.
    TableFull,
    /// Both buckets of the address are full.
    BucketsFull,
    /// The bucket of the imitated chip is full, see [`crate::Geometry`].
    ChipBucketFull,
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
    pub const ALL: [Decline; 7] = [
        Decline::TableFull,
        Decline::BucketsFull,
        Decline::ChipBucketFull,
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
            Decline::ChipBucketFull => "chip-bucket-full",
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
    pub(crate) fn new(table: &'t MacTable, stay: Option<Stay<'t>>, clock: Clock) -> Self {
        Session {
            table,
            clock,
            renewal: Renewal::Stamp,
            offered: Cell::new(None),
            has_placed: Cell::new(false),
            _stay: stay,
        }
    }

    /// Hashes a key. VLANs are 1 to 4094.
    #[inline]
    pub fn probe(&self, vlan: u16, mac: [u8; 6]) -> Probe {
        self.table.probe(Key::from_octets(vlan, mac))
    }

    /// As [`Session::probe`], of an address as a number.
    #[inline]
    pub fn probe_bits(&self, vlan: u16, mac: u64) -> Probe {
        self.table.probe(Key::new(vlan, mac))
    }

    /// As [`Session::probe`].
    #[inline]
    pub fn probe_key(&self, key: Key) -> Probe {
        self.table.probe(key)
    }

    /// Starts to fetch the cache line that a look-up or learning will read.
    #[inline]
    pub fn prefetch(&self, probe: &Probe) {
        self.table.lines[self.table.bucket(probe)].prefetch();
    }

    /// Where is this address? Reads one cache line of the table, sometimes two; never waits and never starts over
    /// unless its VLAN or port is flushed meanwhile, and then at most twice.
    #[inline]
    pub fn lookup(&self, probe: &Probe) -> Option<Entry> {
        if probe.fid() != NONE {
            let word = self.table.seek(probe);
            // Looked at after the search: had the VLAN been flushed in between, a static entry would be found under
            // the new id only, and a dynamic one must not be found.
            if self.table.fid(probe.vlan()) == probe.fid() {
                if word == 0 {
                    return None;
                }
                if let Some(port) = self.table.port_of(word) {
                    return self.entry_on(port, word);
                }
                return self.lookup_again(*probe, word);
            }
        }
        self.lookup_again(*probe, 0)
    }

    /// As [`Session::lookup`], of an address that nothing else is asked of: in fewer steps.
    #[inline]
    pub fn lookup_key(&self, key: Key) -> Option<Entry> {
        #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
        if self.table.simd == Simd::Avx512 {
            return self.lookup_in_vectors(key);
        }
        self.lookup(&self.probe_key(key))
    }

    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline(always)]
    fn lookup_in_vectors(&self, key: Key) -> Option<Entry> {
        use crate::ids::DEAD;
        use crate::layout::{age, age_code};
        use crate::recipe::seek_first;
        let table = self.table;
        let fid = table.fid_of(key);
        // SAFETY: the caller has asked for the instructions, and the place is a line's.
        let (word, is_marked) = unsafe {
            let (word, place) = seek_first(table.lines.as_ptr(), &table.recipe, key.bits(), fid);
            (word, move || (*table.lines.as_ptr().byte_add(place as usize)).is_marked())
        };
        let code = age_code(word);
        // After the search, for the reason that `lookup` has. What is rare has a look of its own.
        if code > age::STATIC {
            let binding = table.layout.binding(word);
            if fid != NONE && table.fid_of(key) == fid {
                // SAFETY: the field has as many bits as count the bindings, whose number is a power of two.
                let name = unsafe { table.ports.raw_name(binding) };
                if name & DEAD == 0 && !self.clock.may_have_lapsed(word) {
                    let age_ticks = self.clock.ticks(word) as u16;
                    return Some(Entry { port: name, is_static: false, age_ticks });
                }
            }
        } else if word == 0 && !is_marked() && fid != NONE && table.fid_of(key) == fid {
            return None;
        }
        self.lookup_slowly(key)
    }

    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[cold]
    #[inline(never)]
    fn lookup_slowly(&self, key: Key) -> Option<Entry> {
        self.lookup(&self.probe_key(key))
    }

    /// The VLAN's id is not the probe's, or the port of the entry `flushed`, if that is not 0, was flushed.
    #[cold]
    fn lookup_again(&self, mut probe: Probe, mut flushed: u64) -> Option<Entry> {
        for _ in 0..2 {
            match self.table.fid(probe.vlan()) {
                NONE => return None,
                fid if fid == probe.fid() => {}
                fid => probe = self.table.reprobe(&probe, fid),
            }
            let word = self.table.seek(&probe);
            if self.table.fid(probe.vlan()) != probe.fid() {
                continue;
            }
            if word == 0 {
                return None;
            }
            if let Some(port) = self.table.port_of(word) {
                return self.entry_on(port, word);
            }
            // Its port was flushed. If the entry is still this one, so was the station; else it may have moved off the
            // port before that.
            if flushed == word {
                return None;
            }
            flushed = word;
        }
        None
    }

    #[inline]
    pub(crate) fn entry(&self, word: u64) -> Option<Entry> {
        self.entry_on(self.table.port_of(word)?, word)
    }

    #[inline]
    pub(crate) fn entry_on(&self, port: u16, word: u64) -> Option<Entry> {
        (!self.clock.lapsed(word)).then(|| Entry {
            port,
            is_static: is_static(word),
            age_ticks: self.clock.ticks(word) as u16,
        })
    }

    /// Age in nanoseconds of an entry's word.
    pub(crate) fn age(&self, word: u64) -> u64 {
        self.clock.nanos(word)
    }
}
