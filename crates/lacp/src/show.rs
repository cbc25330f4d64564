//! What operators ask: everything that a system knows, as serialisable rows with OpenConfig's words where it has them.

use crate::bundle::Bundle;
use crate::config::{BundleId, Interval, LacpMode};
use crate::event::{Member, Reason, Selected};
use crate::port::Port;
use crate::{Lacp, churn, mux, periodic, receive};
use greylag_base::{Instant, MacAddr, Mbps, PortId};
use greylag_wire::lacp::{Participant, SystemId};
use serde::{Deserialize, Serialize};

/// Everything that a system knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LacpSnapshot {
    /// Its address.
    pub system_id_mac: MacAddr,
    /// Its priority.
    pub system_priority: u16,
    /// By id.
    pub bundles: Vec<BundleRow>,
}

/// One bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BundleRow {
    /// Which.
    pub bundle: BundleId,
    /// Who speaks first.
    pub lacp_mode: LacpMode,
    /// What partners are asked for.
    pub interval: Interval,
    /// It has as many links as it needs.
    pub up: bool,
    /// The partner that it keeps.
    pub partner: Option<SystemId>,
    /// Partners of its ports besides.
    pub other_partners: Vec<SystemId>,
    /// The port that is used without a partner.
    pub fallback: Option<PortId>,
    /// The links that it distributes over.
    pub distributing: Vec<PortId>,
    /// Its ports, in the order of the configuration.
    pub members: Vec<MemberRow>,
}

/// One port of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MemberRow {
    /// Which.
    pub port: PortId,
    /// The speed of its link, while that is up.
    pub link: Option<Mbps>,
    /// What selection has decided.
    pub selected: Selected,
    /// Why it is not used, or is held back.
    pub why: Option<Reason>,
    /// What the data plane may do.
    #[serde(flatten)]
    pub member: Member,
    /// Ours, as in the next LACPDU.
    pub actor: EndRow,
    /// The other end, as it was recorded or assumed.
    pub partner: EndRow,
    /// The version of its last LACPDU; 0 for none yet.
    pub partner_version: u8,
    /// Of the machine.
    pub receive_state: receive::State,
    /// Of the machine.
    pub periodic_state: periodic::State,
    /// Of the machine.
    pub mux_state: mux::State,
    /// Of the machine.
    pub actor_churn_state: churn::State,
    /// Of the machine.
    pub partner_churn_state: churn::State,
    /// When the receive or the mux machine was last in another state.
    pub last_change: Instant,
    /// What was counted.
    pub counters: Counters,
}

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EndRow {
    /// Its system.
    pub system: SystemId,
    /// Its operational key.
    pub oper_key: u16,
    /// Its port's priority.
    pub port_priority: u16,
    /// Its port's number.
    pub port_num: u16,
    /// The flags that are set, by the standard's names.
    pub flags: Vec<String>,
}

impl From<&Participant> for EndRow {
    fn from(end: &Participant) -> Self {
        EndRow {
            system: end.system,
            oper_key: end.key,
            port_priority: end.port_priority,
            port_num: end.port,
            flags: end.flags.names().map(str::to_owned).collect(),
        }
    }
}

/// What was counted on one port. Every frame that comes in is one of `in_pdus`, `in_markers`, `in_marker_responses`, `bad`
/// and `unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counters {
    /// Sound LACPDUs received.
    pub in_pdus: u64,
    /// LACPDUs sent.
    pub out_pdus: u64,
    /// Markers received.
    pub in_markers: u64,
    /// Answers to markers received, though we never ask.
    pub in_marker_responses: u64,
    /// Markers answered.
    pub out_marker_responses: u64,
    /// LACPDUs and markers that were cut short or malformed.
    pub bad: u64,
    /// Frames of no protocol that is known here.
    pub unknown: u64,
    /// Of `in_pdus`: not looked at, because the port was down, LACP off, or another system meant.
    pub ignored: u64,
    /// Of `in_pdus`: not looked at, because they were our own system's.
    pub own_system: u64,
    /// LACPDUs that the partner was asked for and that did not arrive.
    pub missed: u64,
}

/// How often each arrow of each diagram was taken on one port, in the diagrams' order.
#[derive(Clone, Copy, Debug)]
pub struct Arrows<'a> {
    /// Of [`receive::DIAGRAM`].
    pub receive: &'a [u64],
    /// Of [`periodic::DIAGRAM`].
    pub periodic: &'a [u64],
    /// Of [`mux::COUPLED`] or [`mux::INDEPENDENT`].
    pub mux: &'a [u64],
    /// Of [`churn::DIAGRAM`].
    pub actor_churn: &'a [u64],
    /// Of [`churn::DIAGRAM`].
    pub partner_churn: &'a [u64],
}

impl Lacp {
    /// Everything that the system knows.
    pub fn snapshot(&self) -> LacpSnapshot {
        LacpSnapshot {
            system_id_mac: self.config().system_id_mac,
            system_priority: self.config().system_priority,
            bundles: self.bundles().map(bundle_row).collect(),
        }
    }

    /// One port of a bundle; `None` when it is in none.
    pub fn member_row(&self, port: PortId) -> Option<MemberRow> {
        self.port(port).map(member_row)
    }

    /// How often each arrow of each diagram was taken; `None` when the port is in no bundle.
    pub fn arrows(&self, port: PortId) -> Option<Arrows<'_>> {
        self.port(port).map(|port| Arrows {
            receive: port.receive.taken(),
            periodic: port.periodic.taken(),
            mux: port.mux.taken(),
            actor_churn: port.actor_churn.machine.taken(),
            partner_churn: port.partner_churn.machine.taken(),
        })
    }
}

fn bundle_row(bundle: &Bundle) -> BundleRow {
    BundleRow {
        bundle: bundle.config.id,
        lacp_mode: bundle.config.mode,
        interval: bundle.config.interval,
        up: bundle.up,
        partner: bundle.kept.map(|lag| lag.partner).filter(|system| system.is_known()),
        other_partners: bundle.others.clone(),
        fallback: bundle.fallback,
        distributing: bundle.distributing.clone(),
        members: bundle.ports.iter().map(member_row).collect(),
    }
}

fn member_row(port: &Port) -> MemberRow {
    MemberRow {
        port: port.id,
        link: port.link,
        selected: port.selected,
        why: port.why,
        member: port.member,
        actor: EndRow::from(&port.actor),
        partner: EndRow::from(&port.partner),
        partner_version: port.partner_version,
        receive_state: port.receive.state(),
        periodic_state: port.periodic.state(),
        mux_state: port.mux.state(),
        actor_churn_state: port.actor_churn.machine.state(),
        partner_churn_state: port.partner_churn.machine.state(),
        last_change: port.receive.since().max(port.mux.since()),
        counters: port.counters,
    }
}
