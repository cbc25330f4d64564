//! A network at a moment of a replay.

use super::network::{Network, Obstacle, Plan, PlanEnd, PlanNode, Station, Told, WhyError};
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr};
use greylag_scenario::lab::{Lab, NodeKind};
use greylag_sim::replay::Moment;
use greylag_switch::show::{InterfaceRow, PortRow, TraceRequest, TraceRow};

/// A replay that stands still.
pub struct Replayed<'m, 'w, 's> {
    moment: &'m Moment<'w, 's>,
    plan: Plan,
    log: Vec<Told>,
}

impl<'m, 'w, 's> Replayed<'m, 'w, 's> {
    /// The network as it is at a moment.
    pub fn new(moment: &'m Moment<'w, 's>) -> Self {
        let told = moment.events().iter().map(|event| Told {
            at: event.at,
            node: event.node,
            event: event.event.clone(),
            fields: event.fields.clone(),
        });
        Replayed { plan: plan(&moment.scenario().lab), log: told.collect(), moment }
    }

    fn switch(&self, node: usize) -> Result<&greylag_switch::Switch, WhyError> {
        self.moment.switch(node).ok_or_else(|| WhyError::Silent {
            node: self.plan.name(node).to_owned(),
            reason: "it has no power".to_owned(),
        })
    }
}

/// The nodes and cables of a lab.
fn plan(lab: &Lab) -> Plan {
    let nodes = lab.nodes.iter().map(|node| PlanNode {
        name: node.name.clone(),
        is_switch: matches!(node.kind, NodeKind::Greylag(_)),
    });
    let links = lab.links.iter().map(|link| {
        [0, 1]
            .map(|end| PlanEnd { node: link.ends[end].node, interface: link.ends[end].interface.to_string() })
    });
    Plan { nodes: nodes.collect(), links: links.collect() }
}

impl Network for Replayed<'_, '_, '_> {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn station(&self, host: usize) -> Result<Option<Station>, WhyError> {
        let station = self.moment.host(host).zip(self.moment.plug(host)).map(|(host, plug)| Station {
            mac: host.mac(),
            vlan: host.vlan(),
            addresses: host.addresses().collect(),
            plug,
        });
        Ok(station)
    }

    fn next_hop(&self, host: usize, to: IpAddr) -> Result<Option<IpAddr>, WhyError> {
        Ok(self.moment.host(host).and_then(|host| host.next_hop(to)))
    }

    fn neighbor(&self, host: usize, address: IpAddr) -> Result<Option<MacAddr>, WhyError> {
        let known = self.moment.host(host).and_then(|host| host.neighbor(self.moment.now(), address));
        Ok(known.and_then(|(_, mac)| mac))
    }

    fn runs(&self, switch: usize) -> bool {
        self.moment.switch(switch).is_some()
    }

    fn ports(&self, switch: usize) -> Result<Vec<PortRow>, WhyError> {
        Ok(self.switch(switch)?.port_rows(self.moment.now()))
    }

    fn interfaces(&self, switch: usize) -> Result<Vec<InterfaceRow>, WhyError> {
        Ok(self.switch(switch)?.interface_rows())
    }

    fn trace(&self, switch: usize, request: &TraceRequest) -> Result<TraceRow, WhyError> {
        let traced = self.switch(switch)?.trace(self.moment.now(), request);
        traced.map_err(|wrong| WhyError::Silent {
            node: self.plan.name(switch).to_owned(),
            reason: wrong.to_string(),
        })
    }

    fn obstacle(&self, link: usize, from: usize, frame: &[u8]) -> Option<Obstacle> {
        let fate = self.moment.fate(link, from, frame)?;
        Some(Obstacle { name: fate.name.to_owned(), words: fate.words.to_owned() })
    }

    fn log(&self) -> &[Told] {
        &self.log
    }

    fn time(&self, at: Instant) -> String {
        self.moment.clock().time(at)
    }
}
