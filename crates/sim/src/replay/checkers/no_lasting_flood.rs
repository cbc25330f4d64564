//! `no-lasting-flood`: a host hears unicast frames for another for so long at most.

use greylag_base::{Instant, MacAddr};
use std::time::Duration;

pub(crate) const NAME: &str = "no-lasting-flood";

/// Destinations that are kept in mind for each host.
const KEPT: usize = 32;

/// Frames for somebody else, which follow each other.
#[derive(Clone, Copy)]
struct Flood {
    destination: MacAddr,
    since: Instant,
    last: Instant,
    told: bool,
}

/// Watches what each host hears.
pub(crate) struct NoLastingFlood {
    limit: Duration,
    heard: Vec<Vec<Flood>>,
}

impl NoLastingFlood {
    pub(crate) fn new(nodes: usize, limit: Duration) -> Self {
        NoLastingFlood { limit, heard: vec![Vec::new(); nodes] }
    }

    /// A unicast frame for somebody else has come to a host. Gives the moment from which on such frames came, once,
    /// when they have come for too long.
    pub(crate) fn heard(&mut self, at: Instant, host: usize, destination: MacAddr) -> Option<Instant> {
        // Frames that are farther apart than a third of the limit are no lasting flood.
        let patience = self.limit / 3;
        let heard = &mut self.heard[host];
        let Some(flood) = heard.iter_mut().find(|flood| flood.destination == destination) else {
            let fresh = Flood { destination, since: at, last: at, told: false };
            if heard.len() < KEPT {
                heard.push(fresh);
            } else if let Some(oldest) = heard.iter_mut().min_by_key(|flood| flood.last) {
                *oldest = fresh;
            }
            return None;
        };
        if at - flood.last > patience {
            *flood = Flood { destination, since: at, last: at, told: false };
        }
        flood.last = at;
        let lasts = !flood.told && at - flood.since > self.limit;
        flood.told |= lasts;
        lasts.then_some(flood.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    fn told(seconds: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut checker = NoLastingFlood::new(1, Duration::from_secs(30));
        let heard =
            |&second: &u64| checker.heard(Instant::from_nanos(second * 1_000_000_000), 0, OTHER).is_some();
        seconds.into_iter().filter(heard).collect()
    }

    #[test]
    fn a_flood_that_goes_on_is_told_once() {
        assert_eq!(told(0..100), [31]);
    }

    #[test]
    fn a_flood_that_ends_in_time_and_single_frames_are_none() {
        assert!(told((0..25).chain(60..85)).is_empty());
        assert!(told((0..600).step_by(11)).is_empty());
    }
}
