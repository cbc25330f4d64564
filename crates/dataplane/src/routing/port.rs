//! Batches that come in by a port that is no port of the bridge: an interface's own, or one behind which another IP stack shares an
//! interface.

use crate::flood::FloodBudget;
use crate::ingress::{Arrivals, stations_of};
use crate::plane::DataPlane;
use crate::routing::header::packet_of;
use crate::routing::{Load, Origin, Round, Router, Search, concern};
use crate::{PortForwarding, Tracer};
use greylag_base::{DropReason, InterfaceId, MacAddr};

/// Routes a batch that came in by a port of an interface's own.
pub(crate) fn from_routed_port<T: Tracer>(
    (id, port): (InterfaceId, &PortForwarding),
    (router, plane): (&mut Router, &DataPlane),
    round: &Round<'_>,
    (arrivals, load): (&mut Arrivals, &mut Load<'_, '_, T>),
    search: Search<'_>,
) {
    let interface = round.forwarding.interface(id).filter(|interface| interface.up);
    each((port, arrivals), round, load, |frame, load| {
        let Some(interface) = interface else { return Err(DropReason::InterfaceDown) };
        let [destination, _] = stations_of(load.batch.bytes(frame.into()));
        let concern = concern(MacAddr::from_bits(destination), packet_of(load.batch, frame), interface);
        router.receive(concern, (frame, id), round, load);
        Ok(())
    });
    if router.has_packets() {
        router.route(Origin::Routed, round, load);
    }
    depart(Origin::Routed, (router, plane), round, load, search);
}

/// Sends a batch that came in from another IP stack by the interface that it shares.
pub(crate) fn from_host<T: Tracer>(
    (id, port): (InterfaceId, &PortForwarding),
    (router, plane): (&mut Router, &DataPlane),
    round: &Round<'_>,
    (arrivals, load): (&mut Arrivals, &mut Load<'_, '_, T>),
    search: Search<'_>,
) {
    each((port, arrivals), round, load, |frame, load| {
        let stations = stations_of(load.batch.bytes(frame.into())).map(MacAddr::from_bits);
        router.send_own(frame, stations, id, round, load)
    });
    depart(Origin::Own, (router, plane), round, load, search);
}

/// Takes the frames of a batch, counts them, and drops those for which there is a reason.
#[inline(always)]
fn each<T: Tracer>(
    (port, arrivals): (&PortForwarding, &mut Arrivals),
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
    mut take: impl FnMut(u16, &mut Load<'_, '_, T>) -> Result<(), DropReason>,
) {
    let looked = arrivals.look::<false>(load.batch, round.forwarding, Some(port), load.headers);
    load.account.counters.rx_frames.add(load.batch.len() as u64);
    load.account.counters.rx_bytes.add(looked.octets);
    for (frame, exit) in arrivals.turned_away(&looked) {
        round.turn_away(load.batch, frame, exit, load.account);
    }
    for &frame in &arrivals.frames[..looked.admitted] {
        if let Err(reason) = take(frame, load) {
            load.account.drop_frame(load.batch, frame, reason);
        }
    }
}

fn depart<T: Tracer>(
    origin: Origin,
    (router, plane): (&mut Router, &DataPlane),
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
    search: Search<'_>,
) {
    if router.departures.is_empty() {
        return;
    }
    router.find_stations(plane, round, search);
    let mut budget = FloodBudget::default();
    router.departures.want(&mut budget);
    budget.ask(&plane.storm[round.ingress.index()], round.forwarding, round.ingress, round.now);
    router.departures.leave(origin, round, load, &mut budget);
}
