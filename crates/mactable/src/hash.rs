//! A keyed permutation of the table's keys: hash function and its inverse in one.
//!
//! Because it loses nothing, a slot needs to store only the part of the hash that its bucket does not
//! already say. Its multipliers are secret, so that whoever picks MAC addresses cannot pick buckets; it is no
//! cipher, and somebody who can watch which addresses share a bucket could in time learn the key.

/// A permutation of the numbers below `2^bits`.
#[derive(Clone, Debug)]
pub(crate) struct Permutation {
    pub(crate) mask: u64,
    /// At least half of the width, which makes `x ^ (x >> fold)` its own inverse.
    pub(crate) fold: u32,
    pub(crate) whiten: u64,
    pub(crate) multipliers: [u64; 2],
    inverses: [u64; 2],
}

impl Permutation {
    /// `bits` is 2 to 63.
    pub(crate) fn new(bits: u32, key: [u64; 2]) -> Self {
        debug_assert!((2..64).contains(&bits));
        let mask = (1 << bits) - 1;
        let mut state = key[0];
        let mut draw = |word: u64| {
            state = splitmix(state ^ word);
            state
        };
        let multipliers = [draw(key[1]) | 1, draw(!key[1]) | 1];
        Permutation {
            mask,
            fold: bits.div_ceil(2),
            whiten: draw(key[1].rotate_left(32)) & mask,
            multipliers,
            inverses: multipliers.map(inverse_of_odd),
        }
    }

    /// Hashes a key; bits above the width count for nothing.
    #[inline]
    pub(crate) fn forward(&self, key: u64) -> u64 {
        let mut x = (key ^ self.whiten) & self.mask;
        x ^= x >> self.fold;
        for multiplier in self.multipliers {
            x = x.wrapping_mul(multiplier) & self.mask;
            x ^= x >> self.fold;
        }
        x
    }

    /// The key with this hash.
    pub(crate) fn backward(&self, hash: u64) -> u64 {
        let mut x = hash;
        for inverse in self.inverses.into_iter().rev() {
            x ^= x >> self.fold;
            x = x.wrapping_mul(inverse) & self.mask;
        }
        x ^= x >> self.fold;
        x ^ self.whiten
    }
}

/// The inverse modulo 2^64 by Newton's iteration; each step doubles the number of right bits, from three.
fn inverse_of_odd(odd: u64) -> u64 {
    let mut inverse = odd;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014).
fn splitmix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_hash_leads_back_to_its_key(bits in 48u32..=63, key: [u64; 2], x: u64) {
            let permutation = Permutation::new(bits, key);
            let x = x & ((1 << bits) - 1);
            prop_assert!(permutation.forward(x) < 1 << bits);
            prop_assert_eq!(permutation.backward(permutation.forward(x)), x);
        }
    }

    /// Pearson's chi-square of 65536 keys over 4096 buckets; for random keys about 4095 with a standard deviation of 90.
    fn chi_square(permutation: &Permutation, keys: impl Iterator<Item = u64>) -> f64 {
        let mut load = vec![0u32; 4096];
        let mut total = 0;
        for key in keys {
            load[(permutation.forward(key) & 4095) as usize] += 1;
            total += 1;
        }
        let expected = f64::from(total) / 4096.0;
        load.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum()
    }

    #[test]
    fn crafted_addresses_spread_no_worse_than_random_ones() {
        for seed in 0..20 {
            let permutation = Permutation::new(55, [seed, !seed]);
            let n = 0..1u64 << 16;
            let sets: [(&str, Box<dyn Iterator<Item = u64>>); 6] = [
                ("sequential", Box::new(n.clone())),
                ("steps of 4096", Box::new(n.clone().map(|i| i << 12))),
                ("vendor part only", Box::new(n.clone().map(|i| (i << 24) | 0x1234))),
                ("highest bits only", Box::new(n.clone().map(|i| i << 32))),
                ("VLANs of one address", Box::new(n.clone().map(|i| ((i & 127) << 48) | (i >> 7)))),
                ("octets alike", Box::new(n.map(|i| (i << 32) | (i << 16) | i))),
            ];
            for (name, keys) in sets {
                let chi = chi_square(&permutation, keys);
                // Far below random would be too even to be hashing, which is no harm to a table.
                assert!(chi < 4095.0 + 8.0 * 90.5, "{name}, key {seed}: {chi}");
            }
        }
    }
}
