//! The marker responder (IEEE 802.1AX-2014 6.5.4.2): what asks whether everything before it has arrived is answered at
//! once, within the limit.

use crate::behaviour::RateLimit;
use crate::port::Port;
use greylag_base::Instant;
use greylag_wire::marker::{Kind, Repr};
use greylag_wire::slow;

impl Port {
    /// The frame that answers a marker. An answer to nobody's question is counted and forgotten: we do not ask.
    pub(crate) fn answer(&mut self, marker: Repr, limit: Option<RateLimit>, now: Instant) -> Option<Vec<u8>> {
        if marker.kind == Kind::Response {
            self.counters.in_marker_responses += 1;
            return None;
        }
        self.counters.in_markers += 1;
        let limit = limit.filter(|limit| self.answered.opens(*limit, now).is_none() && self.enabled(now))?;
        self.answered.count(limit, now);
        self.counters.out_marker_responses += 1;
        Some(slow::Repr { source: self.mac }.frame(&marker.response().emit()))
    }
}
