//! A link or an end is lost: how soon the other end knows, and what that costs.

use crate::facing::{FAST, Facing, SLACK, Streams, Terms, events};
use crate::ovs::OVS;
use crate::rig::DEADLINE;
use greylag_lab::link;
use greylag_lacp::Timers;
use greylag_tests::{has, wait_for};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const T: Timers = Timers::STANDARD;

/// Prints what traffic there and back has suffered, and says for how long the worst flow was away. Frames that were under way on
/// the link that was left may be overtaken, but none comes twice.
fn tell(what: &str, streams: Streams) -> Duration {
    let (out, back) = streams.end();
    println!("{what}\n  from us: {out}\n  to us:   {back}");
    assert_eq!((out.doubled, back.doubled), (0, 0), "{what}");
    out.longest.max(back.longest)
}

#[test]
fn a_link_without_carrier_is_left_before_any_timer_of_lacp() {
    if !has(OVS) {
        return;
    }
    let facing = Facing::start(FAST);
    facing.wait_until_whole();
    let streams = facing.streams();
    streams.wait_until_whole();
    link::set_down(&facing.there.netns, "m1").expect("the cable is cut");
    facing.wait_until_we_use(&["m2"]);
    assert!(events(&facing.greylag, "port-down").iter().any(|event| event["port"] == "m1"));
    let outage = tell("carrier lost", streams);
    assert!(outage < T.short_timeout - T.fast_periodic, "nobody can have waited for a LACPDU: {outage:?}");

    let streams = facing.streams();
    let start = Instant::now();
    link::set_up(&facing.there.netns, "m1").expect("the cable is whole again");
    facing.wait_until_whole();
    println!("the link is used again {:.1?} after its carrier is back", start.elapsed());
    assert!(start.elapsed() < T.aggregate_wait + T.fast_periodic + SLACK);
    let outage = tell("carrier back", streams);
    assert!(outage < T.short_timeout - T.fast_periodic, "{outage:?}");
}

/// Frames get lost on one link in one direction, and nothing says so.
#[derive(Clone, Copy)]
struct Silence {
    /// What Open vSwitch sends is lost; otherwise what we send.
    deaf: bool,
    /// What both ends ask for.
    interval: &'static str,
    /// After so long without a LACPDU, a partner is given up.
    timeout: Duration,
    /// Between two LACPDUs.
    period: Duration,
}

impl Silence {
    const FAST: Silence =
        Silence { deaf: true, interval: "FAST", timeout: T.short_timeout, period: T.fast_periodic };
    const SLOW: Silence =
        Silence { deaf: true, interval: "SLOW", timeout: T.long_timeout, period: T.slow_periodic };

    fn happens(self) {
        let Silence { deaf, interval, timeout, period } = self;
        let theirs_time = format!("other_config:lacp-time={}", interval.to_lowercase());
        let facing = Facing::start(Terms {
            members: 2,
            ours: &format!("lacp-mode: ACTIVE, interval: {interval}"),
            theirs: &["lacp=active", &theirs_time],
        });
        facing.wait_until_whole();
        let streams = facing.streams();
        streams.wait_until_whole();
        let muted = if deaf { &facing.there } else { &facing.here };
        let start = Instant::now();
        muted.silence("m1");
        // The end that is deaf stops when the timeout is over. By the standard it stays in sync for another short timeout, in
        // EXPIRED, and the other end, which goes by that, sends on.
        let allowed = timeout + T.short_timeout;
        let mut said_in_expired = BTreeSet::new();
        wait_for("both have left the link", allowed + DEADLINE, || {
            let m1 = facing.ovs.bond().members.remove("m1").expect("it is a member");
            if m1.status == "expired" {
                said_in_expired.extend(m1.actor.flags);
            }
            (!m1.may_enable && facing.distributing() == ["m2"]).then_some(())
        });
        let took = start.elapsed();
        let by_us = |kind: &str, holds: &dyn Fn(&Value) -> bool| {
            events(&facing.greylag, kind).iter().any(|event| event["port"] == "m1" && holds(event))
        };
        let expired = by_us("lacp-receive-state-changed", &|event| {
            event["from"] == "CURRENT" && event["to"] == "EXPIRED"
        });
        assert_eq!(expired, deaf, "who hears the other knows of nothing but what it is told");
        let who = if deaf { "greylag" } else { "Open vSwitch" };
        let what = format!("{interval}: {who} hears nothing by m1, which both have left after {took:.1?}");
        let outage = tell(&what, streams);
        // The last LACPDU came up to a period before the loss.
        assert!(outage + period > timeout, "without a timer there is no way to know: {outage:?}");
        assert!(outage < allowed + SLACK, "{outage:?}");
        if !deaf {
            // Nor does Open vSwitch say that it does not collect any more.
            assert!(["synchronized", "collecting"].iter().all(|&flag| said_in_expired.contains(flag)));
            wait_for("it is said that the link works one way", DEADLINE, || {
                by_us("lacp-one-way", &|event| event["raised"] == true).then_some(())
            });
        }

        let start = Instant::now();
        muted.restore("m1");
        wait_for("both use the link again", period + DEADLINE, || {
            (facing.ovs.bond().is_whole() && facing.distributing() == facing.members).then_some(())
        });
        let took = start.elapsed();
        println!("  {interval}, {who}: m1 is used again {took:.1?} after it is whole");
        assert!(took < period + T.aggregate_wait + T.fast_periodic + SLACK, "{took:?}");
    }
}

/// Each end is deaf once, side by side.
fn each_end_is_deaf(silence: Silence) {
    std::thread::scope(|scope| {
        for deaf in [true, false] {
            scope.spawn(move || Silence { deaf, ..silence }.happens());
        }
    });
}

#[test]
fn a_link_that_loses_frames_one_way_is_left_after_three_lacpdus() {
    if has(OVS) {
        each_end_is_deaf(Silence::FAST);
    }
}

/// The long form of the test above, for `tools/failover`.
#[test]
#[ignore = "takes two minutes"]
fn with_slow_lacpdus_it_is_left_after_a_minute_and_a_half() {
    if has(OVS) {
        each_end_is_deaf(Silence::SLOW);
    }
}

#[test]
fn a_partner_that_is_killed_is_given_up_and_taken_back() {
    if !has(OVS) {
        return;
    }
    let mut facing = Facing::start(FAST);
    facing.wait_until_whole();
    facing.streams().wait_until_whole();

    let start = Instant::now();
    facing.ovs.kill();
    facing.wait_until_we_use(&[]);
    println!("Open vSwitch killed: given up after {:.1?}", start.elapsed());
    assert!(start.elapsed() < T.short_timeout + SLACK);
    facing.ovs.restart();
    let start = Instant::now();
    facing.wait_until_whole();
    let streams = facing.streams();
    streams.wait_until_whole();
    println!("  back: traffic flows {:.1?} after it answers", start.elapsed());
    assert!(start.elapsed() < T.aggregate_wait + 2 * T.fast_periodic + SLACK);
    drop(streams);

    let start = Instant::now();
    facing.greylag.kill();
    facing.ovs.wait_for_bond("Open vSwitch gives us up", |bond| {
        bond.members.values().all(|member| !member.is_used())
    });
    println!("greylag killed: given up after {:.1?}", start.elapsed());
    assert!(start.elapsed() < T.short_timeout + SLACK);
    facing.greylag.restart(&facing.here.netns);
    let start = Instant::now();
    facing.wait_until_whole();
    facing.streams().wait_until_whole();
    println!("  back: traffic flows {:.1?} after it answers", start.elapsed());
    assert!(start.elapsed() < T.aggregate_wait + 2 * T.fast_periodic + SLACK);
}
