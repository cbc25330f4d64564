//! The addresses that are looked up.

use greylag_benches::{Words, is_test, table};
use greylag_fib::Address;

/// Addresses before they come again: enough that no cache or predictor remembers them.
fn count() -> usize {
    if is_test() { 1 << 14 } else { 1 << 20 }
}

/// A prefix of the table for each, at random, and an address in it.
pub(crate) fn drawn<A: Address>(routes: &table::Routes<A>) -> Vec<A> {
    table::drawn(routes, count())
}

pub(crate) fn uniform_ipv4() -> Vec<u32> {
    Words(1).map(|word| word as u32).take(count()).collect()
}

/// Of 2000::/3, where all global unicast addresses are.
pub(crate) fn uniform_ipv6() -> Vec<u128> {
    let mut words = Words(1);
    let mut word = || u128::from(words.next().expect("there is always another"));
    (0..count()).map(|_| 1 << 125 | (word() << 64 | word()) >> 3).collect()
}
