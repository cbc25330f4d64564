//! A speaker on the sockets of a namespace: one thread drives it, and one more reads from each connection.

use greylag_base::{Instant, Seed};
use greylag_bgp::{Action, Bgp, BgpConfig, BgpEvent, Direction, IpNet, NeighborId, Route};
use greylag_lab::netns::Netns;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const PORT: u16 = 179;

type End = (NeighborId, Direction);

type Word = Box<dyn FnOnce(&mut Driver, Instant) + Send>;

/// What the thread is told.
enum Input {
    Tell(Word),
    /// One of our attempts, by its number.
    Opened(End, u64, TcpStream),
    Bytes(End, u64, Vec<u8>),
    Closed(End, u64),
}

/// What a speaker has told.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub(crate) events: Vec<BgpEvent>,
    pub(crate) used: BTreeMap<IpNet, Route>,
}

struct Driver {
    bgp: Bgp,
    start: std::time::Instant,
    /// For IPv6 and IPv4 alike.
    listener: TcpListener,
    inputs: Sender<Input>,
    /// The number tells a connection from those before it.
    connections: BTreeMap<End, (u64, Option<TcpStream>)>,
    next: u64,
    told: Told,
}

/// Ends with the test.
pub(crate) struct Speaker {
    inputs: Option<Sender<Input>>,
    thread: Option<JoinHandle<()>>,
}

impl Speaker {
    pub(crate) fn start(netns: &Netns, config: BgpConfig) -> Speaker {
        let (inputs, received) = channel();
        let own = inputs.clone();
        let start = move || {
            let listener =
                TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT)).expect("nobody else listens there");
            listener.set_nonblocking(true).expect("it need not wait");
            let bgp = Bgp::new(config, Seed(1), Instant::ZERO).expect("the test's configuration is sound");
            let (start, connections, told) = (std::time::Instant::now(), BTreeMap::new(), Told::default());
            let driver = Driver { bgp, start, listener, inputs: own, connections, next: 0, told };
            // Threads stay in the namespace of who starts them.
            std::thread::spawn(move || driver.run(&received))
        };
        let thread = netns.run(start).expect("the namespace can be entered");
        Speaker { inputs: Some(inputs), thread: Some(thread) }
    }

    fn ask<T: Send + 'static>(&self, what: impl FnOnce(&mut Driver, Instant) -> T + Send + 'static) -> T {
        let (answer, answered) = channel();
        let tell = move |driver: &mut Driver, now: Instant| {
            let _ = answer.send(what(driver, now));
        };
        let inputs = self.inputs.as_ref().expect("it runs until it is dropped");
        inputs.send(Input::Tell(Box::new(tell))).expect("it runs");
        answered.recv().expect("it answers")
    }

    pub(crate) fn tell<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Bgp, Instant) -> T + Send + 'static,
    ) -> T {
        self.ask(|driver, now| what(&mut driver.bgp, now))
    }

    /// What it has told so far.
    pub(crate) fn told(&self) -> Told {
        self.ask(|driver, _| driver.told.clone())
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let stop = |driver: &mut Driver, _: Instant| driver.next = u64::MAX;
        let _ = self.inputs.take().map(|inputs| inputs.send(Input::Tell(Box::new(stop))));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Driver {
    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    fn run(mut self, received: &Receiver<Input>) {
        while self.next != u64::MAX {
            let now = self.now();
            if self.bgp.poll_timeout().is_some_and(|next| next <= now) {
                self.bgp.handle_timeout(now);
            }
            self.accept();
            self.drain();
            // The listener is looked at often enough.
            let wait = self.bgp.poll_timeout().map_or(Duration::MAX, |next| next - self.now());
            match received.recv_timeout(wait.min(Duration::from_millis(20))) {
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        for stream in self.connections.values().filter_map(|(_, stream)| stream.as_ref()) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn take(&mut self, input: Input) {
        let now = self.now();
        match input {
            Input::Tell(what) => what(self, now),
            Input::Opened(end, number, stream) => {
                if self.is_current(end, number) {
                    self.begin(end, number, stream);
                }
            }
            Input::Bytes(end, number, bytes) => {
                if self.is_current(end, number) {
                    self.bgp.handle_bytes(now, end.0, end.1, &bytes);
                }
            }
            Input::Closed(end, number) => {
                if self.is_current(end, number) {
                    self.connections.remove(&end);
                    self.bgp.handle_closed(now, end.0, end.1);
                }
            }
        }
    }

    fn is_current(&self, end: End, number: u64) -> bool {
        self.connections.get(&end).is_some_and(|(current, _)| *current == number)
    }

    /// Takes a connection that came in, from a neighbor that is welcome.
    fn accept(&mut self) {
        let Ok((stream, from)) = self.listener.accept() else { return };
        let from = from.ip().to_canonical();
        let neighbors = &self.bgp.config().neighbors;
        let neighbor = neighbors.iter().find(|neighbor| neighbor.neighbor_address == from);
        let Some(id) = neighbor.map(|neighbor| neighbor.id).filter(|id| self.bgp.accepts(*id)) else {
            return;
        };
        stream.set_nonblocking(false).expect("it may wait");
        let (end, number) = ((id, Direction::Passive), self.number());
        self.begin(end, number, stream);
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A connection is there: somebody has to read from it.
    fn begin(&mut self, end: End, number: u64, stream: TcpStream) {
        let (mut reading, inputs) = (stream.try_clone().expect("it can be read from"), self.inputs.clone());
        self.connections.insert(end, (number, Some(stream)));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reading.read(&mut buffer) {
                let _ = inputs.send(Input::Bytes(end, number, buffer[..length].to_vec()));
            }
            let _ = inputs.send(Input::Closed(end, number));
        });
        let now = self.now();
        self.bgp.handle_connected(now, end.0, end.1);
    }

    fn open(&mut self, id: NeighborId) {
        let (end, number) = ((id, Direction::Active), self.number());
        self.connections.insert(end, (number, None));
        let neighbor = self.bgp.config().neighbors.iter().find(|neighbor| neighbor.id == id);
        let address: IpAddr = neighbor.expect("it is configured").neighbor_address;
        let inputs = self.inputs.clone();
        std::thread::spawn(move || {
            let to = SocketAddr::new(address, PORT);
            let _ = inputs.send(match TcpStream::connect_timeout(&to, Duration::from_secs(5)) {
                Ok(stream) => Input::Opened(end, number, stream),
                Err(_) => Input::Closed(end, number),
            });
        });
    }

    fn drain(&mut self) {
        while let Some(action) = self.bgp.poll_transmit() {
            match action {
                Action::Connect { neighbor } => self.open(neighbor),
                Action::Send { neighbor, direction, bytes } => {
                    if let Some((_, Some(stream))) = self.connections.get_mut(&(neighbor, direction)) {
                        // Who reads from it notices that it is over.
                        let _ = stream.write_all(&bytes);
                    }
                }
                Action::Close { neighbor, direction } => {
                    if let Some((_, Some(stream))) = self.connections.remove(&(neighbor, direction)) {
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                }
            }
        }
        while let Some(event) = self.bgp.poll_event() {
            self.told.events.push(event);
        }
        while let Some(change) = self.bgp.poll_route_change() {
            match change.route {
                Some(route) => self.told.used.insert(change.prefix, route),
                None => self.told.used.remove(&change.prefix),
            };
        }
        // All next hops are on the link.
        while let Some(interest) = self.bgp.poll_next_hop_interest() {
            if interest.wanted {
                self.bgp.set_next_hop(self.now(), interest.next_hop, Some(0));
            }
        }
    }
}
