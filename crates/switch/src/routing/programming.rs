//! The programming agent at work: from what the RIB wants to what the FIB has.

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::GroupHashing;
use crate::fault::{AddressFamily, GroupChange, ProgrammingMishap, WriteFilter};
use crate::input::Refused;
use crate::lasting::Lasting;
use crate::routing::door::GroupShape;
use crate::routing::mishaps::Order;
use crate::routing::programmer::{Job, Programmer};
use crate::routing::route::Target;
use crate::routing::words::Words;
use crate::routing::write::FibWrite;
use crate::routing::{FibConflict, FibConflictKind, RoutingEvent};
use core::net::IpAddr;
use greylag_base::Instant;
use greylag_dataplane::{NextHop, StaleBucket};
use greylag_fib::{Kind, Member, NextHopId, Timers};
use std::time::Duration;

/// As many routes and more are loaded at once: from about here on that costs less than one by one.
const LOAD_AT_ONCE: usize = 20_000;

impl Switch {
    pub(crate) fn order_misprogramming(
        &mut self,
        now: Instant,
        mishap: ProgrammingMishap,
        only: WriteFilter,
        share: f64,
        lasts: Option<Duration>,
    ) {
        self.routing.write_mishaps.order(Lasting::new(Order { mishap, only, share }, now, lasts));
    }

    /// It adopts the FIB as it stands, and puts right what the RIB has otherwise.
    pub(crate) fn start_programming(&mut self, now: Instant) {
        self.routing.programmer = Some(Programmer::default());
        self.repair_fib(now);
        let groups: Vec<FibWrite> = self
            .routing
            .rib
            .paths
            .iter()
            .map(|(id, path)| FibWrite::Group { id, members: path.group.clone() })
            .collect();
        groups.iter().for_each(|group| self.believe(group));
        self.answer_all();
        self.routing.next_fib_audit = self.fib_audit_interval().map(|interval| now + interval);
    }

    pub(crate) fn end_programming(&mut self) {
        self.routing.programmer = None;
        self.routing.next_fib_audit = None;
    }

    fn fib_audit_interval(&self) -> Option<Duration> {
        self.config().routing.programming.audit_interval
    }

    /// When buckets of a resilient group are to be moved.
    pub(crate) fn next_of_groups(&self) -> Option<Instant> {
        self.door.next_of_groups()
    }

    /// Moves them: no agent has to live for that.
    pub(crate) fn run_groups(&mut self, now: Instant) {
        if self.next_of_groups().is_some_and(|due| due <= now) {
            self.door.run_groups(now);
        }
    }

    /// The RIB has changed: the agent hears of it, or finds out when it is started.
    pub(crate) fn tell_programmer(&mut self, now: Instant, writes: Vec<FibWrite>) {
        let ready = now + self.config().routing.programming.delay;
        if let Some(programmer) = &mut self.routing.programmer {
            programmer.hear(ready, writes);
        }
    }

    /// Writes that it has heard of and not done.
    pub(crate) fn writes_waiting(&self) -> usize {
        self.routing.programmer.as_ref().map_or(0, Programmer::waiting)
    }

    /// When it has something to do.
    pub(crate) fn next_of_programming(&self) -> Option<Instant> {
        if !self.works(AgentKind::Programming) {
            return None;
        }
        let next = self.routing.programmer.as_ref().and_then(Programmer::poll_timeout);
        [next, self.routing.next_fib_audit].into_iter().flatten().min()
    }

    /// Writes what is due.
    pub(crate) fn run_programming(&mut self, now: Instant) {
        if !self.works(AgentKind::Programming) {
            return;
        }
        let rate = self.config().routing.programming.rate;
        if self.routing.write_mishaps.is_empty() && rate.is_none() {
            self.load_routes(now);
        }
        while let Some(pending) =
            self.routing.programmer.as_mut().and_then(|programmer| programmer.next(now, rate))
        {
            match pending.job {
                Job::Write(write) => {
                    let order = if pending.is_drawn { None } else { self.befall(&write) };
                    self.program(now, write, order);
                }
                Job::Answer(heard) => self.may_answer(heard),
            }
        }
        while let Some(write) =
            self.routing.programmer.as_mut().and_then(|programmer| programmer.waited_in_vain(now))
        {
            self.write(now, write);
        }
        if self.routing.next_fib_audit.is_some_and(|due| due <= now) {
            self.routing.next_fib_audit = self.fib_audit_interval().map(|interval| now + interval);
            self.audit_fib(now, true);
        }
    }

    fn load_routes(&mut self, now: Instant) {
        let Some(programmer) = &mut self.routing.programmer else { return };
        let (writes, answers) = programmer.take_routes(now, LOAD_AT_ONCE);
        if writes.is_empty() {
            return answers.into_iter().for_each(|heard| self.may_answer(heard));
        }
        match self.door.load_fib(now, &writes) {
            Ok(()) => writes.iter().for_each(|write| self.believe(write)),
            Err(refusal) => {
                self.tell_routing(
                    now,
                    RoutingEvent::FibWriteFailed { what: "routes".to_owned(), why: refusal.to_string() },
                );
                if let Some(programmer) = &mut self.routing.programmer {
                    writes.iter().for_each(|write| programmer.fail(write));
                }
            }
        }
        answers.into_iter().for_each(|heard| self.may_answer(heard));
    }

    fn group_shape(&self) -> GroupShape {
        let config = self.config().routing.next_hop_groups;
        let kind = match config.hashing {
            GroupHashing::Modulo => Kind::Modulo,
            GroupHashing::Resilient { idle_timer, unbalanced_timer } => {
                Kind::Resilient(Timers { idle: idle_timer, unbalanced: unbalanced_timer })
            }
        };
        GroupShape { kind, buckets: config.buckets }
    }

    /// What befalls a write.
    fn befall(&mut self, write: &FibWrite) -> Option<Order> {
        if self.routing.write_mishaps.is_empty() {
            return None;
        }
        let (rib, programmer) = (&self.routing.rib, self.routing.programmer.as_ref()?);
        self.routing.write_mishaps.befall(|order| {
            let only = &order.only;
            match write {
                FibWrite::Route { prefix, .. } => {
                    only.change.is_none()
                        && only.buckets.is_none()
                        && only.worker.is_none()
                        && order.mishap != ProgrammingMishap::StaleMember
                        && only.family.is_none_or(|family| family == family_of(prefix.addr()))
                        && only.prefix.is_none_or(|within| within.contains(prefix))
                }
                FibWrite::Group { id, members } => {
                    let path = rib.paths.get(*id);
                    let family = path.and_then(|path| target_family(&path.target));
                    let change = change(programmer.members(*id), members);
                    let is_change = change.is_some() || order.mishap != ProgrammingMishap::StaleMember;
                    is_change
                        && only.change.is_none_or(|wanted| change == Some(wanted))
                        && only.family.is_none_or(|wanted| family == Some(wanted))
                        && only.prefix.is_none_or(|within| rib.leads(within, *id))
                }
                // Next hops by themselves are written right, unless it is about all writes.
                FibWrite::NextHop { .. } => {
                    *only == WriteFilter::default() && order.mishap != ProgrammingMishap::StaleMember
                }
                FibWrite::Bucket { .. } => false,
            }
        })
    }

    fn program(&mut self, now: Instant, write: FibWrite, order: Option<Order>) {
        let Some(Order { mishap, only, .. }) = order else { return self.write(now, write) };
        let is_partial = only.buckets.is_some() || only.worker.is_some();
        match mishap {
            ProgrammingMishap::StaleMember => self.write_partly(now, write, &only),
            ProgrammingMishap::Drop { .. } if is_partial => self.write_partly(now, write, &only),
            ProgrammingMishap::Drop { acknowledged: true } => self.believe(&write),
            ProgrammingMishap::Drop { acknowledged: false } => {
                let what = self.write_text(&write);
                let why = "it was not acknowledged".to_owned();
                self.tell_routing(now, RoutingEvent::FibWriteFailed { what, why });
                if let Some(programmer) = &mut self.routing.programmer {
                    programmer.try_again(now, write);
                }
            }
            ProgrammingMishap::Delay(span) => {
                let until = now + self.routing.write_mishaps.delay(span.least, span.most);
                if let Some(programmer) = &mut self.routing.programmer {
                    programmer.put_off(until, write);
                }
            }
            ProgrammingMishap::Misorder => {
                let Some(programmer) = &mut self.routing.programmer else { return };
                if programmer.holds(write.written()) {
                    self.write(now, write);
                } else {
                    programmer.hold_back(now, write);
                }
            }
        }
    }

    fn believe(&mut self, write: &FibWrite) {
        if let Some(prefix) =
            self.routing.programmer.as_mut().and_then(|programmer| programmer.believe(write))
        {
            self.may_answer_after_all(prefix);
        }
    }

    /// Writes, and what was held back to be overtaken by it.
    fn write(&mut self, now: Instant, write: FibWrite) {
        let shape = self.group_shape();
        let mut next = Some(write);
        while let Some(write) = next {
            if let Err(refusal) = self.door.write_fib(now, &write, shape) {
                let what = self.write_text(&write);
                self.tell_routing(now, RoutingEvent::FibWriteFailed { what, why: refusal.to_string() });
                if let Some(programmer) = &mut self.routing.programmer {
                    programmer.fail(&write);
                }
            } else {
                self.believe(&write);
            }
            if let FibWrite::Group { id, .. } = write {
                let before = self.routing.stale_buckets.len();
                self.routing.stale_buckets.retain(|stale| stale.group != id);
                if self.routing.stale_buckets.len() != before {
                    self.publish(now);
                }
            }
            next =
                self.routing.programmer.as_mut().and_then(|programmer| programmer.overtaken(write.written()));
        }
    }

    /// Writes a group, and leaves some of its buckets as they were: for all workers, or for one.
    fn write_partly(&mut self, now: Instant, write: FibWrite, only: &WriteFilter) {
        let FibWrite::Group { id: group, .. } = write else { return self.write(now, write) };
        let before = self.door.buckets(group);
        self.write(now, write);
        let after = self.door.buckets(group);
        let stays = |bucket: u16| only.buckets.is_none_or(|(first, last)| (first..=last).contains(&bucket));
        let changed = before.iter().zip(&after).enumerate().filter(|(_, (before, after))| before != after);
        let stale: Vec<(u16, NextHopId)> = changed
            .filter_map(|(bucket, (before, _))| Some((bucket as u16, (*before)?)))
            .filter(|(bucket, _)| stays(*bucket))
            .collect();
        let shape = self.group_shape();
        for &(bucket, next_hop) in &stale {
            match only.worker {
                Some(worker) => {
                    self.routing.stale_buckets.push(StaleBucket { worker, group, bucket, next_hop });
                }
                None => {
                    let _ = self.door.write_fib(now, &FibWrite::Bucket { group, bucket, next_hop }, shape);
                }
            }
        }
        if only.worker.is_some() && !stale.is_empty() {
            self.publish(now);
        }
    }

    /// Compares RIB and FIB, and puts the FIB right if asked to.
    pub(crate) fn check_fib(&mut self, now: Instant, repair: bool) -> Result<(), Refused> {
        if repair && !self.works(AgentKind::Programming) {
            return Err(Refused::AgentDown { agent: AgentKind::Programming });
        }
        self.audit_fib(now, repair);
        Ok(())
    }

    fn audit_fib(&mut self, now: Instant, repair: bool) {
        let conflicts = self.fib_differences();
        let repaired = if repair && !conflicts.is_empty() { self.repair_fib(now) } else { 0 };
        let count = conflicts.len();
        self.tell_routing(now, RoutingEvent::FibChecked { conflicts: count, repaired });
        self.routing.fib_conflicts = conflicts;
    }

    /// Where the FIB, or one worker, is not as the RIB wants it. What waits to be written is a difference too.
    fn fib_differences(&mut self) -> Vec<FibConflict> {
        let shape = self.group_shape();
        let words = Words { rib: &self.routing.rib, interfaces: &self.history.running().interfaces };
        let mut conflicts = self.door.compare_fib(words, shape);
        conflicts.extend(self.conflicts_of_workers());
        conflicts
    }

    /// Where they differ, as somebody sees it who looks from outside: nobody in the switch hears of the look.
    pub fn compare_fib(&self) -> Vec<FibConflict> {
        let Some(routes) = self.data_plane().routes() else { return Vec::new() };
        let mut conflicts = super::audit::compare(self.words(), routes, self.group_shape());
        conflicts.extend(self.conflicts_of_workers());
        conflicts
    }

    fn conflicts_of_workers(&self) -> impl Iterator<Item = FibConflict> + '_ {
        self.routing.stale_buckets.iter().map(|stale| FibConflict::of_worker(self.words(), stale))
    }

    /// Writes anew what differs; how many differences there were.
    fn repair_fib(&mut self, now: Instant) -> usize {
        let conflicts = self.fib_differences();
        let (mut writes, mut gone) = (Vec::new(), Vec::new());
        for id in conflicts.iter().filter_map(|conflict| conflict.next_hop) {
            match self.routing.rib.next_hops.adjacency(id) {
                Some(adjacency) => {
                    writes
                        .push(FibWrite::NextHop { id, next_hop: self.routing.rib.next_hops.word(adjacency) });
                }
                None => gone.push(FibWrite::NextHop { id, next_hop: NextHop::Unset }),
            }
        }
        let (mut routes, mut groups) = (Vec::new(), std::collections::BTreeSet::new());
        for conflict in &conflicts {
            match (conflict.kind, conflict.prefix) {
                (FibConflictKind::RouteMissing | FibConflictKind::RouteDiffers, Some(prefix)) => {
                    groups.extend(conflict.group);
                    routes.push(FibWrite::Route { prefix, group: conflict.group });
                }
                (FibConflictKind::RouteStale, Some(prefix)) => {
                    routes.push(FibWrite::Route { prefix, group: None });
                }
                _ => groups.extend(conflict.group),
            }
        }
        for id in groups {
            let members = self.routing.rib.paths.get(id).map(|path| path.group.clone()).unwrap_or_default();
            // What nobody is to lead to goes behind what led there.
            let list = if members.is_empty() { &mut gone } else { &mut writes };
            list.insert(if members.is_empty() { 0 } else { list.len() }, FibWrite::Group { id, members });
        }
        writes.append(&mut routes);
        writes.append(&mut gone);
        for write in writes {
            if let Some(programmer) = &mut self.routing.programmer {
                // What was to be overtaken is out of date.
                programmer.overtaken(write.written());
            }
            self.write(now, write);
        }
        conflicts.len()
    }

    fn write_text(&self, write: &FibWrite) -> String {
        match write {
            FibWrite::Route { prefix, .. } => format!("route {prefix}"),
            FibWrite::Group { id, .. } => {
                format!("group {} ({})", id.get(), self.words().group(*id))
            }
            FibWrite::NextHop { id, .. } => self.words().next_hop(*id),
            FibWrite::Bucket { group, bucket, .. } => format!("bucket {bucket} of group {}", group.get()),
        }
    }
}

/// How a group changes: what it loses counts for more than what it gets.
fn change(before: &[Member], after: &[Member]) -> Option<GroupChange> {
    let lacks =
        |those: &[Member], member: &Member| those.iter().all(|other| other.next_hop != member.next_hop);
    if before.is_empty() || after.is_empty() {
        None
    } else if before.iter().any(|member| lacks(after, member)) {
        Some(GroupChange::MemberLost)
    } else if after.iter().any(|member| lacks(before, member)) {
        Some(GroupChange::MemberReturned)
    } else {
        None
    }
}

fn family_of(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Ipv4 } else { AddressFamily::Ipv6 }
}

fn target_family(target: &Target) -> Option<AddressFamily> {
    match target {
        Target::Hops(hops) => hops.first().map(|hop| family_of(hop.address)),
        _ => None,
    }
}
