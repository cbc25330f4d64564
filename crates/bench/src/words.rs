//! Numbers that look random and are the same in every run.

use greylag_base::MacAddr;

/// A reproducible sequence of words (SplitMix64).
#[derive(Clone)]
pub struct Words(pub u64);

impl Iterator for Words {
    type Item = u64;
    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(word ^ (word >> 31))
    }
}

impl Words {
    /// Brings things into an order that nobody can guess.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let word = self.next().expect("words do not end");
            things.swap(last, (word % (last as u64 + 1)) as usize);
        }
    }
}

/// `count` unicast addresses without an order.
pub fn addresses(count: usize) -> Vec<MacAddr> {
    Words(1).map(|word| MacAddr::from_bits(word & 0xfcff_ffff_ffff | 0x0200_0000_0000)).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffling_loses_nothing() {
        let mut things: Vec<u32> = (0..1000).collect();
        Words(7).shuffle(&mut things);
        assert_ne!(things[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        things.sort_unstable();
        assert!(things.into_iter().eq(0..1000));
    }
}
