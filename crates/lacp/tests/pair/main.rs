//! Two systems against each other on a virtual clock.

mod acceptance;
mod chassis;
mod convergence;
mod driver;
mod incidents;
mod transitions;
