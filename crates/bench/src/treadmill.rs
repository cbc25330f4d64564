//! A port in memory that costs next to nothing.

use greylag_ports::{BATCH_FRAMES, Batch, Port, TxReport};
use std::io;
use std::os::fd::BorrowedFd;

/// From frame to frame: whole cache lines.
const LINE: usize = 64;

/// A port that receives the same frames again and again, and forgets what it is given to send: what is left is
/// the pipeline, and one copy of each frame.
pub struct Treadmill {
    /// All frames, each from the beginning of a cache line on.
    memory: Vec<u8>,
    stride: usize,
    len: usize,
    count: usize,
    next: usize,
    batch: usize,
}

impl Treadmill {
    /// Receives `frames` in turn, as many at a time as a batch holds; nothing where there are none.
    pub fn new(frames: &[Vec<u8>]) -> Self {
        Self::in_batches(frames, BATCH_FRAMES)
    }

    /// Receives `frames` in turn, `batch` at a time.
    ///
    /// # Panics
    /// When they differ in length.
    pub fn in_batches(frames: &[Vec<u8>], batch: usize) -> Self {
        let len = frames.first().map_or(0, Vec::len);
        let stride = len.next_multiple_of(LINE);
        let mut memory = vec![0; stride * frames.len()];
        for (slot, frame) in memory.chunks_exact_mut(stride.max(1)).zip(frames) {
            assert_eq!(frame.len(), len, "frames of one length");
            slot[..len].copy_from_slice(frame);
        }
        Treadmill { memory, stride, len, count: frames.len(), next: 0, batch }
    }

    /// Goes on at another frame: two that receive the same need not do so in step.
    pub fn skip_to(&mut self, frame: usize) {
        self.next = frame % self.count.max(1);
    }
}

impl Port for Treadmill {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        if self.count == 0 {
            return Ok(0);
        }
        for _ in 0..self.batch {
            batch.push(&self.memory[self.next * self.stride..][..self.len]);
            self.next += 1;
            if self.next == self.count {
                self.next = 0;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_in_turn_and_again() {
        let mut treadmill = Treadmill::in_batches(&[vec![1; 60], vec![2; 60], vec![3; 60]], 2);
        let mut batch = Batch::new();
        let mut seen = Vec::new();
        for _ in 0..3 {
            assert_eq!(treadmill.rx(&mut batch).unwrap(), 2);
            seen.extend((0..2).map(|frame| batch.bytes(frame)[0]));
        }
        assert_eq!(seen, [1, 2, 3, 1, 2, 3]);
        assert_eq!(Treadmill::new(&[]).rx(&mut batch).unwrap(), 0);
    }
}
