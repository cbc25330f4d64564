//! How everybody comes to have the same database: what is new goes to all neighbors but the one that told of it, and is
//! said again until each has confirmed it.
//!
//! There is one list to a neighbor, of what it has not confirmed. A new neighbor is told of each announcement which instance
//! is here, and confirms it, or asks for it, or sends a newer one; a neighbor that has come so far is sent what is new as a
//! whole. Either is repeated until the neighbor has shown that it has the instance, or a newer one.

use crate::database::Theirs;
use crate::event::{DatabaseChange, LinkStateEvent, SpfTrigger};
use crate::neighbor::NeighborId;
use crate::outbox::RETRANSMIT;
use crate::system::LinkState;
use crate::unconfirmed::Telling;
use crate::wire::{Lsa, LsaHeader, LsaId};
use greylag_base::Instant;
use std::collections::btree_map::Entry;
use std::time::Duration;

/// What was asked of one neighbor is not asked of another for so long.
const ASK_AGAIN: Duration = Duration::from_secs(2);

impl LinkState {
    /// A neighbor says which instances it has.
    pub(crate) fn receive_summary(&mut self, now: Instant, id: NeighborId, headers: &[LsaHeader]) {
        self.requested.retain(|_, at| now < *at + ASK_AGAIN);
        for header in headers {
            match self.database.compare(header, now) {
                Theirs::Same => {
                    self.confirm(id, header.id);
                    self.acknowledge(id, *header);
                }
                Theirs::Older => self.tell_newer(now, id, header.id),
                Theirs::Newer => {
                    // What is newer there need not be told of.
                    self.confirm(id, header.id);
                    if let Entry::Vacant(place) = self.requested.entry(header.id) {
                        place.insert(now);
                        self.outbox.requests.entry(id).or_default().push(header.id);
                    }
                }
            }
        }
    }

    /// A neighbor wants the whole of what it was told that we have.
    pub(crate) fn receive_request(&mut self, now: Instant, id: NeighborId, ids: &[LsaId]) {
        let Some(known) = self.neighbors.get_mut(&id) else { return };
        for lsa in ids.iter().filter(|lsa| self.database.get(**lsa).is_some()) {
            known.unconfirmed.tell(*lsa, Telling::Send, now);
        }
    }

    /// A neighbor sends announcements.
    pub(crate) fn receive_update(&mut self, now: Instant, id: NeighborId, lsas: Vec<Lsa>) {
        for lsa in lsas {
            let header = lsa.header;
            match self.database.compare(&header, now) {
                Theirs::Same => {
                    self.confirm(id, header.id);
                    self.acknowledge(id, header);
                }
                Theirs::Older => self.tell_newer(now, id, header.id),
                Theirs::Newer => {
                    self.confirm(id, header.id);
                    self.requested.remove(&header.id);
                    self.receive_newer(now, id, lsa);
                }
            }
        }
    }

    /// A neighbor says what it has got.
    pub(crate) fn receive_acknowledgement(&mut self, now: Instant, id: NeighborId, headers: &[LsaHeader]) {
        for header in headers {
            let here = self.database.get(header.id).map(|entry| entry.header(now).rank());
            // One of an instance before says nothing.
            if here.is_some_and(|here| here <= header.rank()) {
                self.confirm(id, header.id);
            }
        }
    }

    fn receive_newer(&mut self, now: Instant, from: NeighborId, lsa: Lsa) {
        let header = lsa.header;
        let is_known = self.database.get(header.id).is_some();
        if header.is_withdrawn() && !is_known {
            // There is nothing to withdraw, and nobody behind us knows of it (RFC 2328 13 (4)).
            return self.acknowledge(from, header);
        }
        if header.id.router == self.router_id() {
            return self.hear_old_self(now, lsa);
        }
        self.acknowledge(from, header);
        self.install(now, lsa);
        self.flood(now, header.id, Some(from));
    }

    /// Takes an instance up that is newer than what is here, and tells if it is news.
    pub(crate) fn install(&mut self, now: Instant, lsa: Lsa) {
        let (id, sequence, withdrawn) = (lsa.header.id, lsa.header.sequence, lsa.header.is_withdrawn());
        let said = lsa.clone();
        let before = self.database.install(lsa, now);
        let change = match before {
            Some(before) if before.says_the_same(&said) => return,
            _ if withdrawn => DatabaseChange::Withdrawn,
            Some(before) if !before.header.is_withdrawn() => DatabaseChange::Changed,
            _ => DatabaseChange::New,
        };
        self.database_changed(now, id, sequence, change);
    }

    fn database_changed(&mut self, now: Instant, lsa: LsaId, sequence: u32, change: DatabaseChange) {
        self.events.push_back(LinkStateEvent::DatabaseChanged { lsa, change, sequence });
        self.want_spf(now, SpfTrigger::Database(lsa));
    }

    /// Everybody is told that it counts no more.
    pub(crate) fn withdraw(&mut self, now: Instant, id: LsaId, change: DatabaseChange) {
        if let Some(sequence) = self.database.withdraw(id, now) {
            self.database_changed(now, id, sequence, change);
            self.flood(now, id, None);
        }
    }

    /// What nobody has refreshed for an hour is withdrawn by whoever notices first (RFC 2328 14).
    pub(crate) fn expire(&mut self, now: Instant) {
        for id in self.database.expired(now) {
            self.withdraw(now, id, DatabaseChange::Expired);
        }
    }

    /// Tells all neighbors, but the one that it came from.
    ///
    /// Others on the segment that it came from should have heard it too, and will say so to all; who has not by then is told by
    /// us, for it may not hear the one who told us.
    pub(crate) fn flood(&mut self, now: Instant, lsa: LsaId, from: Option<NeighborId>) {
        for (id, known) in self.neighbors.iter_mut().filter(|(_, known)| known.exchanges()) {
            match from {
                Some(from) if from == *id => {}
                Some(from) if from.0 == id.0 => known.unconfirmed.tell(lsa, Telling::Send, now + RETRANSMIT),
                _ => known.unconfirmed.tell(lsa, Telling::Send, now),
            }
        }
    }

    /// A neighbor has something old: it is sent what is here, unless it was just now.
    fn tell_newer(&mut self, now: Instant, id: NeighborId, lsa: LsaId) {
        let Some(known) = self.neighbors.get_mut(&id) else { return };
        if known.unconfirmed.telling(lsa) != Some(Telling::Send) {
            known.unconfirmed.tell(lsa, Telling::Send, now);
        }
    }

    /// A neighbor has what we have, or something newer.
    fn confirm(&mut self, id: NeighborId, lsa: LsaId) {
        if let Some(known) = self.neighbors.get_mut(&id) {
            known.unconfirmed.confirm(lsa);
        }
    }

    fn acknowledge(&mut self, id: NeighborId, header: LsaHeader) {
        self.outbox.acknowledgements.entry(id.0).or_default().push(header);
    }

    /// What was withdrawn goes when everybody has confirmed that.
    pub(crate) fn reap(&mut self) {
        let waits = |id: &LsaId| self.neighbors.values().any(|known| known.unconfirmed.contains(*id));
        for id in self.database.withdrawn().filter(|id| !waits(id)).collect::<Vec<_>>() {
            self.database.remove(id);
        }
    }
}
