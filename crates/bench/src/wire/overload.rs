//! How short an interval BFD may have with a neighbour over the cable that is flooded.

use super::dut::Setting;
use super::generator::Course;
use super::partner::{Partner, Speech};
use super::traffic::Magazine;
use super::trial::{Manner, Range};
use super::{Session, Turn, WireError};
use std::time::{Duration, Instant};

/// Milliseconds, longest first.
const INTERVALS: [u64; 9] = [300, 200, 100, 50, 30, 20, 10, 5, 3];

/// Every interval with a switch and a neighbour that have just been started, until one does not survive.
pub(super) fn measure(session: &mut Session<'_>, turn: &Turn) -> Result<(), WireError> {
    let mut shortest = None;
    for interval in INTERVALS {
        session.say(turn, &format!("every {interval} ms"));
        if !survives(session, turn, Duration::from_millis(interval))? {
            break;
        }
        shortest = Some(interval);
    }
    let Some(shortest) = shortest else {
        return Err(WireError::Soak(format!("a session with {} ms did not survive", INTERVALS[0])));
    };
    let tried = INTERVALS[INTERVALS.len() - 1] as f64;
    session.ledger.add(turn, None, "ms", shortest as f64, &[("tried down to", tried)]);
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
