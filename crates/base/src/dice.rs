use crate::Seed;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// One component's stream of chance: the same draws from the same [`Seed`], on any machine.
#[derive(Clone, Debug)]
pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The stream of a seed; give each component a seed of its own with [`Seed::derive`].
    pub fn new(seed: Seed) -> Self {
        Dice(Xoshiro256PlusPlus::seed_from_u64(seed.0))
    }

    /// 64 even bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, each as likely as the others to within 2^-64 of its share; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(bound)) >> u64::BITS) as u64
    }

    /// True with this probability, 0 to 1. A probability of 0 draws nothing.
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are all that a f64 can tell apart.
        probability > 0.0 && ((self.word() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }

    /// A time from `least` to below `most`; `least` when there is nothing between them.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least).as_nanos().min(u128::from(u64::MAX)) as u64;
        least + Duration::from_nanos(self.below(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_for_ever() {
        let mut dice = Dice::new(Seed(1));
        // A replay that is named by its seed is the same replay in the next version only while these values stay.
        assert_eq!([dice.word(), dice.word()], [0xcfc5_d07f_6f03_c29b, 0xbf42_4132_963f_e08d]);
    }

    #[test]
    fn bounds_hold() {
        let mut dice = Dice::new(Seed(2));
        assert!((0..1000).all(|_| dice.below(10) < 10));
        assert_eq!(dice.below(0), 0);
        assert!((0..1000).all(|_| !dice.chance(0.0)) && (0..1000).all(|_| dice.chance(1.0)));
        let hits = (0..10_000).filter(|_| dice.chance(0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        let second = Duration::from_secs(1);
        assert!((0..1000).all(|_| (second..2 * second).contains(&dice.between(second, 2 * second))));
        assert_eq!(dice.between(second, Duration::ZERO), second);
    }
}
