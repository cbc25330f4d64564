//! What befalls the programming agent's writes on their way: faults that were ordered and last, and their chance.

use crate::fault::{ProgrammingMishap, WriteFilter};
use crate::lasting::Lasting;
use greylag_base::{Dice, Instant, Seed};
use std::time::Duration;

/// What is wrong now, in the order in which it was ordered.
pub(crate) struct WriteMishaps {
    orders: Vec<Lasting<Order>>,
    dice: Dice,
    delays: Dice,
}

/// A fault of the programming agent that was ordered.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) mishap: ProgrammingMishap,
    pub(crate) only: WriteFilter,
    pub(crate) share: f64,
}

impl WriteMishaps {
    pub(crate) fn new(seed: Seed) -> Self {
        let dice = |name| Dice::new(seed.derive(name));
        let (chance, delays) = (dice("fault.misprogram"), dice("fault.delay-writes"));
        WriteMishaps { orders: Vec::new(), dice: chance, delays }
    }

    pub(crate) fn order(&mut self, order: Lasting<Order>) {
        self.orders.push(order);
    }

    /// Nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Everything that lasts is over.
    pub(crate) fn heal(&mut self) {
        self.orders.clear();
    }

    /// Ends what is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.orders.retain(|order| order.until.is_none_or(|until| until > now));
    }

    /// When something is over.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.orders.iter().filter_map(|order| order.until).min()
    }

    /// What befalls a write that the filter of `applies` lets pass: of the faults that may, the first that does.
    pub(crate) fn befall(&mut self, mut applies: impl FnMut(&Order) -> bool) -> Option<Order> {
        let WriteMishaps { orders, dice, .. } = self;
        let mut may = orders.iter().map(|lasting| &lasting.what).filter(|order| applies(order));
        may.find(|order| dice.chance(order.share)).cloned()
    }

    /// How late a write is.
    pub(crate) fn delay(&mut self, least: Duration, most: Duration) -> Duration {
        self.delays.between(least, most)
    }
}
