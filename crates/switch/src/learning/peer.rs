//! A pair of chassis, as far as addresses go: what the other chassis has told of its own, and what it is told of ours.
//!
//! Both are the control session's, and outlive the learning agent; what is done with them is the agent's. While it is dead or hangs,
//! nothing is: what the other chassis says meanwhile waits here, and what this one learns is told when the agent is back.

use super::{LearningAgent, inter_chassis_link};
use crate::Switch;
use crate::config::SynchronisedMacs;
use greylag_base::{Instant, MacAddr, PortId, VlanId};
use std::collections::{BTreeMap, BTreeSet};

/// News of an address that is this chassis' own: of a station that was seen on a port other than the inter-chassis link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Learned {
    /// Its VLAN.
    pub vlan: VlanId,
    /// The address.
    pub mac: MacAddr,
    /// Where it is; `None` when this chassis has it no longer.
    pub port: Option<PortId>,
}

/// What the two chassis have told each other.
#[derive(Debug, Default)]
pub(crate) struct PeerMacs {
    /// The other chassis' addresses, and the port that each is at home behind: our leg of its bundle, or the inter-chassis link.
    theirs: BTreeMap<(VlanId, MacAddr), PortId>,
    /// The same by port.
    at_home: BTreeSet<(PortId, VlanId, MacAddr)>,
    /// Ports in whose stead others are used.
    detours: BTreeMap<PortId, PortId>,
    /// What the other chassis was told of ours; none, when it is told nothing.
    pub(super) told: Option<BTreeMap<(VlanId, MacAddr), PortId>>,
    /// What was to be done with its addresses when the session ended, and when that was, if the agent has not done it.
    pub(super) released: Option<(Instant, SynchronisedMacs)>,
    /// Addresses of which the other chassis has said something that the agent has not heard.
    pub(super) unheard: BTreeSet<(VlanId, MacAddr)>,
    /// The session has ended, and until then its addresses stay as it left them.
    pub(super) kept_until: Option<Instant>,
}

impl PeerMacs {
    /// The port by which an address of the other chassis is to be had now.
    pub(super) fn place(&self, vlan: VlanId, mac: MacAddr) -> Option<PortId> {
        self.theirs.get(&(vlan, mac)).map(|&home| self.way(home))
    }

    /// All addresses of the other chassis, each with the port by which it is to be had now.
    pub(super) fn places(&self) -> impl Iterator<Item = (VlanId, MacAddr, PortId)> {
        self.theirs.iter().map(|(&(vlan, mac), &home)| (vlan, mac, self.way(home)))
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.theirs.is_empty()
    }

    fn detour(&mut self, home: PortId, way: PortId) {
        if home == way {
            self.detours.remove(&home);
        } else {
            self.detours.insert(home, way);
        }
    }

    /// The other chassis has no addresses any more.
    fn forget(&mut self) {
        self.theirs.clear();
        self.at_home.clear();
        self.kept_until = None;
    }

    /// What was kept when the session ended is nothing to another session, nor to another agent.
    pub(super) fn forget_kept(&mut self) {
        if self.kept_until.is_some() {
            self.forget();
        }
    }

    fn way(&self, home: PortId) -> PortId {
        self.detours.get(&home).copied().unwrap_or(home)
    }

    /// The addresses that are to be had by this port now.
    fn by(&self, port: PortId) -> Vec<(VlanId, MacAddr)> {
        let own = Some(port).filter(|port| !self.detours.contains_key(port));
        let homes = self.detours.iter().filter(|(_, way)| **way == port).map(|(home, _)| *home);
        homes.chain(own).flat_map(|home| self.behind(home)).collect()
    }

    fn behind(&self, home: PortId) -> impl Iterator<Item = (VlanId, MacAddr)> {
        // No VLAN has a lower number.
        let first = (home, VlanId::DEFAULT, MacAddr::ZERO);
        let all = self.at_home.range(first..).take_while(move |place| place.0 == home);
        all.map(|&(_, vlan, mac)| (vlan, mac))
    }

    /// The other chassis has said this of an address; whether that is news.
    fn put(&mut self, vlan: VlanId, mac: MacAddr, home: Option<PortId>) -> bool {
        let before = match home {
            Some(home) => self.theirs.insert((vlan, mac), home),
            None => self.theirs.remove(&(vlan, mac)),
        };
        if let Some(before) = before {
            self.at_home.remove(&(before, vlan, mac));
        }
        if let Some(home) = home {
            self.at_home.insert((home, vlan, mac));
        }
        before != home
    }

    /// An agent that has just been started has heard everything, and is asked what has changed since the last one was.
    pub(super) fn heed(&mut self, agent: &mut LearningAgent) {
        self.unheard.clear();
        if let Some(told) = &self.told {
            agent.list.watch(told.keys().copied());
        }
    }
}

impl Switch {
    /// What has changed since this was asked last of the addresses that are this chassis' own: those that were seen on other ports than the
    /// inter-chassis link. Static ones are not among them. After [`relearn`](Self::relearn) it is all of them, and before it nothing.
    ///
    /// A learning agent that is dead or hangs says nothing. One that was started again has taken the table for its list, and says what
    /// differs from what was told before.
    pub fn take_learned(&mut self) -> Vec<Learned> {
        if !self.listens() {
            return Vec::new();
        }
        let link = inter_chassis_link(self.config());
        let (Some(agent), Some(told)) = (&mut self.learning.agent, &mut self.pair.peers.told) else {
            return Vec::new();
        };
        let mut news = Vec::new();
        for (vlan, mac) in agent.list.take_changed() {
            let known = agent.list.get(vlan, mac).filter(|known| known.is_own(link));
            let port = known.map(|known| known.port);
            let before = match port {
                Some(port) => told.insert((vlan, mac), port),
                None => told.remove(&(vlan, mac)),
            };
            if before != port {
                news.push(Learned { vlan, mac, port });
            }
        }
        news
    }

    /// There may be something to be had from [`take_learned`](Self::take_learned).
    pub fn has_learned(&self) -> bool {
        self.listens() && self.learning.agent.as_ref().is_some_and(|agent| agent.list.has_changed())
    }

    /// The other chassis knows nothing: it is told all addresses anew, and from now on what changes.
    pub fn relearn(&mut self) {
        self.worked_out = None;
        self.pair.peers.forget_kept();
        self.pair.peers.told = Some(BTreeMap::new());
        if let Some(agent) = &mut self.learning.agent {
            agent.list.watch(std::iter::empty());
        }
    }

    /// The other chassis has an address, which is to be had behind this port: our leg of the bundle that it is behind, or the
    /// inter-chassis link; `None` when it has it no longer.
    ///
    /// The agent puts it into the table, and keeps it current as long as the agent lives and the other chassis has it. Once it is seen on
    /// any other port than the inter-chassis link it is one of our own, which ages by itself; then, if the other chassis still
    /// has it, it is the other's again. Of two chassis that have it on ports of their own, the one that said so last is right. An
    /// address whose port is down or not in its VLAN is put there when it is.
    ///
    /// While the agent is dead or hangs nothing is done, and what is kept current no longer lapses. What is said meanwhile waits: an agent
    /// that was started again, or is back, does it all at once.
    pub fn place_peer_mac(&mut self, now: Instant, vlan: VlanId, mac: MacAddr, port: Option<PortId>) {
        self.worked_out = None;
        let is_news = self.pair.peers.put(vlan, mac, port);
        if self.listens() {
            self.with_learning(now, |agent, around| agent.settle_remote(vlan, mac, is_news, around));
        } else if is_news {
            self.pair.peers.unheard.insert((vlan, mac));
        }
    }

    /// The other chassis' addresses that were or will be placed behind `from` are to be had by `to`: the inter-chassis link, when our leg
    /// is down; `from` itself, when it is up again. It lasts, whatever becomes of the session. Costs as much as there are addresses
    /// behind `from`.
    pub fn repoint(&mut self, now: Instant, from: PortId, to: PortId) {
        self.worked_out = None;
        self.pair.peers.detour(from, to);
        let moved: Vec<(VlanId, MacAddr)> = self.pair.peers.behind(from).collect();
        self.settle_peer_macs(now, moved);
    }

    /// The session with the other chassis has ended, and this is what becomes of all its addresses. It is told no more of ours either,
    /// until [`relearn`](Self::relearn). An agent that hangs does it when it is back; when it is dead nothing is done, and they lapse.
    pub fn release_peer_macs(&mut self, now: Instant, how: SynchronisedMacs) {
        self.worked_out = None;
        let ageing_time = self.config().mac_table.ageing_time;
        (self.pair.peers.told, self.pair.peers.unheard) = (None, BTreeSet::new());
        // Who does not age would stay as long as an operator likes.
        match how {
            SynchronisedMacs::Pin if !ageing_time.is_zero() => {
                self.pair.peers.kept_until.get_or_insert(now + ageing_time);
            }
            _ => self.pair.peers.forget(),
        }
        if let Some(agent) = &mut self.learning.agent {
            agent.list.unwatch();
        }
        if self.listens() {
            self.with_learning(now, |agent, around| agent.release_remotes(now, how, around));
        } else {
            // The first one counts: after that there was nothing to release.
            self.pair.peers.released.get_or_insert((now, how));
        }
    }

    /// A port is up: the other chassis' addresses that are to be had by it are put there.
    pub(crate) fn reach_peer_macs(&mut self, now: Instant, port: PortId) {
        let there = self.pair.peers.by(port);
        self.settle_peer_macs(now, there);
    }

    fn settle_peer_macs(&mut self, now: Instant, stations: Vec<(VlanId, MacAddr)>) {
        if self.listens() && !stations.is_empty() {
            self.with_learning(now, |agent, around| {
                for (vlan, mac) in stations {
                    agent.settle_remote(vlan, mac, false, around);
                }
            });
        }
    }
}
