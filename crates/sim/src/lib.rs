//! The virtual world: the real switch on an event queue and a virtual clock, with hosts, links and faults.

pub mod flow;
pub mod host;
mod world;

pub use world::{Decision, Happening, LinkLoss, Observer, World, WorldError};
