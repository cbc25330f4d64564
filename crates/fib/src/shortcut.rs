//! A block whose routes all lie in one block far below.
//!
//! An operator announces a /32, and somewhere in it the /128 of his routers: nothing else is routed there. As nested blocks that is
//! a chain of nodes with one run that leads on, and all other addresses of a batch wait for the few that go down there. A shortcut
//! names the far block, so that one comparison is the whole way.

use crate::arena::Arena;
use crate::prefix::{Address, Prefix};
use crate::routes::Route;
use crate::word::{STRIDE, Word};
use std::sync::atomic::Ordering;

/// Less far down it is not worth the line that it takes.
const LEAST: u8 = 3 * STRIDE;
/// Of more routes than these it would cost too much that a change of one makes all of it anew.
const MOST: usize = 128;

/// The block that all routes lie in, if it is so far below `depth` bits that a shortcut is worth it.
pub(crate) fn far_block<A: Address>(depth: u8, routes: &[Route<A>]) -> Option<Prefix<A>> {
    let ((first, _), (last, _)) = (routes.first()?, routes.last()?);
    // Routes are in order: what the first and the last of them share, all of them share.
    let shared = first.shared(*last);
    let is_worth = shared >= depth + LEAST && routes.len() <= MOST;
    is_worth.then(|| Prefix::new(first.first(), shared).expect("no longer than the route"))
}

/// What is written at a [`crate::word::Form::Shortcut`].
pub(crate) struct Shortcut<A> {
    pub(crate) block: Prefix<A>,
    /// Of the block.
    pub(crate) below: Word,
    /// The group of the addresses outside of it.
    pub(crate) cover: u32,
}

impl<A: Address> Shortcut<A> {
    /// # Safety
    /// It is a shortcut's place, and the writer's own as yet.
    pub(crate) unsafe fn write(&self, arena: &Arena, place: usize) {
        let left = self.block.first().left();
        let end = u64::from(self.cover) << 32 | u64::from(self.block.len());
        for (index, word) in [(left >> 64) as u64, left as u64, self.below.0, end].into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { arena.word(place + index) }.store(word, Ordering::Relaxed);
        }
    }

    /// # Safety
    /// It is a shortcut's place, found in a word that was loaded with acquire: it is written before that is shown, and not again.
    pub(crate) unsafe fn read(arena: &Arena, place: usize) -> Self {
        // SAFETY: the caller's promise.
        let word = |index| unsafe { arena.word(place + index) }.load(Ordering::Relaxed);
        let first = A::from_left(u128::from(word(0)) << 64 | u128::from(word(1)));
        let end = word(3);
        let block = Prefix::new(first, end as u8).expect("no longer than an address, as it was written");
        Shortcut { block, below: Word(word(2)), cover: (end >> 32) as u32 }
    }

    /// The word that an address comes to, and how many bits it has come by then.
    #[inline]
    pub(crate) fn follow(&self, address: A) -> (Word, u8) {
        match self.block.contains(address) {
            true => (self.below, self.block.len()),
            false => (Word::value(self.cover), 0),
        }
    }
}
