//! `no-black-hole`: a flow that has been delivered is silent for so long at most, although it is sent.

use super::Charges;
use crate::replay::outcome::FlowOutcome;
use std::time::Duration;

pub(crate) const NAME: &str = "no-black-hole";

/// Goes through what became of the flows. `node` finds the switch or host that a name stands for.
pub(crate) fn look_for_holes(
    flows: &[FlowOutcome],
    silence: Duration,
    node: impl Fn(&str) -> Option<usize>,
    charges: &mut Charges,
) {
    for flow in flows {
        // What stands before a hole was delivered; before one at the very beginning stands nothing.
        let holes = flow.black_holes.iter().filter(|hole| hole.first > 0);
        for hole in holes.filter(|hole| hole.until - hole.from > silence) {
            let cause = hole.cause.as_ref();
            charges.add(NAME, cause.and_then(|cause| node(&cause.node)), hole.from + silence, || {
                let seen = cause.map_or("no frame of it was seen", |cause| &cause.text);
                (Some(flow.label()), format!("nothing arrives any more: {seen}"))
            });
        }
    }
}
