//! Next hops by number: what groups have in their buckets.

use core::net::IpAddr;
use greylag_base::{InterfaceId, MacAddr};
use greylag_dataplane::NextHop;
use greylag_fib::NextHopId;
use std::collections::{BTreeMap, VecDeque};

/// What a next hop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Adjacency {
    /// A station on an interface.
    Neighbor(InterfaceId, IpAddr),
    /// Whoever is on an interface.
    Glean(InterfaceId),
    /// The switch itself.
    Local,
    /// Nobody.
    Blackhole,
    /// Nobody, and the sender is told.
    Unreachable,
    /// Nobody, and the sender is told that it is forbidden.
    Prohibit,
}

struct Numbered {
    id: NextHopId,
    /// How many groups have it as a member.
    groups: u32,
}

/// The numbers of all next hops that groups have as members.
pub(crate) struct NextHopNumbers {
    numbered: BTreeMap<Adjacency, Numbered>,
    by_id: BTreeMap<NextHopId, Adjacency>,
    /// Nobody has had the numbers from here on.
    fresh: u32,
    /// Numbers that nobody has any more. The one that is free for longest is taken first: what still leads to a number that was given
    /// up finds nothing there for as long as possible, instead of somebody else.
    free: VecDeque<NextHopId>,
    most: u32,
    /// Stations that are known.
    known: BTreeMap<(InterfaceId, IpAddr), MacAddr>,
}

impl NextHopNumbers {
    pub(crate) fn new(most: u32) -> Self {
        NextHopNumbers {
            numbered: BTreeMap::new(),
            by_id: BTreeMap::new(),
            fresh: 0,
            free: VecDeque::new(),
            most,
            known: BTreeMap::new(),
        }
    }

    /// One more group has it as a member. Its number, and whether it is new; `None` when there are no more numbers.
    pub(crate) fn take(&mut self, adjacency: Adjacency) -> Option<(NextHopId, bool)> {
        if let Some(numbered) = self.numbered.get_mut(&adjacency) {
            numbered.groups += 1;
            return Some((numbered.id, false));
        }
        let id = if self.fresh < self.most {
            self.fresh += 1;
            NextHopId(self.fresh - 1)
        } else {
            self.free.pop_front()?
        };
        self.numbered.insert(adjacency, Numbered { id, groups: 1 });
        self.by_id.insert(id, adjacency);
        Some((id, true))
    }

    /// One group less has it as a member; its number when it was the last.
    pub(crate) fn release(&mut self, adjacency: Adjacency) -> Option<NextHopId> {
        let numbered = self.numbered.get_mut(&adjacency)?;
        numbered.groups -= 1;
        if numbered.groups > 0 {
            return None;
        }
        let Numbered { id, .. } = self.numbered.remove(&adjacency)?;
        self.by_id.remove(&id);
        self.free.push_back(id);
        Some(id)
    }

    pub(crate) fn id(&self, adjacency: Adjacency) -> Option<NextHopId> {
        self.numbered.get(&adjacency).map(|numbered| numbered.id)
    }

    pub(crate) fn adjacency(&self, id: NextHopId) -> Option<Adjacency> {
        self.by_id.get(&id).copied()
    }

    /// All that have a number, in the order of what they are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NextHopId, Adjacency)> {
        self.numbered.iter().map(|(adjacency, numbered)| (numbered.id, *adjacency))
    }

    /// Numbers that were given up, and stand for nobody.
    pub(crate) fn given_up(&self) -> impl Iterator<Item = NextHopId> {
        self.free.iter().copied()
    }

    /// The stations that a group has as a member.
    pub(crate) fn neighbors(&self) -> impl Iterator<Item = (InterfaceId, IpAddr, NextHopId)> {
        self.iter().filter_map(|(id, adjacency)| match adjacency {
            Adjacency::Neighbor(interface, address) => Some((interface, address, id)),
            _ => None,
        })
    }

    /// A station is known, or not any more; its number, if it has one and something is new.
    pub(crate) fn set_neighbor(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        mac: Option<MacAddr>,
    ) -> Option<NextHopId> {
        let before = match mac {
            Some(mac) => self.known.insert((interface, address), mac),
            None => self.known.remove(&(interface, address)),
        };
        if before == mac { None } else { self.id(Adjacency::Neighbor(interface, address)) }
    }

    /// The address of a station that is known by its address on the link.
    pub(crate) fn address_of(&self, interface: InterfaceId, mac: MacAddr) -> Option<IpAddr> {
        let known = self.known.iter().find(|((on, _), known)| *on == interface && **known == mac);
        known.map(|((_, address), _)| *address)
    }

    /// What the data plane is to do with packets of a next hop.
    pub(crate) fn word(&self, adjacency: Adjacency) -> NextHop {
        match adjacency {
            Adjacency::Neighbor(interface, address) => match self.known.get(&(interface, address)) {
                Some(&mac) => NextHop::Neighbor { interface, mac },
                None => NextHop::Unresolved { interface },
            },
            Adjacency::Glean(interface) => NextHop::Glean { interface },
            Adjacency::Local => NextHop::Local,
            Adjacency::Blackhole => NextHop::Blackhole,
            Adjacency::Unreachable => NextHop::Unreachable,
            Adjacency::Prohibit => NextHop::Prohibited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_given_up_is_taken_last() {
        let mut numbers = NextHopNumbers::new(3);
        let on = |interface| Adjacency::Glean(InterfaceId(interface));
        let take = |numbers: &mut NextHopNumbers, interface| numbers.take(on(interface)).map(|(id, _)| id.0);
        assert_eq!((take(&mut numbers, 0), take(&mut numbers, 1)), (Some(0), Some(1)));
        assert_eq!(numbers.take(on(0)), Some((NextHopId(0), false)));
        assert_eq!(numbers.release(on(0)), None, "another group has it still");
        assert_eq!(numbers.release(on(0)), Some(NextHopId(0)));
        assert_eq!(take(&mut numbers, 2), Some(2), "one that nobody has had");
        assert_eq!(take(&mut numbers, 3), Some(0), "then the oldest");
        assert_eq!(take(&mut numbers, 4), None);
    }
}
