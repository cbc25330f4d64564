//! RFC 2889: what makes a switch a switch.

use super::dut::Running;
use super::measure::Measure;
use super::search::{highest_count, highest_rate};
use super::traffic::{self, Pattern};
use super::trial::{Manner, Range};
use super::{Session, Turn, WireError};
use crate::wire::bed::Bed;
use crate::wire::traffic::FrameSize;
use greylag_base::MacAddr;

/// The port behind which the addresses are.
const LEARNS: usize = 0;
/// The port that frames to them come in by.
const ASKS: usize = 1;
/// The port by which they come out if they are not known.
const WATCHES: usize = 2;
/// Frames to addresses that may be unknown, in a second: what every device floods without loss.
const ASKED: f64 = 20_000.0;
/// Addresses in a second, where it is not the rate that is looked for.
const CALM: f64 = 20_000.0;
/// The highest learning rate that is looked for.
const MOST_LEARNED: f64 = 1_000_000.0;
const RESOLUTION: f64 = 0.02;

/// Address caching and learning: each trial with a device that has just been started.
pub(super) fn measure(session: &mut Session<'_>, turn: &Turn) -> Result<(), WireError> {
    let trial = |addresses: u64, rate: f64, session: &Session<'_>| -> Result<bool, WireError> {
        let (mut bed, _running) = start(session, turn)?;
        knows(&mut bed, session, addresses, rate)
    };
    match turn.measure {
        Measure::Caching => {
            let most = session.plan.most_addresses;
            session.say(turn, "");
            let known = highest_count(256, most, RESOLUTION, |addresses| trial(addresses, CALM, session))?;
            session.ledger.add(turn, None, "addresses", known as f64, &[("looked for up to", most as f64)]);
        }
        _ => {
            for &macs in &session.plan.macs {
                session.say(turn, &format!("{macs} MACs"));
                let rate = highest_rate(MOST_LEARNED, RESOLUTION, |rate| trial(macs as u64, rate, session))?;
                let case = Some(format!("{macs} MACs"));
                session.ledger.add(turn, case, "addresses per second", rate, &[]);
            }
        }
    }
    Ok(())
}

fn start(session: &Session<'_>, turn: &Turn) -> Result<(Bed, Running), WireError> {
    let Turn { kind, shape, dut, .. } = *turn;
    let mut bed = session.bed(dut, kind, shape)?;
    let running = dut.start(&mut bed, &session.setting)?;
    Ok((bed, running))
}

/// Are as many addresses known after they were announced at a rate? RFC 2889 5.7.4: none of the frames to them comes out at a port that they
/// are not behind.
fn knows(bed: &mut Bed, session: &Session<'_>, addresses: u64, rate: f64) -> Result<bool, WireError> {
    let mut range = Range::new(bed, FrameSize::Fixed(64), session.stop)?;
    // The port that asks is known too, and the device has seen a frame on it.
    let asker = vec![traffic::address(ASKS, 0)];
    range.announce(ASKS, asker, MacAddr::BROADCAST, CALM)?;
    let stations = traffic::addresses(LEARNS, addresses as usize, Pattern::Sequential, 0);
    range.announce(LEARNS, stations, traffic::address(ASKS, 0), rate)?;
    // What the device learns a little later, it has learned.
    range.settled()?;
    let asked = traffic::addresses(LEARNS, addresses as usize, Pattern::Sequential, 0);
    Ok(range.strays(ASKS, asked, WATCHES, ASKED)? == 0)
}

/// Many ports at the same time.
pub(super) fn spread(
    session: &mut Session<'_>,
    turn: &Turn,
    range: &mut Range<'_>,
    manner: &Manner,
) -> Result<(), WireError> {
    let ports = session.plan.mesh_ports;
    let time = session.plan.trial;
    let (outcome, copies) = match turn.measure {
        Measure::Mesh => (range.mesh(manner, time)?, 1),
        _ => (range.broadcast(manner, time)?, ports as u64 - 1),
    };
    let each = super::trial::Outcome {
        by_then: outcome.by_then / copies,
        received: outcome.received / copies,
        ..outcome
    };
    let details = [
        ("ports", ports as f64),
        ("offered Mpps", each.offered() / 1e6),
        ("loss %", each.loss() * 100.0),
        ("Mpps out of all ports", outcome.rate() / 1e6),
    ];
    session.ledger.add(turn, Turn::case(manner), "Mpps", each.rate() / 1e6, &details);
    Ok(())
}
