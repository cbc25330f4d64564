//! Routers against each other on a virtual clock, joined by segments that lose, delay and part.

mod convergence;
mod driver;
mod incidents;
