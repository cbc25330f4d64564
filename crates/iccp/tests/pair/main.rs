//! Two chassis against each other on a virtual clock, over a pipe of octets.

mod driver;
mod promises;
mod refusals;
mod sessions;
mod telling;
