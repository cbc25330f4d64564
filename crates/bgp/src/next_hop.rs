//! Next hops: which the speaker wants to know about, and what it knows (RFC 4271 9.1.2.1).

use core::net::IpAddr;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The speaker wants to know how a next hop is reached, or does so no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NextHopInterest {
    /// Which.
    pub next_hop: IpAddr,
    /// From now on, or no longer.
    pub wanted: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    metric: Option<u32>,
    /// So many paths lead there.
    paths: usize,
    /// The caller knows that it is wanted.
    told: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct NextHops {
    known: BTreeMap<IpAddr, Known>,
    news: BTreeSet<IpAddr>,
}

impl NextHops {
    pub(crate) fn metric(&self, next_hop: IpAddr) -> Option<u32> {
        self.known.get(&next_hop).and_then(|known| known.metric)
    }

    /// Is it news for any path?
    pub(crate) fn set(&mut self, next_hop: IpAddr, metric: Option<u32>) -> bool {
        let known = self.known.entry(next_hop).or_default();
        let news = std::mem::replace(&mut known.metric, metric) != metric;
        news && known.paths > 0
    }

    pub(crate) fn add_path(&mut self, next_hop: IpAddr) {
        let known = self.known.entry(next_hop).or_default();
        known.paths += 1;
        if known.paths == 1 {
            self.news.insert(next_hop);
        }
    }

    pub(crate) fn remove_path(&mut self, next_hop: IpAddr) {
        if let Some(known) = self.known.get_mut(&next_hop) {
            known.paths -= 1;
            if known.paths == 0 {
                self.news.insert(next_hop);
            }
        }
    }

    pub(crate) fn poll(&mut self) -> Option<NextHopInterest> {
        while let Some(next_hop) = self.news.pop_first() {
            let Some(known) = self.known.get_mut(&next_hop) else { continue };
            let wanted = known.paths > 0;
            let news = std::mem::replace(&mut known.told, wanted) != wanted;
            if !wanted {
                // Nobody keeps it up to date any more.
                self.known.remove(&next_hop);
            }
            if news {
                return Some(NextHopInterest { next_hop, wanted });
            }
        }
        None
    }
}
