//! Interfaces that FRR's IP stack, the kernel's, shares with the switch: a TAP for each, of its name, in the namespace that FRR is in.
//!
//! What comes out of one is what FRR and the kernel have to say there; what the switch puts into it is what came for the switch
//! itself. The kernel sees no packet that is to be forwarded.

use super::open::Queues;
use crate::link::{self, LinkError};
use crate::netns::{Netns, NetnsError};
use greylag_base::{InterfaceId, MacAddr, PortName};
use greylag_ports::{OpenError, Port, TapCarrier, TapConfig, TapQueue};
use greylag_switch::config::{FpmConfig, InterfaceConfig, SwitchConfig};
use greylag_switch::{Input, Switch};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

/// Why interfaces cannot be shared.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// Its TAP cannot be made.
    #[error(
        "interface {interface}, for FRR: {source}; a routed port has its own device's name: give FRR a namespace of its own with routing.fpm.netns"
    )]
    Taken {
        /// Which.
        interface: PortName,
        /// What is wrong.
        source: OpenError,
    },
    /// Its TAP cannot be made.
    #[error("interface {interface}, for FRR: {source}")]
    Open {
        /// Which.
        interface: PortName,
        /// What is wrong.
        source: OpenError,
    },
    /// The namespace that FRR is in.
    #[error("routing.fpm.netns: {0}")]
    Netns(#[from] NetnsError),
    /// Its TAP does not get its addresses.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Nobody can listen for zebra.
    #[error("routing.fpm.listen: cannot listen at {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespace is there, and closed.
    #[error("the namespace of FRR cannot be entered: {0}")]
    Enter(io::Error),
}

/// What was made for FRR.
pub(super) struct Shared {
    /// Interface by interface, a queue for each worker.
    pub(super) queues: Vec<Queues>,
    /// What the switch is told of them.
    pub(super) inputs: Vec<Input>,
    pub(super) carriers: Carriers,
    /// Where zebra connects.
    pub(super) listener: TcpListener,
}

/// The cables of the TAPs, by interface, and whether they are plugged in.
pub(super) struct Carriers(Vec<(TapCarrier, Option<bool>)>);

impl Shared {
    /// Makes a TAP for each interface, or none; `None` where nobody asks for FRR.
    pub(super) fn open(config: &SwitchConfig, chassis: MacAddr) -> Result<Option<Shared>, ShareError> {
        let Some(fpm) = &config.routing.fpm else { return Ok(None) };
        let netns = match &fpm.netns {
            Some(name) => Netns::open(name)?,
            None => Netns::own()?,
        };
        let workers = NonZeroUsize::new(config.workers.count.into()).unwrap_or(NonZeroUsize::MIN);
        let (mut queues, mut inputs, mut carriers) = (Vec::new(), Vec::new(), Vec::new());
        for (id, interface) in config.numbered_interfaces() {
            let taps = open_tap(interface, chassis, workers, &netns)?;
            let carrier = taps.first().map(TapQueue::carrier).transpose().map_err(ShareError::Enter)?;
            carriers.extend(carrier.map(|carrier| (carrier, None)));
            let Some(found) = link::find(&netns, interface.name.as_str())? else { continue };
            inputs.push(Input::HostInterface { interface: id, index: found.index });
            queues.push(taps.into_iter().map(|tap| Box::new(tap) as Box<dyn Port>).collect());
        }
        let listener = listen(fpm, &netns)?;
        Ok(Some(Shared { queues, inputs, carriers: Carriers(carriers), listener }))
    }
}

fn open_tap(
    interface: &InterfaceConfig,
    chassis: MacAddr,
    queues: NonZeroUsize,
    netns: &Netns,
) -> Result<Vec<TapQueue>, ShareError> {
    let config = TapConfig {
        name: interface.name.clone(),
        queues,
        mtu: interface.mtu.into(),
        mac: Some(interface.mac_address.unwrap_or(chassis)),
    };
    let taps = netns.run(|| TapQueue::open(&config)).map_err(ShareError::Enter)?.map_err(|source| {
        let interface = interface.name.clone();
        match source {
            OpenError::NameTaken { .. } => ShareError::Taken { interface, source },
            source => ShareError::Open { interface, source },
        }
    })?;
    for address in &interface.addresses {
        link::add_address(netns, interface.name.as_str(), address.ip, address.prefix_length)?;
    }
    Ok(taps)
}

fn listen(fpm: &FpmConfig, netns: &Netns) -> Result<TcpListener, ShareError> {
    let address = fpm.listen;
    let listener = netns.run(|| {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(ShareError::Enter)?.map_err(|source| ShareError::Listen { address, source })
}

impl Carriers {
    /// An interface that is down has no cable: FRR and the kernel see that, and keep its addresses.
    pub(super) fn follow(&mut self, switch: &Switch) {
        for (index, (carrier, is_there)) in self.0.iter_mut().enumerate() {
            let is_up = switch.interface_is_up(InterfaceId(index as u16));
            if is_there.replace(is_up) == Some(is_up) {
                continue;
            }
            if let Err(error) = carrier.set(is_up) {
                tracing::warn!(
                    "FRR does not see that interface {index} is {}: {error}",
                    if is_up { "up" } else { "down" }
                );
            }
        }
    }
}
