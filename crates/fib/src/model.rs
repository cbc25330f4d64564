//! Grace periods for the models of `tests/loom.rs`, which are outside of the crate.

use crate::grace::{Grace, Seat, Stay};

/// The epochs of one table.
#[derive(Default)]
pub struct GracePeriods(Grace);

/// One reader.
pub struct Reading(Seat);

impl GracePeriods {
    /// Another reader.
    pub fn reader(&self) -> Reading {
        Reading(self.0.seat())
    }

    /// Runs `look_up` in a session.
    pub fn session<T>(&self, reader: &mut Reading, look_up: impl FnOnce() -> T) -> T {
        let _stay: Stay<'_> = self.0.enter(&mut reader.0);
        look_up()
    }

    /// The epoch in which something is taken out now.
    pub fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    /// Begins another epoch; what was taken out below that which it gives is free.
    pub fn advance(&self) -> u64 {
        self.0.advance()
    }
}
