//! Whole batches: all keys are hashed, then all lines fetched, then all compared, so that their latencies overlap.
//!
//! Each stage is compiled once per set of vector instructions, with all that it calls inlined, and chosen once per block.

use crate::block::{BLOCK, Block, GROUPS, ones, places};
use crate::hold::{Hold, LEAST};
use crate::ids::NONE;
use crate::key::Key;
use crate::lanes::{Fids, GROUP, Lanes, Lines, Words};
use crate::layout::SECONDARY;
#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
use crate::layout::is_entry;
use crate::probe::Probe;
use crate::session::Session;
#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
use crate::simd::Simd;
use crate::sync::IS_MODEL;
use crate::table::MacTable;
use std::mem::MaybeUninit;

/// So many destinations are answered one by one.
const FEW: usize = if IS_MODEL { 1 } else { 3 };

/// What a batch says of an address that is not in the table, in place of its port.
pub const UNKNOWN: u16 = u16::MAX;

/// Hashes up to [`BLOCK`] keys and fetches their lines.
#[inline(always)]
unsafe fn spread<L: Lanes>(table: &MacTable, keys: &[Key], block: &mut Block) {
    block.losses = table.vlans.losses();
    let vlan = keys[0].vlan();
    block.common = Some((vlan, table.fid(vlan)));
    block.nameless = 0;
    // Whole groups apart, for which nothing asks how many keys they have.
    let (whole, rest) = keys.as_chunks::<GROUP>();
    // SAFETY: the caller has the instructions.
    unsafe {
        for (at, keys) in whole.iter().enumerate().take(GROUPS) {
            spread_group::<L>(table, at, keys, block);
        }
        if !rest.is_empty() {
            spread_group::<L>(table, whole.len(), rest, block);
        }
    }
    block.nameless &= ones(keys.len());
}

/// Hashes the keys of one group and fetches their lines. Those before it are of one VLAN if the block says so.
#[inline(always)]
unsafe fn spread_group<L: Lanes>(table: &MacTable, at: usize, keys: &[Key], block: &mut Block) {
    // SAFETY: the caller has the instructions, offsets are those of lines, and as many of them are filled as there are keys.
    unsafe {
        if let Some((vlan, fid)) = block.common
            && !L::same_vlan(keys, vlan)
        {
            block.common = None;
            block.fids[..at].fill([fid; GROUP]);
        }
        let fids = match block.common {
            Some((_, fid)) => Fids::All(fid),
            None => Fids::Each(&mut block.fids[at]),
        };
        let bits = &mut *block.bits.as_mut_ptr().cast::<MaybeUninit<Words>>().add(at);
        let offsets = &mut *block.offsets.as_mut_ptr().cast::<MaybeUninit<Words>>().add(at);
        block.nameless |= u64::from(L::hash(table, keys, fids, bits, offsets)) << (at * GROUP);
        L::prefetch(Lines::of(table), offsets.assume_init_ref(), keys.len());
    }
}

/// Looks for the `count` keys of a block.
#[inline(always)]
unsafe fn search<L: Lanes>(table: &MacTable, count: usize, block: &mut Block) {
    let (lines, key_mask) = (Lines::of(table), table.layout.key_mask());
    let mut crowded = 0;
    for at in 0..count.div_ceil(GROUP).min(GROUPS) {
        // SAFETY: the caller has the instructions, and the block so many keys.
        unsafe {
            let words = &mut *block.words.as_mut_ptr().cast::<MaybeUninit<Words>>().add(at);
            let left = count - at * GROUP;
            crowded |= u64::from(L::search(lines, block.group(at), left, key_mask, words)) << (at * GROUP);
        }
    }
    crowded &= ones(count);
    if crowded != 0 {
        // SAFETY: as above, and the groups of these keys were filled.
        unsafe {
            for (index, bucket) in second(table, crowded, block).iter() {
                let word = L::find(lines.at(bucket), block.key(index) | SECONDARY, key_mask);
                let words = &mut *block.words.as_mut_ptr().cast::<Words>().add(index / GROUP);
                L::put(words, index % GROUP, word);
            }
        }
    }
}

/// Keys that may be in their second bucket.
struct Second {
    places: [MaybeUninit<u8>; BLOCK],
    buckets: [MaybeUninit<u32>; BLOCK],
    /// How many of both are filled.
    count: usize,
}

impl Second {
    /// Place and second bucket of each.
    #[inline(always)]
    fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        let filled = self.places[..self.count].iter().zip(&self.buckets[..self.count]);
        // SAFETY: so many are filled.
        filled.map(|(place, bucket)| unsafe {
            (usize::from(place.assume_init()), bucket.assume_init() as usize)
        })
    }
}

/// The second buckets of the keys at the places `crowded`; starts to fetch them.
#[inline(always)]
unsafe fn second(table: &MacTable, crowded: u64, block: &Block) -> Second {
    let lines = Lines::of(table);
    let mut second =
        Second { places: [MaybeUninit::uninit(); BLOCK], buckets: [MaybeUninit::uninit(); BLOCK], count: 0 };
    for place in places(crowded) {
        // SAFETY: the block has a key for each bit of `crowded`, and buckets are below the number of lines.
        unsafe {
            let bucket = table.layout.other_bucket(block.bucket(place), block.key(place));
            lines.at(bucket).prefetch();
            second.places[second.count].write(place as u8);
            second.buckets[second.count].write(bucket as u32);
        }
        second.count += 1;
    }
    second
}

/// The ports of all keys, [`UNKNOWN`] where there is none.
#[inline(always)]
unsafe fn answer<L: Lanes>(session: &Session<'_>, keys: &[Key], block: &mut Block, ports: &mut [u16]) {
    if keys.len() <= FEW {
        // SAFETY: the caller's promise.
        return unsafe { answer_few::<L>(session, keys, block, ports) };
    }
    let table = session.table;
    // SAFETY: the caller has the instructions, and the block these keys.
    unsafe { search::<L>(table, keys.len(), block) };
    let mut doubtful = 0;
    for (at, ports) in ports.chunks_mut(GROUP).enumerate().take(GROUPS) {
        // SAFETY: as above, and they were searched for.
        let (found, flushed) = unsafe { L::ports(table, &session.clock, block.found(at)) };
        doubtful |= u64::from(flushed) << (at * GROUP);
        match ports.first_chunk_mut() {
            Some(ports) => *ports = found,
            None => ports.iter_mut().zip(found).for_each(|(port, found)| *port = found),
        }
    }
    // Look-ups one by one know what to do when a VLAN or port was flushed meanwhile.
    for index in places((doubtful | block.invalid(table, keys)) & ones(keys.len())) {
        let entry = session.lookup(&session.probe_key(keys[index]));
        ports[index] = entry.map_or(UNKNOWN, |entry| entry.port);
    }
}

/// As [`answer`], of so few keys that bringing their words together costs more than it saves.
#[inline(always)]
unsafe fn answer_few<L: Lanes>(session: &Session<'_>, keys: &[Key], block: &Block, ports: &mut [u16]) {
    let table = session.table;
    for (index, port) in ports.iter_mut().enumerate().take(keys.len()) {
        // SAFETY: the caller has the instructions, and the block these keys.
        let word = unsafe { seek::<L>(table, block.bucket(index), block.key(index)) };
        let entry = match table.port_of(word) {
            _ if !block.is_valid(table, keys, index) => session.lookup(&session.probe_key(keys[index])),
            _ if word == 0 => None,
            Some(at) => session.entry_on(at, word),
            None => session.lookup(&session.probe_key(keys[index])),
        };
        *port = entry.map_or(UNKNOWN, |entry| entry.port);
    }
}

/// The entry of a key, or 0.
#[inline(always)]
unsafe fn seek<L: Lanes>(table: &MacTable, bucket: usize, key: u64) -> u64 {
    let (lines, key_mask) = (Lines::of(table), table.layout.key_mask());
    // SAFETY: the caller has the instructions, and `bucket` and `other_bucket` stay below the number of lines.
    unsafe {
        let primary = lines.at(bucket);
        let word = L::find(primary, key, key_mask);
        if word != 0 || !primary.is_marked() {
            return word;
        }
        L::find(lines.at(table.layout.other_bucket(bucket, key)), key | SECONDARY, key_mask)
    }
}

/// Ports of one to [`BLOCK`] keys.
#[inline(always)]
unsafe fn look_up<L: Lanes>(session: &Session<'_>, keys: &[Key], ports: &mut [u16]) {
    let mut block = Block::empty();
    // SAFETY: the caller has the instructions.
    unsafe {
        spread::<L>(session.table, keys, &mut block);
        answer::<L>(session, keys, &mut block, ports);
    }
}

/// As [`look_up`], of more: the lines of each block are on their way while the block before it is searched.
#[inline(always)]
unsafe fn look_up_many<L: Lanes>(session: &Session<'_>, keys: &[Key], ports: &mut [u16]) {
    let (mut here, mut next) = (&mut Block::empty(), &mut Block::empty());
    let (mut begin, mut end) = (0, 0);
    while begin < keys.len() {
        let ahead = keys.len().min(end + BLOCK);
        // SAFETY: the caller has the instructions.
        unsafe {
            if end < ahead {
                spread::<L>(session.table, &keys[end..ahead], next);
            }
            if begin < end {
                answer::<L>(session, &keys[begin..end], here, &mut ports[begin..end]);
            }
        }
        std::mem::swap(&mut here, &mut next);
        (begin, end) = (end, ahead);
    }
}

/// Hashes and fetches sources and destinations, if there are any.
#[inline(always)]
unsafe fn fetch<L: Lanes>(
    table: &MacTable,
    frames: (&[Key], &[Key]),
    (sources, destinations): (&mut Block, &mut Block),
) {
    // SAFETY: the caller has the instructions.
    unsafe {
        spread::<L>(table, frames.0, sources);
        if !frames.1.is_empty() {
            spread::<L>(table, frames.1, destinations);
        }
    }
}

/// One bit for each source of a block that is not known on `binding`, or not current.
#[inline(always)]
unsafe fn check<L: Lanes>(session: &Session<'_>, binding: u16, keys: &[Key], sources: &mut Block) -> u64 {
    let (table, count) = (session.table, keys.len());
    if binding == NONE {
        return ones(count);
    }
    // SAFETY: the caller has the instructions.
    unsafe {
        search::<L>(table, count, sources);
        let mut settled = 0;
        for at in 0..count.div_ceil(GROUP).min(GROUPS) {
            let (bits, _) = sources.group(at);
            settled |= u64::from(L::settled(session, sources.found(at), bits, binding)) << (at * GROUP);
        }
        (!settled & ones(count)) | sources.invalid(table, keys)
    }
}

/// [`fetch`] and [`check`] in one.
#[inline(always)]
unsafe fn fetch_and_check<L: Lanes>(
    session: &Session<'_>,
    binding: u16,
    frames: (&[Key], &[Key]),
    (sources, destinations): (&mut Block, &mut Block),
) -> u64 {
    // SAFETY: the caller has the instructions.
    unsafe {
        fetch::<L>(session.table, frames, (&mut *sources, destinations));
        check::<L>(session, binding, frames.0, sources)
    }
}

/// The stages of a batch, compiled for one set of vector instructions.
macro_rules! compile {
    ($name:ident, $lanes:ty $(, $features:literal)?) => {
        mod $name {
            use super::{Block, Hold, Key, MacTable, Session};

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn seek(table: &MacTable, bucket: usize, key: u64) -> u64 {
                // SAFETY: the caller has the instructions.
                unsafe { super::seek::<$lanes>(table, bucket, key) }
            }

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn look_up(session: &Session<'_>, keys: &[Key], ports: &mut [u16]) {
                // SAFETY: the caller has the instructions.
                unsafe { super::look_up::<$lanes>(session, keys, ports) }
            }

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn look_up_many(session: &Session<'_>, keys: &[Key], ports: &mut [u16]) {
                // SAFETY: the caller has the instructions.
                unsafe { super::look_up_many::<$lanes>(session, keys, ports) }
            }

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn fetch(
                table: &MacTable,
                frames: (&[Key], &[Key]),
                blocks: (&mut Block, &mut Block),
            ) {
                // SAFETY: the caller has the instructions.
                unsafe { super::fetch::<$lanes>(table, frames, blocks) }
            }

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn check(
                session: &Session<'_>,
                binding: u16,
                keys: &[Key],
                sources: &mut Block,
            ) -> u64 {
                // SAFETY: the caller has the instructions.
                unsafe { super::check::<$lanes>(session, binding, keys, sources) }
            }

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn fetch_and_check(
                session: &Session<'_>,
                binding: u16,
                frames: (&[Key], &[Key]),
                blocks: (&mut Block, &mut Block),
            ) -> u64 {
                // SAFETY: the caller has the instructions.
                unsafe { super::fetch_and_check::<$lanes>(session, binding, frames, blocks) }
            }

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn answer(
                session: &Session<'_>,
                keys: &[Key],
                block: &mut Block,
                ports: &mut [u16],
            ) {
                // SAFETY: the caller has the instructions.
                unsafe { super::answer::<$lanes>(session, keys, block, ports) }
            }

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn take(hold: &mut Hold<'_, '_>, keys: &[Key], port: u16, rest: u64) {
                // SAFETY: the caller has the instructions, and the hold a block that was searched for these keys.
                unsafe { hold.take::<$lanes>(keys, port, rest) }
            }
        }
    };
}

compile!(scalar, crate::lanes::Scalar);
#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
compile!(sse2, crate::lanes::x86::Sse2);
#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
compile!(avx2, crate::lanes::x86::Avx2, "avx2,bmi1,bmi2");
#[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
compile!(avx512, crate::lanes::x86::Avx512, "avx512f,avx512dq,avx512vl,avx512bw,bmi1,bmi2,lzcnt");

/// Calls the stage as it was compiled for the table's instructions.
macro_rules! dispatch {
    ($simd:expr, $stage:ident($($argument:expr),*)) => {
        // SAFETY: a table has only instructions that this machine has.
        unsafe {
            match $simd {
                #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
                Simd::Avx512 => avx512::$stage($($argument),*),
                #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
                Simd::Avx2 => avx2::$stage($($argument),*),
                #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
                Simd::Sse2 => sse2::$stage($($argument),*),
                _ => scalar::$stage($($argument),*),
            }
        }
    };
}

impl MacTable {
    /// The entry of a key that has a filtering id, or 0.
    #[inline]
    pub(crate) fn seek(&self, probe: &Probe) -> u64 {
        let (bucket, key) = (self.bucket(probe), probe.key());
        #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
        if self.simd == Simd::Avx512 {
            // SAFETY: the bucket is below the number of lines, and a table has only instructions that this machine has.
            unsafe {
                let line = Lines::of(self).at(bucket);
                let word = crate::lanes::x86::first_word(line, key, self.layout.key_mask_ref());
                if is_entry(word) || word == 0 && !line.is_marked() {
                    return word;
                }
            }
        }
        self.seek_called(bucket, key)
    }

    #[inline(never)]
    fn seek_called(&self, bucket: usize, key: u64) -> u64 {
        dispatch!(self.simd, seek(self, bucket, key))
    }
}

impl Session<'_> {
    /// The ports behind which addresses are, or [`UNKNOWN`]; as many as the shorter slice has.
    ///
    /// What [`Session::lookup`] says of each, in less time.
    pub fn lookup_ports(&self, keys: &[Key], ports: &mut [u16]) {
        let count = keys.len().min(ports.len());
        let (keys, ports) = (&keys[..count], &mut ports[..count]);
        match count {
            0 => {}
            1..=BLOCK => dispatch!(self.table.simd, look_up(self, keys, ports)),
            _ => dispatch!(self.table.simd, look_up_many(self, keys, ports)),
        }
    }

    /// Takes a batch of frames that came in on port `ingress` through the table: checks that each source is known
    /// there and was seen in this tick, or hit already ([`Renewal::Hit`](crate::Renewal::Hit)), and says in `egress` behind which port each
    /// destination is, or [`UNKNOWN`].
    ///
    /// Sources that are not settled by that (new, moved, not seen in this tick or not hit yet, static elsewhere, declined
    /// before) are handed to `unsettled`, by their place in the batch, to be learned with [`Session::learn_with`] or only
    /// looked at with [`Session::sight`]; that happens before destinations are looked up. Frames are taken 64 at a time: in each such block all sources come first.
    ///
    /// [`Renewal::Hit`]: crate::Renewal::Hit
    ///
    /// # Panics
    /// When the slices are not of the same length.
    #[inline]
    pub fn resolve(
        &self,
        ingress: u16,
        sources: &[Key],
        destinations: &[Key],
        egress: &mut [u16],
        mut unsettled: impl FnMut(usize, &Probe),
    ) {
        assert!(sources.len() == destinations.len() && sources.len() == egress.len());
        if sources.len() > BLOCK {
            return self.resolve_many(ingress, (sources, destinations), egress, unsettled);
        }
        if sources.is_empty() {
            return;
        }
        let (mut senders, mut receivers) = (Block::empty(), Block::empty());
        let binding = self.table.ports.id(ingress);
        let (frames, blocks) = ((sources, destinations), (&mut senders, &mut receivers));
        let left = dispatch!(self.table.simd, fetch_and_check(self, binding, frames, blocks));
        self.hand_over(&senders, sources, left, (ingress, binding), &mut unsettled);
        dispatch!(self.table.simd, answer(self, destinations, &mut receivers, egress));
    }

    /// As [`Session::resolve`], of more than a block: the lines of each are on their way while the block before it is
    /// worked on.
    fn resolve_many(
        &self,
        ingress: u16,
        (sources, destinations): (&[Key], &[Key]),
        egress: &mut [u16],
        mut unsettled: impl FnMut(usize, &Probe),
    ) {
        let (mut here, mut next) =
            (&mut (Block::empty(), Block::empty()), &mut (Block::empty(), Block::empty()));
        let (mut begin, mut end) = (0, 0);
        while begin < sources.len() {
            let ahead = sources.len().min(end + BLOCK);
            if end < ahead {
                let (frames, blocks) =
                    ((&sources[end..ahead], &destinations[end..ahead]), (&mut next.0, &mut next.1));
                dispatch!(self.table.simd, fetch(self.table, frames, blocks));
            }
            if begin < end {
                let (from, to) = (&sources[begin..end], &destinations[begin..end]);
                let binding = self.table.ports.id(ingress);
                let left = dispatch!(self.table.simd, check(self, binding, from, &mut here.0));
                self.hand_over(&here.0, from, left, (ingress, binding), |at, probe| {
                    unsettled(begin + at, probe);
                });
                dispatch!(self.table.simd, answer(self, to, &mut here.1, &mut egress[begin..end]));
            }
            std::mem::swap(&mut here, &mut next);
            (begin, end) = (end, ahead);
        }
    }

    /// As [`Session::resolve`], of frames whose destinations nobody asks for.
    #[inline]
    pub fn settle(&self, ingress: u16, sources: &[Key], mut unsettled: impl FnMut(usize, &Probe)) {
        let (mut senders, mut receivers) = (Block::empty(), Block::empty());
        for (from, begin) in sources.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
            let binding = self.table.ports.id(ingress);
            let blocks = (&mut senders, &mut receivers);
            let left = dispatch!(self.table.simd, fetch_and_check(self, binding, (from, &[]), blocks));
            self.hand_over(&senders, from, left, (ingress, binding), |at, probe| {
                unsettled(begin + at, probe);
            });
        }
    }

    /// Hands the sources over whose bits are set in `left`. Once the first of them was placed anew, slots are taken for the
    /// others, if they are many.
    #[inline]
    fn hand_over(
        &self,
        block: &Block,
        keys: &[Key],
        left: u64,
        (port, binding): (u16, u16),
        mut unsettled: impl FnMut(usize, &Probe),
    ) {
        let mut hold = Hold::nothing(self, block, binding);
        let mut rest = left;
        let mut may_hold = binding != NONE && self.table.chip.is_none();
        self.has_placed.set(false);
        for index in places(left) {
            // SAFETY: the block was filled with these keys, and buckets are below the number of lines.
            unsafe { Lines::of(self.table).at(block.bucket(index)).prefetch_to_write() };
        }
        for index in places(left) {
            rest &= rest - 1;
            hold.offer(index);
            unsettled(index, &self.probe_of(block, keys, binding, index));
            self.end_offer();
            if may_hold && self.has_placed.get() {
                may_hold = false;
                if rest.count_ones() >= LEAST {
                    dispatch!(self.table.simd, take(&mut hold, keys, port, rest));
                }
            }
        }
    }

    #[inline]
    fn probe_of(&self, block: &Block, keys: &[Key], binding: u16, index: usize) -> Probe {
        if !block.is_valid(self.table, keys, index) {
            return self.probe_key(keys[index]);
        }
        // SAFETY: the block was filled with these keys, and they were searched for if the port has a binding.
        let (key, bucket, is_absent) = unsafe {
            let is_absent = binding != NONE && block.found(index / GROUP)[index % GROUP] == 0;
            (block.key(index), block.bucket(index), is_absent)
        };
        Probe::unsettled(key, bucket, is_absent, (keys[index].vlan(), block.fid(index)))
    }
}
