//! An Ethernet interface of the kernel, taken over by AF_XDP sockets: the frames are handed over before the kernel makes
//! packets of them.

use crate::control_line::ControlLine;
use crate::finish::{Finished, Finisher};
use crate::frame_limit::FrameLimit;
use crate::xsk::{Attached, CHUNK_BYTES, Mode, Xsk};
use crate::{
    BATCH_FRAMES, Batch, Interface, Offload, OpenError, PacketQueue, Port, RxDrop, RxDrops, Tagging,
    TxReport, ethtool, packet_socket,
};
use greylag_base::PortName;
use greylag_wire::ethernet::HEADER_LEN;
use rustix::io::Errno;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

/// An interface that was opened by AF_XDP.
pub struct XdpPort {
    /// One for each worker. Those of the first `receiving` workers are [`XdpQueue`]s; the others only send, by packet sockets.
    pub queues: Vec<Box<dyn Port>>,
    /// How many workers receive: each queue of the interface has one socket, and the interface may have fewer than there are workers.
    pub receiving: usize,
    /// The program runs in the driver, and not behind it in the network stack.
    pub is_native: bool,
}

impl XdpPort {
    /// Takes over an interface in the network namespace of the calling thread: sets it up and promiscuous, asks it for as many
    /// queues as there are workers, and puts an XDP program of ours on it. The program and the promiscuity go with the last queue, or
    /// with the process, however that ends.
    ///
    /// # Errors
    /// [`OpenError`] says what is missing.
    pub fn open(name: &PortName, workers: NonZeroUsize) -> Result<XdpPort, OpenError> {
        let refused = |step| move |source: io::Error| OpenError::at(name, step, source);
        let interface = Arc::new(Interface::named(name).map_err(refused("a socket"))?);
        if !interface.is_ethernet().map_err(refused("its type"))? {
            return Err(OpenError::NotEthernet { interface: name.clone() });
        }
        let wanted = u32::try_from(workers.get()).unwrap_or(u32::MAX);
        let there =
            ethtool::ask_for_queues(&interface, wanted).map_err(refused("the number of its queues"))?;
        if there > wanted {
            // A frame that comes to a queue without a socket would go to the kernel's own stack.
            return Err(OpenError::TooManyQueues { interface: name.clone(), workers: workers.get() });
        }
        let promiscuous = packet_socket::open_sender(name, &interface)?;
        let index = interface.index().map_err(refused("its index"))?;
        let program = Attached::to(index, there).map_err(|source| attach_error(name, workers, source))?;
        let is_native = program.mode() == Mode::Native;
        let taken = Arc::new(Taken { program, promiscuous });

        let mut queues: Vec<Box<dyn Port>> = Vec::with_capacity(workers.get());
        for queue in 0..there {
            let mut opened = XdpQueue::open(&interface, index, queue, &taken)?;
            if queue == 0 {
                opened.control = Some(ControlLine::open(&interface)?);
            }
            queues.push(Box::new(opened));
        }
        for _ in there..wanted {
            queues.push(Box::new(PacketQueue::sender(&interface)?));
        }
        Ok(XdpPort { queues, receiving: there as usize, is_native })
    }
}

fn attach_error(name: &PortName, workers: NonZeroUsize, source: io::Error) -> OpenError {
    match Errno::from_io_error(&source) {
        // What a veth says when its other end sends by more queues than it receives by.
        Some(Errno::NOSPC) => OpenError::TooManyQueues { interface: name.clone(), workers: workers.get() },
        Some(Errno::BUSY | Errno::EXIST) => OpenError::OtherProgram { interface: name.clone(), source },
        _ => OpenError::without(name, "CAP_BPF and CAP_NET_ADMIN", "the XDP program", source),
    }
}

/// What all queues of an interface hold together.
#[expect(dead_code, reason = "it is held, not used")]
struct Taken {
    program: Attached,
    promiscuous: OwnedFd,
}

/// One queue of an interface that is taken over by AF_XDP.
///
/// Such a queue sees octets and nothing else. Frames come in with their tag in place if the sender put it there; whether a checksum is
/// finished is [found out](Offload), and a super-frame is only seen to be too long: [`Interface::finish_before_sending`] at the other
/// end of the cable has the kernel hand over none of that. What leaves is finished here.
pub struct XdpQueue {
    socket: Xsk,
    #[expect(dead_code, reason = "it is held, not used")]
    taken: Arc<Taken>,
    limit: FrameLimit,
    finisher: Finisher,
    /// Frames that the kernel has still to send.
    waiting: bool,
    /// The device was down when it was last asked to send.
    down: bool,
    dropped: RxDrops,
    /// Of the first queue.
    control: Option<ControlLine>,
}

/// What was pushed since the kernel was last asked to send.
#[derive(Default)]
struct Pushed {
    frames: u64,
    bytes: u64,
}

impl XdpQueue {
    fn open(
        interface: &Arc<Interface>,
        index: u32,
        queue: u32,
        taken: &Arc<Taken>,
    ) -> Result<Self, OpenError> {
        let refused = |step| move |source: io::Error| OpenError::at(interface.name(), step, source);
        let socket = Xsk::new().map_err(|source| {
            OpenError::without(interface.name(), "CAP_NET_RAW", "an AF_XDP socket", source)
        })?;
        socket.bind(index, queue).map_err(refused("to bind the AF_XDP socket"))?;
        taken.program.hand_over(queue, socket.fd()).map_err(refused("its place in the XSKMAP"))?;
        Ok(XdpQueue {
            socket,
            taken: Arc::clone(taken),
            limit: FrameLimit::of(Arc::clone(interface)).map_err(refused("to read the MTU"))?,
            finisher: Finisher::new(),
            waiting: false,
            down: false,
            dropped: RxDrops::default(),
            control: None,
        })
    }

    /// Has the kernel send what was pushed, and counts it.
    fn send(&mut self, pushed: &mut Pushed, report: &mut TxReport) {
        let mut lost = 0;
        match self.socket.send(&mut lost) {
            // What waits for a receiver, or for memory, is sent later.
            sent @ (Ok(()) | Err(Errno::AGAIN | Errno::NOBUFS)) => {
                let lost = lost.min(pushed.frames);
                report.frames += pushed.frames - lost;
                report.bytes += pushed.bytes;
                report.queue_full += lost;
                self.waiting = sent.is_err();
            }
            Err(errno) => {
                self.socket.give_up();
                report.failed(errno, pushed.frames);
                (self.waiting, self.down) = (false, true);
            }
        }
        *pushed = Pushed::default();
    }
}

/// Adds what waits in the ring to an empty batch, and says how many frames there were that did not fit a slot.
fn receive(socket: &mut Xsk, batch: &mut Batch) -> u64 {
    let mut too_long = 0;
    while batch.len() < BATCH_FRAMES {
        let slot = batch.slots().next().expect("the batch is not full");
        let Some(len) = socket.receive(slot) else { break };
        let Some(frame) = slot.get(..len) else {
            too_long += 1;
            continue;
        };
        let offload = Offload::recognised(frame);
        batch.commit(len, Tagging::Untagged, offload);
    }
    if !batch.is_empty() {
        socket.release_received();
    }
    too_long
}

impl Port for XdpQueue {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        if self.waiting {
            self.send(&mut Pushed::default(), &mut TxReport::default());
        }
        let XdpQueue { socket, dropped, control, .. } = self;
        let mut others = |batch: &mut Batch| {
            dropped.add(RxDrop::Unusable, receive(socket, batch));
            Ok(())
        };
        match control {
            Some(line) => line.take(batch, others),
            None => {
                batch.clear();
                others(batch)?;
                Ok(batch.len())
            }
        }
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let (mut report, mut pushed) = (TxReport::default(), Pushed::default());
        if self.down {
            // What was pushed now would stay in the ring until the device is up.
            if let Err(errno) = self.socket.probe() {
                report.failed(errno, frames.len() as u64);
                return report;
            }
            self.down = false;
        }
        for index in frames.iter().map(|&index| usize::from(index)) {
            debug_assert!(!matches!(batch.tagging(index), Tagging::Aside(_)), "set_tag comes before tx");
            let (frame, offload) = (batch.bytes(index), batch.offload(index));
            if frame.len() < HEADER_LEN {
                report.refused += 1;
                continue;
            }
            if !self.limit.takes(frame, offload) {
                report.too_long += 1;
                continue;
            }
            let Some(finished) = Finished::of(frame, offload) else {
                report.unfinished += 1;
                continue;
            };
            let (count, longest) = finished.extent();
            let chunks = count * longest.div_ceil(CHUNK_BYTES);
            if !self.socket.has_room(chunks) {
                self.send(&mut pushed, &mut report);
                if !self.socket.has_room(chunks) {
                    report.queue_full += 1;
                    continue;
                }
            }
            pushed.frames += 1;
            let (socket, bytes) = (&mut self.socket, &mut pushed.bytes);
            self.finisher.each(finished, |frame| {
                socket.push(frame);
                *bytes += frame.len() as u64;
            });
        }
        if pushed.frames > 0 || self.waiting {
            self.send(&mut pushed, &mut report);
        }
        report
    }

    fn tx_control(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        match &mut self.control {
            // Past the ring, in which nothing overtakes anything.
            Some(line) => line.send(&mut self.limit, batch, frames),
            None => self.tx(batch, frames),
        }
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.fd())
    }

    fn control_fd(&self) -> Option<BorrowedFd<'_>> {
        self.control.as_ref().map(ControlLine::fd)
    }

    fn shares_a_ring(&self) -> bool {
        true
    }

    fn rx_dropped(&mut self) -> RxDrops {
        if let Ok(drops) = self.socket.drops() {
            self.dropped.set(RxDrop::NoBuffer, drops.no_memory);
            self.dropped.set(RxDrop::QueueFull, drops.ring_full);
        }
        if let Some(line) = &mut self.control {
            self.dropped.set(RxDrop::ControlQueueFull, line.dropped());
        }
        self.dropped
    }
}
