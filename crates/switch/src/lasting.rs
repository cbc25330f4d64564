//! Faults that last, and times that are drawn from a span.

use greylag_base::Instant;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Something that lasts until then; for ever when that is absent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lasting<T> {
    pub(crate) what: T,
    pub(crate) until: Option<Instant>,
}

impl<T> Lasting<T> {
    /// Something that begins now.
    pub(crate) fn new(what: T, now: Instant, lasts: Option<Duration>) -> Self {
        Lasting { what, until: lasts.map(|lasts| now + lasts) }
    }

    /// Ends what is over; says whether it ends now.
    pub(crate) fn expire(lasting: &mut Option<Self>, now: Instant) -> bool {
        lasting.take_if(|lasting| lasting.until.is_some_and(|until| until <= now)).is_some()
    }
}

/// A span from which each time is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Span {
    /// At least.
    pub least: Duration,
    /// At most.
    pub most: Duration,
}
