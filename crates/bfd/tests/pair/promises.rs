//! What holds for any parameters, delays and packets.

use crate::driver::{A, B, Pair, SESSION, Way, address, millis, ms, secs, session, timed};
use greylag_base::{InterfaceId, Seed};
use greylag_bfd::{Bfd, Diagnostic, Micros, PacketIn, Role, SessionConfig, State, When};
use greylag_wire::bfd::{PACKET_LEN, Repr};
use proptest::prelude::*;
use std::time::Duration;

/// What an operator may ask of one end: intervals in milliseconds, and the multiplier.
type Times = (u32, u32, u8);

fn times() -> impl Strategy<Value = Times> {
    (10_u32..1500, 10_u32..1500, 1_u8..6)
}

fn of(switch: usize, (desired, required, multiplier): Times) -> SessionConfig {
    timed(switch, desired, required, multiplier)
}

/// Delays of either direction.
fn delays() -> impl Strategy<Value = [Duration; 2]> {
    (0_u64..300_000, 0_u64..300_000).prop_map(|(a, b)| [a, b].map(Duration::from_micros))
}

/// By how much packets of `from` may be late before `to` gives up: the detection time less the longest time between two.
fn slack(from: &SessionConfig, to: &SessionConfig) -> Duration {
    let agreed = from.desired_minimum_tx_interval.max(to.required_minimum_receive).duration();
    match from.detection_multiplier {
        1 => agreed / 10,
        multiplier => agreed * u32::from(multiplier - 1),
    }
}

fn never_down(pair: &Pair) -> Result<(), TestCaseError> {
    let failures = [pair.failures(A), pair.failures(B)];
    prop_assert!(pair.is_up() && failures.iter().all(Vec::is_empty), "{failures:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn two_switches_come_up_and_stay_up(
        a in times(),
        b in times(),
        delay in delays(),
        wander in (0.0..0.98_f64, 0.0..0.98_f64),
        passive in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let (a, mut b) = (of(A, a), of(B, b));
        b.role = if passive { Role::Passive } else { Role::Active };
        let wander = [slack(&a, &b).mul_f64(wander.0), slack(&b, &a).mul_f64(wander.1)];
        let mut pair = Pair::far([a, b], Seed(seed), delay, wander);
        let handshake = secs(3) + 3 * (delay[A] + delay[B] + pair.wander[A] + pair.wander[B])
            + 2 * (a.desired_minimum_tx_interval.duration() + b.desired_minimum_tx_interval.duration());
        prop_assert!(pair.run_until(handshake, Pair::is_up), "{:#?} {:#?}", pair.row(A), pair.row(B));
        pair.run(secs(30));
        never_down(&pair)?;
    }

    #[test]
    fn no_change_of_parameters_takes_a_session_down(
        before in (times(), times()),
        changes in proptest::collection::vec((0_usize..2, times(), 0_u64..2500), 1..8),
        delay in delays(),
        seed in any::<u64>(),
    ) {
        let sessions = [of(A, before.0), of(B, before.1)];
        let mut pair = Pair::far(sessions, Seed(seed), delay, [Duration::ZERO; 2]);
        prop_assert!(pair.run_until(secs(10), Pair::is_up));
        let mut last = [before.0, before.1];
        for (switch, times, after) in changes {
            pair.reconfigure(switch, |session| *session = of(switch, times));
            last[switch] = times;
            pair.run(millis(after));
            never_down(&pair)?;
        }
        pair.run(secs(30));
        never_down(&pair)?;
        // In the end both go by what both want.
        let [a, b] = [of(A, last[A]), of(B, last[B])];
        for (switch, here, there) in [(A, &a, &b), (B, &b, &a)] {
            let agreed = here.desired_minimum_tx_interval.max(there.required_minimum_receive);
            prop_assert_eq!(pair.row(switch).transmit_interval, agreed);
            let heard = there.desired_minimum_tx_interval.max(here.required_minimum_receive).duration();
            let time = heard * u32::from(there.detection_multiplier);
            prop_assert_eq!(pair.row(switch).detection_time, Some(time));
        }
    }

    #[test]
    fn silence_is_detected_within_the_time_that_was_agreed(
        a in times(),
        b in times(),
        delay in delays(),
        at in 0_u64..3000,
        one_way in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let (a, b) = (of(A, a), of(B, b));
        let mut pair = Pair::far([a, b], Seed(seed), delay, [Duration::ZERO; 2]);
        prop_assert!(pair.run_until(secs(10), Pair::is_up));
        pair.run(secs(10) + millis(at));
        // Nothing that B sends arrives any more.
        pair.ways[B] = Way::Cut;
        if !one_way {
            pair.ways[A] = Way::Cut;
        }
        let cut = pair.now;
        pair.run(secs(20));
        let agreed = b.desired_minimum_tx_interval.max(a.required_minimum_receive).duration();
        let time = agreed * u32::from(b.detection_multiplier);
        let failure = pair.failures(A)[0];
        prop_assert_eq!(failure.because, When::DetectionTimeExpired);
        // The last packet that passed was sent an interval before at most, and arrived after its delay.
        prop_assert!(failure.at + agreed > cut + time + delay[B], "{failure:?} after {cut}");
        prop_assert!(failure.at <= cut + time + delay[B], "{failure:?} after {cut}");
        let there = pair.failures(B)[0];
        if one_way {
            prop_assert_eq!(there.local_diagnostic, Diagnostic::NeighborSignaledSessionDown);
            prop_assert_eq!(there.remote_diagnostic, Diagnostic::ControlDetectionTimeExpired);
            prop_assert_eq!(there.at, failure.at + delay[A]);
        } else {
            prop_assert_eq!(there.local_diagnostic, Diagnostic::ControlDetectionTimeExpired);
        }
    }

    #[test]
    fn no_packet_does_harm_and_each_is_counted_once(
        packets in proptest::collection::vec(
            (
                prop_oneof![
                    // One that was sound, with some octets that are not.
                    (0_u8..4, proptest::collection::vec((0_usize..PACKET_LEN, any::<u8>()), 0..4)).prop_map(Ok),
                    proptest::collection::vec(any::<u8>(), 0..60).prop_map(Err),
                ],
                prop_oneof![Just(255_u8), any::<u8>()],
                prop_oneof![Just(3784_u16), Just(4784), any::<u16>()],
                0_usize..3,
                2_u16..5,
                0_u64..400,
            ),
            1..40,
        ),
        enabled in any::<bool>(),
    ) {
        let mut pair = Pair::alone(SessionConfig { enabled, ..session(A) });
        let count = packets.len() as u64;
        for (content, ttl, destination_port, from, interface, after) in packets {
            let payload = match content {
                Ok((state, changes)) => {
                    let mut octets = pair.says(State::Down).emit();
                    octets[1] = state << 6;
                    for (at, octet) in changes {
                        octets[at] = octet;
                    }
                    octets.to_vec()
                }
                Err(noise) => noise,
            };
            pair.hear_packet(&PacketIn {
                from: address(from),
                to: address(A),
                interface: InterfaceId(interface),
                ttl,
                destination_port,
                payload: &payload,
            });
            // A packet may ask for one every microsecond, which is its sender's right and takes the test's time.
            pair.reconfigure(A, |session| session.desired_minimum_tx_interval = ms(50));
            pair.run(millis(after));
        }
        let received = pair.row(A).asynchronous.received_packets;
        prop_assert_eq!(received + pair.switches[A].snapshot().discards.total(), count);
        for sent in &pair.sent {
            prop_assert!(Repr::parse(&sent.packet.payload).is_ok());
        }
        // It is none the worse for it.
        pair.reconfigure(A, |session| session.enabled = true);
        pair.hear(State::AdminDown);
        pair.hear(State::Init);
        prop_assert_eq!(pair.state(A), State::Up);
    }
}

#[test]
fn the_longest_times_are_counted_right() {
    let longest = |switch| SessionConfig {
        desired_minimum_tx_interval: Micros(u32::MAX),
        required_minimum_receive: Micros(u32::MAX),
        detection_multiplier: u8::MAX,
        ..session(switch)
    };
    let mut pair = Pair::new(longest(A), longest(B));
    assert!(pair.run_until(3 * Micros(u32::MAX).duration(), Pair::is_up));
    let day = secs(86_400);
    pair.run(100 * day);
    assert_eq!(pair.row(A).detection_time, Some(Micros(u32::MAX).duration() * 255));
    assert!(pair.is_up() && pair.failures(A).is_empty());
    pair.tell(A, Bfd::reset_forwarding);
    assert_eq!(pair.switches[A].state(SESSION), Some(State::Down));
}
