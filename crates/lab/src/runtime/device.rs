//! By what an Ethernet device is opened, and why.

use super::open::{PortError, Queues};
use greylag_ports::{Interface, OpenError, PacketQueue, Port, RawPort, Shortcut, XdpPort};
use greylag_switch::config::{Io, Membership, PortConfig};
use greylag_switch::show::PortIo;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Opens an Ethernet device; also once more, when one was made again under its name.
///
/// What may pass by the kernel's own ways out takes the shortcut while that is open.
pub(super) fn open_device(
    port: &PortConfig,
    workers: NonZeroUsize,
    shortcut: &Arc<Shortcut>,
) -> Result<(Queues, PortIo), PortError> {
    let failed = |source| PortError::Open { port: port.name.clone(), source };
    let (queues, io) = match port.io {
        Io::Auto => choose(port, workers, shortcut).map_err(failed)?,
        Io::AfPacket => {
            let (queues, how) = packet(port, workers).map_err(failed)?;
            (boxed(queues), opened_by(Io::AfPacket, format!("{CONFIGURED}; {how}")))
        }
        Io::AfXdp => {
            let opened = XdpPort::open(&port.name, workers).map_err(failed)?;
            let reason = format!("{CONFIGURED}; {}", describe(&opened, workers, driver(port).as_deref()));
            (opened.queues, opened_by(Io::AfXdp, reason))
        }
        Io::Raw => (raw(port, workers).map_err(failed)?, opened_by(Io::Raw, CONFIGURED.to_owned())),
    };
    if let Ok(mtu) = Interface::named(&port.name).and_then(|device| device.mtu())
        && mtu < port.mtu.into()
    {
        tracing::warn!("port {}: its device has an mtu of {mtu}, the port of {}", port.name, port.mtu);
    }
    Ok((queues, io))
}

fn opened_by(kind: Io, reason: String) -> PortIo {
    PortIo { kind: kind.name().to_owned(), reason, past_qdisc: None }
}

const CONFIGURED: &str = "the configuration says so";

/// What suits the device. Packet sockets alone carry what a kernel leaves to do; the other kinds are for who knows that nothing is
/// left.
fn choose(
    port: &PortConfig,
    workers: NonZeroUsize,
    shortcut: &Arc<Shortcut>,
) -> Result<(Queues, PortIo), OpenError> {
    let refused = match packet(port, workers) {
        Ok((mut queues, how)) => {
            let (short, leaving) = add_shortcuts(&mut queues, shortcut);
            let reason = match driver(port).as_deref() {
                Some(driver @ ("veth" | "tun")) => format!(
                    "the kernel at the other end of a {driver} device leaves checksums and segmentation to it, and only packet \
                     sockets carry that"
                ),
                Some(driver) => format!("frames that {driver} joined on arrival stay joined"),
                None => "they carry what is left to do on a frame".to_owned(),
            };
            let io = opened_by(Io::AfPacket, format!("{reason}; {how}{leaving}"));
            let past_qdisc = (short > 0).then(|| shortcut.is_open());
            return Ok((boxed(queues), PortIo { past_qdisc, ..io }));
        }
        // The options that it needs are not everywhere. Tags are lost without them.
        Err(refused @ OpenError::Refused { .. }) if !may_see_tags(port) => refused,
        Err(other) => return Err(other),
    };
    Ok((raw(port, workers)?, opened_by(Io::Raw, format!("packet sockets were refused: {refused}"))))
}

fn driver(port: &PortConfig) -> Option<String> {
    Interface::named(&port.name).and_then(|device| device.driver()).ok()
}

fn may_see_tags(port: &PortConfig) -> bool {
    matches!(port.membership, Membership::Trunk { .. } | Membership::Aggregate(_))
}

/// The queues, and how they receive.
fn packet(port: &PortConfig, workers: NonZeroUsize) -> Result<(Vec<PacketQueue>, String), OpenError> {
    let queues = PacketQueue::open(&port.name, workers)?;
    let how = match queues.iter().all(PacketQueue::has_ring) {
        true => "frames are read from a ring that is shared with the kernel".to_owned(),
        false => "the kernel gave no ring (TPACKET_V2), and frames are read by a system call for each batch"
            .to_owned(),
    };
    Ok((queues, how))
}

fn boxed(queues: Vec<PacketQueue>) -> Queues {
    queues.into_iter().map(|queue| Box::new(queue) as Box<dyn Port>).collect()
}

/// Lets each worker send by AF_XDP that can have a queue of the device to itself. To how many that is, and how frames leave.
fn add_shortcuts(queues: &mut [PacketQueue], shortcut: &Arc<Shortcut>) -> (usize, String) {
    let workers = queues.len();
    let mut refused = None;
    let mut short = 0;
    for (index, queue) in (0..).zip(queues) {
        match queue.add_shortcut(index, Arc::clone(shortcut)) {
            Ok(()) => short += 1,
            Err(error) => refused = Some(error),
        }
    }
    let by = "by AF_XDP while the device has no queueing discipline, past packet sockets that listen there";
    let leaving = match refused {
        None => format!("; plain frames leave {by}, others by the packet socket"),
        Some(error) if short == 0 => {
            format!("; all frames leave by the packet socket, for AF_XDP was refused: {error}")
        }
        Some(error) => {
            format!(
                "; plain frames of {short} of {workers} workers leave {by}, others by the packet socket: {error}"
            )
        }
    };
    (short, leaving)
}

fn raw(port: &PortConfig, workers: NonZeroUsize) -> Result<Queues, OpenError> {
    RawPort::open(&port.name, workers).map(|opened| opened.queues)
}

fn describe(opened: &XdpPort, workers: NonZeroUsize, driver: Option<&str>) -> String {
    let place = if opened.is_native { "in the driver" } else { "in the network stack" };
    let receiving = opened.receiving;
    let mut words = format!("XDP {place}, copying; ");
    if receiving < workers.get() {
        words += &format!(
            "the device has queues for {receiving} of {workers} workers, and the others only send by it: use {receiving} workers"
        );
        if driver == Some("veth") {
            words += &format!(
                ", or make both ends with more queues, `ip link add .. numtxqueues {workers} numrxqueues {workers} type veth \
                 peer .. numtxqueues {workers} numrxqueues {workers}`"
            );
        }
    } else {
        words += "a queue for each worker";
    }
    // The other end is in another namespace as a rule, and nobody tells how many queues it uses there.
    if receiving > 1 && driver == Some("veth") {
        words += &format!(
            "; a frame comes in by the queue that the other end sends it by: `ethtool -L IF tx {receiving}` there, if it sends by fewer"
        );
    }
    words
}
