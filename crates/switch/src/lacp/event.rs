//! What LACP tells, with the names of ports in place of their numbers.

use super::system::lag_of;
use greylag_base::PortId;
use greylag_lacp::{LacpEvent as Told, Member, Reason, Selected, churn, mux, periodic, receive};
use greylag_wire::lacp::SystemId;
use serde::{Deserialize, Serialize};

/// Something that happened to a bundle or its ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum LacpEvent {
    /// A port's receive machine is in another state.
    LacpReceiveStateChanged {
        /// The port.
        port: String,
        /// Before.
        from: receive::State,
        /// After.
        to: receive::State,
        /// What held.
        because: receive::When,
    },
    /// A port sends at another pace.
    LacpPeriodicStateChanged {
        /// The port.
        port: String,
        /// Before.
        from: periodic::State,
        /// After.
        to: periodic::State,
    },
    /// A port's mux machine is in another state.
    LacpMuxStateChanged {
        /// The port.
        port: String,
        /// Before.
        from: mux::State,
        /// After.
        to: mux::State,
        /// What held.
        because: mux::When,
    },
    /// One end of a link is not in sync for longer than it should take, or no longer so.
    LacpChurnStateChanged {
        /// The port.
        port: String,
        /// Which end.
        side: churn::Side,
        /// Before.
        from: churn::State,
        /// After.
        to: churn::State,
    },
    /// Selection has decided otherwise.
    LacpSelectionChanged {
        /// The port.
        port: String,
        /// Before.
        from: Selected,
        /// After.
        to: Selected,
        /// Why it is not used, or is held back.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<Reason>,
    },
    /// A port has another partner system.
    LacpPartnerChanged {
        /// The port.
        port: String,
        /// Before.
        from: Option<SystemId>,
        /// After.
        to: Option<SystemId>,
    },
    /// A bundle keeps another partner system.
    LacpPartnerKept {
        /// The bundle.
        lag: String,
        /// Before.
        from: Option<SystemId>,
        /// After.
        to: Option<SystemId>,
    },
    /// Ports of a bundle have other partners than the one that it keeps.
    LacpPartnersDiffer {
        /// The bundle.
        lag: String,
        /// The one that it keeps.
        kept: Option<SystemId>,
        /// The others; empty when they agree again.
        others: Vec<SystemId>,
    },
    /// A partner that is in sync has not begun to collect: what is sent to it is lost.
    LacpPartnerNotCollecting {
        /// The port.
        port: String,
        /// It is so; otherwise, it no longer is.
        raised: bool,
    },
    /// A partner is heard that has not heard us: the link works one way.
    LacpOneWay {
        /// The port.
        port: String,
        /// It is so; otherwise, it no longer is.
        raised: bool,
    },
    /// LACPDUs that the partner was asked for did not arrive.
    LacpPdusMissed {
        /// The port.
        port: String,
        /// How many there must have been since the last.
        missed: u32,
    },
    /// A port hears its own system: a loop, or two systems with one id.
    LacpOwnSystemHeard {
        /// The port.
        port: String,
    },
    /// A port's memory of its partner is void, because the partner's port was heard on another.
    LacpPortMoved {
        /// The port that it was on.
        port: String,
    },
    /// A bundle without any partner uses one port as if there were no LACP, or no longer does.
    LagFallbackChanged {
        /// The bundle.
        lag: String,
        /// The port.
        port: Option<String>,
    },
    /// What the data plane does with a port of a bundle has changed.
    LagMemberChanged {
        /// The bundle.
        lag: String,
        /// The port.
        port: String,
        /// What comes in by it is taken.
        collecting: bool,
        /// Frames of the bundle may leave by it.
        distributing: bool,
    },
    /// The links that a bundle distributes over have changed.
    LagChanged {
        /// The bundle.
        lag: String,
        /// It has as many as it needs.
        up: bool,
        /// Which.
        distributing: Vec<String>,
    },
}

/// What the machines told, by names.
pub(super) fn named(told: Told, name: impl Fn(PortId) -> String) -> LacpEvent {
    let lag = |bundle| name(lag_of(bundle));
    match told {
        Told::ReceiveStateChanged { port, from, to, because } => {
            LacpEvent::LacpReceiveStateChanged { port: name(port), from, to, because }
        }
        Told::PeriodicStateChanged { port, from, to } => {
            LacpEvent::LacpPeriodicStateChanged { port: name(port), from, to }
        }
        Told::MuxStateChanged { port, from, to, because } => {
            LacpEvent::LacpMuxStateChanged { port: name(port), from, to, because }
        }
        Told::ChurnStateChanged { port, side, from, to } => {
            LacpEvent::LacpChurnStateChanged { port: name(port), side, from, to }
        }
        Told::SelectionChanged { port, from, to, why } => {
            LacpEvent::LacpSelectionChanged { port: name(port), from, to, why }
        }
        Told::PartnerChanged { port, from, to } => {
            LacpEvent::LacpPartnerChanged { port: name(port), from, to }
        }
        Told::PartnerKept { bundle, from, to } => LacpEvent::LacpPartnerKept { lag: lag(bundle), from, to },
        Told::PartnersDiffer { bundle, kept, others } => {
            LacpEvent::LacpPartnersDiffer { lag: lag(bundle), kept, others }
        }
        Told::PartnerNotCollecting { port, raised } => {
            LacpEvent::LacpPartnerNotCollecting { port: name(port), raised }
        }
        Told::OneWay { port, raised } => LacpEvent::LacpOneWay { port: name(port), raised },
        Told::PdusMissed { port, missed } => LacpEvent::LacpPdusMissed { port: name(port), missed },
        Told::OwnSystemHeard { port } => LacpEvent::LacpOwnSystemHeard { port: name(port) },
        Told::PortMoved { port } => LacpEvent::LacpPortMoved { port: name(port) },
        Told::FallbackChanged { bundle, port } => {
            LacpEvent::LagFallbackChanged { lag: lag(bundle), port: port.map(name) }
        }
        Told::MemberChanged { port, bundle, member: Member { collecting, distributing } } => {
            LacpEvent::LagMemberChanged { lag: lag(bundle), port: name(port), collecting, distributing }
        }
        Told::BundleChanged { bundle, up, distributing } => LacpEvent::LagChanged {
            lag: lag(bundle),
            up,
            distributing: distributing.into_iter().map(name).collect(),
        },
    }
}
