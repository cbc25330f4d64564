//! The control side: hears inputs, keeps state, publishes what the data plane forwards by.

use crate::agent::{AgentKind, Life};
use crate::alarm::{Alarm, AlarmBoard, AlarmKind, Change};
use crate::config::{RoutingConfig, SwitchConfig};
use crate::event::{Event, EventLog, EventRecord};
use crate::history::History;
use crate::input::{Input, Refused};
use crate::lacp::Bundles;
use crate::learning::{Flush, Learning};
use crate::mclag::{Pair, check_lacp, iccp_config};
use crate::port::Port;
use crate::recording::{InputRecord, Page, PlaybackError, Recording, Start};
use crate::routing::{NEXT_HOPS, Routing, Station};
use crate::table_door::{Place, TableDoor};
use crate::watchdog::Watchdog;
use greylag_base::{Instant, MacAddr, PortId, Seed, VlanId};
use greylag_dataplane::{DataPlane, Limits, RouteLimits};
use std::collections::BTreeMap;
use std::sync::Arc;

/// VLANs that every switch has room for, however few it starts with.
const LEAST_VLAN_ROOM: usize = 64;

/// A switch cannot be what its configuration asks for.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The MAC table.
    #[error("the MAC table cannot be made: {0}")]
    MacTable(#[from] greylag_mactable::ConfigError),
    /// A static address.
    #[error(
        "the static address {mac} in VLAN {vlan} does not fit the MAC table: give it more maximum-entries"
    )]
    StaticMac {
        /// The address.
        mac: greylag_base::MacAddr,
        /// Its VLAN.
        vlan: greylag_base::VlanId,
    },
    /// An interface of layer 3.
    #[error("layer 3: {0}")]
    Ip(#[from] greylag_ip::ConfigError),
    /// A bundle.
    #[error("link aggregation: {0}")]
    Lacp(#[from] greylag_lacp::ConfigError),
    /// The session with the other chassis of a pair.
    #[error("multi-chassis iccp: {0}")]
    Iccp(#[from] greylag_iccp::ConfigError),
}

/// A switch without its forwarding threads.
pub struct Switch {
    pub(crate) history: History,
    pub(crate) door: TableDoor,
    pub(crate) ports: Vec<Port>,
    pub(crate) events: EventLog,
    pub(crate) alarms: AlarmBoard,
    /// Where its chance comes from.
    pub(crate) seed: Seed,
    /// The address of the machine.
    pub(crate) chassis: MacAddr,
    /// Of the agents for which it has something to do.
    pub(crate) lives: BTreeMap<AgentKind, Life>,
    /// Where stations are, and who finds that out.
    pub(crate) learning: Learning,
    /// Ports made of ports.
    pub(crate) bundles: Bundles,
    /// The pair of chassis that it is one of.
    pub(crate) pair: Pair,
    /// Layer 3.
    pub(crate) routing: Routing,
    pub(crate) watchdog: Watchdog,
    /// When a commit that nobody confirms is rolled back.
    pub(crate) confirm_by: Option<Instant>,
    /// VLANs that it has room for.
    pub(crate) vlan_room: usize,
    /// When something is to be done next, as it was worked out last; `None` when something has happened since.
    pub(crate) worked_out: Option<Option<Instant>>,
}

impl Switch {
    /// A switch all of whose links are down still.
    ///
    /// # Errors
    /// When the MAC table cannot be made as configured, or the static addresses do not fit it.
    pub fn new(config: SwitchConfig, seed: Seed, now: Instant) -> Result<Self, SwitchError> {
        Switch::restore(Start::new(History::new(config, now), seed, now))
    }

    /// A switch that starts again with the configurations that it had ([`Switch::history`]). A commit that waited to be confirmed is
    /// gone.
    ///
    /// # Errors
    /// Those of [`Switch::new`].
    pub fn restore(start: Start) -> Result<Self, SwitchError> {
        let start = Start { history: start.history.survive(), ..start };
        let plane = data_plane(start.history.running(), start.seed)?;
        Switch::begin(start, |_| TableDoor::live(plane, None))
    }

    /// As [`Switch::restore`], a switch that keeps a record of its run from the start.
    ///
    /// # Errors
    /// Those of [`Switch::new`].
    pub fn recorded(start: Start) -> Result<Self, SwitchError> {
        let start = Start { history: start.history.survive(), ..start };
        let plane = data_plane(start.history.running(), start.seed)?;
        Switch::begin(start, |recording| TableDoor::live(plane, Some(recording)))
    }

    /// Plays a record back: a switch that was told and answered the same, and has written the same events and done the same to
    /// its data plane, as its own [`Switch::recording`] shows. That data plane is empty.
    ///
    /// # Errors
    /// When the record does not fit this switch.
    pub fn playback(recording: &Recording) -> Result<Self, PlaybackError> {
        Switch::playback_telling(recording, |_| {})
    }

    /// As [`Switch::playback`], and tells each event as it happens: more may happen than the switch keeps.
    ///
    /// # Errors
    /// Those of [`Switch::playback`].
    pub fn playback_telling(
        recording: &Recording,
        mut tell: impl FnMut(&EventRecord),
    ) -> Result<Self, PlaybackError> {
        let plane = data_plane(recording.start.history.running(), recording.start.seed)?;
        let answers = recording.answers.iter().cloned().collect();
        let mut switch =
            Switch::begin(recording.start.clone(), |own| TableDoor::recorded(plane, answers, own))?;
        let mut told = 0;
        let mut tell_on = |switch: &Switch| {
            for record in switch.events.after(told) {
                told = record.sequence;
                tell(record);
            }
        };
        tell_on(&switch);
        for InputRecord { at, input } in &recording.inputs {
            // What was refused then is refused now.
            let _ = switch.handle_input(*at, input.clone());
            tell_on(&switch);
        }
        if switch.door.has_diverged() { Err(PlaybackError::Diverged) } else { Ok(switch) }
    }

    pub(crate) fn begin(
        start: Start,
        door: impl FnOnce(Box<Recording>) -> TableDoor,
    ) -> Result<Self, SwitchError> {
        let (now, seed, chassis) = (start.at, start.seed, start.chassis);
        let history = start.history.clone();
        let config = history.running().clone();
        check_lacp(&config, chassis)?;
        if let Some(iccp) = iccp_config(&config, chassis) {
            iccp.check()?;
        }
        let mut switch = Switch {
            history,
            door: door(Box::new(Recording::new(start))),
            ports: config.ports.iter().cloned().map(Port::new).collect(),
            events: EventLog::default(),
            alarms: AlarmBoard::default(),
            seed,
            chassis,
            lives: BTreeMap::new(),
            learning: Learning::new(seed, now),
            bundles: Bundles::default(),
            pair: Pair::new(now),
            routing: Routing::new(&config, seed),
            watchdog: Watchdog::default(),
            confirm_by: None,
            vlan_room: vlan_room(&config),
            worked_out: None,
        };
        for (index, port) in config.ports.iter().enumerate() {
            switch.door.limit_port(now, PortId(index as u16), port.maximum_entries);
        }
        for (vlan, settings) in &config.vlans {
            switch.door.limit_vlan(now, *vlan, settings.maximum_entries);
        }
        for entry in &config.static_macs {
            let place = Place { vlan: entry.vlan, mac: entry.mac_address, port: entry.port };
            switch
                .insert_static(now, place)
                .map_err(|_| SwitchError::StaticMac { mac: place.mac, vlan: place.vlan })?;
        }
        if !config.interfaces.is_empty() {
            switch.ip_config(&config).check()?;
            switch.routing.station = Some(Box::new(Station::new(&switch, now)));
        }
        switch.rule_at_boot(now);
        let (ports, workers) = (switch.ports.len(), config.workers.count);
        switch.events.push(now, Event::SwitchStarted { ports, workers });
        switch.settle_interfaces(now);
        switch.settle_agents(now);
        switch.run_timers(now);
        Ok(switch)
    }

    /// What the workers forward by.
    pub fn data_plane(&self) -> &Arc<DataPlane> {
        self.door.plane()
    }

    /// What it was told to be.
    pub fn config(&self) -> &SwitchConfig {
        self.history.running()
    }

    /// The configurations that it had, the running one first.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The ports; the index is the [`PortId`].
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// What happened.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// The alarms that are raised, in the order in which they were.
    pub fn alarms(&self) -> &[Alarm] {
        self.alarms.raised()
    }

    /// The last alarms that were cleared, in the order in which they were.
    pub fn cleared_alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.cleared()
    }

    /// The record of its run, when it keeps one.
    pub fn recording(&self) -> Option<&Recording> {
        self.door.kept()
    }

    /// What has come to the record since the last page was torn off; `None` when nothing has, or it keeps none. The record holds
    /// what comes later.
    pub fn tear_page(&mut self) -> Option<Page> {
        let recording = self.door.recording()?;
        let page = Page {
            inputs: std::mem::take(&mut recording.inputs),
            answers: std::mem::take(&mut recording.answers),
            outputs: std::mem::take(&mut recording.outputs),
        };
        (page != Page::default()).then_some(page)
    }

    /// Takes in what the outside says.
    ///
    /// # Errors
    /// When the configuration or the agent's state does not allow it. Nothing has changed then.
    ///
    /// # Panics
    /// When it speaks of a port that the switch does not have.
    pub fn handle_input(&mut self, now: Instant, input: Input) -> Result<(), Refused> {
        if matches!(input, Input::CheckFdb { .. }) {
            // What the agent is about to hear is no conflict.
            self.poll_workers(now);
        }
        if let Some(recording) = self.door.recording() {
            recording.inputs.push(InputRecord { at: now, input: input.clone() });
        }
        self.run_timers(now);
        // Of time alone, all has been done.
        if !matches!(input, Input::Timeout) || self.config().multi_chassis.is_some() {
            self.worked_out = None;
        }
        let taken = self.take(now, input);
        self.synchronise(now);
        self.settle_mclag(now);
        self.follow_up(now);
        self.worked_out = Some(self.next_timer());
        taken
    }

    /// Does what brings inputs of its own: the last thing, so that a record has them behind their cause. Played back, they come from
    /// the record.
    fn follow_up(&mut self, now: Instant) {
        let is_audit_due = std::mem::take(&mut self.learning.audit_due);
        if !self.door.is_live() {
            return;
        }
        if self.learning.next_look.is_some_and(|look| look <= now) {
            self.poll_workers(now);
        }
        if self.bundles.next_frames.is_some_and(|look| look <= now) {
            self.poll_frames(now);
        }
        if is_audit_due {
            // Refused when the agent has gone meanwhile: then there is nothing to compare.
            let _ = self.handle_input(now, Input::CheckFdb { repair: true });
        }
    }

    fn take(&mut self, now: Instant, input: Input) -> Result<(), Refused> {
        match input {
            Input::Link { port, up } => self.set_link(now, port, up),
            Input::Frame { port, frame } => self.handle_frame(now, port, &frame.0),
            Input::Packet { interface, reason, frame } => {
                self.handle_packet(now, interface, reason, &frame.0);
            }
            Input::Management { from, octets } => self.handle_management(now, from, &octets.0),
            Input::Fpm(input) => self.handle_fpm(now, input),
            Input::HostInterface { interface, index } => self.share_interface(now, interface, index),
            Input::Reports { reports, lost, full } => {
                self.flush_again(now);
                self.alarm_if(now, lost > 0, AlarmKind::ReportsLost);
                self.alarm_if(now, full > 0, AlarmKind::MacTableFull);
                self.take_reports(now, reports);
                self.place_held(now);
            }
            Input::Commit { config, author, confirm_within } => {
                return self.commit(now, *config, author, confirm_within);
            }
            Input::Confirm => return self.confirm(now),
            Input::Rollback { steps, author } => return self.roll_back(now, steps, author),
            Input::FlushFdb { port, vlan } => self.flush_fdb(now, Flush { port, vlan }),
            Input::CheckFdb { repair } => return self.audit(now, repair),
            Input::CheckPaths => self.check_paths(now),
            Input::CheckFib { repair } => return self.check_fib(now, repair),
            Input::Fault(fault) => return self.order(now, fault),
            Input::Timeout => {}
        }
        Ok(())
    }

    /// When something is to be done next if nothing comes from outside: exactly then, or never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.next_timer(), self.learning.next_look, self.bundles.next_frames].into_iter().flatten().min()
    }

    /// When something is to be done next, but for what waits to be looked at. There is much to ask, and many more ask than have news.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.worked_out.unwrap_or_else(|| self.work_out_timer())
    }

    fn work_out_timer(&self) -> Option<Instant> {
        [
            self.learning.mishaps.poll_timeout(),
            self.routing.write_mishaps.poll_timeout(),
            self.next_turn(),
            self.confirm_by,
            self.next_of_watchdog(),
            self.next_of_learning(),
            self.next_of_lacp(),
            self.next_of_station(),
            self.next_of_bfd(),
            self.next_of_link_state(),
            self.next_of_bgp(),
            self.next_of_iccp(),
            self.next_of_fpm(),
            self.next_of_inheritance(),
            self.next_of_programming(),
            self.next_of_groups(),
            self.routing.path_check.poll_timeout(),
            self.alarms.poll_timeout(),
            self.learning.second_flush,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due, causes before consequences.
    fn run_timers(&mut self, now: Instant) {
        while self.next_timer().is_some_and(|due| due <= now) {
            self.worked_out = None;
            self.learning.mishaps.handle_timeout(now);
            self.routing.write_mishaps.handle_timeout(now);
            self.run_lives(now);
            self.run_watchdog(now);
            if self.confirm_by.is_some_and(|deadline| deadline <= now) {
                self.give_back(now);
            }
            if self.listens() {
                self.run_learning(now);
            }
            self.run_lacp(now);
            self.run_station(now);
            self.run_bfd(now);
            self.run_link_state(now);
            self.run_bgp(now);
            self.run_iccp(now);
            self.run_fpm(now);
            self.run_inheritance(now);
            self.run_programming(now);
            self.run_groups(now);
            self.run_path_check(now);
            for change in self.alarms.handle_timeout(now).into_iter().flatten() {
                self.log_alarm(now, change);
            }
            if self.learning.second_flush.is_some_and(|due| due <= now) {
                self.flush_again(now);
            }
            self.worked_out = Some(self.next_timer());
        }
    }

    fn set_link(&mut self, now: Instant, id: PortId, up: bool) {
        let joins = self.joins();
        let port = &mut self.ports[id.index()];
        if port.link_up == up {
            return;
        }
        port.link_up = up;
        port.settle(joins);
        let member = port.config.membership.aggregate();
        if !up {
            self.lose_next_hops_by(now, id);
        }
        if let Some(member) = member {
            self.tell_link(now, id, up);
            self.follow_member(now, id, member.lag);
        } else {
            self.publish(now);
            self.follow_link(now, id, up);
        }
        self.settle_interfaces(now);
    }

    /// What is behind a port that went down is forgotten.
    pub(crate) fn follow_link(&mut self, now: Instant, id: PortId, up: bool) {
        if !up {
            self.flush_gone(now, Flush { port: Some(id), vlan: None });
        }
        self.reach_peer_macs(now, id);
        self.tell_link(now, id, up);
    }

    fn tell_link(&mut self, now: Instant, id: PortId, up: bool) {
        let port = self.port_name(id);
        self.events.push(now, if up { Event::PortUp { port } } else { Event::PortDown { port } });
    }

    /// Forgets what is behind a port that went down or left a VLAN, or in a VLAN that went, now and once more: a worker that was in
    /// the middle of a batch may learn an address there after the flush. Where the agent has to do it, it is done when that listens.
    pub(crate) fn flush_gone(&mut self, now: Instant, flush: Flush) {
        if flush.port.is_some() && self.config().learning.agent_flushes() && !self.listens() {
            if let Some(agent) = &mut self.learning.agent {
                agent.put_off(flush);
            }
            return;
        }
        self.flush(now, flush);
        self.learning.gone.push(flush);
        self.learning.second_flush = Some(now + self.config().learning.poll_interval);
    }

    fn flush_again(&mut self, now: Instant) {
        self.learning.second_flush = None;
        for flush in std::mem::take(&mut self.learning.gone) {
            let is_back = match (flush.port.map(|port| &self.ports[port.index()]), flush.vlan) {
                (Some(port), Some(vlan)) => port.carries(vlan),
                (Some(port), None) => port.is_up(),
                (None, vlan) => vlan.is_none_or(|vlan| self.config().vlan_exists(vlan)),
            };
            if !is_back {
                self.flush(now, flush);
            }
        }
    }

    pub(crate) fn flush_fdb(&mut self, now: Instant, flush: Flush) {
        self.flush(now, flush);
        let port = flush.port.map(|port| self.port_name(port));
        self.events.push(now, Event::FdbFlushed { port, vlan: flush.vlan });
    }

    /// Flushes dynamic addresses, in the table and on the agent's list.
    pub(crate) fn flush(&mut self, now: Instant, flush: Flush) {
        match (flush.port, flush.vlan) {
            (None, None) => self.door.flush_all(now),
            (Some(port), None) => self.door.flush_port(now, port),
            (None, Some(vlan)) => self.door.flush_vlan(now, vlan),
            (Some(_), Some(_)) => {
                for entry in self.door.entries(now).into_iter().filter(|entry| !entry.is_static) {
                    let Place { vlan, mac, port } = entry.place;
                    if flush.takes(vlan, port) {
                        self.door.remove(now, vlan, mac);
                    }
                }
            }
        }
        self.agent_hears_flush(now, flush);
    }

    pub(crate) fn alarm_if(&mut self, now: Instant, is_wrong: bool, kind: AlarmKind) {
        if let Some(change) = is_wrong.then(|| self.alarms.raise(now, kind)).flatten() {
            self.log_alarm(now, change);
        }
    }

    pub(crate) fn clear_alarm(&mut self, now: Instant, kind: AlarmKind) {
        if let Some(change) = self.alarms.clear(now, kind) {
            self.log_alarm(now, change);
        }
    }

    fn log_alarm(&mut self, now: Instant, change: Change) {
        let event = match change {
            Change::Raised(alarm) => Event::AlarmRaised { alarm, severity: alarm.severity() },
            Change::Cleared(alarm) => Event::AlarmCleared { alarm, severity: alarm.severity() },
        };
        self.events.push(now, event);
    }

    pub(crate) fn port_name(&self, port: PortId) -> String {
        self.ports[port.index()].config.name.to_string()
    }
}

/// How many VLANs a switch makes room for: twice as many as it starts with, and at least [`LEAST_VLAN_ROOM`].
fn vlan_room(config: &SwitchConfig) -> usize {
    let most = usize::from(VlanId::MAX.get());
    (2 * config.vlan_set().iter().count()).clamp(LEAST_VLAN_ROOM, most)
}

/// A switch without interfaces of layer 3 has no room for routes.
fn route_limits(config: &RoutingConfig) -> RouteLimits {
    let groups = config.next_hop_groups;
    RouteLimits {
        ipv4: config.maximum_routes.ipv4,
        ipv6: config.maximum_routes.ipv6,
        groups: groups.maximum,
        buckets: groups.maximum.saturating_mul(groups.buckets.into()),
        next_hops: NEXT_HOPS,
    }
}

fn data_plane(config: &SwitchConfig, seed: Seed) -> Result<Arc<DataPlane>, SwitchError> {
    let limits = Limits {
        ports: (config.ports.len() + config.host_ports()) as u16,
        workers: config.workers.count,
        vlans: vlan_room(config) as u16,
        mac_entries: config.mac_table.maximum_entries,
        ageing_time: config.mac_table.ageing_time,
        when_full: config.mac_table.when_full,
        geometry: config.mac_table.geometry.clone(),
        report_queue: config.learning.queue_length,
        sweep_interval: config.mac_table.sweep_interval,
        routes: (!config.interfaces.is_empty()).then(|| route_limits(&config.routing)),
    };
    Ok(Arc::new(DataPlane::new(&limits, seed)?))
}
