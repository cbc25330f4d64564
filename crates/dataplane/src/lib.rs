//! The forwarding pipeline, and what the control side publishes to it.
//!
//! A frame's way, file by file: [`Port::rx`](greylag_ports::Port::rx) fills a batch → `ingress.rs` reads the
//! header, finds the VLAN and checks that the port may send it → `learn.rs` notes where the source is, or reports it
//! (`waiting.rs`) where learning is an agent's →
//! `lookup.rs` asks the MAC table for the destination → `flood.rs` spreads what has none, within the storm
//! control limits of `storm.rs` → where it leaves by a bundle, `flow_hash.rs` and `buckets.rs` choose the port → `egress.rs` puts the tag right and hands each port its frames. `bridge.rs`
//! calls them in this order, each stage over the whole batch, so that the memory latency of table look-ups
//! overlaps. What is to an interface of the switch goes through `routing/` instead, whose own page has its stages.
//!
//! Workers share a [`DataPlane`]: the MAC table, the [`Routes`], and the [`Forwarding`] snapshot of everything configured, which the
//! control side swaps whole. A worker never waits, allocates or logs; it counts, and it reports on a bounded
//! queue.
//!
//! Nothing here reads a clock or opens a socket: the same worker runs on threads in the live world and in the
//! event queue of the virtual one.
//!
//! ```
//! use greylag_base::{Instant, PortId, Seed, VlanId};
//! use greylag_dataplane::{DataPlane, Forwarding, Limits, PortForwarding, Worker};
//! use greylag_ports::{MemoryPort, Port};
//! use std::sync::Arc;
//!
//! let plane = Arc::new(DataPlane::new(&Limits { ports: 2, workers: 1, ..Limits::default() }, Seed(1))?);
//! let port = PortForwarding::access(VlanId::DEFAULT);
//! plane.publish(Forwarding::new(vec![port.clone(), port], 0));
//!
//! let (mut host_a, switch_a) = MemoryPort::pair(64);
//! let (mut host_b, switch_b) = MemoryPort::pair(64);
//! let mut ports: Vec<Option<Box<dyn Port>>> = vec![Some(Box::new(switch_a)), Some(Box::new(switch_b))];
//! let mut worker = Worker::new(plane, 0);
//!
//! let mut frame = [0xff; 60]; // to everybody
//! frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
//! host_a.send(&frame);
//! worker.poll_port(Instant::ZERO, PortId(0), &mut ports)?;
//! assert_eq!(host_b.receive().as_deref(), Some(&frame[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod bridge;
mod buckets;
mod counters;
mod damping;
mod egress;
mod event;
mod flood;
mod flow_fields;
mod flow_hash;
mod forwarding;
mod ingress;
mod interface;
mod learn;
mod lookup;
mod next_hop;
mod packet;
mod plane;
mod ports;
mod punt;
mod rehearsal;
mod routes;
mod routing;
mod storm;
mod sweeping;
mod tracer;
mod waiting;
mod worker;

pub use buckets::Buckets;
pub use counters::{InterfaceCounts, LearnCounts, PortCounts, TrafficCounts};
pub use damping::{Damper, Ruling};
pub use egress::not_taken;
pub use event::{WorkerEvent, WorkerReport};
pub use flow_fields::FlowFields;
pub use flow_hash::FlowHash;
pub use forwarding::{
    Aggregation, Chassis, Damping, Forwarding, Keeper, Layer3, Learning, PortForwarding, StormLimits,
    VlanForwarding,
};
pub use greylag_ports::{RxDrop, RxDrops};
pub use interface::{Carrier, InterfaceForwarding};
pub use next_hop::NextHop;
pub use packet::{OURSELVES, Packet, PuntReason};
pub use plane::{DataPlane, Limits};
pub use ports::Ports;
pub use punt::Punt;
pub use rehearsal::Rehearsed;
pub use routes::{RouteLimits, RouteTables, Routes, StaleBucket};
pub use tracer::{Choice, Decision, Path, Seen, Tracer, drop_comment, stage_of};
pub use waiting::WaitingSource;
pub use worker::Worker;
