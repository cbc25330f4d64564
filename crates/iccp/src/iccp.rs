//! The doors: everything that the outside tells one end of a session, and everything that it is told.

use crate::config::{ConfigError, IccpConfig};
use crate::event::{Cause, Conflict, IccpEvent};
use crate::ledger::Ledger;
use crate::object::{Aggregator, Port};
use crate::session::{ApplicationState, SessionState};
use crate::show::{Failure, Messages, Nak};
use crate::view::View;
use bytes::{Bytes, BytesMut};
use greylag_base::{Instant, MacAddr, VlanId};
use greylag_wire::iccp::{MacPlace, Message, Status, VlanList};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What is to be done about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// TCP is to be opened to the peer.
    Connect,
    /// Octets are to be sent: whole messages.
    Send(Bytes),
    /// TCP is to be closed, when what was to be sent is sent; or not to be opened any more. Nothing more of that connection is to be
    /// handed in.
    Close,
}

/// When each timer expires; `None` while it does not run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timers {
    /// The next attempt, or the end of this one.
    pub(crate) connect: Option<Instant>,
    /// The peer is given up.
    pub(crate) hold: Option<Instant>,
    /// Something has to be said.
    pub(crate) keepalive: Option<Instant>,
    /// What was refused is offered again.
    pub(crate) offer: Option<Instant>,
}

impl Timers {
    fn next(&self) -> Option<Instant> {
        [self.connect, self.hold, self.keepalive, self.offer].into_iter().flatten().min()
    }
}

/// What both ends of a connection have agreed on, and what it needs.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) keepalive: Duration,
    pub(crate) session_timeout: Duration,
}

/// One end of a session.
///
/// After any call that takes `now`, ask for what became of it: [`poll_action`](Iccp::poll_action) and
/// [`poll_event`](Iccp::poll_event) until they are empty, then [`poll_timeout`](Iccp::poll_timeout) once.
#[derive(Debug)]
pub struct Iccp {
    pub(crate) config: IccpConfig,
    pub(crate) enabled: bool,
    pub(crate) path_usable: bool,
    room: bool,
    pub(crate) state: SessionState,
    pub(crate) application: ApplicationState,
    /// TCP is being opened.
    pub(crate) opening: bool,
    pub(crate) timers: Timers,
    /// Nothing was said for so long that something has to be.
    pub(crate) keepalive_due: bool,
    pub(crate) agreed: Option<Agreed>,
    stream: BytesMut,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) events: VecDeque<IccpEvent>,
    pub(crate) ledger: Ledger,
    pub(crate) view: View,
    pub(crate) peer_name: Option<String>,
    /// The id of the last message.
    pub(crate) message: u32,
    /// The messages that the peer may refuse: our last RG Connect, and our last mLACP Connect.
    pub(crate) offers: [Option<u32>; 2],
    /// The number of our last request.
    pub(crate) request: u16,
    pub(crate) conflicts: BTreeSet<Conflict>,
    pub(crate) since: Instant,
    pub(crate) times_up: u64,
    pub(crate) last_heard: Option<Instant>,
    /// Since when something waits to be told.
    pub(crate) waiting_since: Option<Instant>,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) sent: Messages,
    pub(crate) received: Messages,
    pub(crate) naks: [Option<Nak>; 2],
}

impl Iccp {
    /// An end that has nothing to tell yet. The active one begins to connect.
    ///
    /// # Errors
    /// When the configuration cannot be.
    pub fn new(config: IccpConfig, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        let mut iccp = Iccp {
            config,
            enabled: true,
            path_usable: true,
            room: true,
            state: SessionState::Nonexistent,
            application: ApplicationState::Nonexistent,
            opening: false,
            timers: Timers::default(),
            keepalive_due: false,
            agreed: None,
            stream: BytesMut::new(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
            ledger: Ledger::new(),
            view: View::default(),
            peer_name: None,
            message: 0,
            offers: [None; 2],
            request: 0,
            conflicts: BTreeSet::new(),
            since: now,
            times_up: 0,
            last_heard: None,
            waiting_since: None,
            last_failure: None,
            sent: Messages::default(),
            received: Messages::default(),
            naks: [None; 2],
        };
        iccp.settle(now);
        Ok(iccp)
    }

    /// Becomes what it is told to be, and may run again after [`shut_down`](Iccp::shut_down). A session goes on unless the group, the
    /// role, the name, the chassis, the keepalive or the timeout change; if they do, it is ended in order and begins anew. What there is
    /// to tell stays.
    ///
    /// # Errors
    /// When the configuration cannot be; nothing has changed then.
    pub fn reconfigure(&mut self, now: Instant, config: IccpConfig) -> Result<(), ConfigError> {
        config.check()?;
        let stays = IccpConfig { connect_retry: self.config.connect_retry, ..config.clone() };
        let goes_on = IccpConfig { mac_chunk: self.config.mac_chunk, ..stays } == self.config;
        if !goes_on {
            let removed = config.redundancy_group != self.config.redundancy_group;
            let status = if removed { Status::GroupRemoved } else { Status::AdministrativelyDisabled };
            self.end_in_order(now, status, Cause::ConfigurationChanged);
            self.forget_group_conflict();
            self.timers.connect = None;
        }
        (self.config, self.enabled) = (config, true);
        self.settle(now);
        Ok(())
    }

    /// What it is told to be.
    pub fn config(&self) -> &IccpConfig {
        &self.config
    }

    /// Would a connection of the peer be let in?
    pub fn accepts(&self) -> bool {
        self.enabled && self.path_usable
    }

    /// TCP is there, whoever opened it. If there was a connection, the peer no longer knows of it: the caller forgets it too.
    pub fn handle_connected(&mut self, now: Instant) {
        if self.state != SessionState::Nonexistent {
            self.fail(now, Cause::ConnectionReplaced, false);
        }
        if !self.accepts() {
            self.actions.push_back(Action::Close);
            return;
        }
        self.begin(now);
    }

    /// Octets have come in, split anyhow.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if self.state == SessionState::Nonexistent {
            return;
        }
        self.last_heard = Some(now);
        self.timers.hold = Some(now + self.session_timeout());
        self.stream.extend_from_slice(bytes);
        while let Some(length) = Message::length(&self.stream).filter(|length| self.stream.len() >= *length) {
            let message = self.stream.split_to(length);
            self.received.octets += length as u64;
            self.hear(now, &message);
        }
    }

    /// TCP has ended, or did not come about.
    pub fn handle_closed(&mut self, now: Instant) {
        if self.opening || self.state != SessionState::Nonexistent {
            self.fail(now, Cause::ConnectionClosed, false);
        }
        self.settle(now);
    }

    /// It is as late as [`poll_timeout`](Iccp::poll_timeout) has said.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |timer: Option<Instant>| timer.is_some_and(|at| at <= now);
        if due(self.timers.hold) {
            self.fail(now, Cause::SessionTimeout, true);
        }
        if due(self.timers.keepalive) {
            self.timers.keepalive = None;
            self.keepalive_due = true;
        }
        if due(self.timers.offer) {
            self.timers.offer = None;
            self.offer_again(now);
        }
        if due(self.timers.connect) {
            self.timers.connect = None;
            if self.opening {
                self.fail(now, Cause::ConnectionClosed, true);
                self.timers.connect = None;
            }
        }
        self.settle(now);
    }

    /// When [`handle_timeout`](Iccp::handle_timeout) is wanted; `None` for never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// What is to be done next. What there is to tell becomes a message only here, and only while there is room.
    pub fn poll_action(&mut self, now: Instant) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if !self.room || self.state == SessionState::Nonexistent {
            return None;
        }
        self.tell(now).or_else(|| self.keepalive(now)).map(Action::Send)
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<IccpEvent> {
        self.events.pop_front()
    }

    /// The way to the peer takes octets, or does not: while it does not, changes wait, and what changes twice is told once.
    pub fn set_room(&mut self, room: bool) {
        self.room = room;
    }

    /// What BFD says of the way to the peer. When it cannot be used, a session is over at once, and none is tried.
    pub fn set_path(&mut self, now: Instant, usable: bool) {
        if self.path_usable && !usable && (self.opening || self.state != SessionState::Nonexistent) {
            self.fail(now, Cause::BfdDown, true);
        }
        if usable && !self.path_usable {
            self.timers.connect = None;
        }
        self.path_usable = usable;
        self.settle(now);
    }

    /// Ends the session in order, and tries none any more, until [`reconfigure`](Iccp::reconfigure).
    pub fn shut_down(&mut self, now: Instant) {
        self.end_in_order(now, Status::AdministrativelyDisabled, Cause::AdminDown);
        self.forget_group_conflict();
        self.enabled = false;
        self.settle(now);
    }

    /// We have this leg, and it is so.
    pub fn set_aggregator(&mut self, now: Instant, aggregator: Aggregator) {
        self.ledger.set_aggregator(aggregator.id, Some(aggregator));
        self.told_of_aggregators(now);
    }

    /// We have this leg no longer.
    pub fn remove_aggregator(&mut self, now: Instant, id: u16) {
        self.ledger.set_aggregator(id, None);
        self.told_of_aggregators(now);
    }

    fn told_of_aggregators(&mut self, now: Instant) {
        self.judge();
        self.note_waiting(now);
    }

    /// We have this link, and it is so.
    pub fn set_port(&mut self, now: Instant, port: Port) {
        self.ledger.set_port(port.number, Some(port));
        self.note_waiting(now);
    }

    /// We have this link no longer.
    pub fn remove_port(&mut self, now: Instant, number: u16) {
        self.ledger.set_port(number, None);
        self.note_waiting(now);
    }

    /// We have this station there; `None` for nowhere any more. Only one station has an address: no group's is told.
    pub fn set_mac(&mut self, now: Instant, vlan: VlanId, mac: MacAddr, place: Option<MacPlace>) {
        if mac.is_unicast() {
            self.ledger.set_mac(vlan, mac, place);
            self.note_waiting(now);
        }
    }

    /// We route what is sent to this address in this VLAN; `None` for not any more.
    pub fn set_irb_mac(&mut self, now: Instant, vlan: VlanId, mac: Option<MacAddr>) {
        self.ledger.set_irb_mac(vlan, mac.filter(|mac| mac.is_unicast()));
        self.note_waiting(now);
    }

    /// Our leg of this bundle carries these VLANs, or our end of the link between the chassis if it is of no bundle; `None` for a
    /// bundle that we have no longer. That the peer's are others is no [`Conflict`]: with each commit, on one chassis after the other, they
    /// are for a while. Who asks compares them: [`IccpSnapshot::peer_vlans`](crate::IccpSnapshot::peer_vlans).
    pub fn set_vlans(&mut self, now: Instant, aggregator: Option<u16>, vlans: Option<VlanList>) {
        self.ledger.set_vlans(aggregator, vlans);
        self.note_waiting(now);
    }

    /// We have done what follows from the peer's leg being as [`IccpEvent::PeerAggregator`] with this serial said.
    pub fn acknowledge_aggregator(&mut self, now: Instant, id: u16, serial: u32) {
        if self.view.has_aggregator(id) {
            self.ledger.acknowledge(id, serial);
            self.note_waiting(now);
        }
    }

    pub(crate) fn note_waiting(&mut self, now: Instant) {
        if self.ledger.waiting() == 0 {
            self.waiting_since = None;
        } else {
            self.waiting_since.get_or_insert(now);
        }
    }

    fn tell(&mut self, now: Instant) -> Option<Bytes> {
        if !self.is_up() {
            return None;
        }
        let bytes = self.next_told(now);
        self.note_waiting(now);
        bytes
    }

    /// Where the session is. Both ends speak of bundles when [`is_up`](Iccp::is_up) says so.
    pub fn session(&self) -> SessionState {
        self.state
    }

    /// Is mLACP operational, between [`IccpEvent::SessionUp`] and [`IccpEvent::SessionDown`]?
    pub fn is_up(&self) -> bool {
        self.application == ApplicationState::Operational
    }

    /// The stations that the peer has, in order, and where.
    pub fn peer_macs(&self) -> impl Iterator<Item = (VlanId, MacAddr, MacPlace)> {
        self.view.macs()
    }

    pub(crate) fn forget_stream(&mut self) {
        self.stream = BytesMut::new();
    }
}
