//! The virtual world: the real switch on an event queue and a virtual clock, with hosts, links and faults.
//!
//! A [`World`] is made from a scenario and a seed. It runs until it is told to stop, does what it is ordered, and tells an
//! [`Observer`] what there is to see; the same scenario and seed are the same world, event for event. `docs/sim.md` says how time passes
//! and what a frame meets on its way. [`replay`] runs a scenario's timeline and judges what comes out, [`sweep`] does so ten thousand times.
//!
//! ```
//! use greylag_base::{Instant, Seed};
//! use greylag_scenario::Source;
//! use greylag_scenario::story::{self, Action, Choice};
//! use greylag_sim::World;
//! use std::time::Duration;
//!
//! let text = r#"
//! name: two-hosts
//! title: Two hosts at a switch
//! duration: 1m
//! topology:
//!   nodes: {sw1: {kind: greylag}, h1: {kind: host}, h2: {kind: host}}
//!   links:
//!     - endpoints: ["sw1:eth1", {node: h1, interface: eth1, ipv4: 10.0.0.1/24}]
//!     - endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.2/24}]
//! "#;
//! let scenario = story::parse(&Source::new("two-hosts.yml", text), &Choice::default())?;
//! let mut world = World::new(&scenario, Seed(1), ())?;
//! world.order(&Action::Ping { host: 1, to: "10.0.0.2".parse()?, count: 3 });
//! world.run_until(Instant::ZERO + Duration::from_secs(10));
//!
//! let table = world.switch(0).expect("it has power").data_plane().table();
//! assert_eq!(table.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cabling;
mod fabric;
pub mod flow;
mod flows;
mod frame_pool;
pub mod generator;
pub mod host;
mod host_node;
mod lane;
mod link;
mod management;
pub mod matrix;
mod observer;
mod orders;
pub mod pcapng;
mod queue;
pub mod replay;
pub mod sweep;
mod switch_node;
mod transit;
mod world;

pub use greylag_dataplane::Decision;
pub use observer::{Happening, LinkLoss, Observer};
pub use queue::EventQueue;
pub use world::{World, WorldError};
