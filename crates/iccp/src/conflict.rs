//! What cannot go together: judged anew whenever either chassis says something about itself.

use crate::config::SystemConfig;
use crate::event::{Conflict, ConflictParameter};
use crate::object::Aggregator;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that cannot go together, of two chassis that know all of each other.
pub(crate) fn conflicts<'a>(
    local: (SystemConfig, impl Iterator<Item = &'a Aggregator>),
    peer: (Option<SystemConfig>, impl Iterator<Item = Aggregator>),
) -> BTreeSet<Conflict> {
    let mut found = BTreeSet::new();
    if let Some(system) = peer.0.filter(|peer| peer.node_id == local.0.node_id) {
        let node = |system: SystemConfig| Some(system.node_id.to_string());
        found.insert(Conflict {
            parameter: ConflictParameter::NodeId,
            aggregator: None,
            local: node(local.0),
            peer: node(system),
        });
    }
    let mut theirs: BTreeMap<u16, Aggregator> = peer.1.map(|it| (it.id, it)).collect();
    for ours in local.1 {
        match theirs.remove(&ours.id) {
            Some(theirs) => found.extend(of_legs(ours, &theirs)),
            None => {
                found.insert(one_sided(ours.id, Some(ours), None));
            }
        }
    }
    found.extend(theirs.values().map(|theirs| one_sided(theirs.id, None, Some(theirs))));
    found
}

fn one_sided(id: u16, local: Option<&Aggregator>, peer: Option<&Aggregator>) -> Conflict {
    let name = |leg: &Aggregator| leg.name.clone();
    Conflict {
        parameter: ConflictParameter::McAeId,
        aggregator: Some(id),
        local: local.map(name),
        peer: peer.map(name),
    }
}

fn of_legs(ours: &Aggregator, theirs: &Aggregator) -> impl Iterator<Item = Conflict> {
    let rows = [
        (ConflictParameter::SystemIdMac, ours.system.mac.to_string(), theirs.system.mac.to_string()),
        (
            ConflictParameter::SystemPriority,
            ours.system.priority.to_string(),
            theirs.system.priority.to_string(),
        ),
        (ConflictParameter::AdminKey, ours.key.to_string(), theirs.key.to_string()),
    ];
    let id = ours.id;
    rows.into_iter().filter(|(_, ours, theirs)| ours != theirs).map(move |(parameter, local, peer)| {
        Conflict { parameter, aggregator: Some(id), local: Some(local), peer: Some(peer) }
    })
}
