//! Next hops: what is done with a packet whose route and bucket are found. One word each, so that it changes at once for all.

use greylag_base::{InterfaceId, MacAddr};
use greylag_fib::NextHopId;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum NextHop {
    /// Nobody has said: it is dropped.
    Unset,
    /// It leaves by an interface, to a station.
    Neighbor {
        /// By which.
        interface: InterfaceId,
        /// To which.
        mac: MacAddr,
    },
    /// It leaves by an interface, and nobody knows the station yet: it is handed up, so that the station be found.
    Unresolved {
        /// By which.
        interface: InterfaceId,
    },
    /// Its destination is in the subnet of an interface, and not known yet: it is handed up, so that it be found.
    Glean {
        /// Of which.
        interface: InterfaceId,
    },
    /// It is for the switch itself.
    Local,
    /// It is dropped in silence.
    Blackhole,
    /// It is dropped, and its sender told that the destination is unreachable.
    Unreachable,
    /// It is dropped, and its sender told that this is forbidden.
    Prohibited,
}

const NEIGHBOR: u64 = 1;
const KIND: u32 = 60;
const INTERFACE: u32 = 48;

impl NextHop {
    /// Kind, interface (12 bits), address.
    fn to_word(self) -> u64 {
        let with = |kind: u64, interface: InterfaceId| kind << KIND | u64::from(interface.0) << INTERFACE;
        match self {
            NextHop::Unset => 0,
            NextHop::Neighbor { interface, mac } => with(NEIGHBOR, interface) | mac.to_bits(),
            NextHop::Unresolved { interface } => with(2, interface),
            NextHop::Glean { interface } => with(3, interface),
            NextHop::Local => 4 << KIND,
            NextHop::Blackhole => 5 << KIND,
            NextHop::Unreachable => 6 << KIND,
            NextHop::Prohibited => 7 << KIND,
        }
    }

    fn from_word(word: u64) -> Self {
        let interface = InterfaceId((word >> INTERFACE & 0xfff) as u16);
        match word >> KIND {
            NEIGHBOR => NextHop::Neighbor { interface, mac: MacAddr::from_bits(word & 0xffff_ffff_ffff) },
            2 => NextHop::Unresolved { interface },
            3 => NextHop::Glean { interface },
            4 => NextHop::Local,
            5 => NextHop::Blackhole,
            6 => NextHop::Unreachable,
            7 => NextHop::Prohibited,
            _ => NextHop::Unset,
        }
    }
}

/// All next hops of a switch, by number.
pub(crate) struct NextHops(Box<[AtomicU64]>);

impl NextHops {
    /// The most interfaces that a word can tell apart.
    pub(crate) const MOST_INTERFACES: usize = 1 << (KIND - INTERFACE);

    pub(crate) fn new(count: u32) -> Self {
        NextHops((0..count).map(|_| AtomicU64::new(0)).collect())
    }

    /// Nothing is said if there is no next hop of this number.
    pub(crate) fn set(&self, id: NextHopId, next_hop: NextHop) {
        if let Some(word) = self.0.get(id.0 as usize) {
            word.store(next_hop.to_word(), Ordering::Release);
        }
    }

    pub(crate) fn get(&self, id: NextHopId) -> NextHop {
        self.word(id).read()
    }

    /// As it was at one moment.
    #[inline(always)]
    pub(crate) fn word(&self, id: NextHopId) -> NextHopWord {
        // Relaxed: all that there is to know is in the word; interfaces are in the snapshot, and one that is not in it is down.
        NextHopWord(self.0.get(id.0 as usize).map_or(0, |word| word.load(Ordering::Relaxed)))
    }
}

/// A next hop as it is kept.
#[derive(Clone, Copy)]
pub(crate) struct NextHopWord(u64);

impl NextHopWord {
    /// Interface and address of a station that is known, which most are.
    #[inline(always)]
    pub(crate) fn neighbor(self) -> Option<(InterfaceId, u64)> {
        let interface = InterfaceId((self.0 >> INTERFACE & 0xfff) as u16);
        (self.0 >> KIND == NEIGHBOR).then_some((interface, self.0 & 0xffff_ffff_ffff))
    }

    pub(crate) fn read(self) -> NextHop {
        NextHop::from_word(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_gives_back_what_it_was_made_of() {
        let interface = InterfaceId(NextHops::MOST_INTERFACES as u16 - 1);
        let mac = MacAddr([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);
        for next_hop in [
            NextHop::Unset,
            NextHop::Neighbor { interface, mac },
            NextHop::Unresolved { interface },
            NextHop::Glean { interface: InterfaceId(0) },
            NextHop::Local,
            NextHop::Blackhole,
            NextHop::Unreachable,
            NextHop::Prohibited,
        ] {
            let word = NextHopWord(next_hop.to_word());
            assert_eq!(word.read(), next_hop);
            let neighbor = word.neighbor().map(|(interface, mac)| (interface, MacAddr::from_bits(mac)));
            assert_eq!(neighbor.is_some(), matches!(next_hop, NextHop::Neighbor { .. }));
            assert!(neighbor.is_none_or(|neighbor| neighbor == (interface, mac)));
        }
    }
}
