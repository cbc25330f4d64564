//! Probe flows by the kernel's own stack: UDP sockets in the hosts' namespaces, with the payload and the times of the virtual
//! world's.

use super::LiveError;
use super::clock::StageClock;
use super::stage::Stage;
use greylag_base::Instant;
use greylag_sim::flow::{Arrivals, Flow, FlowId, Sighting};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

/// How long one waits for a probe, or for its time, before it looks up.
const PATIENCE: Duration = Duration::from_millis(50);

/// As long as any frame.
const LONGEST: usize = 9_216;

/// A flow and the socket that it is sent by.
struct Outgoing {
    flow: Flow,
    socket: UdpSocket,
    sent: u64,
}

/// The sockets of all flows.
pub(super) struct Probes {
    /// By host.
    senders: Vec<Vec<Outgoing>>,
    receivers: Vec<UdpSocket>,
    flows: usize,
}

/// What is to be had of them at the end.
pub(super) struct Counting<'scope> {
    senders: Vec<ScopedJoinHandle<'scope, Vec<(FlowId, u64)>>>,
    receivers: Vec<ScopedJoinHandle<'scope, BTreeMap<FlowId, Arrivals>>>,
    flows: usize,
}

impl Probes {
    pub(super) fn open(stage: &Stage<'_>, flows: &[Flow]) -> Result<Self, LiveError> {
        let bind = |host: usize, address: SocketAddr| {
            let failed = |source| LiveError::Host {
                host: stage.name(host).to_owned(),
                action: "open a socket for probes",
                source,
            };
            stage.netns(host)?.run(|| UdpSocket::bind(address)).and_then(|bound| bound).map_err(failed)
        };
        let (mut receivers, mut bound) = (Vec::new(), BTreeSet::new());
        let mut senders: BTreeMap<usize, Vec<Outgoing>> = BTreeMap::new();
        for flow in flows {
            let config = flow.config();
            let to = SocketAddr::new(config.to.addr, config.dport);
            if bound.insert((config.to.host, to)) {
                receivers.push(bind(config.to.host, to)?);
            }
            let socket = bind(config.from.host, SocketAddr::new(config.from.addr, config.sport))?;
            senders.entry(config.from.host).or_default().push(Outgoing {
                flow: flow.clone(),
                socket,
                sent: 0,
            });
        }
        Ok(Probes { senders: senders.into_values().collect(), receivers, flows: flows.len() })
    }

    /// Sends and takes probes until the end, or until it is over.
    pub(super) fn run<'scope, 'env: 'scope>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        clock: StageClock,
        end: Instant,
        over: &'env AtomicBool,
    ) -> Counting<'scope> {
        let senders = self.senders.into_iter();
        let receivers = self.receivers.into_iter();
        Counting {
            senders: senders.map(|flows| scope.spawn(move || send(flows, clock, end, over))).collect(),
            receivers: receivers
                .map(|socket| scope.spawn(move || receive(&socket, clock, end, over)))
                .collect(),
            flows: self.flows,
        }
    }
}

impl Counting<'_> {
    /// Of each flow, how many were sent, and which have arrived.
    pub(super) fn collect(self) -> Vec<(u64, Arrivals)> {
        let mut counts = vec![(0, Arrivals::default()); self.flows];
        for sender in self.senders {
            let sent = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            sent.into_iter().for_each(|(FlowId(flow), sent)| counts[flow as usize].0 = sent);
        }
        for receiver in self.receivers {
            let arrived = receiver.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (FlowId(flow), arrivals) in arrived {
                if let Some(count) = counts.get_mut(flow as usize) {
                    count.1 = arrivals;
                }
            }
        }
        counts
    }
}

/// Sends the flows of a host, each probe when it is due.
fn send(mut flows: Vec<Outgoing>, clock: StageClock, end: Instant, over: &AtomicBool) -> Vec<(FlowId, u64)> {
    let first = |(index, outgoing): (usize, &Outgoing)| Some(Reverse((outgoing.flow.due(0)?, index)));
    let mut due: BinaryHeap<_> = flows.iter().enumerate().filter_map(first).collect();
    while let Some(Reverse((at, index))) = due.pop() {
        while clock.now() < at && !over.load(Ordering::Relaxed) {
            std::thread::sleep(at.since(clock.now()).min(PATIENCE));
        }
        if at > end || over.load(Ordering::Relaxed) {
            break;
        }
        let Outgoing { flow, socket, sent } = &mut flows[index];
        let to = SocketAddr::new(flow.config().to.addr, flow.config().dport);
        // A probe that the host cannot send is lost, like one that it could.
        let _ = socket.send_to(&flow.payload(*sent, at), to);
        *sent += 1;
        due.extend(flow.due(*sent).map(|at| Reverse((at, index))));
    }
    flows.into_iter().map(|outgoing| (outgoing.flow.id(), outgoing.sent)).collect()
}

/// Takes the probes that come to one address.
fn receive(
    socket: &UdpSocket,
    clock: StageClock,
    end: Instant,
    over: &AtomicBool,
) -> BTreeMap<FlowId, Arrivals> {
    let mut arrived: BTreeMap<FlowId, Arrivals> = BTreeMap::new();
    let mut buffer = [0; LONGEST];
    socket.set_read_timeout(Some(PATIENCE)).expect("the time is more than none");
    while !over.load(Ordering::Relaxed) {
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            // Something about an earlier packet.
            Err(_) => continue,
        };
        let now = clock.now();
        if let Some(Sighting { flow, sequence, latency }) =
            Sighting::of(&buffer[..length], now).filter(|_| now <= end)
        {
            arrived.entry(flow).or_default().record(sequence, latency, now);
        }
    }
    arrived
}
