//! The memory of a table: one range of words, the root table in front, nodes behind it.
//!
//! Room for the largest table that was asked for is reserved at the beginning; the kernel gives memory for what is
//! written to, in huge pages if it can. Nodes that are given back are kept by size, and a size that has none left takes from larger ones.

use crate::word::{RANGES, Word};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

const HUGE_PAGE: usize = 2 << 20;
/// The largest node, in words.
const LARGEST: usize = 32;

/// What readers and writer share.
pub(crate) struct Arena {
    words: NonNull<AtomicU64>,
    len: usize,
    /// What was allocated: `words` begins at the first huge page in it. Asking for that alignment would have zeros written to all of it.
    block: NonNull<u8>,
}

// SAFETY: it owns its words as a box does, and they are atomics.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

impl Arena {
    /// `len` words of zero.
    pub(crate) fn new(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: the layout is not empty.
        let block = unsafe { alloc_zeroed(layout) };
        let block = NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout));
        let begin = block.as_ptr().align_offset(HUGE_PAGE);
        assert!(begin < HUGE_PAGE);
        // SAFETY: the block is longer than the words by a huge page.
        let words = unsafe { block.add(begin) }.cast::<AtomicU64>();
        #[cfg(target_os = "linux")]
        // SAFETY: the range is inside the block that was just allocated, and begins with a page. Advice changes no content,
        // and a failure means that there are no huge pages.
        unsafe {
            libc::madvise(words.as_ptr().cast(), len * size_of::<AtomicU64>(), libc::MADV_HUGEPAGE);
        }
        Arena { words, len, block }
    }

    fn layout(len: usize) -> Layout {
        let words = Layout::array::<AtomicU64>(len).expect("a table smaller than the address space");
        Layout::from_size_align(words.size() + HUGE_PAGE, words.align()).expect("as above")
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// One word.
    ///
    /// # Safety
    /// `at` is below [`Arena::len`], and if others use it at the same time then as a word.
    #[inline(always)]
    pub(crate) unsafe fn word(&self, at: usize) -> &AtomicU64 {
        debug_assert!(at < self.len);
        // SAFETY: inside the block, aligned, zeroed when it was made.
        unsafe { self.words.add(at).as_ref() }
    }

    /// The `index`-th 32 bits of a node that begins at word `at`.
    ///
    /// # Safety
    /// It is below [`Arena::len`], and if others use it at the same time then as 32 bits.
    #[inline(always)]
    pub(crate) unsafe fn half(&self, at: usize, index: usize) -> &AtomicU32 {
        debug_assert!(at + index / 2 < self.len);
        // SAFETY: inside the block, and aligned for less than it is aligned for.
        unsafe { self.words.add(at).cast::<AtomicU32>().add(index).as_ref() }
    }
}

impl Arena {
    /// Where the `index`-th 32 bits would be, to ask for their line; it may be outside.
    #[inline(always)]
    pub(crate) fn near(&self, index: usize) -> *const u32 {
        self.words.as_ptr().cast::<u32>().wrapping_add(index)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout; atomics need no dropping.
        unsafe { dealloc(self.block.as_ptr(), Self::layout(self.len)) };
    }
}

/// Which words of the arena are taken. The writer alone has it.
pub(crate) struct Rooms {
    /// Nobody has used what is behind this.
    fresh: usize,
    end: usize,
    /// Given back, by size.
    free: [Vec<u32>; LARGEST + 1],
    used: usize,
}

impl Rooms {
    /// All words from `begin` to `end` are free.
    pub(crate) fn new(begin: usize, end: usize) -> Self {
        assert!(begin.is_multiple_of(RANGES) && end <= 1 << 30);
        Rooms { fresh: begin, end, free: std::array::from_fn(|_| Vec::new()), used: 0 }
    }

    /// Words that are taken.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Room for a node; `None` when there is none. Of eight words it begins a cache line: such a node may be one of ranges.
    pub(crate) fn take(&mut self, size: usize) -> Option<u32> {
        let place = self.free[size].pop().or_else(|| self.take_fresh(size)).or_else(|| self.split(size))?;
        self.used += size;
        Some(place)
    }

    pub(crate) fn give_back(&mut self, place: u32, size: usize) {
        self.used -= size;
        self.free[size].push(place);
    }

    pub(crate) fn give_back_node(&mut self, node: Word) {
        self.give_back(node.place() as u32, node.size());
    }

    fn take_fresh(&mut self, size: usize) -> Option<u32> {
        let skipped = if size == RANGES { self.fresh.next_multiple_of(RANGES) - self.fresh } else { 0 };
        let place = self.fresh + skipped;
        if place + size > self.end {
            return None;
        }
        if skipped > 0 {
            self.free[skipped].push(self.fresh as u32);
        }
        self.fresh = place + size;
        Some(place as u32)
    }

    /// From the least that is larger. Not for ranges, whose place is aligned.
    fn split(&mut self, size: usize) -> Option<u32> {
        let larger = (size + 1..=LARGEST).find(|&larger| size != RANGES && !self.free[larger].is_empty())?;
        let place = self.free[larger].pop()?;
        match larger - size {
            // An eight that does not begin a line would be taken for one that does.
            RANGES => self.free[4].extend([place + size as u32, place + size as u32 + 4]),
            rest => self.free[rest].push(place + size as u32),
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_never_overlap_and_eights_begin_a_line() {
        let mut rooms = Rooms::new(64, 64 + 4096);
        let (mut taken, mut state) = (Vec::<(u32, usize)>::new(), 1u32);
        let mut refused = 0;
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let size = 1 + (state >> 16) as usize % LARGEST;
            if state >> 31 == 0 && !taken.is_empty() {
                let (place, size) = taken.swap_remove((state >> 8) as usize % taken.len());
                rooms.give_back(place, size);
            } else if let Some(place) = rooms.take(size) {
                assert!(size != RANGES || (place as usize).is_multiple_of(RANGES));
                taken.push((place, size));
            } else {
                refused += 1;
            }
        }
        taken.sort_unstable();
        assert!(taken.windows(2).all(|pair| pair[0].0 as usize + pair[0].1 <= pair[1].0 as usize));
        assert_eq!(rooms.used(), taken.iter().map(|(_, size)| size).sum::<usize>());
        assert!(refused > 0, "it was never full");
    }
}
