//! How what waits becomes a message.

use crate::config::IccpConfig;
use crate::ledger::{Ledger, Tell};
use crate::object::{Aggregator, Port};
use greylag_base::{MacAddr, Mbps};
use greylag_wire::iccp::{
    AggregatorConfig, AggregatorState, ConfigFlags, IrbMac, MAC_ENTRY, MacEntry, Node, OperState, Parameter,
    PortConfig, PortState, Selected, SystemConfig,
};
use greylag_wire::lacp::SystemId;

/// Header, redundancy group, the head of a list of addresses, and the end of everything.
const AROUND_MACS: usize = 8 + 8 + 4 + 8;
/// So many octets of lists of VLANs go into one message, and the one that is begun within them: it has 8 kilobytes at most.
const LISTS: usize = 4096;
/// So many things that are no addresses go into one message; each takes less than 150 octets.
const TOGETHER: usize = 64;

/// The parameters of the next message, which will have this id; none when nothing waits.
pub(crate) fn parameters(config: &IccpConfig, ledger: &mut Ledger, message: u32) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for _ in 0..TOGETHER {
        let Some(tell) = ledger.urgent.pop_front() else { break };
        about(tell, config, ledger, message, &mut parameters);
    }
    if parameters.is_empty() {
        rest(config, ledger, message, &mut parameters);
    }
    parameters
}

fn about(tell: Tell, config: &IccpConfig, ledger: &mut Ledger, message: u32, out: &mut Vec<Parameter>) {
    match tell {
        Tell::Begin(number) => out.push(Parameter::SyncData { number, end: false }),
        Tell::End(number) => out.push(Parameter::SyncData { number, end: true }),
        Tell::System => {
            let node = Node::new(config.system.node_id).expect("the configuration is checked");
            out.push(Parameter::SystemConfig(SystemConfig { system: config.system.system, node }));
        }
        Tell::Aggregator(id) => match ledger.aggregators.tell(id, message) {
            Some(Some(aggregator)) => out.extend(aggregator_is(aggregator)),
            Some(None) => out.push(aggregator_gone(id)),
            None => {}
        },
        Tell::Port(number) => match ledger.ports.tell(number, message) {
            Some(Some(port)) => out.extend(port_is(port)),
            Some(None) => out.push(port_gone(number)),
            None => {}
        },
        Tell::IrbMac(vlan) => {
            if let Some(mac) = ledger.irb_macs.tell(vlan, message) {
                out.push(Parameter::IrbMacs(vec![IrbMac { vlan, mac: mac.copied() }]));
            }
        }
        Tell::Acknowledge { id, serial } => out.push(Parameter::Acknowledge { id, serial }),
        Tell::Mac(..) | Tell::Vlans(_) => debug_assert!(false, "they wait among the rest"),
    }
}

/// As many addresses as a message may have, or else lists of VLANs; and the end of everything if that is next.
fn rest(config: &IccpConfig, ledger: &mut Ledger, message: u32, out: &mut Vec<Parameter>) {
    let most = (config.mac_chunk - AROUND_MACS) / MAC_ENTRY;
    let mut entries = Vec::new();
    while entries.len() < most
        && let Some(Tell::Mac(vlan, mac)) = ledger.rest.front().copied()
    {
        ledger.rest.pop_front();
        if let Some(place) = ledger.macs.tell((vlan, mac), message) {
            entries.push(MacEntry { vlan, mac, place: place.copied() });
        }
    }
    if !entries.is_empty() {
        out.push(Parameter::Macs(entries));
    }
    let mut octets = Vec::new();
    while out.iter().all(|told| matches!(told, Parameter::Vlans { .. }))
        && octets.len() < LISTS
        && let Some(Tell::Vlans(id)) = ledger.rest.front().copied()
    {
        ledger.rest.pop_front();
        // A place that is gone is not told of: its bundle is.
        if let Some(Some(list)) = ledger.vlans.tell(id, message) {
            let told = Parameter::Vlans { id, list: list.clone() };
            told.emit(&mut octets);
            out.push(told);
        }
    }
    if let Some(Tell::End(number)) = ledger.rest.front().copied() {
        ledger.rest.pop_front();
        out.push(Parameter::SyncData { number, end: true });
    }
}

fn oper(up: bool) -> OperState {
    if up { OperState::Up } else { OperState::Down }
}

fn aggregator_is(it: &Aggregator) -> [Parameter; 3] {
    let (partner, partner_key) =
        it.partner.map_or((SystemId::default(), 0), |partner| (partner.system, partner.key));
    [
        Parameter::AggregatorConfig(AggregatorConfig {
            object_id: it.object_id,
            id: it.id,
            mac: it.mac,
            key: it.key,
            member_priority: 0,
            flags: ConfigFlags::default(),
            name: it.name.clone(),
        }),
        Parameter::AggregatorSystem { id: it.id, system: it.system },
        Parameter::AggregatorState(AggregatorState {
            partner,
            partner_key,
            id: it.id,
            key: it.key,
            state: oper(it.up),
        }),
    ]
}

fn aggregator_gone(id: u16) -> Parameter {
    Parameter::AggregatorConfig(AggregatorConfig {
        object_id: 0,
        id,
        mac: MacAddr::ZERO,
        key: 0,
        member_priority: 0,
        flags: ConfigFlags::PURGE,
        name: String::new(),
    })
}

fn port_is(it: &Port) -> [Parameter; 2] {
    [
        Parameter::PortConfig(PortConfig {
            number: it.number,
            mac: it.mac,
            key: it.key,
            priority: it.priority,
            speed: it.speed,
            flags: ConfigFlags::PRIORITY_SET,
            name: it.name.clone(),
        }),
        Parameter::PortState(PortState {
            partner: it.partner.unwrap_or_default(),
            flags: it.flags,
            number: it.number,
            key: it.key,
            selected: if it.selected { Selected::Selected } else { Selected::Unselected },
            state: oper(it.up),
            aggregator: it.aggregator,
        }),
    ]
}

fn port_gone(number: u16) -> Parameter {
    Parameter::PortConfig(PortConfig {
        number,
        mac: MacAddr::ZERO,
        key: 0,
        priority: 0,
        speed: Mbps(0),
        flags: ConfigFlags::PURGE,
        name: String::new(),
    })
}
