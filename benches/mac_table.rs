//! The MAC table alone: look-up, L2 mix and learning, beside a hashbrown map of one thread, which is the bar for
//! tables that are not shared. The workloads are those of `greylag bench table`, which measures more of them and checks
//! every result. `cargo bench -p greylag-benches --bench mac_table`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use greylag_bench::{
    ABSENT, BATCH, Batch, Frames, GREYLAG, HASHBROWN, Stations, Subject, Table, Turns, VLANS, size,
};
use greylag_benches::is_test;
use std::time::{Duration, Instant};

const SIZES: [usize; 3] = [1 << 10, 1 << 16, 1 << 20];
const SUBJECTS: [Subject; 2] = [GREYLAG, HASHBROWN];
const NOW: u64 = 1_000_000_000;

fn learn_all(table: &mut dyn Table, residents: &[Batch]) -> usize {
    residents.iter().map(|batch| table.learn(NOW, batch[0].port(), batch)).sum()
}

fn filled(subject: Subject, residents: &[Batch]) -> Box<dyn Table> {
    let mut table = (subject.make)(residents.len() * BATCH);
    assert_eq!(learn_all(&mut *table, residents), residents.len() * BATCH);
    table
}

fn mac_table(c: &mut Criterion) {
    // Where nothing is measured, the smallest shows that all of it runs.
    let sizes = if is_test() { &SIZES[..1] } else { &SIZES };
    for &entries in sizes {
        let stations = Stations::new(entries, VLANS);
        let residents: Vec<Batch> = stations.residents().collect();
        let (order, frames) = (stations.order(), stations.frames());
        for subject in SUBJECTS {
            let mut table = filled(subject, &residents);
            let (mut order, mut frames) = (Turns::new(&order), Turns::new(&frames));
            let mut found = [ABSENT; BATCH];
            let id = |what| BenchmarkId::new(format!("{what}/{}", subject.name), size(entries));
            let mut group = c.benchmark_group("mac-table");
            group.throughput(Throughput::Elements(BATCH as u64));
            group.bench_function(id("look-up"), |b| {
                b.iter(|| table.look_up(NOW, order.next(), &mut found));
            });
            group.bench_function(id("mix"), |b| {
                b.iter(|| {
                    let Frames { port, sources, destinations } = frames.next();
                    table.mix(NOW, *port, sources, destinations, &mut found)
                });
            });
            group.throughput(Throughput::Elements(entries as u64));
            group.bench_function(id("learn"), |b| {
                b.iter_custom(|rounds| {
                    let mut learning = Duration::ZERO;
                    for _ in 0..rounds {
                        table.clear(NOW);
                        let begun = Instant::now();
                        learn_all(&mut *table, &residents);
                        learning += begun.elapsed();
                    }
                    learning
                });
            });
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = mac_table
}
criterion_main!(benches);
