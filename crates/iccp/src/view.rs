//! What the peer has, as far as it has said so in this session.

use crate::config::SystemConfig;
use crate::event::IccpEvent;
use crate::object::{Aggregator, Partner, Port};
use greylag_base::{MacAddr, VlanId};
use greylag_wire::iccp::{
    self as wire, ConfigFlags, IrbMac, MacEntry, MacPlace, OperState, Parameter, VlanList,
};
use greylag_wire::lacp::SystemId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A leg or a link, whose parts come in parameters of their own.
#[derive(Debug)]
struct Parts<C, S> {
    config: Option<C>,
    state: Option<S>,
    mark: u32,
}

type AggregatorParts = Parts<(wire::AggregatorConfig, Option<SystemId>), wire::AggregatorState>;
type PortParts = Parts<wire::PortConfig, wire::PortState>;

#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) system: Option<SystemConfig>,
    aggregators: BTreeMap<u16, AggregatorParts>,
    ports: BTreeMap<u16, PortParts>,
    irb_macs: BTreeMap<VlanId, (MacAddr, u32)>,
    macs: BTreeMap<(VlanId, MacAddr), (MacPlace, u32)>,
    vlans: BTreeMap<Option<u16>, (VlanList, u32)>,
    /// Counts whole synchronisations. What was said since the last began is marked with its number.
    mark: u32,
    /// A whole synchronisation is under way.
    open: bool,
    /// One has been whole.
    pub(crate) complete: bool,
    /// Of which something was said in this message.
    touched_aggregators: BTreeSet<u16>,
    touched_ports: BTreeSet<u16>,
}

impl View {
    /// How many of each.
    pub(crate) fn counts(&self) -> crate::Synchronised {
        crate::Synchronised {
            aggregators: self.aggregators().count(),
            ports: self.ports().count(),
            irb_macs: self.irb_macs.len(),
            macs: self.macs.len(),
        }
    }

    pub(crate) fn aggregators(&self) -> impl Iterator<Item = Aggregator> {
        self.aggregators.values().filter_map(aggregator)
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = Port> {
        self.ports.values().filter_map(port)
    }

    pub(crate) fn macs(&self) -> impl Iterator<Item = (VlanId, MacAddr, MacPlace)> {
        self.macs.iter().map(|((vlan, mac), (place, _))| (*vlan, *mac, *place))
    }

    /// By bundle, and of the link between the chassis.
    pub(crate) fn vlans(&self) -> impl Iterator<Item = (Option<u16>, &VlanList)> {
        self.vlans.iter().map(|(id, (list, _))| (*id, list))
    }

    pub(crate) fn has_aggregator(&self, id: u16) -> bool {
        self.aggregators.contains_key(&id)
    }

    /// A whole synchronisation begins.
    pub(crate) fn begin(&mut self) {
        self.mark += 1;
        self.open = true;
    }

    /// It ends: what was not named is not there.
    pub(crate) fn end(&mut self, events: &mut VecDeque<IccpEvent>) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        self.complete = true;
        let mark = self.mark;
        for id in self.aggregators.extract_if(.., |_, it| it.mark < mark).map(|(id, _)| id) {
            events.push_back(IccpEvent::PeerAggregatorGone { id });
        }
        for number in self.ports.extract_if(.., |_, it| it.mark < mark).map(|(number, _)| number) {
            events.push_back(IccpEvent::PeerPortGone { number });
        }
        for vlan in self.irb_macs.extract_if(.., |_, it| it.1 < mark).map(|(vlan, _)| vlan) {
            events.push_back(IccpEvent::PeerIrbMac { vlan, mac: None });
        }
        for (vlan, mac) in self.macs.extract_if(.., |_, it| it.1 < mark).map(|(key, _)| key) {
            events.push_back(IccpEvent::PeerMac { vlan, mac, place: None });
        }
        self.vlans.retain(|_, (_, told)| *told == mark);
        events.push_back(IccpEvent::PeerMacsComplete);
    }

    /// Takes what one parameter says of the peer.
    pub(crate) fn hear(&mut self, parameter: Parameter, events: &mut VecDeque<IccpEvent>) {
        match parameter {
            Parameter::SystemConfig(wire::SystemConfig { system, node }) => {
                let system = SystemConfig { system, node_id: node.get() };
                if self.system.replace(system) != Some(system) {
                    events.push_back(IccpEvent::PeerSystem(system));
                }
            }
            Parameter::AggregatorConfig(config) => self.hear_aggregator(config, events),
            Parameter::AggregatorSystem { id, system } => {
                if let Some((_, known)) = self.aggregator(id).config.as_mut() {
                    *known = Some(system);
                }
            }
            Parameter::AggregatorState(state) => self.aggregator(state.id).state = Some(state),
            Parameter::PortConfig(config) => self.hear_port(config, events),
            Parameter::PortState(state) => self.port(state.number).state = Some(state),
            Parameter::IrbMacs(entries) => {
                entries.into_iter().for_each(|entry| self.hear_irb_mac(entry, events));
            }
            Parameter::Macs(entries) => entries.into_iter().for_each(|entry| self.hear_mac(entry, events)),
            Parameter::Vlans { id, list } => {
                self.vlans.insert(id, (list, self.mark));
            }
            _ => {}
        }
    }

    /// The message with this id is over: tells what it has said of legs and links.
    pub(crate) fn finish(&mut self, serial: u32, events: &mut VecDeque<IccpEvent>) {
        let touched = std::mem::take(&mut self.touched_aggregators);
        for aggregator in touched.iter().filter_map(|id| aggregator(self.aggregators.get(id)?)) {
            events.push_back(IccpEvent::PeerAggregator { aggregator, serial });
        }
        let touched = std::mem::take(&mut self.touched_ports);
        for port in touched.iter().filter_map(|number| port(self.ports.get(number)?)) {
            events.push_back(IccpEvent::PeerPort(port));
        }
    }

    fn aggregator(&mut self, id: u16) -> &mut AggregatorParts {
        self.touched_aggregators.insert(id);
        let parts = self.aggregators.entry(id).or_insert(Parts { config: None, state: None, mark: 0 });
        parts.mark = self.mark;
        parts
    }

    fn port(&mut self, number: u16) -> &mut PortParts {
        self.touched_ports.insert(number);
        let parts = self.ports.entry(number).or_insert(Parts { config: None, state: None, mark: 0 });
        parts.mark = self.mark;
        parts
    }

    fn hear_aggregator(&mut self, config: wire::AggregatorConfig, events: &mut VecDeque<IccpEvent>) {
        let id = config.id;
        if config.flags.has(ConfigFlags::PURGE) {
            self.vlans.remove(&Some(id));
            if self.aggregators.remove(&id).is_some() {
                events.push_back(IccpEvent::PeerAggregatorGone { id });
            }
            return;
        }
        let parts = self.aggregator(id);
        let system = parts.config.as_ref().and_then(|(_, system)| *system);
        parts.config = Some((config, system));
    }

    fn hear_port(&mut self, config: wire::PortConfig, events: &mut VecDeque<IccpEvent>) {
        let number = config.number;
        if config.flags.has(ConfigFlags::PURGE) {
            if self.ports.remove(&number).is_some() {
                events.push_back(IccpEvent::PeerPortGone { number });
            }
            return;
        }
        self.port(number).config = Some(config);
    }

    fn hear_irb_mac(&mut self, IrbMac { vlan, mac }: IrbMac, events: &mut VecDeque<IccpEvent>) {
        let before = match mac {
            Some(mac) => self.irb_macs.insert(vlan, (mac, self.mark)),
            None => self.irb_macs.remove(&vlan),
        };
        if before.map(|(mac, _)| mac) != mac {
            events.push_back(IccpEvent::PeerIrbMac { vlan, mac });
        }
    }

    fn hear_mac(&mut self, MacEntry { vlan, mac, place }: MacEntry, events: &mut VecDeque<IccpEvent>) {
        let before = match place {
            Some(place) => self.macs.insert((vlan, mac), (place, self.mark)),
            None => self.macs.remove(&(vlan, mac)),
        };
        if before.map(|(place, _)| place) != place {
            events.push_back(IccpEvent::PeerMac { vlan, mac, place });
        }
    }
}

/// `None` until its configuration is known. One whose state is not known is down.
fn aggregator(parts: &AggregatorParts) -> Option<Aggregator> {
    let (config, system) = parts.config.as_ref()?;
    let partner = parts.state.filter(|state| state.partner.is_known());
    Some(Aggregator {
        id: config.id,
        object_id: config.object_id,
        system: system.unwrap_or_default(),
        mac: config.mac,
        key: config.key,
        name: config.name.clone(),
        up: parts.state.is_some_and(|state| state.state == OperState::Up),
        partner: partner.map(|state| Partner { system: state.partner, key: state.partner_key }),
    })
}

/// `None` until it is known whole.
fn port(parts: &PortParts) -> Option<Port> {
    let (config, state) = (parts.config.as_ref()?, parts.state.as_ref()?);
    Some(Port {
        number: config.number,
        aggregator: state.aggregator,
        mac: config.mac,
        key: config.key,
        priority: config.priority,
        speed: config.speed,
        name: config.name.clone(),
        up: state.state == OperState::Up,
        selected: state.selected == wire::Selected::Selected,
        flags: state.flags,
        partner: state.partner.system.is_known().then_some(state.partner),
    })
}
