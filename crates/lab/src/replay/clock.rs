use greylag_base::Instant;
use std::time::{Duration, SystemTime};

/// The time since a replay began, and how the switches' time of day tells it.
#[derive(Clone, Copy)]
pub(super) struct StageClock {
    start: std::time::Instant,
    wall: SystemTime,
}

impl StageClock {
    pub(super) fn start() -> Self {
        StageClock { start: std::time::Instant::now(), wall: SystemTime::now() }
    }

    pub(super) fn now(self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    /// The time that a switch's date means; what was before the beginning was at the beginning.
    pub(super) fn read(self, date: &str) -> Instant {
        let wall = humantime::parse_rfc3339(date).unwrap_or(self.wall);
        Instant::ZERO + wall.duration_since(self.wall).unwrap_or(Duration::ZERO)
    }
}
