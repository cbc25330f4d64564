//! The agent that speaks with the other chassis: ICCP over the switch's own TCP, and BFD beside it.
//!
//! The chassis with the lower address connects, the other one listens (as iccpd). There is one session: a peer that connects
//! anew no longer knows of the connection before, and that one goes. BFD is a session over several hops (RFC 5883), as Junos has it:
//! ICCP may come up before BFD does, but BFD that has failed ends the session at once, and none is tried until it is up again.

use super::liveness::Asking;
use super::{BackupLiveness, ControlSession, MclagEvent};
use crate::Switch;
use crate::agent::AgentKind;
use crate::alarm::AlarmKind;
use crate::config::{BfdTimers, MultiChassisConfig, SwitchConfig};
use crate::lacp::lacp_system;
use core::net::{IpAddr, SocketAddr};
use greylag_base::{Instant, MacAddr, VlanId};
use greylag_iccp::{
    Action, Aggregator, Conflict, Iccp, IccpConfig, IccpEvent, IccpSnapshot, PORT, Port, Role, SystemConfig,
    VlanList,
};
use greylag_ip::{ConnectionId, TcpEvent};
use greylag_wire::lacp::SystemId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Octets that the connection may have unsent before ICCP is asked to wait.
const UNSENT: usize = 1 << 20;

/// There may be a router or two between the chassis.
const TTL: u8 = 64;

/// The agent, while it runs.
pub(crate) struct IccpAgent {
    pub(crate) iccp: Iccp,
    /// Between which addresses.
    ends: (IpAddr, IpAddr),
    connection: Option<Connection>,
    /// How it asks for the peer while there is no session.
    pub(super) asking: Option<Asking>,
    /// What it has taken over stays so long, for the session to come back.
    takes_over_until: Option<Instant>,
    /// When it asked the policy last.
    pub(super) ruled: Instant,
    /// What the peer was told of our legs and their links.
    pub(crate) legs_told: BTreeMap<u16, Aggregator>,
    pub(super) links_told: BTreeMap<u16, Port>,
    /// And of the VLANs of each leg, and of our end of the inter-chassis link.
    pub(crate) vlans_told: BTreeMap<Option<u16>, VlanList>,
    /// And of our interfaces.
    pub(crate) irbs_told: BTreeMap<VlanId, MacAddr>,
    /// Addresses that the peer was told of; and it is to be told of all of them.
    pub(super) macs_told: BTreeSet<(VlanId, MacAddr)>,
    pub(super) tells_all: bool,
    /// What the peer had before this session, and has not named in it.
    pub(super) unnamed_macs: BTreeSet<(VlanId, MacAddr)>,
    pub(super) unnamed_legs: BTreeSet<u16>,
    pub(super) unnamed_irbs: BTreeSet<VlanId>,
}

/// A connection with the peer, or one that is being opened.
struct Connection {
    id: ConnectionId,
    /// What it has no room for yet.
    unsent: VecDeque<u8>,
    /// It is closed behind that.
    closes: bool,
}

/// What a configuration makes of ICCP; `None` for a switch that is no part of a pair.
pub(crate) fn iccp_config(config: &SwitchConfig, chassis: MacAddr) -> Option<IccpConfig> {
    let pair = config.multi_chassis.as_ref()?;
    let system = SystemId { priority: lacp_system(config, chassis).system_priority, mac: chassis };
    // The lower address connects.
    let role = match pair.iccp.local_address < pair.iccp.peer_address {
        true => Role::Active,
        false => Role::Passive,
    };
    Some(IccpConfig {
        sender_name: config.name.clone(),
        keepalive: pair.iccp.keepalive,
        session_timeout: pair.iccp.session_timeout,
        connect_retry: pair.iccp.connect_retry,
        ..IccpConfig::new(pair.redundancy_group, role, SystemConfig { system, node_id: pair.chassis_id })
    })
}

impl Switch {
    pub(super) fn pair_config(&self) -> Option<&MultiChassisConfig> {
        self.config().multi_chassis.as_ref()
    }

    /// What ICCP knows, while its agent runs.
    pub fn iccp_snapshot(&self) -> Option<IccpSnapshot> {
        Some(self.pair.iccp.as_ref()?.iccp.snapshot())
    }

    /// The agent is started: it takes over what was decided, and begins to look for the peer.
    pub(crate) fn start_iccp(&mut self, now: Instant) {
        let Some(config) = iccp_config(self.config(), self.chassis) else { return };
        let Some(ends) = self.ends() else { return };
        let patience = config.session_timeout;
        let has_taken_over = self.pair.mclag.control_session != ControlSession::Never;
        let iccp = Iccp::new(config, now).expect("a configuration is checked before it runs");
        self.pair.iccp = Some(Box::new(IccpAgent {
            iccp,
            ends,
            connection: None,
            asking: None,
            takes_over_until: has_taken_over.then(|| now + patience),
            ruled: now,
            legs_told: BTreeMap::new(),
            links_told: BTreeMap::new(),
            vlans_told: BTreeMap::new(),
            irbs_told: BTreeMap::new(),
            macs_told: BTreeSet::new(),
            tells_all: false,
            unnamed_macs: BTreeSet::new(),
            unnamed_legs: BTreeSet::new(),
            unnamed_irbs: BTreeSet::new(),
        }));
        self.resume_iccp(now);
    }

    /// It can do something again, or has been started: it hears how things stand.
    pub(crate) fn resume_iccp(&mut self, now: Instant) {
        self.hold_iccp(false);
        self.begin_to_ask(now);
        self.settle_iccp(now);
    }

    /// It is what the running configuration says, and knows of everything that it goes by.
    fn settle_iccp(&mut self, now: Instant) {
        let Some(config) = iccp_config(self.config(), self.chassis) else { return };
        let Some(ends) = self.ends() else { return };
        let is_active = config.role == Role::Active;
        let Some(agent) = &mut self.pair.iccp else { return };
        agent.iccp.reconfigure(now, config).expect("a configuration is checked before it runs");
        if std::mem::replace(&mut agent.ends, ends) != ends {
            agent.iccp.handle_closed(now);
            self.drop_connection(now);
        }
        self.with_station(now, |stack| stack.listen(PORT, !is_active));
        self.place_all_macs(now);
        self.settle_iccp_path(now);
        self.follow_legs();
        self.settle_irb_macs(now);
        self.synchronise(now);
        self.with_station(now, |_| {});
        self.settle_mclag(now);
    }

    /// Our end of the session, and the peer's.
    fn ends(&self) -> Option<(IpAddr, IpAddr)> {
        self.pair_config().map(|pair| (pair.iccp.local_address, pair.iccp.peer_address))
    }

    /// The agent takes nothing from its connection, or takes again what has come in.
    pub(crate) fn hold_iccp(&mut self, held: bool) {
        let connection = self.pair.iccp.as_ref().and_then(|agent| agent.connection.as_ref());
        if let (Some(connection), Some(station)) = (connection, &mut self.routing.station) {
            station.stack.hold(connection.id, held);
        }
    }

    /// It has ended: its connection is closed by the system, and its session is over. What it has decided stays.
    pub(crate) fn end_iccp(&mut self, now: Instant) {
        let Some(agent) = self.pair.iccp.take() else { return };
        self.with_station(now, |stack| {
            stack.listen(PORT, false);
            if let Some(connection) = &agent.connection {
                stack.abort(connection.id);
            }
        });
        self.lose_session(now, "the agent has ended".to_owned());
        self.run_held(now);
    }

    /// The running configuration is another one. An agent that does nothing hears of it when it does again.
    pub(crate) fn reconfigure_iccp(&mut self, now: Instant) {
        self.settle_bfd(now);
        if self.works(AgentKind::Iccp) {
            self.ask_as_configured(now);
            self.settle_iccp(now);
        }
    }

    /// It has taken over from another one, and the session has not come back yet.
    pub(super) fn waits_for_session(&self, now: Instant) -> bool {
        let until = self.pair.iccp.as_ref().and_then(|agent| agent.takes_over_until);
        self.pair.mclag.control_session != ControlSession::Up && until.is_some_and(|until| now < until)
    }

    pub(crate) fn next_of_iccp(&self) -> Option<Instant> {
        let held = self.next_of_held();
        let Some(agent) = self.pair.iccp.as_ref().filter(|_| self.works(AgentKind::Iccp)) else {
            return held;
        };
        let takes_over = agent.takes_over_until.filter(|until| *until > agent.ruled);
        [
            held,
            agent.iccp.poll_timeout(),
            agent.asking.as_ref().and_then(Asking::poll_timeout),
            takes_over,
            self.next_of_rulings(agent.ruled),
            self.next_of_health(agent.ruled),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(crate) fn run_iccp(&mut self, now: Instant) {
        self.run_held(now);
        if !self.works(AgentKind::Iccp) || self.next_of_iccp().is_none_or(|due| due > now) {
            return;
        }
        if let Some(agent) = &mut self.pair.iccp {
            agent.iccp.handle_timeout(now);
        }
        self.follow_iccp(now);
        self.ask_for_peer(now);
        self.run_probes(now);
        self.settle_mclag(now);
    }

    /// Does what ICCP says.
    pub(super) fn follow_iccp(&mut self, now: Instant) {
        loop {
            let Some(agent) = &mut self.pair.iccp else { return };
            if let Some(event) = agent.iccp.poll_event() {
                self.hear_iccp(now, event);
            } else if let Some(action) = agent.iccp.poll_action(now) {
                self.act_for_iccp(now, action);
            } else {
                break;
            }
        }
    }

    fn hear_iccp(&mut self, now: Instant, event: IccpEvent) {
        match event {
            IccpEvent::SessionUp => self.gain_session(now),
            IccpEvent::SessionDown { cause } => self.lose_session(now, cause.to_string()),
            IccpEvent::PeerAggregator { aggregator, serial } => {
                let id = aggregator.id;
                if let Some(agent) = &mut self.pair.iccp {
                    agent.unnamed_legs.remove(&id);
                }
                self.hear_leg(now, id, Some(aggregator.up));
                if let Some(agent) = &mut self.pair.iccp {
                    agent.iccp.acknowledge_aggregator(now, id, serial);
                }
            }
            IccpEvent::PeerAggregatorGone { id } => self.hear_leg(now, id, None),
            IccpEvent::AggregatorAcknowledged { id, .. } => self.hear_acknowledgement(now, id),
            IccpEvent::PeerMac { vlan, mac, place } => self.hear_mac(now, (vlan, mac), place),
            IccpEvent::PeerMacsComplete => self.hear_complete(now),
            IccpEvent::PeerIrbMac { vlan, mac } => self.hear_irb_mac(now, vlan, mac),
            IccpEvent::Conflict(conflict) => {
                let Conflict { parameter, aggregator, local, peer } = conflict;
                let (parameter, lag) = (word(&parameter), aggregator.map(|id| self.leg_name(id)));
                self.tell_mclag(now, MclagEvent::MclagConflict { parameter, lag, local, peer });
                self.alarm_if(now, true, AlarmKind::MclagConflict);
            }
            IccpEvent::ConflictOver(Conflict { parameter, aggregator, .. }) => {
                let (parameter, lag) = (word(&parameter), aggregator.map(|id| self.leg_name(id)));
                self.tell_mclag(now, MclagEvent::MclagConflictOver { parameter, lag });
                if self.iccp_snapshot().is_some_and(|known| known.conflicts.is_empty()) {
                    self.clear_alarm(now, AlarmKind::MclagConflict);
                }
            }
            // They are there for who asks.
            IccpEvent::PeerSystem(_) | IccpEvent::PeerPort(_) | IccpEvent::PeerPortGone { .. } => {}
        }
    }

    /// What a bundle is called here; its number where there is none.
    fn leg_name(&self, id: u16) -> String {
        self.leg(id).map_or_else(|| format!("mc-ae-id {id}"), |port| self.port_name(port))
    }

    fn gain_session(&mut self, now: Instant) {
        let Some((_, peer_address)) = self.ends() else { return };
        self.pair.mclag.control_session = ControlSession::Up;
        self.tell_mclag(now, MclagEvent::IccpSessionUp { peer_address });
        let Some(agent) = &mut self.pair.iccp else { return };
        agent.takes_over_until = None;
        agent.asking = None;
        if self.pair.mclag.backup_liveness != BackupLiveness::Unconfigured {
            // There is no need to ask.
            self.pair.mclag.backup_liveness = BackupLiveness::Unknown;
        }
        agent.unnamed_macs = self.pair.mclag.peer_macs.keys().copied().collect();
        agent.unnamed_legs = self.pair.mclag.peer_legs.keys().copied().collect();
        agent.unnamed_irbs = self.pair.mclag.peer_irb_macs.keys().copied().collect();
        self.tell_all_macs(now);
    }

    /// What the peer had said is settled by who rules.
    fn lose_session(&mut self, now: Instant, cause: String) {
        if self.pair.mclag.control_session != ControlSession::Up {
            return;
        }
        let Some((_, peer_address)) = self.ends() else { return };
        self.pair.mclag.control_session = ControlSession::Down;
        self.pair.mclag.peer_withdrawn = false;
        self.tell_mclag(now, MclagEvent::IccpSessionDown { peer_address, cause });
        self.alarm_if(now, true, AlarmKind::IccpDown);
        self.begin_to_ask(now);
    }
}

/// The connection.
impl Switch {
    fn act_for_iccp(&mut self, now: Instant, action: Action) {
        match action {
            Action::Connect => self.connect_iccp(now),
            Action::Send(octets) => {
                let Some(agent) = &mut self.pair.iccp else { return };
                if let Some(connection) = &mut agent.connection {
                    connection.unsent.extend(&octets);
                }
                self.send_unsent_iccp(now);
            }
            Action::Close => {
                let Some(agent) = &mut self.pair.iccp else { return };
                match &mut agent.connection {
                    Some(connection) if !connection.unsent.is_empty() => connection.closes = true,
                    _ => self.close_iccp(now),
                }
            }
        }
    }

    fn close_iccp(&mut self, now: Instant) {
        let connection = self.pair.iccp.as_mut().and_then(|agent| agent.connection.take());
        if let Some(connection) = connection {
            self.with_station(now, |stack| stack.close(connection.id));
        }
    }

    fn connect_iccp(&mut self, now: Instant) {
        let Some((local, peer)) = self.ends() else { return };
        let remote = SocketAddr::new(peer, PORT);
        self.drop_connection(now);
        let opened =
            self.routing.station.as_mut().map(|station| station.stack.connect(now, local, remote, TTL, None));
        let Some(agent) = &mut self.pair.iccp else { return };
        match opened {
            Some(Ok(id)) => {
                agent.connection = Some(Connection { id, unsent: VecDeque::new(), closes: false });
                self.with_station(now, |_| {});
            }
            // Without the address, or without any interface at all: it is tried again.
            Some(Err(_)) | None => agent.iccp.handle_closed(now),
        }
    }

    /// A connection that nobody needs any more.
    fn drop_connection(&mut self, now: Instant) {
        let connection = self.pair.iccp.as_mut().and_then(|agent| agent.connection.take());
        if let Some(connection) = connection {
            self.with_station(now, |stack| stack.abort(connection.id));
        }
    }

    /// An event of a connection; says whether it is ICCP's.
    pub(crate) fn iccp_hears_tcp(&mut self, now: Instant, event: &TcpEvent) -> bool {
        let is_own = |agent: &IccpAgent, id: ConnectionId| {
            agent.connection.as_ref().is_some_and(|connection| connection.id == id)
        };
        let id = match event {
            TcpEvent::Accepted { id, local, remote, .. } if local.port() == PORT => {
                self.accept_iccp(now, *id, *local, *remote);
                return true;
            }
            TcpEvent::Accepted { .. } => return false,
            TcpEvent::Connected { id } | TcpEvent::Received { id, .. } | TcpEvent::Closed { id, .. } => *id,
        };
        let Some(agent) = self.pair.iccp.as_mut().filter(|agent| is_own(agent, id)) else { return false };
        if agent.connection.as_ref().is_some_and(|connection| connection.closes) {
            // What comes is for nobody.
            agent.connection.take_if(|_| matches!(event, TcpEvent::Closed { .. }));
            return true;
        }
        match event {
            TcpEvent::Connected { .. } => agent.iccp.handle_connected(now),
            TcpEvent::Received { bytes, .. } => agent.iccp.handle_bytes(now, bytes),
            TcpEvent::Closed { .. } => {
                agent.connection = None;
                agent.iccp.handle_closed(now);
            }
            TcpEvent::Accepted { .. } => {}
        }
        self.follow_iccp(now);
        true
    }

    /// Somebody has connected: the peer, if it comes from where it should and goes where it should. One that connects anew has lost
    /// the connection before.
    fn accept_iccp(&mut self, now: Instant, id: ConnectionId, local: SocketAddr, remote: SocketAddr) {
        let is_peer = self.ends() == Some((local.ip(), remote.ip()));
        let is_welcome = self.works(AgentKind::Iccp) && is_peer;
        let agent = self.pair.iccp.as_mut().filter(|agent| is_welcome && agent.iccp.accepts());
        let Some(agent) = agent else {
            return self.with_station(now, |stack| stack.abort(id));
        };
        let before = agent.connection.replace(Connection { id, unsent: VecDeque::new(), closes: false });
        agent.iccp.handle_connected(now);
        if let Some(before) = before {
            self.with_station(now, |stack| stack.abort(before.id));
        }
        self.follow_iccp(now);
    }

    /// Gives the connection what it has room for now.
    pub(crate) fn send_unsent_iccp(&mut self, now: Instant) {
        let (Some(agent), Some(station)) = (&mut self.pair.iccp, &mut self.routing.station) else { return };
        let Some(connection) = agent.connection.as_mut().filter(|connection| !connection.unsent.is_empty())
        else {
            return;
        };
        let sent = station.stack.send(connection.id, connection.unsent.make_contiguous());
        connection.unsent.drain(..sent);
        let (left, closes) = (connection.unsent.len(), connection.closes);
        agent.iccp.set_room(left < UNSENT);
        if left == 0 && closes {
            self.close_iccp(now);
        } else if sent > 0 {
            self.with_station(now, |_| {});
        }
    }
}

/// BFD beside the session.
impl Switch {
    /// The BFD session that is asked for: from, to, and how often.
    pub(crate) fn iccp_bfd(&self) -> Option<(IpAddr, IpAddr, BfdTimers)> {
        let iccp = &self.pair_config()?.iccp;
        Some((iccp.local_address, iccp.peer_address, iccp.liveness_detection?))
    }

    /// BFD with another router has failed, or is up again.
    pub(crate) fn set_iccp_path(&mut self, now: Instant, remote: IpAddr) {
        if self.works(AgentKind::Iccp) && self.iccp_bfd().is_some_and(|(_, peer, _)| peer == remote) {
            self.settle_iccp_path(now);
        }
    }

    fn settle_iccp_path(&mut self, now: Instant) {
        let has_failed =
            self.iccp_bfd().is_some_and(|(_, peer, _)| self.routing.bfd_sessions.has_failed(peer));
        if let Some(agent) = &mut self.pair.iccp {
            agent.iccp.set_path(now, !has_failed);
            self.follow_iccp(now);
        }
    }
}

/// A value's name in files.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}
