//! What befalls the learning agent's reports and writes on their way: faults that were ordered and last, and their chance.

use crate::lasting::{Lasting, Span};
use greylag_base::{Dice, Instant, Seed};
use greylag_dataplane::WorkerReport;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is wrong now. Each kind of chance has a stream of its own, so that ordering one fault does not shift another's draws.
pub(crate) struct Mishaps {
    lose: Option<Lasting<f64>>,
    delay: Option<Lasting<Span>>,
    refuse: Option<Lasting<f64>>,
    losses: Dice,
    delays: Dice,
    refusals: Dice,
    /// Reports on their way, by when they arrive and in which order they left.
    under_way: BTreeMap<(Instant, u64), WorkerReport>,
    sent: u64,
}

impl Mishaps {
    pub(crate) fn new(seed: Seed) -> Self {
        let dice = |name| Dice::new(seed.derive(name));
        Mishaps {
            lose: None,
            delay: None,
            refuse: None,
            losses: dice("fault.lose-reports"),
            delays: dice("fault.delay-reports"),
            refusals: dice("fault.refuse-writes"),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Everything that lasts is over; reports that are under way still arrive.
    pub(crate) fn heal(&mut self) {
        (self.lose, self.delay, self.refuse) = (None, None, None);
    }

    pub(crate) fn order_loss(&mut self, now: Instant, share: f64, lasts: Option<Duration>) {
        self.lose = Some(Lasting::new(share, now, lasts));
    }

    pub(crate) fn order_delay(&mut self, now: Instant, span: Span, lasts: Option<Duration>) {
        self.delay = Some(Lasting::new(span, now, lasts));
    }

    pub(crate) fn order_refusal(&mut self, now: Instant, share: f64, lasts: Option<Duration>) {
        self.refuse = Some(Lasting::new(share, now, lasts));
    }

    /// Ends what is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        Lasting::expire(&mut self.lose, now);
        Lasting::expire(&mut self.delay, now);
        Lasting::expire(&mut self.refuse, now);
    }

    /// When something is over.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let shares = [self.lose, self.refuse].into_iter().flatten().filter_map(|lasting| lasting.until);
        shares.chain(self.delay.and_then(|lasting| lasting.until)).min()
    }

    /// A report is on its way: `None` when it is late, and arrives later.
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
