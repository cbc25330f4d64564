//! RFC 2544 (and RFC 9004 for bursts), from the first station to the second.

use super::generator::Course;
use super::measure::Measure;
use super::search::{highest_count, highest_rate};
use super::trial::{Manner, Range};
use super::{Session, Turn, WireError, dut};
use std::time::Duration;

/// Rates are found to within this share of what the generator offers.
const RESOLUTION: f64 = 0.02;
/// The loss that is allowed the second time.
const LITTLE: f64 = 0.001;
/// Frames of the shortest burst that is tried; the longest is that of a trial.
const SHORTEST: u64 = 64;
/// Bursts are found to within this share.
const BURST_RESOLUTION: f64 = 0.05;

pub(super) fn measure(
    session: &mut Session<'_>,
    turn: &Turn,
    range: &mut Range<'_>,
    manner: &Manner,
    bare: Option<&dut::Bare>,
) -> Result<(), WireError> {
    match turn.measure {
        Measure::Forwarding => forwarding(session, turn, range, manner, bare),
        Measure::Throughput => throughput(session, turn, range, manner),
        Measure::Latency => latency(session, turn, range, manner),
        Measure::Loss => loss(session, turn, range, manner),
        _ => back_to_back(session, turn, range, manner),
    }
}

fn forwarding(
    session: &mut Session<'_>,
    turn: &Turn,
    range: &mut Range<'_>,
    manner: &Manner,
    bare: Option<&dut::Bare>,
) -> Result<(), WireError> {
    let plan = session.plan;
    let mut course = Course::flat_out(plan.trial);
    (course.rate, course.burst) = (plan.rate, plan.burst);
    let read = bare.map_or(0, dut::Bare::read);
    let outcome = range.trial(manner, &course)?;
    let rate = match (turn.dut, bare) {
        // Nothing comes out: what counts is what was read.
        (dut::Dut::Drain, Some(bare)) => (bare.read() - read) as f64 / outcome.sent.seconds,
        _ => outcome.rate(),
    };
    let gigabits = rate * (manner.size.mean() - 4.0) * 8.0 / 1e9;
    let details = [
        ("offered Mpps", outcome.offered() / 1e6),
        ("Gbit/s", gigabits),
        ("loss %", outcome.loss() * 100.0),
        ("excess frames", outcome.excess() as f64),
    ];
    session.ledger.add(turn, Turn::case(manner), "Mpps", rate / 1e6, &details);
    Ok(())
}

/// What the generator offers through this device, which takes some of its time where the kernel forwards.
fn most(range: &mut Range<'_>, manner: &Manner, time: Duration) -> Result<f64, WireError> {
    Ok(range.trial(manner, &Course::flat_out(time / 2))?.offered())
}

/// The highest rate that was really offered, up to `most`, with no more loss than is allowed. A generator that others kept from its core has
/// offered less than it was told to.
fn highest(
    session: &Session<'_>,
    range: &mut Range<'_>,
    manner: &Manner,
    (most, allowed): (f64, f64),
) -> Result<f64, WireError> {
    let (time, burst) = (session.plan.trial, session.plan.burst);
    let mut best = 0.0_f64;
    highest_rate(most, RESOLUTION, |rate| {
        let course = Course { burst, ..Course::at(rate, time) };
        let outcome = range.trial(manner, &course)?;
        let passes = outcome.loss() <= allowed;
        if passes {
            best = best.max(outcome.offered().min(rate));
        }
        Ok::<bool, WireError>(passes)
    })?;
    Ok(best)
}

fn throughput(
    session: &mut Session<'_>,
    turn: &Turn,
    range: &mut Range<'_>,
    manner: &Manner,
) -> Result<(), WireError> {
    let most = most(range, manner, session.plan.trial)?;
    let little = highest(session, range, manner, (most, LITTLE))?;
    // What loses too much for the one loses too much for the other.
    let none = highest(session, range, manner, (little.max(most * RESOLUTION), 0.0))?;
    let details = [("Mpps at 0.1 % loss", little / 1e6), ("generator's most, Mpps", most / 1e6)];
    session.ledger.add(turn, Turn::case(manner), "Mpps without loss", none / 1e6, &details);
    Ok(())
}

fn latency(
    session: &mut Session<'_>,
    turn: &Turn,
    range: &mut Range<'_>,
    manner: &Manner,
) -> Result<(), WireError> {
    let time = session.plan.trial;
    let most = most(range, manner, time)?;
    let throughput = highest(session, range, manner, (most, LITTLE))?;
    for percent in [10.0, 50.0, 90.0] {
        let rate = throughput * percent / 100.0;
        if rate < 1.0 {
            continue;
        }
        session.say(turn, &format!("{} octets at {percent} %", manner.size.name()));
        let (outcome, latency) = range.timed(manner, rate, time)?;
        let case = Turn::case(manner).map(|case| format!("{case}, at {percent} % of throughput"));
        let details = [("Mpps", outcome.offered() / 1e6), ("loss %", outcome.loss() * 100.0)];
        session.ledger.add_latency(turn, case, "us, one way", &latency.summary(), &details);
    }
    Ok(())
}

/// From the highest rate downwards, until two in a row lose nothing.
fn loss(
    session: &mut Session<'_>,
    turn: &Turn,
    range: &mut Range<'_>,
    manner: &Manner,
) -> Result<(), WireError> {
    let time = session.plan.trial;
    let most = most(range, manner, time)?;
    let mut clean = 0;
    for percent in (1..=10).rev().map(|tenth| tenth * 10) {
        let rate = most * f64::from(percent) / 100.0;
        session.say(turn, &format!("{} octets at {percent} %", manner.size.name()));
        let outcome = range.trial(manner, &Course::at(rate, time))?;
        let case = Turn::case(manner).map(|case| format!("{case}, {percent} % offered"));
        let details = [("offered Mpps", outcome.offered() / 1e6)];
        session.ledger.add(turn, case, "% lost", outcome.loss() * 100.0, &details);
        clean = if outcome.loss() == 0.0 { clean + 1 } else { 0 };
        if clean == 2 {
            break;
        }
    }
    Ok(())
}

fn back_to_back(
    session: &mut Session<'_>,
    turn: &Turn,
    range: &mut Range<'_>,
    manner: &Manner,
) -> Result<(), WireError> {
    let mut offered = most(range, manner, session.plan.trial)?;
    let little = highest(session, range, manner, (offered, LITTLE))?;
    let most = ((offered * session.plan.trial.as_secs_f64()) as u64).max(SHORTEST);
    let longest = highest_count(SHORTEST, most, BURST_RESOLUTION, |frames| {
        let outcome = range.trial(manner, &Course::of_frames(None, frames))?;
        offered = offered.max(outcome.offered());
        Ok::<bool, WireError>(outcome.loss() == 0.0)
    })?;
    // RFC 9004 5.4: what the burst says of the buffer, less what was forwarded while it came.
    let implied = longest as f64 / offered;
    let corrected = implied * (1.0 - (little / offered).min(1.0));
    let details = [
        ("implied buffer ms", implied * 1e3),
        ("corrected buffer ms", corrected * 1e3),
        ("offered Mpps", offered / 1e6),
    ];
    session.ledger.add(turn, Turn::case(manner), "frames", longest as f64, &details);
    Ok(())
}
