use crate::counters::PortCounters;
use crate::{Decision, Tracer};
use greylag_base::{DropReason, PortId};
use greylag_ports::Batch;

/// Where it is written down what becomes of each frame of a batch: counted, and told to the tracer.
pub(crate) struct Account<'a, T> {
    pub(crate) arrival: PortId,
    pub(crate) counters: &'a PortCounters,
    pub(crate) tracer: &'a mut T,
}

impl<T: Tracer> Account<'_, T> {
    /// It is told. To be called while the frame is as it came in.
    #[inline(always)]
    pub(crate) fn tell(&mut self, batch: &Batch, frame: u16, decision: Decision) {
        if T::LISTENS {
            self.tracer.decided(self.arrival, frame, batch.bytes(frame.into()), decision);
        }
    }

    /// It is counted, and told.
    #[inline(always)]
    pub(crate) fn drop_frame(&mut self, batch: &Batch, frame: u16, reason: DropReason) {
        self.counters.drop_frame(reason);
        self.tell(batch, frame, Decision::Dropped(reason));
    }

    /// It is told, or counted and told why not.
    #[inline(always)]
    pub(crate) fn settle(&mut self, batch: &Batch, frame: u16, outcome: Result<Decision, DropReason>) {
        match outcome {
            Ok(decision) => self.tell(batch, frame, decision),
            Err(reason) => self.drop_frame(batch, frame, reason),
        }
    }
}
