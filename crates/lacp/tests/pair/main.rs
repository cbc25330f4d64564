//! Two systems against each other on a virtual clock.

mod acceptance;
mod driver;
