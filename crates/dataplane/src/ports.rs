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
}
