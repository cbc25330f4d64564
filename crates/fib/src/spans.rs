//! All that look-ups find in a block of addresses, for audits.
//!
//! The table that readers see keeps no prefixes: one that longer ones hide whole is not in it, and two that meet and lead to one group
//! cannot be told apart. So what it is compared with must be brought to the same form: where answers change, and what they are.

use crate::group::GroupId;
use crate::prefix::{Address, Prefix};
use crate::reader::Session;
use crate::shortcut::Shortcut;
use crate::word::{FAN, Form, RANGES, STRIDE, Word};
use std::sync::atomic::Ordering;

/// Addresses next to each other that lead to one group, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<A> {
    /// The lowest of them.
    pub first: A,
    /// The highest.
    pub last: A,
    /// Where they lead.
    pub group: Option<GroupId>,
}

impl<A: Address> Span<A> {
    /// What look-ups should find in a block by these routes: prefixes in order, each once, as [`crate::Writer::iter`] gives them and a RIB
    /// can. Neighbours differ in their groups.
    ///
    /// ```
    /// # use greylag_fib::{GroupId, Ipv4Fib, Prefix, Span};
    /// let rib = [("10.0.0.0/8".parse()?, GroupId::new(1).unwrap()), ("10.1.0.0/16".parse()?, GroupId::new(2).unwrap())];
    /// let mut fib = Ipv4Fib::new(100);
    /// fib.load(rib)?;
    /// let all = "0.0.0.0/0".parse()?;
    /// assert_eq!(fib.reader().session().spans(all), Span::of(rib, all));
    /// fib.insert("10.1.0.0/16".parse()?, GroupId::new(3).unwrap())?;
    /// assert_ne!(fib.reader().session().spans(all), Span::of(rib, all));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(routes: impl IntoIterator<Item = (Prefix<A>, GroupId)>, block: Prefix<A>) -> Vec<Self> {
        let mut found = Found::new(block);
        // The prefixes that the sweep is inside of: where each ends, and its group.
        let mut inside: Vec<(u128, u32)> = Vec::new();
        found.begin(0, 0);
        let close = |found: &mut Found<A>, inside: &mut Vec<(u128, u32)>, before: Option<u128>| {
            while let Some((end, _)) = inside.pop_if(|(end, _)| before.is_none_or(|before| *end < before)) {
                let group = inside.last().map_or(0, |(_, group)| *group);
                end.checked_add(1).inspect(|&next| found.begin(next, group));
            }
        };
        for (prefix, group) in routes {
            let first = prefix.first().left();
            close(&mut found, &mut inside, Some(first));
            found.begin(first, group.get());
            // Bits behind the end of a short address count as inside.
            inside.push((prefix.last().left() | behind::<A>(), group.get()));
        }
        close(&mut found, &mut inside, None);
        found.spans()
    }
}

impl<A: Address> Session<'_, A> {
    /// What look-ups find in all of a block, in order; neighbours differ in their groups. Each address is looked up at some moment of the
    /// session, as in a batch.
    ///
    /// The whole table takes as long as reading it does, milliseconds, and its session keeps memory from being used again for that time.
    pub fn spans(&self, block: Prefix<A>) -> Vec<Span<A>> {
        let mut found = Found::new(block);
        let slots = block.first().root_slot()..=block.last().root_slot();
        for slot in slots {
            // Acquire, here and below: the nodes below a word were written before it was shown.
            let word = Word(self.shared.slot(slot).load(Ordering::Acquire));
            self.walk(word, (slot as u128) << (128 - A::ROOT_BITS), A::ROOT_BITS, &mut found);
        }
        found.spans()
    }

    /// Goes through the block that begins at `left` and whose addresses share `depth` bits.
    fn walk(&self, word: Word, left: u128, depth: u8, found: &mut Found<A>) {
        if word.is_value() {
            return found.begin(left, word.group());
        }
        let arena = &self.shared.arena;
        if word.is(Form::Shortcut) {
            // SAFETY: as the word says that leads to it.
            let shortcut = unsafe { Shortcut::<A>::read(arena, word.place()) };
            found.begin(left, shortcut.cover);
            self.walk(shortcut.below, shortcut.block.first().left(), shortcut.block.len(), found);
            let behind = (shortcut.block.last().left() | behind::<A>()).checked_add(1);
            // It may be the first address behind this whole block, and is hidden then.
            return behind.into_iter().for_each(|behind| found.begin(behind, shortcut.cover));
        }
        if word.is(Form::Ranges) {
            for range in 0..RANGES {
                // SAFETY: eight begins and eight groups of a node of ranges, as the word says that leads to it.
                let half = |index| unsafe { arena.half(word.place(), index) }.load(Ordering::Relaxed);
                // Keys are finer than addresses where a block has fewer than 2^32 of these: then the next address.
                let key = (u128::from(half(range)) << 96).checked_add((1 << depth) - 1);
                if let Some(key) = key {
                    found.begin(left | key >> depth, half(RANGES + range));
                }
            }
            return;
        }
        let runs = (0..FAN as u32).filter(|part| word.bitmap() >> part & 1 == 1);
        for (run, part) in runs.enumerate() {
            let begin = left | (u128::from(part) << 123) >> depth;
            if !found.wants(begin) {
                return;
            }
            if word.is(Form::Words) {
                // SAFETY: a run of a node of words, as the word says that leads to it.
                let below = Word(unsafe { arena.word(word.place() + run) }.load(Ordering::Acquire));
                self.walk(below, begin, depth + STRIDE, found);
            } else {
                // SAFETY: a run of a node of groups, as above.
                let group = unsafe { arena.half(word.place(), run) }.load(Ordering::Relaxed);
                found.begin(begin, group);
            }
        }
    }
}

/// Where answers change, as far as that is within a block.
struct Found<A> {
    block: Prefix<A>,
    /// Left-aligned; the first is the block's own.
    begins: Vec<(u128, u32)>,
}

/// The bits that an address does not have.
fn behind<A: Address>() -> u128 {
    u128::MAX.checked_shr(A::BITS.into()).unwrap_or(0)
}

impl<A: Address> Found<A> {
    fn new(block: Prefix<A>) -> Self {
        Found { block, begins: Vec::new() }
    }

    fn wants(&self, left: u128) -> bool {
        left <= self.block.last().left()
    }

    /// From here on it is `group`. What comes later does not lie before it.
    fn begin(&mut self, left: u128, group: u32) {
        if !self.wants(left) {
            return;
        }
        let left = left.max(self.block.first().left());
        // What began here, or before the block, is hidden at once.
        self.begins.pop_if(|(begin, _)| *begin == left);
        if self.begins.last().is_none_or(|(_, before)| *before != group) {
            self.begins.push((left, group));
        }
    }

    fn spans(self) -> Vec<Span<A>> {
        let ends = self.begins.iter().skip(1).map(|(next, _)| A::from_left(next - 1));
        let ends = ends.chain([self.block.last()]);
        let span =
            |(&(first, group), last)| Span { first: A::from_left(first), last, group: GroupId::new(group) };
        self.begins.iter().zip(ends).map(span).collect()
    }
}
