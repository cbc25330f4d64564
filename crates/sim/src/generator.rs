//! Frames that a host is made to send, past its stack: floods of broadcasts, and of source addresses.

use core::net::IpAddr;
use greylag_base::{Dice, Instant, MacAddr, Seed, VlanId};
use greylag_wire::ethernet::{EtherType, MIN_FRAME_LEN};
use greylag_wire::vlan::Tci;
use std::time::Duration;

/// An odd number near 2^46 / golden ratio: multiples of it fall everywhere and never on each other.
const STRIDE: u64 = 0x278d_de6e_5fd3;
/// All bits of an address but those that say whose it is and for how many.
const FREE_BITS: u64 = (1 << 46) - 1;

/// Echo requests that are to be sent.
pub(crate) struct Pinging {
    pub(crate) to: IpAddr,
    pub(crate) ident: u16,
    pub(crate) sequence: u16,
    /// How many are left.
    pub(crate) count: u16,
    pub(crate) next: Instant,
}

/// What kind of frames.
#[derive(Clone, Copy, Debug)]
pub enum Emission {
    /// To everybody.
    Broadcast,
    /// From so many addresses in turn, each to an address that nobody has, as macof sends them.
    MacFlood {
        /// How many.
        macs: u32,
    },
}

/// Frames at a steady rate.
pub struct Generator {
    emission: Emission,
    start: Instant,
    rate: u64,
    sent: u64,
    frames: u64,
    dice: Dice,
    /// The first of the addresses.
    first: u64,
}

impl Generator {
    /// None when it would send nothing.
    pub fn new(start: Instant, emission: Emission, rate: u32, lasts: Duration, seed: Seed) -> Option<Self> {
        let frames = (lasts.as_nanos() * u128::from(rate)).div_ceil(1_000_000_000);
        let mut dice = Dice::new(seed);
        let first = dice.word();
        let rate = u64::from(rate);
        (frames > 0).then_some(Generator {
            emission,
            start,
            rate,
            sent: 0,
            frames: frames as u64,
            dice,
            first,
        })
    }

    /// When the next frame is due.
    pub fn next(&self) -> Instant {
        let nanos = u128::from(self.sent) * 1_000_000_000 / u128::from(self.rate);
        self.start + Duration::from_nanos(nanos as u64)
    }

    /// It has sent everything.
    pub fn is_over(&self) -> bool {
        self.sent == self.frames
    }

    /// Writes the next frame if it is due by now.
    pub fn emit(&mut self, now: Instant, mac: MacAddr, vlan: Option<VlanId>, frame: &mut Vec<u8>) -> bool {
        if self.is_over() || self.next() > now {
            return false;
        }
        let (destination, source) = match self.emission {
            Emission::Broadcast => (MacAddr::BROADCAST, mac),
            Emission::MacFlood { macs } => {
                let number = self.sent % u64::from(macs.max(1));
                let own = self.first.wrapping_add(number.wrapping_mul(STRIDE));
                (station(self.dice.word()), station(own))
            }
        };
        frame.clear();
        frame.extend_from_slice(&destination.0);
        frame.extend_from_slice(&source.0);
        if let Some(vlan) = vlan {
            frame.extend_from_slice(&Tci(0).with_vlan(vlan).to_bytes());
        }
        frame.extend_from_slice(&EtherType::LOCAL_EXPERIMENT.0.to_be_bytes());
        frame.resize(MIN_FRAME_LEN, 0);
        self.sent += 1;
        true
    }
}

/// A locally administered address of one station: 46 bits of it are free.
fn station(bits: u64) -> MacAddr {
    let bits = bits & FREE_BITS;
    MacAddr::from_bits(bits >> 40 << 42 | 2 << 40 | bits & 0xff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_flood_has_as_many_sources_as_it_says_and_keeps_its_rate() {
        let second = Duration::from_secs(1);
        let flood = Emission::MacFlood { macs: 5000 };
        let mut generator = Generator::new(Instant::ZERO, flood, 3000, 3 * second, Seed(1)).unwrap();
        let (mut sources, mut frames, mut frame) = (BTreeSet::new(), 0, Vec::new());
        while !generator.is_over() {
            let now = generator.next();
            assert_eq!(now.as_nanos(), frames * 1_000_000_000 / 3000);
            assert!(generator.emit(now, MacAddr::ZERO, None, &mut frame));
            assert!(!generator.emit(now, MacAddr::ZERO, None, &mut Vec::new()));
            let source = MacAddr(frame[6..12].try_into().unwrap());
            assert!(source.is_unicast() && source.is_locally_administered());
            sources.insert(source);
            frames += 1;
        }
        assert_eq!((sources.len(), frames), (5000, 9000));
    }
}
