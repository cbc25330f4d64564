//! Whether what a port sends may leave an interface without what the kernel has on the way.

use std::sync::atomic::{AtomicBool, Ordering};

/// A way out of an interface past its queueing discipline and past packet sockets that listen there, open or closed.
///
/// Whoever knows what is on the way opens and closes it; the queues of a port ask before each batch.
#[derive(Debug, Default)]
pub struct Shortcut(AtomicBool);

impl Shortcut {
    /// Opens or closes it.
    pub fn set_open(&self, open: bool) {
        self.0.store(open, Ordering::Relaxed);
    }

    /// Frames may take it.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
