//! A router with zebra in a namespace of the test, and what zebra has told us.

use crate::rig::{DEADLINE, unique};
use greylag_base::PortName;
use greylag_fpm::{
    Counts, Encap, Fpm, FpmMessage, GroupMember, Hop, IfIndex, Next, NextHop, NextHopAdd, NextHopId,
    NextHopObject, Outcome, Protocol, RouteAdd, RoutePrefix, encode_outcome,
};
use greylag_lab::frr::{self, Frr, FrrConfig};
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::Netns;
use greylag_tests::{Need, wait_for};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// What it takes to run one.
pub(crate) const FRR: &[Need] = &[Need::NetAdmin, Need::Program { name: "vtysh", package: "frr" }];

/// Interfaces of the router, and the addresses at both ends of their cables.
const CABLES: [(&str, [&str; 2], [&str; 2]); 2] = [
    ("eth1", ["192.0.2.1", "192.0.2.2"], ["2001:db8:a::1", "2001:db8:a::2"]),
    ("eth2", ["192.0.2.5", "192.0.2.6"], ["2001:db8:b::1", "2001:db8:b::2"]),
];

/// A router with two cables to another namespace. In both there can be FRR.
pub(crate) struct Router {
    pub(crate) netns: Netns,
    pub(crate) neighbour: Netns,
    parent: TempDir,
}

impl Router {
    pub(crate) fn new() -> Router {
        let name = unique("glf");
        let [netns, neighbour] = ["r1", "r2"].map(|node| Netns::create(&format!("{name}-{node}")).unwrap());
        let everybody = std::fs::Permissions::from_mode(0o755);
        let parent = tempfile::Builder::new().permissions(everybody).tempdir_in("/tmp").unwrap();
        let router = Router { netns, neighbour, parent };
        link::set_up(&router.netns, "lo").unwrap();
        link::set_up(&router.neighbour, "lo").unwrap();
        for (interface, ..) in CABLES {
            let name = PortName::new(interface).unwrap();
            let end = |netns| VethEnd { netns, name: &name, mac: None, mtu: 1500 };
            link::veth_pair(&end(&router.netns), &end(&router.neighbour)).unwrap();
        }
        for (interface, ipv4, ipv6) in CABLES {
            for (netns, end) in [(&router.netns, 0), (&router.neighbour, 1)] {
                link::add_address(netns, interface, ipv4[end].parse().unwrap(), 30).unwrap();
                link::add_address(netns, interface, ipv6[end].parse().unwrap(), 64).unwrap();
                link::set_up(netns, interface).unwrap();
            }
        }
        router
    }

    /// Gives an interface that was down the IPv6 address again that the kernel takes from it.
    pub(crate) fn raise(&self, interface: &str) {
        link::set_up(&self.netns, interface).unwrap();
        let (_, _, [address, _]) = CABLES.into_iter().find(|(name, ..)| *name == interface).unwrap();
        link::add_address(&self.netns, interface, address.parse().unwrap(), 64).unwrap();
    }

    /// Starts FRR in the router, and somebody whom it tells its routes.
    pub(crate) fn start(&self, configuration: &str) -> (Frr, Told) {
        let listener = self.netns.run(|| TcpListener::bind("127.0.0.1:0")).unwrap().unwrap();
        listener.set_nonblocking(true).unwrap();
        let frr = self.start_in(&self.netns, "r1", configuration, Some(listener.local_addr().unwrap()));
        (frr, Told::new(listener))
    }

    /// Starts FRR in the neighbour, for itself.
    pub(crate) fn start_neighbour(&self, configuration: &str) -> Frr {
        self.start_in(&self.neighbour, "r2", configuration, None)
    }

    fn start_in(&self, netns: &Netns, node: &str, configuration: &str, fpm: Option<SocketAddr>) -> Frr {
        let config = FrrConfig {
            netns: netns.clone(),
            folder: self.folder(node),
            configuration: configuration.to_owned(),
            daemons: [].into(),
            fpm,
            lab: None,
        };
        Frr::start(&config).unwrap_or_else(|error| panic!("{error}"))
    }

    fn folder(&self, node: &str) -> PathBuf {
        self.parent.path().join(node)
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let left = ["r1", "r2"].map(|node| frr::stop_in(&self.folder(node)));
        for netns in [&self.netns, &self.neighbour] {
            let _ = Netns::delete(netns.name());
        }
        if !std::thread::panicking() {
            left.into_iter().for_each(|stopped| stopped.unwrap_or_else(|error| panic!("{error}")));
        }
    }
}

/// What a number of zebra's stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Object {
    One(NextHop),
    Nowhere,
    Group(Vec<GroupMember>),
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Id(NextHopId),
    Hops(Vec<Hop>),
    Blackhole,
    Unreachable,
    Prohibit,
}

impl Way {
    fn of(next: Next<'_>) -> Way {
        match next {
            Next::Id(id) => Way::Id(id),
            Next::Hops(hops) => Way::Hops(hops.iter().collect()),
            Next::Blackhole => Way::Blackhole,
            Next::Unreachable => Way::Unreachable,
            Next::Prohibit => Way::Prohibit,
        }
    }

    fn next(&self) -> Next<'_> {
        match self {
            Way::Id(id) => Next::Id(*id),
            Way::Hops(hops) => Next::Hops(hops[..].into()),
            Way::Blackhole => Next::Blackhole,
            Way::Unreachable => Next::Unreachable,
            Way::Prohibit => Next::Prohibit,
        }
    }
}

/// A route as it was told last.
struct Route {
    add: RouteAdd<'static>,
    way: Way,
}

/// One to whom zebra tells its routes.
pub(crate) struct Told {
    listener: TcpListener,
    zebra: Option<TcpStream>,
    fpm: Fpm,
    routes: BTreeMap<RoutePrefix, Route>,
    objects: BTreeMap<NextHopId, Object>,
}

impl Told {
    fn new(listener: TcpListener) -> Told {
        Told { listener, zebra: None, fpm: Fpm::new(), routes: BTreeMap::new(), objects: BTreeMap::new() }
    }

    /// Listens until a condition holds.
    pub(crate) fn wait_until(&mut self, what: &str, is: impl Fn(&Told) -> bool) {
        wait_for(what, DEADLINE, || {
            self.listen();
            is(self).then_some(())
        });
    }

    /// Takes what has come in.
    fn listen(&mut self) {
        if self.zebra.is_none() {
            self.zebra = self.listener.accept().ok().map(|(stream, _)| stream);
            self.zebra.iter().for_each(|zebra| zebra.set_nonblocking(true).unwrap());
        }
        // Of a size that cuts messages.
        let mut piece = [0; 777];
        while let Some(zebra) = &mut self.zebra {
            let octets = match zebra.read(&mut piece) {
                Ok(0) => panic!("zebra has closed the connection"),
                Ok(len) => &piece[..len],
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(self.fpm.handle_bytes(octets), octets.len());
            let Told { fpm, routes, objects, .. } = self;
            while let Some(message) = fpm.poll_message().unwrap() {
                take(message, routes, objects);
            }
        }
    }

    /// Where packets for a prefix go, as words: each next hop as `gateway interface xWEIGHT`.
    pub(crate) fn ways(&self, prefix: &str) -> Option<BTreeSet<String>> {
        let route = self.routes.get(&read(prefix))?;
        let word = |word: &str| BTreeSet::from([word.to_owned()]);
        Some(match &route.way {
            Way::Blackhole => word("blackhole"),
            Way::Unreachable => word("unreachable"),
            Way::Prohibit => word("prohibit"),
            Way::Hops(hops) => hops.iter().map(|hop| said(hop.next_hop, hop.weight)).collect(),
            Way::Id(id) => self.resolve(*id, 1),
        })
    }

    fn resolve(&self, id: NextHopId, weight: u16) -> BTreeSet<String> {
        match self.objects.get(&id) {
            None => BTreeSet::from([format!("{id:?} of which nothing was told")]),
            Some(Object::Nowhere) => BTreeSet::from(["nowhere".to_owned()]),
            Some(Object::One(next_hop)) => BTreeSet::from([said(*next_hop, weight)]),
            Some(Object::Group(members)) => {
                members.iter().flat_map(|member| self.resolve(member.id, member.weight)).collect()
            }
        }
    }

    /// Was the route told by the number of its next hop?
    pub(crate) fn is_by_number(&self, prefix: &str) -> bool {
        self.routes.get(&read(prefix)).is_some_and(|route| matches!(route.way, Way::Id(_)))
    }

    pub(crate) fn protocol(&self, prefix: &str) -> Option<Protocol> {
        Some(self.routes.get(&read(prefix))?.add.protocol)
    }

    pub(crate) fn counts(&self) -> &Counts {
        self.fpm.counts()
    }

    /// Tells zebra of each route what became of it, and says how many octets that were.
    pub(crate) fn answer(&mut self, outcome: Outcome) -> usize {
        let mut octets = Vec::new();
        for Route { add, way } in self.routes.values() {
            encode_outcome(&RouteAdd { next: way.next(), ..*add }, outcome, &mut octets).unwrap();
        }
        self.zebra.as_mut().expect("zebra is there").write_all(&octets).unwrap();
        octets.len()
    }
}

fn take(
    message: FpmMessage<'_>,
    routes: &mut BTreeMap<RoutePrefix, Route>,
    objects: &mut BTreeMap<NextHopId, Object>,
) {
    match message {
        FpmMessage::RouteAdd(add) => {
            let way = Way::of(add.next);
            routes.insert(add.prefix, Route { add: RouteAdd { next: Next::Blackhole, ..add }, way });
        }
        FpmMessage::RouteDelete(delete) => {
            routes.remove(&delete.prefix).unwrap_or_else(|| panic!("{} was never told", delete.prefix));
        }
        FpmMessage::NextHopAdd(NextHopAdd { id, object, .. }) => {
            let object = match object {
                NextHopObject::Single(_, next_hop) => Object::One(next_hop),
                NextHopObject::Blackhole => Object::Nowhere,
                NextHopObject::Group(group) => Object::Group(group.members.iter().collect()),
            };
            objects.insert(id, object);
        }
        FpmMessage::NextHopDelete(id) => {
            objects.remove(&id).unwrap_or_else(|| panic!("{id:?} was never told"));
        }
        FpmMessage::Other(other) => panic!("nothing of this kind was configured: {other}"),
    }
}

fn read(prefix: &str) -> RoutePrefix {
    match prefix.contains(':') {
        true => RoutePrefix::V6(prefix.parse().unwrap()),
        false => RoutePrefix::V4(prefix.parse().unwrap()),
    }
}

fn said(next_hop: NextHop, weight: u16) -> String {
    let NextHop { gateway, interface: IfIndex(interface), onlink, encap } = next_hop;
    let gateway = gateway.map_or("connected".to_owned(), |gateway: IpAddr| gateway.to_string());
    let onlink = if onlink { " onlink" } else { "" };
    let encap = encap.map_or(String::new(), |Encap(kind)| format!(" in {kind}"));
    format!("{gateway} {interface} x{weight}{onlink}{encap}")
}
