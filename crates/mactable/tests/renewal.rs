//! Entries that the control side renews: what frames leave behind, and what becomes of it.

use greylag_mactable::{Cause, Config, Key, Learn, MacTable, Renewal, Sighting, Simd, UNKNOWN};

const S: u64 = 1_000_000_000;
/// 1/512 of the default ageing time.
const TICK: u64 = 300 * S / 512;
const VLAN: u16 = 10;

fn table() -> MacTable {
    MacTable::new(&Config { capacity: 1024, ports: 8, vlans: 8, hash_key: [3, 5], ..Config::default() })
        .unwrap()
}

fn mac(n: u32) -> [u8; 6] {
    let [a, b, c, d] = n.to_be_bytes();
    [2, 0, a, b, c, d]
}

fn learn(table: &MacTable, now: u64, renewal: Renewal, n: u32, port: u16) -> Learn {
    let session = table.session(now).with_renewal(renewal);
    session.learn(&session.probe(VLAN, mac(n)), port)
}

fn sight(table: &MacTable, now: u64, renewal: Renewal, n: u32, port: u16) -> Sighting {
    let session = table.session(now).with_renewal(renewal);
    session.sight(&session.probe(VLAN, mac(n)), port)
}

fn port(table: &MacTable, now: u64, n: u32) -> Option<u16> {
    let session = table.session(now);
    session.lookup(&session.probe(VLAN, mac(n))).map(|entry| entry.port)
}

fn is_hit(table: &MacTable, now: u64, n: u32) -> bool {
    table.iter(now).any(|record| record.mac == mac(n) && record.is_hit)
}

#[test]
fn an_entry_in_use_lapses_unless_somebody_renews_it() {
    for renewing in [false, true] {
        let table = table();
        assert_eq!(learn(&table, 0, Renewal::Hit, 1, 3), Learn::New);
        for second in 1..=700 {
            let now = second * S;
            let is_alive = renewing || now <= 300 * S;
            assert_eq!(port(&table, now, 1), is_alive.then_some(3), "{renewing} at {second}");
            let expected = match is_alive {
                false => Sighting::Unknown,
                // The bit is set once, and again after each renewal.
                true if second == 1 || (renewing && second % 10 == 1) => Sighting::Hit,
                true => Sighting::Current,
            };
            assert_eq!(sight(&table, now, Renewal::Hit, 1, 3), expected, "{renewing} at {second}");
            if renewing && second % 10 == 0 {
                assert_eq!(table.renew(now, |_, _, _| true), 1);
                assert!(!is_hit(&table, now, 1));
            }
            table.sweep(now, table.sweep_due(now), |_| {});
        }
        assert_eq!(table.len(), usize::from(renewing));
    }
}

#[test]
fn a_silent_entry_is_not_renewed() {
    let table = table();
    learn(&table, 0, Renewal::Hit, 1, 3);
    assert!(!is_hit(&table, 0, 1), "installing is no hit");
    assert_eq!(table.renew(10 * S, |_, _, _| panic!("nobody spoke")), 0);
    assert_eq!(port(&table, 301 * S, 1), None);
}

#[test]
fn what_has_lapsed_is_not_revived() {
    let table = table();
    learn(&table, 0, Renewal::Hit, 1, 3);
    assert_eq!(sight(&table, 299 * S, Renewal::Hit, 1, 3), Sighting::Hit);
    assert_eq!(table.renew(301 * S, |_, _, _| true), 0, "the agent comes too late");
    assert_eq!(port(&table, 301 * S, 1), None);
    let mut swept = Vec::new();
    table.sweep(301 * S, table.buckets(), |entry| swept.push((entry.mac, entry.port, entry.cause)));
    assert_eq!(swept, [(mac(1), 3, Cause::Lapsed)]);
}

#[test]
fn a_source_is_looked_at_without_being_learned() {
    let table = table();
    table.insert_static(VLAN, mac(9), 5).unwrap();
    learn(&table, 0, Renewal::Stamp, 1, 3);
    let before: Vec<_> = table.iter(0).collect();
    let elsewhere = |port, is_static| Sighting::Elsewhere { port, is_static };
    for (name, n, at, expected) in [
        ("unknown", 7, 3, Sighting::Unknown),
        ("where it is", 1, 3, Sighting::Current),
        ("elsewhere", 1, 4, elsewhere(3, false)),
        ("static, where it is", 9, 5, Sighting::Current),
        ("static, elsewhere", 9, 6, elsewhere(5, true)),
    ] {
        assert_eq!(sight(&table, 0, Renewal::Stamp, n, at), expected, "{name}");
    }
    assert_eq!(table.iter(0).collect::<Vec<_>>(), before);
    assert_eq!(sight(&table, TICK, Renewal::Stamp, 1, 3), Sighting::Refreshed);
    assert_eq!(sight(&table, 302 * S, Renewal::Stamp, 1, 4), Sighting::Unknown, "a tick after it lapsed");
    assert_eq!(table.len(), 2, "and it waits for the sweeper");
    table.flush_port(3);
    assert_eq!(sight(&table, 302 * S, Renewal::Stamp, 1, 3), Sighting::Unknown);
    table.flush_vlan(VLAN);
    assert_eq!(sight(&table, 302 * S, Renewal::Stamp, 9, 6), elsewhere(5, true), "static entries stay");
}

#[test]
fn a_probe_from_before_a_flush_sees_what_there_is_now() {
    let table = table();
    table.insert_static(VLAN, mac(9), 5).unwrap();
    let (unborn, session) = (table.session(0).probe(VLAN + 1, mac(1)), table.session(0));
    let probe = session.probe(VLAN, mac(9));
    table.flush_vlan(VLAN);
    assert_eq!(session.sight(&probe, 5), Sighting::Current);
    assert_eq!(session.sight(&unborn, 5), Sighting::Unknown);
    let station = session.probe(VLAN + 1, mac(1));
    assert_eq!(session.learn(&station, 2), Learn::New);
    assert_eq!(session.sight(&unborn, 2), Sighting::Current);
}

#[test]
fn a_move_and_a_stamp_take_the_bit_away() {
    let table = table();
    learn(&table, 0, Renewal::Hit, 1, 3);
    assert_eq!(learn(&table, S, Renewal::Hit, 1, 3), Learn::Hit);
    assert_eq!(learn(&table, S, Renewal::Hit, 1, 3), Learn::Current);
    assert_eq!(learn(&table, 2 * S, Renewal::Hit, 1, 4), Learn::Moved { from: 3 });
    assert!(!is_hit(&table, 2 * S, 1));
    assert_eq!(port(&table, 302 * S, 1), Some(4), "its time began with the move");

    assert_eq!(learn(&table, 3 * S, Renewal::Hit, 1, 4), Learn::Hit);
    assert_eq!(learn(&table, 4 * S, Renewal::Stamp, 1, 4), Learn::Refreshed);
    assert!(!is_hit(&table, 4 * S, 1));
    table.insert_static(VLAN, mac(1), 6).unwrap();
    assert_eq!(sight(&table, 5 * S, Renewal::Hit, 1, 6), Sighting::Current);
    assert_eq!(table.renew(5 * S, |_, _, _| panic!("a static entry is not renewed")), 0);
}

#[test]
fn a_flushed_entry_is_neither_hit_nor_renewed() {
    let table = table();
    for (n, at) in [(1, 3), (2, 4)] {
        learn(&table, 0, Renewal::Hit, n, at);
        assert_eq!(sight(&table, 0, Renewal::Hit, n, at), Sighting::Hit);
    }
    table.flush_port(3);
    let mut asked = Vec::new();
    assert_eq!(
        table.renew(S, |vlan, mac, port| {
            asked.push((vlan, mac, port));
            true
        }),
        1
    );
    assert_eq!(asked, [(VLAN, mac(2), 4)]);
    sight(&table, S, Renewal::Hit, 2, 4);
    table.flush_vlan(VLAN);
    assert_eq!(table.renew(S, |_, _, _| true), 0);
    assert_eq!(learn(&table, S, Renewal::Hit, 1, 3), Learn::New);
    assert!(!is_hit(&table, S, 1));
}

#[test]
fn who_is_refused_renewal_keeps_the_bit_and_lapses() {
    let table = table();
    learn(&table, 0, Renewal::Hit, 1, 3);
    sight(&table, 0, Renewal::Hit, 1, 3);
    assert_eq!(table.renew(10 * S, |_, _, at| at != 3), 0);
    assert!(is_hit(&table, 10 * S, 1));
    assert_eq!(table.renew(20 * S, |_, _, at| at == 3), 1);
    assert_eq!((port(&table, 320 * S, 1), port(&table, 321 * S, 1)), (Some(3), None));
}

#[test]
fn an_agent_that_is_behind_does_not_turn_time_back() {
    let table = table();
    learn(&table, 20 * TICK, Renewal::Hit, 1, 3);
    sight(&table, 20 * TICK, Renewal::Hit, 1, 3);
    assert_eq!(table.renew(10 * TICK, |_, _, _| true), 1);
    assert_eq!(port(&table, 20 * TICK + 300 * S, 1), Some(3));
}

#[test]
fn hits_outlive_a_change_of_the_ageing_time() {
    let table = table();
    learn(&table, 0, Renewal::Hit, 1, 3);
    sight(&table, 0, Renewal::Hit, 1, 3);
    let open = table.session(10 * S);
    table.set_ageing_time(10 * S, 100 * S);
    assert_eq!(table.renew(10 * S, |_, _, _| true), 0, "under way");
    drop(open);
    table.sweep_flushed(20 * S, 0);
    assert_eq!(table.renew(20 * S, |_, _, _| true), 1);
    assert_eq!((port(&table, 120 * S, 1), port(&table, 121 * S, 1)), (Some(3), None));
    table.set_ageing_time(120 * S, 0);
    assert_eq!(sight(&table, 1000 * S, Renewal::Hit, 1, 3), Sighting::Hit);
    assert_eq!(table.renew(1000 * S, |_, _, _| true), 1, "without an ageing time the bit goes all the same");
    assert!(!is_hit(&table, 1000 * S, 1));
}

#[test]
fn a_batch_hands_over_whom_it_has_not_seen_since_the_last_renewal() {
    for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
        // Twice as many as have room in their first buckets.
        let config = Config { capacity: 64, ports: 8, vlans: 8, hash_key: [3, 5], ..Config::default() };
        let table = MacTable::with_simd(&config, simd).unwrap();
        for n in 0..64 {
            assert_eq!(learn(&table, 0, Renewal::Hit, n, 3), Learn::New);
        }
        let keys: Vec<_> = (0..64).map(|n| Key::from_octets(VLAN, mac(n))).collect();
        let unsettled = |now: u64, ingress: u16, keep: bool| {
            let session = table.session(now).with_renewal(Renewal::Hit);
            let (mut egress, mut handed) = ([0; 64], 0);
            session.resolve(ingress, &keys, &keys, &mut egress, |_, probe| {
                handed += 1;
                if keep {
                    session.sight(probe, ingress);
                }
            });
            (handed, egress.iter().filter(|&&port| port != UNKNOWN).count())
        };
        let name = simd.name();
        assert_eq!(unsettled(S, 3, true), (64, 64), "{name}: not hit yet");
        assert_eq!(unsettled(200 * S, 3, false), (0, 64), "{name}: hit, whatever the stamp");
        assert_eq!(unsettled(200 * S, 4, true), (64, 64), "{name}: of another port");
        assert_eq!(unsettled(301 * S, 3, true), (64, 0), "{name}: lapsed, whatever the bit");
    }
}
