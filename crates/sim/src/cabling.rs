//! A switch's ports in the virtual world: what the worker receives comes from the links, what it sends goes there at once.

use crate::fabric::Fabric;
use crate::observer::Observer;
use crate::switch_node::Plug;
use greylag_base::{DropReason, Instant, PortId};
use greylag_dataplane::{Decision, Ports, Tracer};
use greylag_ports::{BATCH_FRAMES, Batch, TxReport};
use std::cell::RefCell;
use std::io;

/// All ports of a switch at one moment. Every port that is no bundle has a link.
pub(crate) struct Cabling<'a, O> {
    pub(crate) now: Instant,
    pub(crate) plugs: &'a [Option<Plug>],
    pub(crate) fabric: &'a mut Fabric,
    pub(crate) observer: &'a RefCell<&'a mut O>,
}

impl<O: Observer> Ports for Cabling<'_, O> {
    fn has(&self, port: PortId) -> bool {
        self.plugs.get(port.index()).is_some_and(Option::is_some)
    }

    /// What has arrived by now, a batch at the most.
    fn rx(&mut self, port: PortId, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        let Plug { link, end } = self.plugs[port.index()].ok_or(io::ErrorKind::NotConnected)?;
        let observer = &mut **self.observer.borrow_mut();
        while batch.len() < BATCH_FRAMES
            && let Some(frame) = self.fabric.arrive(self.now, link, end, observer)
        {
            batch.push(&frame);
            self.fabric.pool.give(frame);
        }
        self.fabric.await_next(link, end);
        Ok(batch.len())
    }

    fn tx(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        let Some(Plug { link, end }) = self.plugs[port.index()] else { return report };
        let observer = &mut **self.observer.borrow_mut();
        for &index in frames {
            let bytes = batch.bytes(index.into());
            let frame = self.fabric.pool.copy(bytes);
            self.fabric.send(self.now, link, end, frame, observer);
            report.frames += 1;
            report.bytes += bytes.len() as u64;
        }
        report
    }
}

/// Tells an observer what the data plane decides.
pub(crate) struct Teller<'a, O> {
    pub(crate) now: Instant,
    pub(crate) node: usize,
    pub(crate) observer: &'a RefCell<&'a mut O>,
}

impl<O: Observer> Tracer for Teller<'_, O> {
    fn decided(&mut self, ingress: PortId, _number: u16, frame: &[u8], decision: Decision) {
        self.observer.borrow_mut().decided(self.now, self.node, ingress, frame, decision);
    }

    fn copy_dropped(&mut self, batch: &Batch, number: u16, egress: PortId, reason: DropReason) {
        let frame = batch.bytes(number.into());
        self.observer.borrow_mut().copy_dropped(self.now, self.node, egress, frame, reason);
    }
}
