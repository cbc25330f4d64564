//! What the control side publishes to the workers, as a value that can be kept and compared.

use greylag_base::{Instant, PortId, PortSet, VlanId};
use greylag_dataplane::{Damping, Forwarding, Learning, PortForwarding};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that a [`Forwarding`] is compiled from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Publication {
    /// The ports; the index is the [`PortId`].
    pub ports: Vec<PortForwarding>,
    /// Reserved group addresses that pass.
    pub group_fwd_mask: u16,
    /// When moving addresses are held.
    pub damping: Option<Damping>,
    /// Who keeps the table current.
    pub learning: Learning,
    /// Flood groups that are not simply all members that are up.
    pub flood_groups: BTreeMap<VlanId, FloodGroup>,
}

/// Where frames of a VLAN are flooded to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FloodGroup {
    /// The ports that are in.
    pub ports: Vec<PortId>,
    /// It lapses then.
    pub until: Option<Instant>,
}

impl Publication {
    /// The same for the workers.
    pub fn forwarding(&self) -> Forwarding {
        let forwarding = Forwarding::new(self.ports.clone(), self.group_fwd_mask)
            .with_damping(self.damping)
            .with_learning(self.learning);
        self.flood_groups.iter().fold(forwarding, |forwarding, (&vlan, group)| {
            let mut ports = PortSet::new(self.ports.len());
            group.ports.iter().for_each(|&port| ports.insert(port));
            forwarding.with_flood_group(vlan, &ports, group.until)
        })
    }
}
