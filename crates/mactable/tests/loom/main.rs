//! The table itself under loom: two or three threads in every order that the bound on preemptions permits, and every
//! value that the memory model lets a load return. `docs/mactable-proofs.md` says what that covers and what not.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p greylag-mactable --test loom`; `LOOM_MAX_PREEMPTIONS=3` looks deeper.
#![cfg(loom)]

mod batching;
mod chip;
mod crowding;
mod evicting;
mod flushing;
mod learning;
mod model;
mod reading;
mod renewing;
mod waiting;
