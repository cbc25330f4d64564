//! Zeroed memory that costs nothing until it is touched.
//!
//! An allocator gives that for a large block the first time. The second time it takes the block that was freed, and writes
//! zeros to all of it: for whoever makes and drops thousands of workers, that is most of what a worker costs.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::{NonNull, null_mut};

/// A private mapping of its own.
pub(crate) struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: it owns its memory as a box does.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    /// `len` octets, more than none.
    pub(crate) fn zeroed(len: usize) -> Self {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new anonymous mapping, placed by the kernel, touches no memory that is there.
        let start = unsafe { libc::mmap(null_mut(), len, access, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            handle_alloc_error(Layout::array::<u8>(len).expect("smaller than the address space"));
        }
        Pages { start: NonNull::new(start.cast()).expect("no mapping is placed at 0"), len }
    }

    /// The first octet, for those who share it out among several owners.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// How many octets.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Copies octets out without a slice of all of them, where others (the kernel) have parts.
    ///
    /// # Panics
    /// When they end beyond the mapping.
    #[inline]
    pub(crate) fn copy_out(&self, at: usize, to: &mut [u8]) {
        assert!(at <= self.len && to.len() <= self.len - at, "{} octets at {at} of {}", to.len(), self.len);
        // SAFETY: within the mapping (above), and `to` is nowhere in it.
        unsafe { std::ptr::copy_nonoverlapping(self.start.as_ptr().add(at), to.as_mut_ptr(), to.len()) };
    }

    /// Copies octets in, likewise.
    ///
    /// # Panics
    /// When they end beyond the mapping.
    #[inline]
    pub(crate) fn copy_in(&mut self, at: usize, from: &[u8]) {
        assert!(
            at <= self.len && from.len() <= self.len - at,
            "{} octets at {at} of {}",
            from.len(),
            self.len
        );
        // SAFETY: as above.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), self.start.as_ptr().add(at), from.len()) };
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: a mapping of so many octets, which are zero or what was written, and which lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else has it.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by `zeroed` with this length, and no slice of it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_stays_and_what_is_new_is_zero() {
        let mut pages = Pages::zeroed(100_000);
        assert!(pages.len() == 100_000 && pages.iter().all(|&octet| octet == 0));
        pages[99_999] = 7;
        assert_eq!(pages[99_998..], [0, 7]);
        drop(pages);
        assert_eq!(Pages::zeroed(100_000)[99_999], 0);
    }
}
