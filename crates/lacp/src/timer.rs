use greylag_base::Instant;

/// A timer of a machine: stopped, running, or expired until it is started again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timer(Option<Instant>);

impl Timer {
    pub(crate) fn start(&mut self, until: Instant) {
        self.0 = Some(until);
    }

    pub(crate) fn stop(&mut self) {
        self.0 = None;
    }

    pub(crate) fn is_running(self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn expired(self, now: Instant) -> bool {
        self.0.is_some_and(|until| until <= now)
    }

    /// When it expires, unless it has or is stopped.
    pub(crate) fn pending(self, now: Instant) -> Option<Instant> {
        self.0.filter(|until| *until > now)
    }
}
