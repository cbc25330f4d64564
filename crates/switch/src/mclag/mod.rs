//! A pair of chassis that partners take for one switch: the agent that speaks with the other one, and what it decides.
//!
//! [`rule`] says what a chassis does, and asks nobody; everything else here is finding out what to ask it, and doing what it says:
//! `session.rs` drives ICCP over the switch's own TCP with BFD beside it, `liveness.rs` asks over the management network whether the
//! peer lives while there is no session, `health.rs` whether we do; `rulings.rs` asks and obeys. `isolation.rs` knows the legs of
//! bundles, and agrees with the peer on them; `synchronise.rs` knows the addresses that either has.
//!
//! What the agent has decided is in [`Mclag`], and stays when it is gone: system ids, what links may do, isolation, where the peer's
//! addresses are. Its session goes. The next agent takes over what stands, and gives the session the time to come back.

mod event;
mod health;
mod isolation;
mod liveness;
mod policy;
mod preset;
mod rulings;
mod session;
mod synchronise;

use crate::Switch;
use crate::learning::PeerMacs;
use crate::management::ManagementDatagram;
use greylag_base::{Instant, MacAddr, PortId, VlanId};
use greylag_iccp::MacPlace;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use event::MclagEvent;
pub use isolation::LegUse;
pub use policy::{
    BackupLiveness, Circumstances, ControlSession, Members, RuledIsolation, Ruling, SystemId, rule,
};
pub use preset::{Preset, RoleFrom};
pub(crate) use rulings::check_lacp;
pub(crate) use session::IccpAgent;
pub(crate) use session::iccp_config;

/// What a switch has of the pair of chassis that it is one of.
pub(crate) struct Pair {
    /// What is known and was decided.
    pub(crate) mclag: Mclag,
    /// The agent that speaks with the other chassis, while it runs.
    pub(crate) iccp: Option<Box<IccpAgent>>,
    /// What both have told each other of stations.
    pub(crate) peers: PeerMacs,
    /// What it sends over the management network, until the world takes it.
    pub(crate) management: VecDeque<ManagementDatagram>,
}

impl Pair {
    pub(crate) fn new(now: Instant) -> Pair {
        Pair { mclag: Mclag::new(now), iccp: None, peers: PeerMacs::default(), management: VecDeque::new() }
    }
}

/// What is known of the pair and was decided for it. It outlives the agent.
#[derive(Clone, Debug)]
pub struct Mclag {
    /// When the switch started: init delay and hold time count from there, whatever is committed.
    pub(crate) started: Instant,
    /// The control session, as the agent had it last.
    pub control_session: ControlSession,
    /// What is known of the peer while there is no control session.
    pub backup_liveness: BackupLiveness,
    /// What was ruled last.
    pub ruling: Ruling,
    /// The init delay since the switch's start is over.
    pub init_delay_over: bool,
    /// The peer's legs, by mc-ae-id, and whether they are up, as it told last.
    pub peer_legs: BTreeMap<u16, bool>,
    /// Bundles, by mc-ae-id, by which nothing leaves that came over the inter-chassis link.
    pub isolated: BTreeSet<u16>,
    /// Legs that LACP has brought up.
    pub legs: BTreeMap<PortId, LegUse>,
    /// They are not what the peer was told.
    is_stirred: bool,
    /// Legs that are down, so that the inter-chassis link is used in their stead.
    detours: BTreeSet<PortId>,
    /// The peer's addresses, and where it has them.
    pub peer_macs: BTreeMap<(VlanId, MacAddr), MacPlace>,
    /// The addresses of the peer's interfaces, by VLAN.
    pub peer_irb_macs: BTreeMap<VlanId, MacAddr>,
    /// Whether it learns.
    health: health::Health,
    /// It leaves its bundles to the peer because it does not.
    pub withdrawn: bool,
    /// The peer has said over the management network that it does so.
    peer_withdrawn: bool,
}

impl Mclag {
    /// Of a switch that starts.
    pub(crate) fn new(started: Instant) -> Self {
        Mclag {
            started,
            control_session: ControlSession::Never,
            backup_liveness: BackupLiveness::Unconfigured,
            ruling: rulings::UNRULED,
            init_delay_over: false,
            peer_legs: BTreeMap::new(),
            isolated: BTreeSet::new(),
            legs: BTreeMap::new(),
            is_stirred: true,
            detours: BTreeSet::new(),
            peer_macs: BTreeMap::new(),
            peer_irb_macs: BTreeMap::new(),
            health: health::Health::new(started),
            withdrawn: false,
            peer_withdrawn: false,
        }
    }
}

impl Switch {
    /// What is known of the pair and was decided for it; `None` for a switch that is no part of one.
    pub fn mclag(&self) -> Option<&Mclag> {
        self.config().multi_chassis.as_ref().map(|_| &self.pair.mclag)
    }

    /// The bundles that go over both chassis, each with its number there.
    pub(crate) fn legs(&self) -> Vec<(PortId, u16)> {
        let lags = self.config().lags();
        lags.filter_map(|(port, lag)| Some((port, lag.mc_ae_id?))).collect()
    }

    /// The leg of a bundle by its number.
    pub(crate) fn leg(&self, id: u16) -> Option<PortId> {
        self.config().lags().find(|(_, lag)| lag.mc_ae_id == Some(id)).map(|(port, _)| port)
    }

    /// Something happened to the pair.
    fn tell_mclag(&mut self, now: Instant, event: MclagEvent) {
        self.events.push(now, crate::Event::Mclag(event));
    }
}
