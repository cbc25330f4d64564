//! Frames of several switches, in the order of time.
//!
//! A frame is given on when every switch has told all that it saw up to then. Workers tell of a batch when they are through with it, so
//! that even the frames of one switch come a little out of order.

use crate::answer::CapturedCopy;
use std::collections::BTreeMap;

/// Frames that are held back at most, should a switch that has stopped say nothing.
const HELD: usize = 1 << 16;

/// Nothing is to be waited for.
const FOR_EVER: u64 = u64::MAX;

pub(super) struct Merge {
    /// By time; at one time those that come before those that leave, and then in the order in which they were told.
    held: BTreeMap<(u64, bool, u64), (usize, CapturedCopy)>,
    /// By switch, until when it has told everything.
    complete: Vec<u64>,
    told: u64,
}

impl Merge {
    pub(super) fn new(switches: usize) -> Self {
        Merge { held: BTreeMap::new(), complete: vec![0; switches], told: 0 }
    }

    pub(super) fn add(&mut self, switch: usize, copy: CapturedCopy) {
        self.held.insert((copy.at, copy.leaves, self.told), (switch, copy));
        self.told += 1;
    }

    pub(super) fn complete(&mut self, switch: usize, until: u64) {
        self.complete[switch] = self.complete[switch].max(until);
    }

    /// A switch tells nothing any more.
    pub(super) fn ended(&mut self, switch: usize) {
        self.complete[switch] = FOR_EVER;
    }

    /// Until when all have told everything.
    pub(super) fn completed(&self) -> u64 {
        self.complete.iter().copied().min().unwrap_or(FOR_EVER)
    }

    /// The oldest frame, when none that is older can follow.
    pub(super) fn next_complete(&mut self) -> Option<(usize, CapturedCopy)> {
        let (&(at, _, _), _) = self.held.first_key_value()?;
        if at <= self.completed() || self.held.len() > HELD { self.next() } else { None }
    }

    /// The oldest frame.
    pub(super) fn next(&mut self) -> Option<(usize, CapturedCopy)> {
        self.held.pop_first().map(|(_, held)| held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_switch::Octets;

    fn copy(at: u64, leaves: bool) -> CapturedCopy {
        let port = "eth1".to_owned();
        CapturedCopy { at, port, leaves, length: 60, frame: Octets(vec![0; 60]), comment: None }
    }

    fn ready(merge: &mut Merge) -> Vec<(usize, u64, bool)> {
        let copies = std::iter::from_fn(|| merge.next_complete());
        copies.map(|(switch, copy)| (switch, copy.at, copy.leaves)).collect()
    }

    #[test]
    fn a_frame_waits_until_every_switch_has_told_of_its_time() {
        let mut merge = Merge::new(2);
        merge.add(0, copy(20, true));
        merge.add(0, copy(10, false));
        merge.complete(0, 20);
        assert_eq!(ready(&mut merge), []);
        // What the second sees at ten leaves it then; what the first saw come in at ten is told before.
        merge.add(1, copy(10, true));
        merge.complete(1, 15);
        assert_eq!(ready(&mut merge), [(0, 10, false), (1, 10, true)]);
        merge.ended(1);
        assert_eq!((ready(&mut merge), merge.completed()), (vec![(0, 20, true)], 20));
    }

    #[test]
    fn a_switch_that_says_nothing_does_not_hold_back_everything() {
        let mut merge = Merge::new(2);
        for at in 0..HELD as u64 + 3 {
            merge.add(0, copy(at, false));
        }
        assert_eq!(ready(&mut merge), [(0, 0, false), (0, 1, false), (0, 2, false)]);
    }
}
