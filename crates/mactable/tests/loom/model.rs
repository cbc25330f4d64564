//! What all models have in common: how they are checked, and tables so small that they can be.

use greylag_mactable::{Config, Decline, Fences, Learn, MacTable};
use loom::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Proofs that rest on sequential consistency: see [`Fences`].
pub(crate) const SEQUENTIAL: &[Fences] = &[Fences::Trailing, Fences::Leading];
/// Proofs for which acquire and release suffice.
pub(crate) const WEAK: &[Fences] = &[Fences::None];

pub(crate) const VLAN: u16 = 1;
pub(crate) const OTHER_VLAN: u16 = 2;

/// Checks every execution of `model` with at most two preemptions, for each way to place fences.
pub(crate) fn check(fences: &[Fences], model: impl Fn() + Send + Sync + 'static) {
    check_within(2, fences, model);
}

/// The same for models that take long: one preemption, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
pub(crate) fn check_large(fences: &[Fences], model: impl Fn() + Send + Sync + 'static) {
    check_within(1, fences, model);
}

pub(crate) fn check_within(preemptions: usize, fences: &[Fences], model: impl Fn() + Send + Sync + 'static) {
    know_stations();
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let model = std::sync::Arc::new(model);
    for &fences in fences {
        fences.choose();
        let executions = std::sync::Arc::new(AtomicU64::new(0));
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 20_000;
        let preemptions = *builder.preemption_bound.get_or_insert(preemptions);
        let begun = Instant::now();
        let (count, model) = (executions.clone(), model.clone());
        builder.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            model();
        });
        let (all, elapsed) = (executions.load(Ordering::Relaxed), begun.elapsed());
        let extent = if builder.max_duration.is_some_and(|most| elapsed >= most) { "of more" } else { "all" };
        eprintln!(
            "{test}: {all} executions ({extent}), fences {fences:?}, preemptions {preemptions}, {elapsed:.1?}"
        );
    }
}

/// A model's table has two buckets of four slots, of which the second is the mark: two stations crowd a bucket.
pub(crate) fn table() -> Arc<MacTable> {
    sized(4)
}

pub(crate) fn sized(capacity: u32) -> Arc<MacTable> {
    let table = MacTable::new(&Config { capacity, ..shape() }).unwrap();
    assert_eq!(table.buckets(), 2);
    Arc::new(table)
}

pub(crate) fn shape() -> Config {
    Config { ports: 4, vlans: 2, ageing_time: 512, hash_key: [1, 2], ..Config::default() }
}

pub(crate) static STATIONS: OnceLock<[Vec<[u8; 6]>; 2]> = OnceLock::new();

/// Sorts some addresses by their first bucket. Outside of the models, for it is done once and not in every execution.
pub(crate) fn know_stations() {
    loom::model(|| {
        let table = table();
        // The filtering id is part of what is hashed, and the VLAN has none before its first entry.
        learn(&table, [2, 0, 0, 0, 0, 255], 0);
        let session = table.session(0);
        let mut stations = [Vec::new(), Vec::new()];
        for n in 0..32 {
            let mac = [2, 0, 0, 0, 0, n];
            stations[table.bucket_of(&session.probe(VLAN, mac))].push(mac);
        }
        STATIONS.get_or_init(|| stations);
    });
}

/// An address whose first bucket is `bucket`, as long as [`VLAN`] was the first to have entries and was not flushed.
pub(crate) fn station(bucket: usize, n: usize) -> [u8; 6] {
    STATIONS.get().unwrap()[bucket][n]
}

pub(crate) fn learn_at(table: &MacTable, now: u64, mac: [u8; 6], port: u16) -> Learn {
    let session = table.session(now);
    session.learn(&session.probe(VLAN, mac), port)
}

pub(crate) fn learn(table: &MacTable, mac: [u8; 6], port: u16) -> Learn {
    learn_at(table, 1, mac, port)
}

pub(crate) fn port_at(table: &MacTable, now: u64, vlan: u16, mac: [u8; 6]) -> Option<u16> {
    let session = table.session(now);
    session.lookup(&session.probe(vlan, mac)).map(|entry| entry.port)
}

pub(crate) fn port_of(table: &MacTable, mac: [u8; 6]) -> Option<u16> {
    port_at(table, 1, VLAN, mac)
}

pub(crate) fn place_of(table: &MacTable, mac: [u8; 6]) -> Option<(usize, usize)> {
    table.place_of(&table.session(1).probe(VLAN, mac))
}

/// Bucket 0 has two stations, on port 3, and its mark with them: the next goes to the emptier of its buckets.
pub(crate) fn crowded() -> Arc<MacTable> {
    let table = table();
    for n in 0..2 {
        assert_eq!(learn(&table, station(0, n), 3), Learn::New);
    }
    table
}

pub(crate) fn sweep(table: &MacTable) {
    table.sweep(1, 2, |_| {});
}

pub(crate) fn is_learned_or_contended(outcome: Learn) -> bool {
    matches!(outcome, Learn::New | Learn::Current | Learn::Moved { .. } | Learn::Declined(Decline::Contended))
}
