//! What is offered for each prefix: found by prefix, and then by number.
//!
//! A full table changes by hundreds of thousands of prefixes at a time, and each is looked at again and again until what follows is
//! settled: it is searched for once, and has a place then.

use crate::routing::route::RouteSource;
use core::net::IpAddr;
use greylag_fib::GroupId;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use smallvec::SmallVec;

/// All prefixes that something is offered for, or that the FIB still has.
#[derive(Debug, Default)]
pub(super) struct Offered {
    ipv4: PrefixMap<Ipv4Net, Place>,
    ipv6: PrefixMap<Ipv6Net, Place>,
    rows: Vec<Candidates>,
    /// Places of prefixes that are gone.
    free: Vec<Place>,
}

/// Where a prefix is, until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// What is offered for one prefix.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) prefix: IpNet,
    /// The best first.
    pub(super) offers: SmallVec<[Candidate; 1]>,
    /// The path that is in use.
    pub(super) used: Option<GroupId>,
    /// The group that the FIB is to have for it.
    pub(super) told: Option<GroupId>,
    /// The place is nobody's.
    is_free: bool,
}

/// An offer, its path by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) preference: u8,
    pub(super) metric: u32,
    pub(super) source: RouteSource,
    pub(super) path: GroupId,
}

impl Offered {
    pub(super) fn find(&self, prefix: IpNet) -> Option<Place> {
        match prefix {
            IpNet::V4(prefix) => self.ipv4.get(&prefix).copied(),
            IpNet::V6(prefix) => self.ipv6.get(&prefix).copied(),
        }
    }

    pub(super) fn get(&self, prefix: IpNet) -> Option<&Candidates> {
        self.find(prefix).map(|place| self.at(place))
    }

    /// The place of a prefix, which has one from now on.
    pub(super) fn find_or_make(&mut self, prefix: IpNet) -> Place {
        let Offered { ipv4, ipv6, rows, free } = self;
        let make = || {
            let row = Candidates {
                prefix: prefix.trunc(),
                offers: SmallVec::new(),
                used: None,
                told: None,
                is_free: false,
            };
            match free.pop() {
                Some(place) => {
                    rows[place.index()] = row;
                    place
                }
                None => {
                    rows.push(row);
                    Place(u32::try_from(rows.len() - 1).expect("no FIB has room for so many"))
                }
            }
        };
        match prefix {
            IpNet::V4(prefix) => *ipv4.entry(prefix).or_insert_with(make),
            IpNet::V6(prefix) => *ipv6.entry(prefix).or_insert_with(make),
        }
    }

    /// What is at a place: of a prefix that has been removed nothing is offered.
    pub(super) fn at(&self, place: Place) -> &Candidates {
        &self.rows[place.index()]
    }

    pub(super) fn at_mut(&mut self, place: Place) -> &mut Candidates {
        &mut self.rows[place.index()]
    }

    /// The prefix has no place any more.
    pub(super) fn remove(&mut self, place: Place) {
        let row = &mut self.rows[place.index()];
        if std::mem::replace(&mut row.is_free, true) {
            return;
        }
        match row.prefix {
            IpNet::V4(prefix) => self.ipv4.remove(&prefix),
            IpNet::V6(prefix) => self.ipv6.remove(&prefix),
        };
        self.free.push(place);
    }

    /// How many prefixes there are of IPv4 and of IPv6.
    pub(super) fn counts(&self) -> [usize; 2] {
        [self.ipv4.len(), self.ipv6.len()]
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, &Candidates)> {
        let places = self.ipv4.values().chain(self.ipv6.values());
        places.map(|place| (*place, self.at(*place)))
    }

    /// From this prefix on, in order.
    pub(super) fn iter_from(&self, from: IpNet, inclusive: bool) -> impl Iterator<Item = &Candidates> {
        let ipv4 = match from {
            IpNet::V4(from) => Some(self.ipv4.iter_from(&from, inclusive)),
            IpNet::V6(_) => None,
        };
        let ipv6 = match from {
            IpNet::V4(_) => self.ipv6.iter(),
            IpNet::V6(from) => self.ipv6.iter_from(&from, inclusive),
        };
        let ipv4 = ipv4.into_iter().flatten().map(|(_, place)| place);
        ipv4.chain(ipv6.map(|(_, place)| place)).map(|place| self.at(*place))
    }

    /// Those that an address is in, the shortest first.
    pub(super) fn cover(&self, address: IpAddr) -> impl Iterator<Item = &Candidates> {
        let (ipv4, ipv6) = match IpNet::from(address) {
            IpNet::V4(host) => (Some(self.ipv4.cover_values(&host)), None),
            IpNet::V6(host) => (None, Some(self.ipv6.cover_values(&host))),
        };
        let places = ipv4.into_iter().flatten().chain(ipv6.into_iter().flatten());
        places.map(|place| self.at(*place))
    }

    /// Those that are in a prefix.
    pub(super) fn within(&self, prefix: IpNet) -> impl Iterator<Item = &Candidates> {
        let (ipv4, ipv6) = match prefix {
            IpNet::V4(prefix) => (Some(self.ipv4.children(&prefix)), None),
            IpNet::V6(prefix) => (None, Some(self.ipv6.children(&prefix))),
        };
        let ipv4 = ipv4.into_iter().flatten().map(|(_, place)| place);
        ipv4.chain(ipv6.into_iter().flatten().map(|(_, place)| place)).map(|place| self.at(*place))
    }
}

impl Place {
    fn index(self) -> usize {
        self.0 as usize
    }
}

impl Candidates {
    /// Replaces a source's offer; the one that it had.
    pub(super) fn replace(&mut self, source: RouteSource, candidate: Option<Candidate>) -> Option<Candidate> {
        let at = self.offers.iter().position(|offer| offer.source == source);
        let before = at.map(|at| self.offers.remove(at));
        if let Some(candidate) = candidate {
            let at = self.offers.partition_point(|offer| *offer < candidate);
            self.offers.insert(at, candidate);
        }
        before
    }

    /// The offer that is taken.
    pub(super) fn taken(&self) -> Option<&Candidate> {
        self.offers.iter().find(|offer| Some(offer.path) == self.used)
    }

    /// The first of the two is offered, and the other is not, or is no better than the first.
    pub(super) fn prefer(&self, path: GroupId, to: GroupId) -> bool {
        let first = self.offers.iter().find(|offer| offer.path == path || offer.path == to);
        first.is_some_and(|offer| offer.path == path && path != to)
    }
}
