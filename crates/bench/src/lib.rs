//! Workloads for what greylag is made of, and the harness that measures it beside its peers.
//!
//! A [`Subject`] is a table that can be made; a [`Plan`] says what to measure; [`compare`] runs every workload on
//! every table, taking turns, and gives a [`Report`]. [`pipeline`] measures the live switch's worker in memory, stage by stage;
//! [`wire`] a whole switch from outside, beside others.
//!
//! ```
//! use greylag_bench::{GREYLAG, HASHBROWN, Plan, Workload, compare};
//!
//! let plan = Plan {
//!     sizes: vec![1024],
//!     peers_up_to: 1 << 20,
//!     vlans: 16,
//!     workloads: vec![Workload::Hit],
//!     runs: 1,
//!     time: std::time::Duration::from_millis(1),
//!     allocated: None,
//! };
//! let report = compare(&plan, &[GREYLAG, HASHBROWN], Vec::new(), &mut |_| {});
//! assert!(report.failures.is_empty());
//! assert!(report.figure("hit", 1024, "greylag").unwrap().rate.median > 0.0);
//! ```
//!
//! # How a table is measured
//!
//! Every figure is of the table alone: no frame is received, parsed or sent.
//!
//! - Keys are random addresses in as many VLANs as the plan says, asked for in random order; the order has at least
//!   65536 steps, which no branch predictor learns. Batches have 32 keys. Those that are learned together come from one port.
//! - Every result is checked while the time runs: a key at the wrong port, a key that should not be there, a new key
//!   that was not taken as new. A table that is wrong has no figure.
//! - The measuring thread stays on one core, and its processor time counts. A run lasts as long as the plan says, after a quarter of that to
//!   warm up. In each run every table has its turn, so a ratio compares what the same minute did to both; reported are the
//!   medians over the runs, and how far the runs lie apart.
//! - Tables get their best form: sized beforehand, guards held over a batch, bulk calls where they have them. A
//!   table that keeps no age of its own stores port and [`tick`] as its value, and a source is current if both are.
//! - Time stands still, except where a workload says otherwise. At line rate of 100 Gbit/s, 87 million frames
//!   fit a tick; as many of them as there are entries find their source not current. `mix-refresh` tells what these cost.
//! - Our table asks the kernel for huge pages. For a fair comparison the program is started with [`HUGE_HEAP`], which
//!   gets them for everybody.
//! - Filled tables have touched their memory: page faults are not measured.

mod bound;
mod compare;
mod contended;
mod cores;
mod greylag;
mod hashbrown;
mod instructions;
mod key;
mod learn;
mod look_up;
mod machine;
mod mix;
pub mod pipeline;
mod sample;
mod sim;
mod stations;
mod table;
mod text;
mod treadmill;
pub mod wire;
mod words;
mod workload;
mod wrong;

pub mod report;

pub use compare::{Plan, compare};
pub use greylag::GREYLAG;
pub use hashbrown::HASHBROWN;
pub use key::{ABSENT, BATCH, Batch, Key, MOST, PORTS, VLANS};
pub use machine::{HEAP_VARIABLE, HUGE_HEAP, has_huge_heap};
pub use report::Report;
pub use sim::{HopFigure, LabFigure, SimError, SimPlan, SimReport, WorldFigure, measure as measure_sim};
pub use stations::{Frames, Stations, Turns};
pub use table::{Reader, Subject, TICK, Table, port_of, tick, value};
pub use text::{parse_size, size};
pub use treadmill::Treadmill;
pub use words::{Words, addresses};
pub use workload::{Goal, Workload};
pub use wrong::Wrong;
