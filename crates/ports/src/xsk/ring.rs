//! One ring of an AF_XDP socket: entries in memory that is shared with the kernel, and two counters that only grow. One side writes
//! entries and moves the producer's, the other reads them and moves the consumer's.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a ring may hold: plain data for which every pattern of bits is a value.
///
/// # Safety
/// The implementer vouches for that, and for being what the kernel has in that ring.
pub(super) unsafe trait Entry: Copy {}

// SAFETY: an integer; fill and completion ring hold addresses.
unsafe impl Entry for u64 {}
// SAFETY: three integers; receive and transmit ring hold descriptors.
unsafe impl Entry for libc::xdp_desc {}

/// The mapping, and where in it things are.
struct Shared<T> {
    map: NonNull<u8>,
    map_len: usize,
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    entries: NonNull<T>,
    mask: u32,
}

// SAFETY: the mapping is shared with the kernel alone, and goes along.
unsafe impl<T> Send for Shared<T> {}

impl<T: Entry> Shared<T> {
    /// Maps a ring of `len` entries, a power of two.
    fn map(socket: BorrowedFd<'_>, page: u64, offset: &libc::xdp_ring_offset, len: u32) -> io::Result<Self> {
        assert!(len.is_power_of_two());
        let map_len = offset.desc as usize + len as usize * size_of::<T>();
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
        // SAFETY: a new mapping, placed by the kernel, touches no memory that is there.
        let map =
            unsafe { libc::mmap(null_mut(), map_len, access, kind, socket.as_raw_fd(), page as libc::off_t) };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let map: NonNull<u8> = NonNull::new(map.cast()).expect("no mapping is placed at 0");
        // SAFETY: the kernel told these offsets for this mapping (XDP_MMAP_OFFSETS): aligned, and in front of the entries.
        let at = |offset: u64| unsafe { map.add(offset as usize) };
        Ok(Shared {
            map,
            map_len,
            producer: at(offset.producer).cast(),
            consumer: at(offset.consumer).cast(),
            flags: at(offset.flags).cast(),
            entries: at(offset.desc).cast(),
            mask: len - 1,
        })
    }

    fn producer(&self) -> &AtomicU32 {
        // SAFETY: in the mapping, which lives as long as `self`; both sides touch it by atomic operations alone.
        unsafe { self.producer.as_ref() }
    }

    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as above.
        unsafe { self.consumer.as_ref() }
    }

    fn entry(&self, number: u32) -> NonNull<T> {
        // SAFETY: the mask keeps it within the entries of the mapping.
        unsafe { self.entries.add((number & self.mask) as usize) }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.map_len) };
    }
}

/// A ring that we write: fill, transmit.
pub(super) struct Producer<T> {
    shared: Shared<T>,
    /// How far entries are written; the kernel sees them once they are published.
    written: u32,
    /// How far the kernel had read when it was last asked.
    read: u32,
}

impl<T: Entry> Producer<T> {
    pub(super) fn map(
        socket: BorrowedFd<'_>,
        page: u64,
        offset: &libc::xdp_ring_offset,
        len: u32,
    ) -> io::Result<Self> {
        Ok(Producer { shared: Shared::map(socket, page, offset, len)?, written: 0, read: 0 })
    }

    /// Writes an entry behind the others; `false` when there is no room.
    #[inline]
    pub(super) fn push(&mut self, entry: T) -> bool {
        if self.written.wrapping_sub(self.read) > self.shared.mask {
            self.read = self.shared.consumer().load(Ordering::Acquire);
            if self.written.wrapping_sub(self.read) > self.shared.mask {
                return false;
            }
        }
        // SAFETY: the entry is ours: the kernel has read what was there (above), and reads no further than is published.
        unsafe { self.shared.entry(self.written).write(entry) };
        self.written = self.written.wrapping_add(1);
        true
    }

    /// There is room for so many entries.
    #[inline]
    pub(super) fn has_room(&mut self, entries: u32) -> bool {
        let room = |ring: &Self| ring.shared.mask + 1 - ring.written.wrapping_sub(ring.read);
        if room(self) < entries {
            self.read = self.shared.consumer().load(Ordering::Acquire);
        }
        room(self) >= entries
    }

    /// Lets the kernel see what is written.
    #[inline]
    pub(super) fn publish(&mut self) {
        self.shared.producer().store(self.written, Ordering::Release);
    }

    /// Entries that the kernel has not read yet.
    #[inline]
    pub(super) fn unread(&mut self) -> u32 {
        self.read = self.shared.consumer().load(Ordering::Acquire);
        self.written.wrapping_sub(self.read)
    }

    /// The kernel wants to be told that there is something (XDP_RING_NEED_WAKEUP).
    #[inline]
    pub(super) fn needs_wakeup(&self) -> bool {
        // SAFETY: as for the counters.
        let flags = unsafe { self.shared.flags.as_ref() };
        flags.load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }

    /// Replaces each entry that the kernel has not read yet, and gives what it was. Only while the kernel does not read: in copy mode
    /// it does so in system calls of this socket's alone.
    pub(super) fn replace_unread(&mut self, by: T, mut was: impl FnMut(T)) {
        for number in 0..self.unread() {
            let entry = self.shared.entry(self.read.wrapping_add(number));
            // SAFETY: in the mapping, and initialised: it was published. Nobody reads it now.
            was(unsafe { entry.read() });
            // SAFETY: as above.
            unsafe { entry.write(by) };
        }
    }
}

/// A ring that the kernel writes: receive, completion.
pub(super) struct Consumer<T> {
    shared: Shared<T>,
    /// How far we have read; the kernel may use the room once it is released.
    read: u32,
    /// How far the kernel had written when it was last asked.
    written: u32,
}

impl<T: Entry> Consumer<T> {
    pub(super) fn map(
        socket: BorrowedFd<'_>,
        page: u64,
        offset: &libc::xdp_ring_offset,
        len: u32,
    ) -> io::Result<Self> {
        Ok(Consumer { shared: Shared::map(socket, page, offset, len)?, read: 0, written: 0 })
    }

    /// Reads the next entry.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.read == self.written {
            self.written = self.shared.producer().load(Ordering::Acquire);
            if self.read == self.written {
                return None;
            }
        }
        // SAFETY: the kernel has written it (the acquire above), and leaves it alone until it is released.
        let entry = unsafe { self.shared.entry(self.read).read() };
        self.read = self.read.wrapping_add(1);
        Some(entry)
    }

    /// Gives the room of what was read back to the kernel.
    #[inline]
    pub(super) fn release(&mut self) {
        self.shared.consumer().store(self.read, Ordering::Release);
    }
}
