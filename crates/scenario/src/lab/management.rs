//! Addresses on a lab's management network: beside its links, and one subnet for all switches that are on it.

use crate::field::Field;
use crate::phrase::quoted;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The prefix length of a lab's management network, as containerlab has it by default.
pub const MANAGEMENT_PREFIX: u8 = 24;

/// The interface of a node on the management network.
pub const MANAGEMENT_INTERFACE: &str = "mgmt0";

const EXPECTED: &str = "an address such as 172.20.20.11";

/// The addresses that are taken.
#[derive(Default)]
pub(super) struct ManagementNetwork<'d> {
    first: Option<(Ipv4Addr, u32)>,
    taken: BTreeMap<Ipv4Addr, (&'d str, u32)>,
}

impl<'d> ManagementNetwork<'d> {
    /// Reads the address of a node, and reports one that cannot be, that another node has, or that is in another subnet.
    pub(super) fn read(&mut self, field: &Field<'d>, node: &'d str) -> Option<Ipv4Addr> {
        let address = field.parsed(EXPECTED, read)?;
        if let Some((other, line)) = self.taken.get(&address) {
            field.refuse(format!(
                "{address} is the address of `{other}` already, on line {line}: expected another"
            ));
            return None;
        }
        let &mut (first, line) = self.first.get_or_insert((address, field.line()));
        if subnet(address) != subnet(first) {
            let net = subnet(first);
            field.refuse(format!(
                "{address} is not in the subnet of {first} on line {line}, and the management network is one: expected \
                 an address of {net}/{MANAGEMENT_PREFIX}"
            ));
            return None;
        }
        self.taken.insert(address, (node, field.line()));
        Some(address)
    }
}

fn read(text: &str) -> Result<Ipv4Addr, String> {
    if text.contains('/') {
        return Err(format!(
            "{} has a prefix length, and the management network's is always {MANAGEMENT_PREFIX}: expected {EXPECTED}",
            quoted(text)
        ));
    }
    let address: Ipv4Addr =
        text.parse().map_err(|_| format!("{} is not right: expected {EXPECTED}", quoted(text)))?;
    let [first, .., last] = address.octets();
    if first == 0 || last == 0 || last == 255 || address.is_multicast() || address.is_loopback() {
        return Err(format!("{address} is not a station's address: expected one such as 172.20.20.11"));
    }
    Ok(address)
}

fn subnet(address: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits() & !(u32::MAX >> MANAGEMENT_PREFIX))
}
