//! Networks in the virtual world: what is sent, what is done to the links, what arrives and when.

mod bundles;
mod forwarding;
mod hosts;
mod impairments;
mod incidents;
mod replays;
mod rig;
mod watchdogs;
