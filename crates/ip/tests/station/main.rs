//! A switch as an IP station, on a virtual clock.

mod arrivals;
mod connections;
mod errors;
mod fragments;
mod garbage;
mod neighbors;
mod resolution;
mod rig;
mod tshark;
