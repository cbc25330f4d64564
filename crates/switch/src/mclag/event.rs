//! What happens in a pair of chassis, as events.

use super::{BackupLiveness, Members};
use core::net::IpAddr;
use greylag_base::MacAddr;
use serde::{Deserialize, Serialize};

/// Something happened to the pair. Bundles go by their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum MclagEvent {
    /// The chassis speak of bundles with each other.
    IccpSessionUp {
        /// The other one.
        peer_address: IpAddr,
    },
    /// They do so no longer.
    IccpSessionDown {
        /// The other one.
        peer_address: IpAddr,
        /// Why.
        cause: String,
    },
    /// A multi-chassis bundle shows another system id to its partner.
    MclagSystemIdChanged {
        /// The bundle.
        lag: String,
        /// What it shows now.
        system_id: MacAddr,
        /// It is the one that both chassis show, and not our own.
        shared: bool,
    },
    /// The links of a multi-chassis bundle may do more or less than before.
    MclagMembersChanged {
        /// The bundle.
        lag: String,
        /// What they may do now.
        to: Members,
    },
    /// What comes from the other chassis leaves by a multi-chassis bundle no longer, or does so again.
    MclagIsolationChanged {
        /// The bundle.
        lag: String,
        /// It does not.
        isolated: bool,
    },
    /// Something else is known of the peer while the control session is down.
    MclagPeerLivenessChanged {
        /// What.
        to: BackupLiveness,
    },
    /// Multi-chassis bundles may take part from now on.
    MclagInitDelayOver,
    /// The chassis are told what cannot go together.
    MclagConflict {
        /// In what.
        parameter: String,
        /// Of which bundle; absent when it is of the chassis.
        #[serde(skip_serializing_if = "Option::is_none")]
        lag: Option<String>,
        /// What is so here; absent when it is not there.
        #[serde(skip_serializing_if = "Option::is_none")]
        local: Option<String>,
        /// What is so at the peer; absent when it is not there.
        #[serde(skip_serializing_if = "Option::is_none")]
        peer: Option<String>,
    },
    /// They no longer are.
    MclagConflictOver {
        /// In what.
        parameter: String,
        /// Of which bundle; absent when it was of the chassis.
        #[serde(skip_serializing_if = "Option::is_none")]
        lag: Option<String>,
    },
    /// The health gate finds that the switch learns, or that it does not.
    MclagHealthChanged {
        /// It learns.
        healthy: bool,
        /// Why not.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// The switch leaves its multi-chassis bundles to the other chassis because it is not well, or takes part again.
    MclagWithdrawn {
        /// It leaves them.
        withdrawn: bool,
    },
}
