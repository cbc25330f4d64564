//! What is between the nodes: the links, the frames on them, and the queue that knows when they arrive.

use crate::frame_pool::FramePool;
use crate::lane::{Arrived, Lost};
use crate::link::Link;
use crate::management::ManagementNetwork;
use crate::observer::{LinkLoss, Observer};
use crate::queue::EventQueue;
use greylag_base::Instant;
use greylag_switch::ManagementDatagram;

/// Links, events and buffers of a world.
pub(crate) struct Fabric {
    pub(crate) links: Vec<Link>,
    pub(crate) queue: EventQueue,
    pub(crate) pool: FramePool,
    pub(crate) management: ManagementNetwork,
    /// What the queue calls its next arrival.
    pub(crate) of_management: u32,
}

impl Fabric {
    /// A node puts a frame on a link.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        index: usize,
        from: usize,
        frame: Vec<u8>,
        observer: &mut impl Observer,
    ) {
        let link = &mut self.links[index];
        let sent = if link.is_cut() {
            Err(Lost { frame, why: LinkLoss::Down })
        } else if !link.is_lit(1 - from) {
            Err(Lost { frame, why: LinkLoss::Dark })
        } else {
            let lane = &mut link.lanes[from];
            let next = lane.next_arrival();
            let sent = lane.send(now, frame, &mut self.pool);
            if let Some(arrival) = lane.next_arrival()
                && next.is_none_or(|next| arrival < next)
            {
                self.queue.set(link.places[1 - from].source, arrival);
            }
            sent
        };
        if let Err(Lost { frame, why }) = sent {
            observer.perished(now, index, from, &frame, why);
            self.pool.give(frame);
        }
    }

    /// The next frame that has arrived at an end of a link by now; those that the receiving port drops for their check sequence are none.
    pub(crate) fn arrive(
        &mut self,
        now: Instant,
        index: usize,
        to: usize,
        observer: &mut impl Observer,
    ) -> Option<Vec<u8>> {
        while let Some(Arrived { corrupt, frame }) = self.links[index].lanes[1 - to].arrive(now) {
            if !corrupt {
                observer.arrived(now, index, to, &frame);
                return Some(frame);
            }
            observer.perished(now, index, 1 - to, &frame, LinkLoss::Corrupt);
            self.pool.give(frame);
        }
        None
    }

    /// Expects the next frame that arrives at an end of a link.
    pub(crate) fn await_next(&mut self, index: usize, to: usize) {
        let link = &self.links[index];
        match link.next_arrival(to) {
            Some(arrival) => self.queue.set(link.places[to].source, arrival),
            None => self.queue.clear(link.places[to].source),
        }
    }

    /// A switch sends a datagram over the management network.
    pub(crate) fn send_management(&mut self, now: Instant, node: usize, datagram: ManagementDatagram) {
        self.management.send(now, node, datagram);
        self.await_management();
    }

    /// Expects the next datagram that arrives by the management network.
    pub(crate) fn await_management(&mut self) {
        match self.management.next_arrival() {
            Some(arrival) => self.queue.set(self.of_management, arrival),
            None => self.queue.clear(self.of_management),
        }
    }

    /// What is on a link is lost.
    pub(crate) fn lose_all(
        &mut self,
        now: Instant,
        index: usize,
        why: LinkLoss,
        observer: &mut impl Observer,
    ) {
        for from in 0..2 {
            let lane = &mut self.links[index].lanes[from];
            for frame in lane.lose_all(now) {
                observer.perished(now, index, from, &frame, why);
                self.pool.give(frame);
            }
            self.await_next(index, 1 - from);
        }
    }
}
