//! Layer 3 of a switch: the RIB and what fills it, and the agent that writes the FIB.
//!
//! A route's way: a source offers it (`interfaces.rs` its own subnets, `statics.rs` what the operator says, `fpm.rs` what FRR found,
//! protocols theirs) →
//! [`rib.rs`](rib) chooses, and finds the way to its gateways → what the FIB is to become goes to the programming agent, which
//! hears of it a little later (`programmer.rs`) → `programming.rs` writes, and what befalls writes is in `mishaps.rs` →
//! `door.rs` is the data plane's side of it. `audit.rs` holds the two ends against each other.

mod answers;
mod audit;
mod bfd;
mod bgp;
mod door;
mod event;
mod fpm;
mod inheritance;
mod interfaces;
mod link_state;
mod mishaps;
mod next_hops;
mod offered;
mod path_check;
mod paths;
mod programmer;
mod programming;
mod rib;
mod route;
mod statics;
mod station;
mod wanted;
mod words;
mod write;

use crate::Switch;
use crate::agent::AgentKind;
use crate::event::Event;
use greylag_base::{Instant, Seed};
use greylag_dataplane::NextHop;

pub use audit::{FibConflict, FibConflictKind};
pub use bfd::BfdSessionEvent;
pub(crate) use bfd::BfdSessions;
pub use bgp::BgpSessionEvent;
pub(crate) use bgp::Speaker;
pub use door::{FibRefusal, GroupUse};
pub use event::RoutingEvent;
pub use fpm::FpmInput;
pub(crate) use fpm::{Feed, HostInterfaces, StaleRoutes};
pub(crate) use inheritance::Inheritance;
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

pub(crate) use audit::{
    adjacency_address, adjacency_interface, fib_longest, fib_routes_from, in_fib, target_kind,
};

impl Switch {
    pub(crate) fn tell_routing(&mut self, now: Instant, event: RoutingEvent) {
        self.events.push(now, Event::Routing(event));
    }

    /// The agent knows the configuration, and learns anew what others have told it. The RIB stays as it was until then: the data plane
    /// goes on with it.
    pub(crate) fn start_routing(&mut self, now: Instant) {
        self.settle_interfaces(now);
        self.rib.lose(self.bfd_sessions.lost());
        self.settle_connected(now);
        self.settle_statics(now);
        self.settle_hosts(now);
        self.start_link_state(now);
        self.start_bgp(now);
        self.settle_bfd(now);
        self.time_inheritance(now);
    }

    /// What protocols have told stays in the RIB until another agent has heard otherwise.
    pub(crate) fn end_routing(&mut self, now: Instant) {
        self.bequeath();
        self.link_state = None;
        self.end_bgp(now);
        self.end_fpm(now);
    }

    /// It does nothing: what others tell it stays where it is.
    pub(crate) fn pause_routing(&mut self) {
        self.hold_bgp(true);
    }

    /// It does something again: what has changed meanwhile follows.
    pub(crate) fn resume_routing(&mut self, now: Instant) {
        self.hold_bgp(false);
        self.start_routing(now);
        self.with_station(now, |_| {});
    }

    /// Where the chance of an agent that starts now comes from: others must see that it is another one.
    pub(crate) fn seed_of(&self, what: &str, now: Instant) -> Seed {
        self.seed.derive(what).derive(&now.as_nanos().to_string())
    }

    /// Offers have changed: the FIB is to follow.
    pub(crate) fn settle_routes(&mut self, now: Instant) {
        let writes = self.rib.settle();
        if !writes.is_empty() {
            for write in &writes {
                // A number that is used again stands for somebody else: what was known about the one before goes.
                if let FibWrite::NextHop { id, next_hop } = write
                    && *next_hop != NextHop::Unset
                {
                    self.door.set_live(now, *id, true);
                }
            }
            self.tell_programmer(now, writes);
            self.settle_wanted(now);
            self.settle_bgp(now);
        }
    }

    /// The station has other interfaces. Before anything tells it that one of them is up: of one that it does not have, it hears nothing.
    pub(crate) fn reconfigure_station(&mut self, now: Instant) {
        let config = self.ip_config(self.config());
        self.with_station(now, |stack| {
            stack.reconfigure(now, config).expect("a configuration is checked before it runs");
        });
    }

    /// The running configuration is another one.
    pub(crate) fn reconfigure_routing(&mut self, now: Instant) {
        self.settle_interfaces(now);
        if self.works(AgentKind::Routing) {
            self.start_routing(now);
        }
    }
}
