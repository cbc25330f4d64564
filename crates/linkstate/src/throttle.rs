//! When the shortest paths are calculated: soon after a change, and the less often the more of them there are.
//!
//! It is what FRR's ospfd does with `timers throttle spf DELAY HOLD MAX`, in its default that many run. The hold time grows by
//! itself with each change that comes within it, and is short again after a change that does not.

use crate::config::LinkStateConfig;
use crate::event::SpfTrigger;
use greylag_base::Instant;
use std::time::Duration;

/// What decides when to calculate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Throttle {
    /// When, because of what, since when that is known.
    wanted: Option<(Instant, SpfTrigger, Instant)>,
    last: Option<Instant>,
    /// The hold time is so many times what is configured.
    times: u32,
}

impl Throttle {
    /// Something has changed.
    pub(crate) fn want(&mut self, now: Instant, trigger: SpfTrigger, config: &LinkStateConfig) {
        if self.wanted.is_some() {
            return;
        }
        let hold = self.hold(config);
        let soonest = now + config.spf_delay;
        let at = match self.last.map(|last| last + hold) {
            Some(held) if now < held => {
                if hold < config.spf_max_hold {
                    self.times += 1;
                }
                soonest.max(held)
            }
            _ => {
                self.times = 1;
                soonest
            }
        };
        self.wanted = Some((at, trigger, now));
    }

    /// When to calculate.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.wanted.map(|(at, ..)| at)
    }

    /// It is calculated now: because of what, and how long after.
    pub(crate) fn run(&mut self, now: Instant) -> Option<(SpfTrigger, Duration)> {
        let (_, trigger, since) = self.wanted.take_if(|(at, ..)| *at <= now)?;
        self.last = Some(now);
        Some((trigger, now - since))
    }

    /// When it was last calculated.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.last
    }

    /// The hold time as it is now.
    pub(crate) fn hold(&self, config: &LinkStateConfig) -> Duration {
        config.spf_hold.saturating_mul(self.times.max(1)).min(config.spf_max_hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    #[test]
    fn a_change_is_taken_up_at_once_and_many_ever_later() {
        let config = LinkStateConfig {
            spf_delay: Duration::from_millis(5),
            spf_hold: Duration::from_millis(50),
            spf_max_hold: Duration::from_millis(120),
            ..LinkStateConfig::new(Ipv4Addr::LOCALHOST)
        };
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        // A change at the one time is taken up at the other.
        let table = [
            (1000, 1005),
            (1055, 1060),
            // Within 50 ms of the last: held for 50 ms, and for 100 ms from then on.
            (1100, 1110),
            (1111, 1210),
            (1215, 1330),
            (1340, 1450),
            // The delay counts there too.
            (1568, 1573),
            // After the hold time of now, it is what it was.
            (1700, 1705),
            (1710, 1755),
        ];
        let mut throttle = Throttle::default();
        for (changes, runs) in table {
            throttle.want(at(changes), SpfTrigger::Configuration, &config);
            throttle.want(at(changes) + Duration::from_millis(1), SpfTrigger::Configuration, &config);
            assert_eq!(throttle.due(), Some(at(runs)), "{changes}");
            let due = at(runs);
            assert_eq!(throttle.run(Instant::from_nanos(due.as_nanos() - 1)), None);
            let waited = Duration::from_millis(runs - changes);
            assert_eq!(throttle.run(due), Some((SpfTrigger::Configuration, waited)));
        }
    }
}
