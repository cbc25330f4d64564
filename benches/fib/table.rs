//! The routing table that is looked up in, and the addresses.
//!
//! It is the one that the crate `iptrie` measures itself with: a default-free zone of 1.07 million IPv4 and 176 thousand IPv6
//! prefixes, each with the number of the AS it belongs to, which stands for its next-hop group: 80 thousand of them. Most tables have
//! fewer, and are smaller.

use greylag_benches::Words;
use greylag_fib::{Address, GroupId, Prefix};
use std::path::PathBuf;
use std::process::Command;

pub(crate) type Routes<A> = Vec<(Prefix<A>, GroupId)>;

/// Addresses before they come again: enough that no cache or predictor remembers them.
const ADDRESSES: usize = 1 << 20;

/// Where cargo has put the source of `iptrie`.
pub(crate) fn table() -> String {
    let metadata =
        Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--offline"]).output();
    let metadata = metadata.expect("cargo can be started").stdout;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).expect("cargo answers in JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let iptrie =
        packages.iter().find(|package| package["name"] == "iptrie").expect("a dependency of this package");
    let manifest = PathBuf::from(iptrie["manifest_path"].as_str().expect("a path"));
    let path = manifest.with_file_name("benches").join("bgpas.lpm");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The prefixes of one family. Lines of the other, and the one that has bits behind its length, are passed over.
pub(crate) fn routes<A: Address>(table: &str) -> Routes<A> {
    let route = |line: &str| {
        let (prefix, number) = line.split_once(' ')?;
        // Of some the AS is not known, and written 0.
        Some((prefix.parse().ok()?, GroupId::new(number.parse::<u32>().ok()? + 1)?))
    };
    table.lines().filter_map(route).collect()
}

/// A prefix of the table for each, at random, and an address in it.
pub(crate) fn drawn<A: Address>(routes: &Routes<A>) -> Vec<A> {
    let mut words = Words(3);
    let mut word = || words.next().expect("there is always another");
    let mut address = || {
        let (prefix, _) = routes[word() as usize % routes.len()];
        let within = u128::from(word()) << 64 | u128::from(word());
        A::from_left(prefix.first().left() | within & (prefix.first().left() ^ prefix.last().left()))
    };
    (0..ADDRESSES).map(|_| address()).collect()
}

pub(crate) fn uniform_ipv4() -> Vec<u32> {
    Words(1).map(|word| word as u32).take(ADDRESSES).collect()
}

/// Of 2000::/3, where all global unicast addresses are.
pub(crate) fn uniform_ipv6() -> Vec<u128> {
    let mut words = Words(1);
    let mut word = || u128::from(words.next().expect("there is always another"));
    (0..ADDRESSES).map(|_| 1 << 125 | (word() << 64 | word()) >> 3).collect()
}
