//! How long a full table takes, and how much memory: a router hears it from one neighbor, decides, and tells another.
//!
//! `cargo run --release -p greylag-bgp --example full_table [PREFIXES]`

use greylag_base::{Dice, Instant, Seed};
use greylag_bgp::{
    Action, AsPath, Asn, Attributes, Bgp, BgpConfig, Direction, IpNet, NeighborConfig, NeighborId, Origin,
};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const NOW: Instant = Instant::ZERO;
/// As many prefixes share their attributes on average, as in the tables of the Internet.
const SHARED: u64 = 6;
const FEED: u32 = 1;
const ROUTER: u32 = 2;
const SINK: u32 = 3;

fn address(router: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, router as u8)
}

fn speaker(router: u32, others: &[u32]) -> Bgp {
    let mut config = BgpConfig::new(Asn(65_000 + router), address(router));
    config.neighbors = others
        .iter()
        .map(|other| {
            let (local, remote) = (IpAddr::V4(address(router)), IpAddr::V4(address(*other)));
            let neighbor = NeighborConfig::new(NeighborId(*other), Asn(65_000 + other), local, remote);
            // Who has the lesser number connects.
            NeighborConfig { passive_mode: router > *other, ..neighbor }
        })
        .collect();
    let mut bgp = Bgp::new(config, Seed(1), NOW).expect("it is sound");
    for other in others {
        bgp.set_next_hop(NOW, IpAddr::V4(address(*other)), Some(0));
    }
    bgp
}

/// Everything that each of two has to say to the other; how many octets the first has said.
fn talk(one: &mut Bgp, first: u32, other: &mut Bgp, second: u32) -> usize {
    let mut octets = 0;
    let mut quiet = false;
    while !quiet {
        quiet = true;
        for forth in [true, false] {
            let (from, to, back) =
                if forth { (&mut *one, &mut *other, first) } else { (&mut *other, &mut *one, second) };
            let to_direction = if forth { Direction::Passive } else { Direction::Active };
            let mut others = Vec::new();
            while let Some(action) = from.poll_transmit() {
                quiet = false;
                match action {
                    Action::Connect { .. } => {
                        to.handle_connected(NOW, NeighborId(back), Direction::Passive);
                        from.handle_connected(NOW, NeighborId(second), Direction::Active);
                    }
                    Action::Send { neighbor, bytes, .. }
                        if neighbor.0 == if forth { second } else { first } =>
                    {
                        octets += if forth { bytes.len() } else { 0 };
                        to.handle_bytes(NOW, NeighborId(back), to_direction, &bytes);
                    }
                    action => others.push(action),
                }
            }
            assert!(others.is_empty(), "one pair talks at a time: {others:?}");
        }
    }
    octets
}

fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// The processor's time that was spent here: what others do on the machine does not count.
fn spent() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("the kernel counts it");
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("it begins with a number"))
}

fn tell(what: &str, start: Duration, before: u64) {
    println!(
        "{what:<44} {:>6.2} s {:>6} MiB more",
        (spent() - start).as_secs_f64(),
        memory().saturating_sub(before)
    );
}

fn main() {
    let prefixes: u64 = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().expect("a number"));
    let mut dice = Dice::new(Seed(7));
    let mut sets = Vec::new();
    for _ in 0..prefixes.div_ceil(SHARED) {
        let path: Vec<u32> = (0..2 + dice.below(4)).map(|_| 1 + dice.below(400_000) as u32).collect();
        let communities = (0..dice.below(6)).map(|_| dice.word() as u32 & 0x7fff_ffff).collect();
        sets.push(Attributes { as_path: AsPath::of(&path), communities, ..Attributes::local(Origin::Igp) });
    }
    let (mut feed, mut router, mut sink) =
        (speaker(FEED, &[ROUTER]), speaker(ROUTER, &[FEED, SINK]), speaker(SINK, &[ROUTER]));
    router.set_room(NOW, NeighborId(SINK), false);
    let before = memory();
    let start = spent();
    for number in 0..prefixes {
        let network = Ipv4Addr::from((0x0100_0000 + ((number as u32) << 8)).to_be_bytes());
        let prefix = IpNet::new(network.into(), 24).expect("24 bits are few enough");
        feed.announce(NOW, prefix, sets[dice.below(sets.len() as u64) as usize].clone());
    }
    tell("the feed originates its prefixes", start, before);

    // Both sessions come up before there is anything to say on them.
    let Some(Action::Connect { .. }) = router.poll_transmit() else {
        panic!("the router connects to the sink")
    };
    let before = memory();
    let start = spent();
    let octets = talk(&mut feed, FEED, &mut router, ROUTER);
    tell("feed and router: written, read, decided", start, before);
    println!("{:<44} {:>6} MiB, {} attribute sets", "octets of UPDATE", octets >> 20, sets.len());
    let start = spent();
    let mut changes = 0;
    while router.poll_route_change().is_some_and(|change| change.route.is_some()) {
        changes += 1;
    }
    assert_eq!(changes, prefixes);
    tell("the router tells its routing", start, memory());

    let before = memory();
    let start = spent();
    sink.handle_connected(NOW, NeighborId(ROUTER), Direction::Passive);
    router.handle_connected(NOW, NeighborId(SINK), Direction::Active);
    router.set_room(NOW, NeighborId(SINK), true);
    talk(&mut router, ROUTER, &mut sink, SINK);
    tell("router and sink: written, read, decided", start, before);
    assert_eq!(
        sink.neighbor_row(NeighborId(ROUTER)).expect("it is there").families[0].accepted as u64,
        prefixes
    );

    let start = spent();
    router.set_next_hop(NOW, IpAddr::V4(address(FEED)), None);
    tell("the router loses its only next hop", start, memory());
    let start = spent();
    router.handle_closed(NOW, NeighborId(FEED), Direction::Passive);
    tell("the router loses its session with the feed", start, memory());
}
