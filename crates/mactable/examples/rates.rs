//! Rates of the table alone on one core: `cargo run --release -p greylag-mactable --example rates`.

use greylag_mactable::{Config, Learn, MacTable, Probe};
use std::hint::black_box;
use std::time::Instant;

const BATCH: usize = 32;
const ROUNDS: usize = 5;

fn mac(n: u64) -> [u8; 6] {
    let [_, _, mac @ ..] = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16).to_be_bytes();
    mac
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

fn look_up(table: &MacTable, keys: &[[u8; 6]], expect: bool) -> usize {
    let mut found = 0;
    for batch in keys.chunks(BATCH) {
        let session = table.session(1);
        let mut probes = [session.probe(1, batch[0]); BATCH];
        prepare(&session, batch, &mut probes);
        found += probes[..batch.len()].iter().filter(|probe| session.lookup(probe).is_some()).count();
    }
    assert_eq!(found, if expect { keys.len() } else { 0 });
    found
}

fn prepare(session: &greylag_mactable::Session<'_>, keys: &[[u8; 6]], probes: &mut [Probe]) {
    for (probe, &key) in probes.iter_mut().zip(keys) {
        *probe = session.probe(1, key);
        session.prefetch(probe);
    }
}

fn learn(table: &MacTable, keys: &[[u8; 6]], expect: Learn) {
    for batch in keys.chunks(BATCH) {
        let session = table.session(1);
        let mut probes = [session.probe(1, batch[0]); BATCH];
        prepare(&session, batch, &mut probes);
        for probe in &probes[..batch.len()] {
            assert_eq!(session.learn(probe, 3), expect);
        }
    }
}

fn main() {
    for entries in [1usize << 13, 1 << 16, 1 << 20] {
        let config = Config { capacity: entries as u32, hash_key: [1, 2], ..Config::default() };
        let empty = || MacTable::new(&config).expect("a permitted size");
        let keys: Vec<_> = (0..entries as u64).map(mac).collect();
        // Shuffled by a stride that is odd, so that it meets each once.
        let known: Vec<_> = (0..entries * 8).map(|n| keys[n.wrapping_mul(0x9e37_79b1) % entries]).collect();
        let unknown: Vec<_> = (0..entries as u64 * 8).map(|n| mac(n + (1 << 40))).collect();

        let mut fresh: Vec<_> = (0..ROUNDS).map(|_| empty()).collect();
        let new = rate(entries, || learn(&fresh.pop().expect("one per round"), &keys, Learn::New));
        let table = empty();
        learn(&table, &keys, Learn::New);
        let hit = rate(known.len(), || _ = black_box(look_up(&table, &known, true)));
        let miss = rate(unknown.len(), || _ = black_box(look_up(&table, &unknown, false)));
        let current = rate(known.len(), || learn(&table, &known, Learn::Current));
        println!(
            "{entries:>8} entries, {:>3} bytes each: hit {hit:6.1}  miss {miss:6.1}  learn current {current:6.1}  learn new {new:6.1}  Mops/s",
            table.buckets() * 64 / entries
        );
    }
}
