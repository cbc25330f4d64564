use greylag_base::{Instant, MacAddr, PortId, VlanId};
use serde::{Deserialize, Serialize};

/// What a worker reports, and when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// When the worker took the batch that it happened in.
    pub at: Instant,
    /// What happened.
    pub event: WorkerEvent,
}

/// What a worker tells the control side. Small and copied: it travels on a bounded queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub enum WorkerEvent {
    /// A source that the table does not know was seen, and installing is for the agent.
    Seen {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it was seen.
        port: PortId,
    },
    /// A source was seen elsewhere than the table says, and moving it is for the agent.
    SeenElsewhere {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where the table has it.
        known: PortId,
        /// Where it was seen.
        seen: PortId,
    },
    /// A new address.
    Learned {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it is.
        port: PortId,
    },
    /// An address changed ports.
    Moved {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it was.
        from: PortId,
        /// Where it is.
        to: PortId,
    },
    /// An address changes ports too often and is held.
    Damped {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it is held.
        held: PortId,
        /// Where it was seen.
        seen: PortId,
    },
    /// A packet was to leave for a station that the table does not know, and was dropped, for the agent alone may have it found.
    AdjacencyUnresolved {
        /// The VLAN of the interface that it was to leave by.
        vlan: VlanId,
        /// The station.
        mac: MacAddr,
    },
    /// An address made room for another in a full table.
    Evicted {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it was.
        port: PortId,
    },
    /// An address was silent for the ageing time and its entry is reclaimed.
    Aged {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
        /// Where it was.
        port: PortId,
    },
}
