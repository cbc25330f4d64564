//! Routers against each other on a virtual clock, over pipes of octets.

mod driver;
mod messages;
mod promises;
mod routes;
mod sessions;
mod steps;
