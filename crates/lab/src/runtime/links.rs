//! What the switch makes of the state of its ports' interfaces.

use super::Running;
use super::control::OrderError;
use super::device::open_device;
use super::kernel_stack::KeptOff;
use super::worker_thread::{Change, Replaced};
use crate::link_monitor::{LinkChange, LinkState};
use greylag_base::PortId;
use greylag_switch::Input;
use greylag_switch::config::Attachment;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Follows the interfaces of a running switch.
pub(super) struct Links {
    running: Arc<Running>,
    /// Worker by worker.
    replaced: Vec<Arc<Replaced>>,
    /// Ports whose interface has gone, and whose queues went with it.
    lost: Vec<bool>,
    /// The host's own network stack is kept off devices; those that were made again.
    in_a_host: bool,
    kept_off: Vec<KeptOff>,
}

impl Links {
    pub(super) fn new(running: Arc<Running>, replaced: Vec<Arc<Replaced>>, in_a_host: bool) -> Self {
        let lost = vec![false; running.control().0.switch.ports().len()];
        Links { running, replaced, lost, in_a_host, kept_off: Vec::new() }
    }

    /// The interface of a port has changed.
    pub(super) fn change(&mut self, port: usize, change: LinkChange) {
        match change {
            LinkChange::State(state) => self.changed_state(port, state),
            // What an operator has put on the way out is for all frames.
            LinkChange::Queueing(queueing) => self.running.shortcuts[port].set_open(!queueing),
        }
    }

    fn changed_state(&mut self, port: usize, state: LinkState) {
        if state == LinkState::Gone {
            self.lost[port] = true;
        } else if self.lost[port] && self.reopen(port) {
            self.lost[port] = false;
        }
        let up = state == LinkState::Up && !self.lost[port];
        let input = Input::Link { port: PortId(port as u16), up };
        let (mut control, now) = self.running.control();
        if let Err(OrderError::NotKept(error)) = control.tell(now, input) {
            tracing::error!("the configuration cannot be kept: {error}");
        }
    }

    /// A socket stays with the interface that it was bound to, whatever becomes of the name. A TAP was ours, and
    /// what has its name now is somebody else's.
    fn reopen(&mut self, port: usize) -> bool {
        let config = self.running.control().0.switch.ports()[port].config().clone();
        let (Attachment::Device, Some(workers)) =
            (&config.attachment, NonZeroUsize::new(self.replaced.len()))
        else {
            return false;
        };
        let kept_off = if self.in_a_host { KeptOff::device(&config.name).map(Some) } else { Ok(None) };
        match kept_off.and_then(|kept_off| {
            Ok((kept_off, open_device(&config, workers, &self.running.shortcuts[port])?))
        }) {
            Ok((kept_off, (queues, io))) => {
                self.kept_off.extend(kept_off);
                self.running.ios()[port] = Some(io);
                for (worker, queue) in self.replaced.iter().zip(queues) {
                    worker.push((port, Change::Opened(queue)));
                }
                self.running.impairments.renew(port);
                true
            }
            Err(error) => {
                tracing::warn!("{error}; the port stays down");
                false
            }
        }
    }
}
