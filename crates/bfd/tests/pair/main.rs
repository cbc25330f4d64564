//! Two switches against each other on a virtual clock.

mod arrows;
mod discards;
mod driver;
mod incidents;
mod intervals;
mod promises;
mod steps;
mod tshark;
