//! The switch's port to the management network: one UDP socket at its management address, which the kernel carries.

use super::control::OrderError;
use super::{RunError, Running};
use crate::netns::Netns;
use greylag_switch::config::SwitchConfig;
use greylag_switch::{Input, ManagementDatagram, Octets, Switch};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;

/// Where switches hear each other on the management network: beyond the ports that Linux gives to whoever asks for none.
pub const MANAGEMENT_PORT: u16 = 61724;

/// The longest payload that UDP has.
const LONGEST: usize = 65_507;

/// The socket of a switch.
pub(super) struct ManagementPort(UdpSocket);

impl ManagementPort {
    /// Opens it, where the switch has a management address.
    pub(super) fn open(config: &SwitchConfig) -> Result<Option<Self>, RunError> {
        let Some(address) = config.management_address else { return Ok(None) };
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::AddrNotAvailable => RunError::NoSuchAddress { address, netns: namespace() },
            _ => RunError::ManagementPort { address, source },
        };
        let socket = UdpSocket::bind((address, MANAGEMENT_PORT)).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Some(ManagementPort(socket)))
    }

    /// The same, for who listens.
    pub(super) fn listener(&self) -> io::Result<UdpSocket> {
        self.0.try_clone()
    }

    /// Sends what a switch has to say. What the network does not take is lost, as on any network.
    pub(super) fn send_all(port: Option<&Self>, switch: &mut Switch) {
        while let Some(ManagementDatagram { to, octets }) = switch.poll_management() {
            let Some(ManagementPort(socket)) = port else { continue };
            if let Err(error) = socket.send_to(&octets.0, (to, MANAGEMENT_PORT)) {
                tracing::debug!("nothing was sent to {to} by the management network: {error}");
            }
        }
    }
}

/// Hands the switch what comes in.
pub(super) async fn serve(socket: UdpSocket, running: Arc<Running>) -> io::Result<()> {
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    let mut buffer = vec![0; LONGEST];
    loop {
        let (octets, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // A peer that was not there said so: that is news of an earlier datagram.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
            Err(error) => return Err(error),
        };
        if from.port() == MANAGEMENT_PORT {
            hear(&running, from.ip(), &buffer[..octets]);
        }
    }
}

fn hear(running: &Running, from: IpAddr, octets: &[u8]) {
    let (mut control, now) = running.control();
    let input = Input::Management { from, octets: Octets(octets.to_vec()) };
    if let Err(OrderError::NotKept(error)) = control.tell(now, input) {
        tracing::error!("the configuration cannot be kept: {error}");
    }
}

/// Where the address was looked for.
fn namespace() -> String {
    Netns::own().map_or_else(|_| "this network namespace".to_owned(), |netns| netns.name().to_owned())
}
