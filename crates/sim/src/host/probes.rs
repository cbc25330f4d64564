//! The flows that a host sends and receives.

use super::HostDrop;
use super::lan::Lan;
use super::nic::ip_type;
use crate::flow::probe::{Probe, Template};
use crate::flow::schedule::Schedule;
use crate::flow::{Arrivals, Flow, FlowId};
use core::net::IpAddr;
use greylag_base::Instant;
use greylag_ip::neighbor::Slot;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

#[derive(Debug, Default)]
pub(crate) struct Probes {
    outgoing: Vec<Outgoing>,
    /// When each of them sends next, by its place there.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    incoming: BTreeMap<FlowId, Incoming>,
}

#[derive(Debug)]
struct Outgoing {
    id: FlowId,
    to: IpAddr,
    schedule: Schedule,
    template: Template,
    /// Sequence number of the next probe: as many have been sent.
    next: u64,
    neighbor: Option<Slot>,
}

#[derive(Debug)]
struct Incoming {
    ports: (u16, u16),
    arrivals: Arrivals,
}

impl Probes {
    pub(crate) fn send_flow(&mut self, flow: &Flow, lan: &Lan) {
        let header_len = lan.nic.header_len();
        let mut template = Template::new(flow, lan.ttl, header_len);
        let to = flow.config().to.addr;
        lan.nic.set_type(template.ethernet_mut(header_len), ip_type(to));
        let schedule = *flow.schedule();
        if let Some(at) = schedule.due(0) {
            self.due.push(Reverse((at, self.outgoing.len())));
        }
        self.outgoing.push(Outgoing { id: flow.id(), to, schedule, template, next: 0, neighbor: None });
    }

    pub(crate) fn receive_flow(&mut self, flow: &Flow) {
        let ports = (flow.config().sport, flow.config().dport);
        self.incoming.insert(flow.id(), Incoming { ports, arrivals: Arrivals::default() });
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Sends what is due. A probe bears the time at which it was due, so that a host which is late does not look fast.
    pub(crate) fn handle_timeout(&mut self, now: Instant, lan: &mut Lan) {
        while let Some(mut due) = self.due.peek_mut() {
            let Reverse((at, index)) = *due;
            if at > now {
                break;
            }
            let flow = &mut self.outgoing[index];
            let mut frame = lan.nic.buffer();
            flow.template.stamp(flow.next, at, &mut frame);
            lan.send(now, flow.to, frame, &mut flow.neighbor);
            flow.next += 1;
            match flow.schedule.due(flow.next) {
                // In place: one sift instead of two.
                Some(at) => *due = Reverse((at, index)),
                None => {
                    std::collections::binary_heap::PeekMut::pop(due);
                }
            }
        }
    }

    pub(crate) fn arrive(&mut self, now: Instant, probe: &Probe) -> Result<(), HostDrop> {
        let known = self.incoming.get_mut(&probe.flow).filter(|flow| flow.ports == probe.ports);
        let flow = known.ok_or(HostDrop::StrayProbe)?;
        flow.arrivals.record(probe.sequence, probe.latency(now), now);
        Ok(())
    }

    pub(crate) fn sent(&self, id: FlowId) -> Option<u64> {
        self.outgoing.iter().find(|flow| flow.id == id).map(|flow| flow.next)
    }

    pub(crate) fn arrivals(&self, id: FlowId) -> Option<&Arrivals> {
        self.incoming.get(&id).map(|flow| &flow.arrivals)
    }
}
