//! Changes of the configuration while a switch runs: validated whole, all or nothing, with a way back.
//!
//! After Junos: `commit confirmed` is rolled back at its deadline, and a further commit confirms it.

use crate::Switch;
use crate::alarm::AlarmKind;
use crate::config::{PortConfig, StaticMac, SwitchConfig};
use crate::diff::{DiffLine, diff};
use crate::event::Event;
use crate::flood_groups::leases_flood_groups;
use crate::input::Refused;
use crate::learning::Flush;
use crate::mclag::{check_lacp, iccp_config};
use crate::table_door::Place;
use greylag_base::{Instant, PortId, VlanId, VlanSet};
use greylag_mactable::Decline;
use std::collections::BTreeSet;
use std::time::Duration;

impl Switch {
    /// What a candidate configuration would change, in the order of the paths.
    pub fn diff(&self, candidate: &SwitchConfig) -> Vec<DiffLine> {
        diff(self.config(), candidate)
    }

    pub(crate) fn commit(
        &mut self,
        now: Instant,
        config: SwitchConfig,
        author: String,
        confirm_within: Option<Duration>,
    ) -> Result<(), Refused> {
        let changes = self.check(&config)?.len();
        self.replace_statics(now, &config.static_macs)?;
        let _ = self.confirm(now);
        self.history.push(now, Some(author.clone()), confirm_within.is_some(), config);
        let within = confirm_within.map(|within| within.as_secs());
        self.events.push(now, Event::ConfigCommitted { author, changes, confirm_within: within });
        self.confirm_by = confirm_within.map(|within| now + within);
        self.alarm_if(now, confirm_within.is_some(), AlarmKind::CommitUnconfirmed);
        self.take_effect(now);
        Ok(())
    }

    pub(crate) fn confirm(&mut self, now: Instant) -> Result<(), Refused> {
        self.confirm_by.take().ok_or(Refused::NothingToConfirm)?;
        self.history.confirm();
        self.clear_alarm(now, AlarmKind::CommitUnconfirmed);
        self.events.push(now, Event::ConfigConfirmed);
        Ok(())
    }

    pub(crate) fn roll_back(&mut self, now: Instant, steps: usize, author: String) -> Result<(), Refused> {
        let kept = self.history.commits().len() - 1;
        let earlier = self.history.before(steps).filter(|_| steps > 0);
        let config = earlier.ok_or(Refused::NoSuchRollback { kept })?.clone();
        let changes = self.check(&config)?.len();
        self.replace_statics(now, &config.static_macs)?;
        // Whoever goes back has decided over the commit that waits.
        if self.confirm_by.take().is_some() {
            self.history.confirm();
            self.clear_alarm(now, AlarmKind::CommitUnconfirmed);
        }
        self.history.push(now, Some(author.clone()), false, config);
        self.events.push(now, Event::ConfigRolledBack { author: Some(author), changes });
        self.take_effect(now);
        Ok(())
    }

    /// Nobody has confirmed the commit in time.
    pub(crate) fn give_back(&mut self, now: Instant) {
        self.confirm_by = None;
        self.history.confirm();
        self.clear_alarm(now, AlarmKind::CommitUnconfirmed);
        let Some(config) = self.history.before(1).cloned() else { return };
        let changes = self.diff(&config).len();
        self.give_back_statics(now, &config.static_macs);
        self.history.push(now, None, false, config);
        self.events.push(now, Event::ConfigRolledBack { author: None, changes });
        self.take_effect(now);
    }

    /// What a configuration would change, if the switch can take it while it runs.
    fn check(&self, config: &SwitchConfig) -> Result<Vec<DiffLine>, Refused> {
        if let Some(field) = other_port(&self.config().ports, &config.ports) {
            return Err(Refused::Fixed { field });
        }
        let changes = self.diff(config);
        if let Some(line) = changes.iter().find(|line| line.is_fixed()) {
            return Err(Refused::Fixed { field: line.path.clone() });
        }
        if let Some(line) = changes.iter().find(|line| self.is_shared(line)) {
            return Err(Refused::Fixed { field: line.path.clone() });
        }
        check_lacp(config, self.chassis)?;
        if let Some(iccp) = iccp_config(config, self.chassis) {
            iccp.check()?;
        }
        self.ip_config(config).check()?;
        let vlans = config.vlan_set().iter().count();
        if vlans > self.vlan_room {
            return Err(Refused::TooManyVlans { vlans, room: self.vlan_room });
        }
        let ports = config.ports.len();
        if let Some(entry) = config.static_macs.iter().find(|entry| entry.port.index() >= ports) {
            let StaticMac { vlan, mac_address: mac, port } = *entry;
            return Err(Refused::NoSuchPort { mac, vlan, port, ports });
        }
        Ok(changes)
    }

    /// The setting is an interface's that another IP stack has as well, which would not hear of it.
    fn is_shared(&self, line: &DiffLine) -> bool {
        self.config().routing.fpm.is_some()
            && line.path.starts_with("interfaces.")
            && !line.path.ends_with(".enabled")
    }

    /// Replaces the static entries of the running configuration, or none of them. An entry that a station had where a static one did
    /// not stay is learned anew.
    fn replace_statics(&mut self, now: Instant, wanted: &[StaticMac]) -> Result<(), Refused> {
        let running = self.config().static_macs.clone();
        let added: Vec<&StaticMac> = wanted.iter().filter(|entry| !running.contains(entry)).collect();
        let same = |a: &StaticMac, b: &StaticMac| (a.vlan, a.mac_address) == (b.vlan, b.mac_address);
        for (done, entry) in added.iter().enumerate() {
            if self.insert_static(now, place(entry)).is_ok() {
                continue;
            }
            for undone in &added[..done] {
                match running.iter().find(|before| same(before, undone)) {
                    // In the place of the one that replaced it, for which there was room.
                    Some(before) => drop(self.insert_static(now, place(before))),
                    None => self.door.remove(now, undone.vlan, undone.mac_address),
                }
            }
            return Err(Refused::StaticMac { mac: entry.mac_address, vlan: entry.vlan });
        }
        for entry in running.iter().filter(|entry| !wanted.iter().any(|stays| same(stays, entry))) {
            self.door.remove(now, entry.vlan, entry.mac_address);
        }
        Ok(())
    }

    /// Makes a static entry. What the agent had there, and who had to make room, goes from its list.
    pub(crate) fn insert_static(&mut self, now: Instant, place: Place) -> Result<(), Decline> {
        let (outcome, evicted) = self.door.insert_static(now, place);
        for Place { vlan, mac, port } in evicted {
            self.learning.counts.evicted += 1;
            let port = self.port_name(port);
            self.events.push(now, Event::MacEvicted { vlan, mac, port });
            self.agent_hears_displaced(vlan, mac);
        }
        if outcome.is_ok() {
            self.agent_hears_displaced(place.vlan, place.mac);
        }
        outcome
    }

    /// Puts back the static entries of a configuration that was running before. Dynamic ones go if they are in the way.
    fn give_back_statics(&mut self, now: Instant, wanted: &[StaticMac]) {
        if self.replace_statics(now, wanted).is_ok() {
            return;
        }
        self.flush_fdb(now, Flush { port: None, vlan: None });
        for entry in self.config().static_macs.clone() {
            self.door.remove(now, entry.vlan, entry.mac_address);
        }
        for entry in wanted {
            if let Err(decline) = self.insert_static(now, place(entry)) {
                let StaticMac { vlan, mac_address: mac, port } = *entry;
                let (port, reason) = (self.port_name(port), decline.name());
                self.events.push(now, Event::MacDeclined { vlan, mac, port, reason: reason.into() });
                self.alarm_if(now, true, AlarmKind::MacTableFull);
            }
        }
    }

    /// The running configuration is another one: everything follows it.
    fn take_effect(&mut self, now: Instant) {
        let config = self.config().clone();
        let before = self.history.before(1).cloned().unwrap_or_else(|| config.clone());
        if config.mac_table.ageing_time != before.mac_table.ageing_time {
            self.door.age_after(now, config.mac_table.ageing_time);
        }
        let vlans = before.vlans.keys().chain(config.vlans.keys());
        for &vlan in vlans.collect::<BTreeSet<_>>() {
            let limit = |config: &SwitchConfig| config.vlans.get(&vlan).and_then(|vlan| vlan.maximum_entries);
            if limit(&config) != limit(&before) {
                self.door.limit_vlan(now, vlan, limit(&config));
            }
        }
        let changes: Vec<PortChange> = config
            .ports
            .iter()
            .enumerate()
            .filter_map(|(index, port)| self.replace_port(index, port))
            .collect();
        self.settle_ports();
        if !leases_flood_groups(&before) {
            self.learning.flood_renewed = now;
        }
        self.lease_flood_groups(now);
        if let Some(agent) = &mut self.learning.agent {
            agent.reconfigure(now, &config);
        }
        self.reconfigure_station(now);
        self.reconfigure_lacp(now);
        self.publish(now);
        if config.learning.owned().learn != before.learning.owned().learn {
            // What waited for the agent is the workers' to learn now, or was reported when it did not wait.
            self.door.forget_reports(now);
        }
        // Only now, for workers learn by what is published.
        for vlan in gone(&before.vlan_set(), &config.vlan_set()) {
            // Whole, so that the table has its id for another.
            self.flush_gone(now, Flush { port: None, vlan: Some(vlan) });
        }
        for change in changes {
            self.follow_port(now, change);
        }
        self.reconfigure_routing(now);
        self.reconfigure_iccp(now);
        self.settle_agents(now);
        self.settle_watchdog(now);
        self.wind_up(now);
    }

    fn replace_port(&mut self, index: usize, config: &PortConfig) -> Option<PortChange> {
        let port = &mut self.ports[index];
        if port.config == *config {
            return None;
        }
        let was_up = port.is_up();
        let before = std::mem::replace(&mut port.config, config.clone());
        Some(PortChange { id: PortId(index as u16), before, was_up })
    }

    /// What a port's new configuration brings about behind it.
    fn follow_port(&mut self, now: Instant, change: PortChange) {
        let PortChange { id, before, was_up } = change;
        let port = &self.ports[id.index()];
        let (config, is_up) = (port.config.clone(), port.is_up());
        if before.maximum_entries != config.maximum_entries {
            self.door.limit_port(now, id, config.maximum_entries);
        }
        let name = config.name.to_string();
        match (was_up, is_up) {
            (false, true) => self.events.push(now, Event::PortUp { port: name }),
            (true, false) => {
                self.flush_gone(now, Flush { port: Some(id), vlan: None });
                self.events.push(now, Event::PortDown { port: name });
            }
            _ => {
                for vlan in before.membership.vlans().iter().filter(|&vlan| !config.membership.carries(vlan))
                {
                    self.flush_gone(now, Flush { port: Some(id), vlan: Some(vlan) });
                }
            }
        }
    }
}

/// A port that was given another configuration.
struct PortChange {
    id: PortId,
    before: PortConfig,
    was_up: bool,
}

fn place(entry: &StaticMac) -> Place {
    Place { vlan: entry.vlan, mac: entry.mac_address, port: entry.port }
}

/// The VLANs of `before` that are not in `after`.
fn gone(before: &VlanSet, after: &VlanSet) -> Vec<VlanId> {
    before.iter().filter(|&vlan| !after.contains(vlan)).collect()
}

/// Ports come and go with a restart only, and so does their order, which numbers them.
fn other_port(running: &[PortConfig], wanted: &[PortConfig]) -> Option<String> {
    let has = |ports: &[PortConfig], wanted: &PortConfig| ports.iter().any(|port| port.name == wanted.name);
    let gone = running.iter().find(|port| !has(wanted, port));
    let new = wanted.iter().find(|port| !has(running, port));
    if let Some(port) = gone.or(new) {
        return Some(format!("ports.{}", port.name));
    }
    let is_same_order = running.iter().map(|port| &port.name).eq(wanted.iter().map(|port| &port.name));
    (!is_same_order).then(|| "the order of ports".to_owned())
}
