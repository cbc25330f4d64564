//! What a neighbor is told, and was told: Adj-RIB-Out (RFC 4271 3.2, 9.1.3 and 9.2).
//!
//! Prefixes whose best path has changed wait here until the neighbor may hear of them and has room; only then is it worked out
//! what to say. What changes twice meanwhile is said once.

use crate::attributes::{Attributes, GRACEFUL_SHUTDOWN, Shared};
use crate::config::{Asn, Family, NeighborConfig};
use crate::decision::{DEFAULT_LOCAL_PREF, LAST_LOCAL_PREF};
use crate::pack::Parcel;
use greylag_base::Instant;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Whom a best path is from, as far as it decides what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum From {
    Ourselves,
    Internal,
    External,
}

#[derive(Debug, Default)]
pub(crate) struct AdjRibOut {
    /// Prefixes whose best path has changed since.
    changed: BTreeSet<IpNet>,
    /// What was said; `None` for something that is to be said once more.
    told: BTreeMap<IpNet, Option<Shared>>,
    parcels: VecDeque<Parcel>,
    /// The changes may be told.
    open: bool,
    /// No changes are told before (RFC 4271 9.2.1.1).
    not_before: Option<Instant>,
    counts: [u32; 2],
}

impl AdjRibOut {
    pub(crate) fn clear(&mut self) {
        *self = AdjRibOut::default();
    }

    pub(crate) fn change(&mut self, prefix: IpNet) {
        self.changed.insert(prefix);
    }

    /// All of a family is to be said once more (RFC 2918 4).
    pub(crate) fn tell_again(&mut self, family: Family) {
        for (prefix, told) in self.told.iter_mut().filter(|(prefix, _)| Family::of(**prefix) == family) {
            *told = None;
            self.changed.insert(*prefix);
        }
    }

    /// There are changes, and nobody has let them be told.
    fn waits(&self) -> bool {
        !self.open && !self.changed.is_empty()
    }

    /// There are, and it is time.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.waits() && self.not_before.is_none_or(|not_before| not_before <= now)
    }

    /// Lets the changes be told, and the next ones after `interval`.
    pub(crate) fn open(&mut self, now: Instant, interval: Duration) {
        self.open = true;
        self.not_before = (!interval.is_zero()).then(|| now + interval);
    }

    /// When changes that wait may be told.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.waits())
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.parcels.is_empty() || self.open && !self.changed.is_empty()
    }

    /// So many prefixes of a family the neighbor has been told.
    pub(crate) fn told(&self, family: Family) -> u32 {
        self.counts[family as usize]
    }

    /// What was said last of a prefix.
    pub(crate) fn said(&self, prefix: IpNet) -> Option<&Shared> {
        self.told.get(&prefix).and_then(Option::as_ref)
    }

    /// The next parcel. `says` is what to say of a prefix, `None` for nothing.
    pub(crate) fn next_parcel(&mut self, says: impl FnMut(IpNet) -> Option<Shared>) -> Option<&mut Parcel> {
        while self.parcels.front().is_some_and(Parcel::is_empty) {
            self.parcels.pop_front();
        }
        if self.parcels.is_empty() && self.open {
            self.open = false;
            self.fill(says);
        }
        self.parcels.front_mut()
    }

    fn fill(&mut self, mut says: impl FnMut(IpNet) -> Option<Shared>) {
        let mut withdrawn: BTreeMap<Family, Vec<IpNet>> = BTreeMap::new();
        // By the number of the attributes: pointers would come in another order in every run.
        let mut announced: BTreeMap<u64, (Shared, Vec<IpNet>)> = BTreeMap::new();
        for prefix in std::mem::take(&mut self.changed) {
            let family = Family::of(prefix);
            match (self.told.get(&prefix), says(prefix)) {
                (Some(Some(told)), Some(now)) if *told == now => {}
                (told, Some(now)) => {
                    self.counts[family as usize] += u32::from(told.is_none());
                    announced.entry(now.number()).or_insert_with(|| (now.clone(), Vec::new())).1.push(prefix);
                    self.told.insert(prefix, Some(now));
                }
                (Some(_), None) => {
                    withdrawn.entry(family).or_default().push(prefix);
                    self.counts[family as usize] -= 1;
                    self.told.remove(&prefix);
                }
                (None, None) => {}
            }
        }
        self.parcels
            .extend(withdrawn.into_iter().map(|(family, prefixes)| Parcel::new(family, None, prefixes)));
        self.parcels.extend(
            announced.into_values().map(|(attributes, prefixes)| {
                Parcel::new(Family::of(prefixes[0]), Some(attributes), prefixes)
            }),
        );
    }
}

/// What a neighbor is told of a best path with these attributes; `None` for nothing.
pub(crate) fn export(
    attributes: &Attributes,
    from: From,
    asn: Asn,
    neighbor: &NeighborConfig,
    family: Family,
) -> Option<Attributes> {
    let external = neighbor.peer_as != asn;
    // RFC 4271 9.2: what one neighbor of our system says is not said to another; everybody is to be everybody's neighbor.
    if !external && from == From::Internal || !attributes.may_be_told(external) {
        return None;
    }
    let own = neighbor.family(family)?.next_hop;
    let mut says = attributes.clone();
    if external {
        says.as_path = says.as_path.prepended(asn);
        says.next_hop = Some(own);
        says.local_pref = None;
        if neighbor.graceful_shutdown && !says.communities.contains(&GRACEFUL_SHUTDOWN) {
            says.communities = says.communities.iter().copied().chain([GRACEFUL_SHUTDOWN]).collect();
        }
        // RFC 4271 5.1.4: another system's discriminator is not for a third.
        says.med = neighbor.med.or(attributes.med.filter(|_| from == From::Ourselves));
    } else {
        says.next_hop = attributes.next_hop.filter(|_| !neighbor.next_hop_self).or(Some(own));
        says.local_pref = Some(match neighbor.graceful_shutdown {
            true => LAST_LOCAL_PREF,
            false => attributes.local_pref.unwrap_or(DEFAULT_LOCAL_PREF),
        });
    }
    Some(says)
}
