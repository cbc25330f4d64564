use greylag_base::{Instant, MacAddr, PortId, VlanId};

/// What a worker reports, and when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerReport {
    /// When the worker took the batch that it happened in.
    pub at: Instant,
    /// What happened.
    pub event: WorkerEvent,
}

/// What a worker tells the control side. Small and copied: it travels on a bounded queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerEvent {
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
