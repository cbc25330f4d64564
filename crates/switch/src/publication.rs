//! What the control side publishes to the workers, as a value that can be kept and compared.

use crate::Switch;
use crate::config::{FlowHashConfig, MoveDamping};
use greylag_base::{Instant, PortId, PortSet, Seed, VlanId};
use greylag_dataplane::{
    Damping, FlowHash, Forwarding, InterfaceForwarding, Keeper, Learning, PortForwarding, StaleBucket,
};
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
    /// How flows are told apart.
    pub flow_hash: FlowHashConfig,
    /// The interfaces of layer 3; the index is the [`InterfaceId`](greylag_base::InterfaceId).
    pub interfaces: Vec<InterfaceForwarding>,
    /// Buckets that one worker has otherwise than the others.
    pub stale_buckets: Vec<StaleBucket>,
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

impl From<Publication> for Forwarding {
    fn from(publication: Publication) -> Forwarding {
        let Publication {
            ports,
            group_fwd_mask,
            damping,
            learning,
            flow_hash,
            interfaces,
            stale_buckets,
            flood_groups,
        } = publication;
        let count = ports.len();
        let forwarding = Forwarding::new(ports, group_fwd_mask)
            .with_damping(damping)
            .with_learning(learning)
            .with_flow_hash(hash_of(flow_hash, "lag"))
            .with_route_hash(hash_of(flow_hash, "ecmp"))
            .with_interfaces(interfaces)
            .with_stale_buckets(stale_buckets);
        flood_groups.into_iter().fold(forwarding, |forwarding, (vlan, group)| {
            let mut ports = PortSet::new(count);
            group.ports.into_iter().for_each(|port| ports.insert(port));
            forwarding.with_flood_group(vlan, &ports, group.until)
        })
    }
}

/// Bundles and groups of next hops must not choose alike, or what comes by one link of a bundle goes by a part of the next hops only.
pub(crate) fn hash_of(config: FlowHashConfig, chooser: &str) -> FlowHash {
    let seed = Seed(config.seed.unwrap_or_default()).derive(chooser);
    if config.symmetric {
        FlowHash::symmetric(config.fields, seed)
    } else {
        FlowHash::new(config.fields, seed)
    }
}

impl Switch {
    pub(crate) fn publish(&mut self, now: Instant) {
        let config = self.history.running();
        let owned = config.learning.owned();
        let keeper = |is_owned| if is_owned { Keeper::Agent } else { Keeper::Worker };
        let publication = Publication {
            ports: (0..self.ports.len())
                .map(|port| self.port_forwarding(port))
                .chain(self.host_forwarding())
                .collect(),
            group_fwd_mask: config.group_fwd_mask,
            damping: config.mac_table.move_damping.map(MoveDamping::rule),
            learning: Learning {
                install: keeper(owned.learn),
                renew: keeper(owned.lease),
                report_interval: config.learning.report_interval.filter(|_| owned.learn || owned.adjacency),
                adjacency: keeper(owned.adjacency),
            },
            flow_hash: self.flow_hash(),
            interfaces: self.interface_forwarding(),
            stale_buckets: self.routing.stale_buckets.clone(),
            flood_groups: self.flood_groups(),
        };
        self.door.publish(now, publication);
    }
}
