use crate::{BATCH_FRAMES, Batch, Offload, Port, Tagging, TxReport};
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex};

struct Queued {
    bytes: Vec<u8>,
    offload: Offload,
}

/// One end of a link that lives in memory, for tests: what one end sends, the other receives.
pub struct MemoryPort {
    inbound: Arc<Mutex<VecDeque<Queued>>>,
    outbound: Arc<Mutex<VecDeque<Queued>>>,
    room: usize,
}

impl MemoryPort {
    /// Both ends of a link that holds at most `room` frames in each direction.
    pub fn pair(room: usize) -> (MemoryPort, MemoryPort) {
        let (left, right) = (Arc::default(), Arc::default());
        (
            MemoryPort { inbound: Arc::clone(&left), outbound: Arc::clone(&right), room },
            MemoryPort { inbound: right, outbound: left, room },
        )
    }

    /// Puts one frame on the link; `false` when it has no room.
    pub fn send(&mut self, frame: &[u8]) -> bool {
        self.enqueue(frame, Offload::NONE)
    }

    /// The next frame that the other end sent.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        self.inbound.lock().expect("no holder panics").pop_front().map(|queued| queued.bytes)
    }

    fn enqueue(&mut self, frame: &[u8], offload: Offload) -> bool {
        let mut queue = self.outbound.lock().expect("no holder panics");
        if queue.len() == self.room {
            return false;
        }
        queue.push_back(Queued { bytes: frame.to_vec(), offload });
        true
    }
}

impl Port for MemoryPort {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        let mut queue = self.inbound.lock().expect("no holder panics");
        let count = queue.len().min(BATCH_FRAMES);
        for queued in queue.drain(..count) {
            batch.slots().next().expect("the batch was empty")[..queued.bytes.len()]
                .copy_from_slice(&queued.bytes);
            batch.commit(queued.bytes.len(), Tagging::Untagged, queued.offload);
        }
        Ok(count)
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        for &index in frames {
            let bytes = batch.bytes(index.into());
            if self.enqueue(bytes, batch.offload(index.into())) {
                report.frames += 1;
                report.bytes += bytes.len() as u64;
            } else {
                report.queue_full += 1;
            }
        }
        report
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
