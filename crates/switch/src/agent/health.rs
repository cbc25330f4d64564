//! What is wrong with one agent's life: faults that were ordered and last, and their chance.

use super::AgentKind;
use crate::config::SwitchConfig;
use crate::lasting::{Lasting, Span};
use greylag_base::{Dice, Instant, Seed, VlanId};
use std::time::Duration;

/// An agent that ends before it has begun would not let the clock go on.
const SHORTEST_RUN: Duration = Duration::from_millis(1);

/// A crash loop that was ordered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrashLoop {
    pub(crate) run: Span,
    pub(crate) dump: Duration,
    /// Crashes left; for ever when absent.
    pub(crate) times: Option<u32>,
    pub(crate) while_vlan: Option<VlanId>,
}

/// How fast a slow agent takes reports.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Nanoseconds per report.
    each: i64,
    /// What it may spend, nanoseconds; negative when it took more than it should have.
    credit: i64,
    /// When that was counted.
    at: Instant,
}

impl Pace {
    /// How many reports it may take now. What it does not use within a poll interval is lost, but for one report.
    fn allowance(&mut self, now: Instant, poll_interval: Duration) -> u64 {
        let most = self.each.max(i64::try_from(poll_interval.as_nanos()).unwrap_or(i64::MAX));
        let earned = i64::try_from(now.since(self.at).as_nanos()).unwrap_or(i64::MAX);
        self.credit = self.credit.saturating_add(earned).min(most);
        self.at = now;
        (self.credit / self.each).max(0) as u64
    }

    /// When it may take the next.
    fn next(&self) -> Instant {
        self.at + Duration::from_nanos((self.each - self.credit).max(0) as u64)
    }
}

/// What is wrong with an agent now. Its chance has a stream of its own: what is ordered for one agent does not shift another's
/// draws.
pub(crate) struct Health {
    crash_loop: Option<CrashLoop>,
    crash_at: Option<Instant>,
    hang: Option<Lasting<()>>,
    slow: Option<Lasting<u32>>,
    pace: Option<Pace>,
    runs: Dice,
}

impl Health {
    /// Of an agent with which nothing is wrong.
    pub(crate) fn new(agent: AgentKind, seed: Seed) -> Self {
        let runs = match agent {
            // From when there was no other.
            AgentKind::Learning => seed.derive("fault.crash-loop"),
            _ => seed.derive(&format!("fault.{}.crash-loop", agent.name())),
        };
        let runs = Dice::new(runs);
        Health { crash_loop: None, crash_at: None, hang: None, slow: None, pace: None, runs }
    }

    /// Everything that lasts is over; says whether the agent was hung or slow until now.
    pub(crate) fn heal(&mut self) -> bool {
        let was_ill = self.hang.is_some() || self.slow.is_some();
        (self.crash_loop, self.crash_at, self.hang, self.slow, self.pace) = (None, None, None, None, None);
        was_ill
    }

    pub(crate) fn order_crash_loop(&mut self, order: CrashLoop) {
        (self.crash_loop, self.crash_at) = (Some(order), None);
    }

    pub(crate) fn order_hang(&mut self, now: Instant, lasts: Option<Duration>) {
        self.hang = Some(Lasting::new((), now, lasts));
    }

    pub(crate) fn order_slow(&mut self, now: Instant, rate: u32, lasts: Option<Duration>) {
        self.slow = Some(Lasting::new(rate, now, lasts));
        let each = (1_000_000_000 / i64::from(rate.max(1))).max(1);
        self.pace = (rate > 0).then_some(Pace { each, credit: each, at: now });
    }

    /// Ends what is over; says whether the agent was hung or slow until now.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let was_hung = Lasting::expire(&mut self.hang, now);
        let was_slow = Lasting::expire(&mut self.slow, now);
        if was_slow {
            self.pace = None;
        }
        was_hung || was_slow
    }

    /// When something is over, or the agent's time is.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let hang = self.hang.and_then(|lasting| lasting.until);
        let slow = self.slow.and_then(|lasting| lasting.until);
        [hang, slow, self.crash_at].into_iter().flatten().min()
    }

    pub(crate) fn is_hung(&self) -> bool {
        self.hang.is_some()
    }

    /// It handles fewer reports than it could.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.is_some()
    }

    /// The agent was started or has ended: it is not hung, and how long it runs is drawn anew.
    pub(crate) fn forget_run(&mut self) {
        (self.hang, self.crash_at) = (None, None);
    }

    /// Draws when a running agent will end, unless that is drawn or its loop is over or does not apply.
    pub(crate) fn wind_up(&mut self, now: Instant, config: &SwitchConfig) {
        let applies = |order: &CrashLoop| {
            order.times != Some(0) && order.while_vlan.is_none_or(|vlan| config.vlan_exists(vlan))
        };
        match self.crash_loop.filter(applies) {
            None => self.crash_at = None,
            Some(_) if self.crash_at.is_some() => {}
            Some(CrashLoop { run, .. }) => {
                self.crash_at = Some(now + self.runs.between(run.least, run.most).max(SHORTEST_RUN));
            }
        }
    }

    /// The agent's life is over now; for so long it writes its core.
    pub(crate) fn take_crash(&mut self, now: Instant) -> Option<Duration> {
        self.crash_at.take_if(|at| *at <= now)?;
        let order = self.crash_loop.as_mut()?;
        if let Some(left) = &mut order.times {
            *left = left.saturating_sub(1);
        }
        Some(order.dump)
    }

    /// The agent is so slow that it takes no report at all.
    pub(crate) fn is_stalled(&self) -> bool {
        self.slow.is_some() && self.pace.is_none()
    }

    /// How many reports an agent that does something may take now.
    pub(crate) fn allowance(&mut self, now: Instant, poll_interval: Duration) -> u64 {
        match (self.slow, &mut self.pace) {
            (None, _) => u64::MAX,
            (Some(_), None) => 0,
            (Some(_), Some(pace)) => pace.allowance(now, poll_interval),
        }
    }

    /// It took so many reports. When it looks for more, if it is slow and more are there.
    pub(crate) fn spend(&mut self, now: Instant, taken: usize, poll_interval: Duration) -> Option<Instant> {
        let pace = self.pace.as_mut()?;
        pace.credit -= pace.each.saturating_mul(taken as i64);
        Some(pace.next().max(now + poll_interval))
    }
}
