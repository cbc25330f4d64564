use crate::config::PortConfig;
use greylag_base::{VlanId, VlanSet};
use greylag_dataplane::{Aggregation, Chassis, Layer3, PortForwarding, StormLimits};

/// A port as the control side knows it.
#[derive(Clone, Debug)]
pub struct Port {
    pub(crate) config: PortConfig,
    pub(crate) link_up: bool,
    /// VLANs in whose flood groups the data plane has it.
    pub(crate) joined: VlanSet,
}

impl Port {
    pub(crate) fn new(config: PortConfig) -> Self {
        Port { config, link_up: false, joined: VlanSet::new() }
    }

    /// What it was configured as.
    pub fn config(&self) -> &PortConfig {
        &self.config
    }

    /// Its link is up, whatever its administrative state.
    pub fn link_is_up(&self) -> bool {
        self.link_up
    }

    /// Frames may pass.
    pub fn is_up(&self) -> bool {
        self.link_up && self.config.enabled
    }

    /// VLANs in whose flood groups the data plane has it.
    pub fn flood_groups(&self) -> &VlanSet {
        &self.joined
    }

    /// Frames of the VLAN may pass.
    pub(crate) fn carries(&self, vlan: VlanId) -> bool {
        self.is_up() && self.config.membership.carries(vlan)
    }

    /// Puts it into the flood groups of its VLANs while it is up, and otherwise out of all. With `joins` unset it only leaves.
    pub(crate) fn settle(&mut self, joins: bool) {
        let wanted = if self.is_up() { self.config.membership.vlans() } else { VlanSet::new() };
        self.joined = if joins { wanted } else { self.joined.intersection(&wanted) };
    }

    /// VLANs of which it is a member that is up, and to whose flood groups it does not belong.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = VlanId> {
        let vlans = if self.is_up() { self.config.membership.vlans() } else { VlanSet::new() };
        let joined = &self.joined;
        let left_out: Vec<VlanId> = vlans.iter().filter(|&vlan| !joined.contains(vlan)).collect();
        left_out.into_iter()
    }

    pub(crate) fn forwarding(&self) -> PortForwarding {
        let storm = self.config.storm_control;
        PortForwarding {
            up: self.is_up(),
            vlans: self.config.membership.vlans(),
            untagged: self.config.membership.untagged(),
            mtu: self.config.mtu.into(),
            isolation_group: self.config.isolation_group,
            storm: StormLimits {
                broadcast: storm.broadcast,
                multicast: storm.multicast,
                unknown_unicast: storm.unknown_unicast,
            },
            aggregation: Aggregation::None,
            layer3: Layer3::None,
            chassis: Chassis::None,
        }
    }
}
