//! Layer 3 of a switch: the RIB and what fills it, and the agent that writes the FIB.

mod mishaps;

use crate::Switch;
use crate::fault::{ProgrammingMishap, WriteFilter};
use crate::lasting::Lasting;
use greylag_base::Instant;
use mishaps::Order;
use std::time::Duration;

pub(crate) use mishaps::WriteMishaps;

impl Switch {
    pub(crate) fn order_misprogramming(
        &mut self,
        now: Instant,
        mishap: ProgrammingMishap,
        only: WriteFilter,
        share: f64,
        lasts: Option<Duration>,
    ) {
        self.write_mishaps.order(Lasting::new(Order { mishap, only, share }, now, lasts));
    }
}
