//! Look-ups per second of processor time: every way to do them in turn, so that all meet the same neighbours, and the median.

use crate::addresses::{drawn, uniform_ipv4, uniform_ipv6};
use greylag_benches::processor_time;
use greylag_benches::table::{self, Routes, routes};
use greylag_fib::{Address, Fib, Reader, Simd};
use std::hint::black_box;

const ROUNDS: usize = 15;

/// Looks up all addresses once; million look-ups a second.
pub(crate) fn rate<A: Address>(reader: &mut Reader<A>, addresses: &[A], batch: usize) -> f64 {
    let mut found = vec![None; batch];
    let begun = processor_time();
    for addresses in addresses.chunks_exact(batch) {
        reader.session().look_up_batch(addresses, &mut found);
        black_box(&mut found);
    }
    addresses.len() as f64 / (processor_time() - begun).as_secs_f64() / 1e6
}

pub(crate) fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

pub(crate) fn measure() {
    println!("fib/rates: million look-ups per second of processor time, medians of {ROUNDS}, in turn");
    let table = table::measured();
    let ipv4 = routes::<u32>(&table);
    family("IPv4, uniform", &ipv4, &uniform_ipv4());
    family("IPv4, drawn", &ipv4, &drawn(&ipv4));
    let ipv6 = routes::<u128>(&table);
    family("IPv6, uniform", &ipv6, &uniform_ipv6());
    family("IPv6, drawn", &ipv6, &drawn(&ipv6));
}

fn family<A: Address>(name: &str, routes: &Routes<A>, addresses: &[A]) {
    let available = Simd::ALL.into_iter().filter(|simd| simd.is_available());
    let mut tables: Vec<_> = available
        .map(|simd| {
            let mut writer = Fib::with_simd(routes.len(), simd);
            writer.load(routes.iter().copied()).expect("there is room");
            (simd, writer.reader(), writer, [const { Vec::new() }; 2])
        })
        .collect();
    for _ in 0..ROUNDS {
        for (_, reader, _, figures) in &mut tables {
            for (batch, figures) in [64, 256].into_iter().zip(figures) {
                figures.push(rate(reader, addresses, batch));
            }
        }
    }
    for (simd, _, writer, figures) in &mut tables {
        let [of_64, of_256] = figures.each_mut().map(|figures| median(figures));
        let mebibytes = writer.table_bytes() as f64 / f64::from(1 << 20);
        let simd = simd.name();
        println!(
            "  {name:14} {simd:7} {of_64:4.0} in batches of 64, {of_256:4.0} of 256; {mebibytes:.1} MiB"
        );
    }
}
