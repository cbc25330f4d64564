//! What the standard does not look for, and an operator would: links that work one way, partners that never collect, and
//! LACPDUs that did not arrive.
//!
//! Nothing here changes what a machine does.

use crate::config::Interval;
use crate::event::LacpEvent;
use crate::port::{Context, Port};
use crate::receive;
use crate::timer::Timer;
use greylag_base::Instant;
use greylag_wire::lacp::{Flags, Repr};
use std::time::Duration;

/// How long a partner in sync may take to begin collecting, where there is no churn detection to go by.
const NOT_COLLECTING: Duration = Duration::from_secs(60);

/// A condition that is reported when it lasts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Condition {
    timer: Timer,
    raised: bool,
}

impl Condition {
    /// True when it has just become so, or has just ceased to be.
    fn follow(&mut self, holds: bool, patience: Duration, now: Instant) -> bool {
        if !holds {
            self.timer.stop();
            return std::mem::take(&mut self.raised);
        }
        if !self.timer.is_running() {
            self.timer.start(now + patience);
        }
        let raises = !self.raised && self.timer.expired(now);
        self.raised |= raises;
        raises
    }

    pub(crate) fn is_raised(self) -> bool {
        self.raised
    }
}

/// What is watched on one port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    last_pdu: Option<Instant>,
    /// The last LACPDU described somebody else, or said that its sender has heard nobody.
    unheard: bool,
    pub(crate) one_way: Condition,
    pub(crate) not_collecting: Condition,
}

impl Watch {
    /// The partner is asked for another pace: the time since its last LACPDU means nothing.
    pub(crate) fn forget_pace(&mut self) {
        self.last_pdu = None;
    }

    /// The link is another than it was.
    pub(crate) fn forget(&mut self) {
        self.forget_pace();
        self.unheard = false;
    }

    pub(crate) fn pending(&self, now: Instant) -> impl Iterator<Item = Instant> {
        [self.one_way.timer, self.not_collecting.timer]
            .into_iter()
            .filter_map(move |timer| timer.pending(now))
    }
}

impl Port {
    /// Called for every LACPDU that counts, before it is recorded.
    pub(crate) fn watch_pdu(&mut self, pdu: &Repr, cx: &mut Context<'_>) {
        self.watch.unheard = !pdu.partner.is_same_port(&self.actor)
            || pdu.actor.flags.has(Flags::EXPIRED)
            || pdu.actor.flags.has(Flags::DEFAULTED);
        let last = self.watch.last_pdu.replace(cx.now);
        let pace = match cx.bundle.interval {
            Interval::Fast => cx.timers().fast_periodic,
            Interval::Slow => cx.timers().slow_periodic,
        };
        // A LACPDU may be half an interval late before one is missing.
        let gap = last.map_or(Duration::ZERO, |last| cx.now - last) + pace / 2;
        let missed = (gap.as_nanos() / pace.as_nanos()).saturating_sub(1).min(u32::MAX.into()) as u32;
        if missed > 0 {
            self.counters.missed += u64::from(missed);
            cx.events.push_back(LacpEvent::PdusMissed { port: self.id, missed });
        }
    }

    /// Reports what has lasted, and what has ended.
    pub(crate) fn run_watch(&mut self, cx: &mut Context<'_>) {
        let current = self.receive.state() == receive::State::Current;
        let watch = &mut self.watch;
        // An end that hears nobody speaks seldom. What it said last counts on while it is silent, but a partner that said it once
        // and went away is no reason.
        let one_way = watch.unheard && (current || watch.one_way.raised);
        if watch.one_way.follow(one_way, cx.timers().short_timeout, cx.now) {
            let raised = watch.one_way.is_raised();
            cx.events.push_back(LacpEvent::OneWay { port: self.id, raised });
        }
        let in_sync = Flags::SYNCHRONIZATION;
        let idle = current
            && self.actor.flags.has(in_sync)
            && self.partner.flags.has(in_sync)
            && !self.partner.flags.has(Flags::COLLECTING);
        let patience = cx.timers().churn_detection.unwrap_or(NOT_COLLECTING);
        if watch.not_collecting.follow(idle, patience, cx.now) {
            let raised = watch.not_collecting.is_raised();
            cx.events.push_back(LacpEvent::PartnerNotCollecting { port: self.id, raised });
        }
    }
}
