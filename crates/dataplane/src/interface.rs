//! Interfaces of layer 3, as workers see them.

use greylag_base::{MacAddr, PortId, VlanId};
use serde::{Deserialize, Serialize};

/// What a worker needs to know of an interface of layer 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InterfaceForwarding {
    /// Packets may pass: it is administratively up, and what carries it is.
    pub up: bool,
    /// What carries it.
    pub carrier: Carrier,
    /// Frames to this address are for it, and its frames come from it.
    pub mac: MacAddr,
    /// Frames to these are routed too: addresses of others for whom it stands in, such as the peer of an MC-LAG.
    pub also: Vec<MacAddr>,
    /// The longest IP packet that leaves by it, in bytes.
    pub mtu: usize,
    /// The port behind which another IP stack stands that shares its address, such as the kernel's for FRR: what is for the switch
    /// itself goes there too, and what comes from there leaves by the interface.
    pub host: Option<PortId>,
}

/// What carries an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    /// A port or bundle of its own.
    Port(PortId),
    /// A VLAN of the bridge.
    Vlan(VlanId),
    /// None: nothing leaves by it, and nothing comes in.
    Loopback,
}

impl InterfaceForwarding {
    /// Frames to this address are routed.
    #[inline]
    pub(crate) fn takes(&self, destination: MacAddr) -> bool {
        // As numbers: octets that have just been put together have to be waited for.
        destination.to_bits() == self.mac.to_bits() || self.also.contains(&destination)
    }
}
