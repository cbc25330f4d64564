//! What readers and writer of a table share.

use crate::arena::Arena;
use crate::grace::Grace;
use crate::prefix::Address;
use crate::simd::Simd;
use crate::writer::Writer;
use std::marker::PhantomData;
use std::sync::atomic::AtomicU64;

/// A change finds no room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// There are as many prefixes as were asked for.
    #[error("the table is full: it was made for {0} prefixes")]
    Routes(usize),
    /// The memory is used up, by nodes or by what a reader still keeps from being used again.
    #[error("the table's {0} bytes are used up; is there a reader whose session does not end?")]
    Memory(usize),
}

pub(crate) struct Shared<A> {
    /// The first table, by the first bits of an address, then the nodes.
    pub(crate) arena: Arena,
    pub(crate) grace: Grace,
    pub(crate) simd: Simd,
    family: PhantomData<A>,
}

impl<A: Address> Shared<A> {
    pub(crate) const ROOT_WORDS: usize = 1 << A::ROOT_BITS;

    /// The word for all addresses that begin with these bits.
    #[inline(always)]
    pub(crate) fn slot(&self, slot: usize) -> &AtomicU64 {
        debug_assert!(slot < Self::ROOT_WORDS);
        // SAFETY: an address has no more slots than that, the arena begins with all of them, and they are used as words.
        unsafe { self.arena.word(slot) }
    }
}

/// A table of longest prefixes: [`Ipv4Fib`] or [`Ipv6Fib`].
///
/// It is made as its [`Writer`], which one thread has; [`Writer::reader`] gives those who look up.
pub struct Fib<A>(PhantomData<A>);

/// For IPv4.
pub type Ipv4Fib = Fib<u32>;
/// For IPv6.
pub type Ipv6Fib = Fib<u128>;

impl<A: Address> Fib<A> {
    /// An empty table with room for `routes` prefixes.
    ///
    /// Address space is reserved for the worst of them; memory is taken as it is needed, 4 MiB from the beginning.
    #[allow(clippy::new_ret_no_self, reason = "the writer is the table's one owner")]
    pub fn new(routes: usize) -> Writer<A> {
        Self::with_simd(routes, Simd::best())
    }

    /// Looks up with certain instructions, for measurements and tests.
    ///
    /// # Panics
    /// When the machine does not have them.
    pub fn with_simd(routes: usize, simd: Simd) -> Writer<A> {
        assert!(simd.is_available(), "this machine has no {}", simd.name());
        /// Room for nodes that wait for readers, however small the table.
        const LEAST: usize = 1 << 16;
        let words = Shared::<A>::ROOT_WORDS + LEAST + routes * A::WORDS_PER_ROUTE;
        let arena = Arena::new(words.min(1 << 30));
        Writer::new(
            std::sync::Arc::new(Shared { arena, grace: Grace::default(), simd, family: PhantomData }),
            routes,
        )
    }
}
