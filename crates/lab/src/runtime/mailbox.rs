//! How the control side wakes the worker that sends for it.

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// An eventfd(2): readable while something may wait to be sent.
pub(super) struct Mailbox(OwnedFd);

impl Mailbox {
    pub(super) fn new() -> rustix::io::Result<Self> {
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Mailbox)
    }

    /// Something waits.
    pub(super) fn ring(&self) {
        // It fails only when it has been rung 2^64 times.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Whoever is to look is about to.
    pub(super) fn clear(&self) {
        let _ = read(&self.0, &mut [0_u8; 8]);
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
