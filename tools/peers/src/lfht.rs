//! The hash table of Userspace RCU.

use crate::c_peer::{Peer, make};
use greylag_bench::Subject;

unsafe extern "C" {
    static lfht_peer: Peer;
}

/// lfht.
pub(crate) const LFHT: Subject = Subject {
    name: "lfht",
    form: "Userspace RCU, memb flavour, a read-side section per batch, values changed in place",
    is_concurrent: true,
    // SAFETY: a constant of the shim.
    make: |entries| make(unsafe { &lfht_peer }, entries, true),
};
