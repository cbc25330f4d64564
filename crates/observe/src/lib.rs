//! What people look at: why frames die, traces and captures of what passes, reports of replays.
//!
//! Nothing here is part of a switch. It asks running switches over their control sockets, or looks into a virtual world
//! from outside.

pub mod report;
pub mod why;
