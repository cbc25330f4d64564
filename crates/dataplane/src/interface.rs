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
    /// The address of the other chassis' interface in the same VLAN, by which a station with a bundle to both may have the packet that it
    /// sends to this one: packets to it are routed here too. What is for the other chassis itself is bridged to it as it is.
    pub peer_mac: Option<MacAddr>,
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
    /// Frames to this address are for it.
    #[inline]
    pub(crate) fn takes(&self, destination: MacAddr) -> bool {
        // As numbers: octets that have just been put together have to be waited for.
        destination.to_bits() == self.mac.to_bits()
    }

    /// Packets to this address are routed, although it is the other chassis'.
    #[inline]
    pub(crate) fn stands_in_for(&self, destination: MacAddr) -> bool {
        self.peer_mac == Some(destination) && matches!(self.carrier, Carrier::Vlan(_))
    }
}
