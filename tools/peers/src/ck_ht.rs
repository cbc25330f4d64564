//! Concurrency Kit's hash table.

use crate::c_peer::{Peer, make};
use greylag_bench::Subject;

unsafe extern "C" {
    static ck_ht_peer: Peer;
}

/// ck_ht.
pub(crate) const CK_HT: Subject = Subject {
    name: "ck_ht",
    form: "Concurrency Kit, one writer",
    is_concurrent: true,
    // SAFETY: a constant of the shim.
    make: |entries| make(unsafe { &ck_ht_peer }, entries, true),
};
