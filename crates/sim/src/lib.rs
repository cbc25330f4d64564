//! The virtual world.

pub mod flow;
pub mod host;
