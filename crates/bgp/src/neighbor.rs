//! One neighbor: both of its connections, which of them is kept, and what they say (RFC 4271 6.8 and 8).

use crate::advertise::AdjRibOut;
use crate::config::{BgpConfig, Family, NeighborConfig, NeighborId};
use crate::connection::{Connection, Timers};
use crate::event::{BgpEvent, Cause, Failure};
use crate::fsm::{self, DIAGRAM, Direction, Do, State, When};
use crate::message::{self, Message, Wrong};
use crate::notification::{self as code, Notification};
use crate::open::{self, Agreed, LARGE_HOLD, Open};
use crate::update::{self, Sender, Update};
use bytes::Bytes;
use core::net::IpAddr;
use greylag_base::{Dice, Instant, Seed};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What is to be done about connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// TCP is to be opened to the neighbor, from its local address to its port 179.
    Connect {
        /// The neighbor.
        neighbor: NeighborId,
    },
    /// Octets are to be sent.
    Send {
        /// To the neighbor.
        neighbor: NeighborId,
        /// On the connection of this direction.
        direction: Direction,
        /// One or more whole messages.
        bytes: Bytes,
    },
    /// TCP is to be closed, when what was to be sent is sent; or not to be opened any more.
    Close {
        /// To the neighbor.
        neighbor: NeighborId,
        /// Which connection.
        direction: Direction,
    },
}

impl Action {
    fn connection(&self) -> (NeighborId, Direction) {
        match *self {
            Action::Connect { neighbor } => (neighbor, Direction::Active),
            Action::Send { neighbor, direction, .. } | Action::Close { neighbor, direction } => {
                (neighbor, direction)
            }
        }
    }
}

/// What lies below a session and may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathPart {
    /// The interface towards the neighbor: fast external fall-over.
    Interface,
    /// What BFD says of the path (RFC 5882 4).
    Bfd,
}

/// Where what happens to a neighbor goes.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a BgpConfig,
    pub(crate) actions: &'a mut VecDeque<Action>,
    pub(crate) events: &'a mut VecDeque<BgpEvent>,
    pub(crate) outcomes: &'a mut VecDeque<Outcome>,
}

/// What the routes have to know of.
#[derive(Debug)]
pub(crate) enum Outcome {
    Up,
    Down,
    Routes(Update),
    TellAgain(Family),
}

/// Something that happens to a connection, with what comes along.
struct Happening {
    when: When,
    cause: Option<Cause>,
    outcome: Option<Outcome>,
}

impl Happening {
    fn plain(when: When) -> Self {
        Happening { when, cause: None, outcome: None }
    }

    fn because(when: When, cause: Cause) -> Self {
        Happening { when, cause: Some(cause), outcome: None }
    }
}

/// Messages by their type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Messages {
    /// UPDATEs.
    pub update: u64,
    /// NOTIFICATIONs.
    pub notification: u64,
    /// All, those too.
    pub total: u64,
}

#[derive(Debug)]
pub(crate) struct Neighbor {
    pub(crate) config: NeighborConfig,
    /// It belongs to another system.
    pub(crate) external: bool,
    connections: [Connection; 2],
    /// The direction of the connection that has the session.
    pub(crate) established: Option<Direction>,
    /// Since when there is a session, or none.
    pub(crate) since: Instant,
    pub(crate) paths_lost: BTreeSet<PathPart>,
    /// It had too many prefixes, and waits for another configuration.
    pub(crate) cut_off: Option<Cause>,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) last_notification: [Option<Notification>; 2],
    pub(crate) times_up: u64,
    pub(crate) received: Messages,
    pub(crate) sent: Messages,
    /// Prefixes of each family that are in use or could be.
    pub(crate) accepted: [u32; 2],
    /// How many prefixes there were when its limits were looked at last.
    pub(crate) had: [u32; 2],
    /// Prefixes that lead through ourselves.
    pub(crate) refused: BTreeSet<IpNet>,
    pub(crate) out: AdjRibOut,
    /// The caller takes what is to be sent.
    pub(crate) room: bool,
    dice: Dice,
}

impl Neighbor {
    pub(crate) fn new(config: NeighborConfig, external: bool, seed: Seed, now: Instant) -> Self {
        Neighbor {
            config,
            external,
            connections: Direction::BOTH.map(Connection::new),
            established: None,
            since: now,
            paths_lost: BTreeSet::new(),
            cut_off: None,
            last_failure: None,
            last_notification: [None, None],
            times_up: 0,
            received: Messages::default(),
            sent: Messages::default(),
            accepted: [0; 2],
            had: [0; 2],
            refused: BTreeSet::new(),
            out: AdjRibOut::default(),
            room: true,
            dice: Dice::new(seed),
        }
    }

    pub(crate) fn connection(&self, direction: Direction) -> &Connection {
        &self.connections[direction as usize]
    }

    fn connection_mut(&mut self, direction: Direction) -> &mut Connection {
        &mut self.connections[direction as usize]
    }

    /// The state of the connection that is further.
    pub(crate) fn state(&self) -> State {
        let [active, passive] = &self.connections;
        active.state.max(passive.state)
    }

    /// What the session goes by; `None` while there is none.
    pub(crate) fn agreed(&self) -> Option<&Agreed> {
        self.connection(self.established?).agreed.as_ref()
    }

    pub(crate) fn speaks(&self, family: Family) -> bool {
        self.agreed().is_some_and(|agreed| agreed.families.contains(&family))
    }

    /// Would a connection that the neighbor opens be welcome?
    pub(crate) fn accepts(&self) -> bool {
        self.connection(Direction::Passive).state == State::Active
    }

    /// When there is something to do next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let timers = self.connections.iter().filter_map(Connection::next);
        timers.chain(self.out.next()).min()
    }

    fn may_run(&self) -> bool {
        self.config.enabled && self.paths_lost.is_empty() && self.cut_off.is_none()
    }

    /// A time from three quarters of what was asked for to all of it (RFC 4271 10).
    /// Of no time nothing is drawn: how often there is something to tell depends on how octets are split, and no chance may.
    pub(crate) fn jittered(&mut self, span: Duration) -> Duration {
        if span.is_zero() { span } else { self.dice.between(span - span / 4, span) }
    }

    /// So many prefixes of a family it has told us, refused ones too.
    pub(crate) fn prefixes(&self, family: Family) -> u32 {
        let refused = self.refused.iter().filter(|prefix| Family::of(**prefix) == family).count();
        self.accepted[family as usize] + refused as u32
    }

    /// Asks for everything once more.
    pub(crate) fn request_refresh(&mut self, cx: &mut Context<'_>) {
        let Some((direction, agreed)) = self.established.zip(self.agreed()) else { return };
        let families = agreed.families.clone();
        if agreed.route_refresh {
            for family in families {
                self.send(direction, message::route_refresh(family), cx);
            }
        }
    }

    /// Ends what there is.
    pub(crate) fn stop(&mut self, cause: &Cause, cx: &mut Context<'_>) {
        for direction in Direction::BOTH {
            self.step(direction, Happening::because(When::Stop, cause.clone()), cx);
        }
        self.connection_mut(Direction::Active).timers.idle_hold = None;
    }

    /// Begins where it may, at once.
    pub(crate) fn resume(&mut self, cx: &mut Context<'_>) {
        self.connection_mut(Direction::Active).timers.idle_hold = None;
        self.settle(cx);
    }

    /// Something that lies below has failed, or is back.
    pub(crate) fn set_path(&mut self, usable: bool, part: PathPart, cx: &mut Context<'_>) {
        if usable {
            if self.paths_lost.remove(&part) {
                self.resume(cx);
            }
        } else if self.paths_lost.insert(part) {
            let cause = match part {
                PathPart::Interface => Cause::InterfaceDown,
                PathPart::Bfd => Cause::BfdDown,
            };
            self.stop(&cause, cx);
        }
    }

    pub(crate) fn connected(&mut self, direction: Direction, cx: &mut Context<'_>) {
        if [State::Connect, State::Active].contains(&self.connection(direction).state) {
            self.step(direction, Happening::plain(When::Connected), cx);
        } else if !self.connection(direction).is_connected() {
            cx.actions.push_back(Action::Close { neighbor: self.config.id, direction });
        }
    }

    pub(crate) fn closed(&mut self, direction: Direction, cx: &mut Context<'_>) {
        self.step(direction, Happening::because(When::ConnectionFails, Cause::ConnectionClosed), cx);
        self.settle(cx);
    }

    /// Keeps what came in until it is read.
    pub(crate) fn take(&mut self, direction: Direction, bytes: &[u8]) {
        let connection = self.connection_mut(direction);
        if connection.is_connected() {
            connection.stream.extend_from_slice(bytes);
        }
    }

    /// Reads the next message, if it is whole.
    pub(crate) fn read(&mut self, direction: Direction, cx: &mut Context<'_>) -> bool {
        if !self.connection(direction).is_connected() {
            return false;
        }
        match message::next(&mut self.connection_mut(direction).stream) {
            Ok(None) => return false,
            Ok(Some(message)) => self.hear(direction, message, cx),
            Err(Wrong::Header(says)) => {
                self.step(
                    direction,
                    Happening::because(When::HeaderError, Cause::NotificationSent(says)),
                    cx,
                );
            }
            Err(Wrong::Open(says)) => {
                self.step(direction, Happening::because(When::OpenError, Cause::NotificationSent(says)), cx);
            }
        }
        self.settle(cx);
        true
    }

    pub(crate) fn expire(&mut self, cx: &mut Context<'_>) {
        for direction in Direction::BOTH {
            while let Some(when) = self.connection_mut(direction).expire(cx.now) {
                self.step(direction, Happening::plain(when), cx);
                self.settle(cx);
            }
        }
    }

    fn hear(&mut self, direction: Direction, message: Message, cx: &mut Context<'_>) {
        self.received.total += 1;
        let happening = match message {
            Message::Open(open) => return self.hear_open(direction, &open, cx),
            Message::Update(body) => {
                self.received.update += 1;
                self.read_update(direction, &body)
            }
            Message::Notification(says) => {
                self.received.notification += 1;
                self.last_notification[1] = Some(says.clone());
                Happening::because(When::Notification, Cause::NotificationReceived(says))
            }
            Message::Keepalive => Happening::plain(When::Keepalive),
            Message::RouteRefresh(family) => {
                let outcome = family.filter(|family| self.speaks(*family)).map(Outcome::TellAgain);
                Happening { when: When::RouteRefresh, cause: None, outcome }
            }
        };
        self.step(direction, happening, cx);
    }

    fn hear_open(&mut self, direction: Direction, open: &Open, cx: &mut Context<'_>) {
        let happening = match open.agree(cx.config, &self.config) {
            _ if self.connection(direction).state != State::OpenSent => Happening::plain(When::Open),
            Err(says) => Happening::because(When::OpenError, Cause::NotificationSent(says)),
            Ok(agreed) => {
                let loser = self.collision(direction, &agreed, cx.config);
                self.connection_mut(direction).agreed = Some(agreed);
                if let Some(loser) = loser {
                    self.step(loser, Happening::because(When::CollisionDump, Cause::Collision), cx);
                }
                Happening::plain(When::Open)
            }
        };
        self.step(direction, happening, cx);
    }

    /// Which connection goes when one more has an OPEN (RFC 4271 6.8, RFC 6286 2.3): that which the lesser opened.
    fn collision(&self, direction: Direction, agreed: &Agreed, config: &BgpConfig) -> Option<Direction> {
        match self.connection(direction.other()).state {
            State::Established => Some(direction),
            State::OpenConfirm => {
                let ours = (u32::from(config.router_id), config.asn);
                let theirs = (u32::from(agreed.id), self.config.peer_as);
                Some(if ours > theirs { Direction::Passive } else { Direction::Active })
            }
            _ => None,
        }
    }

    fn read_update(&self, direction: Direction, body: &[u8]) -> Happening {
        let connection = self.connection(direction);
        let Some(agreed) = connection.agreed.as_ref().filter(|_| connection.state == State::Established)
        else {
            return Happening::plain(When::Update);
        };
        let own: Vec<IpAddr> = self.config.families.iter().map(|family| family.next_hop).collect();
        let sender = Sender {
            asn: self.config.peer_as,
            external: self.external,
            families: &agreed.families,
            own: &own,
        };
        match update::read(body, &sender) {
            Ok(update) => {
                Happening { when: When::Update, cause: None, outcome: Some(Outcome::Routes(update)) }
            }
            Err(says) => Happening::because(When::UpdateError, Cause::NotificationSent(says)),
        }
    }

    /// Takes the arrow that leads from here, if there is one.
    fn step(&mut self, direction: Direction, happening: Happening, cx: &mut Context<'_>) {
        let (neighbor, connection) = (self.config.id, self.connection_mut(direction));
        let from = connection.state;
        let Some(row) = fsm::row(from, happening.when) else { return };
        let arrow = DIAGRAM[row];
        connection.taken[row] += 1;
        connection.state = arrow.to;
        let Happening { when, cause, mut outcome } = happening;
        if from != arrow.to {
            cx.events.push_back(BgpEvent::StateChanged {
                neighbor,
                direction,
                from,
                to: arrow.to,
                because: when,
            });
        }
        let cause = match when {
            _ if arrow.does.contains(&Do::Refuse) => Some(Cause::NotificationSent(unexpected(from))),
            When::HoldTimerExpires => Some(Cause::HoldTimerExpired),
            _ => cause,
        };
        if when == When::ConnectionFails {
            // There is nobody left to tell.
            cx.actions.retain(|action| action.connection() != (neighbor, direction));
        }
        for does in arrow.does {
            self.act(direction, *does, when, cause.as_ref(), &mut outcome, cx);
        }
        let tried = (State::Connect..=State::OpenConfirm).contains(&from) && from != State::Active;
        if let Some(cause) = cause.filter(|_| tried && arrow.to <= State::Active) {
            cx.events.push_back(BgpEvent::AttemptFailed { neighbor, direction, cause });
        }
        if arrow.to < State::OpenSent {
            self.connection_mut(direction).forget();
        }
    }

    fn act(
        &mut self,
        direction: Direction,
        does: Do,
        when: When,
        cause: Option<&Cause>,
        outcome: &mut Option<Outcome>,
        cx: &mut Context<'_>,
    ) {
        let (neighbor, now) = (self.config.id, cx.now);
        match does {
            Do::OpenConnection => cx.actions.push_back(Action::Connect { neighbor }),
            Do::CloseConnection if when == When::ConnectionFails => {}
            Do::CloseConnection => cx.actions.push_back(Action::Close { neighbor, direction }),
            Do::SendOpen => self.send(direction, open::write(cx.config, &self.config), cx),
            Do::SendKeepalive => self.send(direction, message::keepalive(), cx),
            Do::Notify | Do::Refuse => {
                if let Some(says) = cause.and_then(Cause::notification) {
                    self.sent.notification += 1;
                    self.send(direction, message::notification(&says), cx);
                    self.last_notification[0] = Some(says);
                }
            }
            Do::TakeRoutes | Do::TellAgain => cx.outcomes.extend(outcome.take()),
            Do::ComeUp => {
                (self.established, self.since, self.times_up) = (Some(direction), now, self.times_up + 1);
                cx.events.push_back(BgpEvent::Up { neighbor, direction });
                cx.outcomes.push_back(Outcome::Up);
            }
            Do::GoDown => {
                (self.established, self.since) = (None, now);
                let cause = cause.cloned().unwrap_or(Cause::ConnectionClosed);
                let failure = Failure { at: now, because: when, cause };
                self.last_failure = Some(failure.clone());
                cx.events.push_back(BgpEvent::Down { neighbor, failure });
                cx.outcomes.push_back(Outcome::Down);
            }
            timer => self.set_timer(direction, timer, now),
        }
    }

    fn set_timer(&mut self, direction: Direction, does: Do, now: Instant) {
        let opens = !self.config.passive_mode;
        match does {
            Do::StartConnectRetry if direction == Direction::Active && opens => {
                let after = self.jittered(self.config.connect_retry);
                self.connection_mut(direction).timers.connect_retry = Some(now + after);
            }
            Do::StartIdleHold if opens => {
                let after = self.jittered(self.config.idle_hold_time);
                let active = self.connection_mut(Direction::Active);
                active.timers.idle_hold = (active.state == State::Idle).then(|| now + after);
            }
            Do::StartKeepalive => {
                let third = self.hold_time(direction) / 3;
                let after = self.jittered(third);
                self.connection_mut(direction).timers.keepalive = (!third.is_zero()).then(|| now + after);
            }
            Do::StartHold => {
                let hold_time = self.hold_time(direction);
                self.connection_mut(direction).timers.hold = (!hold_time.is_zero()).then(|| now + hold_time);
            }
            Do::StartLargeHold => self.connection_mut(direction).timers.hold = Some(now + LARGE_HOLD),
            Do::StopConnectRetry => self.connection_mut(direction).timers.connect_retry = None,
            Do::StopTimers => self.connection_mut(direction).timers = Timers::default(),
            _ => {}
        }
    }

    fn hold_time(&self, direction: Direction) -> Duration {
        self.connection(direction).agreed.as_ref().map_or(LARGE_HOLD, |agreed| agreed.hold_time)
    }

    fn send(&mut self, direction: Direction, bytes: Bytes, cx: &mut Context<'_>) {
        self.sent.total += 1;
        cx.actions.push_back(Action::Send { neighbor: self.config.id, direction, bytes });
    }

    /// Has each connection wait, try or rest, as the other one's state lets it.
    fn settle(&mut self, cx: &mut Context<'_>) {
        if let Some(direction) = self.established {
            let other = direction.other();
            self.connection_mut(other).timers.idle_hold = None;
            self.step(other, Happening::because(When::CollisionDump, Cause::Collision), cx);
            return;
        }
        if !self.may_run() {
            self.connection_mut(Direction::Active).timers.idle_hold = None;
            return;
        }
        self.step(Direction::Passive, Happening::plain(When::StartPassive), cx);
        let waits = self.connection(Direction::Active).timers.idle_hold.is_some();
        let comes = self.connection(Direction::Passive).is_connected();
        if !self.config.passive_mode && !waits && !comes {
            self.step(Direction::Active, Happening::plain(When::Start), cx);
        }
    }
}

/// RFC 6608.
fn unexpected(state: State) -> Notification {
    let code = match state {
        State::Established => code::UNEXPECTED_IN_ESTABLISHED,
        State::OpenConfirm => code::UNEXPECTED_IN_OPEN_CONFIRM,
        _ => code::UNEXPECTED_IN_OPEN_SENT,
    };
    Notification::new(code, &[])
}
