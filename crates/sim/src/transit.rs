//! A network of somebody else's that loses some flows for good, by rules that nobody here sees.

use core::net::{Ipv4Addr, Ipv6Addr};
use greylag_base::{Dice, Seed};
use greylag_scenario::story::{FlowLoss, LostBy};
use greylag_wire::ethernet::{ADDRESSES_LEN, HEADER_LEN};
use greylag_wire::five_tuple::FiveTuple;

/// Which flows are lost.
#[derive(Clone, Debug)]
pub(crate) struct Transit {
    by: LostBy,
    ipv6: Option<bool>,
    /// Flows whose number is below are lost; out of 2^53.
    below: u64,
    key: u64,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const NUMBERS: u64 = 1 << 53;

impl Transit {
    /// `seed` is that of one direction of the link: each loses flows of its own.
    pub(crate) fn new(loss: &FlowLoss, seed: Seed) -> Option<Self> {
        let key = Dice::new(seed.derive(&loss.within)).below(u64::MAX);
        let below = (loss.share * NUMBERS as f64) as u64;
        (below > 0).then_some(Transit { by: loss.by, ipv6: loss.ipv6, below, key })
    }

    /// The flow of a frame is lost. What has no IP header is not.
    pub(crate) fn loses(&self, frame: &[u8]) -> bool {
        self.number(frame).is_some_and(|number| number < self.below)
    }

    fn number(&self, frame: &[u8]) -> Option<u64> {
        let packet = frame.get(HEADER_LEN..)?;
        let words = match (&frame[ADDRESSES_LEN..HEADER_LEN], self.ipv6) {
            ([0x08, 0x00], None | Some(false)) => {
                let flow = FiveTuple::<Ipv4Addr>::parse(packet)?;
                let addresses = [u128::from(flow.source.to_bits()), u128::from(flow.destination.to_bits())];
                (addresses, flow.protocol, flow.source_port, flow.destination_port)
            }
            ([0x86, 0xdd], None | Some(true)) => {
                let flow = FiveTuple::<Ipv6Addr>::parse(packet)?;
                let addresses = [flow.source.to_bits(), flow.destination.to_bits()];
                (addresses, flow.protocol, flow.source_port, flow.destination_port)
            }
            _ => return None,
        };
        let ([source, destination], protocol, from, to) = words;
        // What keeps neighbours known is the link's own, and no flow.
        if !matches!(protocol, TCP | UDP) {
            return None;
        }
        let ports = match self.by {
            LostBy::Flow => u64::from(protocol) << 32 | u64::from(from) << 16 | u64::from(to),
            LostBy::Pair => 0,
        };
        let halves = [source, destination].map(|address| [(address >> 64) as u64, address as u64]);
        let words = halves.into_iter().flatten().chain([ports]);
        Some(words.fold(self.key, mixed) % NUMBERS)
    }
}

/// Spreads a word over the whole state (SplitMix64's finish).
fn mixed(state: u64, word: u64) -> u64 {
    let mut mixed = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
