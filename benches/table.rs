//! A real routing table: the one that the crate `iptrie` measures itself with.
//!
//! A default-free zone of 1.07 million IPv4 and 176 thousand IPv6 prefixes, each with the number of the AS it belongs to, which stands
//! for its next-hop group: 80 thousand of them. Most tables have fewer, and are smaller.

use crate::Words;
use greylag_fib::{Address, GroupId, Prefix};
use std::path::PathBuf;
use std::process::Command;

/// Prefixes, and the group that each leads to.
pub type Routes<A> = Vec<(Prefix<A>, GroupId)>;

/// Its text, a prefix and a number to a line, from where cargo has put the source of `iptrie`.
///
/// # Panics
/// When it is not there, which it is after any build of this package.
pub fn text() -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let mut metadata = Command::new(cargo);
    metadata.args(["metadata", "--format-version", "1", "--offline", "--manifest-path"]);
    metadata.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let metadata = metadata.output().expect("cargo can be started").stdout;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).expect("cargo answers in JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let iptrie =
        packages.iter().find(|package| package["name"] == "iptrie").expect("a dependency of this package");
    let manifest = PathBuf::from(iptrie["manifest_path"].as_str().expect("a path"));
    let path = manifest.with_file_name("benches").join("bgpas.lpm");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a benchmark takes of it: all, or some of everywhere where nothing is measured.
///
/// # Panics
/// As [`text`].
pub fn measured() -> String {
    let text = text();
    match crate::is_test() {
        true => text.lines().step_by(64).flat_map(|line| [line, "\n"]).collect(),
        false => text,
    }
}

/// The prefixes of one family. Lines of the other, and the one that has bits behind its length, are passed over.
pub fn routes<A: Address>(text: &str) -> Routes<A> {
    let route = |line: &str| {
        let (prefix, number) = line.split_once(' ')?;
        // Of some the AS is not known, and written 0.
        Some((prefix.parse().ok()?, GroupId::new(number.parse::<u32>().ok()? + 1)?))
    };
    text.lines().filter_map(route).collect()
}

/// So many addresses, each in a prefix of the table that is drawn at random.
pub fn drawn<A: Address>(routes: &Routes<A>, count: usize) -> Vec<A> {
    let mut words = Words(3);
    let mut word = || words.next().expect("there is always another");
    let mut address = || {
        let (prefix, _) = routes[word() as usize % routes.len()];
        let within = u128::from(word()) << 64 | u128::from(word());
        A::from_left(prefix.first().left() | within & (prefix.first().left() ^ prefix.last().left()))
    };
    (0..count).map(|_| address()).collect()
}
