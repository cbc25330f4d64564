//! Next hops come and go.

use greylag_base::Instant;
use greylag_fib::{
    Bucket, Group, GroupError, GroupId, GroupReader, GroupSizes, Groups, Ipv4Fib, Kind, Member, NextHopId,
    Prefix, Timers,
};
use std::collections::BTreeMap;
use std::time::Duration;

const ONE: GroupId = GroupId::new(1).unwrap();

fn second(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn members(weights: &[(u32, u16)]) -> Vec<Member> {
    weights.iter().map(|&(hop, weight)| Member { next_hop: NextHopId(hop), weight }).collect()
}

fn groups() -> Groups {
    Groups::new(GroupSizes { groups: 100, next_hops: 16, buckets: 1000 })
}

/// Where each of the hashes goes.
fn flows(reader: &mut GroupReader, now: Instant, hashes: std::ops::Range<u64>) -> Vec<Option<u32>> {
    let choices = reader.choices(now);
    hashes.map(|hash| choices.choose(ONE, hash).map(|NextHopId(hop)| hop)).collect()
}

fn counts(flows: &[Option<u32>]) -> BTreeMap<Option<u32>, usize> {
    let mut counts = BTreeMap::new();
    flows.iter().for_each(|hop| *counts.entry(*hop).or_default() += 1);
    counts
}

fn resilient(weights: &[(u32, u16)], unbalanced: u64) -> Group {
    let timers = Timers { idle: Duration::from_secs(120), unbalanced: Duration::from_secs(unbalanced) };
    Group { members: members(weights), buckets: 120, kind: Kind::Resilient(timers) }
}

#[test]
fn modulo_goes_by_the_hash_modulo_the_weights() {
    let mut groups = groups();
    let mut reader = groups.reader();
    assert_eq!(flows(&mut reader, second(0), 0..2), [None, None], "there is no group yet");
    let group = Group { members: members(&[(5, 1), (7, 2)]), buckets: 6, kind: Kind::Modulo };
    groups.set(ONE, group, second(0)).unwrap();
    assert_eq!(flows(&mut reader, second(0), 0..7), [5, 7, 7, 5, 7, 7, 5].map(Some));
}

#[test]
fn a_dead_next_hop_gets_no_flow_from_the_moment_it_is_reported() {
    let mut groups = groups();
    let (mut reader, liveness) = (groups.reader(), groups.liveness());
    let group = Group { members: members(&[(1, 1), (2, 1), (3, 1)]), buckets: 120, kind: Kind::Modulo };
    groups.set(ONE, group, second(0)).unwrap();
    let before = flows(&mut reader, second(0), 0..1200);
    liveness.set(NextHopId(2), false);
    let after = flows(&mut reader, second(0), 0..1200);
    for (before, after) in before.iter().zip(&after) {
        assert!(*after != Some(2) && (*before == Some(2) || before == after), "{before:?} {after:?}");
    }
    // Those of the dead one are shared by the others.
    assert!(counts(&after).values().all(|&count| count > 500), "{:?}", counts(&after));
    liveness.set(NextHopId(2), true);
    assert_eq!(flows(&mut reader, second(0), 0..1200), before);
    [1, 2, 3].into_iter().for_each(|hop| liveness.set(NextHopId(hop), false));
    assert_eq!(counts(&flows(&mut reader, second(0), 0..120)), BTreeMap::from([(None, 120)]));
}

/// However many routes lead to a next hop: one store, and no change to the table of routes.
#[test]
fn all_routes_of_a_lost_next_hop_leave_it_at_one_store() {
    const ROUTES: u32 = 20_000;
    let mut groups = groups();
    let (mut chooser, liveness) = (groups.reader(), groups.liveness());
    for number in 1..=8 {
        let group = Group { members: members(&[(1, 1), (2, 1), (3, 2)]), buckets: 64, kind: Kind::Modulo };
        groups.set(GroupId::new(number).unwrap(), group, second(0)).unwrap();
    }
    let mut routes = Ipv4Fib::new(ROUTES as usize);
    let prefix = |number| Prefix::new(number << 12, 24).unwrap();
    routes.load((0..ROUTES).map(|number| (prefix(number), GroupId::new(number % 8 + 1).unwrap()))).unwrap();
    let addresses: Vec<u32> = (0..ROUTES).map(|number| number << 12).collect();
    let hashes: Vec<u64> = (0..ROUTES).map(|number| (u64::from(number) * 0x9e37_79b9) >> 7).collect();
    let mut chosen = || {
        let (mut found, mut chosen) = (vec![None; addresses.len()], vec![None; addresses.len()]);
        routes.reader().session().look_up_batch(&addresses, &mut found);
        chooser.choices(second(0)).choose_batch(&found, &hashes, &mut chosen);
        let of = |hop| chosen.iter().filter(|chosen| **chosen == Some(NextHopId(hop))).count();
        [1, 2, 3].map(of)
    };
    let before = chosen();
    assert!(before.iter().all(|&count| count > 4000) && before.iter().sum::<usize>() == ROUTES as usize);
    liveness.set(NextHopId(3), false);
    let [first, second_hop, lost] = chosen();
    assert_eq!((first + second_hop, lost), (ROUTES as usize, 0));
    groups.settle(NextHopId(3), second(1));
    let [first, second_hop, lost] = chosen();
    assert_eq!((first + second_hop, lost), (ROUTES as usize, 0));
    assert!(
        (1..=8)
            .all(|number| groups.buckets(GroupId::new(number).unwrap()).iter().all(|bucket| bucket.is_live))
    );
}

#[test]
fn a_resilient_group_moves_the_flows_of_the_lost_member_alone() {
    let mut groups = groups();
    let (mut reader, liveness) = (groups.reader(), groups.liveness());
    groups.set(ONE, resilient(&[(1, 1), (2, 1), (3, 1)], 0), second(0)).unwrap();
    let before = flows(&mut reader, second(1), 0..120);
    assert_eq!(counts(&before).into_values().collect::<Vec<_>>(), [40, 40, 40]);
    liveness.set(NextHopId(2), false);
    groups.settle(NextHopId(2), second(1));
    let after = flows(&mut reader, second(1), 0..120);
    assert_eq!(counts(&after), BTreeMap::from([(Some(1), 60), (Some(3), 60)]));
    assert!(before.iter().zip(&after).all(|(before, after)| *before == Some(2) || before == after));
}

#[test]
fn a_bucket_in_use_stays_with_its_member_until_it_is_idle() {
    let mut groups = groups();
    let mut reader = groups.reader();
    groups.set(ONE, resilient(&[(1, 1), (2, 1)], 0), second(0)).unwrap();
    // Half of the buckets are in use when a third member comes.
    flows(&mut reader, second(100), 0..60);
    groups.set(ONE, resilient(&[(1, 1), (2, 1), (3, 1)], 0), second(130)).unwrap();
    let choices = reader.choices(second(130));
    let held = |hop| choices.buckets(ONE).iter().filter(|held| held.next_hop == Some(NextHopId(hop))).count();
    // The first member's were all in use at 100 s; the second's were idle, so that those it is to give away went.
    assert_eq!([1, 2, 3].map(held), [60, 40, 20]);
    assert_eq!(groups.poll_timeout(), Some(second(220)));
    groups.handle_timeout(second(219));
    assert_eq!([1, 2, 3].map(held), [60, 40, 20]);
    groups.handle_timeout(second(220));
    assert_eq!([1, 2, 3].map(held), [40, 40, 40]);
    assert_eq!(groups.poll_timeout(), None);
}

#[test]
fn what_is_unbalanced_for_too_long_is_balanced_by_force() {
    let mut groups = groups();
    let mut reader = groups.reader();
    groups.set(ONE, resilient(&[(1, 1)], 60), second(0)).unwrap();
    flows(&mut reader, second(10), 0..120);
    groups.set(ONE, resilient(&[(1, 1), (2, 1)], 60), second(10)).unwrap();
    // Flows go on all the time, so that no bucket ever is idle.
    for now in (20..70).step_by(10) {
        assert_eq!(counts(&flows(&mut reader, second(now), 0..120)), BTreeMap::from([(Some(1), 120)]));
        groups.handle_timeout(second(now));
    }
    assert_eq!(groups.poll_timeout(), Some(second(70)));
    groups.handle_timeout(second(70));
    assert_eq!(counts(&flows(&mut reader, second(70), 0..120)).into_values().collect::<Vec<_>>(), [60, 60]);
}

/// A bucket that was passed over since it was in use leaves nothing to wait for when others have made up for it.
#[test]
fn a_group_that_idle_buckets_have_balanced_is_not_unbalanced_for_the_one_in_use() {
    let mut groups = groups();
    let mut reader = groups.reader();
    groups.set(ONE, resilient(&[(1, 1)], 60), second(0)).unwrap();
    // The first bucket is in use when a second member comes, all others are idle and half of them go to it.
    flows(&mut reader, second(1000), 0..1);
    groups.set(ONE, resilient(&[(1, 1), (2, 1)], 60), second(1000)).unwrap();
    assert_eq!(
        counts(&flows(&mut reader, second(1000), 0..120)),
        BTreeMap::from([(Some(1), 60), (Some(2), 60)])
    );
    assert_eq!(groups.poll_timeout(), None);
    // A minute later it has not been unbalanced for a minute, so that what is in use stays when a third comes.
    let before = flows(&mut reader, second(1060), 0..120);
    groups.set(ONE, resilient(&[(1, 1), (2, 1), (3, 1)], 60), second(1060)).unwrap();
    assert_eq!(flows(&mut reader, second(1060), 0..120), before);
}

#[test]
fn buckets_are_used_again_and_what_cannot_be_is_refused() {
    let mut groups = groups();
    let group = |buckets| Group { members: members(&[(1, 1)]), buckets, kind: Kind::Modulo };
    for turn in 0..100 {
        groups.set(ONE, group(400 + turn % 2 * 100), second(0)).unwrap();
    }
    let two = GroupId::new(2).unwrap();
    assert_eq!(
        groups.set(two, group(700), second(0)),
        Err(GroupError::Full { group: 2, wanted: 700, most: 1000 })
    );
    assert_eq!(groups.set(two, group(0), second(0)), Err(GroupError::NoBuckets(2)));
    let far = GroupId::new(101).unwrap();
    assert_eq!(groups.set(far, group(1), second(0)), Err(GroupError::Number { group: 101, most: 100 }));
    let mut twice = group(1);
    twice.members = members(&[(1, 1), (1, 2)]);
    assert_eq!(groups.set(two, twice, second(0)), Err(GroupError::Twice { group: 2, next_hop: 1 }));
    assert!(groups.remove(ONE).is_some() && groups.remove(ONE).is_none());
    assert_eq!(groups.reader().choices(second(0)).choose(ONE, 1), None);
}

/// What an audit sees of a bucket that was missed, and what becomes of it.
#[test]
fn a_bucket_that_was_missed_is_seen_by_an_audit_until_the_group_is_dealt_anew() {
    let bucket = |hop: u32, is_live| Bucket { next_hop: Some(NextHopId(hop)), is_live };
    for kind in [Kind::Modulo, Kind::Resilient(Timers::default())] {
        let mut groups = groups();
        let (mut reader, liveness) = (groups.reader(), groups.liveness());
        let group = Group { members: members(&[(1, 1), (2, 1)]), buckets: 4, kind };
        groups.set(ONE, group.clone(), second(0)).unwrap();
        assert!(groups.iter().eq([(ONE, &group)]));
        assert!(groups.users(NextHopId(2)).eq([ONE]) && groups.users(NextHopId(3)).eq([]));

        liveness.set(NextHopId(2), false);
        assert_eq!(
            groups.buckets(ONE).iter().filter(|bucket| !bucket.is_live).count(),
            2,
            "before it is settled"
        );
        groups.settle(NextHopId(2), second(1));
        assert_eq!(groups.buckets(ONE), [bucket(1, true); 4]);

        assert_eq!(groups.set_bucket(ONE, 3, NextHopId(2)), Ok(Some(NextHopId(1))));
        let stale = [bucket(1, true), bucket(1, true), bucket(1, true), bucket(2, false)];
        assert_eq!(groups.buckets(ONE), stale);
        assert_eq!(reader.choices(second(2)).buckets(ONE), stale, "for whoever chooses, too");
        // Choices go by liveness, so that its flows lose nothing; were it taken for live, they would be lost.
        assert_eq!(flows(&mut reader, second(2), 3..4), [Some(1)]);
        liveness.set(NextHopId(2), true);
        assert_eq!(flows(&mut reader, second(2), 3..4), [Some(2)]);

        liveness.set(NextHopId(2), false);
        groups.settle(NextHopId(2), second(3));
        assert_eq!(groups.buckets(ONE), [bucket(1, true); 4], "{kind:?}");
    }
}

#[test]
fn a_bucket_that_is_not_there_is_not_written() {
    let mut groups = groups();
    assert_eq!(groups.set_bucket(ONE, 0, NextHopId(1)), Err(GroupError::Unknown(1)));
    assert!(groups.buckets(ONE).is_empty());
    let group = Group { members: members(&[]), buckets: 2, kind: Kind::Modulo };
    groups.set(ONE, group, second(0)).unwrap();
    assert_eq!(groups.buckets(ONE), [Bucket { next_hop: None, is_live: false }; 2]);
    assert_eq!(
        groups.set_bucket(ONE, 2, NextHopId(1)),
        Err(GroupError::Bucket { group: 1, bucket: 2, most: 1 })
    );
    let far = groups.set_bucket(ONE, 0, NextHopId(16));
    assert_eq!(far, Err(GroupError::NextHop { group: 1, next_hop: 16, most: 15 }));
    assert_eq!(groups.set_bucket(ONE, 1, NextHopId(15)), Ok(None));
    assert_eq!(groups.buckets(ONE)[1], Bucket { next_hop: Some(NextHopId(15)), is_live: true });
}
