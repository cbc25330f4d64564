//! Longest-prefix match over a real routing table, beside the crates that do it for one thread; loading, changing, and the loss
//! of a next hop. `cargo bench -p greylag-benches --bench fib`
//!
//! Criterion measures by the wall clock, which on a machine that others use gives ratios alone. What docs/fib.md tells is measured in
//! `rates.rs` and `events.rs`, by the processor time of the thread.

mod addresses;
mod events;
mod rates;

use addresses::{drawn, uniform_ipv4, uniform_ipv6};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use greylag_base::Instant as Now;
use greylag_benches::Words;
use greylag_benches::table::{self, Routes, routes};
use greylag_fib::{Address, Fib, Group, GroupId, GroupSizes, Groups, Kind, Member, NextHopId, Simd, Timers};
use ip_network_table_deps_treebitmap::IpLookupTable;
use iptrie::map::{LCTrieMap, RTrieMap};
use iptrie::{Ipv4Prefix, Ipv6Prefix};
use prefix_trie::PrefixMap;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Addresses to a batch.
const BATCH: usize = 64;
/// Measures look-ups of addresses in turn, a batch each time.
fn look_ups<A: Address>(
    c: &mut Criterion,
    (family, addresses, name): (&str, &str, &str),
    order: &[A],
    mut batch: impl FnMut(&[A]),
) {
    let mut group = c.benchmark_group(format!("fib/{family}/{addresses}"));
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut turn = order.chunks_exact(BATCH).cycle();
    group.bench_function(name, |b| b.iter(|| batch(turn.next().expect("they come again"))));
    group.finish();
}

/// A peer that looks up one address at a time, which is all they do.
fn peer<A: Address>(
    c: &mut Criterion,
    (family, name): (&str, &str),
    orders: &[(&str, &[A])],
    look_up: impl Fn(A) -> Option<u32>,
) {
    for (addresses, order) in orders {
        let mut found = [None; BATCH];
        look_ups(c, (family, addresses, name), order, |batch| {
            batch.iter().zip(&mut found).for_each(|(&address, found)| *found = look_up(address));
            black_box(&mut found);
        });
    }
}

fn greylag<A: Address>(c: &mut Criterion, family: &str, routes: &Routes<A>, orders: &[(&str, &[A])]) {
    for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
        let mut writer = Fib::with_simd(routes.len(), simd);
        writer.load(routes.iter().copied()).expect("there is room");
        let mut reader = writer.reader();
        println!("fib/{family}: {} bytes for {} prefixes", writer.table_bytes(), writer.len());
        for (addresses, order) in orders {
            let mut found = [None; BATCH];
            let name = format!("greylag-{}", simd.name());
            look_ups(c, (family, addresses, &name), order, |batch| {
                reader.session().look_up_batch(batch, &mut found);
                black_box(&mut found);
            });
        }
    }
}

fn changes<A: Address>(c: &mut Criterion, family: &str, routes: &Routes<A>) {
    let mut writer = Fib::new(routes.len());
    let mut group = c.benchmark_group(format!("fib/{family}"));
    group.throughput(Throughput::Elements(routes.len() as u64));
    group.bench_function("load", |b| b.iter(|| writer.load(routes.iter().copied()).expect("there is room")));
    // Every other one is another next hop for a prefix, the rest come and go.
    group.throughput(Throughput::Elements(2));
    let mut words = Words(5);
    let mut word = || words.next().expect("there is always another");
    group.bench_function("change", |b| {
        b.iter(|| {
            let (prefix, before) = routes[word() as usize % routes.len()];
            let first = match word() % 2 {
                0 => writer.remove(prefix),
                _ => writer.insert(prefix, GroupId::new(word() as u32 % 80_000 + 1).expect("not 0")),
            };
            first.and_then(|_| writer.insert(prefix, before)).expect("there is room")
        });
    });
    group.finish();
}

fn ipv4(c: &mut Criterion) {
    let routes = routes::<u32>(&table::measured());
    let uniform = uniform_ipv4();
    let drawn = drawn(&routes);
    let orders: [(&str, &[u32]); 2] = [("uniform", &uniform), ("drawn", &drawn)];
    greylag(c, "ipv4", &routes, &orders);

    let rows = || routes.iter().map(|(prefix, group)| (prefix.first(), prefix.len(), group.get()));
    let map: PrefixMap<(u32, u8), u32> = rows().map(|(first, len, group)| ((first, len), group)).collect();
    peer(c, ("ipv4", "prefix-trie"), &orders, |address| map.get_lpm(&(address, 32)).map(|(_, group)| *group));
    let mut bitmap = IpLookupTable::new();
    for (first, len, group) in rows() {
        bitmap.insert(Ipv4Addr::from_bits(first), len.into(), group);
    }
    peer(c, ("ipv4", "treebitmap"), &orders, |address| {
        bitmap.longest_match(Ipv4Addr::from_bits(address)).map(|(.., group)| *group)
    });
    let trie: RTrieMap<Ipv4Prefix, u32> = rows()
        .map(|(first, len, group)| (Ipv4Prefix::new(Ipv4Addr::from_bits(first), len).unwrap(), group))
        .collect();
    let trie: LCTrieMap<_, _> = trie.compress();
    peer(c, ("ipv4", "iptrie"), &orders, |address| Some(*trie.lookup(&Ipv4Addr::from_bits(address)).1));
    changes(c, "ipv4", &routes);
}

fn ipv6(c: &mut Criterion) {
    let routes = routes::<u128>(&table::measured());
    let uniform = uniform_ipv6();
    let drawn = drawn(&routes);
    let orders: [(&str, &[u128]); 2] = [("uniform", &uniform), ("drawn", &drawn)];
    greylag(c, "ipv6", &routes, &orders);

    let rows = || routes.iter().map(|(prefix, group)| (prefix.first(), prefix.len(), group.get()));
    let map: PrefixMap<(u128, u8), u32> = rows().map(|(first, len, group)| ((first, len), group)).collect();
    peer(c, ("ipv6", "prefix-trie"), &orders, |address| {
        map.get_lpm(&(address, 128)).map(|(_, group)| *group)
    });
    let mut bitmap = IpLookupTable::new();
    for (first, len, group) in rows() {
        bitmap.insert(Ipv6Addr::from_bits(first), len.into(), group);
    }
    peer(c, ("ipv6", "treebitmap"), &orders, |address| {
        bitmap.longest_match(Ipv6Addr::from_bits(address)).map(|(.., group)| *group)
    });
    let trie: RTrieMap<Ipv6Prefix, u32> = rows()
        .map(|(first, len, group)| (Ipv6Prefix::new(Ipv6Addr::from_bits(first), len).unwrap(), group))
        .collect();
    let trie: LCTrieMap<_, _> = trie.compress();
    peer(c, ("ipv6", "iptrie"), &orders, |address| Some(*trie.lookup(&Ipv6Addr::from_bits(address)).1));
    changes(c, "ipv6", &routes);
}

/// A next hop is lost that is a member of every group, whatever number of prefixes leads there; and comes back, unmeasured.
fn next_hop_lost(c: &mut Criterion) {
    const GROUPS: u32 = 256;
    const BUCKETS: u16 = 64;
    let mut group = c.benchmark_group("fib/next-hop-lost");
    for (name, kind) in [("modulo", Kind::Modulo), ("resilient", Kind::Resilient(Timers::default()))] {
        let sizes = GroupSizes { groups: GROUPS, next_hops: 8, buckets: GROUPS * u32::from(BUCKETS) };
        let mut groups = Groups::new(sizes);
        let members: Vec<_> = (0..8).map(|hop| Member { next_hop: NextHopId(hop), weight: 1 }).collect();
        for number in 1..=GROUPS {
            let group = Group { members: members.clone(), buckets: BUCKETS, kind };
            groups.set(GroupId::new(number).expect("not 0"), group, Now::ZERO).expect("there is room");
        }
        let (liveness, lost) = (groups.liveness(), NextHopId(3));
        let mut now = Now::ZERO;
        group.bench_function(BenchmarkId::new(name, format!("{GROUPS}x{BUCKETS}")), |b| {
            b.iter_custom(|rounds| {
                let mut losing = Duration::ZERO;
                for _ in 0..rounds {
                    let begun = Instant::now();
                    liveness.set(lost, false);
                    groups.settle(lost, now);
                    losing += begun.elapsed();
                    liveness.set(lost, true);
                    // All are idle by then.
                    now += Duration::from_secs(1000);
                    groups.settle(lost, now);
                }
                losing
            });
        });
    }
    group.finish();
}

/// What has a measure of its own: with `cargo bench`, and unless another name is asked for.
fn by_processor_time(_: &mut Criterion) {
    let is_named = |name: &str| {
        let mut names = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
        names.peek().is_none() || names.any(|wanted| name.contains(&wanted))
    };
    if greylag_benches::is_test() {
        return;
    }
    if is_named("fib/rates") {
        rates::measure();
    }
    if is_named("fib/events") {
        events::measure();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(300));
    targets = by_processor_time, ipv4, ipv6, next_hop_lost
}
criterion_main!(benches);
