//! DPDK's rte_hash, plain and with readers that need no lock.

use crate::c_peer::{Peer, make};
use greylag_bench::Subject;
use std::ffi::{c_int, c_uint};

unsafe extern "C" {
    static rte_hash_plain: Peer;
    static rte_hash_lock_free: Peer;
    fn rte_hash_start(megabytes: c_uint) -> c_int;
    fn rte_hash_allocated() -> usize;
}

/// Without any concurrency.
pub(crate) const PLAIN: Subject = Subject {
    name: "rte_hash",
    form: "DPDK, bulk look-ups, CRC, one thread",
    is_concurrent: false,
    // SAFETY: a constant of the shim.
    make: |entries| make(unsafe { &rte_hash_plain }, entries, false),
};

/// With `RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF`.
pub(crate) const LOCK_FREE: Subject = Subject {
    name: "rte_hash-lf",
    form: "DPDK, RW_CONCURRENCY_LF, bulk look-ups, CRC, reclamation by quiescent states",
    is_concurrent: true,
    // SAFETY: a constant of the shim.
    make: |entries| make(unsafe { &rte_hash_lock_free }, entries, true),
};

/// Starts DPDK with memory for tables of so many entries. Says whether it did.
pub(crate) fn start(entries: usize) -> bool {
    // Two tables of at most 64 bytes per entry, and room for what the library itself needs.
    let megabytes = 256 + ((entries * 2 * 80) >> 20);
    // SAFETY: called once, before any other use of the library.
    unsafe { rte_hash_start(megabytes as c_uint) >= 0 }
}

/// Bytes that its tables have allocated, outside the process's heap.
pub(crate) fn allocated() -> usize {
    // SAFETY: the library has been started.
    unsafe { rte_hash_allocated() }
}
