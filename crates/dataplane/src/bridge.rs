//! The bridge: a batch that came in by a port of a VLAN is learned from, and goes where the MAC table says; what is to an interface of
//! the VLAN leaves the bridge here.

use crate::damping::Damper;
use crate::flood::{FloodBudget, Flooded, flood};
use crate::ingress::{Header, admit, octets_on_wire};
use crate::learn::Learner;
use crate::lookup::{Verdict, decide};
use crate::plane::{DataPlane, Reporter};
use crate::routing::{Concern, Load, Origin, Round, Router, concern, packet_of};
use crate::{Decision, Keeper, PortForwarding, PuntReason, Tracer};
use greylag_base::{DropReason, PortId};
use greylag_mactable::{Key, Renewal, Seat, UNKNOWN};
use greylag_ports::BATCH_FRAMES;

/// What the stages of a batch leave for each other. Kept from batch to batch, for clearing it would cost a small one more than
/// its frames do; only the places of the batch that is under way mean anything.
pub(crate) struct Admitted {
    sources: [Key; BATCH_FRAMES],
    destinations: [Key; BATCH_FRAMES],
    /// Which frames of the batch they are.
    frames: [u16; BATCH_FRAMES],
    /// Behind which ports their destinations are.
    stations: [u16; BATCH_FRAMES],
    verdicts: [Verdict; BATCH_FRAMES],
}

impl Admitted {
    pub(crate) fn new() -> Self {
        Admitted {
            sources: [Key::default(); BATCH_FRAMES],
            destinations: [Key::default(); BATCH_FRAMES],
            frames: [0; BATCH_FRAMES],
            stations: [UNKNOWN; BATCH_FRAMES],
            verdicts: [Verdict::Drop(DropReason::NoEgress); BATCH_FRAMES],
        }
    }
}

/// Bridges a batch that came in by `port`; none, when that is down.
#[inline(always)]
pub(crate) fn bridge<T: Tracer>(
    port: Option<&PortForwarding>,
    round: &Round<'_>,
    (plane, seat, reporter): (&DataPlane, &mut Seat, &Reporter<'_>),
    (admitted, damper, router): (&mut Admitted, &mut Damper, &mut Router),
    load: &mut Load<'_, '_, T>,
) {
    let Round { now, ingress, forwarding, share, .. } = *round;
    let counters = load.account.counters;
    let renewal = match forwarding.learning().renew {
        Keeper::Worker => Renewal::Stamp,
        Keeper::Agent => Renewal::Hit,
    };
    let table = plane.table();
    let session = table.session_at(seat, now.as_nanos()).with_renewal(renewal);
    let count = load.batch.len();

    let Admitted { sources, destinations, frames, stations, verdicts } = admitted;
    let mut known = 0;
    let mut octets = 0;
    for index in 0..count {
        octets += octets_on_wire(load.batch, index);
        let admitted = match port {
            Some(port) => admit(load.batch, index, forwarding, port),
            None => Err(DropReason::PortDown.into()),
        };
        if let Err(exit) = admitted {
            round.turn_away(load.batch, index as u16, exit, load.account);
        }
        load.headers[index] = admitted.ok();
        if let Some(header) = &load.headers[index] {
            sources[known] = Key::new(header.vlan.get(), header.source.to_bits());
            destinations[known] = Key::new(header.vlan.get(), header.destination.to_bits());
            frames[known] = index as u16;
            known += 1;
        }
    }
    counters.rx_frames.add(count as u64);
    counters.rx_bytes.add(octets);

    // All sources first, then all destinations: a station that speaks for the first time in this batch is
    // found by the frames behind it, as it would be if they came one by one. The order differs from one
    // by one only for a frame to a station whose first frame is later in the same batch: it is not flooded
    // although it would have been.
    let (frames, stations, waiting) = (&frames[..known], &mut stations[..known], &share.waiting);
    let learner = Learner { now, ingress, forwarding, session: &session, reporter, waiting };
    session.resolve(ingress.0, &sources[..known], &destinations[..known], stations, |at, source| {
        let frame = frames[at];
        let header = &mut load.headers[usize::from(frame)];
        if let Some(sender) = header
            && let Err(reason) = learner.learn(sender, source, damper)
        {
            load.account.drop_frame(load.batch, frame, reason);
            *header = None;
        }
    });

    let mut budget = FloodBudget::default();
    let has_irbs = forwarding.has_irbs();
    for ((&frame, &station), verdict) in frames.iter().zip(&*stations).zip(&mut *verdicts) {
        let Some(header) = load.headers[usize::from(frame)] else { continue };
        let concern = if has_irbs { at_interface(frame, &header, router, round, load) } else { Handled::No };
        let station = (station != UNKNOWN).then_some(PortId(station));
        *verdict = match (concern, decide(&header, station, ingress, forwarding)) {
            (Handled::Wholly, _) => Verdict::Layer3,
            (Handled::ByCopy, Verdict::Flood(class)) => Verdict::FloodToo(class),
            (_, verdict) => verdict,
        };
        if let Verdict::Flood(class) | Verdict::FloodToo(class) = *verdict {
            budget.want(class);
        }
    }
    if router.has_packets() {
        router.route(round, load);
        router.departures.seek(&session, forwarding, reporter, waiting);
        router.departures.want(&mut budget);
    }
    drop(session);

    budget.ask(&plane.storm[ingress.index()], forwarding, ingress, now);
    for (&frame, &verdict) in frames.iter().zip(&*verdicts) {
        let Some(header) = &load.headers[usize::from(frame)] else { continue };
        let outcome = match verdict {
            Verdict::Forward(port) => {
                match forwarding.leaves_by(port, header, || load.batch.bytes(frame.into())) {
                    Some(port) => {
                        load.egress.add(port, frame);
                        Ok(Decision::Forwarded(port))
                    }
                    None => Err(DropReason::DestinationDown),
                }
            }
            Verdict::Flood(class) | Verdict::FloodToo(class) => budget
                .take(class)
                .and_then(|()| {
                    let flooded = Flooded { frame, batch: load.batch, header, ingress: Some(ingress), now };
                    flood(&flooded, forwarding, &share.counters, load.egress)
                })
                .inspect(|_| counters.flooded.add(1))
                .map(|left_out| Decision::Flooded { left_out })
                .or_else(|reason| match verdict {
                    // It has been where it belongs.
                    Verdict::FloodToo(_) if reason == DropReason::NoEgress => Ok(Decision::Punted),
                    _ => Err(reason),
                }),
            Verdict::Drop(reason) => Err(reason),
            Verdict::Layer3 => continue,
        };
        load.account.settle(load.batch, frame, outcome);
    }
    if !router.departures.is_empty() {
        router.departures.leave(Origin::Routed, round, load, &mut budget);
    }
}

/// What an interface of a VLAN has made of a frame.
enum Handled {
    /// Nothing.
    No,
    /// The switch itself has a copy.
    ByCopy,
    /// It has left the bridge.
    Wholly,
}

/// Takes a frame out of the bridge that is to the station of its VLAN's interface, and gives the switch itself a copy of one that is to
/// all and concerns the link.
#[inline(never)]
fn at_interface<T: Tracer>(
    frame: u16,
    header: &Header,
    router: &mut Router,
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
) -> Handled {
    let forwarding = round.forwarding;
    let id = forwarding.vlan(header.vlan).and_then(|vlan| vlan.interface);
    let interface = id.and_then(|id| Some((id, forwarding.interface(id)?)));
    let Some((id, interface)) = interface else { return Handled::No };
    let concern = concern(header.destination, packet_of(load.batch, frame), interface);
    let is_group = header.destination.is_group();
    match concern {
        Concern::Nothing => return Handled::No,
        _ if !interface.up && is_group => return Handled::No,
        _ if !interface.up => load.account.drop_frame(load.batch, frame, DropReason::InterfaceDown),
        Concern::Link if is_group => {
            return match round.deliver(load.batch, (frame, id), PuntReason::Link, load.egress) {
                Ok(_) => Handled::ByCopy,
                Err(reason) => {
                    load.account.counters.drop_frame(reason);
                    Handled::No
                }
            };
        }
        _ => router.receive(concern, (frame, id), round, load),
    }
    Handled::Wholly
}
