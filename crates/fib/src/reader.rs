//! Those who look up.

use crate::batch::prefetch;
use crate::fib::Shared;
use crate::grace::{Seat, Stay};
use crate::group::GroupId;
use crate::prefix::Address;
use crate::shortcut::Shortcut;
use crate::word::{Form, RANGES, STRIDE, Word};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The right to look up, for one thread at a time.
pub struct Reader<A: Address> {
    shared: Arc<Shared<A>>,
    seat: Seat,
}

/// Look-ups that follow closely on each other, such as those of a batch of frames.
///
/// While it lasts, memory that the writer gives up is not used again: it should be short.
pub struct Session<'r, A: Address> {
    pub(crate) shared: &'r Shared<A>,
    _stay: Stay<'r>,
}

impl<A: Address> Reader<A> {
    pub(crate) fn new(shared: Arc<Shared<A>>) -> Self {
        let seat = shared.grace.seat();
        Reader { shared, seat }
    }

    /// Opens a session.
    #[inline]
    pub fn session(&mut self) -> Session<'_, A> {
        let stay = self.shared.grace.enter(&mut self.seat);
        Session { shared: &self.shared, _stay: stay }
    }

    /// Says that this address will be looked up soon: what that begins with is fetched meanwhile.
    #[inline(always)]
    pub fn expect(&self, address: A) {
        prefetch(self.shared.slot(address.root_slot()));
    }
}

impl<A: Address> Clone for Reader<A> {
    /// Another reader of the same table.
    fn clone(&self) -> Self {
        Reader::new(Arc::clone(&self.shared))
    }
}

impl<A: Address> Session<'_, A> {
    /// The group of the longest prefix that an address is in.
    #[inline]
    pub fn look_up(&self, address: A) -> Option<GroupId> {
        // Acquire, here and below: the nodes below a word were written before it was shown.
        let word = Word(self.shared.slot(address.root_slot()).load(Ordering::Acquire));
        self.shared.look_up_from(word, A::ROOT_BITS, address)
    }
}

impl<A: Address> Shared<A> {
    /// Goes on from the word that an address has come to by its first `depth` bits, in a session.
    #[inline(never)]
    pub(crate) fn look_up_from(&self, mut word: Word, mut depth: u8, address: A) -> Option<GroupId> {
        loop {
            while word.is(Form::Words) {
                let run = word.run(address.five(depth));
                // SAFETY: a run of a node of words, as the word says that leads to it.
                word = Word(unsafe { self.arena.word(word.place() + run) }.load(Ordering::Acquire));
                depth += STRIDE;
            }
            if word.is_value() {
                return GroupId::new(word.group());
            }
            let index = match word.form() {
                Form::Shortcut => {
                    // SAFETY: as the word says that leads to it.
                    (word, depth) = unsafe { Shortcut::read(&self.arena, word.place()) }.follow(address);
                    continue;
                }
                Form::Ranges => RANGES + self.range(word, address.tail(depth)),
                _ => word.run(address.five(depth)),
            };
            // SAFETY: a run of a node of groups, or one of eight groups of ranges, as the word says that leads to it.
            return GroupId::new(unsafe { self.arena.half(word.place(), index) }.load(Ordering::Relaxed));
        }
    }

    /// The range of a node that a key is in: the last that does not begin behind it.
    fn range(&self, node: Word, key: u32) -> usize {
        // SAFETY: a node of ranges, as the word says that leads to it.
        let begin = |index| unsafe { self.arena.half(node.place(), index) }.load(Ordering::Relaxed);
        (0..RANGES).filter(|&index| begin(index) <= key).count() - 1
    }
}
