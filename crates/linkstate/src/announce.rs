//! What this router announces of itself, as it is now, and what it does about announcements of its own that it did not make.

use crate::event::{DatabaseChange, LinkStateEvent};
use crate::interface::Interface;
use crate::neighbor::{Neighbor, NeighborState};
use crate::origin::LAST_SEQUENCE;
use crate::system::LinkState;
use crate::wire::{AnnouncedPrefix, Link, Lsa, LsaId, MAX_AGE};
use greylag_base::Instant;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

impl LinkState {
    /// The links to all that are adjacent now.
    pub(crate) fn own_links(&self) -> impl Iterator<Item = Link> + '_ {
        let full = self.neighbors.iter().filter(|(_, known)| known.state == NeighborState::Full);
        full.filter_map(|((interface, neighbor), known)| {
            let cost = self.interfaces.get(interface)?.speaks()?.cost;
            let (neighbor, interface) = (*neighbor, *interface);
            Some(Link { neighbor, interface, neighbor_interface: known.interface, cost })
        })
    }

    /// The prefixes that are here, each at its least metric.
    pub(crate) fn own_prefixes(&self) -> BTreeMap<IpNet, u16> {
        let mut prefixes = BTreeMap::new();
        let extra = self.config.prefixes.iter().map(|announced| (announced.prefix, announced.metric));
        for (prefix, metric) in self.interfaces.values().flat_map(Interface::prefixes).chain(extra) {
            let least = prefixes.entry(prefix).or_insert(metric);
            *least = metric.min(*least);
        }
        prefixes
    }

    /// Makes those of our announcements anew that say something old, or are old.
    pub(crate) fn announce(&mut self, now: Instant) {
        if std::mem::take(&mut self.origin.stale) {
            let links: BTreeSet<Link> = self.own_links().collect();
            let prefixes = self.own_prefixes().into_iter();
            let prefixes = prefixes.map(|(prefix, metric)| AnnouncedPrefix { prefix, metric }).collect();
            self.origin.arrange(self.config.overload, &links, &prefixes);
            self.withdraw_unwanted(now);
        }
        let due = self.origin.fragments.iter().filter(|(_, own)| own.due().is_some_and(|due| due <= now));
        for number in due.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.make(now, number);
        }
    }

    fn own(&self, fragment: u16) -> LsaId {
        LsaId { router: self.router_id(), fragment }
    }

    fn withdraw_unwanted(&mut self, now: Instant) {
        let unwanted = self.origin.fragments.iter_mut().filter(|(_, own)| own.wanted.is_none());
        let said = unwanted.filter_map(|(number, own)| own.said.take().map(|_| *number));
        for number in said.collect::<Vec<_>>() {
            self.withdraw(now, self.own(number), DatabaseChange::Withdrawn);
        }
    }

    fn make(&mut self, now: Instant, number: u16) {
        let id = self.own(number);
        let told = self.neighbors.values().any(Neighbor::exchanges);
        let Some(own) = self.origin.fragments.get_mut(&number) else { return };
        if own.sequence == LAST_SEQUENCE {
            own.wraps = true;
            own.said = None;
            return self.withdraw(now, id, DatabaseChange::Withdrawn);
        }
        let Some(content) = own.wanted.clone() else { return };
        own.sequence += 1;
        own.is_made(now, told);
        let lsa = Lsa::new(id, own.sequence, content.overload, content.links, content.prefixes);
        self.install(now, lsa);
        self.flood(now, id, None);
    }

    /// An announcement of ours that we did not make, or not since we have started (RFC 2328 13.4): it is outbid, or withdrawn.
    pub(crate) fn hear_old_self(&mut self, now: Instant, mut lsa: Lsa) {
        let (id, sequence) = (lsa.header.id, lsa.header.sequence);
        self.events.push_back(LinkStateEvent::OldSelfHeard { lsa: id, sequence });
        let own = self.origin.fragments.entry(id.fragment).or_default();
        own.sequence = own.sequence.max(sequence);
        if own.wanted.is_some() && sequence < LAST_SEQUENCE {
            own.outbid = true;
            return;
        }
        own.wraps = own.wanted.is_some();
        own.said = None;
        lsa.header.age = MAX_AGE;
        self.install(now, lsa);
        self.flood(now, id, None);
    }

    /// One with the last sequence number that is forgotten by everybody begins anew; is there one?
    pub(crate) fn begin_anew(&mut self) -> bool {
        let (database, router) = (&self.database, self.config.router_id);
        let mut begins = false;
        for (fragment, own) in self.origin.fragments.iter_mut().filter(|(_, own)| own.wraps) {
            if database.get(LsaId { router, fragment: *fragment }).is_none() {
                (own.wraps, own.sequence, begins) = (false, 0, true);
            }
        }
        begins
    }
}
