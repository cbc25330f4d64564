//! What would become of a frame: the same stages, by a worker that nobody hears of.

use crate::ports::Ports;
use crate::tracer::{Choice, Decision, Seen, Tracer};
use crate::{DataPlane, Keeper, Learning, Worker};
use greylag_base::{Instant, InterfaceId, PortId};
use greylag_ports::{Batch, TxReport};
use std::io;
use std::sync::Arc;

/// What would become of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// What the worker decides; `None` for a frame of which nothing can be said.
    pub decision: Option<Decision>,
    /// What the table says of its stations, where it comes to the bridge.
    pub seen: Option<Seen>,
    /// What the FIB chooses for it, where it is routed or would be.
    pub choice: Option<Choice>,
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
        let (mut stage, mut audience) = (Stage { frame, sent: Vec::new() }, Audience::default());
        // A stage is always there.
        let _ = self.understudy(worker).poll_port_traced(now, ingress, &mut stage, &mut audience);
        audience.with(stage)
    }

    /// As [`rehearse`](Self::rehearse), for a frame that the switch itself would send: by an interface, or without one the way that the
    /// FIB says, which gives it its stations.
    pub fn rehearse_own(
        self: &Arc<Self>,
        now: Instant,
        interface: Option<InterfaceId>,
        frame: &[u8],
    ) -> Rehearsed {
        let (mut stage, mut audience) = (Stage { frame, sent: Vec::new() }, Audience::default());
        self.understudy(0).originate_traced(now, interface, &mut stage, &mut audience);
        audience.with(stage)
    }

    /// A worker that leaves no trace.
    fn understudy(self: &Arc<Self>, worker: usize) -> Worker {
        let learning =
            Learning { install: Keeper::Agent, renew: Keeper::Agent, ..self.forwarding().learning() };
        let forwarding = (*self.forwarding()).clone().with_learning(learning);
        Worker::apart(Arc::clone(self), worker, forwarding)
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

#[derive(Default)]
struct Audience {
    decision: Option<Decision>,
    seen: Option<Seen>,
    choice: Option<Choice>,
}

impl Audience {
    fn with(self, stage: Stage<'_>) -> Rehearsed {
        let Audience { decision, seen, choice } = self;
        Rehearsed { decision, seen, choice, sent: stage.sent }
    }
}

impl Tracer for Audience {
    fn saw(&mut self, _frame: u16, seen: Seen) {
        self.seen = Some(seen);
    }

    fn chose(&mut self, _frame: u16, choice: Choice) {
        self.choice = Some(choice);
    }

    fn decided(&mut self, _ingress: PortId, _number: u16, _frame: &[u8], decision: Decision) {
        self.decision = Some(decision);
    }
}
