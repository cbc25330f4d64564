//! A table that is full, and one that loses addresses as a chip does.

use greylag_mactable::{Cause, ChipHash, Config, Decline, Geometry, Key, Learn, MacTable, WhenFull};

const S: u64 = 1_000_000_000;

fn table(when_full: WhenFull) -> MacTable {
    let config =
        Config { capacity: 100, ports: 4, vlans: 4, hash_key: [5, 6], when_full, ..Config::default() };
    MacTable::new(&config).unwrap()
}

fn learn(table: &MacTable, now: u64, n: u64, port: u16) -> Learn {
    let session = table.session(now);
    session.learn(&session.probe_bits(1, 0x0200_0000_0000 + n), port)
}

fn is_known(table: &MacTable, now: u64, n: u64) -> bool {
    let session = table.session(now);
    session.lookup(&session.probe_bits(1, 0x0200_0000_0000 + n)).is_some()
}

#[test]
fn a_full_table_declines_when_told_to() {
    let table = table(WhenFull::Decline);
    assert!((0..100).all(|n| learn(&table, 0, n, 1) == Learn::New));
    assert_eq!(learn(&table, 0, 100, 1), Learn::Declined(Decline::TableFull));
    assert_eq!((table.len(), table.evicted()), (100, 0));
}

#[test]
fn the_oldest_make_room_for_the_new() {
    let table = table(WhenFull::EvictOldest);
    for n in 0..100 {
        assert_eq!(learn(&table, n * S, n, 1), Learn::New);
    }
    let mut gone = Vec::new();
    for n in 100..150 {
        let session = table.session(n * S);
        let probe = session.probe_bits(1, 0x0200_0000_0000 + n);
        let outcome = session.learn_reporting(&probe, 2, |_| true, |swept| gone.push(swept));
        assert_eq!(outcome, Learn::New);
    }
    assert_eq!((table.len(), table.evicted(), gone.len()), (100, 50, 50));
    assert!(gone.iter().all(|swept| swept.cause == Cause::Evicted && swept.vlan == 1));
    // Each was the oldest of about eight drawn at random, so most come from the older half.
    let old = gone.iter().filter(|swept| swept.port == 1 && swept.mac[5] < 75).count();
    assert!(old >= 40, "{old} of 50 were among the older three quarters");
    assert!((100..150).filter(|&n| is_known(&table, 150 * S, n)).count() >= 45);
}

#[test]
fn what_a_flushed_port_left_behind_is_not_taken_for_room() {
    for key in 0..200 {
        let when_full = WhenFull::EvictOldest;
        let config =
            Config { capacity: 24, ports: 4, vlans: 4, hash_key: [key, 6], when_full, ..Config::default() };
        let table = MacTable::new(&config).unwrap();
        // Flushed, they leave the total at once, and their slots as they are found.
        for n in 0..24 {
            assert_eq!(learn(&table, 0, n, 1), Learn::New);
        }
        table.flush_port(1);
        for n in 100..148 {
            assert_eq!(learn(&table, 0, n, 2), Learn::New, "address {n} under key {key}");
        }
        assert_eq!((table.len(), table.evicted()), (24, 24));
    }
}

#[test]
fn a_port_that_floods_pushes_out_its_own() {
    let table = table(WhenFull::EvictLargestPort);
    for n in 0..20 {
        assert_eq!(learn(&table, 0, n, 1), Learn::New);
    }
    for n in 1000..6000 {
        assert_eq!(learn(&table, S, n, 2), Learn::New);
    }
    assert_eq!(table.len(), 100);
    let kept = (0..20).filter(|&n| is_known(&table, S, n)).count();
    assert!(kept >= 18, "{kept} of 20 stations of the quiet port are still known");
    assert_eq!(table.evicted(), 4920);
}

#[test]
fn statics_are_never_evicted_and_make_room_for_themselves() {
    let table = table(WhenFull::EvictOldest);
    for n in 0..100 {
        learn(&table, 0, n, 1);
    }
    for n in 0..100 {
        let mac = [4, 0, 0, 0, 0, n];
        assert_eq!(table.insert_static(2, mac, 3), Ok(()));
    }
    assert_eq!((table.len(), table.port_len(3)), (100, 100));
    assert_eq!(learn(&table, 0, 500, 1), Learn::Declined(Decline::TableFull));
}

#[test]
fn a_port_limit_declines_whatever_the_policy() {
    for when_full in WhenFull::ALL {
        let table = table(when_full);
        table.set_port_limit(1, Some(1));
        assert_eq!(learn(&table, 0, 1, 1), Learn::New);
        assert_eq!(learn(&table, 0, 2, 1), Learn::Declined(Decline::PortLimit), "{}", when_full.name());
    }
}

fn chip(hash: ChipHash, key: u64) -> MacTable {
    MacTable::new(&Config {
        capacity: 8192,
        hash_key: [key, 3],
        geometry: Some(Geometry { buckets: 1024, depth: 8, hash }),
        ..Config::default()
    })
    .unwrap()
}

/// RFC 2889 5.5: the largest number of addresses that are all learned, found by halving.
fn address_caching_capacity(hash: ChipHash, address: impl Fn(u64) -> u64) -> u64 {
    let (mut passed, mut failed) = (0, 8193u64);
    while failed - passed > 1 {
        let count = passed.midpoint(failed);
        let table = chip(hash, 9);
        let session = table.session(0);
        let all = (0..count).all(|n| session.learn(&session.probe_bits(1, address(n)), 1) == Learn::New);
        if all { passed = count } else { failed = count }
    }
    passed
}

#[test]
fn a_chip_caches_fewer_addresses_than_its_data_sheet_says() {
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    for hash in [ChipHash::Keyed, ChipHash::Crc32] {
        let capacity = address_caching_capacity(hash, scattered);
        assert!((500..6000).contains(&capacity), "{hash:?}: {capacity} of 8192 random addresses");
    }
    // What is lost when all 8192 are tried: about 14 % in eight-deep buckets.
    let table = chip(ChipHash::Crc32, 9);
    let session = table.session(0);
    let lost = (0..8192)
        .filter(|&n| {
            session.learn(&session.probe_bits(1, scattered(n)), 1) == Learn::Declined(Decline::ChipBucketFull)
        })
        .count();
    assert_eq!(table.len() + lost, 8192);
    assert!((900..1400).contains(&lost), "{lost}");
}

/// CRC-32 of a key as the chip computes it, to choose addresses by.
fn crc32(key: Key) -> u32 {
    let bits = u64::from(key.vlan()) << 48 | key.mac();
    !bits.to_be_bytes().iter().fold(!0u32, |crc, &octet| {
        (0..8).fold(crc ^ u32::from(octet), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1)))
    })
}

#[test]
fn addresses_chosen_against_a_known_hash_collide_there_and_not_in_the_keyed_one() {
    let crafted: Vec<_> = (0..)
        .map(|n| 0x0200_0000_0000 + n)
        .filter(|&mac| crc32(Key::new(1, mac)) % 1024 == 77)
        .take(200)
        .collect();
    for (hash, expected) in [(ChipHash::Crc32, 8), (ChipHash::Keyed, 200)] {
        let table = chip(hash, 4);
        let session = table.session(0);
        let learned = crafted
            .iter()
            .filter(|&&mac| session.learn(&session.probe_bits(1, mac), 1) == Learn::New)
            .count();
        assert_eq!(learned, expected, "{hash:?}");
    }
}

#[test]
fn a_place_in_the_chip_comes_free_with_its_entry() {
    let table = MacTable::new(&Config {
        geometry: Some(Geometry { buckets: 1, depth: 2, hash: ChipHash::Crc32 }),
        ..Config::default()
    })
    .unwrap();
    assert_eq!((learn(&table, 0, 1, 1), learn(&table, 0, 2, 1)), (Learn::New, Learn::New));
    assert_eq!(learn(&table, 0, 3, 1), Learn::Declined(Decline::ChipBucketFull));
    assert_eq!(learn(&table, 0, 1, 2), Learn::Moved { from: 1 }, "a move takes no new place");
    assert!(table.remove(1, [2, 0, 0, 0, 0, 1]));
    assert_eq!(learn(&table, 0, 3, 1), Learn::New);
    table.flush_all();
    table.sweep(0, table.buckets(), |_| {});
    table.sweep(0, table.buckets(), |_| {});
    assert_eq!((learn(&table, 0, 4, 1), learn(&table, 0, 5, 1)), (Learn::New, Learn::New));
    assert_eq!(table.insert_static(1, [2, 0, 0, 0, 0, 6], 1), Err(Decline::ChipBucketFull));
    assert_eq!(table.len(), 2);
}

#[test]
fn impossible_chips_are_refused() {
    for (buckets, depth) in [(0, 1), (1, 0), (1, 9)] {
        let geometry = Some(Geometry { buckets, depth, hash: ChipHash::Keyed });
        assert!(MacTable::new(&Config { geometry, ..Config::default() }).is_err());
    }
}

#[test]
fn who_makes_room_for_a_static_entry_is_told() {
    let table = table(WhenFull::EvictOldest);
    for n in 0..100 {
        learn(&table, 0, n, 1);
    }
    let mut evicted = Vec::new();
    table.insert_static_reporting(1, [6; 6], 2, |gone| evicted.push(gone)).unwrap();
    assert_eq!(evicted.len(), 1);
    assert_eq!((evicted[0].vlan, evicted[0].port, evicted[0].cause), (1, 1, Cause::Evicted));
    let session = table.session(0);
    assert_eq!(session.lookup(&session.probe(1, evicted[0].mac)), None);
}
