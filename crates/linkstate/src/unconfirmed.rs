//! What a neighbor has not confirmed yet, and when it is told again.

use crate::wire::LsaId;
use greylag_base::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// How a neighbor is told of an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Which instance is here; it asks if it wants it.
    Describe,
    /// The whole.
    Send,
}

/// The list of one neighbor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unconfirmed {
    entries: BTreeMap<LsaId, (Telling, Instant)>,
    /// The same, by time.
    agenda: BTreeSet<(Instant, LsaId)>,
    /// What the adjacency waits for.
    awaited: BTreeSet<LsaId>,
}

impl Unconfirmed {
    /// Is told, at a time, and again until it has confirmed.
    pub(crate) fn tell(&mut self, id: LsaId, telling: Telling, due: Instant) {
        if let Some((_, before)) = self.entries.insert(id, (telling, due)) {
            self.agenda.remove(&(before, id));
        }
        self.agenda.insert((due, id));
    }

    /// The adjacency waits until it has confirmed.
    pub(crate) fn wait_for(&mut self, id: LsaId) {
        self.awaited.insert(id);
    }

    /// It has what is here, or something newer.
    pub(crate) fn confirm(&mut self, id: LsaId) {
        if let Some((_, due)) = self.entries.remove(&id) {
            self.agenda.remove(&(due, id));
        }
        self.awaited.remove(&id);
    }

    /// Has it confirmed all that the adjacency waits for?
    pub(crate) fn is_synchronised(&self) -> bool {
        self.awaited.is_empty()
    }

    pub(crate) fn contains(&self, id: LsaId) -> bool {
        self.entries.contains_key(&id)
    }

    /// How it is being told.
    pub(crate) fn telling(&self, id: LsaId) -> Option<Telling> {
        self.entries.get(&id).map(|(telling, _)| *telling)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// When it is told something, for the first time or again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.agenda.first().map(|(due, _)| *due)
    }

    /// What it is told now; what is not confirmed by then is told again at `again`.
    pub(crate) fn take_due(&mut self, now: Instant, again: Instant) -> Vec<(LsaId, Telling)> {
        let due: Vec<LsaId> =
            self.agenda.iter().take_while(|(due, _)| *due <= now).map(|(_, id)| *id).collect();
        let due = due.into_iter().map(|id| (id, self.entries[&id].0)).collect::<Vec<_>>();
        for (id, telling) in &due {
            self.tell(*id, *telling, again);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;
    use std::time::Duration;

    #[test]
    fn what_is_not_confirmed_is_told_again() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let lsa = |fragment| LsaId { router: Ipv4Addr::LOCALHOST, fragment };
        let mut list = Unconfirmed::default();
        list.tell(lsa(1), Telling::Describe, at(0));
        list.wait_for(lsa(1));
        list.tell(lsa(2), Telling::Send, at(3));
        assert_eq!(list.take_due(at(1), at(6)), [(lsa(1), Telling::Describe)]);
        assert_eq!((list.due(), list.is_synchronised()), (Some(at(3)), false));
        // It has asked for the whole.
        list.tell(lsa(1), Telling::Send, at(3));
        assert_eq!(list.take_due(at(3), at(8)), [(lsa(1), Telling::Send), (lsa(2), Telling::Send)]);
        list.confirm(lsa(1));
        assert_eq!((list.due(), list.is_synchronised(), list.len()), (Some(at(8)), true, 1));
        list.confirm(lsa(2));
        assert_eq!((list.due(), list.telling(lsa(2)), list.contains(lsa(2))), (None, None, false));
    }
}
