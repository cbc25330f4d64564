//! A worker: takes a batch from one port and brings each frame to where it belongs.

use crate::account::Account;
use crate::bridge::{Admitted, bridge};
use crate::damping::Damper;
use crate::egress::{Egress, hand_over};
use crate::ingress::{Header, stations_of};
use crate::learn::Learner;
use crate::plane::{DataPlane, Reporter, WorkerShare};
use crate::ports::{ControlFirst, Ports};
use crate::punt::{Way, is_control};
use crate::routing::{Load, Round, Router, Search, from_host, from_routed_port, originate, originate_routed};
use crate::sweeping::Sweeping;
use crate::tracer::Tracer;
use crate::{Forwarding, Layer3, Routes, WorkerEvent};
use arc_swap::ArcSwap;
use arc_swap::cache::Cache;
use greylag_base::{Instant, InterfaceId, MacAddr, PortId, VlanId};
use greylag_mactable::{Cause, Seat};
use greylag_ports::{BATCH_FRAMES, Batch, Port, RxDrop, RxDrops};
use greylag_wire::vlan::Tci;
use std::cell::Cell;
use std::io;
use std::sync::Arc;

/// One forwarding thread's state. All memory is taken when it is made.
pub struct Worker {
    plane: Arc<DataPlane>,
    index: usize,
    share: Arc<WorkerShare>,
    forwarding: Cache<Arc<ArcSwap<Forwarding>>, Arc<Forwarding>>,
    batch: Batch,
    headers: [Option<Header>; BATCH_FRAMES],
    /// The frames that are admitted, side by side.
    admitted: Box<Admitted>,
    router: Router,
    egress: Egress,
    damper: Damper,
    seat: Seat,
    /// What each port's queue has said it missed, so that only the difference is counted.
    missed: Box<[RxDrops]>,
    sweeping: Sweeping,
    has_news: bool,
    has_punted: bool,
}

impl Worker {
    /// Worker number `index` of a data plane.
    ///
    /// # Panics
    /// When the data plane was made for fewer workers.
    pub fn new(plane: Arc<DataPlane>, index: usize) -> Self {
        let (share, forwarding) = (Arc::clone(&plane.workers[index]), Arc::clone(&plane.forwarding));
        Worker::of(plane, index, share, forwarding)
    }

    /// As worker number `index`, but nobody hears of what it does, and it forwards by a snapshot of its own.
    pub(crate) fn apart(plane: Arc<DataPlane>, index: usize, forwarding: Forwarding) -> Self {
        let share = Arc::new(plane.workers[index].apart());
        Worker::of(plane, index, share, Arc::new(ArcSwap::from_pointee(forwarding)))
    }

    fn of(
        plane: Arc<DataPlane>,
        index: usize,
        share: Arc<WorkerShare>,
        forwarding: Arc<ArcSwap<Forwarding>>,
    ) -> Self {
        let ports = share.counters.ports.len();
        let seat = plane.table().seat();
        let router = Router::new(plane.routes().map(Routes::reader));
        Worker {
            forwarding: Cache::new(forwarding),
            plane,
            index,
            share,
            batch: Batch::new(),
            headers: [None; BATCH_FRAMES],
            admitted: Box::new(Admitted::new()),
            router,
            egress: Egress::new(ports),
            damper: Damper::new(),
            seat,
            missed: vec![RxDrops::default(); ports].into_boxed_slice(),
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
        let counters = self.share.counters.port(ingress);
        if !ports.has(ingress) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let received = ports.rx(ingress, &mut self.batch).inspect_err(|_| counters.rx_errors.add(1))?;
        if received > 0 {
            if T::LISTENS {
                self.share.counters.told_batches.add(1);
            }
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
        let Worker { plane, share, batch, headers, admitted, egress, router, damper, seat, .. } = self;
        let reporter =
            Reporter { counters: &share.counters, now, events: &share.events, has_news: Cell::new(false) };
        let forwarding: &Forwarding = self.forwarding.load();
        let round = Round {
            now,
            worker: self.index as u16,
            arrival,
            // Behind a member of a bundle everything goes by the bundle.
            ingress: forwarding.bridge_port(arrival),
            forwarding,
            share,
            has_punted: Cell::new(false),
        };
        let account = &mut Account { arrival, counters: share.counters.port(arrival), tracer };
        let load = &mut Load { batch, headers, egress, account };
        let port = forwarding.port(arrival).filter(|port| port.up);
        match port.map(|port| (port, port.layer3)) {
            Some((port, Layer3::Routed(interface))) => {
                let search = Search { seat, reporter: &reporter };
                from_routed_port(
                    (interface, port),
                    (router, plane),
                    &round,
                    (&mut admitted.arrivals, load),
                    search,
                );
            }
            Some((port, Layer3::Host(interface))) => {
                let search = Search { seat, reporter: &reporter };
                from_host((interface, port), (router, plane), &round, (&mut admitted.arrivals, load), search);
            }
            _ => bridge(port, &round, (plane, seat, &reporter), (admitted, damper, router), load),
        }
        self.has_news |= reporter.has_news.get();
        self.has_punted |= round.has_punted.get();
        self.egress.transmit(&mut self.batch, &self.headers, forwarding, ports, &share.counters, tracer);
    }

    /// Sends what the switch itself has to send. To be called before the ports are polled: what keeps a link alive goes before
    /// what uses it. One worker of a switch is enough.
    pub fn originate<P: Ports + ?Sized>(&mut self, now: Instant, ports: &mut P) {
        while let Some((way, frame)) = self.plane.outbox.take() {
            self.batch.clear();
            self.batch.push(&frame);
            if is_control(way, &frame) {
                self.originate_one(now, way, &mut ControlFirst(&mut *ports));
            } else {
                self.originate_one(now, way, ports);
            }
        }
    }

    /// Sends the one frame of the batch.
    fn originate_one<P: Ports + ?Sized>(&mut self, now: Instant, way: Way, ports: &mut P) {
        match way {
            Way::Port(port) => {
                let counters = &self.share.counters;
                hand_over(port, &self.batch, &[0], ports, counters, &mut ());
            }
            Way::Interface(interface) => self.originate_on(now, Some(interface), ports, &mut ()),
            Way::Routed => self.originate_on(now, None, ports, &mut ()),
            Way::Sighted { port, vlan } => self.learn_only(now, port, vlan),
        }
    }

    /// Sends a frame of the ports' by an interface, or the way that the FIB says, and tells what becomes of it.
    pub(crate) fn originate_traced<P: Ports + ?Sized, T: Tracer>(
        &mut self,
        now: Instant,
        id: Option<InterfaceId>,
        ports: &mut P,
        tracer: &mut T,
    ) {
        if ports.rx(PortId(0), &mut self.batch).is_ok() {
            self.originate_on(now, id, ports, tracer);
        }
    }

    /// Sends the one frame of the batch by an interface, or the way that the FIB says.
    fn originate_on<P: Ports + ?Sized, T: Tracer>(
        &mut self,
        now: Instant,
        id: Option<InterfaceId>,
        ports: &mut P,
        tracer: &mut T,
    ) {
        let Worker { plane, share, batch, headers, egress, router, seat, .. } = self;
        let reporter =
            Reporter { counters: &share.counters, now, events: &share.events, has_news: Cell::new(false) };
        let forwarding: &Forwarding = self.forwarding.load();
        // It came in by no port; nobody asks for this one.
        let round = Round {
            now,
            worker: self.index as u16,
            arrival: PortId(0),
            ingress: PortId(0),
            forwarding,
            share,
            has_punted: Cell::new(false),
        };
        let account = &mut Account { arrival: PortId(0), counters: &share.counters.own, tracer };
        let load = &mut Load { batch, headers, egress, account };
        let search = Search { seat, reporter: &reporter };
        match id {
            Some(id) => originate(id, (router, plane), &round, load, search),
            None => originate_routed((router, plane), &round, load, search),
        }
        self.has_punted |= round.has_punted.get();
        self.has_news |= reporter.has_news.get();
        self.egress.transmit(&mut self.batch, &self.headers, forwarding, ports, &share.counters, tracer);
    }

    /// Learns the source of the one frame of the batch, which goes nowhere.
    fn learn_only(&mut self, now: Instant, ingress: PortId, vlan: VlanId) {
        let Worker { plane, share, batch, damper, seat, .. } = self;
        let reporter =
            Reporter { counters: &share.counters, now, events: &share.events, has_news: Cell::new(false) };
        let forwarding: &Forwarding = self.forwarding.load();
        let session = plane.table().session_at(seat, now.as_nanos());
        let [destination, source] = stations_of(batch.bytes(0)).map(MacAddr::from_bits);
        let header = Header { destination, source, vlan, tag: Tci(vlan.get()) };
        let probe = session.probe(vlan.get(), source.0);
        let waiting = &share.waiting;
        let learner = Learner { now, ingress, forwarding, session: &session, reporter: &reporter, waiting };
        // Nothing passes, so that it does not matter whether it may.
        let _ = learner.learn(&header, &probe, damper);
        self.has_news |= reporter.has_news.get();
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
        let share = &self.share;
        for (index, port) in ports.iter_mut().enumerate() {
            let Some(port) = port else { continue };
            let missed = port.rx_dropped();
            let before = std::mem::replace(&mut self.missed[index], missed);
            for reason in RxDrop::ALL {
                let (now, before) = (missed.of(reason), before.of(reason));
                // A queue that was opened anew counts from zero.
                let since = now.checked_sub(before).unwrap_or(now);
                share.counters.ports[index].rx_missed[reason.index()].add(since);
            }
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
