//! What befalls the programming agent's writes on their way: faults that were ordered and last, and their chance.

use crate::fault::{ProgrammingMishap, WriteFilter};
use crate::lasting::Lasting;
use greylag_base::{Dice, Instant, Seed};

/// What is wrong now, in the order in which it was ordered.
pub(crate) struct WriteMishaps {
    orders: Vec<Lasting<Order>>,
    dice: Dice,
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
        WriteMishaps { orders: Vec::new(), dice: Dice::new(seed.derive("fault.misprogram")) }
    }

    pub(crate) fn order(&mut self, order: Lasting<Order>) {
        self.orders.push(order);
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
}
