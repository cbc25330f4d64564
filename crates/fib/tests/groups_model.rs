//! Groups beside a model that knows no more than the manual page says: who may be chosen, which buckets may move and which must.

use greylag_base::Instant;
use greylag_fib::{Group, GroupId, GroupSizes, Groups, Kind, Member, NextHopId, Timers};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const NEXT_HOPS: u32 = 6;
const GROUPS: u32 = 4;
const IDLE: Duration = Duration::from_secs(120);

#[derive(Clone, Debug)]
enum Step {
    Set(GroupId, Group),
    Remove(GroupId),
    /// A next hop is reported, flows with these hashes come by, and the groups hear of it.
    Report(NextHopId, bool, Vec<u64>),
    Settle(NextHopId),
    /// Flows with these hashes, in all groups.
    Flows(Vec<u64>),
    Pass(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    let id = (1..=GROUPS).prop_map(|number| GroupId::new(number).unwrap());
    let hashes = prop::collection::vec(any::<u64>(), 0..20);
    let hop = (0..NEXT_HOPS).prop_map(NextHopId);
    let weights = prop::collection::btree_map(0..NEXT_HOPS, 0..5u16, 0..5);
    let members = weights.prop_map(|weights| {
        weights.into_iter().map(|(hop, weight)| Member { next_hop: NextHopId(hop), weight }).collect()
    });
    let unbalanced = prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(60))];
    let resilient = unbalanced.prop_map(|unbalanced| Kind::Resilient(Timers { idle: IDLE, unbalanced }));
    let kind = prop_oneof![Just(Kind::Modulo), resilient];
    // Few numbers of buckets, so that groups often keep them.
    let buckets = prop_oneof![Just(1u16), Just(12), Just(16), Just(31)];
    let group =
        (members, buckets, kind).prop_map(|(members, buckets, kind)| Group { members, buckets, kind });
    prop_oneof![
        4 => (id.clone(), group).prop_map(|(id, group)| Step::Set(id, group)),
        1 => id.prop_map(Step::Remove),
        4 => (hop.clone(), any::<bool>(), hashes.clone()).prop_map(|(hop, live, hashes)| Step::Report(hop, live, hashes)),
        2 => hop.prop_map(Step::Settle),
        4 => hashes.prop_map(Step::Flows),
        4 => (0..100u64).prop_map(|seconds| Step::Pass(Duration::from_secs(seconds))),
    ]
}

/// What is known of a group's buckets.
#[derive(Clone)]
struct Known {
    group: Group,
    /// Where each leads, and when a flow or a move last touched it.
    buckets: Vec<(Option<NextHopId>, Instant)>,
    unbalanced_since: Option<Instant>,
}

struct Model {
    groups: BTreeMap<GroupId, Known>,
    live: BTreeSet<NextHopId>,
    now: Instant,
}

impl Model {
    /// The members that can be reached, with some weight.
    fn takers(&self, group: &Group) -> Vec<Member> {
        let takes = |member: &&Member| member.weight > 0 && self.live.contains(&member.next_hop);
        group.members.iter().filter(takes).copied().collect()
    }

    fn set(&mut self, id: GroupId, group: Group) {
        let form = |group: &Group| (group.buckets, matches!(group.kind, Kind::Resilient(_)));
        let before = self.groups.remove(&id).filter(|known| form(&known.group) == form(&group));
        let fresh = || vec![(None, Instant::ZERO); group.buckets.into()];
        let buckets = before.as_ref().map_or_else(fresh, |known| known.buckets.clone());
        let unbalanced_since = before.and_then(|known| known.unbalanced_since);
        self.groups.insert(id, Known { group, buckets, unbalanced_since });
    }

    /// The group has just dealt: is what it did what its kind wants?
    fn dealt(&mut self, id: GroupId, groups: &Groups) {
        let Some(known) = self.groups.get(&id).cloned() else { return };
        let is: Vec<_> = groups.buckets(id).iter().map(|bucket| bucket.next_hop).collect();
        let was: Vec<_> = known.buckets.iter().map(|(hop, _)| *hop).collect();
        let takers = self.takers(&known.group);
        if takers.is_empty() {
            assert_eq!(is, was, "there is nobody to deal to");
        }
        match known.group.kind {
            Kind::Modulo if !takers.is_empty() => {
                let turn: Vec<NextHopId> =
                    takers.iter().flat_map(|taker| vec![taker.next_hop; taker.weight.into()]).collect();
                let expected: Vec<_> = (0..is.len()).map(|bucket| Some(turn[bucket % turn.len()])).collect();
                assert_eq!(is, expected, "{:?}", known.group);
            }
            Kind::Modulo => {}
            Kind::Resilient(timers) if !takers.is_empty() => self.dealt_resilient(id, &is, timers),
            // Nobody lacks anything.
            Kind::Resilient(_) => self.groups.get_mut(&id).unwrap().unbalanced_since = None,
        }
        let known = self.groups.get_mut(&id).unwrap();
        for ((hop, used), is) in known.buckets.iter_mut().zip(&is) {
            if *hop != *is {
                (*hop, *used) = (*is, self.now);
            }
        }
    }

    fn dealt_resilient(&mut self, id: GroupId, is: &[Option<NextHopId>], timers: Timers) {
        let now = self.now;
        let live = &self.live;
        let known = self.groups.get_mut(&id).unwrap();
        // One whose weight is 0 takes none, and gives away what is idle.
        let owners: Vec<Member> =
            known.group.members.iter().filter(|member| live.contains(&member.next_hop)).copied().collect();
        let owners = &owners;
        let has = |buckets: &mut dyn Iterator<Item = Option<NextHopId>>, owner: &Member| {
            buckets.filter(|hop| *hop == Some(owner.next_hop)).count()
        };
        // What all up to a member have together is the part that their weights are of all weights, rounded to the nearest bucket.
        let weights = |owners: &[Member]| owners.iter().map(|owner| usize::from(owner.weight)).sum::<usize>();
        let together = |owners_before: usize| {
            let exact = (is.len() * weights(&owners[..owners_before])) as f64 / weights(owners) as f64;
            (exact + 0.5).floor() as usize
        };
        let share = |owner: &Member| {
            let at = owners.iter().position(|other| other == owner).unwrap();
            together(at + 1) - together(at)
        };
        let is_forced = known
            .unbalanced_since
            .is_some_and(|since| !timers.unbalanced.is_zero() && since + timers.unbalanced <= now);
        let mut waits = false;
        for (bucket, ((was, used), is)) in known.buckets.iter().zip(is).enumerate() {
            let owner = owners.iter().find(|owner| Some(owner.next_hop) == *was);
            if was != is {
                let to = owners.iter().find(|owner| Some(owner.next_hop) == *is);
                assert!(
                    to.is_some_and(|to| to.weight > 0),
                    "bucket {bucket} moved to {is:?}, who can take none"
                );
                assert!(
                    owner.is_none() || is_forced || *used + timers.idle <= now,
                    "bucket {bucket} of {was:?} moved though it was in use at {used:?}, now {now:?}"
                );
                if let Some(owner) = owner {
                    let had = has(&mut known.buckets.iter().map(|(hop, _)| *hop), owner);
                    assert!(had > share(owner), "{owner:?} had no bucket too many");
                }
            } else {
                assert!(owner.is_some(), "bucket {bucket} stayed with {was:?}, who can take none");
                waits |= *used + timers.idle > now && !is_forced;
            }
        }
        let outside = |owner: &&Member| share(owner) != has(&mut is.iter().copied(), owner);
        let unbalanced = owners.iter().find(outside);
        assert!(waits || unbalanced.is_none(), "{unbalanced:?} of {is:?}, though no bucket is in use");
        match unbalanced {
            None => known.unbalanced_since = None,
            Some(_) => _ = known.unbalanced_since.get_or_insert(now),
        }
    }

    /// Each flow goes where its bucket leads, or to anybody else of the group who can be reached.
    fn flows(&mut self, groups: &Groups, hashes: &[u64]) {
        let mut reader = groups.reader();
        let choices = reader.choices(self.now);
        for number in 1..=GROUPS + 1 {
            let id = GroupId::new(number).unwrap();
            let batch = vec![Some(id); hashes.len()];
            let mut chosen = vec![None; hashes.len()];
            choices.choose_batch(&batch, hashes, &mut chosen);
            let Some(known) = self.groups.get_mut(&id) else {
                assert!(chosen.iter().all(Option::is_none), "there is no group {number}");
                continue;
            };
            let is_live = |hop: &Option<NextHopId>| hop.is_some_and(|hop| self.live.contains(&hop));
            let anybody: BTreeSet<_> =
                known.buckets.iter().map(|(hop, _)| *hop).filter(|hop| is_live(hop)).collect();
            for (&hash, chosen) in hashes.iter().zip(chosen) {
                // A flow hash is 32 bits wide.
                let at = hash as u32 as usize % known.buckets.len();
                let (hop, used) = &mut known.buckets[at];
                match is_live(hop) {
                    true => assert_eq!(chosen, *hop),
                    false => assert!(anybody.contains(&chosen) || anybody.is_empty() && chosen.is_none()),
                }
                if matches!(known.group.kind, Kind::Resilient(_)) {
                    *used = self.now;
                }
            }
        }
    }
}

fn follow(steps: &[Step]) {
    let mut groups = Groups::new(GroupSizes { groups: GROUPS, next_hops: NEXT_HOPS, buckets: 400 });
    let liveness = groups.liveness();
    let mut model = Model {
        groups: BTreeMap::new(),
        live: (0..NEXT_HOPS).map(NextHopId).collect(),
        now: Instant::ZERO + Duration::from_secs(1000),
    };
    for step in steps {
        let mut settled = None;
        match step {
            Step::Set(id, group) => {
                groups.set(*id, group.clone(), model.now).unwrap();
                model.set(*id, group.clone());
                model.dealt(*id, &groups);
            }
            Step::Remove(id) => {
                assert_eq!(groups.remove(*id), model.groups.remove(id).map(|known| known.group));
            }
            Step::Report(hop, live, hashes) => {
                liveness.set(*hop, *live);
                match live {
                    true => model.live.insert(*hop),
                    false => model.live.remove(hop),
                };
                model.flows(&groups, hashes);
                settled = Some(*hop);
            }
            Step::Settle(hop) => settled = Some(*hop),
            Step::Flows(hashes) => model.flows(&groups, hashes),
            Step::Pass(time) => {
                model.now += *time;
                let due = groups.poll_timeout().is_some_and(|due| due <= model.now);
                let before: Vec<_> = model.groups.keys().map(|id| groups.buckets(*id)).collect();
                groups.handle_timeout(model.now);
                let after: Vec<_> = model.groups.keys().map(|id| groups.buckets(*id)).collect();
                assert!(due || before == after, "it moves before it says that it will");
                let moved = model.groups.keys().copied().zip(before.iter().zip(&after));
                let moved: Vec<_> = moved.filter(|(_, (before, after))| before != after).collect();
                moved.iter().for_each(|(id, _)| model.dealt(*id, &groups));
            }
        }
        if let Some(hop) = settled {
            groups.settle(hop, model.now);
            let users: Vec<_> = groups.users(hop).collect();
            users.iter().for_each(|id| model.dealt(*id, &groups));
        }
        for (id, known) in &model.groups {
            let is = groups.buckets(*id);
            let hops = known.buckets.iter().map(|(hop, _)| *hop);
            assert!(is.iter().map(|bucket| bucket.next_hop).eq(hops), "{id:?} was dealt out by nobody");
            let is_live =
                |bucket: &greylag_fib::Bucket| bucket.next_hop.is_some_and(|hop| model.live.contains(&hop));
            assert!(is.iter().all(|bucket| bucket.is_live == is_live(bucket)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_deal_as_their_kind_wants(steps in prop::collection::vec(step(), 1..60)) {
        follow(&steps);
    }
}
