use super::word;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::answer::{Interface, Neighbor};
use greylag_switch::show::{
    BgpPathRow, FibRow, GroupMemberRow, InterfaceCountersRow, InterfaceRow, NeighborRow, NextHopGroupRow,
    NextHopRow, RouteRow,
};
use std::fmt::Display;

/// Adds a row with a line for each of `lines`; the first has the other cells.
fn tall(table: &mut Table, cells: &[&dyn Display], lines: &[String]) {
    let none = String::from("-");
    let first = lines.first().unwrap_or(&none);
    table.row(&[cells, &[first as &dyn Display]].concat());
    let blank: Vec<&dyn Display> = cells.iter().map(|_| &"" as &dyn Display).collect();
    for line in lines.iter().skip(1) {
        table.row(&[&blank[..], &[line as &dyn Display]].concat());
    }
}

pub(super) fn interfaces(rows: &[Interface]) -> String {
    let mut table = Table::new(&[
        ("INTERFACE", Left),
        ("TYPE", Left),
        ("ADMIN", Left),
        ("OPER", Left),
        ("MTU", Right),
        ("ADDRESSES", Left),
    ]);
    for Interface { row, .. } in rows {
        let InterfaceRow { name, vlan, admin_status, oper_status, mtu, .. } = row;
        let kind = match (row.kind.as_str(), vlan) {
            ("routed-port", _) => "routed".to_owned(),
            (kind, Some(vlan)) => format!("{kind} {vlan}"),
            (kind, None) => kind.to_owned(),
        };
        let mut lines = row.addresses.clone();
        if row.kind != "loopback" {
            lines.insert(0, row.mac_address.to_string());
        }
        tall(&mut table, &[name, &kind, admin_status, oper_status, mtu], &lines);
    }
    table.to_string()
}

pub(super) fn routes(rows: &[RouteRow]) -> String {
    let mut table = Table::new(&[
        ("", Left),
        ("PREFIX", Left),
        ("PROTOCOL", Left),
        ("PREF", Right),
        ("METRIC", Right),
        ("NEXT HOP", Left),
    ]);
    let mut last = None;
    for row in rows {
        let prefix = if last == Some(row.prefix) { String::new() } else { row.prefix.to_string() };
        last = Some(row.prefix);
        let used = if row.active { "*" } else { "" };
        let protocol = row.protocol.name();
        tall(&mut table, &[&used, &prefix, &protocol, &row.preference, &row.metric], &ways(row));
    }
    format!("{table}* in use\n")
}

/// Where a route leads, in the words of `ip route`.
fn ways(row: &RouteRow) -> Vec<String> {
    if row.kind == "next-hops" && row.next_hops.is_empty() {
        return row.gateways.iter().map(|gateway| format!("via {gateway}, no way there")).collect();
    }
    if !["next-hops", "attached"].contains(&row.kind.as_str()) {
        return vec![row.kind.clone()];
    }
    let is_even = row.next_hops.iter().all(|hop| hop.weight == row.next_hops[0].weight);
    let way = |NextHopRow { interface, address, weight }: &NextHopRow| {
        let via = address.iter().map(|address| format!("via {address}"));
        let dev = interface.iter().map(|interface| format!("dev {interface}"));
        let weight = (!is_even).then(|| format!("weight {weight}"));
        via.chain(dev).chain(weight).collect::<Vec<_>>().join(" ")
    };
    row.next_hops.iter().map(way).collect()
}

pub(super) fn fib(rows: &[FibRow]) -> String {
    let mut table = Table::new(&[("PREFIX", Left), ("GROUP", Right), ("NEXT HOP", Left)]);
    for row in rows {
        tall(&mut table, &[&row.prefix, &row.group.get()], &row.next_hops);
    }
    table.to_string()
}

pub(super) fn groups(rows: &[NextHopGroupRow]) -> String {
    let mut table = Table::new(&[
        ("GROUP", Right),
        ("PREFIXES", Right),
        ("HASHING", Left),
        ("BUCKETS", Right),
        ("NEXT HOP", Left),
        ("STATE", Left),
    ]);
    for row in rows {
        for (index, member) in row.members.iter().enumerate() {
            let (group, prefixes) = (row.group.get().to_string(), row.prefixes.to_string());
            let first = |text: &str| if index == 0 { text.to_owned() } else { String::new() };
            table.row(&[
                &first(&group),
                &first(&prefixes),
                &first(&row.hashing),
                &format!("{}/{}", member.buckets.len(), row.buckets),
                &member.to,
                &state(member),
            ]);
        }
    }
    table.to_string()
}

/// What is wrong with a member of a group; what the data plane does with its packets, where that says more.
fn state(member: &GroupMemberRow) -> String {
    let GroupMemberRow { does, live, wanted, .. } = member;
    let mut words = Vec::new();
    if !wanted {
        words.push("stale");
    }
    if !live {
        words.push("not live");
    }
    if does.starts_with("unresolved") {
        words.push("unresolved");
    } else if does.starts_with("nothing") {
        words.push("dropped");
    }
    if words.is_empty() { "ok".to_owned() } else { words.join(", ") }
}

pub(super) fn neighbors(rows: &[Neighbor]) -> String {
    let mut table = Table::new(&[("ADDRESS", Left), ("INTERFACE", Left), ("MAC", Left), ("STATE", Left)]);
    for Neighbor { row, .. } in rows {
        let NeighborRow { interface, address, mac_address, state, .. } = row;
        let mac = mac_address.map_or("-".to_owned(), |mac| mac.to_string());
        table.row(&[address, interface, &mac, &word(state)]);
    }
    table.to_string()
}

pub(super) fn counters(rows: &[InterfaceCountersRow]) -> String {
    let mut table = Table::new(&[
        ("INTERFACE", Left),
        ("FAMILY", Left),
        ("IN", Right),
        ("OCTETS", Right),
        ("OUT", Right),
        ("OCTETS", Right),
    ]);
    for row in rows {
        for (family, counts) in [("ipv4", row.ipv4), ("ipv6", row.ipv6)] {
            let name = if family == "ipv4" { row.interface.as_str() } else { "" };
            table.row(&[
                &name,
                &family,
                &counts.in_packets,
                &counts.in_octets,
                &counts.out_packets,
                &counts.out_octets,
            ]);
        }
    }
    table.to_string()
}

pub(super) fn bgp_paths(rows: &[BgpPathRow]) -> String {
    let mut table = Table::new(&[
        ("PREFIX", Left),
        ("FROM", Left),
        ("NEXT HOP", Left),
        ("STANDING", Left),
        ("PATH", Left),
    ]);
    let mut last = None;
    for row in rows {
        let prefix = if last == Some(row.prefix) { String::new() } else { row.prefix.to_string() };
        last = Some(row.prefix);
        let address = |address: Option<std::net::IpAddr>, none: &str| {
            address.map_or(none.to_owned(), |address| address.to_string())
        };
        let standing = match row.standing {
            greylag_bgp::Standing::Lost(reason) => word(&reason),
            standing => word(&standing),
        };
        let path = row.attributes.as_path.to_string();
        let path = if path.is_empty() { "-".to_owned() } else { path };
        table.row(&[
            &prefix,
            &address(row.neighbor_address, "this switch"),
            &address(row.attributes.next_hop, "-"),
            &standing,
            &path,
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests;
