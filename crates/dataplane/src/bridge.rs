//! The bridge: a batch that came in by a port of a VLAN is learned from, and goes where the MAC table says; what is to an interface of
//! the VLAN leaves the bridge here.

use crate::damping::Damper;
use crate::flood::{FloodBudget, Flooded, flood};
use crate::ingress::{Arrivals, Header};
use crate::learn::Learner;
use crate::lookup::{Verdict, decide};
use crate::plane::{DataPlane, Reporter};
use crate::routing::{Concern, Load, Origin, Round, Router, concern, packet_of};
use crate::{Decision, Keeper, PortForwarding, PuntReason, Seen, Tracer};
use greylag_base::{DropReason, PortId, VlanId};
use greylag_mactable::{Key, Renewal, Seat, UNKNOWN};
use greylag_ports::BATCH_FRAMES;

/// What the stages of a batch leave for each other. Kept from batch to batch, for clearing it would cost a small one more than
/// its frames do; only the places of the batch that is under way mean anything.
pub(crate) struct Admitted {
    pub(crate) arrivals: Arrivals,
    /// Behind which ports their destinations are.
    stations: [u16; BATCH_FRAMES],
    /// Behind which ports their sources were. Where nobody listens, nothing is written there.
    origins: [u16; BATCH_FRAMES],
    verdicts: [Verdict; BATCH_FRAMES],
}

impl Admitted {
    pub(crate) fn new() -> Self {
        Admitted {
            arrivals: Arrivals::new(),
            stations: [UNKNOWN; BATCH_FRAMES],
            origins: [UNKNOWN; BATCH_FRAMES],
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
    let Load { batch, headers, egress, account } = load;
    let counters = account.counters;
    let renewal = match forwarding.learning().renew {
        Keeper::Worker => Renewal::Stamp,
        Keeper::Agent => Renewal::Hit,
    };
    let table = plane.table();
    let session = table.session_at(seat, now.as_nanos()).with_renewal(renewal);

    let Admitted { arrivals, stations, origins, verdicts } = admitted;
    let looked = arrivals.look::<true>(batch, forwarding, port, headers);
    for (frame, exit) in arrivals.turned_away(&looked) {
        round.turn_away(batch, frame, exit, account);
    }
    let known = looked.admitted;
    let Arrivals { sources, destinations, frames, .. } = arrivals;
    counters.rx_frames.add(batch.len() as u64);
    counters.rx_bytes.add(looked.octets);

    // All sources first, then all destinations: a station that speaks for the first time in this batch is
    // found by the frames behind it, as it would be if they came one by one. The order differs from one
    // by one only for a frame to a station whose first frame is later in the same batch: it is not flooded
    // although it would have been.
    let (frames, stations, waiting) = (&mut frames[..known], &mut stations[..known], &share.waiting);
    if T::LISTENS {
        session.lookup_ports(&sources[..known], &mut origins[..known]);
    }
    let learner = Learner { now, ingress, forwarding, session: &session, reporter, waiting };
    session.resolve(ingress.0, &sources[..known], &destinations[..known], stations, |at, source| {
        let header = &mut headers[usize::from(frames[at])];
        if let Some(sender) = header
            && let Err(reason) = learner.learn(sender, source, damper)
        {
            account.drop_frame(batch, frames[at], reason);
            *header = None;
        }
    });

    if T::LISTENS {
        tell_stations((frames, destinations), (origins, stations), account.tracer);
    }

    let mut budget = FloodBudget::default();
    let (mut settled, mut bridged) = (0, frames.len());
    // Frames of which the switch itself has a copy, a bit each.
    let mut shared = 0_u64;
    if forwarding.has_irbs() {
        let load = &mut Load { batch, headers, egress, account };
        (bridged, shared) =
            decide_at_interfaces((frames, stations, verdicts), router, round, load, &mut budget);
        if router.has_packets() {
            router.route(Origin::Routed, round, load);
            router.departures.seek(&session, forwarding, reporter, waiting);
            router.departures.want(&mut budget);
        }
    } else {
        settled = forward_known((frames, stations), round, &mut Load { batch, headers, egress, account });
        let rest = frames[settled..].iter().zip(&stations[settled..]).zip(&mut verdicts[settled..]);
        for ((&frame, &station), verdict) in rest {
            let Some(header) = &headers[usize::from(frame)] else { continue };
            let station = (station != UNKNOWN).then_some(PortId(station));
            *verdict = decide(header, station, ingress, forwarding);
            if let Verdict::Flood(class) = *verdict {
                budget.want(class);
            }
        }
    }
    drop(session);

    budget.ask(&plane.storm[ingress.index()], forwarding, ingress, now);
    for (&frame, &verdict) in frames[settled..bridged].iter().zip(&verdicts[settled..]) {
        let Some(header) = &headers[usize::from(frame)] else { continue };
        let outcome = match verdict {
            Verdict::Forward(port) => {
                match forwarding.leaves_by(port, header, || batch.bytes(frame.into())) {
                    Some(port) => {
                        egress.add(port, frame);
                        Ok(Decision::Forwarded(port))
                    }
                    None => Err(DropReason::DestinationDown),
                }
            }
            Verdict::Flood(class) => budget
                .take(class)
                .and_then(|()| {
                    let flooded = Flooded { frame, batch, header, ingress: Some(ingress), now };
                    flood(&flooded, forwarding, &share.counters, egress, account.tracer)
                })
                .inspect(|_| counters.flooded.add(1))
                .map(|left_out| Decision::Flooded { left_out })
                .or_else(|reason| match reason {
                    // The switch itself is the only other station.
                    DropReason::NoEgress if shared & 1 << frame != 0 => Ok(Decision::Punted),
                    _ => Err(reason),
                }),
            Verdict::Drop(reason) => Err(reason),
        };
        account.settle(batch, frame, outcome);
    }
    if forwarding.has_irbs() && !router.departures.is_empty() {
        let load = &mut Load { batch, headers, egress, account };
        router.departures.leave(Origin::Routed, round, load, &mut budget);
    }
}

/// Brings frames from the beginning of a batch to the one port that each leaves by, up to the first that is flooded or dropped; says how many
/// they are. In most batches they are all, and nobody has to ask then how much may be flooded.
#[inline(never)]
fn forward_known<T: Tracer>(
    (frames, stations): (&[u16], &[u16]),
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
) -> usize {
    let Round { ingress, forwarding, .. } = *round;
    let Load { batch, headers, egress, account } = load;
    for (at, (&frame, &station)) in frames.iter().zip(stations).enumerate() {
        let Some(header) = headers[usize::from(frame)].as_ref().filter(|_| station != UNKNOWN) else {
            return at;
        };
        let Verdict::Forward(port) = decide(header, Some(PortId(station)), ingress, forwarding) else {
            return at;
        };
        let Some(port) = forwarding.leaves_by(port, header, || batch.bytes(frame.into())) else {
            return at;
        };
        egress.add(port, frame);
        account.tell(batch, frame, Decision::Forwarded(port));
    }
    frames.len()
}

/// Says what the table knew of the stations of each frame.
fn tell_stations<T: Tracer>(
    (frames, keys): (&[u16], &[Key]),
    (sources, destinations): (&[u16], &[u16]),
    tracer: &mut T,
) {
    let port = |port: u16| (port != UNKNOWN).then_some(PortId(port));
    for (((&frame, key), &source), &destination) in frames.iter().zip(keys).zip(sources).zip(destinations) {
        let Some(vlan) = VlanId::new(key.vlan()) else { continue };
        tracer.saw(frame, Seen { vlan, source: port(source), destination: port(destination) });
    }
}

/// Decides over all frames, some of which are to interfaces of their VLANs. Leaves at the beginning of the columns those that are bridged,
/// and says how many they are, and which of them the switch itself has a copy of.
#[inline(never)]
fn decide_at_interfaces<T: Tracer>(
    (frames, stations, verdicts): (&mut [u16], &[u16], &mut [Verdict]),
    router: &mut Router,
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
    budget: &mut FloodBudget,
) -> (usize, u64) {
    let (mut bridged, mut shared) = (0, 0);
    for at in 0..frames.len() {
        let frame = frames[at];
        let Some(header) = load.headers[usize::from(frame)] else { continue };
        match at_interface(frame, &header, router, round, load) {
            Handled::Wholly => continue,
            Handled::ByCopy => shared |= 1 << frame,
            Handled::No => {}
        }
        let station = (stations[at] != UNKNOWN).then_some(PortId(stations[at]));
        let verdict = decide(&header, station, round.ingress, round.forwarding);
        if let Verdict::Flood(class) = verdict {
            budget.want(class);
        }
        (frames[bridged], verdicts[bridged]) = (frame, verdict);
        bridged += 1;
    }
    (bridged, shared)
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
#[inline(always)]
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
        // The other chassis does not give its own away; what came from there does not go back.
        _ if interface.stands_in_for(header.destination)
            && (!interface.up || forwarding.is_chassis_link(round.ingress)) =>
        {
            return Handled::No;
        }
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
