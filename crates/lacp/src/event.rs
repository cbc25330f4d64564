//! What happened, in the order in which it did: typed, with the state before and after, and the reason.

use crate::config::BundleId;
use crate::{churn, mux, periodic, receive};
use greylag_base::PortId;
use greylag_wire::lacp::SystemId;
use serde::{Deserialize, Serialize};

/// What selection has decided for a port (IEEE 802.1AX-2014 6.4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Selected {
    /// It belongs to an aggregator.
    Selected,
    /// It could, and waits until it is needed.
    Standby,
    /// It does not.
    Unselected,
}

/// Why a port is not used, or is attached and held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It begins.
    Begin,
    /// Its link is down.
    LinkDown,
    /// Nobody has been heard, or not for long.
    NoPartner,
    /// What is heard is our own system.
    OwnSystem,
    /// What the partner says of itself has changed since the port was selected.
    PartnerChanged,
    /// What we say of ourselves has changed since the port was selected.
    ActorChanged,
    /// The bundle keeps another partner.
    OtherPartner,
    /// The partner, or the link's speed, has another key than the links that the bundle keeps.
    OtherKey,
    /// The partner says that this link cannot be one of several, and the bundle has others.
    Individual,
    /// Better ports fill `max-links`.
    MaxLinks,
    /// The bundle has not as many links as `min-links`.
    MinLinks,
    /// The link has not been up for `wait-to-restore` again.
    WaitToRestore,
    /// The whole bundle stands by: the other chassis' links are used ([`Admission::Standby`](crate::Admission::Standby)).
    BundleStandby,
    /// The whole bundle is kept out ([`Admission::Suspended`](crate::Admission::Suspended)).
    BundleSuspended,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum LacpEvent {
    /// A port's receive machine is in another state.
    ReceiveStateChanged {
        /// The port.
        port: PortId,
        /// Before.
        from: receive::State,
        /// After.
        to: receive::State,
        /// What held.
        because: receive::When,
    },
    /// A port sends at another pace.
    PeriodicStateChanged {
        /// The port.
        port: PortId,
        /// Before.
        from: periodic::State,
        /// After.
        to: periodic::State,
    },
    /// A port's mux machine is in another state.
    MuxStateChanged {
        /// The port.
        port: PortId,
        /// Before.
        from: mux::State,
        /// After.
        to: mux::State,
        /// What held.
        because: mux::When,
    },
    /// One end of a port's link churns, or no longer does: it is not in sync for longer than it should take.
    ChurnStateChanged {
        /// The port.
        port: PortId,
        /// Which end.
        side: churn::Side,
        /// Before.
        from: churn::State,
        /// After.
        to: churn::State,
    },
    /// Selection has decided otherwise.
    SelectionChanged {
        /// The port.
        port: PortId,
        /// Before.
        from: Selected,
        /// After.
        to: Selected,
        /// Why it is not used, or is held back.
        why: Option<Reason>,
    },
    /// A port has another partner system; `None` where there is none.
    PartnerChanged {
        /// The port.
        port: PortId,
        /// Before.
        from: Option<SystemId>,
        /// After.
        to: Option<SystemId>,
    },
    /// A bundle keeps another partner system; `None` where there is none.
    PartnerKept {
        /// The bundle.
        bundle: BundleId,
        /// Before.
        from: Option<SystemId>,
        /// After.
        to: Option<SystemId>,
    },
    /// Ports of a bundle have other partners than the one that it keeps.
    PartnersDiffer {
        /// The bundle.
        bundle: BundleId,
        /// The one that it keeps.
        kept: Option<SystemId>,
        /// The others; empty when they agree again.
        others: Vec<SystemId>,
    },
    /// A partner that is in sync has not begun to collect within the churn detection time: what is sent to it is lost.
    PartnerNotCollecting {
        /// The port.
        port: PortId,
        /// It is so; otherwise, it no longer is.
        raised: bool,
    },
    /// A partner is heard that has not heard us for the short timeout: the link works one way.
    OneWay {
        /// The port.
        port: PortId,
        /// It is so; otherwise, it no longer is.
        raised: bool,
    },
    /// LACPDUs that the partner was asked for did not arrive.
    PdusMissed {
        /// The port.
        port: PortId,
        /// How many there must have been since the last.
        missed: u32,
    },
    /// A port hears its own system: a loop, or two systems with one id.
    OwnSystemHeard {
        /// The port.
        port: PortId,
    },
    /// A port's memory of its partner is void, because the partner's port was heard on another.
    PortMoved {
        /// The port that it was on.
        port: PortId,
    },
    /// A bundle without any partner uses one port as if there were no LACP; `None` when it no longer does.
    FallbackChanged {
        /// The bundle.
        bundle: BundleId,
        /// The port.
        port: Option<PortId>,
    },
    /// What the data plane may do with a port has changed.
    MemberChanged {
        /// The port.
        port: PortId,
        /// Its bundle.
        bundle: BundleId,
        /// What it may do.
        member: Member,
    },
    /// The links that a bundle distributes over have changed.
    BundleChanged {
        /// The bundle.
        bundle: BundleId,
        /// It has as many as it needs.
        up: bool,
        /// Which, by port.
        distributing: Vec<PortId>,
    },
}

/// What the data plane may do with a port of a bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// Frames that come in by it are taken.
    pub collecting: bool,
    /// Frames of the bundle may leave by it.
    pub distributing: bool,
}
