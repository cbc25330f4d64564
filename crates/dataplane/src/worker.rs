//! A worker: takes a batch from one port and brings each frame to where it belongs.

use crate::damping::Damper;
use crate::egress::{Egress, hand_over};
use crate::flood::{FloodBudget, Flooded, flood};
use crate::ingress::{Exit, Header, admit};
use crate::learn::Learner;
use crate::lookup::{Verdict, decide};
use crate::plane::{DataPlane, Reporter};
use crate::ports::Ports;
use crate::punt::{Punt, Way};
use crate::sweeping::Sweeping;
use crate::tracer::{Decision, Tracer};
use crate::{Forwarding, Keeper, WorkerEvent};
use arc_swap::ArcSwap;
use arc_swap::cache::Cache;
use greylag_base::{DropReason, Instant, MacAddr, PortId, VlanId};
use greylag_mactable::{Cause, Key, Renewal, Seat, UNKNOWN};
use greylag_ports::{BATCH_FRAMES, Batch, Port, Tagging};
use greylag_wire::vlan::TAG_LEN;
use std::cell::Cell;
use std::io;
use std::sync::Arc;

/// One forwarding thread's state. All memory is taken when it is made.
pub struct Worker {
    plane: Arc<DataPlane>,
    index: usize,
    forwarding: Cache<Arc<ArcSwap<Forwarding>>, Arc<Forwarding>>,
    batch: Batch,
    headers: [Option<Header>; BATCH_FRAMES],
    /// The frames that are admitted, side by side.
    admitted: Box<Admitted>,
    egress: Egress,
    damper: Damper,
    seat: Seat,
    /// What each port's queue has said it missed, so that only the difference is counted.
    missed: Box<[u64]>,
    sweeping: Sweeping,
    has_news: bool,
    has_punted: bool,
}

/// What the stages of a batch leave for each other. Kept from batch to batch, for clearing it would cost a small one more than
/// its frames do; only the places of the batch that is under way mean anything.
struct Admitted {
    sources: [Key; BATCH_FRAMES],
    destinations: [Key; BATCH_FRAMES],
    /// Which frames of the batch they are.
    frames: [u16; BATCH_FRAMES],
    /// Behind which ports their destinations are.
    stations: [u16; BATCH_FRAMES],
    verdicts: [Verdict; BATCH_FRAMES],
}

impl Admitted {
    fn new() -> Self {
        Admitted {
            sources: [Key::default(); BATCH_FRAMES],
            destinations: [Key::default(); BATCH_FRAMES],
            frames: [0; BATCH_FRAMES],
            stations: [UNKNOWN; BATCH_FRAMES],
            verdicts: [Verdict::Drop(DropReason::NoEgress); BATCH_FRAMES],
        }
    }
}

impl Worker {
    /// Worker number `index` of a data plane.
    ///
    /// # Panics
    /// When the data plane was made for fewer workers.
    pub fn new(plane: Arc<DataPlane>, index: usize) -> Self {
        let ports = plane.workers[index].counters.ports.len();
        let seat = plane.table().seat();
        Worker {
            forwarding: Cache::new(Arc::clone(&plane.forwarding)),
            plane,
            index,
            batch: Batch::new(),
            headers: [None; BATCH_FRAMES],
            admitted: Box::new(Admitted::new()),
            egress: Egress::new(ports),
            damper: Damper::new(),
            seat,
            missed: vec![0; ports].into_boxed_slice(),
            sweeping: Sweeping::default(),
            has_news: false,
            has_punted: false,
        }
    }

    /// Takes what has come in on one port, a batch at the most, and forwards it; says how many frames.
    ///
    /// # Errors
    /// Those of [`Port::rx`], counted on the port. `NotConnected` when the port has no queue here.
    pub fn poll_port<P: Port>(
        &mut self,
        now: Instant,
        ingress: PortId,
        ports: &mut [Option<P>],
    ) -> io::Result<usize> {
        self.poll_port_traced(now, ingress, ports, &mut ())
    }

    /// As [`Worker::poll_port`], on whatever the ports are, and tells `tracer` what becomes of each frame.
    ///
    /// # Errors
    /// Those of [`Worker::poll_port`].
    pub fn poll_port_traced<P: Ports + ?Sized, T: Tracer>(
        &mut self,
        now: Instant,
        ingress: PortId,
        ports: &mut P,
        tracer: &mut T,
    ) -> io::Result<usize> {
        let counters = self.plane.workers[self.index].counters.port(ingress);
        if !ports.has(ingress) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let received = ports.rx(ingress, &mut self.batch).inspect_err(|_| counters.rx_errors.add(1))?;
        if received > 0 {
            self.forward(now, ingress, ports, tracer);
        }
        Ok(received)
    }

    /// Brings the batch to where it belongs.
    fn forward<P: Ports + ?Sized, T: Tracer>(
        &mut self,
        now: Instant,
        arrival: PortId,
        ports: &mut P,
        tracer: &mut T,
    ) {
        let mut trace = |batch: &Batch, frame: usize, decision: Decision| {
            if T::LISTENS {
                tracer.decided(arrival, batch.bytes(frame), decision);
            }
        };
        let share = &self.plane.workers[self.index];
        let reporter =
            Reporter { counters: &share.counters, now, events: &share.events, has_news: Cell::new(false) };
        let counters = share.counters.port(arrival);
        let forwarding: &Forwarding = self.forwarding.load();
        let renewal = match forwarding.learning().renew {
            Keeper::Worker => Renewal::Stamp,
            Keeper::Agent => Renewal::Hit,
        };
        let table = self.plane.table();
        let session = table.session_at(&mut self.seat, now.as_nanos()).with_renewal(renewal);
        let count = self.batch.len();

        let Admitted { sources, destinations, frames, stations, verdicts } = &mut *self.admitted;
        let mut known = 0;
        let mut bytes = 0;
        // Behind a member of a bundle everything goes by the bundle.
        let ingress = forwarding.bridge_port(arrival);
        let port = forwarding.port(arrival).filter(|port| port.up);
        for (index, header) in self.headers[..count].iter_mut().enumerate() {
            bytes += self.batch.bytes(index).len() as u64;
            if let Tagging::Aside(_) = self.batch.tagging(index) {
                bytes += TAG_LEN as u64;
            }
            let admitted = match port {
                Some(port) => admit(&mut self.batch, index, forwarding, port),
                None => Err(DropReason::PortDown.into()),
            };
            if let Err(exit) = admitted {
                let decision = match exit {
                    Exit::Drop(reason) => Err(reason),
                    Exit::Punt => share.hand_up(Punt::new(now, arrival, self.batch.bytes(index))),
                };
                match decision {
                    Ok(()) => {
                        counters.punted.add(1);
                        self.has_punted = true;
                        trace(&self.batch, index, Decision::Punted);
                    }
                    Err(reason) => {
                        counters.drop_frame(reason);
                        trace(&self.batch, index, Decision::Dropped(reason));
                    }
                }
            }
            *header = admitted.ok();
            if let Some(header) = header {
                sources[known] = Key::new(header.vlan.get(), header.source.to_bits());
                destinations[known] = Key::new(header.vlan.get(), header.destination.to_bits());
                frames[known] = index as u16;
                known += 1;
            }
        }
        counters.rx_frames.add(count as u64);
        counters.rx_bytes.add(bytes);

        // All sources first, then all destinations: a station that speaks for the first time in this batch is
        // found by the frames behind it, as it would be if they came one by one. The order differs from one
        // by one only for a frame to a station whose first frame is later in the same batch: it is not flooded
        // although it would have been.
        let (frames, stations, waiting) = (&frames[..known], &mut stations[..known], &share.waiting);
        let learner = Learner { now, ingress, forwarding, session: &session, reporter: &reporter, waiting };
        session.resolve(ingress.0, &sources[..known], &destinations[..known], stations, |at, source| {
            let header = &mut self.headers[usize::from(frames[at])];
            if let Some(sender) = header
                && let Err(reason) = learner.learn(sender, source, &mut self.damper)
            {
                counters.drop_frame(reason);
                trace(&self.batch, frames[at].into(), Decision::Dropped(reason));
                *header = None;
            }
        });

        let mut budget = FloodBudget::default();
        for ((&frame, &station), verdict) in frames.iter().zip(&*stations).zip(&mut *verdicts) {
            let Some(header) = &self.headers[usize::from(frame)] else { continue };
            let station = (station != UNKNOWN).then_some(PortId(station));
            *verdict = decide(header, station, ingress, forwarding);
            if let Verdict::Flood(class) = *verdict {
                budget.want(class);
            }
        }
        drop(session);
        self.has_news |= reporter.has_news.get();

        budget.ask(&self.plane.storm[ingress.index()], forwarding, ingress, now);
        for (&frame, &verdict) in frames.iter().zip(&*verdicts) {
            let Some(header) = &self.headers[usize::from(frame)] else { continue };
            let outcome = match verdict {
                Verdict::Forward(port) => {
                    match forwarding.leaves_by(port, header.vlan, || self.batch.bytes(frame.into())) {
                        Some(port) => {
                            self.egress.add(port, frame);
                            Ok(Decision::Forwarded(port))
                        }
                        None => Err(DropReason::DestinationDown),
                    }
                }
                Verdict::Flood(class) => budget
                    .take(class)
                    .and_then(|()| {
                        let flooded = Flooded { frame, batch: &self.batch, header, ingress, now };
                        flood(&flooded, forwarding, &share.counters, &mut self.egress)
                    })
                    .inspect(|_| counters.flooded.add(1))
                    .map(|left_out| Decision::Flooded { left_out }),
                Verdict::Drop(reason) => Err(reason),
            };
            let decision = outcome.unwrap_or_else(|reason| {
                counters.drop_frame(reason);
                Decision::Dropped(reason)
            });
            trace(&self.batch, frame.into(), decision);
        }

        self.egress.transmit(&mut self.batch, &self.headers, forwarding, ports, &share.counters);
    }

    /// Sends what the switch's own protocols have to send. To be called before the ports are polled: what keeps a link alive goes before
    /// what uses it. One worker of a switch is enough.
    pub fn originate<P: Ports + ?Sized>(&mut self, ports: &mut P) {
        let counters = &self.plane.workers[self.index].counters;
        while let Some((way, frame)) = self.plane.outbox.take() {
            self.batch.clear();
            self.batch.push(&frame);
            match way {
                Way::Port(port) => hand_over(port, &self.batch, &[0], ports, counters),
                Way::Interface(_) | Way::Routed => {}
            }
        }
    }

    /// Something was reported, or lost for want of room, since the last call: the control side may want to look. Costs less than asking
    /// the data plane after every batch.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Frames were handed up since the last call: the control side may want to look at once.
    pub fn take_punted(&mut self) -> bool {
        std::mem::take(&mut self.has_punted)
    }

    /// Reclaims what has lapsed in a slice of the MAC table, or in all of it if that is due
    /// ([`Limits::sweep_interval`](crate::Limits::sweep_interval)), and reads what the ports' queues have missed. To be
    /// called a few times a second; one worker of a switch is enough for the table.
    pub fn housekeep<P: Port>(&mut self, now: Instant, ports: &mut [Option<P>]) {
        // A worker that sleeps from here on must not hold back what the table has retired.
        self.seat.rest();
        let share = &self.plane.workers[self.index];
        for (index, port) in ports.iter_mut().enumerate() {
            let Some(port) = port else { continue };
            let missed = port.rx_dropped();
            // A queue that was opened anew counts from zero.
            let since = missed.checked_sub(self.missed[index]).unwrap_or(missed);
            share.counters.ports[index].rx_missed.add(since);
            self.missed[index] = missed;
        }
        if self.index != 0 {
            return;
        }
        let table = self.plane.table();
        let reporter =
            Reporter { counters: &share.counters, now, events: &share.events, has_news: Cell::new(false) };
        self.sweeping.sweep(table, self.plane.sweep_interval, now, |swept| {
            let (Some(vlan), Cause::Lapsed) = (VlanId::new(swept.vlan), swept.cause) else { return };
            share.counters.learn.aged.add(1);
            reporter.report(WorkerEvent::Aged { vlan, mac: MacAddr(swept.mac), port: PortId(swept.port) });
        });
        self.has_news |= reporter.has_news.get();
    }
}
