//! What happens at layer 3, in the words of operators.

use core::net::IpAddr;
use greylag_base::MacAddr;
use serde::{Deserialize, Serialize};

/// Something that happened at layer 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum RoutingEvent {
    /// Packets may pass by an interface.
    InterfaceUp {
        /// Its name.
        interface: String,
    },
    /// Packets may not pass by an interface any more.
    InterfaceDown {
        /// Its name.
        interface: String,
    },
    /// A station's address on the link is known, or another one.
    NeighborResolved {
        /// The interface that it is on.
        interface: String,
        /// Its address.
        address: IpAddr,
        /// Its address on the link.
        mac: MacAddr,
    },
    /// A station does not answer.
    NeighborFailed {
        /// The interface that it should be on.
        interface: String,
        /// Its address.
        address: IpAddr,
    },
    /// Another station has an address of ours.
    AddressConflict {
        /// The interface.
        interface: String,
        /// The address.
        address: IpAddr,
        /// Who has it too.
        mac: MacAddr,
    },
    /// The FIB did not take what the programming agent wrote.
    FibWriteFailed {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// FRR's zebra has connected, and tells its routes.
    FpmConnected,
    /// FRR's zebra has gone.
    FpmClosed {
        /// Routes of its that stay until it is back.
        routes: usize,
    },
    /// What zebra sends cannot be read.
    FpmFailed {
        /// What is wrong, and where.
        error: String,
    },
    /// Routes that zebra has not told again since it is back were removed.
    FpmStaleRemoved {
        /// How many.
        routes: usize,
    },
    /// RIB and FIB were compared.
    FibChecked {
        /// In so many places they differed.
        conflicts: usize,
        /// So many of them were put right.
        repaired: usize,
    },
    /// A packet was sent through every bucket.
    PathsChecked {
        /// Packets.
        probes: usize,
        /// Those that nobody answered.
        lost: usize,
    },
}
