//! Instructions that this thread executes, where the machine counts them.

use perf_event::events::Hardware;
use std::io;

/// The processor's counter of instructions, for the thread that made it.
pub(crate) struct Counter(perf_event::Counter);

impl Counter {
    /// Many virtual machines have none.
    pub(crate) fn new() -> io::Result<Self> {
        let mut counter = perf_event::Builder::new(Hardware::INSTRUCTIONS).build()?;
        counter.enable()?;
        Ok(Counter(counter))
    }

    /// Instructions so far.
    pub(crate) fn read(&mut self) -> Option<u64> {
        self.0.read().ok()
    }
}
