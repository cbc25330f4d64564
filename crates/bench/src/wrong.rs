//! What a table may do that leaves no figure to speak of.

use thiserror::Error;

/// A result was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Wrong {
    /// A key that is there was not found, or with another port.
    #[error("a key that is there was not found at its port")]
    Port,
    /// A key that is not there was found.
    #[error("a key that is not there was found")]
    Ghost,
    /// A table of this size should have taken the key.
    #[error("learned {learned} new keys of {given}")]
    Learned {
        /// New ones that the table reported.
        learned: u64,
        /// New ones that it was given.
        given: u64,
    },
    /// Keys were there and were not taken out.
    #[error("took out {gone} keys of {given}")]
    Forgotten {
        /// Keys that the table reported as taken out.
        gone: u64,
        /// Keys that were there.
        given: u64,
    },
}

/// Did the table learn all that was new?
pub(crate) fn learned(learned: usize, given: usize) -> Result<(), Wrong> {
    let (learned, given) = (learned as u64, given as u64);
    if learned == given { Ok(()) } else { Err(Wrong::Learned { learned, given }) }
}

/// Did it take out all that was there?
pub(crate) fn forgotten(gone: usize, given: usize) -> Result<(), Wrong> {
    let (gone, given) = (gone as u64, given as u64);
    if gone == given { Ok(()) } else { Err(Wrong::Forgotten { gone, given }) }
}
