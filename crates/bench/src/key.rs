//! What is looked up: stations with random addresses, none of them twice.

use std::fmt;

/// Keys in a batch.
pub const BATCH: usize = 32;
/// The most keys in a call.
pub const MOST: usize = 256;
/// Ports that stations are behind. Few, so that even a small table has whole batches of one port.
pub const PORTS: u16 = 8;
/// VLANs that stations may be in: 1 to this.
pub const VLANS: u16 = 16;
/// In place of a port: the key was not found.
pub const ABSENT: u16 = u16::MAX;

/// Keys that are worked on together. Learned ones come from one port, as the frames that one port received.
pub type Batch = [Key; BATCH];

/// VLAN and MAC address in one word: 12 bits above 48.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(pub u64);

impl Key {
    /// Bits of an address that are free to choose: all but group and local.
    const MAC_BITS: u32 = 46;
    const PORT_BITS: u32 = PORTS.trailing_zeros();

    /// The station with this number, of those in `vlans` VLANs, a power of two up to [`VLANS`]: always the same one,
    /// no two alike. Each 32 from a multiple of 32 share a port.
    pub fn nth(number: u64, vlans: u16) -> Key {
        debug_assert!(vlans.is_power_of_two() && vlans <= VLANS);
        let port = number / BATCH as u64 % u64::from(PORTS);
        let width = Self::MAC_BITS + vlans.trailing_zeros() - Self::PORT_BITS;
        let bits = scatter(number, width) << Self::PORT_BITS | port;
        let (vlan, first, rest) = (bits >> 46, bits >> 40 & 0x3f, bits & 0xff_ffff_ffff);
        // Unicast and locally administered.
        Key((1 + vlan) << 48 | (first << 2 | 2) << 40 | rest)
    }

    /// Its VLAN.
    #[inline]
    pub fn vlan(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// Its address.
    #[inline]
    pub fn mac(self) -> [u8; 6] {
        let [_, _, a, b, c, d, e, f] = self.0.to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// The port it is behind, unless it has moved.
    #[inline]
    pub fn port(self) -> u16 {
        self.0 as u16 & (PORTS - 1)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.mac();
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x} in VLAN {}", self.vlan())
    }
}

/// A permutation of the numbers below `2^width` that leaves no order: multiplications by odd numbers, and folds.
fn scatter(number: u64, width: u32) -> u64 {
    let mask = (1 << width) - 1;
    let mut word = number & mask;
    for odd in [0x9e37_79b9_7f4a_7c15_u64, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        word = word.wrapping_mul(odd) & mask;
        word ^= word >> width.div_ceil(2);
    }
    word
}

/// Brings things into an order without one: the same for the same seed.
pub(crate) fn shuffle<T>(things: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..things.len()).rev() {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let other = (u128::from(word) * (last as u128 + 1)) >> 64;
        things.swap(last, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn stations_differ_and_come_in_batches_of_a_port() {
        for vlans in [1, VLANS] {
            let keys: Vec<Key> = (0..1 << 16).map(|number| Key::nth(number, vlans)).collect();
            assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
            let used: HashSet<u16> = keys.iter().map(|key| key.vlan()).collect();
            assert_eq!(used, (1..=vlans).collect());
            for batch in keys.chunks(BATCH) {
                assert!(batch.iter().all(|key| key.port() == batch[0].port()));
            }
            assert!(keys.iter().all(|key| key.mac()[0] & 3 == 2));
        }
    }
}
