//! The database: the newest instance of every announcement, and how old it is.

use crate::wire::{Lsa, LsaHeader, LsaId, MAX_AGE};
use greylag_base::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// An instance that was heard, or made.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    lsa: Lsa,
    /// Since when it is here, with the age that its header has.
    since: Instant,
}

impl Entry {
    /// What it says; its header has the age that it came with.
    pub(crate) fn lsa(&self) -> &Lsa {
        &self.lsa
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.lsa.header.is_withdrawn()
    }

    /// With its age of now.
    pub(crate) fn header(&self, now: Instant) -> LsaHeader {
        let age = u64::from(self.lsa.header.age) + (now - self.since).as_secs();
        LsaHeader { age: age.min(MAX_AGE.into()) as u16, ..self.lsa.header }
    }

    /// When it is so old that nobody believes it any more.
    fn expires(&self) -> Option<Instant> {
        let rest = u64::from(MAX_AGE - self.lsa.header.age);
        (!self.is_withdrawn()).then(|| self.since + Duration::from_secs(rest))
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Database {
    entries: BTreeMap<LsaId, Entry>,
    /// When each becomes too old.
    agenda: BTreeSet<(Instant, LsaId)>,
    /// What counts no more, and is kept only until everybody knows.
    withdrawn: BTreeSet<LsaId>,
}

/// An instance that a neighbor has, beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theirs {
    Newer,
    Same,
    Older,
}

impl Database {
    pub(crate) fn get(&self, id: LsaId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// By id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LsaId, &Entry)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// Compares an instance with what is here. One that is not here at all is older than any.
    pub(crate) fn compare(&self, theirs: &LsaHeader, now: Instant) -> Theirs {
        let Some(entry) = self.entries.get(&theirs.id) else { return Theirs::Newer };
        match theirs.rank().cmp(&entry.header(now).rank()) {
            std::cmp::Ordering::Less => Theirs::Older,
            std::cmp::Ordering::Equal => Theirs::Same,
            std::cmp::Ordering::Greater => Theirs::Newer,
        }
    }

    /// Takes an instance up; what was there before is returned.
    pub(crate) fn install(&mut self, lsa: Lsa, now: Instant) -> Option<Lsa> {
        let id = lsa.header.id;
        let before = self.remove(id);
        self.insert(id, Entry { lsa, since: now });
        before.map(|entry| entry.lsa)
    }

    /// It counts no more from now on; the sequence number of the instance, if that is news.
    pub(crate) fn withdraw(&mut self, id: LsaId, now: Instant) -> Option<u32> {
        let Entry { mut lsa, .. } = self.get(id).filter(|entry| !entry.is_withdrawn())?.clone();
        lsa.header.age = MAX_AGE;
        let sequence = lsa.header.sequence;
        self.install(lsa, now);
        Some(sequence)
    }

    /// What counts no more, and is kept only until everybody knows.
    pub(crate) fn withdrawn(&self) -> impl Iterator<Item = LsaId> {
        self.withdrawn.iter().copied()
    }

    pub(crate) fn remove(&mut self, id: LsaId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.withdrawn.remove(&id);
        if let Some(expires) = entry.expires() {
            self.agenda.remove(&(expires, id));
        }
        Some(entry)
    }

    /// What has become too old.
    pub(crate) fn expired(&self, now: Instant) -> Vec<LsaId> {
        self.agenda.iter().take_while(|(expires, _)| *expires <= now).map(|(_, id)| *id).collect()
    }

    /// When the next becomes too old.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.agenda.first().map(|(expires, _)| *expires)
    }

    fn insert(&mut self, id: LsaId, entry: Entry) {
        match entry.expires() {
            Some(expires) => self.agenda.insert((expires, id)),
            None => self.withdrawn.insert(id),
        };
        self.entries.insert(id, entry);
    }
}
