//! The table beside a list of prefixes that is searched from end to end.

use greylag_fib::{Address, Fib, GroupId, Prefix, Simd, Span, Writer};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Slow, and obviously right.
#[derive(Default)]
struct Model<A>(BTreeMap<Prefix<A>, GroupId>);

impl<A: Address> Model<A> {
    fn look_up(&self, address: A) -> Option<GroupId> {
        let covers = self.0.iter().filter(|(prefix, _)| prefix.contains(address));
        covers.max_by_key(|(prefix, _)| prefix.len()).map(|(_, group)| *group)
    }
}

#[derive(Clone, Debug)]
enum Change<A: Address> {
    Insert(Prefix<A>, GroupId),
    Remove(Prefix<A>),
    /// Of those that are there, the one at this place.
    RemoveOne(prop::sample::Index),
    Load(Vec<(Prefix<A>, GroupId)>),
}

fn changes<A: Address>(
    prefix: impl Strategy<Value = Prefix<A>> + Clone + 'static,
) -> impl Strategy<Value = Vec<Change<A>>> {
    let group = (1..6u32).prop_map(|number| GroupId::new(number).unwrap());
    let route = (prefix.clone(), group);
    let load = prop::collection::vec(route.clone(), 0..40).prop_map(Change::Load);
    let insert = route.prop_map(|(prefix, group)| Change::Insert(prefix, group));
    let remove = prefix.prop_map(Change::Remove);
    let remove_one = any::<prop::sample::Index>().prop_map(Change::RemoveOne);
    prop::collection::vec(prop_oneof![12 => insert, 1 => remove, 5 => remove_one, 1 => load], 1..60)
}

/// Few and crowded, so that prefixes meet: bits are taken from a handful of places.
fn ipv4() -> impl Strategy<Value = Prefix<u32>> + Clone {
    let address = (0..3u32, 0..8u32, any::<u8>(), prop_oneof![Just(0u8), Just(255), any::<u8>()]);
    let address =
        address.prop_map(|(a, b, c, d)| (10 + a) << 24 | b << 16 | u32::from(c & 0x9f) << 8 | u32::from(d));
    // Whole tables for one short prefix take their time in a debug build.
    let len = prop_oneof![1 => 0..=8u8, 20 => 12..=32u8];
    (address, len).prop_map(|(address, len)| Prefix::new(address, len).unwrap())
}

fn ipv6() -> impl Strategy<Value = Prefix<u128>> + Clone {
    let address =
        (0..2u128, prop::collection::vec(prop_oneof![3 => Just(0u16), 1 => 0..4u16, 1 => any::<u16>()], 7));
    let address = address.prop_map(|(first, rest)| {
        rest.iter().fold(0x2a00 + first, |address, &word| address << 16 | u128::from(word))
    });
    let len = prop_oneof![1 => 0..=12u8, 20 => 18..=64u8, 8 => 64..=128u8];
    (address, len).prop_map(|(address, len)| Prefix::new(address, len).unwrap())
}

/// Where answers change: the ends of all prefixes, and what lies just outside.
fn edges<A: Address>(model: &Model<A>, more: &[Prefix<A>]) -> Vec<A> {
    let step = 1u128 << (128 - u32::from(A::BITS));
    let ends = model.0.keys().chain(more).flat_map(|prefix| [prefix.first(), prefix.last()]);
    let around = |end: A| [end.left(), end.left().wrapping_sub(step), end.left().wrapping_add(step)];
    ends.flat_map(around).map(A::from_left).collect()
}

fn agree<A: Address>(writer: &Writer<A>, model: &Model<A>, addresses: &[A], single: bool) {
    let mut reader = writer.reader();
    let session = reader.session();
    let mut groups = vec![None; addresses.len()];
    session.look_up_batch(addresses, &mut groups);
    for (&address, &found) in addresses.iter().zip(&groups) {
        let expected = model.look_up(address);
        assert_eq!(found, expected, "{address:?} in a batch, of {:?}", model.0);
        if single {
            assert_eq!(session.look_up(address), expected, "{address:?}");
        }
    }
}

/// What look-ups find in a block, by asking the list for all addresses at which answers may change.
fn spans<A: Address>(model: &Model<A>, block: Prefix<A>) -> Vec<Span<A>> {
    let mut firsts = edges(model, &[]);
    firsts.retain(|&address| block.contains(address));
    firsts.push(block.first());
    firsts.sort_unstable();
    firsts.dedup();
    let step = 1u128 << (128 - u32::from(A::BITS));
    let ends = firsts[1..].iter().map(|next| A::from_left(next.left() - step)).chain([block.last()]);
    let mut spans: Vec<Span<A>> = Vec::new();
    for (&first, last) in firsts.iter().zip(ends) {
        let group = model.look_up(first);
        match spans.last_mut().filter(|span| span.group == group) {
            Some(span) => span.last = last,
            None => spans.push(Span { first, last, group }),
        }
    }
    spans
}

/// What an audit compares: what readers see of a block, the writer's list brought to that form, and the list.
fn agree_on_spans<A: Address>(writer: &Writer<A>, model: &Model<A>) {
    let all = Prefix::new(A::from_left(0), 0).unwrap();
    let blocks = model.0.keys().step_by(3).flat_map(|&prefix| {
        [
            Some(prefix),
            Prefix::new(prefix.first(), prefix.len().saturating_sub(3)),
            Prefix::new(prefix.first(), A::BITS),
        ]
    });
    let mut reader = writer.reader();
    for block in blocks.flatten().chain([all]) {
        let expected = spans(model, block);
        assert_eq!(reader.session().spans(block), expected, "{block} of {:?}", model.0);
        assert_eq!(Span::of(writer.iter(), block), expected, "{block} of {:?}", model.0);
    }
}

fn follow<A: Address>(changes: &[Change<A>]) {
    for simd in Simd::ALL.into_iter().filter(|simd| simd.is_available()) {
        let mut writer = Fib::<A>::with_simd(1000, simd);
        let mut model = Model::<A>(BTreeMap::new());
        for change in changes {
            let mut touched = Vec::new();
            match change {
                Change::Insert(prefix, group) => {
                    touched.push(*prefix);
                    assert_eq!(writer.insert(*prefix, *group).unwrap(), model.0.insert(*prefix, *group));
                }
                Change::Remove(prefix) => {
                    touched.push(*prefix);
                    assert_eq!(writer.remove(*prefix).unwrap(), model.0.remove(prefix));
                }
                Change::RemoveOne(at) if !model.0.is_empty() => {
                    let prefix = *model.0.keys().nth(at.index(model.0.len())).unwrap();
                    touched.push(prefix);
                    assert_eq!(writer.remove(prefix).unwrap(), model.0.remove(&prefix));
                }
                Change::RemoveOne(_) => {}
                Change::Load(routes) => {
                    writer.load(routes.iter().copied()).unwrap();
                    model.0 = routes.iter().copied().collect();
                }
            }
            agree(&writer, &model, &edges(&model, &touched), false);
        }
        agree(&writer, &model, &edges(&model, &[]), true);
        agree_on_spans(&writer, &model);
        assert!(writer.iter().eq(model.0.iter().map(|(prefix, group)| (*prefix, *group))));
        // What is taken from an empty table is all that was given.
        for prefix in model.0.keys() {
            writer.remove(*prefix).unwrap();
        }
        let empty = Fib::<A>::new(0).table_bytes();
        assert_eq!(writer.table_bytes() - writer.waiting_bytes(), empty, "nodes were lost");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn ipv4_finds_what_a_list_finds(changes in changes(ipv4())) {
        follow(&changes);
    }

    #[test]
    fn ipv6_finds_what_a_list_finds(changes in changes(ipv6())) {
        follow(&changes);
    }
}
