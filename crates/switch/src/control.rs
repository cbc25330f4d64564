//! The control side: hears inputs, keeps state, publishes what the data plane forwards by.

use crate::config::{DampingAction, PortConfig, SwitchConfig};
use crate::event::{Event, EventLog};
use crate::fault::Fault;
use greylag_base::{Instant, PortId, Seed, VlanId};
use greylag_dataplane::{
    Damping, DataPlane, Forwarding, Limits, PortForwarding, StormLimits, WorkerEvent, WorkerReport,
};
use std::sync::Arc;
use std::time::Duration;

/// Everything that a switch's control side is told from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A port's link changed.
    Link {
        /// Which port.
        port: PortId,
        /// The link is up.
        up: bool,
    },
    /// The workers reported something: what one look at their queues brought.
    Reports(Vec<WorkerReport>),
    /// An operator commits a configuration.
    Commit {
        /// All of it.
        config: Box<SwitchConfig>,
        /// Who.
        author: String,
        /// It is rolled back unless it is confirmed within this time.
        confirm_within: Option<Duration>,
    },
    /// An operator confirms the last commit.
    Confirm,
    /// An operator goes back to the configuration before the last so many commits.
    Rollback {
        /// How many.
        steps: usize,
        /// Who.
        author: String,
    },
    /// An operator flushes dynamic addresses.
    FlushFdb {
        /// Of one port only.
        port: Option<PortId>,
        /// Of one VLAN only.
        vlan: Option<VlanId>,
    },
    /// An operator has the table repaired by the agent's list.
    RepairFdb,
    /// Something goes wrong inside.
    Fault(Fault),
    /// Time has passed: what [`Switch::poll_timeout`] asked for is due.
    Timeout,
}

/// Why an input was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A commit changes what is fixed while a switch runs.
    #[error("{field} cannot change while the switch runs: restart it with the new configuration")]
    Fixed {
        /// The field of the configuration.
        field: String,
    },
    /// There is no commit that waits to be confirmed.
    #[error("no commit waits to be confirmed")]
    NothingToConfirm,
    /// The history is not that long.
    #[error("the history has {kept} earlier configurations: expected a rollback of 1 to {kept}")]
    NoSuchRollback {
        /// How many it has.
        kept: usize,
    },
}

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
}

/// A port as the control side knows it.
#[derive(Clone, Debug)]
pub struct Port {
    config: PortConfig,
    link_up: bool,
}

impl Port {
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

    fn forwarding(&self) -> PortForwarding {
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
        }
    }
}

/// A switch without its forwarding threads.
pub struct Switch {
    config: SwitchConfig,
    plane: Arc<DataPlane>,
    ports: Vec<Port>,
    events: EventLog,
    /// Ports that went down since the workers were last polled.
    gone_down: Vec<PortId>,
}

impl Switch {
    /// A switch all of whose links are down still.
    ///
    /// # Errors
    /// When the MAC table cannot be made as configured, or the static addresses do not fit it.
    pub fn new(config: SwitchConfig, seed: Seed, now: Instant) -> Result<Self, SwitchError> {
        let limits = Limits {
            ports: config.ports.len() as u16,
            workers: config.workers.count,
            vlans: config.vlan_set().iter().count().max(1) as u16,
            mac_entries: config.mac_table.maximum_entries,
            ageing_time: config.mac_table.ageing_time,
            when_full: config.mac_table.when_full,
            geometry: config.mac_table.geometry.clone(),
            ..Limits::default()
        };
        let plane = DataPlane::new(&limits, seed)?;
        let table = plane.table();
        for (index, port) in config.ports.iter().enumerate() {
            table.set_port_limit(index as u16, port.maximum_entries);
        }
        for (vlan, settings) in &config.vlans {
            table.set_vlan_limit(vlan.get(), settings.maximum_entries);
        }
        for entry in &config.static_macs {
            table
                .insert_static(entry.vlan.get(), entry.mac_address.0, entry.port.0)
                .map_err(|_| SwitchError::StaticMac { mac: entry.mac_address, vlan: entry.vlan })?;
        }
        let ports = config.ports.iter().map(|port| Port { config: port.clone(), link_up: false }).collect();
        let mut switch = Switch {
            config,
            plane: Arc::new(plane),
            ports,
            events: EventLog::default(),
            gone_down: Vec::new(),
        };
        let (ports, workers) = (switch.ports.len(), switch.config.workers.count);
        switch.events.push(now, Event::SwitchStarted { ports, workers });
        switch.publish();
        Ok(switch)
    }

    /// What the workers forward by.
    pub fn data_plane(&self) -> &Arc<DataPlane> {
        &self.plane
    }

    /// What it was told to be.
    pub fn config(&self) -> &SwitchConfig {
        &self.config
    }

    /// The ports; the index is the [`PortId`].
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// What happened.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// Takes in what the outside says.
    ///
    /// # Errors
    /// When the configuration does not allow it. Nothing has changed then.
    ///
    /// # Panics
    /// When it speaks of a port that the switch does not have.
    pub fn handle_input(&mut self, now: Instant, input: Input) -> Result<(), Refused> {
        match input {
            Input::Link { port, up } => self.set_link(now, port, up),
            Input::Reports(reports) => {
                for report in reports {
                    let event = self.name_ports(report.event);
                    self.events.push(report.at, event);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// When something is to be done next if nothing comes from outside.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Takes in what the workers have reported since the last call, as much as the agent can take now.
    pub fn poll_workers(&mut self, now: Instant) {
        // A worker that was in the middle of a batch when a port went down may have learned an address there after
        // the flush.
        for port in self.gone_down.drain(..) {
            if !self.ports[port.index()].link_up {
                self.plane.table().flush_port(port.0);
            }
        }
        let reports = self.plane.take_reports(usize::MAX);
        let _ = self.handle_input(now, Input::Reports(reports));
    }

    fn set_link(&mut self, now: Instant, id: PortId, up: bool) {
        let port = &mut self.ports[id.index()];
        if port.link_up == up {
            return;
        }
        port.link_up = up;
        let name = port.config.name.to_string();
        self.publish();
        if up {
            self.events.push(now, Event::PortUp { port: name });
        } else {
            self.plane.table().flush_port(id.0);
            self.gone_down.push(id);
            self.events.push(now, Event::PortDown { port: name });
        }
    }

    fn publish(&self) {
        let ports = self.ports.iter().map(Port::forwarding).collect();
        let damping = self.config.mac_table.move_damping.map(|damping| Damping {
            threshold: damping.threshold,
            interval: damping.interval,
            hold: damping.hold,
            drop: damping.action == DampingAction::Drop,
        });
        self.plane.publish(Forwarding::new(ports, self.config.group_fwd_mask).with_damping(damping));
    }

    pub(crate) fn port_name(&self, port: PortId) -> String {
        self.ports[port.index()].config.name.to_string()
    }

    fn name_ports(&self, event: WorkerEvent) -> Event {
        match event {
            WorkerEvent::Seen { vlan, mac, port } | WorkerEvent::Learned { vlan, mac, port } => {
                Event::MacLearned { vlan, mac, port: self.port_name(port) }
            }
            WorkerEvent::SeenElsewhere { vlan, mac, known: from, seen: to }
            | WorkerEvent::Moved { vlan, mac, from, to } => {
                Event::MacMoved { vlan, mac, from: self.port_name(from), to: self.port_name(to) }
            }
            WorkerEvent::Damped { vlan, mac, held, seen } => {
                Event::MacMoveDamped { vlan, mac, held: self.port_name(held), seen: self.port_name(seen) }
            }
            WorkerEvent::Evicted { vlan, mac, port } => {
                Event::MacEvicted { vlan, mac, port: self.port_name(port) }
            }
            WorkerEvent::Aged { vlan, mac, port } => Event::MacAged { vlan, mac, port: self.port_name(port) },
        }
    }
}
