//! Frames that the switch itself is to see: handed to the control side, to another IP stack that shares the interface, or to both.

use crate::account::Account;
use crate::egress::Egress;
use crate::ingress::Exit;
use crate::packet::Note;
use crate::punt::Punt;
use crate::routing::concern::is_answer;
use crate::routing::header::packet_of;
use crate::routing::{Load, Round};
use crate::{Decision, PuntReason, Tracer};
use greylag_base::{DropReason, InterfaceId, PortId};
use greylag_ports::Batch;

impl Round<'_> {
    /// Brings a frame that goes no further in the pipeline to where it belongs.
    #[inline(never)]
    pub(crate) fn turn_away<T: Tracer>(
        &self,
        batch: &Batch,
        frame: u16,
        exit: Exit,
        account: &mut Account<'_, T>,
    ) {
        let punt = || self.share.hand_up(Punt::new(self.now, self.arrival, batch.bytes(frame.into())));
        let outcome = match exit {
            Exit::Drop(reason) => Err(reason),
            Exit::Punt => punt().map(|()| {
                account.counters.punted.add(1);
                self.has_punted.set(true);
                Decision::Punted
            }),
        };
        account.settle(batch, frame, outcome);
    }

    /// A frame ends here: it is delivered, or dropped for want of room.
    pub(crate) fn take_in<T: Tracer>(
        &self,
        load: &mut Load<'_, '_, T>,
        place: (u16, InterfaceId),
        reason: PuntReason,
    ) {
        let outcome = self.deliver(load.batch, place, reason, load.egress);
        load.account.settle(load.batch, place.0, outcome);
    }

    /// Hands a frame for the switch itself, which came in by `interface`, to whoever listens there. Where another stack does, the
    /// control side gets only what it may have asked for.
    pub(crate) fn deliver(
        &self,
        batch: &Batch,
        (frame, interface): (u16, InterfaceId),
        reason: PuntReason,
        egress: &mut Egress,
    ) -> Result<Decision, DropReason> {
        let Some(host) = self.host(interface) else {
            return self.hand_up(batch, (frame, interface), reason);
        };
        egress.add(host, frame);
        if is_answer(packet_of(batch, frame)) && self.hand_up(batch, (frame, interface), reason).is_err() {
            self.arrived().drop_frame(DropReason::PuntQueueFull);
        }
        Ok(Decision::Forwarded(host))
    }

    /// Hands up a frame for the switch itself.
    fn hand_up(
        &self,
        batch: &Batch,
        place: (u16, InterfaceId),
        reason: PuntReason,
    ) -> Result<Decision, DropReason> {
        if !self.show(batch, place, reason) {
            return Err(DropReason::PuntQueueFull);
        }
        self.arrived().punted.add(1);
        Ok(Decision::Punted)
    }

    /// Copies a frame for the control side; `false` when that has no room.
    pub(crate) fn show(
        &self,
        batch: &Batch,
        (frame, interface): (u16, InterfaceId),
        reason: PuntReason,
    ) -> bool {
        let note = Note { at: self.now, port: self.ingress, interface, reason };
        let shown = self.share.packets.as_ref().is_some_and(|packets| packets.push(note, batch, frame));
        self.has_punted.set(self.has_punted.get() | shown);
        shown
    }

    /// The port behind which another stack shares an interface.
    fn host(&self, interface: InterfaceId) -> Option<PortId> {
        let host = self.forwarding.interface(interface)?.host?;
        self.forwarding.port(host).is_some_and(|port| port.up).then_some(host)
    }
}
