//! What holds for any octets.

use crate::driver::{A, B, C, Network, address, millis, secs};
use crate::pretender::HERE;
use greylag_base::Seed;
use greylag_linkstate::wire::Repr;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Octets by chance, and packets of the network's own at wrong times, in wrong places, and with changes that their checksum
    /// does not notice. Nothing panics, time goes on, and when it is over all is as it should be.
    #[test]
    fn octets_do_no_harm(
        noise in vec((vec(any::<u8>(), 0..120), 0_usize..3), 0..20),
        replays in vec((any::<usize>(), 0_usize..3, any::<bool>(), vec((any::<usize>(), any::<u8>()), 0..3)), 0..120),
        seed in any::<u64>(),
    ) {
        let all: &[(usize, u16)] = &[(A, 1), (B, 2), (C, 3)];
        let mut network = Network::seeded(Seed(seed), 3, &[all, &[(A, 1), (C, 1)]], |_| {});
        network.run(secs(40));
        for (octets, to) in noise {
            network.tell(to, |router, now| router.handle_packet(now, HERE, address(0, 9), &octets));
        }
        for (which, to, resolve, changes) in replays {
            let sent = network.sent[which % network.sent.len()].clone();
            let mut octets = sent.packet.payload.to_vec();
            for (at, octet) in changes {
                let at = at % octets.len();
                octets[at] = octet;
            }
            // Some with a checksum that fits: as if the sender had meant it.
            if resolve {
                let crc = crc(&octets);
                octets[8..12].copy_from_slice(&crc);
            }
            let id = sent.packet.interface;
            network.tell(to, |router, now| router.handle_packet(now, id, sent.packet.from, &octets));
            network.run(millis(500));
        }
        network.run(secs(4000));
        prop_assert!(network.is_whole(), "{:#?}", network.downs());
        prop_assert!(network.databases_agree());
        for sent in &network.sent {
            prop_assert!(Repr::parse(&sent.packet.payload).is_ok());
        }
    }
}

/// The CRC-32 of a packet, the slow way.
fn crc(octets: &[u8]) -> [u8; 4] {
    let mut rest = u32::MAX;
    for (at, octet) in octets.iter().enumerate() {
        rest ^= u32::from(if (8..12).contains(&at) { 0 } else { *octet });
        for _ in 0..8 {
            rest = if rest & 1 == 1 { rest >> 1 ^ 0xedb8_8320 } else { rest >> 1 };
        }
    }
    (!rest).to_be_bytes()
}
