//! Paths: what routes lead to. Routes that lead to the same share one, and its group in the FIB.

use crate::routing::next_hops::Adjacency;
use crate::routing::route::Target;
use core::net::IpAddr;
use greylag_fib::{GroupId, Member};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What some routes lead to.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) target: Target,
    /// Where that is now, each with its weight; empty when there is no way.
    pub(crate) members: Vec<(Adjacency, u16)>,
    /// Nobody has looked for its way yet.
    pub(crate) is_fresh: bool,
    /// Offers that have it.
    offers: u32,
    /// Routes that are in use and have it.
    pub(crate) routes: u32,
    /// The group that the FIB is to have; empty for none.
    pub(crate) group: Vec<Member>,
    /// The members that the group stands for.
    pub(crate) held: Vec<Adjacency>,
    /// Which of all paths that there have been this is.
    serial: u64,
}

/// The path of a target, as it was when somebody last asked for it: numbers are used again, so that it is known by its serial.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known(Option<(GroupId, u64)>);

impl Path {
    pub(crate) fn is_usable(&self) -> bool {
        !self.members.is_empty()
    }

    /// The group is what it is to be.
    pub(crate) fn is_grouped(&self) -> bool {
        let wanted = if self.routes > 0 { self.members.as_slice() } else { &[] };
        let has = self.held.iter().copied().zip(self.group.iter().map(|member| member.weight));
        self.held.len() == self.group.len() && has.eq(wanted.iter().copied())
    }
}

/// All paths, by the number of their group.
#[derive(Debug)]
pub(crate) struct Paths {
    paths: Vec<Option<Path>>,
    /// By a digest of the target: there may be very many, and many of them long.
    by_target: BTreeMap<u64, Vec<GroupId>>,
    /// Which paths go by a gateway that routes lead to.
    gateways: BTreeMap<IpAddr, BTreeSet<GroupId>>,
    /// Numbers to be used again, the one that is free for longest first.
    free: VecDeque<GroupId>,
    most: u32,
    /// How many there have been.
    serial: u64,
}

impl Paths {
    pub(crate) fn new(most: u32) -> Self {
        Paths {
            paths: Vec::new(),
            by_target: BTreeMap::new(),
            gateways: BTreeMap::new(),
            free: VecDeque::new(),
            most,
            serial: 0,
        }
    }

    /// One more offer leads to `target`: the path, and whether it is new. `None` when there are no more numbers.
    pub(crate) fn take(&mut self, target: &Target, known: &mut Known) -> Option<(GroupId, bool)> {
        if let Some((id, serial)) = known.0
            && let Some(Some(path)) = self.paths.get_mut(index(id))
            && path.serial == serial
        {
            debug_assert_eq!(path.target, *target, "what is known is known of this target");
            path.offers += 1;
            return Some((id, false));
        }
        if let Some(id) = self.to(target) {
            let path = self.at_mut(id);
            path.offers += 1;
            known.0 = Some((id, path.serial));
            return Some((id, false));
        }
        let id = if (self.paths.len() as u32) < self.most {
            self.paths.push(None);
            GroupId::new(self.paths.len() as u32).expect("there is one at least")
        } else {
            self.free.pop_front()?
        };
        for gateway in gateways(target) {
            self.gateways.entry(gateway).or_default().insert(id);
        }
        self.by_target.entry(digest(target)).or_default().push(id);
        self.serial += 1;
        known.0 = Some((id, self.serial));
        self.paths[index(id)] = Some(Path {
            target: target.clone(),
            members: Vec::new(),
            is_fresh: true,
            offers: 1,
            routes: 0,
            group: Vec::new(),
            held: Vec::new(),
            serial: self.serial,
        });
        Some((id, true))
    }

    /// An offer less leads to it.
    pub(crate) fn release(&mut self, id: GroupId) {
        self.at_mut(id).offers -= 1;
    }

    /// Forgets a path to which no offer leads any more, if the FIB has nothing of it either.
    pub(crate) fn forget_unused(&mut self, id: GroupId) {
        let Some(path) = self.paths[index(id)].take_if(|path| path.offers == 0 && path.group.is_empty())
        else {
            return;
        };
        if let Entry::Occupied(mut alike) = self.by_target.entry(digest(&path.target)) {
            alike.get_mut().retain(|other| *other != id);
            if alike.get().is_empty() {
                alike.remove();
            }
        }
        for gateway in gateways(&path.target) {
            if let Some(paths) = self.gateways.get_mut(&gateway) {
                paths.remove(&id);
                if paths.is_empty() {
                    self.gateways.remove(&gateway);
                }
            }
        }
        self.free.push_back(id);
    }

    pub(crate) fn get(&self, id: GroupId) -> Option<&Path> {
        self.paths.get(index(id))?.as_ref()
    }

    /// The path to a target, if there is one.
    pub(crate) fn to(&self, target: &Target) -> Option<GroupId> {
        let mut alike = self.by_target.get(&digest(target))?.iter();
        alike.find(|id| self.at(**id).target == *target).copied()
    }

    pub(crate) fn at(&self, id: GroupId) -> &Path {
        self.get(id).expect("a path is kept while something leads to it")
    }

    pub(crate) fn at_mut(&mut self, id: GroupId) -> &mut Path {
        self.paths[index(id)].as_mut().expect("a path is kept while something leads to it")
    }

    /// All, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (GroupId, &Path)> {
        self.paths.iter().enumerate().filter_map(|(index, path)| {
            let id = GroupId::new(index as u32 + 1)?;
            Some((id, path.as_ref()?))
        })
    }

    /// Those that go by a gateway between these addresses.
    pub(crate) fn by_gateways(&self, first: IpAddr, last: IpAddr) -> impl Iterator<Item = GroupId> {
        self.gateways.range(first..=last).flat_map(|(_, paths)| paths.iter().copied())
    }

    /// The gateways that are to be found by way of other routes, or on an interface.
    pub(crate) fn gateways(&self) -> impl Iterator<Item = IpAddr> {
        self.gateways.keys().copied()
    }
}

/// Nothing depends on which number it is.
fn digest(target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    target.hash(&mut hasher);
    hasher.finish()
}

fn index(id: GroupId) -> usize {
    id.get() as usize - 1
}

/// The gateways of a target whose interface other routes say.
fn gateways(target: &Target) -> impl Iterator<Item = IpAddr> {
    let hops = match target {
        Target::Hops(hops) => hops.as_slice(),
        _ => &[],
    };
    hops.iter().filter(|hop| hop.interface.is_none()).map(|hop| hop.address)
}
