//! Changing groups while others choose by them.

use crate::buckets::{Bucket, Buckets, GroupReader, Liveness, NOBODY, Place};
use crate::grace::Grace;
use crate::group::{
    Group, GroupError, GroupId, Held, Kind, Member, NextHopId, Timers, check_next_hop, dealt, moves,
};
use greylag_base::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// How much there may be of all groups.
#[derive(Clone, Copy, Debug)]
pub struct GroupSizes {
    /// The highest number of a group.
    pub groups: u32,
    /// Next hops are numbered below this.
    pub next_hops: u32,
    /// Buckets of all groups together.
    pub buckets: u32,
}

/// All next-hop groups of a switch, and the one who changes them.
///
/// A next hop that is lost is taken out in two steps. [`Liveness::set`] is one store, whoever makes it; flows go elsewhere from then on.
/// [`Groups::settle`] then deals its buckets to the other members, group by group, as each group's [`Kind`] wants it.
pub struct Groups {
    shared: Arc<Buckets>,
    plans: BTreeMap<GroupId, Plan>,
    /// The groups that a next hop is a member of.
    users: BTreeMap<NextHopId, BTreeSet<GroupId>>,
    /// Nobody has used the buckets from here on.
    fresh: usize,
    /// Buckets that may be used again, by how many there are in a row.
    free: BTreeMap<u16, Vec<usize>>,
    /// Given up at an epoch; somebody might still choose by them.
    retired: Vec<(u64, Place)>,
}

struct Plan {
    group: Group,
    place: Place,
    unbalanced_since: Option<Instant>,
    /// When something may have to be moved.
    next: Option<Instant>,
}

/// Zeroes that take no memory before somebody writes to them: most switches have room for many more buckets than groups ever need.
fn untouched_u32(count: usize) -> Box<[AtomicU32]> {
    // SAFETY: an atomic integer may have any bits, all of them zero among others.
    unsafe { Box::new_zeroed_slice(count).assume_init() }
}

fn untouched_u64(count: usize) -> Box<[AtomicU64]> {
    // SAFETY: as above.
    unsafe { Box::new_zeroed_slice(count).assume_init() }
}

impl Groups {
    /// No groups, and next hops that all can be reached.
    pub fn new(sizes: GroupSizes) -> Self {
        let shared = Buckets {
            grace: Grace::default(),
            groups: (0..=sizes.groups).map(|_| AtomicU64::new(0)).collect(),
            hops: untouched_u32(sizes.buckets as usize),
            used: untouched_u64(sizes.buckets as usize),
            live: (0..sizes.next_hops).map(|_| AtomicBool::new(true)).collect(),
        };
        Groups {
            shared: Arc::new(shared),
            plans: BTreeMap::new(),
            users: BTreeMap::new(),
            fresh: 0,
            free: BTreeMap::new(),
            retired: Vec::new(),
        }
    }

    /// Somebody who chooses.
    pub fn reader(&self) -> GroupReader {
        GroupReader::new(Arc::clone(&self.shared))
    }

    /// Somebody who says what can be reached.
    pub fn liveness(&self) -> Liveness {
        Liveness(Arc::clone(&self.shared))
    }

    /// A group as it was configured.
    pub fn get(&self, group: GroupId) -> Option<&Group> {
        self.plans.get(&group).map(|plan| &plan.group)
    }

    /// All groups as they were configured, by number.
    pub fn iter(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        self.plans.iter().map(|(&id, plan)| (id, &plan.group))
    }

    /// The groups that a next hop is a member of, by number.
    pub fn users(&self, next_hop: NextHopId) -> impl Iterator<Item = GroupId> {
        self.users.get(&next_hop).into_iter().flatten().copied()
    }

    /// Where each bucket of a group leads, as choices find it; nothing if there is no such group.
    ///
    /// Once [`Groups::settle`] has been called for whatever has become reachable or ceased to be, every bucket leads to a live member of
    /// its group, or no member is live. An audit holds the two against each other.
    pub fn buckets(&self, group: GroupId) -> Vec<Bucket> {
        self.shared.list(group)
    }

    /// Writes one bucket behind the back of the group's kind, and gives what was there: a fault put in on purpose, such as a bucket that was
    /// missed when its next hop went away. Any next hop will do, a member or not.
    ///
    /// A [`Kind::Modulo`] group keeps it until it is dealt out anew; a [`Kind::Resilient`] one takes the bucket for that
    /// next hop's, and moves it by the same rules as others, at once if that is no live member.
    ///
    /// # Errors
    /// When there is no such group, bucket or next hop; nothing has changed then.
    pub fn set_bucket(
        &mut self,
        group: GroupId,
        bucket: u16,
        next_hop: NextHopId,
    ) -> Result<Option<NextHopId>, GroupError> {
        let place = self.plans.get(&group).ok_or(GroupError::Unknown(group.get()))?.place;
        if bucket >= place.count {
            return Err(GroupError::Bucket { group: group.get(), bucket, most: place.count - 1 });
        }
        check_next_hop(group, next_hop, self.shared.live.len())?;
        let before = self.shared.hops[place.first + usize::from(bucket)].swap(next_hop.0, Ordering::Relaxed);
        Ok((before != NOBODY).then_some(NextHopId(before)))
    }

    /// Makes a group, or changes it in place; all prefixes that lead to it follow at once.
    ///
    /// # Errors
    /// When the group cannot be as it is asked for; nothing has changed then.
    pub fn set(&mut self, id: GroupId, group: Group, now: Instant) -> Result<(), GroupError> {
        let most = self.shared.groups.len() as u32 - 1;
        if id.get() > most {
            return Err(GroupError::Number { group: id.get(), most });
        }
        group.check(id, self.shared.live.len())?;
        let resilient = matches!(group.kind, Kind::Resilient(_));
        let old = self.plans.get(&id).map(|plan| plan.place);
        let kept = old.filter(|place| (place.count, place.resilient) == (group.buckets, resilient));
        let place = match kept {
            Some(place) => place,
            None => self.take(id, group.buckets, resilient)?,
        };
        let before = self.plans.get(&id).filter(|_| kept.is_some());
        let unbalanced_since = before.and_then(|plan| plan.unbalanced_since);
        self.forget_users(id);
        for member in &group.members {
            self.users.entry(member.next_hop).or_default().insert(id);
        }
        self.plans.insert(id, Plan { group, place, unbalanced_since, next: None });
        self.deal(id, now);
        if kept.is_none() {
            // Release: who finds the buckets finds them dealt.
            self.shared.groups[id.get() as usize].store(place.word(), Ordering::Release);
            self.retire(old);
        }
        Ok(())
    }

    /// Removes a group. What still leads to it is dropped.
    pub fn remove(&mut self, id: GroupId) -> Option<Group> {
        self.forget_users(id);
        let plan = self.plans.remove(&id)?;
        self.shared.groups[id.get() as usize].store(0, Ordering::Release);
        self.retire(Some(plan.place));
        Some(plan.group)
    }

    /// Deals buckets anew in all groups of a next hop that has become reachable or ceased to be.
    pub fn settle(&mut self, next_hop: NextHopId, now: Instant) {
        let users: Vec<GroupId> = self.users(next_hop).collect();
        for group in users {
            self.deal(group, now);
        }
    }

    /// When [`Groups::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.plans.values().filter_map(|plan| plan.next).min()
    }

    /// Moves buckets of resilient groups that have become idle, or are to be moved all the same.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |plan: &Plan| plan.next.is_some_and(|next| next <= now);
        let groups: Vec<GroupId> =
            self.plans.iter().filter(|(_, plan)| due(plan)).map(|(id, _)| *id).collect();
        for group in groups {
            self.deal(group, now);
        }
    }

    fn deal(&mut self, id: GroupId, now: Instant) {
        let Some(plan) = self.plans.get_mut(&id) else { return };
        let live = Liveness(Arc::clone(&self.shared));
        let members = plan.group.members.iter().copied().filter(|member| live.get(member.next_hop));
        let members: Vec<Member> = members.collect();
        match plan.group.kind {
            Kind::Modulo => plan.deal_modulo(&self.shared, &members),
            Kind::Resilient(timers) => plan.deal_resilient(&self.shared, &members, timers, now),
        }
    }

    fn take(&mut self, id: GroupId, count: u16, resilient: bool) -> Result<Place, GroupError> {
        let most = self.shared.hops.len();
        if self.fresh + usize::from(count) > most {
            self.reclaim();
        }
        let used_before = self.free.get_mut(&count).and_then(Vec::pop);
        let first = match used_before {
            Some(first) => first,
            None if self.fresh + usize::from(count) <= most => {
                self.fresh += usize::from(count);
                self.fresh - usize::from(count)
            }
            None => return Err(GroupError::Full { group: id.get(), wanted: count, most }),
        };
        for at in first..first + usize::from(count) {
            self.shared.hops[at].store(NOBODY, Ordering::Relaxed);
            self.shared.used[at].store(0, Ordering::Relaxed);
        }
        Ok(Place { first, count, resilient })
    }

    fn retire(&mut self, place: Option<Place>) {
        let epoch = self.shared.grace.epoch();
        self.retired.extend(place.map(|place| (epoch, place)));
        self.reclaim();
    }

    fn reclaim(&mut self) {
        let free_below = self.shared.grace.advance();
        for (_, place) in self.retired.extract_if(.., |(epoch, _)| *epoch < free_below) {
            self.free.entry(place.count).or_default().push(place.first);
        }
    }

    fn forget_users(&mut self, id: GroupId) {
        for member in self.plans.get(&id).into_iter().flat_map(|plan| &plan.group.members) {
            if let Some(users) = self.users.get_mut(&member.next_hop) {
                users.remove(&id);
            }
        }
    }
}

impl Plan {
    /// Without anybody to deal to, buckets stay as they are: the liveness of their next hops says that nobody is there.
    fn deal_modulo(&self, shared: &Buckets, members: &[Member]) {
        let hops = &shared.hops[self.place.first..][..self.place.count.into()];
        for (hop, NextHopId(next_hop)) in hops.iter().zip(dealt(members, hops.len())) {
            hop.store(next_hop, Ordering::Relaxed);
        }
    }

    fn deal_resilient(&mut self, shared: &Buckets, members: &[Member], timers: Timers, now: Instant) {
        let first = self.place.first;
        let at = |bucket: usize| first + bucket;
        let held = |bucket: usize| Held {
            by: Some(NextHopId(shared.hops[at(bucket)].load(Ordering::Relaxed))),
            used: Instant::from_nanos(shared.used[at(bucket)].load(Ordering::Relaxed)),
        };
        let held: Vec<Held> = (0..self.place.count.into()).map(held).collect();
        let force_at = self.unbalanced_since.map(|since| since + timers.unbalanced);
        let force_at = force_at.filter(|_| !timers.unbalanced.is_zero());
        let forced = force_at.is_some_and(|at| at <= now);
        let outcome = moves(members, &held, now, timers.idle, forced);
        for (bucket, NextHopId(next_hop)) in outcome.moves {
            shared.hops[at(bucket)].store(next_hop, Ordering::Relaxed);
            // A bucket that has just moved counts as used: it is not to move again at once.
            shared.used[at(bucket)].store(now.as_nanos(), Ordering::Relaxed);
        }
        self.unbalanced_since = (!outcome.balanced).then(|| self.unbalanced_since.unwrap_or(now));
        let force_at = self.unbalanced_since.filter(|_| !timers.unbalanced.is_zero());
        let force_at = force_at.map(|since| since + timers.unbalanced);
        self.next = outcome.next.into_iter().chain(force_at).min();
    }
}
