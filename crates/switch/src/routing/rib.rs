//! The routing information base: all offers for all prefixes, those that are taken, and the FIB that follows from them.
//!
//! What routes lead to is a [`Path`](super::paths::Path), shared by all that lead to the same, and its group in the FIB. When the
//! way to a gateway changes, the paths over it change in place, and no prefix has to be touched, however many lead there.

use crate::routing::next_hops::{Adjacency, NextHopNumbers};
use crate::routing::offered::{Candidate, Candidates, Offered, Place};
use crate::routing::paths::{Known, Paths};
use crate::routing::route::{Hop, Offer, RouteSource, Target};
use crate::routing::write::FibWrite;
use core::net::IpAddr;
use greylag_base::{InterfaceId, MacAddr};
use greylag_dataplane::NextHop;
use greylag_fib::{GroupId, Member};
use ipnet::{IpNet, Ipv4Net};
use std::collections::{BTreeMap, BTreeSet};

/// Routes that lead to routes that lead to routes: so many at the most.
const DEPTH: usize = 8;

/// So often are consequences of consequences followed in one go.
const ROUNDS: usize = 64;

/// The routes of a switch.
pub(crate) struct Rib {
    offered: Offered,
    pub(crate) paths: Paths,
    pub(crate) next_hops: NextHopNumbers,
    maximum_paths: usize,
    /// Stations that BFD has lost: no group has them as a member.
    lost: BTreeSet<(InterfaceId, IpAddr)>,
    /// Interfaces by which nobody is reached, whoever names them.
    down: BTreeSet<InterfaceId>,
    /// Prefixes whose offers changed.
    touched: Vec<Place>,
    /// Paths whose way may be another.
    stray: BTreeSet<GroupId>,
    /// Paths whose group may be another, or that nobody may need any more.
    regrouped: BTreeSet<GroupId>,
    /// Prefixes whose route in use changed.
    rerouted: Vec<Place>,
    /// Paths that are used or not any more, or by one route alone or not any more, or that lead elsewhere, since somebody has asked.
    changed: BTreeSet<GroupId>,
}

/// A route as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteView<'r> {
    pub(crate) prefix: IpNet,
    pub(crate) source: RouteSource,
    pub(crate) preference: u8,
    pub(crate) metric: u32,
    /// It is the one in use.
    pub(crate) active: bool,
    pub(crate) path: GroupId,
    pub(crate) target: &'r Target,
}

impl Rib {
    pub(crate) fn new(groups: u32, next_hops: u32, maximum_paths: u16) -> Self {
        Rib {
            offered: Offered::default(),
            paths: Paths::new(groups),
            next_hops: NextHopNumbers::new(next_hops),
            maximum_paths: maximum_paths.into(),
            lost: BTreeSet::new(),
            down: BTreeSet::new(),
            touched: Vec::new(),
            stray: BTreeSet::new(),
            regrouped: BTreeSet::new(),
            rerouted: Vec::new(),
            changed: BTreeSet::new(),
        }
    }

    /// How many prefixes there is a route for, of IPv4 and of IPv6.
    pub(crate) fn prefix_counts(&self) -> [usize; 2] {
        self.offered.counts()
    }

    /// A source offers another route for a prefix, or none any more. What follows is done by [`Rib::settle`].
    pub(crate) fn update(&mut self, prefix: IpNet, source: RouteSource, offer: Option<&Offer>) {
        self.update_by(prefix, source, offer, &mut Known::default());
    }

    /// The same for one of many routes with that target, whose path is looked up once.
    pub(crate) fn update_by(
        &mut self,
        prefix: IpNet,
        source: RouteSource,
        offer: Option<&Offer>,
        known: &mut Known,
    ) {
        let candidate = offer.and_then(|Offer { preference, metric, target }| {
            let (path, is_new) = self.paths.take(target, known)?;
            if is_new {
                self.stray.insert(path);
            }
            Some(Candidate { preference: *preference, metric: *metric, source, path })
        });
        let place = match candidate {
            Some(_) => self.offered.find_or_make(prefix),
            None => match self.offered.find(prefix) {
                Some(place) => place,
                None => return,
            },
        };
        let before = self.offered.at_mut(place).replace(source, candidate);
        if let Some(before) = before {
            self.paths.release(before.path);
            self.regrouped.insert(before.path);
            // The prefix may lead to its gateway from now on.
            self.stray.insert(before.path);
        }
        if before != candidate {
            self.touched.push(place);
        }
    }

    /// A station was lost, or is there again, as BFD says.
    pub(crate) fn set_lost(&mut self, interface: InterfaceId, address: IpAddr, is_lost: bool) {
        let changed = match is_lost {
            true => self.lost.insert((interface, address)),
            false => self.lost.remove(&(interface, address)),
        };
        if changed {
            self.stray.extend(self.paths.iter().map(|(id, _)| id));
        }
    }

    /// All that BFD has lost.
    pub(crate) fn lose(&mut self, lost: &BTreeSet<(InterfaceId, IpAddr)>) {
        if self.lost != *lost {
            self.lost.clone_from(lost);
            self.stray.extend(self.paths.iter().map(|(id, _)| id));
        }
    }

    /// Nobody is reached by these interfaces.
    pub(crate) fn set_down(&mut self, down: BTreeSet<InterfaceId>) {
        if self.down != down {
            self.down = down;
            self.stray.extend(self.paths.iter().map(|(id, _)| id));
        }
    }

    /// A station is known, or not any more; what the FIB is to hear of it.
    pub(crate) fn set_neighbor(
        &mut self,
        interface: InterfaceId,
        address: IpAddr,
        mac: Option<MacAddr>,
    ) -> Option<FibWrite> {
        let id = self.next_hops.set_neighbor(interface, address, mac)?;
        let next_hop = self.next_hops.word(Adjacency::Neighbor(interface, address));
        Some(FibWrite::NextHop { id, next_hop })
    }

    /// Follows up on all that has changed, and says what the FIB is to become: what is new before what uses it, and what is used no
    /// more behind what used it.
    pub(crate) fn settle(&mut self) -> Vec<FibWrite> {
        for _ in 0..ROUNDS {
            if self.stray.is_empty() && self.touched.is_empty() {
                break;
            }
            // Paths that lead somewhere now, or nowhere, and the prefixes for which they are offered.
            let mut turned: BTreeMap<GroupId, Vec<Place>> = BTreeMap::new();
            for path in std::mem::take(&mut self.stray) {
                if self.find_way(path) {
                    turned.insert(path, Vec::new());
                }
            }
            self.touch(turned);
            for place in std::mem::take(&mut self.touched) {
                self.select(place);
            }
        }
        self.writes()
    }

    /// Touches the prefixes that have these paths: there may be very many, so that all are looked at once.
    fn touch(&mut self, mut turned: BTreeMap<GroupId, Vec<Place>>) {
        if turned.is_empty() {
            return;
        }
        for (place, candidates) in self.offered.iter() {
            for offer in &candidates.offers {
                if let Some(places) =
                    turned.get_mut(&offer.path).filter(|places| places.last() != Some(&place))
                {
                    places.push(place);
                }
            }
        }
        self.touched.extend(turned.into_values().flatten());
    }

    /// Finds the way of a path anew; whether routes with it can be used now and could not before, or the other way around.
    fn find_way(&mut self, id: GroupId) -> bool {
        let Some(path) = self.paths.get(id) else { return false };
        let members = self.ways(id, &path.target);
        let path = self.paths.at_mut(id);
        let is_fresh = std::mem::take(&mut path.is_fresh);
        if members == path.members {
            return false;
        }
        let was_usable = path.is_usable();
        path.members = members;
        self.regrouped.insert(id);
        if is_fresh {
            // All prefixes for which it is offered were touched with that.
            return false;
        }
        let has_turned = path.is_usable() != was_usable;
        if !has_turned {
            // What goes by way of routes with this path has other ways too.
            self.stray_from(id);
        }
        has_turned
    }

    /// Paths over gateways to which routes with this path lead: not only the longest, for no route leads to its own gateway.
    fn stray_from(&mut self, id: GroupId) {
        let gateways: Vec<IpAddr> = self.paths.gateways().collect();
        for gateway in gateways {
            if self.offered.cover(gateway).any(|candidates| candidates.used == Some(id)) {
                self.stray.extend(self.paths.by_gateways(gateway, gateway));
            }
        }
    }

    /// Where a path leads now.
    fn ways(&self, id: GroupId, target: &Target) -> Vec<(Adjacency, u16)> {
        let mut ways = Vec::new();
        match target {
            Target::Local => ways.push((Adjacency::Local, 1)),
            Target::Attached(interface) => ways.push((Adjacency::Glean(*interface), 1)),
            Target::Blackhole => ways.push((Adjacency::Blackhole, 1)),
            Target::Unreachable => ways.push((Adjacency::Unreachable, 1)),
            Target::Prohibit => ways.push((Adjacency::Prohibit, 1)),
            Target::Hops(hops) => {
                let mut on_the_way = vec![id];
                hops.iter().for_each(|hop| self.follow(hop, hop.weight, &mut on_the_way, &mut ways));
            }
        }
        ways.sort_unstable();
        ways.dedup_by(|again, first| {
            let is_same = again.0 == first.0;
            if is_same {
                first.1 = first.1.saturating_add(again.1);
            }
            is_same
        });
        ways.truncate(self.maximum_paths);
        ways
    }

    /// Adds the stations by which a gateway is reached, for the paths that led there.
    fn follow(
        &self,
        hop: &Hop,
        weight: u16,
        on_the_way: &mut Vec<GroupId>,
        ways: &mut Vec<(Adjacency, u16)>,
    ) {
        if let Some(interface) = hop.interface {
            if !self.lost.contains(&(interface, hop.address)) && !self.down.contains(&interface) {
                ways.push((Adjacency::Neighbor(interface, hop.address), weight));
            }
            return;
        }
        if on_the_way.len() > DEPTH {
            return;
        }
        let Some(path) = self.route_to(hop.address, on_the_way) else { return };
        match &self.paths.at(path).target {
            Target::Attached(interface) => {
                let on_link = Hop { interface: Some(*interface), ..*hop };
                self.follow(&on_link, weight, on_the_way, ways);
            }
            Target::Hops(hops) => {
                on_the_way.push(path);
                hops.iter().for_each(|next| self.follow(next, weight, on_the_way, ways));
                on_the_way.pop();
            }
            Target::Local | Target::Blackhole | Target::Unreachable | Target::Prohibit => {}
        }
    }

    /// The path of the longest route in use to an address. No route leads to its own gateway: prefixes do not count for which one of the
    /// paths on the way here is in use, or would be if it led anywhere.
    fn route_to(&self, address: IpAddr, on_the_way: &[GroupId]) -> Option<GroupId> {
        let of = |candidates: &Candidates| {
            candidates.used.filter(|used| on_the_way.iter().all(|path| candidates.prefer(*used, *path)))
        };
        self.offered.cover(address).filter_map(of).last()
    }

    /// Chooses the route of a prefix anew.
    fn select(&mut self, place: Place) {
        let paths = &self.paths;
        let candidates = self.offered.at_mut(place);
        let usable = candidates.offers.iter().find(|offer| paths.at(offer.path).is_usable());
        let used = usable.map(|offer| offer.path);
        let before = std::mem::replace(&mut candidates.used, used);
        if used == before {
            // It may have to go all the same; and what is offered and better or worse than before may lead elsewhere.
            self.rerouted.push(place);
            self.stray.extend(candidates.offers.iter().map(|offer| offer.path));
            return;
        }
        let prefix = candidates.prefix;
        if let Some(before) = before {
            let path = self.paths.at_mut(before);
            path.routes -= 1;
            if path.routes <= 1 {
                self.regrouped.insert(before);
            }
        }
        if let Some(used) = used {
            let path = self.paths.at_mut(used);
            path.routes += 1;
            if path.routes <= 2 {
                self.regrouped.insert(used);
            }
        }
        self.rerouted.push(place);
        self.stray.extend(self.paths.by_gateways(prefix.network(), prefix.broadcast()));
    }

    /// What the FIB is to become.
    fn writes(&mut self) -> Vec<FibWrite> {
        let (mut next_hops, mut groups) = (Vec::new(), Vec::new());
        let (mut gone_groups, mut gone_next_hops) = (Vec::new(), Vec::new());
        let mut regrouped = std::mem::take(&mut self.regrouped);
        for &id in &regrouped {
            let Some(path) = self.paths.get(id).filter(|path| !path.is_grouped()) else { continue };
            let wanted = if path.routes > 0 { path.members.clone() } else { Vec::new() };
            let mut members = Vec::with_capacity(wanted.len());
            let mut held = Vec::with_capacity(wanted.len());
            for (adjacency, weight) in wanted {
                let Some((next_hop, is_new)) = self.next_hops.take(adjacency) else {
                    continue;
                };
                if is_new {
                    let word = self.next_hops.word(adjacency);
                    next_hops.push(FibWrite::NextHop { id: next_hop, next_hop: word });
                }
                members.push(Member { next_hop, weight });
                held.push(adjacency);
            }
            let path = self.paths.at_mut(id);
            let before = std::mem::replace(&mut path.held, held);
            for adjacency in before {
                if let Some(id) = self.next_hops.release(adjacency) {
                    gone_next_hops.push(FibWrite::NextHop { id, next_hop: NextHop::Unset });
                }
            }
            if members != path.group {
                let list = if members.is_empty() { &mut gone_groups } else { &mut groups };
                list.push(FibWrite::Group { id, members: members.clone() });
                path.group = members;
            }
        }
        let mut writes = next_hops;
        writes.append(&mut groups);
        let mut rerouted = std::mem::take(&mut self.rerouted);
        writes.extend(rerouted.drain(..).filter_map(|place| self.tell(place)));
        self.rerouted = rerouted;
        writes.append(&mut gone_groups);
        writes.append(&mut gone_next_hops);
        for id in &regrouped {
            self.paths.forget_unused(*id);
        }
        self.changed.append(&mut regrouped);
        writes
    }

    /// The paths that are used by more or fewer, lead elsewhere, or are gone, since this was last asked.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<GroupId> {
        std::mem::take(&mut self.changed)
    }

    /// Something that is not the RIB's to know has changed about the path to this.
    pub(crate) fn touch_path(&mut self, target: &Target) {
        self.changed.extend(self.paths.to(target));
    }

    /// What the FIB is to have for a prefix, if that is something else than before.
    fn tell(&mut self, place: Place) -> Option<FibWrite> {
        let candidates = self.offered.at_mut(place);
        let is_news = candidates.told != candidates.used;
        candidates.told = candidates.used;
        let (prefix, group) = (candidates.prefix, candidates.told);
        if candidates.offers.is_empty() {
            self.offered.remove(place);
        }
        is_news.then_some(FibWrite::Route { prefix, group })
    }

    /// All offers, by prefix, the best first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RouteView<'_>> {
        self.offered.iter().flat_map(|(_, candidates)| self.views(candidates))
    }

    fn views<'r>(&'r self, candidates: &'r Candidates) -> impl Iterator<Item = RouteView<'r>> {
        let first_used = candidates.offers.iter().position(|offer| Some(offer.path) == candidates.used);
        candidates.offers.iter().enumerate().map(move |(index, offer)| RouteView {
            prefix: candidates.prefix,
            source: offer.source,
            preference: offer.preference,
            metric: offer.metric,
            active: Some(index) == first_used,
            path: offer.path,
            target: &self.paths.at(offer.path).target,
        })
    }

    /// The prefixes that something is offered for, from this one on, in order.
    pub(crate) fn prefixes_from(
        &self,
        from: Option<IpNet>,
        inclusive: bool,
    ) -> impl Iterator<Item = IpNet> + '_ {
        let from = match from {
            Some(from) => (from, inclusive),
            None => (IpNet::V4(Ipv4Net::default()), true),
        };
        let all = self.offered.iter_from(from.0, from.1);
        all.filter(|candidates| !candidates.offers.is_empty()).map(|candidates| candidates.prefix)
    }

    /// What a source offers for a prefix is what is taken.
    pub(crate) fn takes(&self, prefix: IpNet, source: RouteSource) -> bool {
        let taken = self.offered.get(prefix).and_then(Candidates::taken);
        taken.is_some_and(|offer| offer.source == source)
    }

    /// What is offered for one prefix, the best first.
    pub(crate) fn offers(&self, prefix: IpNet) -> Vec<RouteView<'_>> {
        self.offered.get(prefix).into_iter().flat_map(|candidates| self.views(candidates)).collect()
    }

    /// The longest prefix that the FIB is to have for an address.
    pub(crate) fn longest(&self, address: IpAddr) -> Option<IpNet> {
        let told = self.offered.cover(address).filter(|candidates| candidates.told.is_some());
        told.last().map(|candidates| candidates.prefix)
    }

    /// How far an address is, by the metric of the longest route to it; `None` when there is no way.
    pub(crate) fn metric_to(&self, address: IpAddr) -> Option<u32> {
        self.offered.cover(address).filter_map(Candidates::taken).last().map(|offer| offer.metric)
    }

    /// What the FIB is to have: each prefix that is in use, and its group.
    pub(crate) fn intended(&self) -> impl Iterator<Item = (IpNet, GroupId)> {
        self.offered.iter().filter_map(|(_, candidates)| Some((candidates.prefix, candidates.told?)))
    }

    /// Some prefix within this one is to lead to the group.
    pub(crate) fn leads(&self, within: IpNet, group: GroupId) -> bool {
        self.offered.within(within).any(|candidates| candidates.told == Some(group))
    }

    /// The prefixes for which a source offers something.
    pub(crate) fn offered_by(&self, source: RouteSource) -> Vec<IpNet> {
        self.iter().filter(|route| route.source == source).map(|route| route.prefix).collect()
    }
}

#[cfg(test)]
mod tests;
