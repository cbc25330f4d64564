//! The writer's own list of prefixes: what is not in the table that readers see, because longer prefixes hide it.

use crate::group::GroupId;
use crate::prefix::{Address, Prefix};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A prefix, and the number of its group.
pub(crate) type Route<A> = (Prefix<A>, u32);

/// Prefixes in order, so that all that a prefix covers follow it.
pub(crate) struct Routes<A>(BTreeMap<Prefix<A>, GroupId>);

impl<A: Address> Routes<A> {
    pub(crate) fn new() -> Self {
        Routes(BTreeMap::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, prefix: Prefix<A>) -> Option<GroupId> {
        self.0.get(&prefix).copied()
    }

    /// Sets or removes; gives what was there.
    pub(crate) fn set(&mut self, prefix: Prefix<A>, group: Option<GroupId>) -> Option<GroupId> {
        match group {
            Some(group) => self.0.insert(prefix, group),
            None => self.0.remove(&prefix),
        }
    }

    pub(crate) fn replace(&mut self, routes: BTreeMap<Prefix<A>, GroupId>) -> BTreeMap<Prefix<A>, GroupId> {
        std::mem::replace(&mut self.0, routes)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Prefix<A>, GroupId)> {
        self.0.iter().map(|(prefix, group)| (*prefix, *group))
    }

    pub(crate) fn iter_from(
        &self,
        from: Prefix<A>,
        inclusive: bool,
    ) -> impl Iterator<Item = (Prefix<A>, GroupId)> {
        let from = if inclusive { Bound::Included(from) } else { Bound::Excluded(from) };
        self.0.range((from, Bound::Unbounded)).map(|(prefix, group)| (*prefix, *group))
    }

    /// The group of the longest prefix that covers `block`, 0 if none does.
    pub(crate) fn cover(&self, block: Prefix<A>) -> u32 {
        let mut bound = block;
        while let Some((&before, group)) = self.0.range(..=bound).next_back() {
            if before.covers(block) {
                return group.get();
            }
            // What covers the block and comes before this one, covers this one too. That is shorter than `bound`: what
            // shares all of its bits and is not behind it is `bound` itself.
            let shared = before.shared(block);
            bound = Prefix::new(block.first(), shared).expect("not longer than the block");
        }
        0
    }

    /// What `block` covers, without itself, in order.
    pub(crate) fn within(&self, block: Prefix<A>, found: &mut Vec<Route<A>>) {
        found.clear();
        let last = Prefix::new(block.last(), A::BITS).expect("as long as an address");
        if block < last {
            let range = self.0.range((Bound::Excluded(block), Bound::Included(last)));
            found.extend(range.map(|(prefix, group)| (*prefix, group.get())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::Ipv4Prefix;

    #[test]
    fn the_longest_cover_is_found_behind_any_number_of_neighbours() {
        let mut routes = Routes::new();
        let prefix = |text: &str| text.parse::<Ipv4Prefix>().unwrap();
        let rows = ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.1.2.0/24", "10.1.2.128/25"];
        for (row, number) in rows.iter().zip(1..) {
            routes.set(prefix(row), GroupId::new(number));
        }
        for (block, cover) in [
            ("10.1.3.0/24", 2),
            ("10.1.2.0/24", 4),
            ("10.2.0.0/15", 1),
            ("10.1.2.64/26", 4),
            ("11.0.0.0/8", 0),
        ] {
            assert_eq!(routes.cover(prefix(block)), cover, "{block}");
        }
        let mut found = Vec::new();
        routes.within(prefix("10.1.0.0/16"), &mut found);
        assert_eq!(found.iter().map(|(_, group)| *group).collect::<Vec<_>>(), [3, 4, 5]);
        routes.within(prefix("10.1.2.255/32"), &mut found);
        assert!(found.is_empty());
    }
}
