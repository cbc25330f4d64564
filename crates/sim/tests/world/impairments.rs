//! Each thing that can be wrong with a link, by itself.

use crate::rig::{Notes, after, frame, scenario, station, world};
use greylag_scenario::story::{Action, Impairment, LinkChange, Patch, Scenario, SeenBy};
use greylag_sim::{LinkLoss, World};
use std::time::Duration;

const FRAMES: usize = 10_000;
/// 84 octets at 10 Gbit/s, and 5 µs: 67.2 ns are kept to the picosecond.
const FIRST: u64 = 5067;

fn wire() -> Scenario {
    scenario(
        r#"
name: wire
title: A test
duration: 10m
topology:
  nodes: {h1: {kind: host}, h2: {kind: host}}
  links: [{endpoints: ["h1:eth1", "h2:eth1"]}]
"#,
    )
}

fn impaired(impairment: Impairment) -> World<Notes> {
    let mut world = world(&wire());
    world.order(&Action::Link { link: 0, change: LinkChange::Impair { from: Some(0), impairment } });
    world
}

/// Sends numbered frames 100 µs apart, and gives the numbers in the order in which they arrive.
fn send(world: &mut World<Notes>, from: usize, frames: usize) -> Vec<usize> {
    for number in 0..frames {
        let mut frame = frame(station(1), station(2));
        frame[14..18].copy_from_slice(&(number as u32).to_be_bytes());
        world.send(0, from, &frame);
        world.run_until(world.now() + Duration::from_micros(100));
    }
    world.run_until(world.now() + Duration::from_secs(1));
    let to = 1 - from;
    let arrived = world.observer().arrived.iter().filter(|arrived| arrived.2 == to);
    arrived.map(|arrived| u32::from_be_bytes(arrived.3[14..18].try_into().unwrap()) as usize).collect()
}

/// Four standard deviations around a share of all frames: one run in 16,000 is outside, and the seed is always the same.
fn is_share(count: usize, share: f64) -> bool {
    let expected = share * FRAMES as f64;
    (count as f64 - expected).abs() < 4.0 * (expected * (1.0 - share)).sqrt()
}

#[test]
fn a_sound_link_loses_nothing_and_keeps_the_order() {
    let mut world = world(&wire());
    assert!(send(&mut world, 0, 100).into_iter().eq(0..100));
    assert_eq!(world.observer().arrived[0].0.as_nanos(), FIRST);
    assert!(world.observer().perished.is_empty());
}

#[test]
fn a_lossy_direction_loses_its_share_and_the_other_one_nothing() {
    let mut world = impaired(Impairment { loss: 0.1, ..Impairment::default() });
    let arrived = send(&mut world, 0, FRAMES);
    let lost = world.observer().lost(LinkLoss::Loss);
    assert_eq!(arrived.len() + lost, FRAMES);
    assert!(is_share(lost, 0.1), "{lost}");
    assert_eq!(send(&mut world, 1, 1000).len(), 1000);
}

#[test]
fn a_share_is_delivered_twice() {
    let mut world = impaired(Impairment { duplicate: 0.2, ..Impairment::default() });
    let arrived = send(&mut world, 0, FRAMES);
    let twice = arrived.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert_eq!(arrived.len(), FRAMES + twice);
    assert!(is_share(twice, 0.2), "{twice}");
}

#[test]
fn a_share_is_overtaken_by_as_much_as_the_jitter_allows() {
    let jitter = Duration::from_millis(1);
    let mut world = impaired(Impairment { reorder: 0.1, jitter, ..Impairment::default() });
    let arrived = send(&mut world, 0, FRAMES);
    // With 100 µs between frames and an even delay of up to 1 ms, nine in ten of the share are overtaken.
    let mut ahead = 0;
    let overtaken = arrived
        .iter()
        .filter(|&&number| {
            ahead = ahead.max(number);
            number < ahead
        })
        .count();
    assert_eq!(arrived.len(), FRAMES);
    assert!(is_share(overtaken, 0.09), "{overtaken}");
    let late = |place: usize, number: usize| place.saturating_sub(number);
    assert!(arrived.iter().enumerate().all(|(place, &number)| late(place, number) <= 10));
}

#[test]
fn jitter_alone_keeps_the_order() {
    let jitter = Duration::from_millis(1);
    let mut world = impaired(Impairment { jitter, ..Impairment::default() });
    assert!(send(&mut world, 0, FRAMES).into_iter().eq(0..FRAMES));
    let sent = |number: usize| Duration::from_micros(100) * number as u32;
    let delays: Vec<Duration> = world
        .observer()
        .arrived
        .iter()
        .enumerate()
        .map(|(number, arrived)| arrived.0 - after(sent(number)))
        .collect();
    let least = Duration::from_nanos(FIRST);
    assert!(delays.iter().all(|delay| (least..least + jitter).contains(delay)));
    assert!(delays.iter().any(|delay| *delay > least + jitter / 2));
}

#[test]
fn the_check_sequence_catches_a_flipped_bit() {
    let mut world = impaired(Impairment { corrupt: 0.3, ..Impairment::default() });
    let arrived = send(&mut world, 0, FRAMES);
    let lost = world.observer().lost(LinkLoss::Corrupt);
    assert_eq!(arrived.len() + lost, FRAMES);
    assert!(is_share(lost, 0.3), "{lost}");
}

#[test]
fn a_bit_that_flips_behind_the_check_is_delivered() {
    let mut world = impaired(Impairment { corrupt: 1.0, unnoticed: true, ..Impairment::default() });
    let original = frame(station(1), station(2));
    for _ in 0..1000 {
        world.send(0, 0, &original);
        world.run_until(world.now() + Duration::from_micros(100));
    }
    assert_eq!(world.observer().arrived.len(), 1000);
    for (.., frame) in &world.observer().arrived {
        let flipped: u32 = frame.iter().zip(&original).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!(flipped, 1);
    }
}

#[test]
fn delay_adds_and_rate_replaces_to_the_nanosecond() {
    let impairment =
        Impairment { delay: Duration::from_millis(5), rate: Some(1_000_000), ..Impairment::default() };
    let mut world = impaired(impairment);
    let frame = [0; 101];
    world.send(0, 0, &frame);
    world.send(0, 0, &frame);
    world.run_until(after(Duration::from_secs(1)));
    // 125 octets at 1 Mbit/s are a millisecond.
    let times: Vec<u64> = world.observer().arrived.iter().map(|arrived| arrived.0.as_nanos()).collect();
    assert_eq!(times, [6_005_000, 7_005_000]);
}

#[test]
fn octets_take_their_picoseconds_back_to_back() {
    let mut world = world(&wire());
    (0..10).for_each(|_| world.send(0, 0, &[0; 60]));
    world.run_until(after(Duration::from_millis(1)));
    let last = world.observer().arrived.last().unwrap().0;
    assert_eq!(last.as_nanos(), 5_000 + 672);
}

#[test]
fn what_finds_the_queue_full_is_dropped_and_nothing_else() {
    let mut scenario = wire();
    scenario.links[0].queue = 10;
    let mut world = world(&scenario);
    // One is on the line and ten wait.
    (0..15).for_each(|_| world.send(0, 0, &[0; 60]));
    assert_eq!(world.observer().lost(LinkLoss::QueueFull), 4);
    // Two have left after 140 ns.
    world.run_until(after(Duration::from_nanos(140)));
    (0..4).for_each(|_| world.send(0, 0, &[0; 60]));
    assert_eq!(world.observer().lost(LinkLoss::QueueFull), 6);
    world.run_until(after(Duration::from_millis(1)));
    assert_eq!(world.observer().arrived.len(), 13);
}

#[test]
fn a_one_way_cut_swallows_one_direction_and_nobody_sees_it() {
    let mut world = world(&wire());
    world.order(&Action::Link { link: 0, change: LinkChange::OneWay { from: 1 } });
    assert_eq!(send(&mut world, 0, 100).len(), 100);
    assert_eq!(send(&mut world, 1, 100).len(), 0);
    assert_eq!(world.observer().lost(LinkLoss::OneWay), 100);
    world.order(&Action::Link { link: 0, change: LinkChange::Up });
    assert_eq!(send(&mut world, 1, 100).len(), 100);
}

#[test]
fn what_is_on_a_link_when_it_is_cut_is_lost() {
    let mut world = world(&wire());
    (0..5).for_each(|_| world.send(0, 0, &[0; 60]));
    world.run_until(after(Duration::from_nanos(FIRST)));
    let cut = LinkChange::Down { seen_by: SeenBy::Nobody };
    world.order(&Action::Link { link: 0, change: cut });
    world.send(0, 1, &[0; 60]);
    world.run_until(after(Duration::from_millis(1)));
    assert_eq!((world.observer().arrived.len(), world.observer().lost(LinkLoss::Down)), (1, 5));
    world.order(&Action::Link { link: 0, change: LinkChange::Up });
    world.send(0, 0, &[0; 60]);
    world.run_until(after(Duration::from_millis(2)));
    assert_eq!(world.observer().arrived.len(), 2);
}

#[test]
fn a_port_does_to_its_link_what_it_is_configured_to_do() {
    let mut world = world(&scenario(
        r#"
name: ports
title: A test
duration: 10m
topology:
  nodes:
    sw1: {kind: greylag, config: {ports: {eth2: {impair: {loss: 0.1}}}}}
    h1: {kind: host}
    h2: {kind: host}
  links: [{endpoints: ["h1:eth1", "sw1:eth1"]}, {endpoints: ["sw1:eth2", "h2:eth1"]}]
"#,
    ));
    world.run_until(after(Duration::from_secs(1)));
    let of_all = lost(&mut world, FRAMES);
    assert!(is_share(of_all, 0.1), "{of_all}");

    let all = Impairment { loss: 1.0, ..Impairment::default() };
    world.order(&Action::Link { link: 1, change: LinkChange::Impair { from: None, impairment: all } });
    assert_eq!(lost(&mut world, 100), 100, "a timeline's order takes its place");
    world.order(&Action::Link { link: 1, change: LinkChange::Up });
    assert!((1..100).contains(&lost(&mut world, 100)), "and mending the link gives it back");

    world.order(&Action::Commit {
        switch: 0,
        patch: Patch { text: "{ports: {eth2: {impair: {loss: 1.0}}}}".to_owned() },
        author: "ops".to_owned(),
        confirm_within: Some(Duration::from_secs(60)),
    });
    assert_eq!(lost(&mut world, 100), 100);
    world.run_until(world.now() + Duration::from_secs(61));
    assert!((1..100).contains(&lost(&mut world, 100)), "nobody has confirmed it");
}

/// How many of so many frames from the first host are lost by chance.
fn lost(world: &mut World<Notes>, frames: usize) -> usize {
    let before = world.observer().lost(LinkLoss::Loss);
    for _ in 0..frames {
        world.send(0, 0, &frame(station(1), station(2)));
        world.run_until(world.now() + Duration::from_micros(100));
    }
    world.observer().lost(LinkLoss::Loss) - before
}
