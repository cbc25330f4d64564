//! Next-hop groups: what a prefix leads to.
//!
//! Read ip-nexthop(8) on resilient groups first; the two timers are those of Linux.

use greylag_base::Instant;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

/// A next-hop group, by the number that its owner gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct GroupId(NonZeroU32);

/// A next hop, by the number that its owner gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NextHopId(pub u32);

impl GroupId {
    /// The group of this number; there is none of number 0.
    #[inline(always)]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(GroupId(number)),
            None => None,
        }
    }

    /// Its number.
    #[inline(always)]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// A next hop's share of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// Where to.
    pub next_hop: NextHopId,
    /// Its share, in proportion to the others' weights. Zero is none.
    pub weight: u16,
}

/// Which buckets move when the members of a group change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// All are dealt out anew: bucket `i` to the `i` modulo the sum of weights. With as many buckets as that sum, or a multiple, a
    /// flow goes to its hash modulo the sum, and most flows move when it changes.
    Modulo,
    /// As few as can be, and none that is in use.
    Resilient(Timers),
}

/// When a bucket of a resilient group may move to a member that has too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timers {
    /// Once no flow has used it for so long. Linux: 120 s.
    pub idle: Duration,
    /// Or once the group has been unbalanced for so long; zero for never, as in Linux.
    pub unbalanced: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Timers { idle: Duration::from_secs(120), unbalanced: Duration::ZERO }
    }
}

/// A group as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// Each next hop once.
    pub members: Vec<Member>,
    /// Into how many buckets flows are hashed.
    pub buckets: u16,
    /// What happens when members change.
    pub kind: Kind,
}

/// Why a group cannot be, or cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Its number is too high.
    #[error("group {group}: groups are numbered from 1 to {most}")]
    Number {
        /// The group's.
        group: u32,
        /// The highest.
        most: u32,
    },
    /// The number of a next hop is too high.
    #[error("group {group}: next hop {next_hop}: next hops are numbered from 0 to {most}")]
    NextHop {
        /// The group.
        group: u32,
        /// The next hop's number.
        next_hop: u32,
        /// The highest.
        most: u32,
    },
    /// There is no such group.
    #[error("group {0}: there is no group of this number")]
    Unknown(u32),
    /// The number of a bucket is too high.
    #[error("group {group}: bucket {bucket}: its buckets are numbered from 0 to {most}")]
    Bucket {
        /// The group.
        group: u32,
        /// The bucket's number.
        bucket: u16,
        /// The highest.
        most: u16,
    },
    /// It has no buckets.
    #[error("group {0}: at least one bucket is needed")]
    NoBuckets(u32),
    /// A next hop is there twice.
    #[error("group {group}: next hop {next_hop} is a member twice; once with both weights is meant")]
    Twice {
        /// The group.
        group: u32,
        /// The next hop's number.
        next_hop: u32,
    },
    /// Buckets are used up.
    #[error("group {group}: {wanted} buckets are wanted, all groups together have {most}")]
    Full {
        /// The group.
        group: u32,
        /// What it needs.
        wanted: u16,
        /// What there are.
        most: usize,
    },
}

impl Group {
    pub(crate) fn check(&self, group: GroupId, most_next_hops: usize) -> Result<(), GroupError> {
        let number = group.get();
        if self.buckets == 0 {
            return Err(GroupError::NoBuckets(number));
        }
        for (index, next_hop) in self.members.iter().map(|member| member.next_hop).enumerate() {
            check_next_hop(group, next_hop, most_next_hops)?;
            if self.members[..index].iter().any(|member| member.next_hop == next_hop) {
                return Err(GroupError::Twice { group: number, next_hop: next_hop.0 });
            }
        }
        Ok(())
    }
}

/// Is there a next hop of this number?
pub(crate) fn check_next_hop(
    group: GroupId,
    NextHopId(next_hop): NextHopId,
    most_next_hops: usize,
) -> Result<(), GroupError> {
    if (next_hop as usize) < most_next_hops {
        return Ok(());
    }
    let most = (most_next_hops as u32).saturating_sub(1);
    Err(GroupError::NextHop { group: group.get(), next_hop, most })
}

/// Deals buckets to members: how many each should have, the parts of a bucket rounded so that they sum up.
pub(crate) fn shares(members: &[Member], buckets: usize) -> Vec<usize> {
    let total: usize = members.iter().map(|member| usize::from(member.weight)).sum();
    let (mut weights, mut dealt) = (0, 0);
    let share = |member: &Member| {
        weights += usize::from(member.weight);
        let until = (buckets * weights + total / 2).checked_div(total).unwrap_or(0);
        until - std::mem::replace(&mut dealt, until)
    };
    members.iter().map(share).collect()
}

/// The member of each bucket of a [`Kind::Modulo`] group; nothing without members.
pub(crate) fn dealt(members: &[Member], buckets: usize) -> impl Iterator<Item = NextHopId> {
    let turn = members.iter().flat_map(|member| std::iter::repeat_n(member.next_hop, member.weight.into()));
    turn.cycle().take(buckets)
}

/// A bucket of a resilient group: whose it is, and when a flow last used it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) by: Option<NextHopId>,
    pub(crate) used: Instant,
}

/// What is to be done about a resilient group now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Moves {
    /// Buckets, and who gets them.
    pub(crate) moves: Vec<(usize, NextHopId)>,
    /// The group is balanced then.
    pub(crate) balanced: bool,
    /// When a further bucket may become idle.
    pub(crate) next: Option<Instant>,
}

/// Moves buckets to members that have too few: those of nobody at once, those of members that have too many when they are idle, or
/// all the same if `forced`.
pub(crate) fn moves(members: &[Member], held: &[Held], now: Instant, idle: Duration, forced: bool) -> Moves {
    let wants = shares(members, held.len());
    let owner = |held: &Held| members.iter().position(|member| Some(member.next_hop) == held.by);
    let mut has = vec![0; members.len()];
    held.iter().filter_map(owner).for_each(|member| has[member] += 1);
    let mut result = Moves { moves: Vec::new(), balanced: false, next: None };
    for (bucket, held) in held.iter().enumerate() {
        let from = owner(held);
        if from.is_some_and(|from| has[from] <= wants[from]) {
            continue;
        }
        let Some(to) = (0..members.len()).find(|&to| has[to] < wants[to]) else { continue };
        let free_at = held.used + idle;
        if from.is_none() || forced || free_at <= now {
            result.moves.push((bucket, members[to].next_hop));
            has[to] += 1;
            from.inspect(|&from| has[from] -= 1);
        } else {
            result.next = Some(result.next.map_or(free_at, |next| next.min(free_at)));
        }
    }
    // Buckets behind one that is in use may have made up for it. Weights of zero alone want nothing, and move nothing.
    result.balanced = has == wants || wants.iter().all(|&wanted| wanted == 0);
    result.next = result.next.filter(|_| !result.balanced);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(weights: &[u16]) -> Vec<Member> {
        let member = |(next_hop, &weight)| Member { next_hop: NextHopId(next_hop), weight };
        (0..).zip(weights).map(member).collect()
    }

    #[test]
    fn shares_are_in_proportion_and_sum_up() {
        assert_eq!(shares(&members(&[1, 1]), 8), [4, 4]);
        assert_eq!(shares(&members(&[1, 1, 1]), 8), [3, 2, 3]);
        assert_eq!(shares(&members(&[3, 0, 1]), 8), [6, 0, 2]);
        assert_eq!(shares(&members(&[0]), 8), [0]);
        assert_eq!(shares(&[], 8), [0; 0]);
        for buckets in 1..200 {
            assert_eq!(shares(&members(&[7, 1, 300, 22]), buckets).iter().sum::<usize>(), buckets);
        }
    }

    #[test]
    fn modulo_deals_in_turn() {
        let dealt = |weights: &[u16], count| {
            dealt(&members(weights), count).map(|NextHopId(hop)| hop).collect::<Vec<_>>()
        };
        assert_eq!(dealt(&[1, 2], 6), [0, 1, 1, 0, 1, 1]);
        assert!(dealt(&[], 6).is_empty() && dealt(&[0], 6).is_empty());
    }
}
