//! An Ethernet interface of the kernel, taken over by the raw socket of the pnet_datalink crate: what there is everywhere, one frame to a
//! system call. The fallback, and the baseline that the other kinds are measured against.

use crate::finish::{Finished, Finisher};
use crate::frame_limit::FrameLimit;
use crate::{
    BATCH_FRAMES, Batch, FRAME_BYTES, Interface, Offload, OpenError, PacketQueue, Port, RxDrop, RxDrops,
    Tagging, TxReport, packet_socket,
};
use greylag_base::{MacAddr, PortName};
use greylag_wire::ethernet::HEADER_LEN;
use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender, NetworkInterface};
use rustix::io::Errno;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// An interface that was opened by a raw socket.
pub struct RawPort {
    /// One for each worker. That of the first is a [`RawQueue`]; the others only send, by packet sockets.
    pub queues: Vec<Box<dyn Port>>,
}

impl RawPort {
    /// Takes over an interface in the network namespace of the calling thread: sets it up and promiscuous.
    ///
    /// # Errors
    /// [`OpenError`] says what is missing.
    pub fn open(name: &PortName, workers: NonZeroUsize) -> Result<RawPort, OpenError> {
        let refused = |step| move |source: io::Error| OpenError::at(name, step, source);
        let interface = Arc::new(Interface::named(name).map_err(refused("a socket"))?);
        if !interface.is_ethernet().map_err(refused("its type"))? {
            return Err(OpenError::NotEthernet { interface: name.clone() });
        }
        let mut queues: Vec<Box<dyn Port>> = vec![Box::new(RawQueue::open(&interface)?)];
        for _ in 1..workers.get() {
            queues.push(Box::new(PacketQueue::sender(&interface)?));
        }
        Ok(RawPort { queues })
    }
}

/// The one queue of an interface that is taken over by a raw socket.
///
/// Like an [`XdpQueue`](crate::XdpQueue) it sees octets alone. Besides, the kernel takes the outer tag out of every frame before a
/// packet socket sees it, and this one is not told: a tagged frame comes in without its tag.
pub struct RawQueue {
    /// The socket of the two below once more.
    socket: OwnedFd,
    receiver: Box<dyn DataLinkReceiver>,
    sender: Box<dyn DataLinkSender>,
    limit: FrameLimit,
    finisher: Finisher,
    dropped: RxDrops,
}

impl RawQueue {
    fn open(interface: &Arc<Interface>) -> Result<Self, OpenError> {
        let name = interface.name();
        let refused = |step| move |source: io::Error| OpenError::at(name, step, source);
        let socket = packet_socket::open_plain(name, interface)?;
        let MacAddr([a, b, c, d, e, f]) = interface.mac().map_err(refused("its address"))?;
        let device = NetworkInterface {
            name: name.to_string(),
            description: String::new(),
            index: interface.index().map_err(refused("its index"))?,
            mac: Some(pnet_datalink::MacAddr(a, b, c, d, e, f)),
            ips: Vec::new(),
            flags: 0,
        };
        let config = Config {
            read_buffer_size: FRAME_BYTES,
            // Neither direction waits.
            read_timeout: Some(Duration::ZERO),
            write_timeout: Some(Duration::ZERO),
            // Its own sockets would hear what we send. This one does not, and is promiscuous already.
            socket_fd: Some(socket.try_clone().map_err(refused("a descriptor"))?.into_raw_fd()),
            promiscuous: false,
            ..Config::default()
        };
        let channel = pnet_datalink::channel(&device, config).map_err(refused("to bind the raw socket"))?;
        let Channel::Ethernet(sender, receiver) = channel else {
            unreachable!("there is no other kind of channel");
        };
        let limit = FrameLimit::of(Arc::clone(interface)).map_err(refused("to read the MTU"))?;
        Ok(RawQueue {
            socket,
            receiver,
            sender,
            limit,
            finisher: Finisher::new(),
            dropped: RxDrops::default(),
        })
    }
}

impl Port for RawQueue {
    fn rx(&mut self, batch: &mut Batch) -> io::Result<usize> {
        batch.clear();
        while batch.len() < BATCH_FRAMES {
            let frame = match self.receiver.next() {
                Ok(frame) => frame,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
                // What came in before is not lost for it. An error of the socket is said once.
                Err(_) if !batch.is_empty() => break,
                Err(error) => return Err(error),
            };
            let slot = batch.slots().next().expect("the batch is not full");
            slot[..frame.len()].copy_from_slice(frame);
            batch.commit(frame.len(), Tagging::Untagged, Offload::recognised(frame));
        }
        Ok(batch.len())
    }

    fn tx(&mut self, batch: &Batch, frames: &[u16]) -> TxReport {
        let mut report = TxReport::default();
        for index in frames.iter().map(|&index| usize::from(index)) {
            debug_assert!(!matches!(batch.tagging(index), Tagging::Aside(_)), "set_tag comes before tx");
            let (frame, offload) = (batch.bytes(index), batch.offload(index));
            if frame.len() < HEADER_LEN {
                report.refused += 1;
            } else if !self.limit.takes(frame, offload) {
                report.too_long += 1;
            } else if let Some(finished) = Finished::of(frame, offload) {
                let (sender, mut bytes, mut failure) = (&mut self.sender, 0, None);
                self.finisher.each(finished, |frame| match send(&mut **sender, frame) {
                    Ok(()) => bytes += frame.len() as u64,
                    Err(errno) => failure = Some(errno),
                });
                report.bytes += bytes;
                match failure {
                    None => report.frames += 1,
                    Some(errno) => report.failed(errno, 1),
                }
            } else {
                report.unfinished += 1;
            }
        }
        report
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }

    fn rx_dropped(&mut self) -> RxDrops {
        let since = packet_socket::drops_since_last_asked(&self.socket).unwrap_or(0);
        self.dropped.add(RxDrop::QueueFull, since);
        self.dropped
    }
}

fn send(sender: &mut dyn DataLinkSender, frame: &[u8]) -> Result<(), Errno> {
    // It has only one place to send to, and always an answer.
    match sender.send_to(frame, None) {
        Some(Ok(())) | None => Ok(()),
        Some(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(Errno::AGAIN),
        Some(Err(error)) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}
