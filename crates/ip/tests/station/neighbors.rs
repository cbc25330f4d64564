//! The table of neighbours, row by row.

use NeighborState::{Delay, Failed, Incomplete, Permanent, Probe, Reachable, Stale};
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr};
use greylag_ip::neighbor::{Evidence, Expired, NeighborState, NeighborTimers, Neighbors, Resolved};
use std::time::Duration;

const ADDR: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 2));
const OLD: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const NEW: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
const SOLICITED: Evidence = Evidence { create: false, confirms: true, overrides: false };
const OVERRIDE: Evidence = Evidence { create: false, confirms: false, overrides: true };
const BOTH: Evidence = Evidence { create: false, confirms: true, overrides: true };
const NEITHER: Evidence = Evidence { create: false, confirms: false, overrides: false };

/// A table with the neighbour in a state, ten lifetimes after the start.
fn table(state: NeighborState) -> (Neighbors<u8>, Instant) {
    let timers = NeighborTimers::default();
    let (delay, retransmit) = (timers.delay, timers.retransmit);
    let now = Instant::ZERO + 10 * timers.reachable;
    let mut table = Neighbors::new(timers);
    let heard = if state == Reachable { now } else { Instant::ZERO };
    match state {
        Permanent => drop(table.set_permanent(heard, ADDR, OLD)),
        Incomplete => drop(table.resolve(now, ADDR, 1, &mut None)),
        Failed => {
            table.resolve(earlier(now, 3 * retransmit), ADDR, 1, &mut None);
            expire(&mut table, now);
        }
        _ => drop(table.hear(heard, ADDR, Some(OLD), Evidence { create: true, ..BOTH })),
    }
    if matches!(state, Delay | Probe) {
        let sent = if state == Delay { now } else { earlier(now, delay) };
        table.used(sent, ADDR);
        expire(&mut table, now);
    }
    assert_eq!(table.get(now, ADDR).unwrap().0, state);
    (table, now)
}

/// What is due is done when it is due.
fn expire(table: &mut Neighbors<u8>, until: Instant) {
    while let Some(at) = table.poll_timeout().filter(|at| *at <= until) {
        table.expire(at);
    }
}

fn earlier(now: Instant, span: Duration) -> Instant {
    Instant::ZERO + (now - Instant::ZERO - span)
}

/// RFC 4861 7.2.5 and appendix C, row by row.
#[test]
fn what_an_advertisement_changes() {
    let steps = [
        (Incomplete, None, BOTH, Incomplete, None),
        (Incomplete, Some(NEW), NEITHER, Stale, Some(NEW)),
        (Incomplete, Some(NEW), SOLICITED, Reachable, Some(NEW)),
        (Reachable, Some(OLD), NEITHER, Reachable, Some(OLD)),
        (Reachable, Some(NEW), NEITHER, Stale, Some(OLD)),
        (Reachable, Some(NEW), SOLICITED, Stale, Some(OLD)),
        (Reachable, Some(NEW), OVERRIDE, Stale, Some(NEW)),
        (Reachable, Some(NEW), BOTH, Reachable, Some(NEW)),
        (Stale, Some(NEW), SOLICITED, Stale, Some(OLD)),
        (Stale, Some(OLD), SOLICITED, Reachable, Some(OLD)),
        (Stale, None, SOLICITED, Reachable, Some(OLD)),
        (Stale, Some(NEW), OVERRIDE, Stale, Some(NEW)),
        (Stale, Some(OLD), OVERRIDE, Stale, Some(OLD)),
        (Delay, Some(NEW), NEITHER, Delay, Some(OLD)),
        (Delay, Some(OLD), OVERRIDE, Delay, Some(OLD)),
        (Delay, Some(NEW), OVERRIDE, Stale, Some(NEW)),
        (Delay, None, SOLICITED, Reachable, Some(OLD)),
        (Delay, Some(NEW), BOTH, Reachable, Some(NEW)),
        (Probe, Some(NEW), NEITHER, Probe, Some(OLD)),
        (Probe, Some(OLD), OVERRIDE, Probe, Some(OLD)),
        (Probe, Some(NEW), OVERRIDE, Stale, Some(NEW)),
        (Probe, Some(OLD), SOLICITED, Reachable, Some(OLD)),
        (Probe, Some(NEW), BOTH, Reachable, Some(NEW)),
        (Failed, None, BOTH, Failed, None),
        (Failed, Some(NEW), OVERRIDE, Stale, Some(NEW)),
        (Failed, Some(NEW), BOTH, Reachable, Some(NEW)),
        (Permanent, Some(NEW), BOTH, Permanent, Some(OLD)),
    ];
    for step in steps {
        let (before, mac, evidence, after, known) = step;
        let (mut table, now) = table(before);
        table.hear(now, ADDR, mac, evidence);
        assert_eq!(table.get(now, ADDR), Some((after, known)), "{step:?}");
        let asks = matches!(after, Incomplete | Delay | Probe | Failed);
        let due = table.poll_timeout().is_some_and(|at| at < now + Duration::from_secs(60));
        assert_eq!(due, asks, "{step:?}");
    }
}

#[test]
fn nobody_is_added_by_what_was_not_for_us() {
    let mut table = Neighbors::<u8>::new(NeighborTimers::default());
    table.hear(Instant::ZERO, ADDR, Some(NEW), BOTH);
    assert_eq!(table.get(Instant::ZERO, ADDR), None);
    table.hear(Instant::ZERO, ADDR, Some(NEW), Evidence { create: true, ..OVERRIDE });
    assert_eq!(table.get(Instant::ZERO, ADDR), Some((Stale, Some(NEW))));
}

#[test]
fn a_stale_neighbour_is_verified_when_something_is_sent_to_it() {
    let (mut table, now) = table(Stale);
    let sent = table.resolve(now, ADDR, 1, &mut None);
    assert!(matches!(sent, Resolved::Goes { to: OLD, packet: 1, ask: false }), "{sent:?}");
    // Five seconds for something to be heard, then three questions to it alone, a second apart.
    let mut heard = Vec::new();
    while let Some(at) = table.poll_timeout() {
        let state = table.get(at, ADDR).unwrap().0;
        let what = match table.expire(at) {
            Some(Expired::Ask((ADDR, Some(OLD)))) => "asked",
            Some(Expired::Failed(ADDR, _)) => "failed",
            None => "forgotten",
            other => panic!("{other:?}"),
        };
        heard.push(((at - now).as_secs(), state, what));
    }
    let steps = [
        (5, Delay, "asked"),
        (6, Probe, "asked"),
        (7, Probe, "asked"),
        (8, Probe, "failed"),
        (9, Failed, "forgotten"),
    ];
    assert_eq!(heard, steps);
    assert_eq!(table.get(now + Duration::from_secs(9), ADDR), None);
}

#[test]
fn nobody_is_asked_about_a_neighbour_that_is_stale_and_not_wanted() {
    let (table, _) = table(Stale);
    assert_eq!(table.poll_timeout(), Some(Instant::ZERO + Duration::from_secs(1230)));
}

#[test]
fn a_neighbour_that_is_wanted_is_asked_for_until_it_answers_and_verified_when_it_is_stale() {
    let (mut table, now) = table(Failed);
    table.want(now, ADDR, true, true);
    let mut asked = 0;
    while let Some(at) = table.poll_timeout().filter(|at| *at <= now + Duration::from_secs(40)) {
        asked += usize::from(matches!(table.expire(at), Some(Expired::Ask((ADDR, None)))));
    }
    // Three questions in three seconds, then one of silence.
    assert_eq!(asked, 30);
    let found = now + Duration::from_secs(41);
    table.hear(found, ADDR, Some(OLD), BOTH);
    assert_eq!(table.poll_timeout(), Some(found + Duration::from_secs(30)));
    let stale = found + Duration::from_secs(30);
    assert!(table.expire(stale).is_none());
    assert_eq!(table.get(stale, ADDR), Some((Delay, Some(OLD))));
    // Nobody wants it any more: this time it is still verified, and then left alone.
    table.want(stale, ADDR, false, true);
    let probed = stale + Duration::from_secs(5);
    assert!(matches!(table.expire(probed), Some(Expired::Ask((ADDR, Some(OLD))))));
    table.hear(probed, ADDR, None, SOLICITED);
    assert_eq!(table.poll_timeout(), Some(probed + Duration::from_secs(1230)));
}

#[test]
fn packets_wait_in_order_and_the_oldest_makes_room() {
    let mut table = Neighbors::<u8>::new(NeighborTimers::default());
    for packet in 0..66 {
        let resolved = table.resolve(Instant::ZERO, ADDR, packet, &mut None);
        let Resolved::Waits { ask, oldest } = resolved else { panic!("{resolved:?}") };
        assert_eq!((ask, oldest), (packet == 0, packet.checked_sub(64)));
    }
    let (mac, waiting) = table.hear(Instant::ZERO, ADDR, Some(NEW), BOTH).unwrap();
    assert_eq!(mac, NEW);
    assert!(waiting.into_iter().eq(2..66));
}

#[test]
fn room_is_made_by_those_that_nobody_needs() {
    let timers = NeighborTimers { capacity: 4, ..NeighborTimers::default() };
    let addr = |last: u8| IpAddr::from([10, 0, 0, last]);
    let mut table = Neighbors::<u8>::new(timers);
    let heard = Evidence { create: true, ..BOTH };
    let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
    for last in 1..=4 {
        table.hear(at(last.into()), addr(last), Some(OLD), heard);
    }
    // Four are reachable: there is no room.
    assert!(matches!(table.resolve(at(5), addr(5), 0, &mut None), Resolved::Full(0)));
    table.want(at(5), addr(1), true, true);
    let known = |table: &Neighbors<u8>| {
        (1..=9).filter(|last| table.get(at(32), addr(*last)).is_some()).collect::<Vec<_>>()
    };
    // The first two are stale, and one of them is wanted.
    table.hear(at(32), addr(5), Some(OLD), heard);
    assert_eq!(known(&table), [1, 3, 4, 5]);
    // For one that is wanted, those make room that are not.
    assert_eq!(table.want(at(32), addr(6), true, true), Some((addr(6), None)));
    assert_eq!(known(&table), [1, 4, 5, 6]);
}

#[test]
fn who_is_stale_and_not_in_use_is_forgotten_after_a_while() {
    let (mut table, now) = table(Reachable);
    let end = |table: &mut Neighbors<u8>| {
        let due = table.poll_timeout().unwrap();
        assert!(table.expire(due).is_none());
        (due - now).as_secs()
    };
    // In use two minutes before its time.
    table.hear(now + Duration::from_secs(1110), ADDR, None, NEITHER);
    table.used(now + Duration::from_secs(29), ADDR);
    assert_eq!(end(&mut table), 1230);
    assert_eq!(table.get(now, ADDR), None);
}
