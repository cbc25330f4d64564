//! How short an interval BFD may have with a neighbour over the cable that is flooded.

use super::dut::Setting;
use super::generator::Course;
use super::partner::{Partner, Speech};
use super::traffic::Magazine;
use super::trial::{Manner, Range};
use super::{Session, Turn, WireError};
use std::time::{Duration, Instant};

/// Every interval with a switch and a neighbour that have just been started, until one does not survive.
pub(super) fn measure(session: &mut Session<'_>, turn: &Turn) -> Result<(), WireError> {
    let milliseconds = |interval: Duration| interval.as_secs_f64() * 1e3;
    let (mut shortest, mut tried) = (None, Duration::ZERO);
    for &interval in &session.plan.bfd_intervals {
        session.say(turn, &format!("every {interval:?}"));
        tried = interval;
        if !survives(session, turn, interval)? {
            break;
        }
        shortest = Some(interval);
    }
    let Some(shortest) = shortest else {
        return Err(WireError::Soak(format!("a session with {tried:?} did not survive")));
    };
    let details = [("tried down to", milliseconds(tried))];
    session.ledger.add(turn, None, "ms", milliseconds(shortest), &details);
    Ok(())
}

/// A session at this interval stays up for a trial at full load.
fn survives(session: &Session<'_>, turn: &Turn, interval: Duration) -> Result<bool, WireError> {
    let Turn { kind, shape, dut, .. } = *turn;
    let speech = Speech::Bfd(interval);
    let setting = Setting { speech: Some(speech), ..session.setting.clone() };
    let mut bed = session.bed(dut, kind, shape)?;
    let _running = dut.start(&mut bed, &setting)?;
    let partner = match Partner::start(&mut bed, &setting, speech) {
        Ok(partner) => partner,
        // Not even without load.
        Err(WireError::NoConnection(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let switch = bed.ground.folder().join("switch.sock");
    let plan = session.plan;
    let (Some(&size), Some(&macs)) = (plan.sizes.first(), plan.macs.first()) else { return Ok(false) };
    let manner = Manner { size, macs, pattern: plan.pattern, flows: plan.flows };
    let mut range = Range::new(&bed, size, session.stop)?;
    range.teach(macs)?;
    let mut magazine = Magazine::new(range.one_way(&manner), Instant::now());
    let Some(before) = partner.agreement(&switch, speech)? else { return Ok(false) };
    range.slice(&mut magazine, &Course::flat_out(plan.trial))?;
    Ok(partner.agreement(&switch, speech)?.is_some_and(|after| after.still_stands(&before)))
}
