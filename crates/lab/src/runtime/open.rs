//! Opening the ports that a configuration names: one queue of each for every worker.

use crate::netns::{Netns, NetnsError};
use greylag_base::PortName;
use greylag_ports::{OpenError, PacketQueue, Port, TapConfig, TapQueue};
use greylag_switch::config::{Attachment, NetnsRef, PortConfig, SwitchConfig};
use std::io;
use std::num::NonZeroUsize;

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
    /// The namespace is there, and closed.
    #[error("port {port}: its network namespace cannot be entered: {source}")]
    Enter {
        /// Its name.
        port: PortName,
        /// What the kernel said.
        source: io::Error,
    },
}

type Watched = (Option<Netns>, PortName);

/// Opened ports.
pub(super) struct Opened {
    /// Worker by worker, port by port.
    pub(super) queues: Vec<Vec<Option<Box<dyn Port>>>>,
    /// Port by port: the interface whose state is the port's, and the namespace that it is in.
    pub(super) interfaces: Vec<Watched>,
}

/// Opens all ports, or none: an error closes what was opened.
pub(super) fn open_ports(config: &SwitchConfig) -> Result<Opened, PortError> {
    let workers = NonZeroUsize::new(config.workers.count.into()).unwrap_or(NonZeroUsize::MIN);
    let mut queues: Vec<Vec<Option<Box<dyn Port>>>> = (0..workers.get()).map(|_| Vec::new()).collect();
    let mut interfaces = Vec::new();
    for port in &config.ports {
        let (opened, interface) = open_port(port, workers)?;
        for (worker, queue) in queues.iter_mut().zip(opened) {
            worker.push(Some(queue));
        }
        interfaces.push(interface);
    }
    Ok(Opened { queues, interfaces })
}

type Queues = Vec<Box<dyn Port>>;

fn open_port(port: &PortConfig, workers: NonZeroUsize) -> Result<(Queues, Watched), PortError> {
    let failed = |source| PortError::Open { port: port.name.clone(), source };
    match &port.attachment {
        Attachment::Device => {
            let queues = PacketQueue::open(&port.name, workers).map_err(failed)?;
            Ok((boxed(queues), (None, port.name.clone())))
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
            Ok((boxed(queues.map_err(failed)?), (netns, tap.name)))
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
