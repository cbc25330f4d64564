use super::link::ReadEnd;
use crate::field::Field;
use greylag_base::{MacAddr, PortName};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What may be there once in a lab, and who has it.
#[derive(Default)]
pub(super) struct Taken<'d> {
    interfaces: BTreeMap<(usize, PortName), Field<'d>>,
    macs: BTreeMap<MacAddr, (String, u32)>,
    addresses: BTreeMap<IpAddr, (String, u32)>,
}

impl<'d> Taken<'d> {
    /// Notes an end of a link; reports what another end has already.
    pub(super) fn claim(&mut self, end: &ReadEnd<'d>, node: &str) {
        let interface = &end.value.interface;
        let owner = format!("{node}:{interface}");
        if let Some(first) = self.interfaces.get(&(end.value.node, interface.clone())) {
            end.interface.refuse(format!(
                "interface {owner} has a link already, on line {}: an interface is the end of one link",
                first.line()
            ));
        } else {
            self.interfaces.insert((end.value.node, interface.clone()), end.interface.clone());
        }
        claim_address(&mut self.macs, end.value.mac, end.mac.as_ref(), &owner);
        self.claim_addresses(
            &owner,
            (end.value.ipv4, end.ipv4.as_ref()),
            (end.value.ipv6, end.ipv6.as_ref()),
        );
    }

    /// Notes the IP addresses of an interface, each with its field; reports what another has already.
    pub(super) fn claim_addresses(
        &mut self,
        owner: &str,
        (v4, v4_field): (Option<(Ipv4Addr, u8)>, Option<&Field<'_>>),
        (v6, v6_field): (Option<(Ipv6Addr, u8)>, Option<&Field<'_>>),
    ) {
        let v4 = v4.map(|(address, _)| IpAddr::V4(address));
        claim_address(&mut self.addresses, v4, v4_field, owner);
        let v6 = v6.map(|(address, _)| IpAddr::V6(address));
        claim_address(&mut self.addresses, v6, v6_field, owner);
    }
}

fn claim_address<A: Ord + Copy + std::fmt::Display>(
    taken: &mut BTreeMap<A, (String, u32)>,
    address: Option<A>,
    field: Option<&Field<'_>>,
    owner: &str,
) {
    let (Some(address), Some(field)) = (address, field) else { return };
    if let Some((other, line)) = taken.get(&address) {
        field
            .refuse(format!("{address} is the address of {other} already, on line {line}: expected another"));
    } else {
        taken.insert(address, (owner.to_owned(), field.line()));
    }
}
