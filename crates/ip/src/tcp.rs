//! TCP endpoints: smoltcp's sockets under names of our own, with listeners that wait for no socket, and with the hop limits of
//! RFC 5082.

use crate::counters::IpDrop;
use crate::event::{Closed, TcpEvent};
use crate::header;
use crate::ip_header;
use crate::links::{Links, is_link_local};
use crate::scope::Scope;
use bytes::Bytes;
use core::net::{IpAddr, SocketAddr};
use greylag_base::{Dice, Instant, InterfaceId, Seed};
use serde::{Deserialize, Serialize};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{IpEndpoint, IpListenEndpoint, TcpControl, TcpRepr};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// Octets on their way in each direction.
const WINDOW: usize = 131_072;
/// Connections at the same time, those included that are being opened or closed.
const MOST: usize = 256;
/// Those among them that others are opening: more are not answered, so that who never finishes leaves room for our own.
const MOST_ACCEPTING: usize = 64;
/// Sockets that are kept for the next.
const SPARE: usize = 4;
/// RFC 6335 6: dynamic ports.
const FIRST_PORT: u16 = 49_152;
/// After so much silence, a connection that nobody uses any more, or has used yet, is given up.
const PATIENCE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(60);
/// Linux's default.
const TTL: u8 = 64;
/// Where no interface says otherwise.
const MTU: u16 = 1500;

/// One of a switch's TCP connections.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u32);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection{}", self.0)
    }
}

/// What hop limits segments to and from one other end have: RFC 5082 has 255 for both where there is no router between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerTtl {
    /// What ours leave with.
    pub sent: u8,
    /// Those that arrive with less are dropped; 0 for none.
    pub least: u8,
}

/// Why a connection cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The local address is not ours.
    #[error("{0} is no address of this switch: expected one of an interface of its")]
    NotOwn(IpAddr),
    /// Nobody can be reached there.
    #[error(
        "from {local} to {remote}: expected one station's address of the same family, a port from 1 to 65535, and TTL 1 or more"
    )]
    Remote {
        /// The local address.
        local: IpAddr,
        /// The other end.
        remote: SocketAddr,
    },
    /// A link-local address without a link.
    #[error("{0} is link-local: expected the interface that it is on")]
    NoInterface(IpAddr),
    /// There are as many as there can be.
    #[error("there are {MOST} connections already: expected fewer")]
    TooMany,
}

/// Where a connection stands, for who uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// We asked for it.
    Connecting,
    /// Somebody asks for it.
    Accepting,
    Open,
    /// This is still to be told, after what has been received.
    Over(Closed),
    /// Nobody uses it any more.
    Released,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) interface: Option<InterfaceId>,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    scope: Option<InterfaceId>,
    socket: SocketHandle,
    phase: Phase,
    held: bool,
    /// The other end has answered.
    answered: bool,
}

#[derive(Debug)]
pub(crate) struct Tcp {
    scopes: BTreeMap<Option<InterfaceId>, Scope>,
    listeners: BTreeSet<u16>,
    peers: BTreeMap<IpAddr, PeerTtl>,
    connections: BTreeMap<ConnectionId, Connection>,
    events: VecDeque<TcpEvent>,
    next: u32,
    next_port: u16,
    seed: Seed,
    /// Somebody has written, read or closed since smoltcp ran.
    touched: bool,
    /// Sockets that nothing has come in by, for the next: one takes a quarter of a megabyte of zeros, and who tries for an hour to reach a
    /// peer that is gone needs many.
    spare: Vec<Socket<'static>>,
}

impl Tcp {
    pub(crate) fn new(seed: Seed) -> Self {
        let dynamic = u64::from(u16::MAX - FIRST_PORT) + 1;
        Tcp {
            scopes: BTreeMap::new(),
            listeners: BTreeSet::new(),
            peers: BTreeMap::new(),
            connections: BTreeMap::new(),
            events: VecDeque::new(),
            next: 0,
            next_port: FIRST_PORT + Dice::new(seed.derive("ports")).below(dynamic) as u16,
            seed: seed.derive("tcp"),
            touched: false,
            spare: Vec::new(),
        }
    }

    pub(crate) fn listen(&mut self, port: u16, listens: bool) {
        if listens {
            self.listeners.insert(port);
        } else {
            self.listeners.remove(&port);
        }
    }

    pub(crate) fn set_peer(&mut self, remote: IpAddr, ttl: Option<PeerTtl>) {
        match ttl {
            Some(ttl) => self.peers.insert(remote, ttl),
            None => self.peers.remove(&remote),
        };
    }

    /// Addresses or MTUs have changed.
    pub(crate) fn reconfigure(&mut self, now: Instant, links: &mut Links) {
        let gone = |connection: &Connection| !owns(links, connection.scope, connection.local.ip());
        for connection in self.connections.values_mut().filter(|connection| gone(connection)) {
            let scope = self.scopes.get_mut(&connection.scope).expect("a connection has a scope");
            scope.sockets.get_mut::<Socket<'_>>(connection.socket).abort();
            if connection.phase != Phase::Released {
                connection.phase = Phase::Over(Closed::AddressGone);
            }
        }
        for (scope, stack) in &mut self.scopes {
            stack.set_mtu(now, mtu(*scope, links));
        }
        self.run(now, links);
    }

    pub(crate) fn connect(
        &mut self,
        now: Instant,
        local: IpAddr,
        remote: SocketAddr,
        ttl: u8,
        interface: Option<InterfaceId>,
        links: &mut Links,
    ) -> Result<ConnectionId, ConnectError> {
        let scope = interface.filter(|_| is_link_local(local));
        let on_link = [local, remote.ip()].into_iter().find(|addr| is_link_local(*addr));
        if let Some(addr) = on_link.filter(|_| interface.is_none()) {
            return Err(ConnectError::NoInterface(addr));
        }
        if !owns(links, scope, local) {
            return Err(ConnectError::NotOwn(local));
        }
        if self.connections.len() >= MOST {
            return Err(ConnectError::TooMany);
        }
        let to = remote.ip();
        let wrong = ConnectError::Remote { local, remote };
        if ttl == 0 || to.is_multicast() || local.is_ipv4() != to.is_ipv4() || links.is_broadcast(to) {
            return Err(wrong);
        }
        let port = self.port(local);
        let own = IpListenEndpoint { addr: Some(local.into()), port };
        let peer = IpEndpoint::new(to.into(), remote.port());
        let mut socket = self.spare.pop().unwrap_or_else(socket);
        socket.set_hop_limit(Some(ttl));
        socket.set_timeout(None);
        let (context, sockets) = self.scope(now, scope, links).context();
        // Refused for port 0 and for the address of nobody.
        socket.connect(context, peer, own).map_err(|_| wrong)?;
        let socket = sockets.add(socket);
        let local = SocketAddr::new(local, port);
        let id = self.add(Connection {
            interface,
            local,
            remote,
            scope,
            socket,
            phase: Phase::Connecting,
            held: false,
            answered: false,
        });
        self.touched = true;
        Ok(id)
    }

    /// A port for a connection of our own: the next of the dynamic ones.
    fn port(&mut self, local: IpAddr) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = if port == u16::MAX { FIRST_PORT } else { port + 1 };
            let own = SocketAddr::new(local, port);
            let used = self.connections.values().any(|connection| connection.local == own);
            if !used && !self.listeners.contains(&port) {
                return port;
            }
        }
    }

    fn add(&mut self, connection: Connection) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next = self.next.wrapping_add(1);
        self.connections.insert(id, connection);
        id
    }

    fn scope(&mut self, now: Instant, scope: Option<InterfaceId>, links: &Links) -> &mut Scope {
        let seed = match scope {
            Some(id) => self.seed.derive(&format!("interface {id}")),
            None => self.seed,
        };
        self.scopes.entry(scope).or_insert_with(|| Scope::new(mtu(scope, links), seed, now))
    }

    /// Takes in a sound segment that is for us alone.
    #[expect(clippy::too_many_arguments, reason = "it is all that is known of a segment")]
    pub(crate) fn handle_segment(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        (from, to): (IpAddr, IpAddr),
        ttl: u8,
        repr: &TcpRepr<'_>,
        packet: &[u8],
        links: &mut Links,
    ) -> Result<(), IpDrop> {
        // RFC 5082 3: dropped before anything else is made of it.
        if self.peers.get(&from).is_some_and(|peer| ttl < peer.least) {
            return Err(IpDrop::HopLimit);
        }
        let scope = Some(interface).filter(|_| is_link_local(to));
        let (local, remote) = (SocketAddr::new(to, repr.dst_port), SocketAddr::new(from, repr.src_port));
        let opens = repr.control == TcpControl::Syn && repr.ack_number.is_none();
        let known = self.connections.values().any(|connection| {
            (connection.scope, connection.local, connection.remote) == (scope, local, remote)
        });
        if opens && !known && self.listeners.contains(&local.port()) {
            let accepting = |connection: &&Connection| connection.phase == Phase::Accepting;
            let half_open = self.connections.values().filter(accepting).count();
            if half_open == MOST_ACCEPTING || self.connections.len() >= MOST {
                return Err(IpDrop::QueueFull);
            }
            self.expect(now, interface, scope, local, remote, links);
        }
        self.scope(now, scope, links).put(packet);
        self.run(now, links);
        Ok(())
    }

    /// Makes a socket for the segment that is about to come.
    fn expect(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        scope: Option<InterfaceId>,
        local: SocketAddr,
        remote: SocketAddr,
        links: &Links,
    ) {
        let mut socket = socket();
        socket.set_hop_limit(Some(TTL));
        socket.set_timeout(Some(PATIENCE));
        let own = IpListenEndpoint { addr: Some(local.ip().into()), port: local.port() };
        if socket.listen(own).is_err() {
            return;
        }
        let socket = self.scope(now, scope, links).sockets.add(socket);
        let (interface, phase) = (Some(interface), Phase::Accepting);
        self.add(Connection { interface, local, remote, scope, socket, phase, held: false, answered: true });
    }

    /// Does all that can be done at `now`.
    pub(crate) fn run(&mut self, now: Instant, links: &mut Links) {
        self.touched = false;
        for (&scope, stack) in &mut self.scopes {
            for mut packet in stack.run(now) {
                let to = header::destination(&packet).expect("smoltcp sends sound packets");
                if let Some(peer) = self.peers.get(&to) {
                    ip_header::set_ttl(&mut packet, peer.sent);
                }
                let interface = scope.or_else(|| {
                    // Of a global address to a link-local one.
                    let to_link = |connection: &&Connection| connection.remote.ip() == to;
                    is_link_local(to).then(|| self.connections.values().find(to_link))??.interface
                });
                links.send_packet(now, packet, interface);
            }
        }
        let (scopes, events, spare) = (&mut self.scopes, &mut self.events, &mut self.spare);
        self.connections.retain(|&id, connection| {
            let sockets = &mut scopes.get_mut(&connection.scope).expect("a connection has a scope").sockets;
            let socket = sockets.get_mut::<Socket<'_>>(connection.socket);
            let stays = connection.step(id, socket, events);
            connection.answered |= !matches!(socket.state(), State::SynSent | State::Closed);
            if !stays {
                let socket = sockets.remove(connection.socket);
                if let smoltcp::socket::Socket::Tcp(socket) = socket
                    && !connection.answered
                    && spare.len() < SPARE
                {
                    spare.push(socket);
                }
            }
            stays
        });
        for stack in self.scopes.values_mut() {
            stack.settle(now);
        }
    }

    /// Gives octets to a connection; says how many it has taken.
    pub(crate) fn send(&mut self, id: ConnectionId, bytes: &[u8]) -> usize {
        let Some(connection) = self.connections.get(&id) else { return 0 };
        if !matches!(connection.phase, Phase::Open) {
            return 0;
        }
        let scope = self.scopes.get_mut(&connection.scope).expect("a connection has a scope");
        let taken = scope.sockets.get_mut::<Socket<'_>>(connection.socket).send_slice(bytes).unwrap_or(0);
        self.touched |= taken > 0;
        taken
    }

    pub(crate) fn hold(&mut self, id: ConnectionId, held: bool) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.held = held;
        }
    }

    pub(crate) fn close(&mut self, id: ConnectionId) {
        if let Some(socket) = self.release(id) {
            socket.close();
        }
    }

    pub(crate) fn abort(&mut self, id: ConnectionId) {
        if let Some(socket) = self.release(id) {
            socket.abort();
        }
    }

    /// Nobody uses a connection any more.
    fn release(&mut self, id: ConnectionId) -> Option<&mut Socket<'static>> {
        let connection = self.connections.get_mut(&id)?;
        connection.phase = Phase::Released;
        self.events.retain(|event| event_id(event) != id);
        self.touched = true;
        let scope = self.scopes.get_mut(&connection.scope).expect("a connection has a scope");
        let socket = scope.sockets.get_mut::<Socket<'_>>(connection.socket);
        socket.set_timeout(Some(PATIENCE));
        Some(socket)
    }

    /// What happened next; what was received is taken from smoltcp only here.
    pub(crate) fn poll_event(&mut self) -> Option<TcpEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        for (&id, connection) in self.connections.iter_mut().filter(|(_, connection)| !connection.held) {
            let scope = self.scopes.get_mut(&connection.scope).expect("a connection has a scope");
            let socket = scope.sockets.get_mut::<Socket<'_>>(connection.socket);
            let told = matches!(connection.phase, Phase::Open | Phase::Over(_));
            if told && socket.can_recv() {
                let bytes = socket.recv(|bytes| (bytes.len(), Bytes::copy_from_slice(bytes))).ok()?;
                // The window has opened.
                self.touched = true;
                return Some(TcpEvent::Received { id, bytes });
            }
            if let Phase::Over(how) = connection.phase {
                connection.phase = Phase::Released;
                socket.close();
                socket.set_timeout(Some(PATIENCE));
                self.touched = true;
                return Some(TcpEvent::Closed { id, how });
            }
        }
        None
    }

    /// Something is to be done at once.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.scopes.values().filter_map(Scope::poll_timeout).min()
    }

    /// All of them, with their state and the octets that wait to be acknowledged and to be read.
    pub(crate) fn connections(
        &self,
    ) -> impl Iterator<Item = (ConnectionId, &Connection, State, usize, usize)> {
        self.connections.iter().map(|(&id, connection)| {
            let socket = self.scopes[&connection.scope].sockets.get::<Socket<'_>>(connection.socket);
            (id, connection, socket.state(), socket.send_queue(), socket.recv_queue())
        })
    }
}

impl Connection {
    /// Sees what has become of the socket; false when nothing is left of it.
    fn step(&mut self, id: ConnectionId, socket: &mut Socket<'_>, events: &mut VecDeque<TcpEvent>) -> bool {
        let state = socket.state();
        // A reset while it was being opened has a socket listen again: it was made for this one alone.
        let closed = matches!(state, State::Closed | State::Listen);
        let open = matches!(state, State::Established | State::CloseWait);
        match self.phase {
            Phase::Connecting | Phase::Accepting if open => {
                events.push_back(match (self.phase, self.interface) {
                    (Phase::Accepting, Some(interface)) => {
                        TcpEvent::Accepted { id, local: self.local, remote: self.remote, interface }
                    }
                    _ => TcpEvent::Connected { id },
                });
                socket.set_timeout(None);
                self.phase = Phase::Open;
                self.step(id, socket, events)
            }
            Phase::Connecting if closed => {
                self.phase = Phase::Over(Closed::Refused);
                true
            }
            Phase::Accepting => !closed,
            Phase::Open if closed => {
                self.phase = Phase::Over(Closed::Reset);
                true
            }
            Phase::Open if state == State::CloseWait => {
                self.phase = Phase::Over(Closed::Finished);
                true
            }
            Phase::Released => {
                while socket.can_recv() && socket.recv(|bytes| (bytes.len(), ())).is_ok() {}
                !closed
            }
            Phase::Connecting | Phase::Open | Phase::Over(_) => true,
        }
    }
}

fn event_id(event: &TcpEvent) -> ConnectionId {
    match *event {
        TcpEvent::Connected { id }
        | TcpEvent::Accepted { id, .. }
        | TcpEvent::Received { id, .. }
        | TcpEvent::Closed { id, .. } => id,
    }
}

fn socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; WINDOW]);
    let mut socket = Socket::new(buffer(), buffer());
    // What is written is a whole message.
    socket.set_nagle_enabled(false);
    socket
}

/// Is it an address of ours, in its scope?
fn owns(links: &Links, scope: Option<InterfaceId>, addr: IpAddr) -> bool {
    scope.map_or_else(|| links.has(addr), |id| links.owns(id, addr))
}

/// What fits the interfaces that segments may leave by.
fn mtu(scope: Option<InterfaceId>, links: &Links) -> u16 {
    let of = |id: &InterfaceId| links.interfaces[id].config.mtu;
    match scope.filter(|id| links.interfaces.contains_key(id)) {
        Some(id) => of(&id),
        None => links.interfaces.keys().map(of).min().unwrap_or(MTU),
    }
}
