//! Opening the ports that a configuration names: one queue of each for every worker.

use super::device::open_device;
use super::kernel_stack::KeptOff;
use crate::netns::{Netns, NetnsError};
use greylag_base::PortName;
use greylag_ports::{OpenError, Port, Shortcut, TapConfig, TapQueue};
use greylag_switch::config::{Attachment, NetnsRef, PortConfig, SwitchConfig};
use greylag_switch::show::PortIo;
use std::io;
use std::num::NonZeroUsize;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::sync::Arc;

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The port itself.
    #[error("port {port}: {source}")]
    Open {
        /// Its name.
        port: PortName,
        /// What is wrong.
        source: OpenError,
    },
    /// The namespace that its interface is for.
    #[error("port {port}: {source}")]
    Netns {
        /// Its name.
        port: PortName,
        /// What is wrong.
        source: NetnsError,
    },
    /// Another switch has the device.
    #[error("port {0}: another greylag switch forwards on this device already: stop that one first")]
    InUse(PortName),
    /// The host's own network stack cannot be kept off the device.
    #[error(
        "port {port}: cannot set {path}: {source}. The host's own network stack would answer beside the bond; where \
         /proc/sys is read-only, as in most containers, this has to be set from outside",
        path = .path.display()
    )]
    Stack {
        /// Its name.
        port: PortName,
        /// The setting.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespace is there, and closed.
    #[error("port {port}: its network namespace cannot be entered: {source}")]
    Enter {
        /// Its name.
        port: PortName,
        /// What the kernel said.
        source: io::Error,
    },
}

pub(super) type Watched = (Option<Netns>, PortName);

/// Holds a device for this switch: a second one on the same device would double every frame. An abstract socket
/// belongs to a network namespace, as the device does, and goes with the process, however that ends.
#[expect(dead_code, reason = "they are held, not used")]
pub(super) struct Claim {
    /// Dropped while the device is still ours.
    kept_off: Option<KeptOff>,
    listener: UnixListener,
}

impl Claim {
    fn take(device: &PortName, in_a_host: bool) -> Result<Claim, PortError> {
        let name = format!("greylag/device/{device}");
        let address = SocketAddr::from_abstract_name(name).map_err(|_| PortError::InUse(device.clone()))?;
        let listener = UnixListener::bind_addr(&address).map_err(|_| PortError::InUse(device.clone()))?;
        let kept_off = in_a_host.then(|| KeptOff::device(device)).transpose()?;
        Ok(Claim { kept_off, listener })
    }
}

/// What one worker has of each port; a bundle has nothing.
pub(super) type Ports = Vec<Option<Box<dyn Port>>>;

/// Opened ports.
pub(super) struct Opened {
    /// Worker by worker, port by port.
    pub(super) queues: Vec<Ports>,
    /// Port by port: the interface whose state is the port's, and the namespace that it is in. A bundle has none.
    pub(super) interfaces: Vec<Option<Watched>>,
    /// Port by port: how a device was opened.
    pub(super) ios: Vec<Option<PortIo>>,
    /// Port by port: the way of a device past what the kernel has on the way out of it, closed so far.
    pub(super) shortcuts: Vec<Arc<Shortcut>>,
    /// The devices that are ours.
    pub(super) claims: Vec<Claim>,
}

/// Opens all ports, or none: an error closes what was opened.
pub(super) fn open_ports(config: &SwitchConfig, in_a_host: bool) -> Result<Opened, PortError> {
    let workers = NonZeroUsize::new(config.workers.count.into()).unwrap_or(NonZeroUsize::MIN);
    let mut queues: Vec<Ports> = (0..workers.get()).map(|_| Vec::new()).collect();
    let (mut interfaces, mut ios, mut claims) = (Vec::new(), Vec::new(), Vec::new());
    let shortcuts: Vec<Arc<Shortcut>> = config.ports.iter().map(|_| Arc::default()).collect();
    for (port, shortcut) in config.ports.iter().zip(&shortcuts) {
        if port.attachment == Attachment::Device {
            claims.push(Claim::take(&port.name, in_a_host)?);
        }
        let Some((opened, interface, io)) = open_port(port, workers, shortcut)? else {
            queues.iter_mut().for_each(|worker| worker.push(None));
            interfaces.push(None);
            ios.push(None);
            continue;
        };
        for (worker, queue) in queues.iter_mut().zip(opened) {
            worker.push(Some(queue));
        }
        interfaces.push(Some(interface));
        ios.push(io);
    }
    Ok(Opened { queues, interfaces, ios, shortcuts, claims })
}

pub(super) type Queues = Vec<Box<dyn Port>>;

/// A port's queues, its interface, and how that was opened.
type OpenedPort = (Queues, Watched, Option<PortIo>);

/// `None` for a bundle, which is nothing but its members.
fn open_port(
    port: &PortConfig,
    workers: NonZeroUsize,
    shortcut: &Arc<Shortcut>,
) -> Result<Option<OpenedPort>, PortError> {
    let failed = |source| PortError::Open { port: port.name.clone(), source };
    match &port.attachment {
        Attachment::Lag(_) => Ok(None),
        Attachment::Device => {
            let (queues, io) = open_device(port, workers, shortcut)?;
            Ok(Some((queues, (None, port.name.clone()), Some(io))))
        }
        Attachment::Tap { netns, interface, mac_address } => {
            let tap = TapConfig {
                name: interface.clone().unwrap_or_else(|| port.name.clone()),
                queues: workers,
                mtu: port.mtu.into(),
                mac: *mac_address,
            };
            let netns = netns.as_ref().map(|netns| find(port, netns)).transpose()?;
            let queues = match &netns {
                Some(netns) => netns
                    .run(|| TapQueue::open(&tap))
                    .map_err(|source| PortError::Enter { port: port.name.clone(), source })?,
                None => TapQueue::open(&tap),
            };
            Ok(Some((boxed(queues.map_err(failed)?), (netns, tap.name), None)))
        }
    }
}

fn boxed<P: Port + 'static>(queues: Vec<P>) -> Queues {
    queues.into_iter().map(|queue| Box::new(queue) as Box<dyn Port>).collect()
}

fn find(port: &PortConfig, netns: &NetnsRef) -> Result<Netns, PortError> {
    match netns {
        NetnsRef::Name(name) => Netns::open(name),
        NetnsRef::Pid(pid) => Netns::of_pid(*pid),
    }
    .map_err(|source| PortError::Netns { port: port.name.clone(), source })
}
