use greylag_base::PortId;
use greylag_ports::{Batch, Port, TxReport};
use std::io;

/// The ports of a switch, as a worker finds them: queues side by side in the live world, links in the virtual one.
pub trait Ports {
    /// The worker has a queue on this port.
    fn has(&self, port: PortId) -> bool;

    /// [`Port::rx`] of one of them.
    ///
    /// # Errors
    /// Those of the port; `NotConnected` when there is no queue.
    fn rx(&mut self, port: PortId, batch: &mut Batch) -> io::Result<usize>;

    /// [`Port::tx`] of one of them, which has a queue.
    fn tx(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport;

    /// [`Port::tx_control`] of one of them, which has a queue.
    fn tx_control(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport {
        self.tx(port, batch, frames)
    }
}

/// The index is the id; `None` where the worker has no queue.
impl<P: Port> Ports for [Option<P>] {
    fn has(&self, port: PortId) -> bool {
        matches!(self.get(port.index()), Some(Some(_)))
    }

    fn rx(&mut self, port: PortId, batch: &mut Batch) -> io::Result<usize> {
        self[port.index()].as_mut().ok_or(io::ErrorKind::NotConnected)?.rx(batch)
    }

    fn tx(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport {
        let port = self[port.index()].as_mut();
        port.map_or_else(TxReport::default, |port| port.tx(batch, frames))
    }

    fn tx_control(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport {
        let port = self[port.index()].as_mut();
        port.map_or_else(TxReport::default, |port| port.tx_control(batch, frames))
    }
}

/// The same ports, to which all that is sent is control.
pub(crate) struct ControlFirst<'p, P: ?Sized>(pub(crate) &'p mut P);

impl<P: Ports + ?Sized> Ports for ControlFirst<'_, P> {
    fn has(&self, port: PortId) -> bool {
        self.0.has(port)
    }

    fn rx(&mut self, port: PortId, batch: &mut Batch) -> io::Result<usize> {
        self.0.rx(port, batch)
    }

    fn tx(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport {
        self.0.tx_control(port, batch, frames)
    }
}
