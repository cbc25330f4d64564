//! Tables written in C, behind the shims in `c/`.

use greylag_bench::{BATCH, Batch, Key, MOST, Reader, Table, value};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// `struct peer` of `c/peer.h`.
#[repr(C)]
pub(crate) struct Peer {
    make: unsafe extern "C" fn(usize) -> Option<NonNull<c_void>>,
    destroy: unsafe extern "C" fn(NonNull<c_void>),
    enter: unsafe extern "C" fn(NonNull<c_void>),
    leave: unsafe extern "C" fn(NonNull<c_void>),
    look_up: unsafe extern "C" fn(NonNull<c_void>, *const u64, *mut u16),
    look_up_each: unsafe extern "C" fn(NonNull<c_void>, *const u64, *mut u16),
    learn: unsafe extern "C" fn(NonNull<c_void>, u32, *const u64) -> usize,
    check: unsafe extern "C" fn(NonNull<c_void>, u32, *const u64) -> usize,
    forget: unsafe extern "C" fn(NonNull<c_void>, *const u64, usize) -> usize,
    clear: unsafe extern "C" fn(NonNull<c_void>),
    look_up_many: Option<unsafe extern "C" fn(NonNull<c_void>, *const u64, usize, *mut u16)>,
    check_many: Option<unsafe extern "C" fn(NonNull<c_void>, u32, *const u64, usize) -> usize>,
}

struct Memory {
    peer: &'static Peer,
    table: NonNull<c_void>,
}

// SAFETY: the shims' tables may be read by one thread while another writes; `Writer` is the only one that writes,
// and there is one of it for each table.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: nobody else has it any more.
        unsafe { (self.peer.destroy)(self.table) };
    }
}

/// A table of this kind, with whether it may be read beside a writer.
pub(crate) fn make(peer: &'static Peer, entries: usize, is_concurrent: bool) -> Box<dyn Table> {
    // SAFETY: every shim makes a table from any size, or none.
    let table = unsafe { (peer.make)(entries) }.expect("there is memory for the table");
    Box::new(Writer { memory: Arc::new(Memory { peer, table }), is_concurrent })
}

struct Writer {
    memory: Arc<Memory>,
    is_concurrent: bool,
}

/// Keys as the shims take them.
fn words(keys: &Batch) -> [u64; BATCH] {
    keys.map(|key| key.0)
}

/// The same of a long batch.
fn long(keys: &[Key]) -> [u64; MOST] {
    let mut words = [0; MOST];
    words.iter_mut().zip(keys).for_each(|(word, key)| *word = key.0);
    words
}

impl Memory {
    fn look_up_many(&self, keys: &[Key], found: &mut [u16]) {
        match self.peer.look_up_many {
            Some(look_up) if keys.len() <= MOST && keys.len() == found.len() => {
                // SAFETY: both arrays have at least as many elements as it says.
                unsafe { look_up(self.table, long(keys).as_ptr(), keys.len(), found.as_mut_ptr()) };
            }
            _ => {
                for (keys, found) in keys.as_chunks().0.iter().zip(found.as_chunks_mut().0) {
                    self.look_up(keys, found);
                }
            }
        }
    }

    fn look_up(&self, keys: &Batch, found: &mut [u16; BATCH]) {
        // SAFETY: both arrays have as many elements as the shims expect.
        unsafe { (self.peer.look_up)(self.table, words(keys).as_ptr(), found.as_mut_ptr()) };
    }

    fn look_up_each(&self, keys: &Batch, found: &mut [u16; BATCH]) {
        // SAFETY: as above.
        unsafe { (self.peer.look_up_each)(self.table, words(keys).as_ptr(), found.as_mut_ptr()) };
    }
}

impl Reader for Writer {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        self.memory.look_up(keys, found);
    }

    fn look_up_many(&mut self, _: u64, keys: &[Key], found: &mut [u16]) {
        self.memory.look_up_many(keys, found);
    }

    fn look_up_each(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        self.memory.look_up_each(keys, found);
    }
}

impl Table for Writer {
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize {
        let Memory { peer, table } = &*self.memory;
        // SAFETY: there is no other writer, and a batch has as many keys as the shims expect.
        unsafe { (peer.learn)(*table, value(port, now), words(keys).as_ptr()) }
    }

    fn forget(&mut self, keys: &[Key]) -> usize {
        let Memory { peer, table } = &*self.memory;
        let words: Vec<u64> = keys.iter().map(|key| key.0).collect();
        // SAFETY: there is no other writer, and the array has as many keys as it says.
        unsafe { (peer.forget)(*table, words.as_ptr(), words.len()) }
    }

    fn mix(
        &mut self,
        now: u64,
        port: u16,
        sources: &Batch,
        destinations: &Batch,
        found: &mut [u16; BATCH],
    ) -> usize {
        let Memory { peer, table } = &*self.memory;
        // SAFETY: there is no other writer, and a batch has as many keys as the shims expect.
        let new = unsafe { (peer.check)(*table, value(port, now), words(sources).as_ptr()) };
        self.memory.look_up(destinations, found);
        new
    }

    fn mix_many(
        &mut self,
        now: u64,
        port: u16,
        sources: &[Key],
        destinations: &[Key],
        found: &mut [u16],
    ) -> usize {
        let Memory { peer, table } = &*self.memory;
        let check = |keys: &Batch| {
            // SAFETY: there is no other writer, and a batch has as many keys as the shims expect.
            unsafe { (peer.check)(*table, value(port, now), words(keys).as_ptr()) }
        };
        let new = match peer.check_many {
            Some(check) if sources.len() <= MOST => {
                // SAFETY: there is no other writer, and the array has at least as many keys as it says.
                unsafe { check(*table, value(port, now), long(sources).as_ptr(), sources.len()) }
            }
            _ => sources.as_chunks().0.iter().map(check).sum(),
        };
        self.memory.look_up_many(destinations, found);
        new
    }

    fn clear(&mut self, _: u64) {
        // SAFETY: there is no other writer, and nobody reads while a table is cleared.
        unsafe { (self.memory.peer.clear)(self.memory.table) };
    }

    fn reader(&self) -> Option<Box<dyn Reader + Send>> {
        self.is_concurrent
            .then(|| Box::new(Visitor { memory: self.memory.clone(), has_entered: false }) as Box<_>)
    }
}

/// Reads on another thread, which the shim is told of at its first look-up.
struct Visitor {
    memory: Arc<Memory>,
    has_entered: bool,
}

impl Reader for Visitor {
    fn look_up(&mut self, _: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        if !self.has_entered {
            self.has_entered = true;
            // SAFETY: once per thread, and before its first look-up.
            unsafe { (self.memory.peer.enter)(self.memory.table) };
        }
        self.memory.look_up(keys, found);
    }

    fn leave(&mut self) {
        if self.has_entered {
            self.has_entered = false;
            // SAFETY: the thread has entered, and looks nothing up any more.
            unsafe { (self.memory.peer.leave)(self.memory.table) };
        }
    }
}
