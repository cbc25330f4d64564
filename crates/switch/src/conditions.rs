//! What is wrong inside and lasts: faults that were ordered, and their chance.

use crate::config::SwitchConfig;
use greylag_base::{Dice, Instant, Seed, VlanId};
use greylag_dataplane::WorkerReport;
use std::collections::BTreeMap;
use std::time::Duration;

/// An agent that ends before it has begun would not let the clock go on.
const SHORTEST_RUN: Duration = Duration::from_millis(1);

/// Something that lasts until then; for ever when that is absent.
#[derive(Clone, Copy, Debug)]
struct Lasting<T> {
    what: T,
    until: Option<Instant>,
}

/// A span from which each time is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) least: Duration,
    pub(crate) most: Duration,
}

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

/// What is wrong now. Each kind of chance has a stream of its own, so that ordering one fault does not shift another's draws.
pub(crate) struct Conditions {
    crash_loop: Option<CrashLoop>,
    crash_at: Option<Instant>,
    hang: Option<Lasting<()>>,
    slow: Option<Lasting<u32>>,
    pace: Option<Pace>,
    lose: Option<Lasting<f64>>,
    delay: Option<Lasting<Span>>,
    refuse: Option<Lasting<f64>>,
    runs: Dice,
    losses: Dice,
    delays: Dice,
    refusals: Dice,
    /// Reports on their way, by when they arrive and in which order they left.
    under_way: BTreeMap<(Instant, u64), WorkerReport>,
    sent: u64,
}

fn until(now: Instant, lasts: Option<Duration>) -> Option<Instant> {
    lasts.map(|lasts| now + lasts)
}

/// Ends what is over.
fn expire<T>(condition: &mut Option<Lasting<T>>, now: Instant) -> bool {
    let is_over = condition.as_ref().and_then(|lasting| lasting.until).is_some_and(|until| until <= now);
    if is_over {
        *condition = None;
    }
    is_over
}

impl Conditions {
    pub(crate) fn new(seed: Seed) -> Self {
        let dice = |name| Dice::new(seed.derive(name));
        Conditions {
            crash_loop: None,
            crash_at: None,
            hang: None,
            slow: None,
            pace: None,
            lose: None,
            delay: None,
            refuse: None,
            runs: dice("fault.crash-loop"),
            losses: dice("fault.lose-reports"),
            delays: dice("fault.delay-reports"),
            refusals: dice("fault.refuse-writes"),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Everything that lasts is over; reports that are under way still arrive.
    pub(crate) fn heal(&mut self) {
        (self.crash_loop, self.crash_at, self.hang, self.slow, self.pace) = (None, None, None, None, None);
        (self.lose, self.delay, self.refuse) = (None, None, None);
    }

    pub(crate) fn order_crash_loop(&mut self, order: CrashLoop) {
        (self.crash_loop, self.crash_at) = (Some(order), None);
    }

    pub(crate) fn order_hang(&mut self, now: Instant, lasts: Option<Duration>) {
        self.hang = Some(Lasting { what: (), until: until(now, lasts) });
    }

    pub(crate) fn order_slow(&mut self, now: Instant, rate: u32, lasts: Option<Duration>) {
        self.slow = Some(Lasting { what: rate, until: until(now, lasts) });
        let each = (1_000_000_000 / i64::from(rate.max(1))).max(1);
        self.pace = (rate > 0).then_some(Pace { each, credit: each, at: now });
    }

    pub(crate) fn order_loss(&mut self, now: Instant, share: f64, lasts: Option<Duration>) {
        self.lose = Some(Lasting { what: share, until: until(now, lasts) });
    }

    pub(crate) fn order_delay(&mut self, now: Instant, span: Span, lasts: Option<Duration>) {
        self.delay = Some(Lasting { what: span, until: until(now, lasts) });
    }

    pub(crate) fn order_refusal(&mut self, now: Instant, share: f64, lasts: Option<Duration>) {
        self.refuse = Some(Lasting { what: share, until: until(now, lasts) });
    }

    /// Ends what is over; says whether the agent was hung or slow until now.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let was_hung = expire(&mut self.hang, now);
        let was_slow = expire(&mut self.slow, now);
        if was_slow {
            self.pace = None;
        }
        expire(&mut self.lose, now);
        expire(&mut self.delay, now);
        expire(&mut self.refuse, now);
        was_hung || was_slow
    }

    /// When something is over, or the agent's time is.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let hang = self.hang.and_then(|lasting| lasting.until);
        let slow = self.slow.and_then(|lasting| lasting.until);
        let shares = [self.lose, self.refuse].into_iter().flatten().filter_map(|lasting| lasting.until);
        let delay = self.delay.and_then(|lasting| lasting.until);
        [hang, slow, delay, self.crash_at].into_iter().flatten().chain(shares).min()
    }

    pub(crate) fn is_hung(&self) -> bool {
        self.hang.is_some()
    }

    /// How many reports a second a slow agent takes.
    pub(crate) fn is_slow(&self) -> Option<u32> {
        self.slow.map(|lasting| lasting.what)
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

    /// A report is on its way: `None` when it is lost or late, and arrives later or never.
    pub(crate) fn send(&mut self, now: Instant, report: WorkerReport) -> Option<WorkerReport> {
        let Some(Lasting { what: Span { least, most }, .. }) = self.delay else { return Some(report) };
        let arrival = now + self.delays.between(least, most);
        self.sent += 1;
        self.under_way.insert((arrival, self.sent), report);
        None
    }

    /// Is a report lost on its way?
    pub(crate) fn loses(&mut self) -> bool {
        self.lose.is_some_and(|lasting| self.losses.chance(lasting.what))
    }

    /// Is a write refused?
    pub(crate) fn refuses(&mut self) -> bool {
        self.refuse.is_some_and(|lasting| self.refusals.chance(lasting.what))
    }

    /// The next late report that has arrived.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<WorkerReport> {
        let first = self.under_way.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// When the next late report arrives.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|(&(arrival, _), _)| arrival)
    }
}
