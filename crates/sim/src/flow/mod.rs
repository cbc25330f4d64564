//! Probe flows: what users of the virtual world measure with.
//!
//! A flow sends one UDP datagram per interval from one host to another. The receiver tells every loss, duplicate and
//! reordering exactly, and every black hole with its beginning and end; [`levels`] weighs the flows by the traffic
//! that each stands for. Flows with distinct ports walk the hash space of every bundle on their way ([`FlowSet`]),
//! so that a member which forwards nothing shows as the share of the flows that it should have carried.
//!
//! From configuration to result:
//! 1. [`Flow::new`] checks a [`FlowConfig`] and fixes when each probe is due;
//! 2. the sending host gets it by [`Host::send_flow`](crate::host::Host::send_flow), the receiving one by
//!    [`Host::receive_flow`](crate::host::Host::receive_flow);
//! 3. after the run, [`FlowRecord::new`] judges what the two of them know.
//!
//! ```
//! use greylag_base::{Instant, MacAddr, Seed};
//! use greylag_sim::flow::{Flow, FlowConfig, FlowEnd, FlowId, FlowRecord, levels};
//! use greylag_sim::host::{Host, HostConfig};
//! use std::time::Duration;
//!
//! let host = |number: u8| {
//!     let config = HostConfig {
//!         ipv4: vec![([10, 0, 0, number].into(), 24)],
//!         ..HostConfig::new("station", MacAddr([2, 0, 0, 0, 0, number]))
//!     };
//!     Host::new(config, Seed(1)).expect("the configuration is right")
//! };
//! let (mut a, mut b) = (host(1), host(2));
//!
//! let config = FlowConfig {
//!     name: "a to b".to_owned(),
//!     from: FlowEnd { host: 0, addr: "10.0.0.1".parse()? },
//!     to: FlowEnd { host: 1, addr: "10.0.0.2".parse()? },
//!     sport: 49152,
//!     dport: 9000,
//!     interval: Duration::from_millis(100),
//!     phase: Some(Duration::ZERO),
//!     size: 64,
//!     weight_bps: 10_000_000_000,
//!     dscp: 0,
//!     start: Instant::ZERO,
//!     stop: Some(Instant::ZERO + Duration::from_secs(2)),
//! };
//! let flow = Flow::new(FlowId(0), config, Seed(1))?;
//! a.send_flow(&flow).expect("the address is a's own");
//! b.receive_flow(&flow);
//!
//! // A cable without delay that is cut from 0.5 s to 1 s.
//! let mut frame = Vec::new();
//! while let Some(now) = a.poll_timeout() {
//!     a.handle_timeout(now);
//!     while a.poll_transmit(&mut frame) {
//!         let cut = (500..1000).contains(&(now.as_nanos() / 1_000_000));
//!         if !cut {
//!             b.handle_frame(now, &frame);
//!         }
//!         while b.poll_transmit(&mut frame) {
//!             a.handle_frame(now, &frame);
//!         }
//!     }
//! }
//!
//! let end = Instant::ZERO + Duration::from_secs(3);
//! let record = FlowRecord::new(&flow, a.probes_sent(flow.id()), b.arrivals(flow.id()), end, Duration::from_secs(1));
//! assert_eq!((record.sent, record.received, record.lost), (20, 15, 5));
//! assert_eq!(record.black_holes[0].duration(), Duration::from_millis(500));
//! let share: Vec<_> = levels(&[record], Duration::from_secs(1)).iter().map(|level| level.share()).collect();
//! assert_eq!(share, [Some(0.5), Some(1.0)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrivals;
mod config;
mod level;
pub(crate) mod probe;
mod record;
pub(crate) mod schedule;
mod set;

pub use arrivals::Arrivals;
pub use config::{FlowConfig, FlowEnd, FlowError, FlowId};
pub use level::{Level, levels};
pub use probe::Sighting;
pub use record::{BlackHole, FlowRecord, Latency};
pub use set::FlowSet;

use greylag_base::{Instant, Seed};
use schedule::Schedule;

/// A flow that is ready to be sent: its configuration, and when each of its probes is due.
#[derive(Clone, Debug)]
pub struct Flow {
    id: FlowId,
    config: FlowConfig,
    schedule: Schedule,
}

impl Flow {
    /// Checks a configuration. The seed is that of the world; each flow draws its phase by its name.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(id: FlowId, config: FlowConfig, seed: Seed) -> Result<Self, FlowError> {
        config.check()?;
        let schedule = Schedule::new(&config, seed);
        Ok(Flow { id, config, schedule })
    }

    /// Its number.
    pub fn id(&self) -> FlowId {
        self.id
    }

    /// What it was made from.
    pub fn config(&self) -> &FlowConfig {
        &self.config
    }

    /// When a probe is due; `None` when the flow has stopped by then.
    pub fn due(&self, sequence: u64) -> Option<Instant> {
        self.schedule.due(sequence)
    }

    /// A probe without its headers, for a world whose hosts have a stack of their own.
    pub fn payload(&self, sequence: u64, at: Instant) -> Vec<u8> {
        probe::payload(self, sequence, at)
    }

    pub(crate) fn schedule(&self) -> &Schedule {
        &self.schedule
    }
}
