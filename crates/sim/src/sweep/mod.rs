//! Sweeps: the same scenario under many seeds and many assumptions.
//!
//! [`Plan`] says which runs there are, [`sweep`] does them on threads, a [`Ledger`] keeps one line of each, and
//! [`Summary`] says what holds under which assumptions. Runs are numbered, and a [`Shard`] is every so-manieth of them, so
//! that machines need not know of each other; their files are joined by reading them into one [`Results`].

mod crew;
mod ledger;
mod line;
mod plan;
mod summary;

pub use crew::sweep;
pub use ledger::{Ledger, LedgerError, Results};
pub use line::{ExpectationLine, RunKey, RunLine, ViolationLine};
pub use plan::{Plan, PlanError, Shard, Together, Vary};
pub use summary::{Carrier, Combination, Distribution, ExpectationSummary, Summary, ViolationSummary, Worst};

use greylag_scenario::Source;
use sha2::{Digest, Sha256};

/// What tells one version of a scenario's file from another: the first 16 digits of its SHA-256.
pub fn file_digest(source: &Source) -> String {
    let digest = Sha256::digest(source.text().as_bytes());
    digest.iter().take(8).map(|octet| format!("{octet:02x}")).collect()
}
