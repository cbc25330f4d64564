//! What happens to the table while it forwards: a next hop of all routes is lost, and routes change by the hundred thousand.

use crate::addresses::drawn;
use crate::rates::{median, rate};
use greylag_base::Instant as Now;
use greylag_benches::table::{self, Routes, routes};
use greylag_benches::{Words, processor_time};
use greylag_fib::{
    Address, Fib, Group, GroupId, GroupSizes, Groups, Kind, Member, NextHopId, Timers, Writer,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const GROUPS: u32 = 256;
const BUCKETS: u16 = 64;
const LOST: NextHopId = NextHopId(3);
/// Changes a second.
const CHANGES: f64 = 100_000.0;
/// Pairs of measurements, with changes and without.
const PAIRS: usize = 61;

pub(crate) fn measure() {
    let table = table::measured();
    let ipv4 = routes::<u32>(&table);
    for (name, kind) in [("modulo", Kind::Modulo), ("resilient", Kind::Resilient(Timers::default()))] {
        next_hop_lost(name, kind, &ipv4);
    }
    let ipv6 = routes::<u128>(&table);
    beside_a_writer("IPv4", &ipv4);
    beside_a_writer("IPv6", &ipv6);
    between_changes("IPv4", &ipv4);
    between_changes("IPv6", &ipv6);
}

/// All routes lead to groups of eight next hops, of which one is lost.
fn next_hop_lost(name: &str, kind: Kind, routes: &Routes<u32>) {
    let sizes = GroupSizes { groups: GROUPS, next_hops: 8, buckets: GROUPS * u32::from(BUCKETS) };
    let mut groups = Groups::new(sizes);
    let members: Vec<_> = (0..8).map(|hop| Member { next_hop: NextHopId(hop), weight: 1 }).collect();
    let id = |number: u32| GroupId::new(number % GROUPS + 1).expect("not 0");
    for number in 0..GROUPS {
        let group = Group { members: members.clone(), buckets: BUCKETS, kind };
        groups.set(id(number), group, Now::ZERO).expect("there is room");
    }
    let mut fib = Fib::new(routes.len());
    let grouped = routes.iter().map(|(prefix, group)| (*prefix, id(group.get())));
    fib.load(grouped).expect("there is room");
    let addresses: Vec<u32> = routes.iter().map(|(prefix, _)| prefix.first()).collect();
    let (mut found, mut chosen) = (vec![None; addresses.len()], vec![None; addresses.len()]);
    let (mut reader, mut chooser) = (fib.reader(), groups.reader());
    reader.session().look_up_batch(&addresses, &mut found);
    let hashes: Vec<u64> = Words(9).take(addresses.len()).collect();
    let mut flows_to_lost = |now| {
        chooser.choices(now).choose_batch(&found, &hashes, &mut chosen);
        chosen.iter().filter(|chosen| **chosen == Some(LOST)).count()
    };
    let liveness = groups.liveness();
    let (mut stores, mut settled, mut worked) = (Vec::new(), Vec::new(), Vec::new());
    let (mut before, mut now) = (0, Now::ZERO);
    for round in 0..101 {
        before = flows_to_lost(now);
        let begun = Instant::now();
        liveness.set(LOST, false);
        stores.push(begun.elapsed().as_secs_f64() * 1e9);
        if round % 20 == 0 {
            assert_eq!(flows_to_lost(now), 0, "after the one store");
        }
        let (begun, had) = (Instant::now(), processor_time());
        groups.settle(LOST, now);
        worked.push((processor_time() - had).as_secs_f64() * 1e3);
        settled.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(flows_to_lost(now), 0);
        liveness.set(LOST, true);
        // All are idle by then.
        now += Duration::from_secs(1000);
        groups.settle(LOST, now);
    }
    let worst = worked.iter().copied().fold(0.0, f64::max);
    let [store, settled, worked] = [stores, settled, worked].map(|mut times| median(&mut times));
    println!(
        "fib/events: {} routes, {before} of their flows to a next hop that is lost, {name}: none after the store, {store:.0} ns; all buckets \
         of {GROUPS} groups dealt out after {settled:.2} ms; of processor time {worked:.2} ms, at worst {worst:.2}",
        routes.len()
    );
}

/// Look-ups of one thread while another changes routes, and the same without, in turn.
fn beside_a_writer<A: Address>(family: &str, routes: &Routes<A>) {
    let mut writer = Fib::new(routes.len());
    writer.load(routes.iter().copied()).expect("there is room");
    let mut reader = writer.reader();
    let addresses = drawn(routes);
    let (is_on, is_over, made) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let mut figures = [const { Vec::new() }; 2];
    let mut changing = (Duration::ZERO, 0);
    thread::scope(|scope| {
        scope.spawn(|| change(&mut writer, routes, (&is_on, &is_over, &made)));
        for pair in 0..PAIRS {
            for with in [pair % 2 == 0, pair % 2 != 0] {
                is_on.store(with, Ordering::Relaxed);
                let (begun, before) = (Instant::now(), made.load(Ordering::Relaxed));
                figures[usize::from(with)].push(rate(&mut reader, &addresses, 64));
                if with {
                    changing.0 += begun.elapsed();
                    changing.1 += made.load(Ordering::Relaxed) - before;
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let mut ratios: Vec<f64> =
        figures[1].iter().zip(&figures[0]).map(|(with, without)| with / without).collect();
    let ratio = median(&mut ratios) * 100.0;
    let [without, with] = figures.map(|mut figures| median(&mut figures));
    let changes = changing.1 as f64 / changing.0.as_secs_f64();
    println!(
        "fib/events: {family}, drawn, batches of 64: {with:.0} million look-ups per second of processor time beside \
         {changes:.0} changes a second, {without:.0} without; median of {PAIRS} ratios {ratio:.1} %"
    );
}

/// The same in one thread, where the load of a machine matters less: between look-ups as many changes as there are in their time, which takes
/// none of it. A line that the writer has changed is in this thread's own cache, and not in another core's.
fn between_changes<A: Address>(family: &str, routes: &Routes<A>) {
    let mut writer = Fib::new(routes.len());
    writer.load(routes.iter().copied()).expect("there is room");
    let mut reader = writer.reader();
    let mut changer = Changer::new(routes);
    let addresses = drawn(routes);
    let mut found = [None; 64];
    let mut longest = [0.0_f64; 2];
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let rates = [false, true].map(|with| {
            let (mut took, mut owed) = (Duration::ZERO, 0.0);
            for some in addresses.chunks_exact(64 * 64) {
                let begun = processor_time();
                for batch in some.chunks_exact(64) {
                    reader.session().look_up_batch(batch, &mut found);
                    std::hint::black_box(&mut found);
                }
                let now = processor_time() - begun;
                took += now;
                longest[usize::from(with)] = longest[usize::from(with)].max(now.as_secs_f64() * 1e6);
                owed += if with { now.as_secs_f64() * CHANGES } else { 0.0 };
                while owed >= 2.0 {
                    changer.change_twice(&mut writer);
                    owed -= 2.0;
                }
            }
            addresses.len() as f64 / took.as_secs_f64() / 1e6
        });
        ratios.push(rates[1] / rates[0]);
    }
    println!(
        "fib/events: {family}, drawn, {CHANGES:.0} changes in a second of look-ups, between them: median of {PAIRS} ratios {:.1} %; the \
         longest 64 batches took {:.0} us of processor time with changes, {:.0} without",
        median(&mut ratios) * 100.0,
        longest[1],
        longest[0]
    );
}

/// Makes changes: half of them are another group for a prefix, the rest remove one or bring it back; none is left as it was not.
struct Changer<A: Address> {
    words: Words,
    /// 0/0 to /7 span so much that they are no everyday change.
    long: Routes<A>,
}

impl<A: Address> Changer<A> {
    fn new(routes: &Routes<A>) -> Self {
        let long = routes.iter().filter(|(prefix, _)| prefix.len() >= 8).copied().collect();
        Changer { words: Words(5), long }
    }

    fn change_twice(&mut self, writer: &mut Writer<A>) {
        let mut word = || self.words.next().expect("there is always another") as usize;
        let (prefix, group) = self.long[word() % self.long.len()];
        let first = match word() % 2 {
            0 => writer.remove(prefix),
            _ => writer.insert(prefix, GroupId::new(word() as u32 % 80_000 + 1).expect("not 0")),
        };
        first.and_then(|_| writer.insert(prefix, group)).expect("there is room");
    }
}

/// Changes routes at that rate while it is asked to.
fn change<A: Address>(
    writer: &mut Writer<A>,
    routes: &Routes<A>,
    (is_on, is_over, made): (&AtomicBool, &AtomicBool, &AtomicU64),
) {
    let mut changer = Changer::new(routes);
    let mut due = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        if !is_on.load(Ordering::Relaxed) || due > Instant::now() {
            thread::sleep(Duration::from_micros(200));
            // What was not made in time is not made up for.
            due = due.max(Instant::now() - Duration::from_millis(20));
            continue;
        }
        changer.change_twice(writer);
        made.fetch_add(2, Ordering::Relaxed);
        due += Duration::from_secs_f64(2.0 / CHANGES);
    }
}
