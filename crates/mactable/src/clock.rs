//! Coarse time: what a stamp means.

use crate::layout::{AGE_MASK, age, age_code};

/// An entry lives for this many ticks after the one it was last seen in.
pub(crate) const LIFE: u64 = 512;
/// A stamp at most so many ticks ahead was written by a session whose `now` is later than ours; it is no age.
pub(crate) const AHEAD: u64 = 64;

/// The tick of the present, fixed for a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Length of a tick, nanoseconds; 0 while entries do not age.
    tick_ns: u64,
    /// Number of the tick modulo [`age::STAMPS`].
    phase: u64,
    code: u64,
    lapsed: Lapsed,
}

/// The age codes of entries whose time is over, an arc of the circle of all codes: which are in it, told by one subtraction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lapsed {
    pub(crate) first: u64,
    /// 0 while nothing ages.
    pub(crate) count: u64,
}

impl Lapsed {
    const NONE: Lapsed = Lapsed { first: 0, count: 0 };

    /// The arc may contain the codes that are no stamps, which the caller knows apart.
    #[inline]
    fn at(phase: u64) -> Lapsed {
        let (youngest, oldest) = (LIFE + 1, age::STAMPS - AHEAD - 1);
        let (first, last) = (phase + age::STAMPS - oldest, phase + age::STAMPS - youngest);
        let code =
            |stamp: u64| age::FIRST_STAMP + if stamp < age::STAMPS { stamp } else { stamp - age::STAMPS };
        Lapsed { first: code(first), count: (code(last).wrapping_sub(code(first)) & AGE_MASK) + 1 }
    }

    #[inline]
    fn may_contain(self, word: u64) -> bool {
        word.wrapping_sub(self.first) & AGE_MASK < self.count
    }

    #[inline]
    fn contains(self, word: u64) -> bool {
        self.may_contain(word) && age_code(word) >= age::FIRST_STAMP
    }
}

impl Clock {
    /// The clock under which nothing ages.
    pub(crate) const AGELESS: Clock =
        Clock { tick_ns: 0, phase: 0, code: age::UNSTAMPED, lapsed: Lapsed::NONE };

    /// A tick's length for an ageing time, both in nanoseconds.
    pub(crate) fn tick_for(ageing_time: u64) -> u64 {
        ageing_time.div_ceil(LIFE)
    }

    #[inline]
    pub(crate) fn new(tick_ns: u64, now: u64) -> Clock {
        match now.checked_div(tick_ns) {
            None => Self::AGELESS,
            Some(tick) => {
                let phase = tick % age::STAMPS;
                Clock { tick_ns, phase, code: age::FIRST_STAMP + phase, lapsed: Lapsed::at(phase) }
            }
        }
    }

    /// The age code of an entry that is seen now.
    #[inline]
    pub(crate) fn code(&self) -> u64 {
        self.code
    }

    #[inline]
    pub(crate) fn is_ageless(&self) -> bool {
        self.tick_ns == 0
    }

    /// Ticks from the entry's stamp to now, as far as the stamp can tell: below [`age::STAMPS`].
    #[inline]
    fn distance(&self, word: u64) -> u64 {
        let stamp = age_code(word) - age::FIRST_STAMP;
        if self.phase >= stamp { self.phase - stamp } else { self.phase + age::STAMPS - stamp }
    }

    /// Age in ticks; 0 for what has no age.
    #[inline]
    pub(crate) fn ticks(&self, word: u64) -> u64 {
        if self.is_ageless() || age_code(word) < age::FIRST_STAMP {
            return 0;
        }
        let distance = self.distance(word);
        if distance >= age::STAMPS - AHEAD { 0 } else { distance }
    }

    /// Age in nanoseconds, exact to a tick.
    pub(crate) fn nanos(&self, word: u64) -> u64 {
        self.ticks(word) * self.tick_ns
    }

    /// The entry's time is over.
    #[inline]
    pub(crate) fn lapsed(&self, word: u64) -> bool {
        self.lapsed.contains(word)
    }

    /// As [`Clock::lapsed`], or the entry is one without a stamp.
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline]
    pub(crate) fn may_have_lapsed(&self, word: u64) -> bool {
        self.lapsed.may_contain(word)
    }

    /// The age codes of such entries.
    #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
    #[inline]
    pub(crate) fn lapsed_codes(&self) -> Lapsed {
        self.lapsed
    }

    /// A refresh now would not make the entry younger.
    pub(crate) fn is_current(&self, word: u64) -> bool {
        self.is_ageless() || (age_code(word) >= age::FIRST_STAMP && self.ticks(word) == 0)
    }

    /// The age code under `next`, which shows the same moment, of an entry stamped under this clock.
    ///
    /// Rounds towards younger: a change of the ageing time takes no entry's time away.
    pub(crate) fn translate(&self, word: u64, next: &Clock) -> u64 {
        if next.is_ageless() {
            return age::UNSTAMPED;
        }
        let least_age = self.ticks(word).saturating_sub(1) * self.tick_ns;
        let ticks = (least_age / next.tick_ns).min(LIFE + 1);
        age::FIRST_STAMP + (next.phase + age::STAMPS - ticks) % age::STAMPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lapses_never_early_and_at_most_one_tick_late() {
        for ageing_time in [512, 512_000, 300_000_000_000] {
            let tick = Clock::tick_for(ageing_time);
            for born in (0..4000).map(|i| i * tick * 3 / 7 + i % tick) {
                let word = Clock::new(tick, born).code();
                assert!(!Clock::new(tick, born).lapsed(word));
                assert!(!Clock::new(tick, born + ageing_time).lapsed(word), "early: {ageing_time} {born}");
                assert!(
                    Clock::new(tick, born + ageing_time + tick).lapsed(word),
                    "late: {ageing_time} {born}"
                );
                // Until the sweeper has had three quarters of an ageing time.
                assert!(Clock::new(tick, born + ageing_time + ageing_time / 4 * 3).lapsed(word));
            }
        }
    }

    #[test]
    fn what_has_lapsed_is_older_than_its_life() {
        for phase in 0..age::STAMPS {
            let clock = Clock::new(1, phase);
            for code in 0..=AGE_MASK {
                assert_eq!(clock.lapsed(code | 0xabc << 10), clock.ticks(code) > LIFE, "{phase} {code}");
                assert!(!Clock::AGELESS.lapsed(code));
            }
        }
    }

    #[test]
    fn a_stamp_from_a_session_that_is_ahead_is_no_age() {
        let tick = Clock::tick_for(512_000);
        let word = Clock::new(tick, 1_000_000).code();
        let behind = Clock::new(tick, 1_000_000 - 60 * tick);
        assert_eq!((behind.ticks(word), behind.is_current(word)), (0, true));
    }

    #[test]
    fn another_ageing_time_keeps_the_age() {
        let (old, now) = (Clock::tick_for(300_000_000_000), 1_000_000_000_000);
        let word = Clock::new(old, now - 100_000_000_000).code();
        let next = Clock::new(Clock::tick_for(120_000_000_000), now);
        let age = next.nanos(Clock::new(old, now).translate(word, &next));
        assert!((98_500_000_000..=100_000_000_000).contains(&age), "{age}");
        let short = Clock::new(Clock::tick_for(10_000_000_000), now);
        assert!(short.lapsed(Clock::new(old, now).translate(word, &short)));
    }
}
