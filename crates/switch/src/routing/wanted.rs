//! Gateways that are kept known: those that routes lead to. Followed path by path, as they change: there may be very many.

use crate::Switch;
use crate::routing::next_hops::Adjacency;
use crate::routing::station::{Station, to_host};
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId};
use greylag_fib::GroupId;
use std::collections::BTreeMap;

/// A station on an interface.
type Gateway = (InterfaceId, IpAddr);

/// Which gateways are wanted, and by how many paths.
#[derive(Default)]
pub(crate) struct Wanted {
    by_path: BTreeMap<GroupId, Vec<Gateway>>,
    paths: BTreeMap<Gateway, u32>,
}

/// Gateways that are not wanted any more, and those that are wanted now.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    gone: Vec<Gateway>,
    new: Vec<Gateway>,
}

impl Wanted {
    /// These paths lead by these gateways now.
    fn change(&mut self, now_by_path: impl IntoIterator<Item = (GroupId, Vec<Gateway>)>) -> Change {
        // Whether anybody wanted it before all this.
        let mut before: BTreeMap<Gateway, bool> = BTreeMap::new();
        for (id, gateways) in now_by_path {
            for &gateway in &gateways {
                let paths = self.paths.entry(gateway).or_default();
                before.entry(gateway).or_insert(*paths > 0);
                *paths += 1;
            }
            let left = match gateways.is_empty() {
                true => self.by_path.remove(&id),
                false => self.by_path.insert(id, gateways),
            };
            for gateway in left.into_iter().flatten() {
                before.entry(gateway).or_insert(true);
                if let Some(paths) = self.paths.get_mut(&gateway) {
                    *paths -= 1;
                }
            }
        }
        let mut change = Change::default();
        for (gateway, was) in before {
            let is = self.paths.get(&gateway).is_some_and(|paths| *paths > 0);
            if !is {
                self.paths.remove(&gateway);
            }
            match (was, is) {
                (true, false) => change.gone.push(gateway),
                (false, true) => change.new.push(gateway),
                _ => {}
            }
        }
        change
    }
}

impl Switch {
    /// Keeps the gateways known that routes lead to.
    pub(crate) fn settle_wanted(&mut self, now: Instant) {
        let changed = self.routing.rib.take_changed();
        let Some(station) = &mut self.routing.station else { return };
        let (rib, Station { hosts, wanted, stack, .. }) = (&self.routing.rib, &mut **station);
        let of_path = |id: GroupId| -> Vec<Gateway> {
            let Some(path) = rib.paths.get(id) else { return Vec::new() };
            let neighbors = path.members.iter().filter_map(|(adjacency, _)| match adjacency {
                Adjacency::Neighbor(interface, address) => Some((*interface, *address)),
                _ => None,
            });
            // A station's route to itself is there because it is known, and does not keep it known.
            let is_own = |(on, address): &Gateway| {
                hosts.contains(&(*on, *address)) && path.target == to_host(*on, *address)
            };
            let own = neighbors.clone().any(|gateway| is_own(&gateway));
            if path.routes > u32::from(own) { neighbors.collect() } else { Vec::new() }
        };
        let change = wanted.change(changed.into_iter().map(|id| (id, of_path(id))));
        if change == Change::default() {
            return;
        }
        for (interface, address) in change.gone {
            stack.want(now, interface, address, false);
        }
        for (interface, address) in change.new {
            stack.want(now, interface, address, true);
        }
        self.hear_station(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_wanted_while_any_path_leads_by_it() {
        let gateway = |last: u8| (InterfaceId(0), IpAddr::from([10, 0, 0, last]));
        let path = |id| GroupId::new(id).unwrap();
        let mut wanted = Wanted::default();
        let change = |gone: &[u8], new: &[u8]| {
            let of = |list: &[u8]| list.iter().map(|last| gateway(*last)).collect();
            Change { gone: of(gone), new: of(new) }
        };
        let both = vec![gateway(1), gateway(2)];
        assert_eq!(wanted.change([(path(1), both.clone())]), change(&[], &[1, 2]));
        assert_eq!(wanted.change([(path(2), vec![gateway(2)])]), change(&[], &[]));
        assert_eq!(wanted.change([(path(1), both)]), change(&[], &[]), "once more the same");
        // It is taken over in one go: nobody notices.
        let moved = [(path(2), Vec::new()), (path(3), vec![gateway(2)]), (path(1), vec![gateway(3)])];
        assert_eq!(wanted.change(moved), change(&[1], &[3]));
        assert_eq!(wanted.change([(path(3), Vec::new()), (path(1), Vec::new())]), change(&[2, 3], &[]));
        assert!(wanted.by_path.is_empty() && wanted.paths.is_empty());
    }
}
