//! Datagrams: an echo service (RFC 862), and one socket to send from.

use super::stack::{MTU, Stack};
use super::{HostError, HostEvent};
use core::net::IpAddr;
use greylag_ip::addresses::Addresses;
use greylag_ip::ip_header;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket, UdpMetadata};
use smoltcp::wire::{IpEndpoint, UDP_HEADER_LEN};
use std::collections::VecDeque;

/// Datagrams that a socket holds in each direction: they are taken as soon as they come.
const HELD: usize = 16;

#[derive(Debug)]
pub(crate) struct Udp {
    ttl: u8,
    echoes: Vec<SocketHandle>,
    /// What is sent from, and its answers.
    client: Option<SocketHandle>,
}

fn bound(sockets: &mut SocketSet<'static>, port: u16, ttl: u8) -> Option<SocketHandle> {
    let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; HELD], vec![0; HELD * MTU]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_hop_limit(Some(ttl));
    socket.bind(port).ok()?;
    Some(sockets.add(socket))
}

/// Sends back what comes to `port`; false when the port is 0 or in use.
pub(crate) fn echo(stack: &mut Stack, port: u16) -> bool {
    let udp = &mut stack.udp;
    let in_use = |&socket: &SocketHandle| stack.sockets.get::<Socket<'_>>(socket).endpoint().port == port;
    if udp.echoes.iter().chain(&udp.client).any(in_use) {
        return false;
    }
    let Some(socket) = bound(&mut stack.sockets, port, udp.ttl) else { return false };
    udp.echoes.push(socket);
    true
}

/// Sends one datagram.
pub(crate) fn send(
    stack: &mut Stack,
    (from, to): (IpAddr, IpAddr),
    port: u16,
    data: &[u8],
) -> Result<(), HostError> {
    let most = MTU - ip_header::len(to) - UDP_HEADER_LEN;
    if data.len() > most {
        return Err(HostError::Size { size: data.len(), least: 0, most });
    }
    if stack.udp.client.is_none() {
        let own = stack.port();
        stack.udp.client = bound(&mut stack.sockets, own, stack.udp.ttl);
    }
    let peer = HostError::Peer { to, port };
    let Some(client) = stack.udp.client else { return Err(peer) };
    let endpoint = IpEndpoint::new(to.into(), port);
    let metadata = UdpMetadata { local_address: Some(from.into()), ..endpoint.into() };
    stack.sockets.get_mut::<Socket<'_>>(client).send_slice(data, metadata).map_err(|_| peer)
}

impl Udp {
    pub(crate) fn new(ttl: u8) -> Self {
        Udp { ttl, echoes: Vec::new(), client: None }
    }

    /// Answers and reports; true when the sockets have something new to send.
    pub(crate) fn run(
        &mut self,
        sockets: &mut SocketSet<'static>,
        addresses: &Addresses,
        events: &mut VecDeque<HostEvent>,
    ) -> bool {
        let mut busy = false;
        let mut data = Vec::new();
        for &echo in &self.echoes {
            let socket = sockets.get_mut::<Socket<'_>>(echo);
            while socket.can_send() {
                let Ok((received, metadata)) = socket.recv() else { break };
                // What was sent to a group has no address that could answer it.
                if metadata.local_address.is_some_and(|own| addresses.has(own.into())) {
                    data.clear();
                    data.extend_from_slice(received);
                    // Refused for port 0, which takes no answer.
                    busy |= socket.send_slice(&data, metadata).is_ok();
                }
            }
        }
        if let Some(client) = self.client {
            let socket = sockets.get_mut::<Socket<'_>>(client);
            while let Ok((received, metadata)) = socket.recv() {
                let IpEndpoint { addr, port } = metadata.endpoint;
                let len = received.len();
                events.push_back(HostEvent::Datagram { from: addr.into(), from_port: port, len });
            }
        }
        busy
    }
}
