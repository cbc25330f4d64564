//! One layer-3 interface: what it was told to be, its addresses and its neighbours.

use crate::addresses::Addresses;
use crate::config::InterfaceConfig;
use crate::event::IpEvent;
use crate::neighbor::{NeighborState, NeighborTimers, Neighbors};
use core::net::IpAddr;
use greylag_base::{Dice, Instant, InterfaceId, MacAddr};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// RFC 5227 2.4: an address that another station has too is defended once in this time.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// A packet that waits for a neighbour.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) packet: Vec<u8>,
    /// Where it came in; `None` for one of our own.
    pub(crate) ingress: Option<InterfaceId>,
}

#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) config: InterfaceConfig,
    pub(crate) addresses: Addresses,
    pub(crate) up: bool,
    pub(crate) neighbors: Neighbors<Waiting>,
    id: InterfaceId,
    /// What was last said of each neighbour: where it is, or that it does not answer.
    told: BTreeMap<IpAddr, Option<MacAddr>>,
    defended: Option<Instant>,
    dice: Dice,
}

impl Interface {
    pub(crate) fn new(id: InterfaceId, config: InterfaceConfig, timers: &NeighborTimers, dice: Dice) -> Self {
        Interface {
            addresses: config.addresses(),
            config,
            up: false,
            neighbors: Neighbors::new(timers.clone()),
            id,
            told: BTreeMap::new(),
            defended: None,
            dice,
        }
    }

    /// RFC 4861 6.3.4: stations that were started together do not verify their neighbours together.
    pub(crate) fn draw_timers(&mut self, timers: &NeighborTimers) {
        let reachable = self.dice.between(timers.reachable / 2, timers.reachable * 3 / 2);
        self.neighbors.set_timers(NeighborTimers { reachable, ..timers.clone() });
    }

    /// Is it time to tell of, and to defend against, another station with an address of ours?
    pub(crate) fn defends(&mut self, now: Instant) -> bool {
        let due = self.defended.is_none_or(|last| now.since(last) >= DEFEND_INTERVAL);
        if due {
            self.defended = Some(now);
        }
        due
    }

    /// Tells of neighbours for which packets go elsewhere than was last said.
    pub(crate) fn tell(&mut self, now: Instant, events: &mut VecDeque<IpEvent>) {
        for ip in self.neighbors.take_touched() {
            let entry = self.neighbors.get(now, ip);
            let (state, mac) = (entry.map(|entry| entry.0), entry.and_then(|entry| entry.1));
            let told = self.told.get(&ip).copied();
            let is_known = mac.is_some() || state == Some(NeighborState::Failed);
            let says = if is_known {
                self.told.insert(ip, mac);
                told != Some(mac)
            } else if state.is_some() {
                // That one which had failed is asked for again changes nothing.
                told.flatten().is_some() && self.told.remove(&ip).is_some()
            } else {
                self.told.remove(&ip).flatten().is_some()
            };
            if says {
                events.push_back(IpEvent::NeighborChanged { interface: self.id, ip, mac, state });
            }
        }
    }
}
