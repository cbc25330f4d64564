//! What operators ask: everything that one end of a session knows, as serialisable rows.
//!
//! Times are of the world's clock.

use crate::Iccp;
use crate::config::{Role, SystemConfig};
use crate::event::{Cause, Conflict};
use crate::object::{Aggregator, Port};
use crate::session::{ApplicationState, SessionState};
use greylag_base::Instant;
use greylag_wire::iccp::{MessageType, Status, VlanList};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything that one end knows, but for the addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IccpSnapshot {
    /// Our redundancy group.
    pub redundancy_group: u32,
    /// Who opens the connection.
    pub role: Role,
    /// As configured.
    pub sender_name: String,
    /// Where the session is.
    pub session_state: SessionState,
    /// Where mLACP is within the session.
    pub application_state: ApplicationState,
    /// Since when both ends speak of bundles, or do not.
    pub last_change: Instant,
    /// How often they did.
    pub established_transitions: u64,
    /// False when BFD says that the peer cannot be reached.
    pub path_usable: bool,
    /// What the peer calls itself, while there is a session.
    pub peer_name: Option<String>,
    /// The peer's chassis, while there is a session.
    pub peer_system: Option<SystemConfig>,
    /// What is used: ours, or less if the peer gives up early; `None` while there is no session.
    pub keepalive: Option<Duration>,
    /// The shorter of both; `None` while there is no session.
    pub session_timeout: Option<Duration>,
    /// When something was last heard.
    pub last_heard: Option<Instant>,
    /// Why the last session or attempt ended.
    pub last_failure: Option<Failure>,
    /// Messages that went.
    pub messages_sent: Messages,
    /// Messages that came.
    pub messages_received: Messages,
    /// What we have said no to last.
    pub last_nak_sent: Option<Nak>,
    /// What the peer has said no to last.
    pub last_nak_received: Option<Nak>,
    /// What the peer was told.
    pub synchronised_sent: Synchronised,
    /// What the peer has.
    pub synchronised_received: Synchronised,
    /// The peer has told everything that it has.
    pub complete: bool,
    /// What we have to say and the peer has not taken yet.
    pub waiting: usize,
    /// Since when something does.
    pub waiting_since: Option<Instant>,
    /// What cannot go together.
    pub conflicts: Vec<Conflict>,
    /// The peer's legs, by id.
    pub peer_aggregators: Vec<Aggregator>,
    /// The peer's links, by LACP port number.
    pub peer_ports: Vec<Port>,
    /// The VLANs of its legs, and of its end of the link between the chassis; nothing of a peer that does not tell.
    #[serde(default)]
    pub peer_vlans: Vec<PlaceVlans>,
}

/// What a chassis carries at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlaceVlans {
    /// Its leg of this bundle; `None` for its end of the link between the chassis.
    pub aggregator: Option<u16>,
    /// `10,20-29`, and behind it which of them is untagged.
    pub vlans: String,
}

/// How a session or an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// When.
    pub at: Instant,
    /// How far it had come.
    pub state: SessionState,
    /// Why.
    pub cause: Cause,
}

/// Messages by their type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Messages {
    /// Initialization: capabilities.
    pub initialization: u64,
    /// KeepAlive.
    pub keepalive: u64,
    /// RG Connect.
    pub rg_connect: u64,
    /// RG Disconnect.
    pub rg_disconnect: u64,
    /// RG Notification.
    pub rg_notification: u64,
    /// RG Application Data.
    pub rg_application_data: u64,
    /// Others, which are not understood.
    pub other: u64,
    /// NAKs, which are in RG Notifications.
    pub naks: u64,
    /// Octets of all of them.
    pub octets: u64,
}

/// A message that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Nak {
    /// When.
    pub at: Instant,
    /// Why.
    pub status: Status,
    /// Which message, by its id.
    pub message: u32,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Synchronised {
    /// Legs.
    pub aggregators: usize,
    /// Links.
    pub ports: usize,
    /// Addresses of the switches' own interfaces.
    pub irb_macs: usize,
    /// Addresses of stations.
    pub macs: usize,
}

impl Messages {
    pub(crate) fn count(&mut self, kind: MessageType) {
        let counter = match kind {
            MessageType::Initialization => &mut self.initialization,
            MessageType::KeepAlive => &mut self.keepalive,
            MessageType::RgConnect => &mut self.rg_connect,
            MessageType::RgDisconnect => &mut self.rg_disconnect,
            MessageType::RgNotification => &mut self.rg_notification,
            MessageType::RgApplicationData => &mut self.rg_application_data,
            MessageType::Other(_) => &mut self.other,
        };
        *counter += 1;
    }
}

impl Iccp {
    /// Everything that operators ask, but for the addresses of stations.
    pub fn snapshot(&self) -> IccpSnapshot {
        let ledger = &self.ledger;
        let synchronised_sent = Synchronised {
            aggregators: ledger.aggregators.told(),
            ports: ledger.ports.told(),
            irb_macs: ledger.irb_macs.told(),
            macs: ledger.macs.told(),
        };
        IccpSnapshot {
            redundancy_group: self.config.redundancy_group,
            role: self.config.role,
            sender_name: self.config.sender_name.clone(),
            session_state: self.state,
            application_state: self.application,
            last_change: self.since,
            established_transitions: self.times_up,
            path_usable: self.path_usable,
            peer_name: self.peer_name.clone(),
            peer_system: self.view.system,
            keepalive: self.agreed.as_ref().map(|agreed| agreed.keepalive),
            session_timeout: self.agreed.as_ref().map(|agreed| agreed.session_timeout),
            last_heard: self.last_heard,
            last_failure: self.last_failure.clone(),
            messages_sent: self.sent,
            messages_received: self.received,
            last_nak_sent: self.naks[0],
            last_nak_received: self.naks[1],
            synchronised_sent,
            synchronised_received: self.view.counts(),
            complete: self.view.complete,
            waiting: ledger.waiting(),
            waiting_since: self.waiting_since,
            conflicts: self.conflicts.iter().cloned().collect(),
            peer_aggregators: self.view.aggregators().collect(),
            peer_ports: self.view.ports().collect(),
            peer_vlans: {
                let place =
                    |(aggregator, list): (_, &VlanList)| PlaceVlans { aggregator, vlans: list.to_string() };
                self.view.vlans().map(place).collect()
            },
        }
    }
}
