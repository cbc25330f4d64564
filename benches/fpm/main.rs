//! A whole routing table as zebra sends it after connecting: how long it takes to read, and to read and have in the FIB. The
//! goal is two seconds. `cargo bench -p greylag-benches --bench fpm`
//!
//! `load` is for a table that is built anew: routes are collected, sorted and put in at once. `insert` puts in one by one, while others
//! could look up. `switch` is all that a switch does with it: zebra's numbers, the RIB, the programming agent, groups and routes in the
//! FIB. Processor time of the one thread; `decode` alone is by the wall clock.
//!
//! Then what becomes of a switch with that table: `fpm/lost`, a port goes down by which all routes lead, or a share of them;
//! `fpm/beside`, a worker forwards while zebra tells a hundred thousand changes a second.

mod beside;
mod lost;
mod router;

use crate::router::{router, tell_all};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use greylag_base::Instant;
use greylag_benches::zebra::{self, Ways};
use greylag_benches::{processor_time, table};
use greylag_fib::{GroupId, Ipv4Fib, Ipv4Prefix, Ipv6Fib, Ipv6Prefix, Writer};
use greylag_fpm::{Fpm, FpmMessage, Next, RouteAdd, RoutePrefix};
use std::hint::black_box;
use std::time::Duration;

/// What a read of a socket gives at the most.
const PIECE: usize = 65_536;
/// Within which a full table is to be read and loaded.
const GOAL: Duration = Duration::from_secs(2);
/// Room in the FIB.
const MOST: (usize, usize) = (1_200_000, 250_000);

/// Reads a stream, and calls `hear` with each message.
fn play(stream: &[u8], mut hear: impl FnMut(FpmMessage<'_>)) -> Fpm {
    let mut fpm = Fpm::new();
    for mut octets in stream.chunks(PIECE) {
        while !octets.is_empty() {
            octets = &octets[fpm.handle_bytes(octets)..];
            while let Some(message) = fpm.poll_message().expect("nothing is wrong in it") {
                hear(message);
            }
        }
    }
    fpm
}

fn decode(stream: &[u8]) -> Fpm {
    play(stream, |message| {
        black_box(message);
    })
}

/// Reads a stream, and calls `hear` with each route and its group.
fn play_routes(stream: &[u8], mut hear: impl FnMut(RoutePrefix, GroupId)) {
    play(stream, |message| {
        if let FpmMessage::RouteAdd(RouteAdd { prefix, next: Next::Id(id), .. }) = message {
            hear(prefix, GroupId::new(id.0).expect("zebra counts from 1"));
        }
    });
}

type Tables = (Writer<u32>, Writer<u128>);

fn load(stream: &[u8], (ipv4, ipv6): &mut Tables) {
    let mut routes4: Vec<(Ipv4Prefix, GroupId)> = Vec::new();
    let mut routes6: Vec<(Ipv6Prefix, GroupId)> = Vec::new();
    play_routes(stream, |prefix, group| match prefix {
        RoutePrefix::V4(prefix) => routes4.push((prefix, group)),
        RoutePrefix::V6(prefix) => routes6.push((prefix, group)),
    });
    ipv4.load(routes4).expect("there is room");
    ipv6.load(routes6).expect("there is room");
}

fn insert(stream: &[u8], (ipv4, ipv6): &mut Tables) {
    play_routes(stream, |prefix, group| {
        match prefix {
            RoutePrefix::V4(prefix) => ipv4.insert(prefix, group),
            RoutePrefix::V6(prefix) => ipv6.insert(prefix, group),
        }
        .expect("there is room");
    });
}

fn whole_switch(stream: &[u8], routes: u64) -> Duration {
    let mut switch = router();
    let start = processor_time();
    tell_all(&mut switch, Instant::ZERO, stream);
    let took = processor_time() - start;
    let tables = switch.data_plane().routes().expect("it routes").tables();
    let there = tables.ipv4.len() + tables.ipv6.len();
    assert!(there as u64 >= routes, "{there} of {routes} are in the FIB");
    drop(tables);
    took
}

fn full_table(c: &mut Criterion) {
    let stream = zebra::stream(&table::measured(), Ways::Many);
    let fpm = decode(&stream);
    let (routes, next_hops) = (fpm.counts().route_adds, fpm.counts().next_hop_adds);
    println!("fpm: {routes} routes and {next_hops} next hops and groups in {} octets", stream.len());
    let mut group = c.benchmark_group("fpm");
    group.throughput(Throughput::Elements(routes + next_hops));
    group.bench_function("decode", |b| b.iter(|| decode(&stream)));
    group.throughput(Throughput::Elements(routes));
    group.bench_function("switch", |b| {
        b.iter_custom(|times| (0..times).map(|_| whole_switch(&stream, routes)).sum());
    });
    for (name, fill) in [("load", load as fn(&[u8], &mut Tables)), ("insert", insert)] {
        let mut fastest = Duration::MAX;
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                let took = (0..times).map(|_| {
                    let mut tables = (Ipv4Fib::new(MOST.0), Ipv6Fib::new(MOST.1));
                    let start = processor_time();
                    fill(&stream, &mut tables);
                    let took = processor_time() - start;
                    assert_eq!(tables.0.len() + tables.1.len(), routes as usize);
                    fastest = fastest.min(took);
                    took
                });
                took.sum()
            });
        });
        // Not among those that were asked for.
        if fastest == Duration::MAX {
            continue;
        }
        let share = fastest.as_secs_f64() / GOAL.as_secs_f64();
        println!(
            "fpm/{name}: {:.2} s at best, {:.0} % of the goal of {GOAL:?}",
            fastest.as_secs_f64(),
            share * 100.0
        );
    }
    group.finish();
}

/// What has a measure of its own: with `cargo bench`, and unless another name is asked for.
fn whole_switches(_: &mut Criterion) {
    let is_named = |name: &str| {
        let mut names = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
        names.peek().is_none() || names.any(|wanted| name.contains(&wanted))
    };
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let text = table::text();
    if is_named("fpm/lost") {
        lost::measure(&text);
    }
    if is_named("fpm/beside") {
        beside::measure(&text);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5))
        .warm_up_time(Duration::from_millis(300));
    targets = whole_switches, full_table
}
criterion_main!(benches);
