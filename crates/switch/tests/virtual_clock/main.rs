//! A whole switch with a worker and hosts in memory, on a clock that the test moves.

mod adjacency;
mod auditing;
mod bonding;
mod bundles;
mod chassis;
mod configuring;
mod crossing;
mod learning;
mod mclag;
mod mclag_shown;
mod network;
mod pair;
mod programming;
mod protocols;
mod recording;
mod remote;
mod rerouting;
mod rig;
mod supervising;
