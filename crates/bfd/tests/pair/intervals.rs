//! How often packets go, and from when on new intervals count.

use crate::driver::{A, B, PRETENDER, Pair, SESSION, Sent, millis, ms, secs, timed};
use greylag_base::Instant;
use greylag_bfd::{BfdEvent, Concatenated, Micros, State};
use greylag_wire::bfd::{Flags, Repr};
use std::time::Duration;

/// The times between periodic packets, in millionths of what was agreed.
fn shares<'a>(sent: impl Iterator<Item = &'a Sent>, interval: Duration) -> Vec<u128> {
    let at: Vec<Instant> = sent.filter(|sent| !sent.has(Flags::FINAL)).map(|sent| sent.at).collect();
    at.windows(2).map(|pair| (pair[1] - pair[0]).as_nanos() * 1_000_000 / interval.as_nanos()).collect()
}

/// All within, and nearly as far apart as they may be.
fn spread(shares: &[u128], least: u128, most: u128) {
    assert!(shares.len() >= 100, "{}", shares.len());
    let (low, high) = (*shares.iter().min().unwrap(), *shares.iter().max().unwrap());
    assert!(least <= low && low < least + 10_000, "{low}");
    assert!(high <= most && most - 10_000 < high, "{high}");
}

#[test]
fn packets_come_a_quarter_early_at_most_and_never_late() {
    let mut pair = Pair::settled(timed(A, 50, 50, 3), timed(B, 50, 50, 3));
    pair.run(secs(60));
    spread(&shares(pair.sent_by(A), millis(50)), 750_000, 1_000_000);
}

#[test]
fn with_a_multiplier_of_one_they_come_a_tenth_early_at_least() {
    let mut pair = Pair::settled(timed(A, 50, 50, 1), timed(B, 50, 50, 3));
    pair.run(secs(60));
    spread(&shares(pair.sent_by(A), millis(50)), 750_000, 900_000);
    spread(&shares(pair.sent_by(B), millis(50)), 750_000, 1_000_000);
}

#[test]
fn who_is_not_up_sends_once_a_second() {
    let mut pair = Pair::alone(timed(A, 50, 50, 3));
    pair.run(secs(600));
    spread(&shares(pair.sent_by(A), secs(1)), 750_000, 1_000_000);
    // And no more often than it wants to.
    let mut pair = Pair::alone(timed(A, 5000, 50, 3));
    pair.run(secs(3000));
    spread(&shares(pair.sent_by(A), secs(5)), 750_000, 1_000_000);
}

#[test]
fn the_slower_end_decides() {
    let mut pair = Pair::settled(timed(A, 50, 200, 3), timed(B, 100, 500, 4));
    pair.run(secs(200));
    spread(&shares(pair.sent_by(A), millis(500)), 750_000, 1_000_000);
    spread(&shares(pair.sent_by(B), millis(200)), 750_000, 1_000_000);
    let (a, b) = (pair.row(A), pair.row(B));
    assert_eq!((a.transmit_interval, a.detection_time), (ms(500), Some(millis(800))));
    assert_eq!((b.transmit_interval, b.detection_time), (ms(200), Some(millis(1500))));
}

/// A session that is up with somebody who sends and hears every 100 ms, and has answered its poll.
fn up() -> Pair {
    let mut pair = Pair::alone(timed(A, 100, 100, 3));
    pair.hear(State::Init);
    pair.hear_repr(&Repr { flags: Flags::FINAL, ..pair.says(State::Up) });
    listen(&mut pair, 10, |_| {});
    pair.sent.clear();
    pair
}

/// Hears the other end every 90 ms, with these changes.
fn listen(pair: &mut Pair, times: usize, change: fn(&mut Repr)) {
    for _ in 0..times {
        pair.run(millis(90));
        let mut repr = pair.says(State::Up);
        change(&mut repr);
        pair.hear_repr(&repr);
    }
    assert_eq!(pair.state(A), State::Up);
}

#[test]
fn sending_less_often_waits_for_the_final_and_polls_by_the_clock() {
    let mut pair = up();
    pair.reconfigure(A, |session| session.desired_minimum_tx_interval = ms(400));
    let told = pair.sent[0].repr();
    assert_eq!((pair.sent.len(), told.desired_min_tx), (1, ms(400)));
    listen(&mut pair, 30, |_| {});
    assert!(pair.sent.iter().all(|sent| sent.has(Flags::POLL) && !sent.has(Flags::FINAL)));
    // As often as before, and no more often for the poll's sake.
    assert!(shares(pair.sent.iter(), millis(100)).iter().all(|share| (750_000..=1_000_000).contains(share)));
    assert_eq!(pair.row(A).transmit_interval, ms(100));

    pair.sent.clear();
    listen(&mut pair, 1, |repr| repr.flags = Flags::FINAL);
    assert_eq!(pair.row(A).transmit_interval, ms(400));
    listen(&mut pair, 30, |_| {});
    let after = &pair.sent[1..];
    assert!(after.iter().all(|sent| !sent.has(Flags::POLL)), "{after:?}");
    assert!(shares(after.iter(), millis(400)).iter().all(|share| (750_000..=1_000_000).contains(share)));
}

#[test]
fn sending_more_often_begins_at_once() {
    let mut pair = up();
    pair.reconfigure(A, |session| session.desired_minimum_tx_interval = ms(400));
    listen(&mut pair, 5, |repr| repr.flags = Flags::FINAL);
    listen(&mut pair, 20, |_| {});
    pair.reconfigure(A, |session| session.desired_minimum_tx_interval = ms(100));
    pair.sent.clear();
    pair.run(millis(200));
    assert_eq!(pair.row(A).transmit_interval, ms(100));
    assert_eq!(pair.sent.len(), 2);
}

#[test]
fn giving_up_sooner_waits_for_the_final_and_more_patience_does_not() {
    let mut pair = up();
    pair.reconfigure(A, |session| session.required_minimum_receive = ms(500));
    assert_eq!(pair.row(A).detection_time, Some(millis(1500)));
    listen(&mut pair, 1, |repr| repr.flags = Flags::FINAL);
    listen(&mut pair, 1, |_| {});
    pair.reconfigure(A, |session| session.required_minimum_receive = ms(200));
    listen(&mut pair, 5, |_| {});
    assert_eq!(
        (pair.last_sent(A).required_min_rx, pair.row(A).detection_time),
        (ms(200), Some(millis(1500)))
    );
    listen(&mut pair, 1, |repr| repr.flags = Flags::FINAL);
    assert_eq!(pair.row(A).detection_time, Some(millis(600)));
}

#[test]
fn a_change_while_one_is_being_told_is_told_next() {
    let mut pair = up();
    pair.reconfigure(A, |session| session.desired_minimum_tx_interval = ms(400));
    pair.reconfigure(A, |session| session.desired_minimum_tx_interval = ms(300));
    listen(&mut pair, 5, |_| {});
    assert_eq!(pair.last_sent(A).desired_min_tx, ms(400));
    // The first Final took half a second, so the last packet that asked may be answered half a second later still.
    listen(&mut pair, 3, |repr| repr.flags = Flags::FINAL);
    assert_eq!(pair.last_sent(A).desired_min_tx, ms(400));
    listen(&mut pair, 1, |_| {});
    assert_eq!(pair.last_sent(A).desired_min_tx, ms(400));
    listen(&mut pair, 5, |_| {});
    assert_eq!(pair.last_sent(A).desired_min_tx, ms(300));
    assert!(pair.sent.last().unwrap().has(Flags::POLL));
}

#[test]
fn another_multiplier_is_told_at_once_without_a_poll() {
    let mut pair = up();
    pair.reconfigure(A, |session| session.detection_multiplier = 5);
    assert_eq!((pair.sent.len(), pair.last_sent(A).detect_mult), (1, 5));
    assert!(!pair.sent[0].has(Flags::POLL));
}

#[test]
fn a_poll_is_answered_at_once_and_besides_what_goes_by_the_clock() {
    let mut pair = up();
    listen(&mut pair, 100, |repr| repr.flags = Flags::POLL);
    let (answers, clocked): (Vec<Sent>, Vec<Sent>) =
        pair.sent.iter().partition(|sent| sent.has(Flags::FINAL));
    assert_eq!(answers.len(), 100);
    assert!(answers.iter().all(|sent| !sent.has(Flags::POLL)));
    assert!(shares(clocked.iter(), millis(100)).iter().all(|share| (750_000..=1_000_000).contains(share)));
}

#[test]
fn an_end_that_can_hear_more_is_told_more_at_once() {
    let mut pair = up();
    listen(&mut pair, 1, |repr| repr.required_min_rx = ms(5000));
    pair.sent.clear();
    listen(&mut pair, 20, |repr| repr.required_min_rx = ms(5000));
    assert_eq!(pair.sent.len(), 0);
    pair.hear(State::Up);
    // The new interval is over already.
    assert_eq!((pair.sent.len(), pair.row(A).transmit_interval), (1, ms(100)));
}

#[test]
fn an_end_that_can_hear_nothing_is_told_nothing_but_answers() {
    let mut pair = up();
    listen(&mut pair, 1, |repr| repr.required_min_rx = Micros(0));
    pair.sent.clear();
    listen(&mut pair, 100, |repr| repr.required_min_rx = Micros(0));
    pair.reconfigure(A, |session| session.detection_multiplier = 9);
    assert_eq!(pair.sent.len(), 0);
    listen(&mut pair, 1, |repr| {
        repr.required_min_rx = Micros(0);
        repr.flags = Flags::POLL;
    });
    assert!(pair.sent.len() == 1 && pair.sent[0].has(Flags::FINAL));
    // After the detection time nobody remembers what it asked for (RFC 5880 6.8.18).
    pair.sent.clear();
    pair.run(millis(300));
    assert_eq!((pair.state(A), pair.row(A).remote_minimum_receive_interval), (State::Down, Micros(1)));
    pair.run(secs(10));
    assert!(pair.sent.len() >= 10);
}

#[test]
fn an_end_in_demand_mode_hears_what_is_new_and_no_more() {
    let demands = |repr: &mut Repr| repr.flags = Flags::DEMAND;
    let mut pair = up();
    listen(&mut pair, 1, demands);
    pair.sent.clear();
    listen(&mut pair, 50, demands);
    assert_eq!(pair.sent.len(), 0);
    assert!(pair.row(A).demand_mode_requested);

    // What changes is told by a Poll Sequence, until it is answered (6.6).
    pair.tell(A, |bfd, now| bfd.set_concatenated(now, SESSION, Some(Concatenated::Reverse)));
    listen(&mut pair, 10, demands);
    assert!(pair.sent.len() >= 9 && pair.sent.iter().all(|sent| sent.has(Flags::POLL)));
    listen(&mut pair, 1, |repr| repr.flags = Flags::DEMAND.with(Flags::FINAL));
    pair.sent.clear();
    listen(&mut pair, 50, demands);
    assert_eq!(pair.sent.len(), 0);

    // It polls to see whether we are there; we never demand.
    listen(&mut pair, 1, |repr| repr.flags = Flags::DEMAND.with(Flags::POLL));
    assert!(pair.sent.len() == 1 && pair.sent[0].has(Flags::FINAL) && !pair.sent[0].has(Flags::DEMAND));
    // It does not demand any more; then it goes down, where demanding means nothing.
    pair.sent.clear();
    listen(&mut pair, 10, |_| {});
    assert!(pair.sent.len() >= 9);
    pair.hear_repr(&Repr { flags: Flags::DEMAND, ..pair.says(State::Down) });
    pair.sent.clear();
    pair.run(secs(5));
    assert!(pair.sent.len() >= 5);
}

#[test]
fn both_ends_agree_on_what_is_in_force() {
    let mut pair = Pair::new(timed(A, 50, 200, 3), timed(B, 100, 500, 4));
    pair.run(secs(5));
    pair.events.clear();
    pair.reconfigure(B, |session| {
        session.desired_minimum_tx_interval = ms(900);
        session.required_minimum_receive = ms(40);
        session.detection_multiplier = 2;
    });
    pair.run(secs(5));
    let last = |switch| {
        let own = pair.events.iter().rev().filter(|(_, who, _)| *who == switch);
        own.map(|(_, _, event)| *event).next()
    };
    let changed = |transmit, detection| {
        let detection_time = millis(detection);
        Some(BfdEvent::ParametersChanged {
            session: SESSION,
            transmit_interval: ms(transmit),
            detection_time,
        })
    };
    assert_eq!((last(A), last(B)), (changed(50, 1800), changed(900, 150)));
    assert!(pair.failures(A).is_empty() && pair.failures(B).is_empty());
}

#[test]
fn a_session_that_is_told_what_it_knows_says_nothing() {
    let mut pair = up();
    pair.reconfigure(A, |_| {});
    pair.tell(A, |bfd, now| bfd.set_path(now, SESSION, true));
    assert_eq!(pair.sent.len(), 0);
    assert_eq!(pair.row(A).remote_discriminator, PRETENDER);
}
