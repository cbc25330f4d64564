//! One word says what becomes of a block of addresses, or where that is written.
//!
//! ```text
//!            63                      34 33 32 31                       1 0
//!           +-------------------------------+---------------------------+-+
//! value     |          group, 0 for none    |                           |0|    all of the block has this group
//!           +-------------------------+-----+---------------------------+-+
//! else      |   place in the arena    | form|  bitmap                   |1|
//!           +-------------------------+-----+---------------------------+-+
//! ```
//!
//! The bitmap has one bit for each of the block's 32 parts: set where the part differs from the one before. So what is
//! written at the place are as many entries as the bitmap has ones; the first part always begins a run.

/// Parts of a block.
pub(crate) const FAN: usize = 32;
/// Bits of an address that choose a part.
pub(crate) const STRIDE: u8 = 5;
/// Ranges of [`Form::Ranges`].
pub(crate) const RANGES: usize = 8;

/// Words of [`Form::Shortcut`].
pub(crate) const SHORTCUT: usize = 4;

/// What stands at the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A group of 32 bits for each run.
    Groups = 0,
    /// A word for each run.
    Words = 1,
    /// One cache line: where eight ranges begin, counted in 2^-32 of the block, and the group of each.
    Ranges = 2,
    /// All routes lie in one block far below: which one, its word, and the group elsewhere.
    Shortcut = 3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    /// No route.
    pub(crate) const NONE: Word = Word(0);

    #[inline(always)]
    pub(crate) fn value(group: u32) -> Self {
        Word(u64::from(group) << 32)
    }

    pub(crate) fn node(form: Form, bitmap: u32, place: u32) -> Self {
        debug_assert!(bitmap & 1 == 1 && place < 1 << 30);
        Word(u64::from(place) << 34 | (form as u64) << 32 | u64::from(bitmap))
    }

    #[inline(always)]
    pub(crate) fn is_value(self) -> bool {
        self.0 & 1 == 0
    }

    /// Of a value; what it gives for others has no meaning.
    #[inline(always)]
    pub(crate) fn group(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Of what is no value.
    #[inline(always)]
    pub(crate) fn form(self) -> Form {
        match self.0 >> 32 & 3 {
            0 => Form::Groups,
            1 => Form::Words,
            2 => Form::Ranges,
            _ => Form::Shortcut,
        }
    }

    #[inline(always)]
    pub(crate) fn is(self, form: Form) -> bool {
        self.0 & (3 << 32 | 1) == (form as u64) << 32 | 1
    }

    /// Is it ranges or a shortcut, which are written once and whole?
    #[inline(always)]
    pub(crate) fn is_sparse(self) -> bool {
        self.0 & (2 << 32 | 1) == 2 << 32 | 1
    }

    #[inline(always)]
    pub(crate) fn place(self) -> usize {
        (self.0 >> 34) as usize
    }

    /// Where in the arena, in units of 32 bits, it is read next if this run of it is wanted. 0 for a value.
    #[inline(always)]
    pub(crate) fn first_half(self, run: usize) -> usize {
        let none_if_value = (self.0 & 1).wrapping_neg() as usize;
        // Words are two halves. Of ranges it may be the line behind them; its place is what matters.
        let is_words = self.0 >> 32 & 1;
        (self.place() * 2 + (run << is_words)) & none_if_value
    }

    /// Runs of parts.
    pub(crate) fn runs(self) -> usize {
        (self.0 as u32).count_ones() as usize
    }

    #[inline(always)]
    pub(crate) fn bitmap(self) -> u32 {
        self.0 as u32
    }

    /// The run that a part is in. Only the low five bits of `part` count.
    #[inline(always)]
    pub(crate) fn run(self, part: u32) -> usize {
        // Shifted so that the part's own bit is the highest, those of later parts fall out.
        // A value may have no ones; what comes out for it has no meaning.
        (self.0 as u32).wrapping_shl(!part).count_ones().wrapping_sub(1) as usize
    }

    /// Words that it takes in the arena.
    pub(crate) fn size(self) -> usize {
        if self.is_value() {
            return 0;
        }
        match self.form() {
            Form::Groups => self.runs().div_ceil(2),
            Form::Words => self.runs(),
            Form::Ranges => RANGES,
            Form::Shortcut => SHORTCUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_belongs_to_the_run_that_began_last() {
        let word = Word::node(Form::Words, 1 | 1 << 4 | 1 << 31, 7);
        assert_eq!([0, 3, 4, 30, 31].map(|part| word.run(part)), [0, 0, 1, 1, 2]);
        assert_eq!(word.run(32 + 4), 1, "higher bits do not count");
        assert_eq!((word.place(), word.form(), word.size()), (7, Form::Words, 3));
        assert!(!word.is_value() && Word::value(u32::MAX).is_value() && word.is(Form::Words));
        assert_eq!(Word::value(u32::MAX).group(), u32::MAX);
    }
}
