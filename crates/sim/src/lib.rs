//! The virtual world: the real switch on an event queue and a virtual clock, with hosts, links and faults.

mod cabling;
mod fabric;
pub mod flow;
mod flows;
mod frame_pool;
pub mod generator;
pub mod host;
mod host_node;
mod lane;
mod link;
mod observer;
mod orders;
mod queue;
pub mod replay;
pub mod sweep;
mod switch_node;
mod world;

pub use greylag_dataplane::Decision;
pub use observer::{Happening, LinkLoss, Observer};
pub use queue::EventQueue;
pub use world::{World, WorldError};
