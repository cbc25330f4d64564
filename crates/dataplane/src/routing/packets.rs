//! The packets of a batch that are to be routed, of one family: from destination to group, from group and flow to next hop, each for all
//! of them before the next.

use crate::StaleBucket;
use crate::counters::Family;
use crate::routing::header::{IpHeader, Marks};
use greylag_base::InterfaceId;
use greylag_fib::{Address, Choices, GroupId, NextHopId, Session};
use greylag_ports::BATCH_FRAMES;

/// What the stages leave for each other, a column each. Only the first `count` places mean anything.
pub(crate) struct Packets<A> {
    pub(crate) family: Family,
    pub(crate) count: usize,
    /// Which frames of the batch they are.
    pub(crate) frames: [u16; BATCH_FRAMES],
    /// By which interfaces they came in.
    pub(crate) arrivals: [InterfaceId; BATCH_FRAMES],
    pub(crate) octets: [u32; BATCH_FRAMES],
    pub(crate) marks: [Marks; BATCH_FRAMES],
    destinations: [A; BATCH_FRAMES],
    pub(crate) groups: [Option<GroupId>; BATCH_FRAMES],
    pub(crate) hashes: [u64; BATCH_FRAMES],
    pub(crate) chosen: [Option<NextHopId>; BATCH_FRAMES],
}

impl<A: Address> Packets<A> {
    pub(crate) fn new(family: Family, nowhere: A) -> Self {
        Packets {
            family,
            count: 0,
            frames: [0; BATCH_FRAMES],
            arrivals: [InterfaceId(0); BATCH_FRAMES],
            octets: [0; BATCH_FRAMES],
            marks: [Marks::default(); BATCH_FRAMES],
            destinations: [nowhere; BATCH_FRAMES],
            groups: [None; BATCH_FRAMES],
            hashes: [0; BATCH_FRAMES],
            chosen: [None; BATCH_FRAMES],
        }
    }

    /// One more, whose header is sound, with the hash of its flow. Where it goes does not depend on what becomes of the frame, so the flow
    /// is told by the frame as it came in.
    #[inline(always)]
    pub(crate) fn push(&mut self, (frame, arrival): (u16, InterfaceId), header: &IpHeader<A>, hash: u64) {
        let at = self.count;
        self.frames[at] = frame;
        self.arrivals[at] = arrival;
        self.octets[at] = header.octets;
        self.marks[at] = header.marks;
        self.destinations[at] = header.destination;
        self.hashes[at] = hash;
        self.count += 1;
    }

    /// The group of each, by the longest prefix.
    pub(crate) fn look_up(&mut self, routes: &Session<'_, A>) {
        routes.look_up_batch(&self.destinations[..self.count], &mut self.groups[..self.count]);
    }

    /// The next hop of each.
    pub(crate) fn choose(&mut self, choices: &Choices<'_>, worker: u16, stale: &[StaleBucket]) {
        let (groups, hashes) = (&self.groups[..self.count], &self.hashes[..self.count]);
        let chosen = &mut self.chosen[..self.count];
        choices.choose_batch(groups, hashes, chosen);
        if stale.is_empty() {
            return;
        }
        for ((group, &hash), chosen) in groups.iter().zip(hashes).zip(chosen) {
            let bucket = group.and_then(|group| Some((worker, group, choices.bucket(group, hash)?)));
            let Some(bucket) = bucket else { continue };
            let found =
                stale.binary_search_by_key(&bucket, |stale| (stale.worker, stale.group, stale.bucket));
            if let Ok(at) = found {
                *chosen = Some(stale[at].next_hop);
            }
        }
    }
}
