//! The MAC table alone: look-up, refresh and learning, beside a hashbrown map of one thread, which is the bar for
//! tables that are not shared. `cargo bench -p greylag-benches --bench mac_table`

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use greylag_base::{MacAddr, Seed};
use greylag_benches::addresses;
use greylag_mactable::{Config, MacTable};
use hashbrown::HashMap;
use std::hint::black_box;

const SIZES: [usize; 3] = [1 << 10, 1 << 16, 1 << 20];
const BATCH: usize = 32;
const VLAN: u16 = 10;
const NOW: u64 = 1_000_000_000;

fn empty(size: usize) -> MacTable {
    let config = Config { capacity: size as u32, ports: 32, hash_key: Seed(1).key(), ..Config::default() };
    MacTable::new(&config).expect("the size is allowed")
}

fn filled(macs: &[MacAddr]) -> MacTable {
    let table = empty(macs.len());
    learn_all(&table, macs);
    table
}

fn learn_all(table: &MacTable, macs: &[MacAddr]) {
    for batch in macs.chunks(BATCH) {
        let session = table.session(NOW);
        let mut probes = [None; BATCH];
        for (probe, mac) in probes.iter_mut().zip(batch) {
            let computed = session.probe(VLAN, mac.0);
            session.prefetch(&computed);
            *probe = Some(computed);
        }
        for (probe, mac) in probes.iter().flatten().zip(batch) {
            session.learn(probe, u16::from(mac.0[5] % 32));
        }
    }
}

/// The order in which addresses are asked for: not the one in which they were learned.
fn shuffled(macs: &[MacAddr]) -> Vec<MacAddr> {
    let mut order: Vec<MacAddr> = macs.to_vec();
    order.sort_by_key(|mac| mac.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    order
}

fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("look-up");
    for size in SIZES {
        let macs = addresses(size);
        let order = shuffled(&macs);
        group.throughput(Throughput::Elements(BATCH as u64));

        let table = filled(&macs);
        let mut batches = order.chunks_exact(BATCH).cycle();
        group.bench_function(BenchmarkId::new("table, batches of 32", size), |b| {
            b.iter(|| {
                let session = table.session(NOW);
                let batch = batches.next().expect("it cycles");
                let probes: [_; BATCH] = std::array::from_fn(|at| {
                    let probe = session.probe(VLAN, batch[at].0);
                    session.prefetch(&probe);
                    probe
                });
                for probe in &probes {
                    black_box(session.lookup(probe));
                }
            });
        });

        let map: HashMap<u64, u16> = macs
            .iter()
            .map(|mac| (mac.to_bits() | u64::from(VLAN) << 48, u16::from(mac.0[5] % 32)))
            .collect();
        let mut batches = order.chunks_exact(BATCH).cycle();
        group.bench_function(BenchmarkId::new("hashbrown, one thread", size), |b| {
            b.iter(|| {
                for mac in batches.next().expect("it cycles") {
                    black_box(map.get(&(mac.to_bits() | u64::from(VLAN) << 48)));
                }
            });
        });
    }
    group.finish();
}

fn refresh(c: &mut Criterion) {
    let mut group = c.benchmark_group("learn a source that is known");
    for size in SIZES {
        let macs = addresses(size);
        let order = shuffled(&macs);
        let table = filled(&macs);
        let mut batches = order.chunks_exact(BATCH).cycle();
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| learn_all(&table, batches.next().expect("it cycles")));
        });
    }
    group.finish();
}

fn learn(c: &mut Criterion) {
    let mut group = c.benchmark_group("learn into an empty table");
    for size in [1 << 10, 1 << 16] {
        let macs = addresses(size);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter_batched(|| empty(size), |table| learn_all(&table, &macs), BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, look_up, refresh, learn);
criterion_main!(benches);
