//! A whole switch with a worker and hosts in memory, on a clock that the test moves.

mod adjacency;
mod auditing;
mod bonding;
mod bundles;
mod configuring;
mod crossing;
mod learning;
mod network;
mod pair;
mod programming;
mod protocols;
mod recording;
mod rerouting;
mod rig;
mod supervising;
