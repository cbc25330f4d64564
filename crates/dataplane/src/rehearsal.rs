//! What would become of a frame: the same stages, by a worker that nobody hears of.

use crate::ports::Ports;
use crate::tracer::{Decision, Tracer};
use crate::{DataPlane, Keeper, Learning, Worker};
use greylag_base::{Instant, PortId};
use greylag_ports::{Batch, TxReport};
use std::io;
use std::sync::Arc;

/// What would become of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// What the worker decides; `None` for a frame of which nothing can be said.
    pub decision: Option<Decision>,
    /// What would be sent, and by which ports.
    pub sent: Vec<(PortId, Vec<u8>)>,
}

impl DataPlane {
    /// What worker number `worker` would do now with a frame that comes in by a port. Nothing is sent, counted or learned; an entry of its
    /// source has been hit.
    ///
    /// # Panics
    /// When the data plane was made for fewer workers.
    pub fn rehearse(
        self: &Arc<Self>,
        now: Instant,
        worker: usize,
        ingress: PortId,
        frame: &[u8],
    ) -> Rehearsed {
        let learning =
            Learning { install: Keeper::Agent, renew: Keeper::Agent, ..self.forwarding().learning() };
        let forwarding = (*self.forwarding()).clone().with_learning(learning);
        let mut worker = Worker::apart(Arc::clone(self), worker, forwarding);
        let (mut stage, mut audience) = (Stage { frame, sent: Vec::new() }, Audience(None));
        // A stage is always there.
        let _ = worker.poll_port_traced(now, ingress, &mut stage, &mut audience);
        Rehearsed { decision: audience.0, sent: stage.sent }
    }
}

/// Ports of which one has the frame, and all take whatever they are given.
struct Stage<'f> {
    frame: &'f [u8],
    sent: Vec<(PortId, Vec<u8>)>,
}

impl Ports for Stage<'_> {
    fn has(&self, _port: PortId) -> bool {
        true
    }

    fn rx(&mut self, _port: PortId, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        batch.push(self.frame);
        Ok(1)
    }

    fn tx(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport {
        self.sent.extend(frames.iter().map(|&frame| (port, batch.bytes(frame.into()).to_vec())));
        TxReport { frames: frames.len() as u64, ..TxReport::default() }
    }
}

struct Audience(Option<Decision>);

impl Tracer for Audience {
    fn decided(&mut self, _ingress: PortId, _frame: &[u8], decision: Decision) {
        self.0 = Some(decision);
    }
}
