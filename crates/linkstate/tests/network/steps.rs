//! One router, step by step: what it hears, and what becomes of it.

use crate::driver::{A, Network, address, loopback, millis, router_id, secs};
use crate::pretender::{HERE, X, Y, alone, hello, lsa, packet};
use greylag_base::Instant;
use greylag_linkstate::wire::{Body, Lsa, Repr};
use greylag_linkstate::{LsaHeader, LsaId, NeighborState};
use std::time::Duration;

/// Seconds that are as many as it takes.
const MAX_AGE: u16 = 3600;

/// What happens.
enum Deed {
    /// Nothing but time.
    Passes,
    /// The neighbor names these in its hello.
    Hello(&'static [usize]),
    /// The same, after a restart.
    HelloAnew(&'static [usize]),
    /// It says this to all.
    Says(Body),
    /// It says this to the router alone.
    SaysAlone(Body),
    /// BFD says so.
    Path(bool),
    /// The carrier.
    Carrier(bool),
}

use Deed::{Carrier, Hello, HelloAnew, Passes, Path, Says, SaysAlone};

/// At so many milliseconds, what happens, what the neighbor is then, and what is sent because of that, hellos aside.
type Step = (u64, Deed, Option<NeighborState>, &'static [&'static str]);

const NOBODY: Option<NeighborState> = None;
const HELD: Option<NeighborState> = Some(NeighborState::Held);
const INIT: Option<NeighborState> = Some(NeighborState::Init);
const EXCHANGE: Option<NeighborState> = Some(NeighborState::Exchange);
const FULL: Option<NeighborState> = Some(NeighborState::Full);

fn play(network: &mut Network, steps: Vec<Step>) {
    let begin = network.now;
    for (number, (at, deed, state, says)) in steps.into_iter().enumerate() {
        let now = begin + millis(at);
        while network.step(now) {}
        network.sent.retain(|sent| sent.at == now);
        match deed {
            Passes => {}
            Hello(heard) => network.hear_body(X, Body::Hello(hello(X, heard))),
            HelloAnew(heard) => {
                let anew = packet(X, Body::Hello(hello(X, heard)));
                network.hear(X, &Repr { incarnation: 8, ..anew });
            }
            Says(body) => network.hear_body(X, body),
            SaysAlone(body) => network.hear_alone(X, body),
            Path(usable) => network.tell(A, |router, now| router.set_path(now, HERE, address(0, X), usable)),
            Carrier(up) => network.set_carrier(0, up),
        }
        assert_eq!(network.state(A, X), state, "step {number}, at {at}");
        assert_eq!(network.says(), says, "step {number}, at {at}");
    }
}

fn acknowledges(header: LsaHeader) -> Body {
    Body::Acknowledgement(vec![header])
}

#[test]
fn an_adjacency_goes_up_and_down() {
    let mut network = alone();
    let own = network.own();
    let later = LsaHeader { sequence: own.sequence + 1, ..own };
    play(
        &mut network,
        vec![
            (0, Passes, NOBODY, &[]),
            (100, Hello(&[]), INIT, &[]),
            (200, Hello(&[Y]), INIT, &[]),
            (300, Hello(&[Y, A]), EXCHANGE, &["summary 1"]),
            // Nothing is said again before five seconds have passed, and everything after.
            (5299, Passes, EXCHANGE, &[]),
            (5300, Passes, EXCHANGE, &["summary 1"]),
            // An instance before is no confirmation.
            (5400, Says(acknowledges(LsaHeader { sequence: own.sequence - 1, ..own })), EXCHANGE, &[]),
            (5500, Says(acknowledges(own)), FULL, &["update [\"10.255.0.1-0#3\"]"]),
            (5600, Says(acknowledges(own)), FULL, &[]),
            (10_500, Passes, FULL, &["update [\"10.255.0.1-0#3\"]"]),
            // The announcement with the link is another: what confirms it has its checksum.
            (10_600, Says(acknowledges(LsaHeader { checksum: 0, ..later })), FULL, &[]),
            (15_500, Passes, FULL, &["update [\"10.255.0.1-0#3\"]"]),
            (15_600, Says(acknowledges(LsaHeader { sequence: later.sequence + 1, ..later })), FULL, &[]),
            (20_500, Passes, FULL, &[]),
            // It does not hear us any more.
            (20_600, Hello(&[Y]), INIT, &[]),
            (20_700, Hello(&[A]), EXCHANGE, &["summary 1"]),
            // BFD.
            (20_800, Path(false), HELD, &[]),
            (20_900, Hello(&[A]), HELD, &[]),
            (21_000, Path(true), INIT, &[]),
            (21_100, Path(true), INIT, &[]),
            (21_200, Hello(&[A]), EXCHANGE, &["summary 1"]),
            // It has restarted, and has heard us already.
            (21_300, HelloAnew(&[A]), EXCHANGE, &["summary 1"]),
            (21_400, HelloAnew(&[]), INIT, &[]),
            (61_399, Passes, INIT, &[]),
            (61_400, Passes, NOBODY, &[]),
            (61_500, Hello(&[A]), EXCHANGE, &["summary 1"]),
            (61_600, Carrier(false), NOBODY, &[]),
            (61_700, Hello(&[A]), NOBODY, &[]),
            (61_800, Carrier(true), NOBODY, &[]),
            (61_900, Hello(&[A]), EXCHANGE, &["summary 1"]),
        ],
    );
}

#[test]
fn databases_are_compared_before_they_are_sent() {
    let (old, now, newer) = (lsa(Y, 4), lsa(Y, 5), lsa(Y, 6));
    let mut network = alone();
    let own = network.own();
    network.befriend(&[Y]);
    network.hear_body(Y, Body::Update(vec![now.clone()]));
    assert_eq!(network.says(), ["acknowledgement 1"]);
    let other = LsaId { router: router_id(X), fragment: 0 };
    play(
        &mut network,
        vec![
            (0, Hello(&[A, Y]), EXCHANGE, &["summary 2"]),
            // The same is there: that is confirmed by both.
            (100, SaysAlone(Body::Summary(vec![now.header])), EXCHANGE, &["acknowledgement 1"]),
            // Something old is there: it is sent what is here, and not again at once.
            (200, SaysAlone(Body::Summary(vec![old.header])), EXCHANGE, &["update [\"10.255.0.25-0#5\"]"]),
            (300, SaysAlone(Body::Summary(vec![old.header])), EXCHANGE, &[]),
            // Something newer, or unknown: it is asked for, and not again at once.
            (400, SaysAlone(Body::Summary(vec![newer.header])), EXCHANGE, &["request [10.255.0.25-0]"]),
            (
                500,
                SaysAlone(Body::Summary(vec![newer.header, lsa(X, 1).header])),
                EXCHANGE,
                &["request [10.255.0.24-0]"],
            ),
            (2399, SaysAlone(Body::Summary(vec![newer.header])), EXCHANGE, &[]),
            (2400, SaysAlone(Body::Summary(vec![newer.header])), EXCHANGE, &["request [10.255.0.25-0]"]),
            // It comes, is confirmed, and goes to the other neighbor five seconds later, who should have heard it too.
            (2500, Says(Body::Update(vec![newer.clone()])), EXCHANGE, &["acknowledgement 1"]),
            (2600, Says(Body::Update(vec![newer.clone()])), EXCHANGE, &["acknowledgement 1"]),
            // It asks for the whole of what it was told of.
            (2700, SaysAlone(Body::Request(vec![own.id, other])), EXCHANGE, &["update [\"10.255.0.1-0#3\"]"]),
            (7500, Passes, EXCHANGE, &["update [\"10.255.0.25-0#6\"]"]),
            (7600, Passes, EXCHANGE, &[]),
            // An update that is old is answered with what is here.
            (7650, Says(Body::Update(vec![old])), EXCHANGE, &["update [\"10.255.0.25-0#6\"]"]),
            (7700, Passes, EXCHANGE, &["update [\"10.255.0.1-0#3\"]"]),
        ],
    );
}

#[test]
fn who_says_something_to_us_alone_hears_us() {
    let mut network = alone();
    play(
        &mut network,
        vec![
            (0, SaysAlone(Body::Summary(vec![])), NOBODY, &[]),
            (100, Hello(&[]), INIT, &[]),
            (200, Says(Body::Summary(vec![])), INIT, &[]),
            (
                300,
                SaysAlone(Body::Summary(vec![lsa(X, 1).header])),
                EXCHANGE,
                &["request [10.255.0.24-0]", "summary 1"],
            ),
        ],
    );
}

#[test]
fn what_is_withdrawn_is_told_on_and_forgotten_when_all_have_confirmed() {
    let mut network = alone();
    network.befriend(&[X, Y]);
    let withdrawn = |mut lsa: Lsa| {
        lsa.header.age = MAX_AGE;
        lsa
    };
    // What nobody here knows of need not be known to be forgotten.
    network.hear_body(X, Body::Update(vec![withdrawn(lsa(Y, 9))]));
    assert_eq!((network.says(), network.lsa(A, Y)), (vec!["acknowledgement 1".into()], None));

    network.hear_body(X, Body::Update(vec![lsa(Y, 5)]));
    network.hear_body(Y, acknowledges(lsa(Y, 5).header));
    network.hear_body(X, Body::Update(vec![lsa(X, 1)]));
    network.hear_body(Y, acknowledges(lsa(X, 1).header));
    network.run(millis(100));
    assert_eq!(network.way(A, loopback(Y)), "10.0.0.25 at 15");
    network.says();
    // The same sequence number, and the greatest age.
    network.hear_body(X, Body::Update(vec![withdrawn(lsa(Y, 5))]));
    network.run(millis(100));
    assert_eq!(network.way(A, loopback(Y)), "");
    assert_eq!(network.says(), ["acknowledgement 1"]);
    let kept = network.lsa(A, Y).expect("Y has not confirmed it").header;
    assert_eq!(kept.age, MAX_AGE);
    // What it was is old now.
    network.hear_body(X, Body::Update(vec![lsa(Y, 5)]));
    assert_eq!(network.says(), ["update [\"10.255.0.25-0#5\"]"]);
    network.hear_body(X, acknowledges(kept));
    network.run(secs(5));
    assert_eq!(network.says(), ["update [\"10.255.0.25-0#5\"]"]);
    network.hear_body(Y, acknowledges(lsa(Y, 5).header));
    assert!(network.lsa(A, Y).is_some(), "that was of what it was");
    network.hear_body(Y, acknowledges(kept));
    assert_eq!(network.lsa(A, Y), None);
}

#[test]
fn announcements_grow_old_on_the_way_and_while_they_wait() {
    let mut network = alone();
    network.befriend(&[X]);
    let mut aged = lsa(X, 1);
    aged.header.age = 100;
    let heard = network.now;
    network.hear_body(X, Body::Update(vec![aged]));
    network.run_with(&[X], network.now + secs(200));
    assert_eq!(network.lsa(A, X).map(|row| row.header.age), Some(300));
    // A router that comes is told of it six seconds later, and a second older than that.
    network.befriend(&[X, Y]);
    network.hear_alone(Y, Body::Request(vec![lsa(X, 1).header.id]));
    let repr = network.sent.last().expect("it was asked").repr();
    let Body::Update(lsas) = repr.body else { panic!("{repr:?}") };
    assert_eq!(lsas[0].header.age, 307);
    network.hear_body(Y, acknowledges(lsas[0].header));
    network.says();

    // An hour after it was made nobody believes it, and the others are told.
    let end = heard + secs(3500);
    network.run_with(&[X, Y], Instant::from_nanos(end.as_nanos() - 1));
    assert_eq!(network.lsa(A, X).map(|row| row.header.age), Some(3599));
    network.says();
    network.run(Duration::from_nanos(1));
    assert_eq!(network.lsa(A, X).map(|row| row.header.age), Some(MAX_AGE));
    let said = network.says();
    assert!(said.len() == 1 && said[0].contains("10.255.0.24-0#1"), "{said:?}");
}

#[test]
fn our_own_is_refreshed_every_half_hour() {
    let mut network = alone();
    network.befriend(&[X]);
    let before = network.own();
    // It was made a while ago, when X came.
    let rest = secs(1800 - u64::from(before.age));
    network.run_with(&[X], network.now + (rest - secs(1)));
    assert_eq!(network.own().sequence, before.sequence);
    network.says();
    network.run(secs(1));
    assert_eq!((network.own().sequence, network.own().age), (before.sequence + 1, 0));
    assert_eq!(network.says(), ["update [\"10.255.0.1-0#4\"]"]);
}

#[test]
fn what_is_ours_and_older_than_we_are_is_outbid_or_withdrawn() {
    let mut network = alone();
    network.befriend(&[X]);
    let own = network.own();
    let id = |fragment| LsaId { router: router_id(A), fragment };
    network.run_with(&[X], network.now + secs(10));
    network.says();
    // A greater number: outbid.
    let old = Lsa::new(id(0), 70, false, vec![], vec![]);
    network.hear_body(X, Body::Update(vec![old.clone()]));
    assert_eq!((network.own().sequence, network.says()), (71, vec!["update [\"10.255.0.1-0#71\"]".into()]));
    // Again, within five seconds: after that.
    network.hear_body(X, Body::Update(vec![Lsa::new(id(0), 80, false, vec![], vec![])]));
    assert_eq!(network.says(), Vec::<String>::new());
    network.run(secs(5));
    assert_eq!((network.own().sequence, network.says()), (81, vec!["update [\"10.255.0.1-0#81\"]".into()]));
    // The same number: the greater checksum is taken for newer by all, so both are outbid.
    let other = Lsa::new(id(0), own.sequence, false, vec![], vec![]);
    network.hear_body(X, Body::Update(vec![other]));
    assert_eq!(network.own().sequence, 81);
    // Another announcement, which we do not make: it is withdrawn.
    network.says();
    network.run(secs(5));
    network.says();
    network.hear_body(X, Body::Update(vec![Lsa::new(id(1), 9, false, vec![], vec![])]));
    let repr = network.sent.last().expect("it is withdrawn").repr();
    let Body::Update(lsas) = repr.body else { panic!("{repr:?}") };
    assert_eq!((lsas[0].header.id, lsas[0].header.sequence, lsas[0].header.age), (id(1), 9, MAX_AGE));
    network.hear_body(X, acknowledges(lsas[0].header));
    assert_eq!(network.snapshot(A).database.len(), 1);
}

#[test]
fn after_the_last_sequence_number_comes_the_first() {
    let mut network = alone();
    network.befriend(&[X]);
    network.run_with(&[X], network.now + secs(10));
    network.says();
    let last = Lsa::new(LsaId { router: router_id(A), fragment: 0 }, u32::MAX, false, vec![], vec![]);
    network.hear_body(X, Body::Update(vec![last.clone()]));
    let withdrawn = network.own();
    assert_eq!((withdrawn.sequence, withdrawn.age), (u32::MAX, MAX_AGE));
    assert_eq!(network.says(), ["update [\"10.255.0.1-0#4294967295\"]"]);
    // Nothing follows before all have confirmed that.
    network.run(secs(6));
    assert_eq!(network.says(), ["update [\"10.255.0.1-0#4294967295\"]"]);
    network.hear_body(X, acknowledges(withdrawn));
    network.run(secs(1));
    assert_eq!(network.says(), ["update [\"10.255.0.1-0#1\"]"]);
    assert_eq!((network.own().sequence, network.own().age), (1, 1));
}

#[test]
fn a_router_that_has_come_to_the_last_number_itself_begins_anew() {
    let mut network = alone();
    network.befriend(&[X]);
    let last = Lsa::new(LsaId { router: router_id(A), fragment: 0 }, u32::MAX - 1, false, vec![], vec![]);
    network.hear_body(X, Body::Update(vec![last]));
    network.run(secs(5));
    assert_eq!((network.own().sequence, network.own().age < MAX_AGE), (u32::MAX, true));
    network.hear_body(X, acknowledges(network.own()));
    network.reconfigure(A, |config| config.prefixes.truncate(1));
    network.run(secs(5));
    let withdrawn = network.own();
    assert_eq!((withdrawn.sequence, withdrawn.age), (u32::MAX, MAX_AGE));
    network.hear_body(X, acknowledges(withdrawn));
    network.run(secs(5));
    assert_eq!(network.own().sequence, 1);
}

#[test]
fn silence_is_silence_even_where_the_caller_wakes_it_late() {
    let mut network = alone();
    network.befriend(&[X]);
    // Nobody calls for longer than the dead interval; then a hello is first.
    network.now += Duration::from_nanos(40_000_000_001);
    network.hear_body(X, Body::Hello(hello(X, &[A])));
    assert_eq!(network.state(A, X), Some(NeighborState::Exchange));
    assert_eq!(network.downs().len(), 1);
}

#[test]
fn a_hello_at_the_last_moment_is_in_time() {
    let mut network = alone();
    network.befriend(&[X]);
    network.now += secs(40);
    network.hear_body(X, Body::Hello(hello(X, &[A])));
    assert_eq!((network.state(A, X), network.downs().len()), (Some(NeighborState::Full), 0));
}

#[test]
fn a_restarted_neighbor_that_loses_nothing_but_its_memory_is_told_all_again() {
    let mut network = alone();
    network.befriend(&[X]);
    network.hear_body(X, Body::Update(vec![lsa(X, 1)]));
    network.run(millis(100));
    assert_eq!(network.way(A, loopback(X)), "10.0.0.24 at 11");
    let anew = packet(X, Body::Hello(hello(X, &[A])));
    network.says();
    network.hear(X, &Repr { incarnation: 8, ..anew });
    network.run(millis(100));
    assert_eq!(network.way(A, loopback(X)), "");
    // Our own is another by now, without the link.
    assert_eq!(network.says(), ["summary 1", "update [\"10.255.0.1-0#4\"]"]);
    // What its former life still had under way is not heard.
    network.hear_body(X, Body::Update(vec![lsa(Y, 1)]));
    assert_eq!(network.lsa(A, Y), None);
}
