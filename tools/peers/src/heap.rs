//! Memory that the process has allocated, in Rust and in C.

/// Bytes in use: of the heap, of large blocks beside it, and of DPDK.
pub(crate) fn allocated() -> usize {
    // SAFETY: reads statistics.
    let heap = unsafe { libc::mallinfo2() };
    #[cfg(rte_hash)]
    let elsewhere = crate::rte_hash::allocated();
    #[cfg(not(rte_hash))]
    let elsewhere = 0;
    heap.uordblks + heap.hblkhd + elsewhere
}
