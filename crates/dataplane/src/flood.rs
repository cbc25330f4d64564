//! Flooding: a frame whose destination is everybody, a group, or not known goes to every other member of its VLAN.

use crate::counters::WorkerCounters;
use crate::egress::Egress;
use crate::ingress::Header;
use crate::storm::{FloodClass, StormMeters};
use crate::{Forwarding, Tracer};
use greylag_base::{DropReason, Instant, PortId};
use greylag_ports::Batch;

/// What of a batch's floods may still pass storm control: asked of the meters once per class.
#[derive(Default)]
pub(crate) struct FloodBudget {
    wanted: [u64; 3],
    admitted: [u64; 3],
}

impl FloodBudget {
    /// As much as is wanted.
    pub(crate) fn endless() -> Self {
        FloodBudget { wanted: [0; 3], admitted: [u64::MAX; 3] }
    }

    /// One more frame of the batch is to be flooded.
    pub(crate) fn want(&mut self, class: FloodClass) {
        self.wanted[class as usize] += 1;
    }

    /// Asks the meters of the ingress port.
    pub(crate) fn ask(
        &mut self,
        meters: &StormMeters,
        forwarding: &Forwarding,
        ingress: PortId,
        now: Instant,
    ) {
        let Some(port) = forwarding.port(ingress) else { return };
        for class in [FloodClass::Broadcast, FloodClass::Multicast, FloodClass::UnknownUnicast] {
            let wanted = self.wanted[class as usize];
            if wanted > 0 {
                self.admitted[class as usize] = meters.admit(class, port.storm, wanted, now);
            }
        }
    }

    /// Takes one frame's share.
    pub(crate) fn take(&mut self, class: FloodClass) -> Result<(), DropReason> {
        let left = &mut self.admitted[class as usize];
        *left = left.checked_sub(1).ok_or(DropReason::StormControl)?;
        Ok(())
    }
}

/// A frame that is to be flooded.
pub(crate) struct Flooded<'a> {
    /// Its number in the batch.
    pub(crate) frame: u16,
    pub(crate) batch: &'a Batch,
    pub(crate) header: &'a Header,
    /// The port of the bridge that it came in by, to which it does not go back; none, when it comes from the switch itself.
    pub(crate) ingress: Option<PortId>,
    pub(crate) now: Instant,
}

/// Puts a frame on the list of every port that it is flooded to, and counts on the others of the VLAN that are up, but not in
/// its flood group, the copies that are not made; says whether there are such. An error when there is no copy of either kind.
pub(crate) fn flood<T: Tracer>(
    flooded: &Flooded<'_>,
    forwarding: &Forwarding,
    counters: &WorkerCounters,
    egress: &mut Egress,
    tracer: &mut T,
) -> Result<bool, DropReason> {
    let &Flooded { frame, batch, header, ingress, now } = flooded;
    let vlan = forwarding.vlan(header.vlan).ok_or(DropReason::NoEgress)?;
    if vlan.flood_until.is_some_and(|until| until <= now) {
        return Err(DropReason::FloodGroupLapsed);
    }
    let mut verdict = Err(DropReason::NoEgress);
    let kept_apart = |port| ingress.and_then(|ingress| forwarding.kept_apart(ingress, port));
    for port in vlan.flood.iter().filter(|&port| Some(port) != ingress) {
        if let Some(reason) = kept_apart(port) {
            verdict = verdict.or(Err(reason));
        } else if let Some(port) = forwarding.leaves_by(port, header, || batch.bytes(frame.into())) {
            egress.add(port, frame);
            verdict = Ok(false);
        }
    }
    let left_out = vlan.left_out.iter().filter(|&port| Some(port) != ingress);
    for port in left_out.filter(|&port| kept_apart(port).is_none()) {
        counters.port(port).drop_frame(DropReason::NotInFloodGroup);
        if T::LISTENS {
            tracer.copy_dropped(batch, frame, port, DropReason::NotInFloodGroup);
        }
        verdict = Ok(true);
    }
    verdict
}
