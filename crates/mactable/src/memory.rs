//! The table's lines: one block of memory, taken once.
//!
//! With 4 KiB pages a table of a million entries is 4096 of them, more than a core's translation cache holds beside the
//! rest of a switch; a look-up then waits for a page walk before it can wait for its line. So the block is
//! aligned to huge pages and the kernel is asked for them. It may say no; nothing but speed rests on it.

use crate::bucket::Line;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Deref;
use std::ptr::NonNull;

const HUGE_PAGE: usize = 2 << 20;

/// All buckets of a table.
pub(crate) struct Memory {
    lines: NonNull<Line>,
    count: usize,
}

// SAFETY: it owns its lines as a box does, and lines are made of atomics.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// `count` empty lines, written to once, so that no first access in a data path takes a page fault.
    pub(crate) fn new(count: usize) -> Self {
        let layout = Self::layout(count);
        // SAFETY: at least one line, see `layout`.
        let lines = unsafe { alloc(layout) }.cast::<Line>();
        let lines = NonNull::new(lines).unwrap_or_else(|| handle_alloc_error(layout));
        #[cfg(target_os = "linux")]
        if layout.size() >= HUGE_PAGE {
            // SAFETY: the range is the block that was just allocated, whose content does not matter yet. Advice changes
            // none, and a failure means that there are no huge pages.
            unsafe { libc::madvise(lines.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE) };
        }
        for index in 0..count {
            // SAFETY: inside the block, and aligned.
            unsafe { lines.add(index).write(Line::default()) };
        }
        Memory { lines, count }
    }

    fn layout(count: usize) -> Layout {
        assert!(count > 0);
        let lines = Layout::array::<Line>(count).expect("a table smaller than the address space");
        let align = if lines.size() >= HUGE_PAGE { HUGE_PAGE } else { lines.align() };
        lines.align_to(align).expect("a power of two")
    }
}

impl Deref for Memory {
    type Target = [Line];

    #[inline]
    fn deref(&self) -> &[Line] {
        // SAFETY: all lines were written by `new`, and live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr(), self.count) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout; the lines are written by it and dropped here alone, which matters
        // to a model checker whose atomics are more than words.
        unsafe {
            std::ptr::slice_from_raw_parts_mut(self.lines.as_ptr(), self.count).drop_in_place();
            dealloc(self.lines.as_ptr().cast(), Self::layout(self.count));
        }
    }
}
