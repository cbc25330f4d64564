//! A port goes down under a full table: how long until nothing is sent by it, as somebody else sees it, and how long the control side is
//! at it until no bucket leads there.

use crate::router::{router, tell_all, write_all};
use greylag_base::{Instant as Now, PortId};
use greylag_benches::zebra::{self, Ways};
use greylag_benches::{processor_time, stay_on};
use greylag_dataplane::{NextHop, Routes};
use greylag_fib::NextHopId;
use greylag_switch::{Input, Switch};
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a port goes down.
const ROUNDS: u16 = 21;
/// The numbers of all next hops are below this.
const NUMBERS: u32 = 8192;

/// What is measured of one loss.
struct Loss {
    /// Until no flow goes there, by the wall clock of another thread.
    moved: Duration,
    /// Processor time of the control side until then and a little further: until it has taken in that the link is down.
    heard: Duration,
    /// The same, of what it then writes: until no bucket leads there.
    dealt: Duration,
}

pub(crate) fn measure(text: &str) {
    for (ways, what) in [(Ways::Few, "by which all routes lead"), (Ways::Many, "by which one in 32 leads")] {
        let mut switch = router();
        let mut now = tell_all(&mut switch, Now::ZERO, &zebra::stream(text, ways));
        let tables = switch.data_plane().routes().expect("it routes").tables();
        let routes = tables.ipv4.len() + tables.ipv6.len();
        drop(tables);
        let mut losses = Vec::new();
        for round in 0..ROUNDS {
            let port = PortId(if ways == Ways::Few { 0 } else { round });
            losses.push(lose(&mut switch, port, &mut now));
        }
        let of = |figure: fn(&Loss) -> Duration| {
            let mut figures: Vec<Duration> = losses.iter().map(figure).collect();
            figures.sort_unstable();
            let [least, median, most] = [0, figures.len() / 2, figures.len() - 1].map(|at| figures[at]);
            format!("{median:.1?} ({least:.1?} to {most:.1?})")
        };
        let (moved, heard, dealt) = (of(|loss| loss.moved), of(|loss| loss.heard), of(|loss| loss.dealt));
        println!(
            "fpm/lost: {routes} routes, a port {what} goes down: nothing goes by it after {moved}; the control side has worked \
             for {heard} when it has heard of it, and for {dealt} more when no bucket leads there; medians of {ROUNDS}"
        );
    }
}

/// The next hops that lead by a port: each interface has its number.
fn by(routes: &Routes, port: PortId) -> Vec<NextHopId> {
    let leads = |id: &NextHopId| matches!(routes.next_hop(*id), NextHop::Neighbor { interface, .. } if interface.0 == port.0);
    (0..NUMBERS).map(NextHopId).filter(leads).collect()
}

/// Takes a port's link down, and up again.
fn lose(switch: &mut Switch, port: PortId, now: &mut Now) -> Loss {
    let plane = Arc::clone(switch.data_plane());
    let routes = plane.routes().expect("it routes");
    let lost = by(routes, port);
    assert!(!lost.is_empty(), "something leads by port {}", port.0);
    let goes_there = || lost.iter().any(|id| routes.liveness().get(*id));
    let (is_watched, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (moved, heard) = thread::scope(|scope| {
        // Each on a processor of its own: one that spins would keep the other waiting.
        stay_on(0);
        let watch = scope.spawn(|| {
            stay_on(1);
            is_watched.store(true, Ordering::Release);
            while goes_there() && !is_over.load(Ordering::Acquire) {
                hint::spin_loop();
            }
            Instant::now()
        });
        while !is_watched.load(Ordering::Acquire) {
            thread::yield_now();
        }
        let (begun, worked) = (Instant::now(), processor_time());
        switch.handle_input(*now, Input::Link { port, up: false }).expect("it is not refused");
        let heard = processor_time() - worked;
        is_over.store(true, Ordering::Release);
        (watch.join().expect("it only looks") - begun, heard)
    });
    assert!(!goes_there(), "of {lost:?}, {:?} are live", lost.iter().find(|id| routes.liveness().get(**id)));
    let worked = processor_time();
    *now = write_all(switch, *now);
    let dealt = processor_time() - worked;
    let tables = routes.tables();
    let leads_there = tables.groups.iter().any(|(id, _)| {
        tables.groups.buckets(id).iter().any(|bucket| bucket.next_hop.is_some_and(|id| lost.contains(&id)))
    });
    drop(tables);
    assert!(!leads_there, "buckets lead to next hops that are gone");
    switch.handle_input(*now, Input::Link { port, up: true }).expect("it is not refused");
    *now = write_all(switch, *now);
    Loss { moved, heard, dealt }
}
