//! One aggregation port: the variables that the machines share (IEEE 802.1AX-2014 6.4.7, 6.4.8).

use crate::behaviour::{KeyFormat, Timers};
use crate::churn::{Side, Watcher};
use crate::config::{Admission, BundleConfig, Interval, LacpConfig, LacpMode, MemberConfig};
use crate::event::{LacpEvent, Member, Reason, Selected};
use crate::machine::Machine;
use crate::selection::Lag;
use crate::show::Counters;
use crate::timer::Timer;
use crate::transmit::Sent;
use crate::watch::Watch;
use crate::{mux, periodic, receive};
use greylag_base::{Dice, Instant, MacAddr, Mbps, PortId, Seed};
use greylag_wire::lacp::{Flags, Participant, Repr, SystemId};
use std::collections::VecDeque;

/// What a machine needs beside its port.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) bundle: &'a BundleConfig,
    pub(crate) events: &'a mut VecDeque<LacpEvent>,
}

impl Context<'_> {
    pub(crate) fn timers(&self) -> Timers {
        self.bundle.behaviour.timers
    }
}

/// Whether a port says anything. One that does not is to the machines as one without a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// It does.
    Speaks,
    /// Once more: its bundle is out.
    LastWord,
    /// It does not.
    Silent,
}

/// A port that is a member of a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) id: PortId,
    pub(crate) mac: MacAddr,
    /// The link's speed, when it is up.
    pub(crate) link: Option<Mbps>,
    /// The machines start then.
    pub(crate) begin_at: Instant,
    pub(crate) actor: Participant,
    pub(crate) partner: Participant,
    pub(crate) partner_admin: Participant,
    pub(crate) partner_version: u8,
    pub(crate) lacp_enabled: bool,
    pub(crate) voice: Voice,
    pub(crate) port_moved: bool,
    pub(crate) ntt: bool,
    /// What was heard last was our own system.
    pub(crate) own_system: bool,
    /// The LACPDU that the receive machine is to take.
    pub(crate) pdu: Option<Repr>,

    pub(crate) selected: Selected,
    /// Why it is not used, or is held back.
    pub(crate) why: Option<Reason>,
    /// Attached, and not to go further than that.
    pub(crate) held: Option<Reason>,
    /// What it may be aggregated with, when it is selected.
    pub(crate) lag: Option<Lag>,
    /// Since when it has heard its partner system.
    pub(crate) partner_since: Instant,
    /// The partner system, while one is known.
    pub(crate) partner_system: Option<SystemId>,
    /// It is used without a partner.
    pub(crate) fallback: bool,
    pub(crate) restore: Timer,
    /// What the data plane was told.
    pub(crate) member: Member,

    pub(crate) receive: Machine<receive::State, receive::When>,
    pub(crate) current_while: Timer,
    pub(crate) periodic: Machine<periodic::State, periodic::When>,
    pub(crate) periodic_timer: Timer,
    pub(crate) mux: Machine<mux::State, mux::When>,
    pub(crate) wait_while: Timer,
    pub(crate) actor_churn: Watcher,
    pub(crate) partner_churn: Watcher,
    pub(crate) sent: Sent,
    pub(crate) answered: Sent,
    pub(crate) watch: Watch,
    pub(crate) counters: Counters,
    pub(crate) dice: Dice,
}

impl Port {
    pub(crate) fn new(
        member: &MemberConfig,
        system: &LacpConfig,
        link: Option<Mbps>,
        seed: Seed,
        cx: &mut Context<'_>,
    ) -> Self {
        let now = cx.now;
        let mut dice = Dice::new(seed.derive(&format!("lacp port {}", member.port)));
        let spread = cx.timers().start_spread;
        let mut port = Port {
            id: member.port,
            mac: member.mac,
            link,
            begin_at: now + dice.between(std::time::Duration::ZERO, spread),
            actor: Participant::default(),
            partner: Participant::default(),
            partner_admin: Participant::default(),
            partner_version: 0,
            lacp_enabled: cx.bundle.mode != LacpMode::Static,
            voice: Voice::Silent,
            port_moved: false,
            ntt: false,
            own_system: false,
            pdu: None,
            selected: Selected::Unselected,
            why: Some(Reason::Begin),
            held: None,
            lag: None,
            partner_since: now,
            partner_system: None,
            fallback: false,
            restore: Timer::default(),
            member: Member::default(),
            receive: Machine::new(receive::DIAGRAM, receive::State::Initialize, now),
            current_while: Timer::default(),
            periodic: Machine::new(periodic::DIAGRAM, periodic::State::NoPeriodic, now),
            periodic_timer: Timer::default(),
            mux: Machine::new(cx.bundle.behaviour.mux_control.diagram(), mux::State::Detached, now),
            wait_while: Timer::default(),
            actor_churn: Watcher::new(Side::Actor, now),
            partner_churn: Watcher::new(Side::Partner, now),
            sent: Sent::default(),
            answered: Sent::default(),
            watch: Watch::default(),
            counters: Counters::default(),
            dice,
        };
        port.configure(member, system, cx);
        port.begin_receive(cx);
        port.begin_mux(cx);
        port
    }

    /// Takes over what was configured. A change of what we say of ourselves makes every selection void.
    pub(crate) fn configure(&mut self, member: &MemberConfig, system: &LacpConfig, cx: &mut Context<'_>) {
        let bundle = cx.bundle;
        self.mac = member.mac;
        let was = self.actor;
        let flags = &mut self.actor.flags;
        flags.set(Flags::ACTIVITY, bundle.mode == LacpMode::Active);
        flags.set(Flags::TIMEOUT, bundle.interval == Interval::Fast);
        flags.set(Flags::AGGREGATION, true);
        self.actor = Participant {
            system: system.system_of(bundle),
            key: operational_key(bundle, self.link),
            port_priority: member.port_priority,
            port: system.port_number(member.port),
            flags: *flags,
        };
        self.voice = match (bundle.admission, self.voice) {
            (Admission::Open | Admission::Standby, _) => Voice::Speaks,
            (Admission::Suspended, Voice::Speaks) => Voice::LastWord,
            (Admission::Suspended, other) => other,
        };
        self.lacp_enabled = bundle.mode != LacpMode::Static;
        // Without LACP the administrator vouches for the other end.
        self.partner_admin.flags = if self.lacp_enabled { Flags::default() } else { VOUCHED_FOR };
        if was.flags.has(Flags::TIMEOUT) != self.actor.flags.has(Flags::TIMEOUT) {
            self.watch.forget_pace();
            if self.receive.state() == receive::State::Current && bundle.interval == Interval::Slow {
                // The partner is about to slow down, as it is asked to, and must not be given up for it.
                self.current_while.start(cx.now + cx.timers().long_timeout);
            }
        }
        if self.actor != was {
            self.ntt = true;
            // A port that is new has said nothing yet.
            if was != Participant::default() && !self.actor.is_same_port(&was) {
                self.unselect(Reason::ActorChanged, cx);
            }
        }
    }

    pub(crate) fn set_link(&mut self, link: Option<Mbps>, cx: &mut Context<'_>) {
        let came_up = self.link.is_none() && link.is_some();
        self.link = link;
        if link.is_none() && self.voice == Voice::LastWord {
            self.voice = Voice::Silent;
        }
        self.own_system = false;
        if !came_up {
            self.restore.stop();
        } else if self.partner_system.is_some() || !self.lacp_enabled {
            // A link that is new has nothing to be restored to.
            self.restore.start(cx.now + cx.bundle.wait_to_restore);
        }
        self.watch.forget();
        let key = operational_key(cx.bundle, link);
        if link.is_some() && key != self.actor.key {
            self.actor.key = key;
            self.ntt = true;
            self.unselect(Reason::ActorChanged, cx);
        }
    }

    /// Port_Enabled: the link is up, the port has begun, and its bundle is not out.
    pub(crate) fn enabled(&self, now: Instant) -> bool {
        self.link.is_some() && self.begin_at <= now && self.voice != Voice::Silent
    }

    pub(crate) fn unselect(&mut self, why: Reason, cx: &mut Context<'_>) {
        self.set_selected(Selected::Unselected, Some(why), cx);
        self.lag = None;
    }

    pub(crate) fn set_selected(&mut self, to: Selected, why: Option<Reason>, cx: &mut Context<'_>) -> bool {
        let from = std::mem::replace(&mut self.selected, to);
        let said = std::mem::replace(&mut self.why, why);
        if (from, said) != (to, why) {
            cx.events.push_back(LacpEvent::SelectionChanged { port: self.id, from, to, why });
        }
        from != to
    }

    pub(crate) fn change_partner(&mut self, to: Option<SystemId>, cx: &mut Context<'_>) {
        if self.partner_system != to {
            let from = std::mem::replace(&mut self.partner_system, to);
            self.partner_since = cx.now;
            cx.events.push_back(LacpEvent::PartnerChanged { port: self.id, from, to });
        }
    }

    /// The administrator vouches for the other end, or no longer does.
    pub(crate) fn set_fallback(&mut self, fallback: bool) {
        self.fallback = fallback;
        if self.receive.state() == receive::State::Defaulted {
            self.partner.flags = if fallback { VOUCHED_FOR } else { self.partner_admin.flags };
        }
    }

    /// When something is to be done next if nothing comes from outside.
    pub(crate) fn pending(&self, cx: &Context<'_>) -> Option<Instant> {
        let now = cx.now;
        let begin = Some(self.begin_at).filter(|begin| self.link.is_some() && *begin > now);
        let waits_for_partner =
            matches!(self.receive.state(), receive::State::Current | receive::State::Expired);
        let timers = [
            (self.current_while, waits_for_partner),
            (self.periodic_timer, true),
            (self.wait_while, self.mux.state() == mux::State::Waiting),
            (self.actor_churn.timer, true),
            (self.partner_churn.timer, true),
            (self.restore, true),
        ];
        let running =
            timers.into_iter().filter(|(_, matters)| *matters).filter_map(|(timer, _)| timer.pending(now));
        let fallback = cx.bundle.fallback.filter(|_| self.receive.state() == receive::State::Defaulted);
        let fallback = fallback.map(|patience| self.receive.since() + patience).filter(|at| *at > now);
        running.chain(begin).chain(fallback).chain(self.watch.pending(now)).min()
    }
}

/// What is assumed of the other end where LACP does not ask it.
const VOUCHED_FOR: Flags =
    Flags::AGGREGATION.with(Flags::SYNCHRONIZATION).with(Flags::COLLECTING).with(Flags::DISTRIBUTING);

/// Speeds that the key of [`KeyFormat::SpeedAndDuplex`] has a code for: the index and one.
const SPEED_CODES: [u32; 16] = [
    1, 10, 100, 1_000, 2_500, 5_000, 10_000, 14_000, 20_000, 25_000, 40_000, 50_000, 56_000, 100_000,
    200_000, 400_000,
];

fn operational_key(bundle: &BundleConfig, link: Option<Mbps>) -> u16 {
    match bundle.behaviour.key_format {
        KeyFormat::Admin => bundle.admin_key,
        KeyFormat::SpeedAndDuplex => {
            let code = link.and_then(|speed| SPEED_CODES.iter().position(|known| *known == speed.0));
            bundle.admin_key << 6 | code.map_or(0, |index| index as u16 + 1) << 1 | 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BundleId, Preset};

    #[test]
    fn a_key_with_speed_is_what_linux_shows() {
        let bundle = BundleConfig { admin_key: 0, ..BundleConfig::new(BundleId(0), &Preset::LINUX) };
        for (speed, key) in [(1_000, 9), (10_000, 15), (25_000, 21), (7, 1)] {
            assert_eq!(operational_key(&bundle, Some(Mbps(speed))), key, "{speed} Mbit/s");
        }
        let bundle = BundleConfig { admin_key: 1, ..bundle };
        assert_eq!(operational_key(&bundle, Some(Mbps(10_000))), 64 + 15);
    }
}
