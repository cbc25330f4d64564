//! Routes that FRR's zebra finds: what it says on its FPM connection, as offers in the RIB.
//!
//! zebra speaks of numbers, and says later what they mean; a group may come before its members, a route before its next hop. What
//! leads nowhere yet is not offered. Nothing in the stream says where its first telling ends: routes of the connection before
//! stay, and those that have not come again in time are then removed (`routing.fpm.stale-time`).

use crate::Switch;
use crate::agent::AgentKind;
use crate::octets::Octets;
use crate::routing::RoutingEvent;
use crate::routing::answers::Answers;
use crate::routing::paths::Known;
use crate::routing::route::{Hop, Offer, RouteSource, Target};
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId};
use greylag_fpm::{
    Fpm, FpmMessage, IfIndex, Next, NextHop, NextHopId, NextHopObject, Protocol, RouteAdd, RoutePrefix,
    TableId,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The list of who goes by a number may have so many more than do.
const SPARE: usize = 64;

/// What happens to the connection from zebra.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FpmInput {
    /// zebra has connected.
    Connected,
    /// It has said something.
    Octets(Octets),
    /// The connection has ended.
    Closed,
}

/// Routes of a connection that has ended, which the next one has not told again.
#[derive(Debug, Default)]
pub(crate) struct StaleRoutes {
    prefixes: BTreeSet<IpNet>,
    /// They are removed then.
    until: Option<Instant>,
}

/// What zebra has told on the connection that it has.
pub(crate) struct Feed {
    stream: Fpm,
    /// What its numbers mean.
    numbers: BTreeMap<NextHopId, Number>,
    /// The routes that go by a number.
    pub(crate) routes: BTreeMap<IpNet, Told>,
    /// Numbers that routes go by and that mean something else than before.
    moved: BTreeSet<NextHopId>,
    /// What zebra may be told.
    pub(crate) answers: Answers,
}

/// A route that goes by a number, as zebra has told it.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub(crate) id: NextHopId,
    pub(crate) protocol: Protocol,
    pub(crate) priority: u32,
    /// In which round it was told last.
    pub(crate) round: u32,
}

/// What a number means, and who goes by it.
#[derive(Default)]
struct Number {
    /// `None` until zebra says.
    object: Option<Object>,
    /// Where that is, as the RIB hears it; `None` for nowhere that we know.
    offer: Option<Offer>,
    /// Its path in the RIB.
    path: Known,
    /// Groups that have it as a member.
    groups: BTreeSet<NextHopId>,
    /// Routes that go by it.
    routes: usize,
    /// Prefixes that have gone by it: those that do are among them.
    prefixes: Vec<IpNet>,
}

/// What zebra says of a number.
#[derive(Clone, PartialEq, Eq)]
enum Object {
    One(Way),
    Group(Vec<(NextHopId, u16)>),
}

/// One way out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    By(Hop),
    Attached(InterfaceId),
    Blackhole,
    /// It asks for more than the switch can do with a packet, and must not be had for less.
    Wrapped,
    /// Its interface is none of ours.
    Elsewhere,
}

/// The interfaces by which zebra reaches others, by the kernel's numbers for them.
pub(crate) type HostInterfaces = BTreeMap<u32, InterfaceId>;

impl Switch {
    /// zebra may connect, and is listened to: otherwise it has to wait.
    pub fn listens_to_fpm(&self) -> bool {
        self.config().routing.fpm.is_some() && self.works(AgentKind::Routing)
    }

    /// The connection is of use. One that is not is to be closed: zebra connects again, and tells everything anew.
    pub fn has_fpm(&self) -> bool {
        self.routing.feed.is_some()
    }

    pub(crate) fn handle_fpm(&mut self, now: Instant, input: FpmInput) {
        match input {
            FpmInput::Connected if self.listens_to_fpm() => self.begin_fpm(now),
            FpmInput::Octets(octets) if self.listens_to_fpm() => self.hear_fpm(now, &octets.0),
            // Whoever does not listen has missed something: only a new connection tells it again.
            FpmInput::Connected | FpmInput::Octets(_) => self.end_fpm(now),
            FpmInput::Closed => self.end_fpm(now),
        }
    }

    fn begin_fpm(&mut self, now: Instant) {
        let Some(stale_time) = self.config().routing.fpm.as_ref().map(|fpm| fpm.stale_time) else { return };
        self.routing.feed = Some(Box::new(Feed::new()));
        let prefixes: BTreeSet<IpNet> = self.routing.rib.offered_by(RouteSource::Zebra).into_iter().collect();
        let until = (!prefixes.is_empty()).then(|| now + stale_time);
        self.routing.stale_routes = StaleRoutes { prefixes, until };
        self.tell_routing(now, RoutingEvent::FpmConnected);
    }

    /// zebra has gone, or nobody listens to it: what it has told stays until another has told otherwise.
    pub(crate) fn end_fpm(&mut self, now: Instant) {
        if self.routing.feed.take().is_some() {
            self.routing.stale_routes.until = None;
            let routes = self.routing.rib.offered_by(RouteSource::Zebra).len();
            self.tell_routing(now, RoutingEvent::FpmClosed { routes });
        }
    }

    fn hear_fpm(&mut self, now: Instant, mut octets: &[u8]) {
        let Some(mut feed) = self.routing.feed.take() else { return };
        feed.answers.begin();
        let mut error = None;
        while !octets.is_empty() && error.is_none() {
            octets = &octets[feed.stream.handle_bytes(octets)..];
            error = self.hear_messages(&mut feed);
        }
        feed.offer_moved(&mut self.routing.rib);
        let heard = feed.answers.heard();
        self.routing.feed = Some(feed);
        if let Some(error) = error {
            self.tell_routing(now, RoutingEvent::FpmFailed { error });
            self.end_fpm(now);
        }
        self.settle_routes(now);
        self.hear_of_zebra(now, heard);
    }

    /// Takes in what can be read; why no more can be, if that is so.
    fn hear_messages(&mut self, feed: &mut Feed) -> Option<String> {
        let Feed { stream, numbers, routes, moved, answers } = feed;
        let mut routes = ByNumber { numbers, routes };
        loop {
            let message = match stream.poll_message() {
                Ok(Some(message)) => message,
                Ok(None) => return None,
                Err(error) if error.is_fatal() => return Some(error.to_string()),
                // It is counted, and the next one may be read.
                Err(_) => continue,
            };
            match message {
                FpmMessage::RouteAdd(route) if route.table == TableId::MAIN => {
                    let prefix = prefix(route.prefix);
                    self.routing.stale_routes.prefixes.remove(&prefix);
                    match route.next {
                        Next::Id(id) => {
                            let RouteAdd { protocol, priority, .. } = route;
                            let round = answers.note(prefix);
                            let number = routes.lead(prefix, Told { id, protocol, priority, round });
                            number.offer(&mut self.routing.rib, prefix, protocol);
                        }
                        _ => {
                            routes.forget(prefix);
                            let offer = self.plain_target(&route).map(|to| Offer::of(RouteSource::Zebra, to));
                            let offer = offer.filter(|offer| !is_the_kernels_own(route.protocol, offer));
                            self.routing.rib.update(prefix, RouteSource::Zebra, offer.as_ref());
                        }
                    }
                }
                FpmMessage::RouteDelete(route) if route.table == TableId::MAIN => {
                    let prefix = prefix(route.prefix);
                    self.routing.stale_routes.prefixes.remove(&prefix);
                    routes.forget(prefix);
                    self.routing.rib.update(prefix, RouteSource::Zebra, None);
                }
                FpmMessage::NextHopAdd(add) => {
                    let object = match add.object {
                        NextHopObject::Single(_, next_hop) => Object::One(self.way(&next_hop)),
                        NextHopObject::Blackhole => Object::One(Way::Blackhole),
                        NextHopObject::Group(group) => {
                            let members = group.members.iter().filter(|member| member.weight > 0);
                            Object::Group(members.map(|member| (member.id, member.weight)).collect())
                        }
                    };
                    define(routes.numbers, moved, add.id, Some(object));
                }
                FpmMessage::NextHopDelete(id) => define(routes.numbers, moved, id, None),
                // Another table is none of ours; the rest is of no use to a switch.
                FpmMessage::RouteAdd(_) | FpmMessage::RouteDelete(_) | FpmMessage::Other(_) => {}
            }
        }
    }

    /// Where a route leads that says so itself.
    fn plain_target(&self, route: &RouteAdd<'_>) -> Option<Target> {
        match route.next {
            Next::Id(_) => None,
            Next::Hops(hops) => target_of(hops.iter().map(|hop| (self.way(&hop.next_hop), hop.weight))),
            Next::Blackhole => Some(Target::Blackhole),
            Next::Unreachable => Some(Target::Unreachable),
            Next::Prohibit => Some(Target::Prohibit),
        }
    }

    fn way(&self, next_hop: &NextHop) -> Way {
        if next_hop.encap.is_some() {
            return Way::Wrapped;
        }
        let interface = self.routing.host_interfaces.get(&next_hop.interface.0).copied();
        match (next_hop.gateway, interface) {
            (Some(address), Some(_)) => Way::By(Hop { address, interface, weight: 1 }),
            // Without an interface the RIB finds the way, but for an address that every link has.
            (Some(address), None) if next_hop.interface == IfIndex(0) && !is_link_local(address) => {
                Way::By(Hop { address, interface: None, weight: 1 })
            }
            (None, Some(interface)) => Way::Attached(interface),
            _ => Way::Elsewhere,
        }
    }

    /// Another IP stack, which FRR sees, shares an interface: the kernel's number of it there.
    pub(crate) fn share_interface(&mut self, now: Instant, interface: InterfaceId, index: u32) {
        self.routing.host_interfaces.insert(index, interface);
        self.publish(now);
    }

    /// When routes that have not been told again are removed.
    pub(crate) fn next_of_fpm(&self) -> Option<Instant> {
        self.routing.stale_routes.until.filter(|_| self.works(AgentKind::Routing))
    }

    pub(crate) fn run_fpm(&mut self, now: Instant) {
        if self.next_of_fpm().is_none_or(|until| until > now) {
            return;
        }
        let StaleRoutes { prefixes, .. } = std::mem::take(&mut self.routing.stale_routes);
        for prefix in &prefixes {
            self.routing.rib.update(*prefix, RouteSource::Zebra, None);
        }
        self.tell_routing(now, RoutingEvent::FpmStaleRemoved { routes: prefixes.len() });
        self.settle_routes(now);
    }
}

impl Feed {
    fn new() -> Self {
        Feed {
            stream: Fpm::new(),
            numbers: BTreeMap::new(),
            routes: BTreeMap::new(),
            moved: BTreeSet::new(),
            answers: Answers::default(),
        }
    }

    /// Routes by numbers that mean something else now.
    fn offer_moved(&mut self, rib: &mut super::Rib) {
        for id in std::mem::take(&mut self.moved) {
            let Some(number) = self.numbers.get_mut(&id) else { continue };
            let routes = &mut self.routes;
            number.tidy(|prefix| routes.get(prefix).is_some_and(|told| told.id == id));
            let prefixes = std::mem::take(&mut number.prefixes);
            for &prefix in &prefixes {
                // It was told before it led anywhere.
                if let Some(told) = routes.get_mut(&prefix)
                    && !rib.takes(prefix, RouteSource::Zebra)
                {
                    told.round = self.answers.note(prefix);
                }
                number.offer(rib, prefix, Protocol::ZEBRA);
            }
            number.prefixes = prefixes;
        }
    }
}

/// Routes by the numbers that they go by, while both change.
struct ByNumber<'f> {
    numbers: &'f mut BTreeMap<NextHopId, Number>,
    routes: &'f mut BTreeMap<IpNet, Told>,
}

impl ByNumber<'_> {
    /// A route goes by a number from now on: that.
    fn lead(&mut self, prefix: IpNet, told: Told) -> &mut Number {
        let id = told.id;
        let before = self.routes.insert(prefix, told).map(|told| told.id);
        if before.is_some_and(|before| before != id) {
            self.leave(before);
        }
        let number = self.numbers.entry(id).or_default();
        if before != Some(id) {
            number.routes += 1;
            number.prefixes.push(prefix);
            // Those that went elsewhere, and came back, are on the list still.
            if number.prefixes.len() > 2 * number.routes + SPARE {
                let routes = &self.routes;
                number.tidy(|prefix| routes.get(prefix).is_some_and(|told| told.id == id));
            }
        }
        number
    }

    /// A route goes by no number any more.
    fn forget(&mut self, prefix: IpNet) {
        let before = self.routes.remove(&prefix);
        self.leave(before.map(|told| told.id));
    }

    fn leave(&mut self, id: Option<NextHopId>) {
        let Some(id) = id else { return };
        let Some(number) = self.numbers.get_mut(&id) else { return };
        number.routes -= 1;
        if number.is_unused() {
            self.numbers.remove(&id);
        }
    }
}

impl Number {
    /// Offers a route that goes by it, or none where it leads nowhere.
    fn offer(&mut self, rib: &mut super::Rib, prefix: IpNet, protocol: Protocol) {
        let offer = self.offer.as_ref().filter(|offer| !is_the_kernels_own(protocol, offer));
        rib.update_by(prefix, RouteSource::Zebra, offer, &mut self.path);
    }

    fn is_unused(&self) -> bool {
        self.object.is_none() && self.routes == 0 && self.groups.is_empty()
    }

    /// Takes those off the list that do not go by it.
    fn tidy(&mut self, goes: impl Fn(&IpNet) -> bool) {
        self.prefixes.sort_unstable();
        self.prefixes.dedup();
        self.prefixes.retain(goes);
    }
}

/// Says what a number means, and finds out what that makes of the groups that have it.
fn define(
    numbers: &mut BTreeMap<NextHopId, Number>,
    moved: &mut BTreeSet<NextHopId>,
    id: NextHopId,
    object: Option<Object>,
) {
    let number = numbers.entry(id).or_default();
    if number.object == object && object.is_some() {
        return;
    }
    let before = std::mem::replace(&mut number.object, object.clone());
    if let Some(Object::Group(members)) = before {
        for (member, _) in members {
            numbers.entry(member).or_default().groups.remove(&id);
        }
    }
    if let Some(Object::Group(members)) = object {
        for (member, _) in members {
            numbers.entry(member).or_default().groups.insert(id);
        }
    }
    let groups: Vec<NextHopId> =
        numbers.get(&id).into_iter().flat_map(|number| &number.groups).copied().collect();
    for id in core::iter::once(id).chain(groups) {
        let offer = resolve(numbers, id).map(|target| Offer::of(RouteSource::Zebra, target));
        let Some(number) = numbers.get_mut(&id) else { continue };
        if number.offer != offer {
            (number.offer, number.path) = (offer, Known::default());
            if number.routes > 0 {
                moved.insert(id);
            }
        }
        if number.is_unused() {
            numbers.remove(&id);
        }
    }
}

/// Where a number leads, as far as its members are known. zebra's groups have no groups for members.
fn resolve(numbers: &BTreeMap<NextHopId, Number>, id: NextHopId) -> Option<Target> {
    match numbers.get(&id)?.object.as_ref()? {
        Object::One(way) => target_of(core::iter::once((*way, 1))),
        Object::Group(members) => {
            target_of(members.iter().filter_map(|(member, weight)| match numbers.get(member)?.object {
                Some(Object::One(way)) => Some((way, *weight)),
                _ => None,
            }))
        }
    }
}

/// Where ways lead together: to gateways, if there is one among them.
fn target_of(ways: impl Iterator<Item = (Way, u16)>) -> Option<Target> {
    let (mut hops, mut other) = (Vec::new(), None);
    for (way, weight) in ways {
        match way {
            Way::By(hop) => hops.push(Hop { weight, ..hop }),
            Way::Attached(interface) => other = Some(Target::Attached(interface)),
            Way::Blackhole => other = other.or(Some(Target::Blackhole)),
            // Without a route, packets would go plain by a shorter one.
            Way::Wrapped => other = other.or(Some(Target::Unreachable)),
            Way::Elsewhere => {}
        }
    }
    if hops.is_empty() { other } else { Some(Target::hops(hops)) }
}

/// What the kernel has of its own the switch has too: its own subnets.
fn is_the_kernels_own(protocol: Protocol, offer: &Offer) -> bool {
    protocol == Protocol::KERNEL && matches!(offer.target, Target::Attached(_))
}

fn prefix(prefix: RoutePrefix) -> IpNet {
    const CHECKED: &str = "a prefix is no longer than its address";
    match prefix {
        RoutePrefix::V4(prefix) => Ipv4Net::new(prefix.first().into(), prefix.len()).expect(CHECKED).into(),
        RoutePrefix::V6(prefix) => Ipv6Net::new(prefix.first().into(), prefix.len()).expect(CHECKED).into(),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests;
