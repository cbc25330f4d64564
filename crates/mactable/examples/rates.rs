//! Rates of the table alone on one core: `cargo run --release -p greylag-mactable --example rates [scalar|sse2|avx2|avx512]`.

use greylag_mactable::{Config, Key, Learn, MacTable, Probe, Session, Simd, UNKNOWN};
use std::hint::black_box;
use std::time::Instant;

const BATCH: usize = 32;
const ROUNDS: usize = 7;

fn key(n: u64) -> Key {
    Key::new(1, n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16)
}

/// The median over the rounds, in million operations a second.
fn rate(operations: usize, mut work: impl FnMut()) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            work();
            operations as f64 / begun.elapsed().as_secs_f64() / 1e6
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

fn look_up(table: &MacTable, keys: &[Key]) -> usize {
    let mut known = 0;
    let mut ports = [0; BATCH];
    for batch in keys.chunks(BATCH) {
        let session = table.session(1);
        session.lookup_ports(batch, &mut ports[..batch.len()]);
        known += ports[..batch.len()].iter().filter(|&&port| port != UNKNOWN).count();
    }
    known
}

fn look_up_singly(table: &MacTable, keys: &[Key]) -> usize {
    let session = table.session(1);
    keys.iter().filter(|&&key| session.lookup(&session.probe_key(key)).is_some()).count()
}

fn resolve(table: &MacTable, sources: &[Key], destinations: &[Key]) -> usize {
    let mut unsettled = 0;
    let mut ports = [0; BATCH];
    for (sources, destinations) in sources.chunks_exact(BATCH).zip(destinations.chunks_exact(BATCH)) {
        let session = table.session(1);
        session.resolve(3, sources, destinations, &mut ports, |_, probe| {
            unsettled += 1;
            black_box(session.learn(probe, 3));
        });
        black_box(&ports);
    }
    unsettled
}

fn learn(table: &MacTable, keys: &[Key], expect: Learn) {
    for batch in keys.chunks(BATCH) {
        let session = table.session(1);
        let mut probes = [session.probe_key(batch[0]); BATCH];
        prepare(&session, batch, &mut probes);
        for probe in &probes[..batch.len()] {
            assert_eq!(session.learn(probe, 3), expect);
        }
    }
}

fn prepare(session: &Session<'_>, keys: &[Key], probes: &mut [Probe]) {
    for (probe, &key) in probes.iter_mut().zip(keys) {
        *probe = session.probe_key(key);
        session.prefetch(probe);
    }
}

fn main() {
    let wanted = std::env::args().nth(1);
    let simd =
        Simd::ALL.into_iter().find(|simd| Some(simd.name()) == wanted.as_deref()).unwrap_or(Simd::best());
    println!("Mops/s, {}", simd.name());
    for entries in [1usize << 10, 1 << 13, 1 << 16, 1 << 20] {
        let config = Config { capacity: entries as u32, hash_key: [1, 2], ..Config::default() };
        let empty = || MacTable::with_simd(&config, simd).expect("a permitted size");
        let keys: Vec<_> = (0..entries as u64).map(key).collect();
        // Shuffled by a stride that is odd, so that it meets each once.
        let operations = (entries * 8).max(1 << 19);
        let known: Vec<_> = (0..operations).map(|n| keys[n.wrapping_mul(0x9e37_79b1) % entries]).collect();
        let others: Vec<_> = (0..operations).map(|n| keys[n.wrapping_mul(0x85eb_ca6b) % entries]).collect();
        let unknown: Vec<_> = (0..operations as u64).map(|n| key(n + (1 << 40))).collect();

        let mut fresh: Vec<_> = (0..ROUNDS).map(|_| empty()).collect();
        let new = rate(entries, || learn(&fresh.pop().expect("one per round"), &keys, Learn::New));
        let mut fresh: Vec<_> = (0..ROUNDS).map(|_| empty()).collect();
        let new_batched = rate(entries, || {
            let unsettled = resolve(&fresh.pop().expect("one per round"), &keys, &keys);
            assert_eq!(unsettled, entries);
        });
        let table = empty();
        learn(&table, &keys, Learn::New);
        let hit = rate(known.len(), || assert_eq!(look_up(&table, &known), known.len()));
        let single = rate(known.len(), || assert_eq!(look_up_singly(&table, &known), known.len()));
        let miss = rate(unknown.len(), || assert_eq!(look_up(&table, &unknown), 0));
        let mix = rate(known.len(), || assert_eq!(resolve(&table, &known, &others), 0));
        let current = rate(known.len(), || learn(&table, &known, Learn::Current));
        println!(
            "{entries:>8} x {:>2} B: hit {hit:6.1}  single {single:6.1}  miss {miss:6.1}  mix {mix:6.1}  \
             learn current {current:6.1}  new {new:6.1}  new in batches {new_batched:6.1}",
            table.buckets() * 64 / entries
        );
    }
}
