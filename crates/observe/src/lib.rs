//! What people look at: why frames die, and reports of replays.
//!
//! Nothing here is part of a switch. It asks running switches over their control sockets, or looks into a virtual world
//! from outside.

pub mod report;
pub mod why;
