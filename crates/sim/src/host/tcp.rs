//! Transfers over TCP: a sender that measures how long its bytes take, and a receiver that takes them all.

use super::stack::Stack;
use super::{HostError, HostEvent, TransferId};
use core::net::IpAddr;
use greylag_base::Instant;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{IpEndpoint, IpListenEndpoint};
use std::collections::VecDeque;

/// Bytes on their way in each direction, at most: a window of 64 KiB needs no scaling.
const WINDOW: usize = 65_535;
/// Connections that a host accepts at the same time; more are refused.
const ACCEPTED: usize = 256;

#[derive(Debug)]
pub(crate) struct Tcp {
    ttl: u8,
    listeners: Vec<Listener>,
    accepted: Vec<Accepted>,
    transfers: Vec<Transfer>,
    next: u32,
}

#[derive(Debug)]
struct Listener {
    port: u16,
    /// None while the host has as many connections as it takes.
    socket: Option<SocketHandle>,
}

#[derive(Debug)]
struct Accepted {
    port: u16,
    peer: IpEndpoint,
    socket: SocketHandle,
    bytes: u64,
    reported: bool,
}

#[derive(Debug)]
struct Transfer {
    id: TransferId,
    socket: SocketHandle,
    bytes: u64,
    /// Not yet given to the socket.
    left: u64,
    started: Instant,
    /// All but the closing of the connection is over.
    done: bool,
}

fn socket(ttl: u8) -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; WINDOW]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_hop_limit(Some(ttl));
    socket
}

fn listening(sockets: &mut SocketSet<'static>, port: u16, ttl: u8) -> Option<SocketHandle> {
    let mut socket = socket(ttl);
    socket.listen(port).ok()?;
    Some(sockets.add(socket))
}

/// Takes everything that is sent to `port`; false when the port is 0 or in use.
pub(crate) fn listen(stack: &mut Stack, port: u16) -> bool {
    if stack.tcp.listeners.iter().any(|listener| listener.port == port) {
        return false;
    }
    let Some(socket) = listening(&mut stack.sockets, port, stack.tcp.ttl) else { return false };
    stack.tcp.listeners.push(Listener { port, socket: Some(socket) });
    true
}

/// Begins to send `bytes` bytes.
pub(crate) fn connect(
    stack: &mut Stack,
    now: Instant,
    (from, to): (IpAddr, IpAddr),
    port: u16,
    bytes: u64,
) -> Result<TransferId, HostError> {
    let mut socket = socket(stack.tcp.ttl);
    let own = IpListenEndpoint { addr: Some(from.into()), port: stack.port() };
    let peer = IpEndpoint::new(to.into(), port);
    // Refused for port 0 and for addresses that are no station's.
    socket.connect(stack.interface.context(), peer, own).map_err(|_| HostError::Peer { to, port })?;
    let tcp = &mut stack.tcp;
    let id = TransferId(tcp.next);
    tcp.next += 1;
    let socket = stack.sockets.add(socket);
    tcp.transfers.push(Transfer { id, socket, bytes, left: bytes, started: now, done: false });
    Ok(id)
}

impl Tcp {
    pub(crate) fn new(ttl: u8) -> Self {
        Tcp { ttl, listeners: Vec::new(), accepted: Vec::new(), transfers: Vec::new(), next: 0 }
    }

    /// Moves bytes between sockets and transfers; true when the sockets have something new to send.
    pub(crate) fn run(
        &mut self,
        now: Instant,
        sockets: &mut SocketSet<'static>,
        events: &mut VecDeque<HostEvent>,
    ) -> bool {
        let mut busy = false;
        self.accept(sockets);
        self.accepted.retain_mut(|accepted| accepted.run(sockets, events, &mut busy));
        self.transfers.retain_mut(|transfer| transfer.run(now, sockets, events, &mut busy));
        busy
    }

    fn accept(&mut self, sockets: &mut SocketSet<'static>) {
        for listener in &mut self.listeners {
            let taken = listener.socket.filter(|&socket| sockets.get::<Socket<'_>>(socket).is_active());
            if let Some((socket, peer)) =
                taken.and_then(|socket| Some((socket, sockets.get::<Socket<'_>>(socket).remote_endpoint()?)))
            {
                listener.socket = None;
                let port = listener.port;
                self.accepted.push(Accepted { port, peer, socket, bytes: 0, reported: false });
            }
            if listener.socket.is_none() && self.accepted.len() < ACCEPTED {
                listener.socket = listening(sockets, listener.port, self.ttl);
            }
        }
    }
}

impl Accepted {
    /// False when the connection is over.
    fn run(
        &mut self,
        sockets: &mut SocketSet<'static>,
        events: &mut VecDeque<HostEvent>,
        busy: &mut bool,
    ) -> bool {
        let socket = sockets.get_mut::<Socket<'_>>(self.socket);
        while socket.can_recv() {
            let taken = socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap_or(0);
            self.bytes += taken as u64;
            *busy = true;
        }
        let state = socket.state();
        if state == State::CloseWait {
            socket.close();
            *busy = true;
        }
        let ended = matches!(state, State::CloseWait | State::Closed | State::Listen);
        if ended && !self.reported {
            self.reported = true;
            events.push_back(HostEvent::TransferReceived {
                port: self.port,
                from: self.peer.addr.into(),
                from_port: self.peer.port,
                bytes: self.bytes,
                complete: state == State::CloseWait,
            });
        }
        // A reset during the handshake has the socket listen again; the listener has another one by now.
        let over = matches!(state, State::Closed | State::Listen);
        if over {
            sockets.remove(self.socket);
        }
        !over
    }
}

impl Transfer {
    /// False when the connection is over.
    fn run(
        &mut self,
        now: Instant,
        sockets: &mut SocketSet<'static>,
        events: &mut VecDeque<HostEvent>,
        busy: &mut bool,
    ) -> bool {
        let socket = sockets.get_mut::<Socket<'_>>(self.socket);
        while self.left > 0 && socket.can_send() {
            let left = usize::try_from(self.left).unwrap_or(usize::MAX);
            let given = socket
                .send(|buffer| {
                    let given = buffer.len().min(left);
                    buffer[..given].fill(0);
                    (given, given)
                })
                .unwrap_or(0);
            self.left -= given as u64;
            *busy = true;
        }
        let unacknowledged = socket.send_queue() as u64;
        let state = socket.state();
        if state == State::Closed {
            if !self.done {
                let acknowledged = self.bytes - self.left - unacknowledged;
                events.push_back(HostEvent::TransferFailed { id: self.id, acknowledged });
            }
            sockets.remove(self.socket);
            return false;
        }
        let established = matches!(state, State::Established | State::CloseWait);
        if !self.done && established && self.left == 0 && unacknowledged == 0 {
            self.done = true;
            let duration = now - self.started;
            events.push_back(HostEvent::TransferDone { id: self.id, bytes: self.bytes, duration });
            socket.close();
            *busy = true;
        }
        true
    }
}
