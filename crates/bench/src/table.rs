//! What a table must do to be measured. Each has its best form of it: sized beforehand, guards held over a batch,
//! bulk calls.

use crate::key::{BATCH, Batch, Key};

/// Looks keys up, on one thread.
///
/// `now` is the time, nanoseconds; it never goes back.
pub trait Reader {
    /// The port of each key, or [`crate::ABSENT`]. The keys may be worked on together.
    fn look_up(&mut self, now: u64, keys: &Batch, found: &mut [u16; BATCH]);

    /// The same of as many keys as there are places, a multiple of [`BATCH`], in one call: for tables that have such a
    /// call. Others have a call for each batch.
    fn look_up_many(&mut self, now: u64, keys: &[Key], found: &mut [u16]) {
        for (keys, found) in keys.as_chunks().0.iter().zip(found.as_chunks_mut().0) {
            self.look_up(now, keys, found);
        }
    }

    /// The same by single look-ups, one after the other, each without knowing of the others.
    fn look_up_each(&mut self, now: u64, keys: &Batch, found: &mut [u16; BATCH]) {
        self.look_up(now, keys, found);
    }

    /// The thread looks nothing up any more. Called on the thread that did.
    fn leave(&mut self) {}
}

/// A table under measurement.
pub trait Table: Reader {
    /// Frames from these addresses came in on `port`: notes those that are new, have moved, or were not seen in this
    /// [`tick`]. Returns how many were new.
    fn learn(&mut self, now: u64, port: u16, keys: &Batch) -> usize;

    /// Takes keys out. Returns how many were there.
    fn forget(&mut self, keys: &[Key]) -> usize;

    /// What a switch does with a batch of frames: learns their sources, all from `port`, and looks up their
    /// destinations. Returns how many sources were new.
    fn mix(
        &mut self,
        now: u64,
        port: u16,
        sources: &Batch,
        destinations: &Batch,
        found: &mut [u16; BATCH],
    ) -> usize {
        let new = self.learn(now, port, sources);
        self.look_up(now, destinations, found);
        new
    }

    /// As [`Table::mix`], of more frames: see [`Reader::look_up_many`].
    fn mix_many(
        &mut self,
        now: u64,
        port: u16,
        sources: &[Key],
        destinations: &[Key],
        found: &mut [u16],
    ) -> usize {
        let frames = sources.as_chunks().0.iter().zip(destinations.as_chunks().0);
        let one =
            |((from, to), found): ((&Batch, &Batch), &mut [u16; BATCH])| self.mix(now, port, from, to, found);
        frames.zip(found.as_chunks_mut().0).map(one).sum()
    }

    /// Takes everything out and keeps the memory.
    fn clear(&mut self, now: u64);

    /// A view for another thread that reads while this one writes. `None`: the table is for one thread.
    fn reader(&self) -> Option<Box<dyn Reader + Send>>;

    /// Bytes of memory that it holds, if it knows.
    fn bytes(&self) -> Option<usize> {
        None
    }
}

/// A table by its name.
#[derive(Clone, Copy)]
pub struct Subject {
    /// What it is called in tables and JSON.
    pub name: &'static str,
    /// What is special about how it is used here, in a few words.
    pub form: &'static str,
    /// May be read by one thread while another writes: its [`Table::reader`] gives one.
    pub is_concurrent: bool,
    /// Makes one, empty, with room for as many entries.
    pub make: fn(usize) -> Box<dyn Table>,
}

/// Nanoseconds for which an address that was seen need not be noted again: 1/512 of 300 s.
pub const TICK: u64 = 300_000_000_000 / 512;

/// The tick of a time.
pub fn tick(now: u64) -> u16 {
    (now / TICK) as u16
}

/// What a table without an age of its own stores: port and tick of the last time seen.
pub fn value(port: u16, now: u64) -> u32 {
    u32::from(port) | u32::from(tick(now)) << 16
}

/// The port in a [`value`].
pub fn port_of(value: u32) -> u16 {
    value as u16
}
