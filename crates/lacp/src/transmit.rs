//! The Transmit machine (IEEE 802.1AX-2014 6.4.16): what needs to be said is said, but not more often than the limit
//! allows; what is deferred goes out later, as things are then.

use crate::behaviour::RateLimit;
use crate::periodic;
use crate::port::{Port, Voice};
use greylag_base::Instant;
use greylag_wire::{lacp, slow};
use std::collections::VecDeque;

/// When the last frames went out, for a limit of so many within a span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(VecDeque<Instant>);

impl Sent {
    /// When the next may follow; `None` for now.
    pub(crate) fn opens(&self, limit: RateLimit, now: Instant) -> Option<Instant> {
        let oldest = self.0.len().checked_sub(limit.frames.into())?;
        Some(self.0[oldest] + limit.within).filter(|opens| *opens > now)
    }

    /// One goes out.
    pub(crate) fn count(&mut self, limit: RateLimit, now: Instant) {
        while self.0.len() >= usize::from(limit.frames) {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }
}

impl Port {
    /// The port has something to say, and may.
    pub(crate) fn has_ntt(&self) -> bool {
        self.ntt && self.lacp_enabled && self.periodic.state() != periodic::State::NoPeriodic
    }

    /// When what it has to say may go out; `None` if it has nothing, or may now.
    pub(crate) fn transmit_at(&self, limit: RateLimit, now: Instant) -> Option<Instant> {
        if self.has_ntt() { self.sent.opens(limit, now) } else { None }
    }

    /// A whole frame with a LACPDU, when one is due and allowed.
    pub(crate) fn transmit(&mut self, limit: RateLimit, now: Instant) -> Option<Vec<u8>> {
        if !self.has_ntt() || self.sent.opens(limit, now).is_some() {
            return None;
        }
        self.ntt = false;
        if self.voice == Voice::LastWord {
            self.voice = Voice::Silent;
        }
        self.sent.count(limit, now);
        self.counters.out_pdus += 1;
        let pdu = lacp::Repr {
            version: lacp::VERSION_1,
            actor: self.actor,
            partner: self.partner,
            collector_max_delay: 0,
        };
        Some(slow::Repr { source: self.mac }.frame(&pdu.emit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn no_more_than_three_go_out_in_any_second() {
        let limit = RateLimit { frames: 3, within: Duration::from_secs(1) };
        let at = |millis: u64| Instant::ZERO + Duration::from_millis(millis);
        let mut sent = Sent::default();
        for millis in [0, 100, 200] {
            assert_eq!(sent.opens(limit, at(millis)), None);
            sent.count(limit, at(millis));
        }
        assert_eq!(sent.opens(limit, at(999)), Some(at(1000)));
        assert_eq!(sent.opens(limit, at(1000)), None);
        sent.count(limit, at(1050));
        assert_eq!(sent.opens(limit, at(1060)), Some(at(1100)));
    }
}
