//! One session: the variables of RFC 5880 6.8.1, what a packet does to them, and when one is sent.

use crate::config::{Path, Role, SessionConfig};
use crate::discard::{Discard, Discards};
use crate::event::{BfdEvent, Failure};
use crate::packet::PacketOut;
use crate::state::{self, DIAGRAM, When};
use crate::timing::{Intervals, SLOW, Timing};
use greylag_base::{Dice, Instant};
use greylag_wire::bfd::{Diagnostic, Flags, MULTIHOP_PORT, Micros, Repr, SINGLE_HOP_PORT, State};
use std::collections::VecDeque;
use std::time::Duration;

/// Jitter is counted in millionths of the interval.
const WHOLE: u64 = 1_000_000;
/// No interval is shorter than three quarters of what was agreed (RFC 5880 6.8.7).
const SHORTEST: u64 = 750_000;
/// With a detect multiplier of 1, none is longer than nine tenths (RFC 5880 6.8.7).
const LONGEST_ALONE: u64 = 900_000;

/// Where what happens to a session goes.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) events: &'a mut VecDeque<BfdEvent>,
    pub(crate) packets: &'a mut VecDeque<PacketOut>,
}

/// The other end, as it has described itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    /// bfd.RemoteDiscr; 0 while it is not known.
    pub(crate) discriminator: u32,
    /// bfd.RemoteSessionState.
    pub(crate) state: State,
    pub(crate) diagnostic: Diagnostic,
    /// bfd.RemoteMinRxInterval.
    pub(crate) required_min_rx: Micros,
    pub(crate) desired_min_tx: Micros,
    pub(crate) detect_mult: u8,
    /// bfd.RemoteDemandMode.
    pub(crate) demand: bool,
    pub(crate) control_plane_independent: bool,
}

impl Remote {
    const UNKNOWN: Remote = Remote {
        discriminator: 0,
        state: State::Down,
        diagnostic: Diagnostic::NoDiagnostic,
        required_min_rx: Micros(1),
        desired_min_tx: Micros(0),
        detect_mult: 0,
        demand: false,
        control_plane_independent: false,
    };
}

/// What was counted of one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) transmitted: u64,
    pub(crate) up_transitions: u64,
    pub(crate) failure_transitions: u64,
    pub(crate) discards: Discards,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) config: SessionConfig,
    /// bfd.LocalDiscr.
    pub(crate) discriminator: u32,
    pub(crate) source_port: u16,
    /// bfd.SessionState.
    pub(crate) state: State,
    pub(crate) since: Instant,
    /// bfd.LocalDiag.
    pub(crate) diagnostic: Diagnostic,
    pub(crate) remote: Remote,
    pub(crate) path_up: bool,
    pub(crate) counts: Counts,
    pub(crate) last_down: Option<Failure>,
    /// When it last went from Up to Down.
    pub(crate) last_failure: Option<Instant>,
    /// When the last packet has come that says who the other end is.
    pub(crate) last_received: Option<Instant>,
    /// When the last packet went, answers to polls aside.
    pub(crate) last_transmitted: Option<Instant>,
    timing: Timing,
    /// The other end is remembered until it was silent for the detection time.
    remembers: bool,
    /// What the other end was told last.
    told: Option<Repr>,
    final_is_due: bool,
    /// Of the interval until the next packet.
    jitter: u64,
    dice: Dice,
    /// What clients were told last.
    published: Option<(Micros, Duration)>,
    taken: [u64; DIAGRAM.len()],
}

impl Session {
    /// In Down, or in AdminDown where it is not enabled (RFC 5880 6.8.1).
    pub(crate) fn new(
        config: SessionConfig,
        discriminator: u32,
        source_port: u16,
        dice: Dice,
        now: Instant,
    ) -> Self {
        let (state, diagnostic) = match config.enabled {
            true => (State::Down, Diagnostic::NoDiagnostic),
            false => (State::AdminDown, Diagnostic::AdministrativelyDown),
        };
        let configured = intervals(&config);
        Session {
            config,
            discriminator,
            source_port,
            state,
            since: now,
            diagnostic,
            remote: Remote::UNKNOWN,
            path_up: true,
            counts: Counts::default(),
            last_down: None,
            last_failure: None,
            last_received: None,
            last_transmitted: None,
            timing: Timing::new(Intervals {
                desired_min_tx: configured.desired_min_tx.max(SLOW),
                ..configured
            }),
            remembers: false,
            told: None,
            final_is_due: false,
            jitter: WHOLE,
            dice,
            published: None,
            taken: [0; DIAGRAM.len()],
        }
    }

    /// How often each arrow was taken, in the diagram's order.
    pub(crate) fn taken(&self) -> &[u64] {
        &self.taken
    }

    /// The longest time between two of our packets: the slower end decides (RFC 5880 6.8.7).
    pub(crate) fn transmit_interval(&self) -> Micros {
        self.timing.in_force().desired_min_tx.max(self.remote.required_min_rx)
    }

    /// After so much silence the other end is given up; `None` while it is not known (RFC 5880 6.8.4).
    pub(crate) fn detection_time(&self) -> Option<Duration> {
        let interval = self.timing.in_force().required_min_rx.max(self.remote.desired_min_tx);
        self.remembers.then(|| interval.duration() * self.remote.detect_mult.into())
    }

    /// When there is something to do if nothing comes.
    pub(crate) fn next(&self) -> Option<Instant> {
        [self.expires(), self.due()].into_iter().flatten().min()
    }

    pub(crate) fn configure(&mut self, config: SessionConfig, cx: &mut Context<'_>) {
        let was = std::mem::replace(&mut self.config, config).enabled;
        match (was, config.enabled) {
            (true, false) => self.step(When::Disabled, cx),
            (false, true) => self.step(When::Enabled, cx),
            _ => {}
        }
        self.settle(cx);
    }

    pub(crate) fn set_path(&mut self, up: bool, cx: &mut Context<'_>) {
        self.path_up = up;
        if !up {
            self.step(When::PathDown, cx);
        }
        self.settle(cx);
    }

    pub(crate) fn reset_forwarding(&mut self, cx: &mut Context<'_>) {
        self.step(When::ForwardingPlaneReset, cx);
        self.settle(cx);
    }

    /// RFC 5880 6.8.17: says so, and stays up.
    pub(crate) fn set_concatenated(&mut self, failed: Option<Diagnostic>, cx: &mut Context<'_>) {
        use Diagnostic::{ConcatenatedPathDown, ReverseConcatenatedPathDown};
        let says = matches!(self.diagnostic, ConcatenatedPathDown | ReverseConcatenatedPathDown);
        match failed {
            Some(diagnostic) if self.state == State::Up => self.diagnostic = diagnostic,
            None if says => self.diagnostic = Diagnostic::NoDiagnostic,
            _ => {}
        }
        self.settle(cx);
    }

    /// The session is no more: the other end is told once, as far as it may be told.
    pub(crate) fn remove(mut self, cx: &mut Context<'_>) {
        self.step(When::Disabled, cx);
        self.settle(cx);
    }

    /// A packet that is for this session has come; or why it is discarded (RFC 5880 6.8.6).
    pub(crate) fn receive(&mut self, packet: &Repr, ttl: u8, cx: &mut Context<'_>) -> Result<(), Discard> {
        let least = match self.config.path {
            Path::SingleHop { .. } => u8::MAX,
            Path::Multihop { minimum_ttl } => minimum_ttl,
        };
        if ttl < least {
            return Err(Discard::Ttl);
        }
        if packet.flags.has(Flags::AUTHENTICATION) {
            return Err(Discard::Authentication);
        }
        // A caller may be late with the timeout, and the silence was long enough all the same.
        if self.expires().is_some_and(|expires| expires < cx.now) {
            self.expire(cx);
        }
        self.remote = Remote {
            discriminator: packet.my_discriminator,
            state: packet.state,
            diagnostic: packet.diagnostic,
            required_min_rx: packet.required_min_rx,
            desired_min_tx: packet.desired_min_tx,
            detect_mult: packet.detect_mult,
            demand: packet.flags.has(Flags::DEMAND),
            control_plane_independent: packet.flags.has(Flags::CONTROL_PLANE_INDEPENDENT),
        };
        self.remembers = true;
        self.last_received = Some(cx.now);
        self.timing.heard(packet.flags.has(Flags::FINAL), cx.now);
        let discard = match self.state {
            State::AdminDown => Err(Discard::AdminDown),
            _ if !self.path_up => Err(Discard::PathDown),
            _ => {
                self.step(When::Heard(packet.state), cx);
                self.final_is_due = packet.flags.has(Flags::POLL);
                Ok(())
            }
        };
        self.settle(cx);
        discard
    }

    /// Does what is due, and what follows from what has just happened.
    pub(crate) fn settle(&mut self, cx: &mut Context<'_>) {
        if self.expires().is_some_and(|expires| expires <= cx.now) {
            self.expire(cx);
        }
        self.timing.declare(intervals(&self.config), self.state, cx.now);
        self.publish(cx);
        self.transmit(cx);
    }

    fn expires(&self) -> Option<Instant> {
        Some(self.last_received? + self.detection_time()?)
    }

    /// Silence for the detection time, whatever the state: the other end is forgotten (RFC 5880 6.8.1, 6.8.18).
    fn expire(&mut self, cx: &mut Context<'_>) {
        let was = self.remote;
        self.step(When::DetectionTimeExpired, cx);
        self.remembers = false;
        self.published = None;
        // What it said last of its state and why is of interest still.
        self.remote = Remote { state: was.state, diagnostic: was.diagnostic, ..Remote::UNKNOWN };
    }

    /// Takes the arrow for it, if there is one.
    fn step(&mut self, when: When, cx: &mut Context<'_>) {
        let Some(row) = state::row(self.state, when) else { return };
        let arrow = &DIAGRAM[row];
        self.taken[row] += 1;
        self.diagnostic = arrow.diagnostic.unwrap_or(self.diagnostic);
        let (from, session) = (std::mem::replace(&mut self.state, arrow.to), self.config.id);
        if from == arrow.to {
            return;
        }
        self.since = cx.now;
        cx.events.push_back(BfdEvent::StateChanged { session, from, to: arrow.to, because: when });
        if arrow.to == State::Up {
            self.counts.up_transitions += 1;
            cx.events.push_back(BfdEvent::Up { session });
        }
        if from == State::Up {
            // OpenConfig: what an operator does is no failure.
            if arrow.to == State::Down {
                self.counts.failure_transitions += 1;
                self.last_failure = Some(cx.now);
            }
            let failure = Failure {
                at: cx.now,
                because: when,
                state: arrow.to,
                local_diagnostic: self.diagnostic,
                remote_diagnostic: self.remote.diagnostic,
                remote_state: self.remote.state,
            };
            self.last_down = Some(failure);
            cx.events.push_back(BfdEvent::Down { session, failure });
        }
    }

    fn publish(&mut self, cx: &mut Context<'_>) {
        let Some(detection_time) = self.detection_time() else { return };
        let transmit_interval = self.transmit_interval();
        let now = Some((transmit_interval, detection_time));
        if std::mem::replace(&mut self.published, now) != now {
            let session = self.config.id;
            cx.events.push_back(BfdEvent::ParametersChanged { session, transmit_interval, detection_time });
        }
    }

    /// The other end wants to hear nothing unless it asks (RFC 5880 6.6). We never ask that of it.
    fn remote_demands(&self) -> bool {
        self.remote.demand && self.state == State::Up && self.remote.state == State::Up
    }

    /// When the next periodic packet is to go; `None` when none may (RFC 5880 6.8.7).
    fn due(&self) -> Option<Instant> {
        let unasked = self.config.role == Role::Passive && self.remote.discriminator == 0;
        let demanded = self.remote_demands() && !self.timing.polls();
        if unasked || demanded || self.remote.required_min_rx == Micros(0) {
            return None;
        }
        // A millionth of an interval in microseconds is a thousandth of a nanosecond.
        let share = u64::from(self.transmit_interval().0) * self.jitter.min(self.longest_share());
        let interval = Duration::from_nanos(share / 1000);
        Some(self.last_transmitted.map_or(Instant::ZERO, |last| last + interval))
    }

    fn longest_share(&self) -> u64 {
        if self.config.detection_multiplier == 1 { LONGEST_ALONE } else { WHOLE }
    }

    /// What a packet says now, but for Poll and Final.
    fn packet(&self) -> Repr {
        Repr {
            diagnostic: self.diagnostic,
            state: self.state,
            flags: Flags::default(),
            detect_mult: self.config.detection_multiplier,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.discriminator,
            desired_min_tx: self.timing.said().desired_min_tx,
            required_min_rx: self.timing.said().required_min_rx,
            required_min_echo_rx: Micros(0),
        }
    }

    fn transmit(&mut self, cx: &mut Context<'_>) {
        let packet = self.packet();
        if std::mem::take(&mut self.final_is_due) {
            self.send(&packet, Flags::FINAL, cx);
        }
        let news = self.told.is_some_and(|told| told != packet);
        if news && self.remote_demands() {
            self.timing.poll(cx.now);
        }
        let Some(due) = self.due() else { return };
        if news || due <= cx.now {
            let flags = if self.timing.polls() { Flags::POLL } else { Flags::default() };
            self.timing.asks(cx.now);
            self.send(&packet, flags, cx);
            self.last_transmitted = Some(cx.now);
            self.jitter = SHORTEST + self.dice.below(self.longest_share() - SHORTEST + 1);
        }
    }

    fn send(&mut self, packet: &Repr, flags: Flags, cx: &mut Context<'_>) {
        self.told = Some(*packet);
        self.counts.transmitted += 1;
        let (interface, destination_port) = match self.config.path {
            Path::SingleHop { interface } => (Some(interface), SINGLE_HOP_PORT),
            Path::Multihop { .. } => (None, MULTIHOP_PORT),
        };
        cx.packets.push_back(PacketOut {
            from: self.config.local_address,
            to: self.config.remote_address,
            interface,
            ttl: u8::MAX,
            source_port: self.source_port,
            destination_port,
            payload: Repr { flags, ..*packet }.emit(),
        });
    }
}

fn intervals(config: &SessionConfig) -> Intervals {
    Intervals {
        desired_min_tx: config.desired_minimum_tx_interval,
        required_min_rx: config.required_minimum_receive,
    }
}
