//! The agent's own list of where stations are.

use super::Flush;
use greylag_base::{Instant, MacAddr, PortId, VlanId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How the agent came to know an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A worker reported it.
    Reported,
    /// It was in the table when the agent looked.
    Adopted,
    /// The other chassis of a pair has told where it is.
    Peer,
    /// The other chassis had told, and it stays where it is although the session with that has ended.
    Pinned,
}

/// What the agent knows of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) port: PortId,
    /// When it was last seen, as far as the agent heard.
    pub(crate) seen: Instant,
    /// When the frame was seen that put it there: renewals do not move that.
    pub(crate) put: Instant,
    pub(crate) origin: Origin,
}

impl Known {
    pub(crate) fn new(port: PortId, seen: Instant, origin: Origin) -> Self {
        Known { port, seen, put: seen, origin }
    }

    /// It is this chassis' own: a station was seen here, and not over the link to the other chassis of a pair, if that is one.
    pub(crate) fn is_own(&self, link: Option<PortId>) -> bool {
        matches!(self.origin, Origin::Reported | Origin::Adopted) && Some(self.port) != link
    }
}

/// Addresses and what is known of them.
#[derive(Debug)]
pub(crate) struct List {
    stations: BTreeMap<(VlanId, MacAddr), Known>,
    /// How many are on each port.
    on_port: Vec<u32>,
    /// As many as the table holds at most.
    room: usize,
    /// Addresses of which something else may be said than when somebody last asked; none, when nobody asks.
    changed: Option<BTreeSet<(VlanId, MacAddr)>>,
}

impl List {
    pub(crate) fn new(ports: usize, room: u32) -> Self {
        List { stations: BTreeMap::new(), on_port: vec![0; ports], room: room as usize, changed: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.stations.len()
    }

    /// It has twice as many addresses as the table can have: it has not heard of many that went.
    pub(crate) fn is_longer_than_the_table(&self) -> bool {
        self.stations.len() > 2 * self.room
    }

    pub(crate) fn get(&self, vlan: VlanId, mac: MacAddr) -> Option<&Known> {
        self.stations.get(&(vlan, mac))
    }

    /// To change the time; the port is for [`List::note`].
    pub(crate) fn get_mut(&mut self, vlan: VlanId, mac: MacAddr) -> Option<&mut Known> {
        self.stations.get_mut(&(vlan, mac))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (VlanId, MacAddr, &Known)> {
        self.stations.iter().map(|(&(vlan, mac), known)| (vlan, mac, known))
    }

    /// From now on somebody asks what has changed: everything on the list, and `also`.
    pub(crate) fn watch(&mut self, also: impl Iterator<Item = (VlanId, MacAddr)>) {
        self.changed = Some(self.stations.keys().copied().chain(also).collect());
    }

    /// Nobody asks any more.
    pub(crate) fn unwatch(&mut self) {
        self.changed = None;
    }

    /// Something has changed for somebody who asks.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed.as_ref().is_some_and(|changed| !changed.is_empty())
    }

    /// What may have changed since this was asked last.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<(VlanId, MacAddr)> {
        self.changed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn mark(&mut self, vlan: VlanId, mac: MacAddr) {
        if let Some(changed) = &mut self.changed {
            changed.insert((vlan, mac));
        }
    }

    /// The address is known by this from now on.
    pub(crate) fn note(&mut self, vlan: VlanId, mac: MacAddr, known: Known) {
        self.on_port[known.port.index()] += 1;
        let before = self.stations.insert((vlan, mac), known);
        if let Some(before) = before {
            self.on_port[before.port.index()] -= 1;
        }
        if before.is_none_or(|before| (before.port, before.origin) != (known.port, known.origin)) {
            self.mark(vlan, mac);
        }
    }

    pub(crate) fn remove(&mut self, vlan: VlanId, mac: MacAddr) {
        if let Some(before) = self.stations.remove(&(vlan, mac)) {
            self.on_port[before.port.index()] -= 1;
            self.mark(vlan, mac);
        }
    }

    /// Forgets the address if it is on this port.
    pub(crate) fn remove_at(&mut self, vlan: VlanId, mac: MacAddr, port: PortId) {
        if self.get(vlan, mac).is_some_and(|known| known.port == port) {
            self.remove(vlan, mac);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.retain(|_, _| false);
    }

    /// Forgets what was flushed. Costs nothing when the port has no address.
    pub(crate) fn forget(&mut self, flush: Flush) {
        if flush.port.is_none_or(|port| self.on_port[port.index()] > 0) {
            self.retain(|vlan, port| !flush.takes(vlan, port));
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(VlanId, PortId) -> bool) {
        let List { stations, on_port, changed, .. } = self;
        stations.retain(|&(vlan, mac), known| {
            let stays = keep(vlan, known.port);
            if !stays {
                on_port[known.port.index()] -= 1;
                if let Some(changed) = changed {
                    changed.insert((vlan, mac));
                }
            }
            stays
        });
    }
}
