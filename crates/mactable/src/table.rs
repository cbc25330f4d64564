use crate::bucket::{Spill, vacated};
use crate::chip::Chip;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::control::Control;
use crate::counts::{Counts, Holder};
use crate::evict::WhenFull;
use crate::grace::Grace;
use crate::hash::Permutation;
use crate::ids::{DEAD, IdMap};
use crate::key::Key;
use crate::layout::{Layout, SECONDARY, is_entry, is_static};
use crate::memory::Memory;
use crate::probe::Probe;
use crate::session::Session;
use crate::simd::Simd;
use crate::sweep::Sweeper;
use crate::sync::{AtomicU64, IS_MODEL, Mutex, Ordering};

/// VLAN ids have 12 bits.
pub(crate) const VLAN_IDS: usize = if IS_MODEL { 4 } else { 4096 };

/// A MAC table: (VLAN, MAC) to port, for any number of threads at once.
///
/// The data path works through a [`Session`]; everything else is the control side, which may wait for a lock
/// that the data path never takes.
pub struct MacTable {
    pub(crate) lines: Memory,
    pub(crate) spills: Box<[Spill]>,
    pub(crate) layout: Layout,
    pub(crate) permutation: Permutation,
    pub(crate) vlans: IdMap,
    pub(crate) ports: IdMap,
    pub(crate) counts: Counts,
    /// Length of a tick, nanoseconds; 0 while nothing ages.
    pub(crate) tick_ns: AtomicU64,
    pub(crate) grace: Grace,
    /// Held before `control` where both are.
    pub(crate) sweeper: Mutex<Sweeper>,
    pub(crate) control: Mutex<Control>,
    pub(crate) simd: Simd,
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    pub(crate) recipe: crate::recipe::Recipe,
    pub(crate) when_full: WhenFull,
    pub(crate) evicted: AtomicU64,
    pub(crate) chip: Option<Chip>,
    capacity: u32,
}

/// A slot and what it held when it was looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) bucket: usize,
    pub(crate) slot: usize,
    pub(crate) word: u64,
}

impl MacTable {
    /// An empty table. Its memory never grows.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Self::with_simd(config, Simd::best())
    }

    /// As [`MacTable::new`], with the vector instructions named instead of the best that there are.
    ///
    /// # Panics
    /// When this machine does not have them.
    pub fn with_simd(config: &Config, simd: Simd) -> Result<Self, ConfigError> {
        assert!(simd.is_available(), "no {} here", simd.name());
        let layout = Layout::new(config)?;
        let (ports, vlans) = (usize::from(config.ports), usize::from(config.vlans));
        let permutation = Permutation::new(layout.key_bits(), config.hash_key);
        Ok(MacTable {
            lines: Memory::new(layout.buckets()),
            spills: (0..layout.buckets()).map(|_| Spill::default()).collect(),
            #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
            recipe: crate::recipe::Recipe::new(&layout, &permutation),
            permutation,
            vlans: IdMap::new(VLAN_IDS, vlans, layout.fids()),
            ports: IdMap::new(ports, ports, layout.bindings()),
            counts: Counts::new(config.capacity, ports, VLAN_IDS, layout.bindings(), layout.fids()),
            tick_ns: AtomicU64::new(Clock::tick_for(config.ageing_time)),
            grace: Grace::default(),
            sweeper: Mutex::default(),
            control: Mutex::new(Control::new(Clock::tick_for(config.ageing_time))),
            simd,
            when_full: config.when_full,
            evicted: AtomicU64::new(0),
            chip: config.geometry.as_ref().map(|geometry| Chip::new(geometry, config)),
            capacity: config.capacity,
            layout,
        })
    }

    /// Opens a session for one batch of frames at the time `now`, nanoseconds.
    ///
    /// As long as it is open, ids that were retired by a flush are not given out again: end it with the batch.
    #[inline]
    pub fn session(&self, now: u64) -> Session<'_> {
        let stay = self.grace.enter();
        Session::new(self, Some(stay), self.clock(now))
    }

    #[inline]
    pub(crate) fn clock(&self, now: u64) -> Clock {
        Clock::new(self.tick_ns.load(Ordering::Acquire), now)
    }

    /// The most entries it holds.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Number of buckets, each 64 bytes: one round of [`MacTable::sweep`].
    pub fn buckets(&self) -> usize {
        self.lines.len()
    }

    /// Entries, static and dynamic.
    ///
    /// Counts what has lapsed, or was flushed with its VLAN, until it is swept; what was flushed with its port is not counted.
    pub fn len(&self) -> usize {
        self.counts.total()
    }

    /// No entry at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries of a port; counts what has lapsed, or was flushed with its VLAN, until it is swept.
    ///
    /// Panics if the table has no such port, as every method does that takes one.
    pub fn port_len(&self, port: u16) -> usize {
        let dynamic = match self.ports.id(port) {
            crate::ids::NONE => 0,
            binding => self.counts.binding(binding),
        };
        (dynamic + self.counts.statics(port)) as usize
    }

    /// Entries of a VLAN (1 to 4094); counts what has lapsed, or was flushed with its port, until it is swept.
    pub fn vlan_len(&self, vlan: u16) -> usize {
        match self.vlans.id(vlan) {
            crate::ids::NONE => 0,
            fid => self.counts.fid(fid) as usize,
        }
    }

    /// Limits the entries of a port. Those that are there stay; static ones count, and are never declined.
    pub fn set_port_limit(&self, port: u16, limit: Option<u32>) {
        self.counts.set_port_limit(port, limit);
    }

    /// Limits the entries of a VLAN. Those that are there stay; static ones count, and are never declined.
    pub fn set_vlan_limit(&self, vlan: u16, limit: Option<u32>) {
        self.counts.set_vlan_limit(vlan, limit);
    }

    /// The place of a key, if readers may see one.
    #[inline]
    pub(crate) fn find(&self, probe: &Probe) -> Option<Found> {
        let (bucket, key, key_mask) = (self.bucket(probe), probe.key(), self.layout.key_mask());
        let primary = &self.lines[bucket];
        if let Some((slot, word)) = primary.find(key, key_mask) {
            return Some(Found { bucket, slot, word });
        }
        if !primary.is_marked() {
            return None;
        }
        let bucket = self.layout.other_bucket(bucket, key);
        let (slot, word) = self.lines[bucket].find(key | SECONDARY, key_mask)?;
        Some(Found { bucket, slot, word })
    }

    /// The first bucket of a probe. A probe of another table leads somewhere, but never outside.
    #[inline]
    pub(crate) fn bucket(&self, probe: &Probe) -> usize {
        probe.bucket() & self.layout.bucket_mask()
    }

    /// Filtering id and address of an entry.
    pub(crate) fn key_of(&self, bucket: usize, word: u64) -> (u16, [u8; 6]) {
        let hash = self.layout.join(self.layout.primary_of(bucket, word), word);
        crate::probe::split_key(self.permutation.backward(hash))
    }

    pub(crate) fn holder(&self, word: u64) -> Holder {
        let field = self.layout.binding(word);
        if is_static(word) { Holder::Static(field) } else { Holder::Binding(field) }
    }

    /// The port of an entry, unless it was flushed with it.
    #[inline]
    pub(crate) fn port_of(&self, word: u64) -> Option<u16> {
        let field = self.layout.binding(word);
        // SAFETY: the field has as many bits as count the bindings, whose number is a power of two.
        let name = if is_static(word) { field } else { unsafe { self.ports.raw_name(field) } };
        (name & DEAD == 0).then_some(name)
    }

    /// The filtering id of a VLAN, or [`crate::ids::NONE`].
    #[inline]
    pub(crate) fn fid(&self, vlan: u16) -> u16 {
        // SAFETY: there is a place for each of as many VLANs, a power of two.
        unsafe { self.vlans.id_unchecked(vlan % VLAN_IDS as u16) }
    }

    /// The same of a key's VLAN.
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline]
    pub(crate) fn fid_of(&self, key: Key) -> u16 {
        // SAFETY: a key's VLAN has 12 bits.
        unsafe { self.vlans.id_unchecked(key.vlan()) }
    }

    /// Writes another word for the same key in an entry's place; false if it is no longer as it was seen.
    #[inline]
    pub(crate) fn replace(&self, found: Found, next: u64) -> bool {
        let cell = self.lines[found.bucket].slot(found.slot);
        cell.compare_exchange(found.word, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Takes an entry out and counts it out; false if it is no longer as it was seen.
    pub(crate) fn remove_at(&self, found: Found) -> bool {
        debug_assert!(is_entry(found.word));
        let cell = self.lines[found.bucket].slot(found.slot);
        if cell
            .compare_exchange(found.word, vacated(found.slot), Ordering::SeqCst, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        if found.word & SECONDARY != 0 {
            self.spills[self.layout.primary_of(found.bucket, found.word)].end();
        }
        let (fid, mac) = self.key_of(found.bucket, found.word);
        if let Some(chip) = &self.chip {
            chip.leave(Key::from_octets(self.vlans.last_name(fid), mac));
        }
        self.counts.leave(self.holder(found.word), fid);
        true
    }
}

impl std::fmt::Debug for MacTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MacTable")
            .field("len", &self.len())
            .field("capacity", &self.capacity)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}
