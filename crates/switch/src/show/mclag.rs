//! A pair of chassis: what this one is in it and does, the session, and what the two should agree on.

use super::BfdRow;
use crate::Switch;
use crate::config::{MultiChassisConfig, StatusControl};
use crate::mclag::{BackupLiveness, ControlSession, LegUse, Mclag, Members, RuledIsolation, SystemId};
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr, PortId, VlanId};
use greylag_iccp::{Aggregator, Conflict, ConflictParameter, IccpSnapshot, MacPlace, PlaceVlans, VlanList};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What this chassis is in the pair, and does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MclagRow {
    /// Whose ways the pair has.
    pub preset: String,
    /// 0 or 1.
    pub chassis_id: u8,
    /// The same on both.
    pub redundancy_group: u32,
    /// Which of the two it is, where they have to differ.
    pub status_control: StatusControl,
    /// The control session.
    pub control_session: ControlSession,
    /// What is known of the peer while the session is down.
    pub backup_liveness: BackupLiveness,
    /// The port or bundle between the chassis.
    pub inter_chassis_link: String,
    /// It is up.
    pub inter_chassis_link_up: bool,
    /// Milliseconds until the bundles may come up; 0 once they may.
    pub init_delay_left: u64,
    /// What LACP shows on multi-chassis bundles.
    pub system_id: SystemId,
    /// What their links may do.
    pub members: Members,
    /// Whether legs stay isolated.
    pub isolation: RuledIsolation,
    /// The health gate is shut.
    pub withdrawn: bool,
    /// Addresses that the peer has told.
    pub peer_macs: usize,
    /// The multi-chassis bundles, by port.
    pub bundles: Vec<MclagBundleRow>,
}

/// A multi-chassis bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MclagBundleRow {
    /// Its name here.
    pub lag: String,
    /// Its number on both chassis.
    pub mc_ae_id: u16,
    /// What LACP shows.
    pub system_id_mac: MacAddr,
    /// That is what both chassis show.
    pub shared: bool,
    /// This chassis' leg.
    pub local_leg: LegState,
    /// The other's, as it told last; absent while it has not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peer_leg: Option<LegState>,
    /// Nothing leaves by it that came over the inter-chassis link.
    pub isolated: bool,
    /// Addresses of the peer that are behind it.
    pub peer_macs: usize,
}

/// A leg of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegState {
    /// Frames pass.
    Up,
    /// LACP has brought it up, and it waits for the peer to isolate its own.
    Held,
    /// None do.
    Down,
}

/// The control session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IccpRow {
    /// Our end.
    pub local_address: IpAddr,
    /// The other end.
    pub peer_address: IpAddr,
    /// All that is known of it. Times are in nanoseconds since the switch's clock started.
    pub session: IccpSnapshot,
    /// The session of BFD beside it, if one is asked for.
    pub bfd: Option<BfdRow>,
}

/// What the two chassis should agree on, or must not share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MclagCheckRow {
    /// What: `redundancy-group`, `node-id`, `mc-ae-id`, `system-id-mac`, `system-priority`, `admin-key`, `vlans`, `irb-mac`, `mac`.
    pub parameter: String,
    /// Of which bundle, VLAN or address, or of the inter-chassis link; absent for the chassis.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<String>,
    /// What is so here; `None` for not there.
    pub local: Option<String>,
    /// What is so at the peer, as it told; `None` for not there, `unknown` for what it does not tell.
    pub peer: Option<String>,
    /// The two cannot go together.
    pub conflict: bool,
}

impl Switch {
    /// What it is in its pair; `None` without one.
    pub fn mclag_row(&self, now: Instant) -> Option<MclagRow> {
        let (config, mclag) = (self.config().multi_chassis.as_ref()?, self.mclag()?);
        let link = &self.ports()[config.inter_chassis_link.index()];
        Some(MclagRow {
            preset: config.preset.clone(),
            chassis_id: config.chassis_id,
            redundancy_group: config.redundancy_group,
            status_control: config.status_control,
            control_session: mclag.control_session,
            backup_liveness: mclag.backup_liveness,
            inter_chassis_link: link.config.name.to_string(),
            inter_chassis_link_up: link.is_up(),
            init_delay_left: init_delay_left(config, mclag, now).as_millis() as u64,
            system_id: mclag.ruling.system_id,
            members: mclag.ruling.members,
            isolation: mclag.ruling.isolation,
            withdrawn: mclag.withdrawn,
            peer_macs: mclag.peer_macs.len(),
            bundles: self.mclag_bundle_rows(mclag),
        })
    }

    fn mclag_bundle_rows(&self, mclag: &Mclag) -> Vec<MclagBundleRow> {
        let system = self.lacp_config();
        let row = |(port, mc_ae_id): (PortId, u16)| {
            let bundle = system.bundles.iter().find(|bundle| bundle.id.0 == port.0)?;
            let is_behind = |place: &&MacPlace| **place == MacPlace::Aggregator(mc_ae_id);
            let peer_leg = mclag.peer_legs.get(&mc_ae_id);
            Some(MclagBundleRow {
                lag: self.port_name(port),
                mc_ae_id,
                system_id_mac: system.system_of(bundle).mac,
                shared: mclag.ruling.system_id == SystemId::Shared,
                local_leg: match mclag.legs.get(&port) {
                    Some(LegUse::Used) => LegState::Up,
                    Some(LegUse::Held { .. }) => LegState::Held,
                    None => LegState::Down,
                },
                peer_leg: peer_leg.map(|&up| if up { LegState::Up } else { LegState::Down }),
                isolated: mclag.isolated.contains(&mc_ae_id),
                peer_macs: mclag.peer_macs.values().filter(is_behind).count(),
            })
        };
        self.legs().into_iter().filter_map(row).collect()
    }

    /// The control session; `None` without a pair, and while its agent does not run.
    pub fn iccp_row(&self) -> Option<IccpRow> {
        let config = &self.config().multi_chassis.as_ref()?.iccp;
        let agent = self.pair.iccp.as_ref()?;
        let is_beside = |row: &BfdRow| row.interface.is_none() && row.remote_address == config.peer_address;
        Some(IccpRow {
            local_address: config.local_address,
            peer_address: config.peer_address,
            session: agent.iccp.snapshot(),
            bfd: config.liveness_detection.and_then(|_| self.bfd_rows().into_iter().find(is_beside)),
        })
    }

    /// What the two chassis should agree on; `None` without a pair, and while its agent does not run. What only the peer can tell is
    /// there while the session stands.
    pub fn mclag_check_rows(&self, now: Instant) -> Option<Vec<MclagCheckRow>> {
        let config = self.config().multi_chassis.as_ref()?;
        let agent = self.pair.iccp.as_ref()?;
        let session = agent.iccp.snapshot();
        let mut rows = Rows { conflicts: &session.conflicts, rows: Vec::new() };
        let has_session = session.peer_system.is_some();
        let group = config.redundancy_group.to_string();
        // A session with another group does not come about.
        let peer_group = has_session.then(|| group.clone());
        rows.push(ConflictParameter::RedundancyGroup, None, Some(group), peer_group);
        let peer_node = session.peer_system.map(|system| system.node_id.to_string());
        rows.push(ConflictParameter::NodeId, None, Some(config.chassis_id.to_string()), peer_node);
        let peers: BTreeMap<u16, &Aggregator> =
            session.peer_aggregators.iter().map(|it| (it.id, it)).collect();
        let ids: BTreeSet<u16> = agent.legs_told.keys().chain(peers.keys()).copied().collect();
        for id in ids {
            rows.push_bundle(id, agent.legs_told.get(&id), peers.get(&id).copied());
            let is_there = peers.contains_key(&id);
            rows.push_vlans(Some(id), agent.vlans_told.get(&Some(id)), is_there, &session.peer_vlans);
        }
        rows.push_vlans(None, agent.vlans_told.get(&None), session.complete, &session.peer_vlans);
        if let Some(mclag) = self.mclag().filter(|_| has_session) {
            rows.push_irb_macs(&agent.irbs_told, &mclag.peer_irb_macs);
            let known: BTreeSet<(VlanId, MacAddr)> =
                self.fdb(now).into_iter().map(|entry| (entry.vlan, entry.mac)).collect();
            rows.push_macs(mclag.peer_macs.iter().filter(|(key, _)| !known.contains(key)));
        }
        Some(rows.rows)
    }
}

fn init_delay_left(config: &MultiChassisConfig, mclag: &Mclag, now: Instant) -> Duration {
    match mclag.init_delay_over {
        true => Duration::ZERO,
        false => (mclag.started + config.init_delay).since(now),
    }
}

/// Rows that are being collected, and what the session has found to be in conflict.
struct Rows<'s> {
    conflicts: &'s [Conflict],
    rows: Vec<MclagCheckRow>,
}

impl Rows<'_> {
    fn push(
        &mut self,
        parameter: ConflictParameter,
        bundle: Option<u16>,
        local: Option<String>,
        peer: Option<String>,
    ) {
        let is_this = |conflict: &Conflict| (conflict.parameter, conflict.aggregator) == (parameter, bundle);
        let name = serde_json::to_value(parameter).expect("a word can be written as JSON");
        self.rows.push(MclagCheckRow {
            parameter: name.as_str().unwrap_or_default().to_owned(),
            of: bundle.map(|id| format!("mc-ae-id {id}")),
            local,
            peer,
            conflict: self.conflicts.iter().any(is_this),
        });
    }

    fn push_bundle(&mut self, id: u16, local: Option<&Aggregator>, peer: Option<&Aggregator>) {
        let mut push = |parameter, value: fn(&Aggregator) -> String| {
            self.push(parameter, Some(id), local.map(value), peer.map(value));
        };
        push(ConflictParameter::McAeId, |leg| leg.name.clone());
        push(ConflictParameter::SystemIdMac, |leg| leg.system.mac.to_string());
        push(ConflictParameter::SystemPriority, |leg| leg.system.priority.to_string());
        push(ConflictParameter::AdminKey, |leg| leg.key.to_string());
    }

    /// The VLANs of both legs of a bundle, or of both ends of the link between the chassis. With a peer that has the place and does not
    /// tell, as other implementations, nothing is known.
    fn push_vlans(&mut self, id: Option<u16>, local: Option<&VlanList>, is_there: bool, told: &[PlaceVlans]) {
        let local = local.map(VlanList::to_string);
        let told = told.iter().find(|place| place.aggregator == id).map(|place| place.vlans.clone());
        let conflict = local.is_some() && told.is_some() && local != told;
        self.rows.push(MclagCheckRow {
            parameter: "vlans".to_owned(),
            of: Some(id.map_or("inter-chassis link".to_owned(), |id| format!("mc-ae-id {id}"))),
            local,
            peer: told.or_else(|| is_there.then(|| "unknown".to_owned())),
            conflict,
        });
    }

    /// Where both synchronise, each has an address of its own.
    fn push_irb_macs(&mut self, local: &BTreeMap<VlanId, MacAddr>, peer: &BTreeMap<VlanId, MacAddr>) {
        let vlans: BTreeSet<VlanId> = local.keys().chain(peer.keys()).copied().collect();
        for vlan in vlans {
            let (ours, theirs) = (local.get(&vlan), peer.get(&vlan));
            self.rows.push(MclagCheckRow {
                parameter: "irb-mac".to_owned(),
                of: Some(format!("VLAN {vlan}")),
                local: ours.map(MacAddr::to_string),
                peer: theirs.map(MacAddr::to_string),
                conflict: ours.is_none() || theirs.is_none() || ours == theirs,
            });
        }
    }

    /// Addresses that the peer has told, and that this chassis does not know.
    fn push_macs<'m>(&mut self, macs: impl Iterator<Item = (&'m (VlanId, MacAddr), &'m MacPlace)>) {
        for ((vlan, mac), place) in macs {
            self.rows.push(MclagCheckRow {
                parameter: "mac".to_owned(),
                of: Some(format!("{mac} in VLAN {vlan}")),
                local: None,
                peer: Some(match place {
                    MacPlace::Aggregator(id) => format!("mc-ae-id {id}"),
                    MacPlace::SingleHomed => "single-homed".to_owned(),
                }),
                conflict: true,
            });
        }
    }
}
