//! Every rule by which packets are discarded.

use crate::driver::{A, Network, address, local, router_id, secs};
use crate::pretender::{HERE, X, alone, hello, lsa, packet};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use greylag_base::InterfaceId;
use greylag_linkstate::Discard;
use greylag_linkstate::wire::{Body, Hello, Lsa, Repr};

fn hear(network: &mut Network, from: IpAddr, body: Body) {
    network.hear_from(from, &packet(X, body).emit());
}

fn hears(network: &mut Network, hello: Hello) {
    hear(network, address(0, X), Body::Hello(hello));
}

#[test]
fn every_rule_has_its_counter() {
    type Act = fn(&mut Network);
    let rules: &[(&str, Discard, Act)] = &[
        ("an interface that is not there", Discard::Interface, |network| {
            let payload = packet(X, Body::Hello(hello(X, &[]))).emit();
            network.tell(A, |router, now| router.handle_packet(now, InterfaceId(7), address(0, X), &payload));
        }),
        ("an interface that is passive", Discard::Interface, |network| {
            network.reconfigure(A, |config| config.interfaces[0].passive = true);
            hears(network, hello(X, &[]));
        }),
        ("an interface that is disabled", Discard::Interface, |network| {
            network.reconfigure(A, |config| config.interfaces[0].enabled = false);
            hears(network, hello(X, &[]));
        }),
        ("an interface without a carrier", Discard::Interface, |network| {
            network.set_carrier(0, false);
            hears(network, hello(X, &[]));
        }),
        ("an interface without an address to speak from", Discard::Interface, |network| {
            let beyond = ["2001:db8::1/64".parse().unwrap()];
            network.tell(A, |router, now| router.set_interface(now, HERE, true, &beyond));
            hears(network, hello(X, &[]));
        }),
        ("nothing", Discard::CutShort, |network| network.hear_from(address(0, X), &[])),
        ("somebody else's experiment", Discard::Magic, |network| network.hear_from(address(0, X), &[0; 24])),
        ("another version", Discard::Version, |network| {
            let mut payload = packet(X, Body::Hello(hello(X, &[]))).emit().to_vec();
            payload[4] = 2;
            network.hear_from(address(0, X), &payload);
        }),
        ("an octet too many", Discard::Length, |network| {
            let mut payload = packet(X, Body::Hello(hello(X, &[]))).emit().to_vec();
            payload.push(0);
            network.hear_from(address(0, X), &payload);
        }),
        ("a bit that is another", Discard::Checksum, |network| {
            let mut payload = packet(X, Body::Hello(hello(X, &[]))).emit().to_vec();
            payload[30] ^= 1;
            network.hear_from(address(0, X), &payload);
        }),
        ("no router-id", Discard::RouterId, |network| {
            let repr = Repr { router: Ipv4Addr::UNSPECIFIED, ..packet(X, Body::Hello(hello(X, &[]))) };
            network.hear(X, &repr);
        }),
        ("an age of more than an hour", Discard::Body, |network| {
            let mut lsa = lsa(X, 1);
            lsa.header.age = 3601;
            hear(network, address(0, X), Body::Update(vec![lsa]));
        }),
        ("an announcement that was damaged before it was sent", Discard::LsaChecksum, |network| {
            let mut lsa = lsa(X, 1);
            lsa.overload = true;
            hear(network, address(0, X), Body::Update(vec![lsa]));
        }),
        ("no such kind", Discard::Kind, |network| {
            // Where three packets of one length are added up without carrying, so are their CRCs, and kinds 1, 3 and 4 make 6.
            let lsa = Lsa::new(lsa(X, 1).header.id, 1, false, Vec::new(), lsa(X, 1).prefixes);
            let [one, two, three] =
                [Body::Hello(hello(X, &[])), Body::Request(vec![lsa.header.id; 5]), Body::Update(vec![lsa])]
                    .map(|body| packet(X, body).emit());
            let mixed: Vec<u8> = (0..one.len()).map(|at| one[at] ^ two[at] ^ three[at]).collect();
            network.hear_from(address(0, X), &mixed);
        }),
        ("our own router-id", Discard::OwnRouterId, |network| {
            let repr = Repr { router: router_id(A), ..packet(X, Body::Hello(hello(X, &[]))) };
            network.hear(X, &repr);
        }),
        ("for another", Discard::ForAnother, |network| {
            let repr = Repr { to: Some(router_id(X)), ..packet(X, Body::Summary(Vec::new())) };
            network.hear(X, &repr);
        }),
        ("from an address that the hello does not name", Discard::SourceAddress, |network| {
            hear(network, address(0, X + 1), Body::Hello(hello(X, &[])));
        }),
        ("from an address that is in no subnet of ours", Discard::SourceAddress, |network| {
            let beyond = Ipv4Addr::new(192, 0, 2, 1);
            let hello = Hello { ipv4: Some(beyond), ..hello(X, &[]) };
            hear(network, beyond.into(), Body::Hello(hello));
        }),
        ("a gateway that is in no subnet of ours", Discard::SourceAddress, |network| {
            let hello = Hello { ipv4: Some(Ipv4Addr::new(192, 0, 2, 1)), ..hello(X, &[]) };
            hear(network, local(X), Body::Hello(hello));
        }),
        ("our own address", Discard::SourceAddress, |network| {
            let hello = Hello { ipv4: Some(Ipv4Addr::new(10, 0, 0, 1)), ..hello(X, &[]) };
            hear(network, address(0, A), Body::Hello(hello));
        }),
        ("our own address of the link", Discard::SourceAddress, |network| {
            let hello = Hello { ipv6: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)), ..hello(X, &[]) };
            hear(network, address(0, X), Body::Hello(hello));
        }),
        ("another hello interval", Discard::HelloInterval, |network| {
            hears(network, Hello { hello_interval: secs(9), ..hello(X, &[]) });
        }),
        ("another dead interval", Discard::DeadInterval, |network| {
            hears(network, Hello { dead_interval: secs(39), ..hello(X, &[]) });
        }),
        ("an update of nobody", Discard::NotAdjacent, |network| {
            hear(network, address(0, X), Body::Update(vec![lsa(X, 1)]));
        }),
        ("an update of one who does not hear us", Discard::NotAdjacent, |network| {
            hears(network, hello(X, &[]));
            hear(network, address(0, X), Body::Update(vec![lsa(X, 1)]));
        }),
        ("an update of one whom BFD has lost", Discard::NotAdjacent, |network| {
            network.tell(A, |router, now| router.set_path(now, HERE, local(X), false));
            hears(network, hello(X, &[A]));
            let update = packet(X, Body::Update(vec![lsa(X, 1)]));
            network.hear(X, &Repr { to: Some(router_id(A)), ..update });
        }),
        ("an update of another incarnation", Discard::NotAdjacent, |network| {
            hears(network, hello(X, &[A]));
            let update = packet(X, Body::Update(vec![lsa(X, 1)]));
            network.hear(X, &Repr { incarnation: 8, ..update });
        }),
    ];
    for (name, rule, act) in rules {
        let mut network = alone();
        act(&mut network);
        let discards = network.snapshot(A).discards;
        assert_eq!((discards.of(*rule), discards.total()), (1, 1), "{name}: {discards:?}");
        assert_eq!(network.lsa(A, X), None, "{name}");
    }
}

#[test]
fn there_are_no_more_neighbors_than_a_hello_can_name() {
    let mut network = alone();
    for number in 0..400_u32 {
        let address = Ipv4Addr::from(0x0a00_0000 + 2 + number % 250);
        let hello = Hello { ipv4: Some(address), ipv6: None, ..hello(X, &[]) };
        let repr = Repr { router: Ipv4Addr::from(0x0b00_0000 + number), ..packet(X, Body::Hello(hello)) };
        network.hear_from(address.into(), &repr.emit());
    }
    let (known, discards) = (network.snapshot(A).neighbors.len(), network.snapshot(A).discards);
    assert_eq!((known, discards.of(Discard::TooManyNeighbors)), (296, 104));
    network.run(secs(10));
    let longest = network.sent.iter().map(|sent| sent.packet.payload.len()).max();
    assert_eq!(longest, Some(24 + 30 + 4 * 296));
}
