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
use crate::config::SwitchConfig;
use crate::event::Event;
use crate::timed::Timed;
use core::net::IpAddr;
use greylag_base::{Instant, Seed};
use greylag_bfd::Bfd;
use greylag_bgp::NeighborId;
use greylag_dataplane::{NextHop, StaleBucket};
use greylag_linkstate::LinkState;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

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

/// Next hops, which are neighbours for the greater part.
pub(crate) const NEXT_HOPS: u32 = 65_536;

/// What a switch has of layer 3. Agents come and go; what stands beside them outlives them.
pub(crate) struct Routing {
    /// The switch as an IP station, where it has interfaces of layer 3.
    pub(crate) station: Option<Box<Station>>,
    /// What is known of those interfaces, by number.
    pub(crate) interfaces: Vec<InterfaceState>,
    /// Interfaces that another IP stack shares.
    pub(crate) host_interfaces: HostInterfaces,
    /// The BFD agent's sessions, while it runs.
    pub(crate) bfd: Option<Timed<Bfd>>,
    /// What of them outlives it.
    pub(crate) bfd_sessions: BfdSessions,
    /// The BGP speaker, while the routing agent runs.
    pub(crate) speaker: Option<Box<Speaker>>,
    /// The numbers of its neighbours.
    pub(crate) bgp_neighbors: BTreeMap<IpAddr, NeighborId>,
    /// The interior protocol, while the routing agent runs.
    pub(crate) link_state: Option<Timed<LinkState>>,
    /// What protocols told a routing agent that has ended.
    pub(crate) inheritance: Inheritance,
    /// What FRR's zebra has told, while it is connected.
    pub(crate) feed: Option<Box<Feed>>,
    /// What it had told before, and not again.
    pub(crate) stale_routes: StaleRoutes,
    /// Prefixes of static routes that are in the RIB.
    pub(crate) statics: BTreeSet<IpNet>,
    /// The routes. What the routing agent has put in stays while there is none.
    pub(crate) rib: Rib,
    /// The programming agent, while it runs.
    pub(crate) programmer: Option<Programmer>,
    /// What befalls its writes.
    pub(crate) write_mishaps: WriteMishaps,
    /// Buckets that one worker has otherwise than the others.
    pub(crate) stale_buckets: Vec<StaleBucket>,
    /// When RIB and FIB are compared next.
    pub(crate) next_fib_audit: Option<Instant>,
    /// What their last comparison found.
    pub(crate) fib_conflicts: Vec<FibConflict>,
    /// A packet through every bucket.
    pub(crate) path_check: PathCheck,
}

impl Routing {
    /// Of a switch that has no interface yet.
    pub(crate) fn new(config: &SwitchConfig, seed: Seed) -> Routing {
        let settings = &config.routing;
        Routing {
            station: None,
            interfaces: Vec::new(),
            host_interfaces: HostInterfaces::new(),
            bfd: None,
            bfd_sessions: BfdSessions::default(),
            speaker: None,
            bgp_neighbors: BTreeMap::new(),
            link_state: None,
            inheritance: Inheritance::default(),
            feed: None,
            stale_routes: StaleRoutes::default(),
            statics: BTreeSet::new(),
            rib: Rib::new(settings.next_hop_groups.maximum, NEXT_HOPS, settings.maximum_paths),
            programmer: None,
            write_mishaps: WriteMishaps::new(seed),
            stale_buckets: Vec::new(),
            next_fib_audit: None,
            fib_conflicts: Vec::new(),
            path_check: PathCheck::default(),
        }
    }
}

impl Switch {
    pub(crate) fn tell_routing(&mut self, now: Instant, event: RoutingEvent) {
        self.events.push(now, Event::Routing(event));
    }

    /// The agent knows the configuration, and learns anew what others have told it. The RIB stays as it was until then: the data plane
    /// goes on with it.
    pub(crate) fn start_routing(&mut self, now: Instant) {
        self.settle_interfaces(now);
        self.routing.rib.lose(self.routing.bfd_sessions.lost());
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
        self.routing.link_state = None;
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
        let writes = self.routing.rib.settle();
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
