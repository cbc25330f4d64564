//! The doors: everything that the outside tells a switch's sessions, and everything that it is told.

use crate::config::{BfdConfig, ConfigError, MOST_SESSIONS, Path, Peer, SessionConfig, SessionId};
use crate::discard::{Discard, Discards};
use crate::event::BfdEvent;
use crate::packet::{PacketIn, PacketOut};
use crate::session::{Context, Session};
use greylag_base::{Dice, Instant, InterfaceId, Seed};
use greylag_wire::bfd::{Diagnostic, MULTIHOP_PORT, Repr, SINGLE_HOP_PORT, State};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The first of the source ports (RFC 5881 4).
const FIRST_SOURCE_PORT: u16 = 49_152;

/// A path beyond this switch that carries on where a session's path ends has failed (RFC 5880 6.8.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concatenated {
    /// Towards this switch.
    Forward,
    /// Away from this switch.
    Reverse,
}

/// All sessions of one switch.
///
/// After any call that takes `now`, ask for what became of it: [`poll_transmit`](Bfd::poll_transmit) and
/// [`poll_event`](Bfd::poll_event) until they are empty, then [`poll_timeout`](Bfd::poll_timeout) once.
#[derive(Clone, Debug)]
pub struct Bfd {
    config: BfdConfig,
    seed: Seed,
    sessions: BTreeMap<SessionId, Session>,
    by_discriminator: BTreeMap<u32, SessionId>,
    by_peer: BTreeMap<Peer, SessionId>,
    source_ports: BTreeSet<u16>,
    /// When each session has something to do next.
    agenda: BTreeSet<(Instant, SessionId)>,
    packets: VecDeque<PacketOut>,
    events: VecDeque<BfdEvent>,
    discards: Discards,
}

impl Bfd {
    /// Sessions that know of nobody yet. All chance comes from `seed`, discriminators too: one that stands for a restarted
    /// switch needs another seed than before, or the other ends take it for the same.
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new(config: BfdConfig, seed: Seed, now: Instant) -> Result<Self, ConfigError> {
        let mut bfd = Bfd {
            config: BfdConfig::default(),
            seed,
            sessions: BTreeMap::new(),
            by_discriminator: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            source_ports: BTreeSet::new(),
            agenda: BTreeSet::new(),
            packets: VecDeque::new(),
            events: VecDeque::new(),
            discards: Discards::default(),
        };
        bfd.reconfigure(now, config)?;
        Ok(bfd)
    }

    /// Becomes what it is told to be, as far as it is not already. A session that keeps its id, its addresses and its
    /// interface stays as it is, and tells the other end of new intervals by a Poll Sequence. Of one that goes, the other end is
    /// told once; who wants to be certain disables it first, for a detection time.
    ///
    /// # Errors
    /// When the configuration contradicts itself; nothing has changed then.
    pub fn reconfigure(&mut self, now: Instant, config: BfdConfig) -> Result<(), ConfigError> {
        config.check()?;
        let wanted: BTreeMap<SessionId, SessionConfig> =
            config.sessions.iter().map(|session| (session.id, *session)).collect();
        let gone: Vec<SessionId> = self
            .sessions
            .values()
            .filter(|session| {
                wanted.get(&session.config.id).is_none_or(|now| now.is_another(&session.config))
            })
            .map(|session| session.config.id)
            .collect();
        for id in gone {
            self.remove(now, id);
        }
        for session in wanted.into_values() {
            if !self.sessions.contains_key(&session.id) {
                self.add(now, session);
            }
            self.with_session(now, session.id, |state, cx| state.configure(session, cx));
        }
        self.config = config;
        Ok(())
    }

    /// Something besides BFD says that a session's path has failed, such as its link, or that it is there again. Until
    /// it is, the session is held in Down (RFC 5880 6.8.18). A session begins with its path there.
    ///
    /// RFC 5880 6.8.16 would allow AdminDown as well, but clients do not take that for a failure (RFC 5882 3.2), which a lost
    /// link is.
    pub fn set_path(&mut self, now: Instant, session: SessionId, up: bool) {
        self.with_session(now, session, |session, cx| session.set_path(up, cx));
    }

    /// A path that carries on beyond this switch has failed, or is there again: the other end of a session that is up is
    /// told, and it stays up. Any later failure of the session overwrites it, and whoever said so says it again when the session is
    /// up again (RFC 5880 6.8.17).
    pub fn set_concatenated(&mut self, now: Instant, session: SessionId, failed: Option<Concatenated>) {
        let diagnostic = failed.map(|failed| match failed {
            Concatenated::Forward => Diagnostic::ConcatenatedPathDown,
            Concatenated::Reverse => Diagnostic::ReverseConcatenatedPathDown,
        });
        self.with_session(now, session, |session, cx| session.set_concatenated(diagnostic, cx));
    }

    /// The forwarding plane has forgotten what it knew: all sessions that are enabled go down, and come up again when the
    /// other ends have heard of it (RFC 5880 6.8.15).
    pub fn reset_forwarding(&mut self, now: Instant) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            self.with_session(now, id, Session::reset_forwarding);
        }
    }

    /// A packet has come in. What is discarded is counted by the rule.
    pub fn handle_packet(&mut self, now: Instant, packet: &PacketIn<'_>) {
        let taken = self.demultiplex(packet).and_then(|(id, repr)| {
            let mut taken = Ok(());
            self.with_session(now, id, |session, cx| {
                taken = session.receive(&repr, packet.ttl, cx);
                match taken {
                    Ok(()) => session.counts.received += 1,
                    Err(rule) => session.counts.discards.count(rule),
                }
            });
            taken
        });
        if let Err(rule) = taken {
            self.discards.count(rule);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, id)) = self.agenda.first().copied().filter(|(next, _)| *next <= now) {
            self.with_session(now, id, Session::settle);
        }
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<PacketOut> {
        self.packets.pop_front()
    }

    /// When [`handle_timeout`](Bfd::handle_timeout) is due if nothing comes from outside.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.agenda.first().map(|(next, _)| *next)
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<BfdEvent> {
        self.events.pop_front()
    }

    /// What it was told to be.
    pub fn config(&self) -> &BfdConfig {
        &self.config
    }

    /// The state of a session; `None` when there is none.
    pub fn state(&self, session: SessionId) -> Option<State> {
        self.sessions.get(&session).map(|session| session.state)
    }

    pub(crate) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    pub(crate) fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    pub(crate) fn discards(&self) -> &Discards {
        &self.discards
    }

    /// Which session a packet is for, by the rules of RFC 5880 6.8.6, RFC 5881 3 and RFC 5883 4.1.
    ///
    /// Once the sender knows our discriminator, neither its address nor the interface counts (RFC 5880 6.3).
    fn demultiplex(&self, packet: &PacketIn<'_>) -> Result<(SessionId, Repr), Discard> {
        let peer = peer_of(packet).ok_or(Discard::WrongPort)?;
        let repr = Repr::parse(packet.payload)?;
        let id = match repr.your_discriminator {
            0 => self.by_peer.get(&peer).ok_or(Discard::NoSession)?,
            known => self.by_discriminator.get(&known).ok_or(Discard::UnknownDiscriminator)?,
        };
        let multihop = matches!(self.sessions[id].config.path, Path::Multihop { .. });
        if multihop != (packet.destination_port == MULTIHOP_PORT) {
            return Err(Discard::WrongPort);
        }
        Ok((*id, repr))
    }

    /// Tells a session something, and sees when it wants to be woken then.
    fn with_session(
        &mut self,
        now: Instant,
        id: SessionId,
        tell: impl FnOnce(&mut Session, &mut Context<'_>),
    ) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let before = session.next();
        tell(session, &mut Context { now, events: &mut self.events, packets: &mut self.packets });
        if let Some(before) = before {
            self.agenda.remove(&(before, id));
        }
        self.agenda.extend(session.next().map(|next| (next, id)));
    }

    fn add(&mut self, now: Instant, config: SessionConfig) {
        // By its own name, so that one session more does not change what the others draw.
        let mut dice = Dice::new(self.seed.derive(&format!("session {}", config.id)));
        let discriminator = loop {
            let drawn = dice.word() as u32;
            if drawn != 0 && !self.by_discriminator.contains_key(&drawn) {
                break drawn;
            }
        };
        let source_port = loop {
            let drawn = FIRST_SOURCE_PORT + dice.below(MOST_SESSIONS as u64) as u16;
            if self.source_ports.insert(drawn) {
                break drawn;
            }
        };
        self.by_discriminator.insert(discriminator, config.id);
        self.by_peer.insert(config.peer(), config.id);
        self.sessions.insert(config.id, Session::new(config, discriminator, source_port, dice, now));
    }

    fn remove(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        if let Some(next) = session.next() {
            self.agenda.remove(&(next, id));
        }
        self.by_discriminator.remove(&session.discriminator);
        self.by_peer.remove(&session.config.peer());
        self.source_ports.remove(&session.source_port);
        session.remove(&mut Context { now, events: &mut self.events, packets: &mut self.packets });
    }
}

fn peer_of(packet: &PacketIn<'_>) -> Option<Peer> {
    let (local, remote) = (packet.to, packet.from);
    let interface: InterfaceId = packet.interface;
    match packet.destination_port {
        SINGLE_HOP_PORT => Some(Peer::SingleHop { interface, remote }),
        MULTIHOP_PORT => Some(Peer::Multihop { local, remote }),
        _ => None,
    }
}
