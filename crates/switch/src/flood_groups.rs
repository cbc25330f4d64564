//! The flood groups: which ports a VLAN is flooded to, where the learning agent keeps that.
//!
//! A port that goes down, or is no member any more, leaves at once, agent or no agent. It joins when the agent handles its coming
//! up: at once if that listens, otherwise when it is back and reconciles.

use crate::Switch;
use crate::config::{FloodGroups, SwitchConfig};
use crate::port::Port;
use crate::publication::FloodGroup;
use greylag_base::{Instant, PortId, VlanId};
use std::collections::BTreeMap;

impl Switch {
    /// Ports that come up join their flood groups: nobody owns them, or the agent listens.
    pub(crate) fn joins(&self) -> bool {
        !self.config().learning.owned().flood || self.listens()
    }

    /// Puts all ports into the flood groups they should be in, or at least out of those they should not.
    pub(crate) fn settle_ports(&mut self) {
        let joins = self.joins();
        self.ports.iter_mut().for_each(|port| port.settle(joins));
    }

    /// Renews the lease of the flood groups, if the agent listens; says whether they lapse at another time now.
    pub(crate) fn lease_flood_groups(&mut self, now: Instant) -> bool {
        let before = self.flood_until();
        if self.listens() {
            self.learning.flood_renewed = now;
        }
        self.flood_until() != before
    }

    /// When the flood groups lapse, if they are leased: an ageing time after the last renewal, as an entry does.
    fn flood_until(&self) -> Option<Instant> {
        let config = self.config();
        leases_flood_groups(config).then(|| self.learning.flood_renewed + config.mac_table.ageing_time)
    }

    /// The flood groups that are not simply all members that are up.
    pub(crate) fn flood_groups(&self) -> BTreeMap<VlanId, FloodGroup> {
        if !self.config().learning.owned().flood {
            return BTreeMap::new();
        }
        let until = self.flood_until();
        let empty = |vlan| (vlan, FloodGroup { ports: Vec::new(), until });
        let mut groups: BTreeMap<VlanId, FloodGroup> = match until {
            Some(_) => self.config().vlan_set().iter().map(empty).collect(),
            None => self.ports.iter().flat_map(Port::left_out).map(empty).collect(),
        };
        if groups.is_empty() {
            return groups;
        }
        for (index, port) in self.ports.iter().enumerate() {
            for vlan in port.joined.iter() {
                if let Some(group) = groups.get_mut(&vlan) {
                    group.ports.push(PortId(index as u16));
                }
            }
        }
        groups
    }
}

/// Do flood groups lapse with this configuration?
pub(crate) fn leases_flood_groups(config: &SwitchConfig) -> bool {
    let learning = &config.learning;
    let is_leased = learning.owned().flood && learning.flood == FloodGroups::Leased;
    is_leased && !config.mac_table.ageing_time.is_zero()
}
