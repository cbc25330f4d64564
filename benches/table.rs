//! A real routing table: the one that the crate `iptrie` measures itself with.
//!
//! A default-free zone of 1.07 million IPv4 and 176 thousand IPv6 prefixes, each with the number of the AS it belongs to.

use greylag_fib::{Address, Prefix};
use std::path::PathBuf;
use std::process::Command;

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

/// The prefixes of one family, each with the number of its AS; 0 where that is not known. Lines of the other family, and the one
/// that has bits behind its length, are passed over.
pub fn routes<A: Address>(text: &str) -> Vec<(Prefix<A>, u32)> {
    let route = |line: &str| {
        let (prefix, number) = line.split_once(' ')?;
        Some((prefix.parse().ok()?, number.parse().ok()?))
    };
    text.lines().filter_map(route).collect()
}
