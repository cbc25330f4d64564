//! Addresses that change ports too often: after some moves within an interval an address is held where it is.

use crate::Damping;
use greylag_base::{Instant, MacAddr, VlanId};

/// How many moving addresses a worker can watch at a time.
const WATCHED: usize = 512;

#[derive(Clone, Copy)]
struct Watch {
    vlan: VlanId,
    mac: MacAddr,
    /// When counting began.
    since: Instant,
    moves: u32,
    /// The address is held until then.
    held_until: Option<Instant>,
}

/// What damping says to a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The address may move.
    Allowed,
    /// It may not, and it is held from now on.
    HoldBegins,
    /// It is held.
    Held,
}

/// The addresses that one worker, or the learning agent, has seen moving. Fixed memory: an address that shares its place with
/// another takes it over unless the other is held.
///
/// Each worker counts the moves that it makes itself: no line is shared, and an address that flaps through two
/// workers is noticed by both.
pub struct Damper {
    watches: Box<[Option<Watch>]>,
}

impl Default for Damper {
    fn default() -> Self {
        Self::new()
    }
}

impl Damper {
    /// One that has seen no move.
    pub fn new() -> Self {
        Damper { watches: vec![None; WATCHED].into_boxed_slice() }
    }

    /// Whether the address may move now. Counts the move.
    pub fn rule(&mut self, rule: Damping, vlan: VlanId, mac: MacAddr, now: Instant) -> Ruling {
        let hash = (mac.to_bits() ^ u64::from(vlan.get()) << 48).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = &mut self.watches[(hash >> 55) as usize];
        let fresh = Watch { vlan, mac, since: now, moves: 0, held_until: None };
        let watch = match place {
            Some(watch) if (watch.vlan, watch.mac) == (vlan, mac) => watch,
            Some(other) if other.held_until.is_some_and(|until| now < until) => return Ruling::Allowed,
            _ => place.insert(fresh),
        };
        match watch.held_until {
            Some(until) if now < until => return Ruling::Held,
            Some(_) => *watch = fresh,
            None if now.since(watch.since) > rule.interval => *watch = fresh,
            None => {}
        }
        watch.moves += 1;
        if watch.moves > rule.threshold.into() {
            watch.held_until = Some(now + rule.hold);
            return Ruling::HoldBegins;
        }
        Ruling::Allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const RULE: Damping = Damping {
        threshold: 3,
        interval: Duration::from_secs(10),
        hold: Duration::from_secs(60),
        drop: true,
    };
    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn at(damper: &mut Damper, seconds: u64) -> Ruling {
        damper.rule(RULE, VlanId::DEFAULT, MAC, Instant::ZERO + Duration::from_secs(seconds))
    }

    #[test]
    fn three_moves_pass_and_the_fourth_holds_the_address_for_a_minute() {
        let mut damper = Damper::new();
        let answers = [0, 1, 2, 3, 62, 63].map(|second| at(&mut damper, second));
        use Ruling::{Allowed, Held, HoldBegins};
        assert_eq!(answers, [Allowed, Allowed, Allowed, HoldBegins, Held, Allowed]);
    }

    #[test]
    fn slow_moves_pass_for_ever() {
        let mut damper = Damper::new();
        assert!((0..50).all(|turn| at(&mut damper, turn * 11) == Ruling::Allowed));
    }
}
