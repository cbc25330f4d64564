//! The loop of a forwarding thread: which ports have something, and what to do when none has.

use super::Running;
use super::idle::Idling;
use super::open::Ports;
use super::pace::Pace;
use super::streams::{Streams, Telling};
use crossbeam_queue::SegQueue;
use greylag_base::{Instant, PortId, Seed};
use greylag_dataplane::Worker;
use greylag_ports::{BATCH_FRAMES, ImpairedPort, ImpairmentDesk, Port, cycle_count};
use greylag_switch::config::{IdlePolicy, WorkersConfig};
use rustix::event::epoll;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often lapsed addresses are reclaimed and missed frames are read.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

/// What epoll calls the control side, beside the numbers of ports.
const CONTROL_SIDE: u64 = u64::MAX;

/// Rounds over ports that have had frames, before the others are looked at again.
const ROUNDS: usize = 8;

pub(super) struct WorkerThread {
    index: u16,
    worker: Worker,
    ports: Ports,
    idle: IdlePolicy,
    cpu: Option<u16>,
    /// It sends what the control side has to send.
    originates: bool,
    running: Arc<Running>,
    /// Says which ports have something.
    epoll: OwnedFd,
    /// The ports of which it does not.
    streams: Streams,
    replaced: Arc<Replaced>,
}

/// What becomes of a worker's queue of a port, with the index of the port.
pub(super) type Replaced = SegQueue<(usize, Change)>;

/// What a worker is to do with a queue.
pub(super) enum Change {
    /// The device was made again, and this is the queue.
    Opened(Box<dyn Port>),
    /// From now on the desk says how frames fare that leave by it.
    Impaired { desk: Arc<ImpairmentDesk>, seed: Seed },
}

impl WorkerThread {
    /// Everything that can fail is done here, before a thread is started.
    pub(super) fn new(
        worker: Worker,
        ports: Ports,
        settings: &WorkersConfig,
        index: usize,
        running: Arc<Running>,
    ) -> rustix::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (port, queue) in ports.iter().enumerate() {
            if let Some(queue) = queue {
                be_told_of_both(&epoll, queue, port)?;
            }
        }
        // One worker is enough for what the control side has to send.
        let originates = index == 0;
        if originates {
            let control_side = epoll::EventData::new_u64(CONTROL_SIDE);
            epoll::add(&epoll, &running.mailbox, control_side, epoll::EventFlags::IN)?;
        }
        let cpu = settings.cpus.get(index).copied();
        let (idle, replaced) = (settings.idle, Arc::default());
        let streams = Streams::of(ports.len());
        Ok(WorkerThread {
            index: index as u16,
            worker,
            ports,
            idle,
            cpu,
            originates,
            running,
            epoll,
            streams,
            replaced,
        })
    }

    /// Where new queues for this worker are put.
    pub(super) fn replaced(&self) -> Arc<Replaced> {
        Arc::clone(&self.replaced)
    }

    /// Forwards until the switch stops, and gives the ports back.
    ///
    /// # Errors
    /// When the kernel does not let it wait for frames.
    pub(super) fn run(mut self) -> io::Result<Ports> {
        self.pin();
        let mut events = Vec::with_capacity(self.ports.len().max(1));
        let mut ready: Vec<usize> = Vec::with_capacity(self.ports.len());
        let mut housekeeping = self.running.clock.now();
        let mut idling = Idling::new(self.idle, housekeeping);
        let mut pace = Pace::new(housekeeping);
        while !self.running.stop.load(Ordering::Relaxed) {
            let (begun, cycles, mut frames, mut batches) = (self.running.clock.now(), cycle_count(), 0, 0);
            let mut looked = begun;
            for _ in 0..ROUNDS {
                let now = self.running.clock.now();
                looked = now;
                if self.originates {
                    let Running { clock, tap, .. } = &*self.running;
                    tap.originate((self.index, &mut self.worker), (clock, now), &mut self.ports);
                    if self.worker.take_punted() {
                        self.running.punted.notify_one();
                    }
                }
                let before = frames;
                let mut polled = Ok(());
                ready.retain(|&port| {
                    let taken = self.poll(now, port);
                    frames += taken as u64;
                    batches += u64::from(taken > 0);
                    if let Err(error) = self.tell(port, taken) {
                        polled = Err(error);
                    }
                    // Another that is there already, epoll knows of.
                    taken == BATCH_FRAMES
                });
                polled?;
                if frames > before {
                    idling.frames(now);
                }
                if ready.is_empty() {
                    break;
                }
            }
            let now = self.running.clock.now();
            if frames > 0 {
                let cycles = cycles.zip(cycle_count()).map(|(begun, ended)| ended.saturating_sub(begun));
                let effort = &self.running.efforts[usize::from(self.index)];
                effort.add((frames, batches), now - begun, cycles);
            }
            if now >= housekeeping {
                self.take_up()?;
                self.worker.housekeep(now, &mut self.ports);
                housekeeping = now + HOUSEKEEPING;
            }
            pace.looked(looked, frames as u32);
            let is_busy = !ready.is_empty() || idling.polls(now);
            if !is_busy {
                self.be_told_of_all()?;
            }
            let patience = if is_busy { Duration::ZERO } else { housekeeping.since(now) };
            let timeout = patience.try_into().ok();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            for event in events.drain(..) {
                if event.data.u64() == CONTROL_SIDE {
                    self.running.mailbox.clear();
                    continue;
                }
                let port = event.data.u64() as usize;
                if !ready.contains(&port) {
                    ready.push(port);
                }
            }
            if ready.is_empty() && self.gathers() {
                while self.running.clock.now() < pace.next() {
                    std::hint::spin_loop();
                }
            }
            for port in self.streams.ports() {
                if !ready.contains(&port) {
                    ready.push(port);
                }
            }
        }
        self.take_up()?;
        Ok(self.ports)
    }

    /// Frames may gather in rings before it looks at them again. Whoever has it spin wants each of them at once.
    fn gathers(&self) -> bool {
        self.idle == IdlePolicy::Adaptive && self.streams.ports().next().is_some()
    }

    /// A poll of a port took so many frames: is the kernel to tell of it?
    fn tell(&mut self, port: usize, taken: usize) -> rustix::io::Result<()> {
        let Some(queue) = self.ports[port].as_ref().filter(|queue| queue.shares_a_ring()) else {
            return Ok(());
        };
        let Some(fd) = queue.fd() else { return Ok(()) };
        match self.streams.polled(port, taken) {
            Telling::AsBefore => Ok(()),
            Telling::End => epoll::delete(&self.epoll, fd),
            Telling::Begin => be_told(&self.epoll, fd, port),
        }
    }

    /// Of what is there already, it is told at once.
    fn be_told_of_all(&mut self) -> rustix::io::Result<()> {
        while let Some(port) = self.streams.end() {
            if let Some(fd) = self.ports[port].as_ref().and_then(Port::fd) {
                be_told(&self.epoll, fd, port)?;
            }
        }
        Ok(())
    }

    /// Takes up queues of devices that were made again, and of ports that are to be impaired.
    fn take_up(&mut self) -> io::Result<()> {
        if !self.replaced.is_empty() {
            self.be_told_of_all()?;
        }
        while let Some((port, change)) = self.replaced.pop() {
            let queue: Box<dyn Port> = match change {
                Change::Opened(queue) => queue,
                Change::Impaired { desk, seed } => {
                    let Some(queue) = self.ports[port].take() else { continue };
                    for fd in [queue.fd(), queue.control_fd()].into_iter().flatten() {
                        epoll::delete(&self.epoll, fd)?;
                    }
                    Box::new(ImpairedPort::new(queue, desk, seed)?)
                }
            };
            be_told_of_both(&self.epoll, &queue, port)?;
            self.ports[port] = Some(queue);
        }
        Ok(())
    }

    /// Takes a batch from a port, and says how many frames it had.
    fn poll(&mut self, now: Instant, port: usize) -> usize {
        let WorkerThread { index, worker, ports, running, .. } = self;
        match running.tap.poll((*index, worker), (&running.clock, now), PortId(port as u16), ports) {
            Ok(frames) => {
                if self.worker.take_punted() {
                    self.running.punted.notify_one();
                }
                frames
            }
            Err(error) => {
                // The interface is gone for good: its descriptor would be ready for ever. EBADFD is what a TAP says.
                if error.raw_os_error() == Some(rustix::io::Errno::BADFD.raw_os_error()) {
                    self.ports[port] = None;
                }
                0
            }
        }
    }

    fn pin(&self) {
        let Some(cpu) = self.cpu else { return };
        let mut cpus = rustix::thread::CpuSet::new();
        cpus.set(cpu.into());
        if let Err(errno) = rustix::thread::sched_setaffinity(None, &cpus) {
            tracing::warn!("a worker cannot be pinned to CPU {cpu}: {errno}");
        }
    }
}

/// Has an epoll instance tell of a port that it does not know, by its number.
fn be_told_of_both(epoll: &OwnedFd, queue: &dyn Port, port: usize) -> rustix::io::Result<()> {
    [queue.fd(), queue.control_fd()].into_iter().flatten().try_for_each(|fd| be_told(epoll, fd, port))
}

/// The same for one descriptor of it.
fn be_told(epoll: &OwnedFd, fd: BorrowedFd<'_>, port: usize) -> rustix::io::Result<()> {
    epoll::add(epoll, fd, epoll::EventData::new_u64(port as u64), epoll::EventFlags::IN)
}
