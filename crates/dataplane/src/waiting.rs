//! Sources that wait for the learning agent: what a worker has reported of them, so that it does not report every frame.

use crate::WorkerEvent;
use greylag_base::{Instant, MacAddr, PortId, VlanId};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// In place of the port of a station that was looked for, and not seen.
const NOT_SEEN: PortId = PortId(u16::MAX);

/// How many stations a worker can remember.
const PLACES: usize = 1024;

/// One report.
#[derive(Default)]
struct Place {
    /// VLAN and address; 0 for none, for there is no VLAN 0.
    station: AtomicU64,
    /// Where it was seen, and above that where the table had it, plus one.
    ports: AtomicU64,
    /// When it was reported, nanoseconds.
    at: AtomicU64,
}

/// A source that a worker has reported to the learning agent, and that nobody has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingSource {
    /// Its VLAN.
    pub vlan: VlanId,
    /// The address.
    pub mac: MacAddr,
    /// Where it was seen.
    pub port: PortId,
    /// When it was last reported.
    pub at: Instant,
}

/// The reports that one worker has made and that nobody has answered. Fixed memory: a source takes over the place of
/// another that it shares it with, and the other is reported anew.
///
/// A report that says something else of the same source (it is elsewhere now, and was unknown) is no repetition. An answer is
/// an entry: [`DataPlane::install`](crate::DataPlane::install) frees the place, and so does the worker when it comes upon the
/// source where it is known. What lapses after that is thus reported anew, however seldom reports are repeated.
///
/// The worker writes without a read-modify-write, and the control side takes away what it knows to be answered. Should both
/// be at one place at once, a source is reported once more or, if the agent never installs it, remembered.
pub(crate) struct Waiting {
    places: Box<[Place]>,
}

impl Waiting {
    pub(crate) fn new() -> Self {
        Waiting { places: (0..PLACES).map(|_| Place::default()).collect() }
    }

    /// Is a report to be made, because it was not made yet, or `interval` ago? Notes it, then.
    pub(crate) fn is_due(&self, report: &WorkerEvent, interval: Option<Duration>, now: Instant) -> bool {
        let (vlan, mac, known, seen) = match *report {
            WorkerEvent::Seen { vlan, mac, port } => (vlan, mac, 0, port),
            WorkerEvent::SeenElsewhere { vlan, mac, known, seen } => {
                (vlan, mac, u64::from(known.0) + 1, seen)
            }
            WorkerEvent::AdjacencyUnresolved { vlan, mac } => (vlan, mac, 0, NOT_SEEN),
            _ => return true,
        };
        let (station, place) = self.place(vlan, mac, seen);
        let ports = u64::from(seen.0) | known << 16;
        let is_repetition = place.station.load(Relaxed) == station && place.ports.load(Relaxed) == ports;
        let since = now.as_nanos().saturating_sub(place.at.load(Relaxed));
        if is_repetition && interval.is_none_or(|interval| u128::from(since) < interval.as_nanos()) {
            return false;
        }
        place.ports.store(ports, Relaxed);
        place.at.store(now.as_nanos(), Relaxed);
        place.station.store(station, Relaxed);
        true
    }

    /// The station has an entry: nobody looks for it any longer.
    pub(crate) fn answer_search(&self, vlan: VlanId, mac: MacAddr) {
        self.answer(vlan, mac, NOT_SEEN);
    }

    /// The source is known on this port: it waits no longer.
    pub(crate) fn answer(&self, vlan: VlanId, mac: MacAddr, port: PortId) {
        let (station, place) = self.place(vlan, mac, port);
        if place.station.load(Relaxed) == station && place.ports.load(Relaxed) as u16 == port.0 {
            // Unless the worker has just given the place to somebody else.
            let _ = place.station.compare_exchange(station, 0, Relaxed, Relaxed);
        }
    }

    /// The sources that wait, in no useful order. One that the worker notes meanwhile may be left out.
    pub(crate) fn sources(&self) -> impl Iterator<Item = WaitingSource> {
        self.places.iter().filter_map(|place| {
            let station = place.station.load(Relaxed);
            let (ports, at) = (place.ports.load(Relaxed), place.at.load(Relaxed));
            // The worker may have given the place to somebody else between these lines.
            let vlan =
                VlanId::new((station >> 48) as u16).filter(|_| place.station.load(Relaxed) == station)?;
            let mac = MacAddr::from_bits(station);
            (ports as u16 != NOT_SEEN.0).then_some(WaitingSource {
                vlan,
                mac,
                port: PortId(ports as u16),
                at: Instant::from_nanos(at),
            })
        })
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.places.iter().for_each(|place| place.station.store(0, Relaxed));
    }

    /// The word that stands for a source, and its place.
    fn place(&self, vlan: VlanId, mac: MacAddr, port: PortId) -> (u64, &Place) {
        let station = u64::from(vlan.get()) << 48 | mac.to_bits();
        let hash = (station ^ u64::from(port.0).rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (station, &self.places[(hash >> 54) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn seen(port: u16) -> WorkerEvent {
        WorkerEvent::Seen { vlan: VlanId::DEFAULT, mac: MAC, port: PortId(port) }
    }

    fn elsewhere(known: u16, seen: u16) -> WorkerEvent {
        let (known, seen) = (PortId(known), PortId(seen));
        WorkerEvent::SeenElsewhere { vlan: VlanId::DEFAULT, mac: MAC, known, seen }
    }

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_report_is_repeated_after_the_interval_and_one_that_says_something_else_at_once() {
        let (waiting, interval) = (Waiting::new(), Some(Duration::from_secs(10)));
        for (second, report, expected) in [
            (0, seen(0), true),
            (9, seen(0), false),
            (9, seen(1), true),
            (10, seen(0), true),
            (19, seen(0), false),
            (19, elsewhere(1, 0), true),
            (20, elsewhere(2, 0), true),
            (29, elsewhere(2, 0), false),
            (30, elsewhere(2, 0), true),
        ] {
            assert_eq!(waiting.is_due(&report, interval, at(second)), expected, "{second}: {report:?}");
        }
    }

    #[test]
    fn without_an_interval_a_report_is_made_once_until_it_is_answered() {
        let waiting = Waiting::new();
        let is_due = |second| waiting.is_due(&seen(3), None, at(second));
        assert!(is_due(0) && !is_due(1) && !is_due(1_000_000));
        waiting.answer(VlanId::DEFAULT, MAC, PortId(4));
        assert!(!is_due(1_000_001), "known on another port");
        waiting.answer(VlanId::DEFAULT, MAC, PortId(3));
        assert!(is_due(1_000_002) && !is_due(1_000_003));
        waiting.clear();
        assert!(is_due(1_000_004));
    }
}
