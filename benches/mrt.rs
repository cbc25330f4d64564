//! A routing table as route collectors keep it, for BGP speakers to read: MRT, TABLE_DUMP_V2 (RFC 6396).

use crate::table::routes;
use greylag_fib::{Address, Prefix};

/// RFC 6396 4.3.
const TABLE_DUMP_V2: u16 = 13;
const PEER_INDEX_TABLE: u16 = 1;
const RIB_IPV4_UNICAST: u16 = 2;
const RIB_IPV6_UNICAST: u16 = 4;

/// Who has told all of it: none of the routers that it goes to, for nobody is told what comes from himself.
const PEER: [u8; 4] = [192, 0, 2, 99];
const PEER_AS: u32 = 64_511;

/// A dump of the table, each prefix with its AS behind it, and how many prefixes of each family there are.
pub fn dump(text: &str) -> (Vec<u8>, [usize; 2]) {
    let mut out = Vec::new();
    // Who collected it, a view without a name, one peer: its numbers of four octets each, its address one of IPv4.
    let mut peers = [&PEER[..], &[0, 0], &[0, 1], &[2], &PEER, &PEER].concat();
    peers.extend(PEER_AS.to_be_bytes());
    record(&mut out, PEER_INDEX_TABLE, &peers);
    let next_hop4 = [&[0x40, 3, 4][..], &PEER].concat();
    // RFC 6396 4.3.4 has the next hop alone; GoBGP 3.10 wants all of MP_REACH_NLRI but the prefixes, which many collectors write, too.
    let next_hop6 = [&[0x80, 14, 21, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1, 0]].concat();
    let counts = [
        put_family::<u32>(&mut out, text, RIB_IPV4_UNICAST, &next_hop4),
        put_family::<u128>(&mut out, text, RIB_IPV6_UNICAST, &next_hop6),
    ];
    (out, counts)
}

fn put_family<A: Address>(out: &mut Vec<u8>, text: &str, subtype: u16, next_hop: &[u8]) -> usize {
    let mut count = 0_u32;
    for (prefix, group) in routes::<A>(text) {
        let mut entry = count.to_be_bytes().to_vec();
        entry.push(prefix.len());
        entry.extend(octets(prefix));
        // Of some the AS is not known.
        let origin = if group.get() == 1 { PEER_AS } else { group.get() - 1 };
        let path = [&[0x40, 2, 6, 2, 1][..], &origin.to_be_bytes()].concat();
        let attributes = [&[0x40, 1, 1, 0][..], &path, next_hop].concat();
        // One entry, of the first peer, at no time.
        entry.extend([0, 1, 0, 0, 0, 0, 0, 0]);
        entry.extend((attributes.len() as u16).to_be_bytes());
        entry.extend(attributes);
        record(out, subtype, &entry);
        count += 1;
    }
    count as usize
}

/// The address of a prefix, as far as it says anything.
fn octets<A: Address>(prefix: Prefix<A>) -> Vec<u8> {
    prefix.first().left().to_be_bytes()[..usize::from(prefix.len()).div_ceil(8)].to_vec()
}

fn record(out: &mut Vec<u8>, subtype: u16, body: &[u8]) {
    out.extend(0_u32.to_be_bytes());
    out.extend(TABLE_DUMP_V2.to_be_bytes());
    out.extend(subtype.to_be_bytes());
    out.extend((body.len() as u32).to_be_bytes());
    out.extend(body);
}
