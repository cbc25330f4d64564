//! How frames fare on a way that is not sound: what is configured, and what is drawn for each frame. A virtual link and a live port ask the
//! same code, so that one seed decides the same in both worlds.

use crate::{Dice, Instant, Seed};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Octets that a frame takes on a line beside its own: preamble and delimiter, frame check sequence, gap
/// (IEEE 802.3-2022 3.1.1, 4.4.2).
const OVERHEAD: u64 = 8 + 4 + 12;

/// The shortest frame, without its check sequence (IEEE 802.3-2022 4A.4.2).
const SHORTEST: u64 = 60;

/// Picoseconds of a second.
const SECOND: u64 = 1_000_000_000_000;

/// How frames fare. Shares are 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Impairment {
    /// Lost.
    pub loss: f64,
    /// Delivered twice.
    pub duplicate: f64,
    /// Delayed by up to `jitter`, so that later ones overtake them.
    pub reorder: f64,
    /// One bit is flipped; the frame check sequence catches it, so that the receiving port drops it, unless `unnoticed`.
    pub corrupt: f64,
    /// Corruption happened behind the check: it is delivered.
    pub unnoticed: bool,
    /// Added to the link's delay.
    pub delay: Duration,
    /// Each frame's own addition, at most.
    pub jitter: Duration,
    /// Bits per second instead of the link's.
    pub rate: Option<u64>,
    /// Frames per second at most, whatever their length.
    pub frame_rate: Option<u64>,
    /// What the rate would have passed in so long a pause passes at once behind it.
    pub burst: Duration,
}

impl Impairment {
    /// Nothing is drawn for a frame: at most it has to wait for its turn.
    pub fn is_certain(&self) -> bool {
        let Impairment { rate, frame_rate, burst, .. } = *self;
        *self == Impairment { rate, frame_rate, burst, ..Impairment::default() }
    }
}

/// Draws what becomes of each frame.
#[derive(Clone, Debug)]
pub struct Impairer {
    dice: Dice,
    impairment: Impairment,
}

/// What becomes of a frame that is not lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Which of its bits is flipped.
    pub flipped: Option<u64>,
    /// The check sequence will tell.
    pub is_noticed: bool,
    /// How late a second copy comes, which is sent in front of the frame.
    pub copy: Option<Lateness>,
    /// How late it comes.
    pub late: Lateness,
}

/// How late a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// By how much.
    pub by: Duration,
    /// Those behind it may come first. Without it they wait.
    pub is_overtaken: bool,
}

impl Impairer {
    /// Draws from the stream of a seed.
    pub fn new(impairment: Impairment, seed: Seed) -> Self {
        Impairer { dice: Dice::new(seed), impairment }
    }

    /// What it draws by.
    pub fn impairment(&self) -> &Impairment {
        &self.impairment
    }

    /// Draws by something else from now on.
    pub fn set(&mut self, impairment: Impairment) {
        self.impairment = impairment;
    }

    /// Draws for a frame of so many octets; `None` when it is lost.
    pub fn draw(&mut self, octets: usize) -> Option<Fate> {
        let Impairment { loss, duplicate, corrupt, unnoticed, .. } = self.impairment;
        if self.dice.chance(loss) {
            return None;
        }
        let is_corrupt = self.dice.chance(corrupt) && octets > 0;
        let flipped = is_corrupt.then(|| self.dice.below(octets as u64 * 8));
        let copy = self.dice.chance(duplicate).then(|| self.lateness());
        let late = self.lateness();
        Some(Fate { flipped, is_noticed: flipped.is_some() && !unnoticed, copy, late })
    }

    /// With a share that is reordered, the jitter is theirs alone and others overtake them; without one, each frame has an addition of its
    /// own and those behind it wait.
    fn lateness(&mut self) -> Lateness {
        let Impairment { reorder, delay, jitter, .. } = self.impairment;
        let is_overtaken = self.dice.chance(reorder);
        let own = if is_overtaken || reorder == 0.0 { jitter } else { Duration::ZERO };
        Lateness { by: delay + self.dice.between(Duration::ZERO, own), is_overtaken }
    }
}

/// When frames have left a transmitter that is as fast as a rate says.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Picoseconds of an octet, and of a frame at least.
    octet: u64,
    frame: u64,
    burst: Duration,
    /// When it is free, and picoseconds beyond that.
    free_at: Instant,
    beyond: u64,
}

impl Pace {
    /// A transmitter of so many bits per second, unless the impairment has a rate. `None` is one that takes no time.
    pub fn new(bits_per_second: Option<u64>, impairment: &Impairment) -> Self {
        let mut pace = Pace { octet: 0, frame: 0, burst: Duration::ZERO, free_at: Instant::ZERO, beyond: 0 };
        pace.set(bits_per_second, impairment);
        pace
    }

    /// Another rate for those that come from now on.
    pub fn set(&mut self, bits_per_second: Option<u64>, impairment: &Impairment) {
        self.octet = impairment.rate.or(bits_per_second).map_or(0, |rate| 8 * SECOND / rate.max(1));
        self.frame = impairment.frame_rate.map_or(0, |rate| SECOND / rate.max(1));
        self.burst = impairment.burst;
    }

    /// When the turn of the next frame comes: it waits where that is later than `now`.
    #[inline]
    pub fn turn(&self, now: Instant) -> Instant {
        self.free_at.max(now)
    }

    /// A frame of so many octets, without check sequence, has its turn, and the last bit of it has left then. What will be cut into several
    /// `frames` takes the room of all of them.
    #[inline]
    pub fn take(&mut self, now: Instant, frames: u64, octets: u64) -> Instant {
        let earliest =
            if self.burst.is_zero() { now } else { Instant::ZERO + now.since(Instant::ZERO + self.burst) };
        if self.free_at <= earliest {
            // It has been idle: what is left of a nanosecond is forgotten.
            (self.free_at, self.beyond) = (earliest, 0);
        }
        let line = self.octet * (octets.max(SHORTEST * frames) + OVERHEAD * frames);
        let time = self.beyond + line.max(self.frame * frames);
        self.free_at += Duration::from_nanos(time / 1000);
        self.beyond = time % 1000;
        self.free_at.max(now)
    }

    /// What waits for it has gone.
    pub fn clear(&mut self, now: Instant) {
        (self.free_at, self.beyond) = (now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn at(micros: u64) -> Instant {
        Instant::from_nanos(micros * 1000)
    }

    #[test]
    fn a_seed_decides_the_same_each_time() {
        let impairment = Impairment {
            loss: 0.2,
            duplicate: 0.2,
            corrupt: 0.2,
            reorder: 0.2,
            jitter: millis(1),
            ..Impairment::default()
        };
        let draw = |seed| {
            let mut impairer = Impairer::new(impairment, Seed(seed));
            (0..100).map(|_| impairer.draw(64)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_sound_way_draws_nothing() {
        let mut impairer = Impairer::new(Impairment::default(), Seed(1));
        let fate = impairer.draw(64).unwrap();
        assert_eq!((fate.flipped, fate.is_noticed, fate.copy), (None, false, None));
        assert_eq!(fate.late, Lateness { by: Duration::ZERO, is_overtaken: false });
    }

    #[test]
    fn a_rate_in_bits_counts_what_a_frame_takes_on_the_line() {
        let impairment = Impairment { rate: Some(8_000_000), ..Impairment::default() };
        let mut pace = Pace::new(None, &impairment);
        // 60 octets and 24 beside them, one in a microsecond.
        assert_eq!(pace.take(at(0), 1, 60), at(84));
        assert_eq!((pace.turn(at(50)), pace.take(at(50), 1, 60)), (at(84), at(168)));
        // Two frames of 60, joined.
        assert_eq!(pace.take(at(5000), 2, 120), at(5168));
    }

    #[test]
    fn a_burst_is_what_the_rate_passes_in_a_pause() {
        let frames = |burst| {
            let impairment = Impairment { frame_rate: Some(1000), burst, ..Impairment::default() };
            let mut pace = Pace::new(None, &impairment);
            let now = at(100_000);
            (0..5).map(|_| pace.take(now, 1, 1514).since(now)).collect::<Vec<_>>()
        };
        assert_eq!(frames(Duration::ZERO), [1, 2, 3, 4, 5].map(millis));
        assert_eq!(frames(millis(3)), [0, 0, 0, 1, 2].map(millis));
    }
}
