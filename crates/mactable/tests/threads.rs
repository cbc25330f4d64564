//! Real threads at once: nothing wrong is ever seen, and nothing that is there is missed.

use greylag_mactable::{Cause, Config, Decline, Learn, MacTable};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn mac(group: u8, n: u64) -> [u8; 6] {
    let [.., a, b, c, d] = n.to_be_bytes();
    [2, group, a, b, c, d]
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Does this when it goes, by a failed assertion too: nobody shall wait for what does not come.
struct AtEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// Group 0: always there. Group 1: come and go on ports 0 to 3, the port is a function of the address. Group 2: move
/// between ports 4 and 5. Group 3: static, in a VLAN that is flushed all the time.
#[test]
fn readers_see_only_what_was_written_and_miss_nothing_that_stays() {
    let table =
        MacTable::new(&Config { capacity: 2000, ports: 8, vlans: 4, hash_key: [8, 9], ..Config::default() })
            .unwrap();
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    {
        let session = table.session(1);
        for n in 0..300 {
            assert_eq!(session.learn(&session.probe(1, mac(0, n)), 6), Learn::New);
            assert_eq!(session.learn(&session.probe(1, mac(2, n)), 4), Learn::New);
        }
    }
    for n in 0..20 {
        table.insert_static(2, mac(3, n), 7).unwrap();
    }
    let running = || !stop.load(Ordering::Relaxed);
    thread::scope(|scope| {
        let _end = AtEnd(|| stop.store(true, Ordering::Relaxed));
        for seed in 1..=2 {
            let (table, reads) = (&table, &reads);
            scope.spawn(move || {
                let mut state = seed;
                while running() {
                    let session = table.session(1);
                    for _ in 0..32 {
                        let n = random(&mut state) % 300;
                        let port_of =
                            |vlan, mac| session.lookup(&session.probe(vlan, mac)).map(|entry| entry.port);
                        assert_eq!(port_of(1, mac(0, n)), Some(6), "an address that stays was missed");
                        let wandering = port_of(1, mac(2, n));
                        assert!(matches!(wandering, Some(4 | 5)), "{wandering:?}");
                        assert_eq!(port_of(2, mac(3, n % 20)), Some(7), "a static address was missed");
                        for vlan in [1, 2] {
                            let fleeting = port_of(vlan, mac(1, n));
                            assert!(
                                fleeting.is_none_or(|port| u64::from(port) == n % 4),
                                "{n} on {fleeting:?}"
                            );
                        }
                        reads.fetch_add(5, Ordering::Relaxed);
                    }
                }
            });
        }
        for seed in 3..=4 {
            let table = &table;
            scope.spawn(move || {
                let mut state = seed;
                while running() {
                    let session = table.session(1);
                    for _ in 0..32 {
                        let r = random(&mut state);
                        let n = (r >> 8) % 300;
                        let outcome = match r % 8 {
                            0 => session.learn(&session.probe(1, mac(2, n)), 4 + (r >> 40) as u16 % 2),
                            1 => session.learn(&session.probe(1, mac(0, n)), 6),
                            2 => session.learn(&session.probe(2, mac(3, n % 20)), 1),
                            3..6 => session.learn(&session.probe(2, mac(1, n)), (n % 4) as u16),
                            _ => session.learn(&session.probe(1, mac(1, n)), (n % 4) as u16),
                        };
                        let declined =
                            matches!(outcome, Learn::Declined(reason) if reason != Decline::Contended);
                        assert!(!declined, "{outcome:?}");
                    }
                }
            });
        }
        let table = &table;
        scope.spawn(move || {
            let mut state = 5;
            while running() {
                let r = random(&mut state);
                match r % 16 {
                    0 => table.flush_port((r >> 8) as u16 % 4),
                    1 => table.flush_vlan(2),
                    2..8 => {
                        table.remove(1 + (r >> 40) as u16 % 2, mac(1, (r >> 8) % 300));
                    }
                    _ => {
                        table.sweep(1, 64, |swept| {
                            assert_eq!(swept.cause, Cause::Flushed);
                            assert!(swept.vlan == 2 || swept.port < 4, "{swept:?}");
                        });
                    }
                }
            }
        });
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            // One reader more, through the whole table.
            assert!(table.iter(1).all(|record| matches!(record.vlan, 1 | 2)));
        }
    });
    assert!(reads.load(Ordering::Relaxed) > 1000);
    for port in 0..4 {
        table.flush_port(port);
    }
    for _ in 0..3 {
        table.sweep(1, table.buckets(), |_| {});
    }
    assert_eq!(
        (table.len(), table.iter(1).count()),
        (620, 620),
        "counts and entries agree when all is quiet"
    );
    assert_eq!((table.vlan_len(1), table.vlan_len(2), table.port_len(4) + table.port_len(5)), (600, 20, 300));
}

/// Everybody learns the same few new addresses at once: each ends up in the table exactly once.
#[test]
fn rivals_never_place_an_address_twice() {
    let config = Config { capacity: 70, ports: 4, vlans: 2, hash_key: [1, 1], ..Config::default() };
    let table = MacTable::new(&config).unwrap();
    let (round, done) = (AtomicU64::new(0), AtomicU64::new(0));
    const ROUNDS: u64 = 1500;
    const THREADS: u64 = 3;
    thread::scope(|scope| {
        let _end = AtEnd(|| round.store(u64::MAX, Ordering::Release));
        let rivals: [_; THREADS as usize] = std::array::from_fn(|port| {
            let (table, round, done) = (&table, &round, &done);
            scope.spawn(move || {
                for number in 1..=ROUNDS {
                    while round.load(Ordering::Acquire) < number {
                        thread::yield_now();
                    }
                    let session = table.session(1);
                    for n in 0..60 {
                        let probe = session.probe(1, mac(0, number << 8 | n));
                        session.learn(&probe, port as u16);
                        // Slots come free under the rivals' eyes, so that they choose different ones.
                        let own = mac(1 + port as u8, n);
                        session.learn(&session.probe(1, own), port as u16);
                        table.remove(1, own);
                    }
                    drop(session);
                    done.fetch_add(1, Ordering::Release);
                }
            })
        });
        for number in 1..=ROUNDS {
            round.store(number, Ordering::Release);
            while done.load(Ordering::Acquire) < number * THREADS {
                assert!(
                    number == ROUNDS || !rivals.iter().any(std::thread::ScopedJoinHandle::is_finished),
                    "a rival has failed"
                );
                thread::yield_now();
            }
            let mut shown: Vec<_> = table.iter(1).map(|record| record.mac).collect();
            let all = shown.len();
            shown.sort_unstable();
            shown.dedup();
            let right = (shown.len(), table.len()) == (all, all) && all >= 50;
            assert!(
                right,
                "round {number}: {all} entries, {} distinct, {} counted",
                shown.len(),
                table.len()
            );
            for mac in shown {
                assert!(table.remove(1, mac));
            }
        }
    });
    assert!(table.is_empty());
}
