//! What passes the workers, for whoever watches: a copy of each frame that a filter takes, with what the stages saw and decided; for
//! whoever captures, of each copy that leaves as well, as it leaves, or would have.
//!
//! Nobody watches: one relaxed load for each poll. Somebody does: the same stages with a tracer, and the copies go through a bounded queue
//! in memory that was taken when the watching began. A worker never waits; what finds no room is counted.

use super::Clock;
use crate::filter::Filter;
use arc_swap::ArcSwapOption;
use crossbeam_queue::ArrayQueue;
use greylag_base::{DropReason, Instant, PortId};
use greylag_dataplane::{Choice, Decision, Ports, Seen, Tracer, Worker, not_taken};
use greylag_ports::{BATCH_FRAMES, Batch, Port, Tagging, TxReport};
use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Octets that are kept of a frame that is told of: its headers. A filter looks no further.
const HEADERS: usize = 512;

/// Sightings that wait at most, where headers are kept.
const WAITING: usize = 1_024;

/// What the octets of frames that wait take at most, where they are captured.
const CAPTURE_MEMORY: usize = 16 << 20;
/// And how many wait, however short they are.
const CAPTURED_WAITING: usize = 16_384;

/// Copies of a flooded frame that are told.
const MOST_SENT: usize = 64;

/// What somebody wants to see.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// What comes in: its headers, and what becomes of it.
    Fates,
    /// What comes in and what leaves, so many octets of each.
    Frames(usize),
}

impl Look {
    /// Octets that are kept of a frame, and how many frames wait at most.
    fn room(self) -> (usize, usize) {
        match self {
            Look::Fates => (HEADERS, WAITING),
            Look::Frames(snap_length) => (snap_length, (CAPTURE_MEMORY / snap_length).min(CAPTURED_WAITING)),
        }
    }
}

/// Where workers look whether somebody watches.
#[derive(Default)]
pub struct Tap {
    is_watched: AtomicBool,
    watcher: ArcSwapOption<Watcher>,
}

/// Somebody who watches.
pub(super) struct Watcher {
    look: Look,
    filter: Filter,
    /// Only what comes in there; of a capture, also what leaves there.
    port: Option<PortId>,
    /// Memory that nobody uses.
    free: ArrayQueue<Box<Sighting>>,
    seen: ArrayQueue<Box<Sighting>>,
    /// By port: what came in and found no room, and what left and found none.
    lost: Box<[[AtomicU64; 2]]>,
}

/// Which way a frame was seen going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It came in.
    In,
    /// It left.
    Out,
    /// It was to leave, and the port did not take it; why, where that is known.
    Refused(Option<DropReason>),
    /// It was to leave, and was dropped before the port was given it.
    Dropped(DropReason),
}

/// A frame, and what became of it.
pub(super) struct Sighting {
    pub(super) at: Instant,
    pub(super) way: Way,
    /// Where it came in, or was to leave.
    pub(super) port: PortId,
    pub(super) worker: u16,
    /// The switch itself has sent it.
    pub(super) is_own: bool,
    octets: Box<[u8]>,
    kept: usize,
    /// How long it was.
    pub(super) length: usize,
    pub(super) seen: Option<Seen>,
    pub(super) choice: Option<Choice>,
    pub(super) decision: Option<Decision>,
    /// Where copies of it were to leave, and what became of each.
    copies: [(PortId, Way); MOST_SENT],
    copy_count: usize,
}

impl Sighting {
    fn blank(room: usize) -> Box<Self> {
        Box::new(Sighting {
            at: Instant::ZERO,
            way: Way::In,
            port: PortId(0),
            worker: 0,
            is_own: false,
            // Written now, so that no worker is the first to touch a page of it.
            octets: vec![0xff; room].into_boxed_slice(),
            kept: 0,
            length: 0,
            seen: None,
            choice: None,
            decision: None,
            copies: [(PortId(0), Way::Out); MOST_SENT],
            copy_count: 0,
        })
    }

    /// What was kept of the frame.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.kept]
    }

    /// Where copies of it were to leave, and what became of each.
    pub(super) fn copies(&self) -> &[(PortId, Way)] {
        &self.copies[..self.copy_count.min(MOST_SENT)]
    }

    fn note(&mut self, port: PortId, way: Way) {
        if let Some(copy) = self.copies.get_mut(self.copy_count) {
            *copy = (port, way);
        }
        self.copy_count += 1;
    }
}

impl Watcher {
    /// The next that was seen.
    pub(super) fn next(&self) -> Option<Box<Sighting>> {
        self.seen.pop()
    }

    /// None was seen that is not told.
    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Gives memory back.
    pub(super) fn done(&self, sighting: Box<Sighting>) {
        // There was room for it when it was taken.
        let _ = self.free.push(sighting);
    }

    /// How many found no room so far.
    pub(super) fn lost(&self) -> u64 {
        self.lost.iter().flatten().map(|lost| lost.load(Ordering::Relaxed)).sum()
    }

    /// By port: how many came in and found no room so far, and how many left.
    pub(super) fn lost_by_port(&self) -> impl Iterator<Item = (PortId, [u64; 2])> {
        let ports = self.lost.iter().enumerate();
        ports.map(|(id, [came, left])| {
            (PortId(id as u16), [came.load(Ordering::Relaxed), left.load(Ordering::Relaxed)])
        })
    }

    fn takes_port(&self, port: PortId) -> bool {
        self.port.is_none_or(|only| only == port)
    }

    fn takes(&self, batch: &Batch, number: usize) -> bool {
        let mut headers = [0; HEADERS];
        let (kept, _) = copy(batch, number, &mut headers);
        self.filter.takes(&headers[..kept])
    }

    /// A frame of the batch as it is now, in memory that nobody else uses; none where there is no room.
    fn sight(
        &self,
        (batch, number): (&Batch, usize),
        at: Instant,
        port: PortId,
        way: Way,
    ) -> Option<Box<Sighting>> {
        let Some(mut sighting) = self.free.pop() else {
            if let Some(lost) = self.lost.get(port.index()) {
                lost[usize::from(way != Way::In)].fetch_add(1, Ordering::Relaxed);
            }
            return None;
        };
        (sighting.kept, sighting.length) = copy(batch, number, &mut sighting.octets);
        (sighting.at, sighting.port, sighting.way, sighting.is_own) = (at, port, way, false);
        (sighting.seen, sighting.choice, sighting.decision) = (None, None, None);
        sighting.copy_count = 0;
        Some(sighting)
    }
}

impl Tap {
    /// Has the workers tell of frames of a switch with so many ports; `None` when somebody watches already.
    pub(super) fn watch(
        &self,
        look: Look,
        filter: Filter,
        port: Option<PortId>,
        ports: usize,
    ) -> Option<Arc<Watcher>> {
        if self.is_watched.load(Ordering::Relaxed) {
            return None;
        }
        let (room, waiting) = look.room();
        let (free, seen) = (ArrayQueue::new(waiting), ArrayQueue::new(waiting));
        while free.len() < waiting && free.push(Sighting::blank(room)).is_ok() {}
        let lost = (0..ports).map(|_| Default::default()).collect();
        let watcher = Arc::new(Watcher { look, filter, port, free, seen, lost });
        let before = self.watcher.compare_and_swap(&None::<Arc<Watcher>>, Some(Arc::clone(&watcher)));
        if before.is_some() {
            return None;
        }
        self.is_watched.store(true, Ordering::Release);
        Some(watcher)
    }

    /// Nobody watches any more.
    pub(super) fn leave(&self) {
        self.is_watched.store(false, Ordering::Release);
        self.watcher.store(None);
    }

    /// Takes a batch from a port, and tells of it where somebody watches.
    ///
    /// # Errors
    /// Those of [`Worker::poll_port`].
    pub fn poll(
        &self,
        (index, worker): (u16, &mut Worker),
        (clock, now): (&Clock, Instant),
        port: PortId,
        ports: &mut [Option<Box<dyn Port>>],
    ) -> io::Result<usize> {
        if !self.is_watched.load(Ordering::Relaxed) {
            return Tap::poll_past(worker, now, port, ports);
        }
        self.poll_watched((index, worker), (clock, now), port, ports)
    }

    /// Takes a batch from a port past any tap. A function of its own, so that whoever measures what a tap costs has the same machine code behind it
    /// and without it.
    ///
    /// # Errors
    /// Those of [`Worker::poll_port`].
    #[inline(never)]
    pub fn poll_past(
        worker: &mut Worker,
        now: Instant,
        port: PortId,
        ports: &mut [Option<Box<dyn Port>>],
    ) -> io::Result<usize> {
        worker.poll_port(now, port, ports)
    }

    #[cold]
    fn poll_watched(
        &self,
        (index, worker): (u16, &mut Worker),
        (clock, now): (&Clock, Instant),
        port: PortId,
        ports: &mut [Option<Box<dyn Port>>],
    ) -> io::Result<usize> {
        let watcher = self.watcher.load();
        // What is captured at a port may have come in by another.
        let concerns = |watcher: &&Arc<Watcher>| watcher.look != Look::Fates || watcher.takes_port(port);
        let Some(watcher) = watcher.as_ref().filter(concerns) else {
            return worker.poll_port(now, port, ports);
        };
        let notes = RefCell::new([const { Note { is_taken: false, sighting: None } }; BATCH_FRAMES]);
        let mut tapped = Tapped { ports, watcher, notes: Some(&notes), clock, now, worker: index };
        let mut listener = Listener { notes: &notes, watcher, clock, worker: index };
        let polled = worker.poll_port_traced(now, port, &mut tapped, &mut listener);
        for sighting in notes.into_inner().into_iter().filter_map(|note| note.sighting) {
            // There is as much room as there are sightings.
            let _ = watcher.seen.push(sighting);
        }
        polled
    }

    /// Sends what the switch itself has to send, and tells of it where somebody captures.
    pub(super) fn originate(
        &self,
        (index, worker): (u16, &mut Worker),
        (clock, now): (&Clock, Instant),
        ports: &mut [Option<Box<dyn Port>>],
    ) {
        if !self.is_watched.load(Ordering::Relaxed) {
            return worker.originate(now, ports);
        }
        match self.watcher.load().as_ref().filter(|watcher| watcher.look != Look::Fates) {
            Some(watcher) => {
                worker.originate(now, &mut Tapped { ports, watcher, notes: None, clock, now, worker: index });
            }
            None => worker.originate(now, ports),
        }
    }
}

/// What is known of a frame of the batch.
struct Note {
    /// The filter takes it.
    is_taken: bool,
    sighting: Option<Box<Sighting>>,
}

/// By number in the batch.
type Notes = RefCell<[Note; BATCH_FRAMES]>;

/// The ports, with an eye on what comes and goes.
struct Tapped<'a> {
    ports: &'a mut [Option<Box<dyn Port>>],
    watcher: &'a Watcher,
    /// None where the switch itself sends.
    notes: Option<&'a Notes>,
    clock: &'a Clock,
    now: Instant,
    worker: u16,
}

impl Ports for Tapped<'_> {
    fn has(&self, port: PortId) -> bool {
        Ports::has(self.ports, port)
    }

    fn rx(&mut self, port: PortId, batch: &mut Batch) -> io::Result<usize> {
        let received = Ports::rx(self.ports, port, batch)?;
        let Some(notes) = self.notes else { return Ok(received) };
        let mut notes = notes.borrow_mut();
        for (number, note) in notes.iter_mut().enumerate().take(received) {
            note.is_taken = self.watcher.takes(batch, number);
            if !note.is_taken || !self.watcher.takes_port(port) {
                continue;
            }
            note.sighting = self.watcher.sight((batch, number), self.now, port, Way::In);
            if let Some(sighting) = &mut note.sighting {
                sighting.worker = self.worker;
            }
        }
        Ok(received)
    }

    fn tx(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport {
        self.give(port, (batch, frames), Ports::tx)
    }

    fn tx_control(&mut self, port: PortId, batch: &Batch, frames: &[u16]) -> TxReport {
        self.give(port, (batch, frames), Ports::tx_control)
    }
}

/// [`Ports::tx`] or [`Ports::tx_control`] of a worker's ports.
type Give = fn(&mut [Option<Box<dyn Port>>], PortId, &Batch, &[u16]) -> TxReport;

impl Tapped<'_> {
    fn give(&mut self, port: PortId, (batch, frames): (&Batch, &[u16]), give: Give) -> TxReport {
        // Read before, so that no copy is seen to arrive before it leaves.
        let begun = self.clock.now();
        let report = give(self.ports, port, batch, frames);
        if let Some(notes) = self.notes {
            note_given(&mut notes.borrow_mut()[..], port, frames, &report);
        }
        if self.watcher.look != Look::Fates && self.watcher.takes_port(port) {
            self.copy_sent(begun, port, (batch, frames), &report);
        }
        report
    }

    /// Tells of each copy that a port was given, in the shape in which it was given.
    fn copy_sent(&self, at: Instant, port: PortId, (batch, frames): (&Batch, &[u16]), report: &TxReport) {
        for (place, &number) in frames.iter().enumerate() {
            let number = usize::from(number);
            let is_taken = match self.notes {
                Some(notes) => notes.borrow()[number].is_taken,
                None => self.watcher.takes(batch, number),
            };
            if !is_taken {
                continue;
            }
            let way = way_of(place, report);
            let Some(mut sighting) = self.watcher.sight((batch, number), at, port, way) else { continue };
            sighting.worker = self.worker;
            sighting.is_own = self.notes.is_none();
            let _ = self.watcher.seen.push(sighting);
        }
    }
}

/// A port takes frames in their order, until it takes no more.
fn way_of(place: usize, report: &TxReport) -> Way {
    if (place as u64) < report.frames {
        return Way::Out;
    }
    let mut reasons = not_taken(report).into_iter().filter(|(_, count)| *count > 0);
    let reason = reasons.next().map(|(reason, _)| reason);
    // Of several reasons nobody knows whose is which.
    Way::Refused(reason.filter(|_| reasons.next().is_none()))
}

fn note_given(notes: &mut [Note], port: PortId, frames: &[u16], report: &TxReport) {
    for (place, &number) in frames.iter().enumerate() {
        let Some(sighting) = &mut notes[usize::from(number)].sighting else { continue };
        sighting.note(port, way_of(place, report));
    }
}

/// The first octets of a frame as they were on the wire, with their tag; says how many those are, and how long the frame is.
fn copy(batch: &Batch, number: usize, to: &mut [u8]) -> (usize, usize) {
    let octets = batch.bytes(number);
    let room = to.len();
    match batch.tagging(number) {
        Tagging::Aside(tci) if octets.len() >= 12 => {
            let kept = octets.len().min(room - 4);
            to[..12].copy_from_slice(&octets[..12]);
            to[12..16].copy_from_slice(&tci.to_bytes());
            to[16..kept + 4].copy_from_slice(&octets[12..kept]);
            (kept + 4, octets.len() + 4)
        }
        _ => {
            let kept = octets.len().min(room);
            to[..kept].copy_from_slice(&octets[..kept]);
            (kept, octets.len())
        }
    }
}

/// Hears what the stages say.
struct Listener<'a> {
    notes: &'a Notes,
    watcher: &'a Watcher,
    clock: &'a Clock,
    worker: u16,
}

impl Tracer for Listener<'_> {
    fn saw(&mut self, frame: u16, seen: Seen) {
        if let Some(sighting) = &mut self.notes.borrow_mut()[usize::from(frame)].sighting {
            sighting.seen = Some(seen);
        }
    }

    fn chose(&mut self, frame: u16, choice: Choice) {
        if let Some(sighting) = &mut self.notes.borrow_mut()[usize::from(frame)].sighting {
            sighting.choice = Some(choice);
        }
    }

    fn decided(&mut self, _ingress: PortId, number: u16, _frame: &[u8], decision: Decision) {
        if let Some(sighting) = &mut self.notes.borrow_mut()[usize::from(number)].sighting {
            sighting.decision = Some(decision);
        }
    }
    fn copy_dropped(&mut self, batch: &Batch, number: u16, egress: PortId, reason: DropReason) {
        let (watcher, way) = (self.watcher, Way::Dropped(reason));
        let note = &mut self.notes.borrow_mut()[usize::from(number)];
        if let Some(sighting) = &mut note.sighting {
            sighting.note(egress, way);
        }
        if !note.is_taken || watcher.look == Look::Fates || !watcher.takes_port(egress) {
            return;
        }
        let place = (batch, usize::from(number));
        let Some(mut sighting) = watcher.sight(place, self.clock.now(), egress, way) else { return };
        sighting.worker = self.worker;
        let _ = watcher.seen.push(sighting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_base::{MacAddr, Seed, VlanId};
    use greylag_dataplane::{DataPlane, Forwarding, Limits, PortForwarding};
    use greylag_ports::MemoryPort;
    use greylag_wire::ethernet::{EtherType, Repr};

    /// Two ports, the hosts behind them, and a tap.
    struct Rig {
        plane: Arc<DataPlane>,
        worker: Worker,
        hosts: [MemoryPort; 2],
        ports: Vec<Option<Box<dyn Port>>>,
        tap: Tap,
    }

    impl Rig {
        fn new(second: PortForwarding) -> Rig {
            let limits = Limits { ports: 2, ..Limits::default() };
            let plane = Arc::new(DataPlane::new(&limits, Seed(1)).unwrap());
            plane.publish(Forwarding::new(vec![PortForwarding::access(VlanId::DEFAULT), second], 0));
            let ((one, a), (other, b)) = (MemoryPort::pair(64), MemoryPort::pair(64));
            let ports: Vec<Option<Box<dyn Port>>> = vec![Some(Box::new(a)), Some(Box::new(b))];
            let worker = Worker::new(Arc::clone(&plane), 0);
            Rig { plane, worker, hosts: [one, other], ports, tap: Tap::default() }
        }

        /// A broadcast with so many octets behind its header comes in by the first port.
        fn broadcast(&mut self, octets: usize) {
            let source = MacAddr([2, 0, 0, 0, 0, 1]);
            let header =
                Repr { destination: MacAddr::BROADCAST, source, ether_type: EtherType::LOCAL_EXPERIMENT };
            assert!(self.hosts[0].send(&header.frame(&vec![7; octets])));
            let now = (&Clock::default(), Instant::ZERO);
            let polled = self.tap.poll((0, &mut self.worker), now, PortId(0), &mut self.ports);
            assert_eq!(polled.unwrap(), 1);
        }

        fn watch(&self, look: Look) -> Arc<Watcher> {
            self.tap.watch(look, "".parse().unwrap(), None, 2).expect("nobody watches")
        }
    }

    /// Whatever tracer there is, the worker counts that it tells one: a tap that is off has none, and not one that says nothing.
    #[test]
    fn while_nobody_watches_the_worker_has_no_tracer() {
        let mut rig = Rig::new(PortForwarding::access(VlanId::DEFAULT));
        for _ in 0..20 {
            rig.broadcast(50);
        }
        assert_eq!(rig.plane.told_batches(0), 0);
        let watcher = rig.watch(Look::Fates);
        rig.broadcast(50);
        assert_eq!(rig.plane.told_batches(0), 1);
        assert_eq!(watcher.next().expect("it is told").copies(), [(PortId(1), Way::Out)]);
        rig.tap.leave();
        for _ in 0..20 {
            rig.broadcast(50);
        }
        assert_eq!((rig.plane.told_batches(0), rig.plane.port_counts(PortId(1)).tx_frames), (1, 41));
    }

    /// A frame is flooded, and the only copy is too long for its port.
    #[test]
    fn a_copy_that_is_dropped_before_its_port_is_seen_with_the_reason() {
        let mut rig = Rig::new(PortForwarding { mtu: 100, ..PortForwarding::access(VlanId::DEFAULT) });
        let watcher = rig.watch(Look::Frames(256));
        rig.broadcast(101);
        let dropped = Way::Dropped(DropReason::EgressMtu);
        let seen: Vec<_> = std::iter::from_fn(|| watcher.next()).collect();
        let ways: Vec<_> = seen.iter().map(|seen| (seen.port, seen.way, seen.length)).collect();
        assert_eq!(ways, [(PortId(1), dropped, 115), (PortId(0), Way::In, 115)]);
        assert_eq!(seen[1].copies(), [(PortId(1), dropped)]);
        rig.tap.leave();
        // Whoever only asks what becomes of frames sees no copies.
        let watcher = rig.watch(Look::Fates);
        rig.broadcast(101);
        let seen: Vec<_> = std::iter::from_fn(|| watcher.next()).collect();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].copies(), [(PortId(1), dropped)]);
    }
}
