//! Readers beside a writer: each finds, for each address, what the routes gave at some moment while it looked.

use greylag_fib::{Address, Fib, GroupId, Prefix, Simd, Writer};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A reproducible sequence of words (SplitMix64).
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

type Table<A> = BTreeMap<Prefix<A>, GroupId>;

fn look_up<A: Address>(table: &Table<A>, address: A) -> Option<GroupId> {
    let covers = table.iter().filter(|(prefix, _)| prefix.contains(address));
    covers.max_by_key(|(prefix, _)| prefix.len()).map(|(_, group)| *group)
}

/// What addresses lead to after each of the changes, which a seed gives, so that readers need not be told.
struct Story<A> {
    addresses: Vec<A>,
    changes: Vec<(Prefix<A>, Option<GroupId>)>,
    /// By change, then by address.
    answers: Vec<Vec<Option<GroupId>>>,
}

fn story<A: Address>(prefixes: &[Prefix<A>], changes: usize) -> Story<A> {
    let mut words = Words(7);
    let addresses: Vec<A> = prefixes.iter().flat_map(|prefix| [prefix.first(), prefix.last()]).collect();
    let mut table = Table::new();
    let mut story = Story { addresses, changes: Vec::new(), answers: Vec::new() };
    for change in 0..changes {
        let prefix = prefixes[words.below(prefixes.len() as u64) as usize];
        // Each insert leads to a group of its own: an answer says which insert it comes from.
        let group = (words.below(3) > 0).then(|| GroupId::new(change as u32 + 1).unwrap());
        match group {
            Some(group) => table.insert(prefix, group),
            None => table.remove(&prefix),
        };
        story.changes.push((prefix, group));
        story.answers.push(story.addresses.iter().map(|&address| look_up(&table, address)).collect());
    }
    story
}

fn apply<A: Address>(writer: &mut Writer<A>, (prefix, group): (Prefix<A>, Option<GroupId>)) {
    match group {
        Some(group) => writer.insert(prefix, group).unwrap(),
        None => writer.remove(prefix).unwrap(),
    };
}

/// Tells the readers that it is over when it goes, by a failed change too: they would look for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn nobody_sees_what_never_was<A: Address>(prefixes: &[Prefix<A>], simd: Simd) {
    let story = story(prefixes, 1500);
    let mut writer = Fib::<A>::with_simd(1000, simd);
    apply(&mut writer, story.changes[0]);
    // Changes that have begun, and that have returned, beginning with the first.
    let (begun, done, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let looks = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let _over = Over(&over);
        for _ in 0..2 {
            let mut reader = writer.reader();
            let (story, begun, done, over, looks) = (&story, &begun, &done, &over, &looks);
            scope.spawn(move || {
                let mut found = vec![None; story.addresses.len()];
                while !over.load(Ordering::SeqCst) {
                    let earliest = done.load(Ordering::SeqCst) as usize;
                    reader.session().look_up_batch(&story.addresses, &mut found);
                    let latest = begun.load(Ordering::SeqCst) as usize;
                    for (index, found) in found.iter().enumerate() {
                        let mut answers =
                            story.answers[earliest..=latest].iter().map(|answers| answers[index]);
                        assert!(
                            answers.any(|answer| answer == *found),
                            "{:?} leads to {found:?}, which it did not after changes {earliest} to {latest}",
                            story.addresses[index]
                        );
                    }
                    looks.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for (number, &change) in story.changes.iter().enumerate().skip(1) {
            begun.store(number as u64, Ordering::SeqCst);
            apply(&mut writer, change);
            done.store(number as u64, Ordering::SeqCst);
            if number % 16 == 0 {
                // On a machine with few processors, which others use too, the readers would otherwise see little of it, or nothing.
                let (before, patience) =
                    (looks.load(Ordering::SeqCst), Instant::now() + Duration::from_secs(30));
                while looks.load(Ordering::SeqCst) == before {
                    assert!(Instant::now() < patience, "nobody looks");
                    std::thread::yield_now();
                }
            }
        }
    });
}

#[test]
fn ipv4_readers_see_no_route_that_never_was() {
    let mut words = Words(1);
    let mut prefix = || {
        let address = 0x0a00_0000 | words.next() as u32 & 0x0003_8fff;
        Prefix::new(address, 15 + words.below(18) as u8).unwrap()
    };
    let prefixes: Vec<_> = (0..60).map(|_| prefix()).collect();
    for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
        nobody_sees_what_never_was::<u32>(&prefixes, simd);
    }
}

#[test]
fn ipv6_readers_see_no_route_that_never_was() {
    let mut words = Words(2);
    let mut prefix = || {
        let address = 0x2a00_u128 << 112 | u128::from(words.next() & 0x0003_0011_0000_1111) << 48 | 0xff;
        Prefix::new(address, 16 + words.below(113) as u8).unwrap()
    };
    let prefixes: Vec<_> = (0..60).map(|_| prefix()).collect();
    for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
        nobody_sees_what_never_was::<u128>(&prefixes, simd);
    }
}

/// A session that stays open keeps what it might be looking at; once it ends, that is used again.
#[test]
fn memory_of_changes_comes_back_when_readers_have_gone_on() {
    let mut writer = Fib::<u32>::new(1000);
    let mut reader = writer.reader();
    let prefix = |number: u32| Prefix::new(0x0a00_0000 | number << 8, 24).unwrap();
    let mut churn = |rounds: u32| {
        for round in 0..rounds {
            writer.insert(prefix(round % 512), GroupId::new(round + 1).unwrap()).unwrap();
            writer.remove(prefix((round + 256) % 512)).unwrap();
        }
        writer.table_bytes()
    };
    let settled = churn(4096);
    assert!(churn(40_960) <= settled + 16_384, "it grows though nobody reads");
    let session = reader.session();
    let held = churn(4096);
    assert!(held > settled + 16_384, "nothing was held back for a session: {held} {settled}");
    drop(session);
    assert!(churn(512) <= settled + 16_384);
}
