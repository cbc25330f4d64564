//! Routers against each other on a virtual clock, joined by segments that lose, delay and part.

mod convergence;
mod discards;
mod driver;
mod incidents;
mod pretender;
mod promises;
mod steps;
mod topologies;
