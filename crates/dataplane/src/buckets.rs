//! Which member a flow goes to: a table from the flow's hash to the members of a bundle.
//!
//! The table has many more buckets than there are members, so that a change of members can move as few flows as possible. It never
//! changes: whoever knows of a change makes a new one of it, and swaps it with everything else that is configured.

use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many buckets there are. Shares of a whole number of buckets differ: with 1024 of them, by less than 6 % from even for any
/// number of members up to 64. A table of ports is 2 KiB, of which a batch of 64 frames touches half at the most.
const BUCKETS: usize = 1024;

/// A member for each value of a hash, or for none when there is no member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "Vec<M>",
    into = "Vec<M>",
    bound(serialize = "M: Clone + Serialize", deserialize = "M: Deserialize<'de>")
)]
pub struct Buckets<M>(Option<Box<[M; BUCKETS]>>);

impl<M: Copy + Ord> Buckets<M> {
    /// Deals the buckets out to `members` in turn. Switches that name their members in the same order send a flow the same
    /// way; a change of members moves most flows.
    pub fn even(members: &[M]) -> Self {
        Buckets(match members {
            [] => None,
            _ => Some(filled((0..BUCKETS).map(|bucket| members[bucket % members.len()]))),
        })
    }

    /// The buckets of `previous` for other members, each of them named once. The buckets of members that left are dealt out to
    /// the others, a new member takes its share from those that have most, and no other bucket moves.
    pub fn resilient(previous: &Self, members: &[M]) -> Self {
        let (Some(previous), false) = (&previous.0, members.is_empty()) else { return Self::even(members) };
        let places: BTreeMap<M, usize> =
            members.iter().enumerate().map(|(place, &member)| (member, place)).collect();
        let mut had = vec![0; members.len()];
        for place in previous.iter().filter_map(|member| places.get(member)) {
            had[*place] += 1;
        }
        let mut room = shares(&had);
        let stays = |&member: &M| {
            let room = &mut room[*places.get(&member)?];
            *room = room.checked_sub(1)?;
            Some(member)
        };
        let kept: Vec<Option<M>> = previous.iter().map(stays).collect();
        // As much room is left as there are buckets without a member.
        let mut dealt = (0..members.len()).cycle().filter_map(|place| {
            room[place] = usize::checked_sub(room[place], 1)?;
            Some(members[place])
        });
        Buckets(Some(filled(
            kept.into_iter().map(|member| member.or_else(|| dealt.next()).expect("a cycle")),
        )))
    }

    /// The member for a flow with this hash; `None` when there is none.
    #[inline]
    pub fn choose(&self, hash: u64) -> Option<M> {
        // The highest bits: as good as any, and one instruction.
        self.0.as_ref().map(|buckets| buckets[(hash >> (u64::BITS - BUCKETS.ilog2())) as usize])
    }

    /// The member of each bucket, in the order of the hashes; empty when there is no member.
    pub fn as_slice(&self) -> &[M] {
        self.0.as_ref().map_or(&[], |buckets| &buckets[..])
    }
}

impl<M> Default for Buckets<M> {
    /// No member.
    fn default() -> Self {
        Buckets(None)
    }
}

impl<M> From<Buckets<M>> for Vec<M> {
    fn from(buckets: Buckets<M>) -> Self {
        buckets.0.map_or_else(Vec::new, |buckets| (buckets as Box<[M]>).into_vec())
    }
}

impl<M> TryFrom<Vec<M>> for Buckets<M> {
    type Error = String;

    fn try_from(members: Vec<M>) -> Result<Self, String> {
        match members.len() {
            0 => Ok(Buckets(None)),
            count => members
                .into_boxed_slice()
                .try_into()
                .map(|buckets| Buckets(Some(buckets)))
                .map_err(|_| format!("{count} buckets: expected none or {BUCKETS}")),
        }
    }
}

/// How many buckets each member is to have, from how many it has: as even as can be, and one more for those that have most.
fn shares(had: &[usize]) -> Vec<usize> {
    let (share, rest) = (BUCKETS / had.len(), BUCKETS % had.len());
    let mut most_first: Vec<usize> = (0..had.len()).collect();
    most_first.sort_by_key(|&place| Reverse(had[place]));
    let mut shares = vec![share; had.len()];
    for &place in &most_first[..rest] {
        shares[place] += 1;
    }
    shares
}

fn filled<M>(members: impl Iterator<Item = M>) -> Box<[M; BUCKETS]> {
    let members: Box<[M]> = members.collect();
    members.try_into().ok().expect("one for each bucket")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn counts(buckets: &Buckets<u16>) -> BTreeMap<u16, usize> {
        let mut counts = BTreeMap::new();
        for &member in buckets.as_slice() {
            *counts.entry(member).or_default() += 1;
        }
        counts
    }

    /// Every member has buckets, nobody else has, and no two differ by more than one.
    fn assert_even(buckets: &Buckets<u16>, members: &[u16]) {
        let counts = counts(buckets);
        let has: BTreeSet<u16> = counts.keys().copied().collect();
        assert_eq!(has, members.iter().copied().collect());
        assert!(counts.values().max().unwrap() - counts.values().min().unwrap() <= 1, "{counts:?}");
    }

    #[test]
    fn shares_are_even_and_dealt_in_the_given_order() {
        let buckets = Buckets::even(&[7, 3, 5]);
        assert_eq!(buckets.as_slice()[..6], [7, 3, 5, 7, 3, 5]);
        for count in 1..=64 {
            let members: Vec<u16> = (0..count).collect();
            let buckets = Buckets::even(&members);
            assert_even(&buckets, &members);
            for (_, share) in self::counts(&buckets) {
                let even = BUCKETS as f64 / f64::from(count);
                assert!((share as f64 / even - 1.0).abs() < 0.06, "{share} of {count} members");
            }
        }
    }

    #[test]
    fn the_whole_range_of_hashes_is_used() {
        let buckets = Buckets::even(&(0..BUCKETS as u16).collect::<Vec<u16>>());
        assert_eq!(buckets.choose(0), Some(0));
        assert_eq!(buckets.choose(u64::MAX), Some(1023));
        assert_eq!(buckets.choose(1 << 54), Some(1));
    }

    #[test]
    fn without_a_member_there_is_no_choice_until_one_comes() {
        let none = Buckets::<u16>::even(&[]);
        assert_eq!(none.choose(1 << 63), None);
        assert_eq!(Buckets::resilient(&Buckets::even(&[1, 2]), &[]), none);
        assert_eq!(Buckets::resilient(&none, &[4, 2]), Buckets::even(&[4, 2]));
    }

    #[test]
    fn only_the_flows_of_the_lost_member_move_and_they_spread() {
        let before = Buckets::even(&[0, 1, 2, 3]);
        let after = Buckets::resilient(&before, &[0, 1, 3]);
        let mut moved = BTreeMap::new();
        for (was, is) in before.as_slice().iter().zip(after.as_slice()) {
            if *was == 2 {
                *moved.entry(*is).or_insert(0) += 1;
            } else {
                assert_eq!(was, is);
            }
        }
        assert_eq!(moved, BTreeMap::from([(0, 86), (1, 85), (3, 85)]));
    }

    #[test]
    fn a_member_that_comes_takes_its_share_and_nothing_else_moves() {
        let before = Buckets::even(&[0, 1, 3]);
        let after = Buckets::resilient(&before, &[0, 1, 2, 3]);
        let moved = before.as_slice().iter().zip(after.as_slice()).filter(|(was, is)| was != is);
        assert!(moved.clone().all(|(_, is)| *is == 2));
        assert_eq!(moved.count(), BUCKETS / 4);
        assert_even(&after, &[0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn however_members_come_and_go(
            first in btree_set(0..64_u16, 1..64),
            changes in vec((btree_set(0..64_u16, 1..6), 0..64_usize), 1..12),
        ) {
            let mut members: Vec<u16> = first.into_iter().collect();
            let mut buckets = Buckets::even(&members);
            for (change, turn) in changes {
                // Who is in leaves, who is out comes, and the order is another one.
                let (left, came): (Vec<u16>, Vec<u16>) = change.iter().partition(|member| members.contains(member));
                members.retain(|member| !left.contains(member));
                members.extend(&came);
                if members.is_empty() {
                    break;
                }
                let turn = turn % members.len();
                members.rotate_left(turn);
                let after = Buckets::resilient(&buckets, &members);
                assert_even(&after, &members);

                let had = counts(&buckets);
                let stayed = || members.iter().filter(|member| !came.contains(member)).map(|member| had[member]);
                let (share, more) = (BUCKETS / members.len(), BUCKETS % members.len());
                let above = stayed().filter(|&had| had > share).count();
                // No member has more than its share, but as many as may be one more.
                let given_up = stayed().map(|had| had.saturating_sub(share)).sum::<usize>() - above.min(more);
                let lost = left.iter().map(|member| had[member]).sum::<usize>();
                let pairs = || buckets.as_slice().iter().zip(after.as_slice());
                prop_assert_eq!(pairs().filter(|(was, is)| was != is).count(), lost + given_up);
                for (was, is) in pairs() {
                    prop_assert!(was == is || left.contains(was) || came.contains(is), "{} to {}", was, is);
                }
                buckets = after;
            }
        }
    }
}
