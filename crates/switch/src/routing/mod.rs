//! Layer 3 of a switch: the RIB and what fills it, and the agent that writes the FIB.
//!
//! A route's way: a source offers it (`interfaces.rs` its own subnets, `statics.rs` what the operator says, protocols theirs) →
//! [`rib.rs`](rib) chooses, and finds the way to its gateways → what the FIB is to become goes to the programming agent, which
//! hears of it a little later (`programmer.rs`) → `programming.rs` writes, and what befalls writes is in `mishaps.rs` →
//! `door.rs` is the data plane's side of it. `audit.rs` holds the two ends against each other.

mod audit;
mod bfd;
mod bgp;
mod door;
mod event;
mod interfaces;
mod link_state;
mod mishaps;
mod next_hops;
mod path_check;
mod paths;
mod programmer;
mod programming;
mod rib;
mod route;
mod statics;
mod station;
mod words;
mod write;

use crate::Switch;
use crate::agent::AgentKind;
use crate::event::Event;
use greylag_base::Instant;

pub use audit::{FibConflict, FibConflictKind};
pub use bfd::BfdSessionEvent;
pub(crate) use bfd::BfdSessions;
pub use bgp::BgpSessionEvent;
pub(crate) use bgp::Speaker;
pub use door::FibRefusal;
pub use event::RoutingEvent;
pub(crate) use interfaces::InterfaceState;
pub use link_state::LinkStateTold;
pub(crate) use mishaps::WriteMishaps;
pub(crate) use path_check::PathCheck;
pub use path_check::PathProbe;
pub(crate) use programmer::Programmer;
pub(crate) use rib::{Rib, RouteView};
pub use route::{Hop, Offer, RouteSource, Target};
pub(crate) use station::Station;
pub use write::FibWrite;

pub(crate) use audit::{adjacency_address, adjacency_interface, fib_routes, in_fib, target_kind};

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
        self.settle_hosts(now);
        self.start_link_state(now);
        self.start_bgp(now);
        self.settle_bfd(now);
    }

    /// What protocols have told stays in the RIB until another agent has heard otherwise.
    pub(crate) fn end_routing(&mut self, now: Instant) {
        self.link_state = None;
        self.end_bgp(now);
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
            self.settle_wanted(now);
            self.settle_bgp(now);
        }
    }

    /// The running configuration is another one.
    pub(crate) fn reconfigure_routing(&mut self, now: Instant) {
        let config = self.ip_config(self.config());
        self.with_station(now, |stack| {
            stack.reconfigure(now, config).expect("a configuration is checked before it runs");
        });
        self.settle_interfaces(now);
        if self.works(AgentKind::Routing) {
            self.start_routing(now);
        }
    }
}
