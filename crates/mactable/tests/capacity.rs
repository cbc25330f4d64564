//! A table holds as many addresses as it says.

use greylag_mactable::{Config, Learn, MacTable};

fn declined(capacity: u32, key: u64, address: impl Fn(u64) -> u64) -> usize {
    let config = Config { capacity, hash_key: [key, !key], ..Config::default() };
    let table = MacTable::new(&config).unwrap();
    let session = table.session(0);
    let declined = (0..u64::from(capacity))
        .filter(|&n| {
            let [_, _, mac @ ..] = address(n).to_be_bytes();
            session.learn(&session.probe(1, mac), 0) != Learn::New
        })
        .count();
    assert_eq!(table.len() + declined, capacity as usize);
    declined
}

#[test]
fn random_addresses_fill_it_without_a_loss() {
    // A bijection, so that no address comes twice.
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    for capacity in [1024, 3072, 8192, 65_536, 98_304] {
        let lost: usize = (0..8).map(|key| declined(capacity, key, scattered)).sum();
        assert_eq!(lost, 0, "of 8 x {capacity}");
    }
}

#[test]
fn crafted_addresses_fill_it_without_a_loss() {
    for key in 0..4 {
        assert_eq!(declined(8192, key, |n| 0x0200_0000_0000 | n), 0, "sequential");
        assert_eq!(declined(8192, key, |n| (n << 24) | 1), 0, "vendor part");
        assert_eq!(declined(8192, key, |n| n << 11), 0, "steps");
    }
}
