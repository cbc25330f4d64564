//! Layer 3 of a switch: the RIB and what fills it, and the agent that writes the FIB.
//!
//! A route's way: a source offers it (`interfaces.rs` its own subnets, `statics.rs` what the operator says, protocols theirs) →
//! [`rib.rs`](rib) chooses, and finds the way to its gateways → what the FIB is to become goes to the programming agent, which
//! hears of it a little later (`programmer.rs`) → `programming.rs` writes, and what befalls writes is in `mishaps.rs` →
//! `door.rs` is the data plane's side of it. `audit.rs` holds the two ends against each other.

mod audit;
mod door;
mod event;
mod interfaces;
mod mishaps;
mod next_hops;
mod paths;
mod programmer;
mod programming;
mod rib;
mod route;
mod statics;
mod write;

use crate::Switch;
use crate::agent::AgentKind;
use crate::event::Event;
use greylag_base::Instant;

pub use audit::{FibConflict, FibConflictKind};
pub use door::FibRefusal;
pub use event::RoutingEvent;
pub(crate) use interfaces::InterfaceState;
pub(crate) use mishaps::WriteMishaps;
pub(crate) use programmer::Programmer;
pub(crate) use programming::WorkerBucket;
pub(crate) use rib::Rib;
pub use route::{Hop, Offer, RouteSource, Target};
pub use write::FibWrite;

impl Switch {
    pub(crate) fn tell_routing(&mut self, now: Instant, event: RoutingEvent) {
        self.events.push(now, Event::Routing(event));
    }

    /// The agent knows the configuration, and learns anew what others have told it. The RIB stays as it was until then: the data plane
    /// goes on with it.
    pub(crate) fn start_routing(&mut self, now: Instant) {
        self.settle_interfaces(now);
        self.settle_connected(now);
        self.settle_statics(now);
    }

    /// It does something again: what has changed meanwhile follows.
    pub(crate) fn resume_routing(&mut self, now: Instant) {
        self.start_routing(now);
    }

    /// Offers have changed: the FIB is to follow.
    pub(crate) fn settle_routes(&mut self, now: Instant) {
        let writes = self.rib.settle();
        if !writes.is_empty() {
            self.tell_programmer(now, writes);
        }
    }

    /// The running configuration is another one.
    pub(crate) fn reconfigure_routing(&mut self, now: Instant) {
        self.settle_interfaces(now);
        if self.works(AgentKind::Routing) {
            self.start_routing(now);
        }
    }
}
