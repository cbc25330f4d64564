//! What the benchmarks share: addresses to look up, a routing table, and ports that cost next to nothing.

pub mod table;
pub mod zebra;

use greylag_base::MacAddr;
use greylag_ports::{BATCH_FRAMES, Batch, Port, TxReport};
use std::io;
use std::os::fd::BorrowedFd;

/// A reproducible sequence of words (SplitMix64).
pub struct Words(pub u64);

impl Iterator for Words {
    type Item = u64;
    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(word ^ (word >> 31))
    }
}

/// `count` unicast addresses without an order.
pub fn addresses(count: usize) -> Vec<MacAddr> {
    Words(1).map(|word| MacAddr::from_bits(word & 0xfcff_ffff_ffff | 0x0200_0000_0000)).take(count).collect()
}

/// A port that receives the same frames again and again, and forgets what it is given to send: what is left is
/// the pipeline, and one copy of each frame.
pub struct Treadmill {
    frames: Vec<Vec<u8>>,
    next: usize,
    batch: usize,
}

impl Treadmill {
    /// Receives `frames` in turn, as many at a time as a batch holds.
    pub fn new(frames: Vec<Vec<u8>>) -> Self {
        Self::in_batches(frames, BATCH_FRAMES)
    }

    /// Receives `frames` in turn, `batch` at a time.
    pub fn in_batches(frames: Vec<Vec<u8>>, batch: usize) -> Self {
        Treadmill { frames, next: 0, batch }
    }
}

impl Port for Treadmill {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        if self.frames.is_empty() {
            return Ok(0);
        }
        for _ in 0..self.batch {
            batch.push(&self.frames[self.next]);
            self.next = (self.next + 1) % self.frames.len();
        }
        Ok(self.batch)
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let bytes = frames.iter().map(|&frame| batch.bytes(frame.into()).len() as u64).sum();
        TxReport { frames: frames.len() as u64, bytes, ..TxReport::default() }
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
