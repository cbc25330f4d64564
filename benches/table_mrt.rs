//! Writes a whole routing table for BGP speakers to read; see `tools/full-table`.

use greylag_benches::mrt;
use greylag_benches::table::{self, Routes};
use greylag_fib::Address;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

/// Addresses of each family that are named, from all over the table.
const SAMPLES: usize = 10;

fn main() -> ExitCode {
    let [_, path] = &*std::env::args().collect::<Vec<_>>() else {
        eprintln!("usage: table-mrt FILE");
        return ExitCode::from(2);
    };
    let text = table::text();
    let (dump, [ipv4, ipv6]) = mrt::dump(&text);
    if let Err(error) = std::fs::write(path, &dump) {
        eprintln!("{path}: {error}");
        return ExitCode::FAILURE;
    }
    println!("prefixes {ipv4} {ipv6}");
    samples(&table::routes::<u32>(&text)).for_each(|to| println!("ipv4 {}", Ipv4Addr::from_bits(to)));
    samples(&table::routes::<u128>(&text)).for_each(|to| println!("ipv6 {}", Ipv6Addr::from_bits(to)));
    ExitCode::SUCCESS
}

/// The last address but one of some prefixes, which is a station's in all that have several.
fn samples<A: Address>(routes: &Routes<A>) -> impl Iterator<Item = A> {
    let long = routes.iter().map(|(prefix, _)| prefix).filter(|prefix| (8..=64).contains(&prefix.len()));
    let several: Vec<_> = long.filter(|prefix| prefix.first() != prefix.last()).collect();
    let step = several.len() / SAMPLES;
    let chosen: Vec<A> =
        several.iter().step_by(step.max(1)).take(SAMPLES).map(|prefix| prefix.last()).collect();
    let bits = |address: A| address.left() ^ (1 << (128 - A::BITS));
    chosen.into_iter().map(move |address| A::from_left(bits(address)))
}
