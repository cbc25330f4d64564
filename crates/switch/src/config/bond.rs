//! A bond: the links of a host as one, as a switch that does nothing else.
//!
//! It has two ports that carry frames, a TAP with the host's protocol stack behind it and a bundle of the host's links, and learns nothing:
//! what comes in by one leaves by the other. So no frame of the host comes back to it, and an address that moves, or that the network
//! plays back, is never looked for on the wrong side.

use super::{Attachment, FlowHashConfig, LagConfig, MemberConfig, Membership, PortConfig, SwitchConfig};
use greylag_base::{MacAddr, PortId, PortName, VlanId, VlanSet};
use serde::{Deserialize, Serialize};

/// A bond.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BondConfig {
    /// The name it is known by: its control socket is called after it.
    pub name: String,
    /// The interface that it makes for the host.
    pub interface: PortName,
    /// The host's links, the preferred ones first.
    pub members: Vec<PortName>,
    /// The address of its interface; that of its first member when absent.
    pub mac_address: Option<MacAddr>,
    /// The longest payload behind the Ethernet header and tag, in bytes.
    pub mtu: u16,
    /// What LACP says of its links, and makes of them.
    pub lag: LagConfig,
    /// What flows are told apart by.
    pub flow_hash: FlowHashConfig,
}

/// Groups that end at a bridge and not at a host pass, but for pause (bit 1) and the slow protocols (bit 2), which are the links' own.
const ALL_BUT_THE_LINKS_OWN: u16 = !0b110;

/// The VLAN whose frames carry no tag, here as on the wire. A bridge has no word for "as it came": a frame that carries the tag of this
/// one loses it.
const UNTAGGED: VlanId = VlanId::MAX;

impl BondConfig {
    /// The port behind which the host is, in [`BondConfig::switch`].
    pub const HOST: &str = "host";

    /// A bond of the same name and interface, with the defaults of everything else.
    pub fn new(name: PortName, members: Vec<PortName>) -> Self {
        BondConfig {
            name: name.to_string(),
            interface: name,
            members,
            mac_address: None,
            mtu: 1500,
            lag: LagConfig::default(),
            flow_hash: FlowHashConfig::default(),
        }
    }

    /// The switch that it is, on a host whose first member has the address `first_member`: port 0 is the host, port 1 the bundle, which
    /// is called like the bond's interface, and then come the members.
    pub fn switch(&self, first_member: MacAddr) -> SwitchConfig {
        let mac = self.mac_address.unwrap_or(first_member);
        let tap =
            Attachment::Tap { netns: None, interface: Some(self.interface.clone()), mac_address: Some(mac) };
        let host = PortName::new(Self::HOST).expect("it is a name");
        let lag = LagConfig { system_id_mac: self.lag.system_id_mac.or(Some(mac)), ..self.lag.clone() };
        let bundle = Attachment::Lag(Box::new(lag));
        let mut switch = SwitchConfig::new(self.name.clone());
        switch.ports = vec![self.side(host, tap), self.side(self.interface.clone(), bundle)];
        let membership = Membership::Aggregate(MemberConfig { lag: PortId(1), port_priority: None });
        switch.ports.extend(self.members.iter().map(|name| PortConfig {
            membership: membership.clone(),
            mtu: self.mtu,
            ..PortConfig::new(name.clone())
        }));
        switch.group_fwd_mask = ALL_BUT_THE_LINKS_OWN;
        switch.flow_hash = self.flow_hash;
        // It stays empty: no port may have an entry.
        switch.mac_table.maximum_entries = 1;
        switch
    }

    /// One of the two sides: it carries whatever the other does.
    fn side(&self, name: PortName, attachment: Attachment) -> PortConfig {
        PortConfig {
            attachment,
            membership: Membership::Trunk { vlans: VlanSet::all(), native: Some(UNTAGGED) },
            mtu: self.mtu,
            maximum_entries: Some(0),
            ..PortConfig::new(name)
        }
    }
}
