//! A switch's port in the virtual world: frames wait here for the worker, and from it for the link.

use crate::frame_pool::FramePool;
use greylag_base::PortId;
use greylag_ports::{BATCH_FRAMES, Batch, Port, TxReport};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Which ports of a switch have frames for their links.
///
/// All of them are in one thread; that the words are atomic is for the compiler, and costs nothing as long as
/// they are only read and written.
#[derive(Clone)]
pub(crate) struct Outgoing(Arc<[AtomicU64]>);

impl Outgoing {
    pub(crate) fn new(ports: usize) -> Self {
        Outgoing((0..ports.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn note(&self, port: PortId) {
        let word = &self.0[port.index() / 64];
        word.store(word.load(Relaxed) | 1 << (port.index() % 64), Relaxed);
    }

    /// The ports, in order; they are forgotten here.
    pub(crate) fn take(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = word.load(Relaxed);
            word.store(0, Relaxed);
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(index * 64 + bit)
            })
        })
    }
}

/// A port whose link is in the virtual world.
pub(crate) struct SimPort {
    id: PortId,
    outgoing: Outgoing,
    inbox: Vec<Vec<u8>>,
    /// Frames that the worker has sent, oldest first, and behind them buffers for later ones.
    outbox: Vec<Vec<u8>>,
    sent: usize,
}

impl SimPort {
    pub(crate) fn new(id: PortId, outgoing: Outgoing) -> Self {
        SimPort { id, outgoing, inbox: Vec::new(), outbox: Vec::new(), sent: 0 }
    }

    /// A frame has arrived; at most a batch of them between two calls of the worker.
    pub(crate) fn arrived(&mut self, frame: Vec<u8>) {
        self.inbox.push(frame);
    }

    /// Takes the frames that the worker has sent, oldest first, in exchange for empty buffers.
    pub(crate) fn take_sent(&mut self) -> &mut [Vec<u8>] {
        &mut self.outbox[..std::mem::take(&mut self.sent)]
    }

    /// The worker has read what had arrived.
    pub(crate) fn clear_up(&mut self, pool: &mut FramePool) {
        self.inbox.drain(..).for_each(|frame| pool.give(frame));
    }
}

impl Port for SimPort {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        debug_assert!(self.inbox.len() <= BATCH_FRAMES);
        self.inbox.iter().for_each(|frame| batch.push(frame));
        Ok(batch.len())
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        self.outgoing.note(self.id);
        for &index in frames {
            let bytes = batch.bytes(index.into());
            if self.sent == self.outbox.len() {
                self.outbox.push(Vec::new());
            }
            let frame = &mut self.outbox[self.sent];
            frame.clear();
            frame.extend_from_slice(bytes);
            self.sent += 1;
            report.frames += 1;
            report.bytes += bytes.len() as u64;
        }
        report
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
