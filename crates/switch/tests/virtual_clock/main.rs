//! A whole switch with a worker and hosts in memory, on a clock that the test moves.

mod auditing;
mod bonding;
mod bundles;
mod configuring;
mod learning;
mod pair;
mod recording;
mod rig;
mod supervising;
