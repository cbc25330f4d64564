use super::FlowConfig;
use greylag_base::{Dice, Instant, Seed};
use std::time::Duration;

/// When each probe of a flow is due: a pure function of its sequence number, so that a lost probe has a time too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    first: u64,
    interval: u64,
    /// The first instant without a probe.
    stop: u64,
}

impl Schedule {
    /// Of a configuration that was checked.
    pub(crate) fn new(config: &FlowConfig, seed: Seed) -> Self {
        let phase = config.phase.unwrap_or_else(|| {
            let mut dice = Dice::new(seed.derive("flow-phase").derive(&config.name));
            dice.between(Duration::ZERO, config.interval)
        });
        Schedule {
            first: (config.start + phase).as_nanos(),
            interval: config.interval.as_nanos() as u64,
            stop: config.stop.map_or(u64::MAX, Instant::as_nanos),
        }
    }

    /// The instant of a probe, or that at which it would be sent if the flow went on.
    pub(crate) fn at(&self, sequence: u64) -> Instant {
        Instant::from_nanos(self.first.saturating_add(self.interval.saturating_mul(sequence)))
    }

    /// The instant of a probe; `None` when the flow has stopped by then.
    pub(crate) fn due(&self, sequence: u64) -> Option<Instant> {
        Some(self.at(sequence)).filter(|at| at.as_nanos() < self.stop)
    }

    /// How many probes are due at `now` or earlier, if the flow never stopped.
    pub(crate) fn count(&self, now: Instant) -> u64 {
        match now.as_nanos().checked_sub(self.first) {
            Some(since) => since / self.interval + 1,
            None => 0,
        }
    }
}
