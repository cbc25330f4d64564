//! The doors: everything that the outside tells a speaker, and everything that it is told.

use crate::advertise::{self, From};
use crate::attributes::{Attributes, Keep, Shared};
use crate::config::{BgpConfig, ConfigError, Family, NeighborConfig, NeighborId};
use crate::decision::{Candidate, DEFAULT_LOCAL_PREF, Multipath};
use crate::event::{BgpEvent, Cause};
use crate::fsm::{Direction, State};
use crate::neighbor::{Action, Context, Neighbor, Outcome, PathPart};
use crate::next_hop::{NextHopInterest, NextHops};
use crate::pack;
use crate::rib::{Changed, Judge, Path, Rib, RouteChange, Source};
use crate::update::Update;
use bytes::{Bytes, BytesMut};
use core::net::IpAddr;
use greylag_base::{Instant, Seed};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// UPDATEs are given away in pieces of about so many octets.
const PIECE: usize = 16 * 1024;

/// The BGP speaker of one router.
///
/// After any call that takes `now`, ask for what became of it: [`poll_transmit`](Bgp::poll_transmit),
/// [`poll_event`](Bgp::poll_event), [`poll_route_change`](Bgp::poll_route_change) and
/// [`poll_next_hop_interest`](Bgp::poll_next_hop_interest) until they are empty, then [`poll_timeout`](Bgp::poll_timeout) once.
#[derive(Debug)]
pub struct Bgp {
    config: BgpConfig,
    seed: Seed,
    neighbors: BTreeMap<NeighborId, Neighbor>,
    rib: Rib,
    keep: Keep,
    next_hops: NextHops,
    actions: VecDeque<Action>,
    events: VecDeque<BgpEvent>,
    outcomes: VecDeque<Outcome>,
    /// Prefixes whose route has changed since it was asked for.
    routes: BTreeSet<IpNet>,
    /// Who was given a piece of UPDATEs last: the others are next.
    served: Option<NeighborId>,
}

/// What a path is judged by, besides itself.
struct Bench<'a> {
    config: &'a BgpConfig,
    neighbors: &'a BTreeMap<NeighborId, Neighbor>,
    next_hops: &'a NextHops,
}

impl Judge for Bench<'_> {
    fn candidate(&self, path: &Path) -> Candidate {
        let neighbor = match path.source {
            Source::Neighbor(id) => self.neighbors.get(&id),
            Source::Local => None,
        };
        let id = neighbor.and_then(Neighbor::agreed).map_or(self.config.router_id, |agreed| agreed.id);
        let attributes = &path.attributes;
        Candidate {
            local: path.source == Source::Local,
            local_pref: attributes.local_pref.unwrap_or(DEFAULT_LOCAL_PREF),
            as_path_length: attributes.as_path.length(),
            origin: attributes.origin as u8,
            // RFC 4271 9.1.2.2 c: where there is none, it is the lowest.
            med: attributes.med.unwrap_or(0),
            neighbor_as: attributes.as_path.neighbor(),
            external: path.external,
            metric: match attributes.next_hop {
                Some(next_hop) if path.source != Source::Local => self.next_hops.metric(next_hop),
                _ => Some(0),
            },
            id,
            address: neighbor.map_or(id.into(), |neighbor| neighbor.config.neighbor_address),
        }
    }

    fn multipath(&self) -> Multipath {
        Multipath {
            ebgp: self.config.ebgp_maximum_paths,
            ibgp: self.config.ibgp_maximum_paths,
            allow_multiple_as: self.config.allow_multiple_as,
        }
    }
}

impl Bgp {
    /// A speaker that knows of no route yet, and begins to connect. All chance comes from `seed`.
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new(config: BgpConfig, seed: Seed, now: Instant) -> Result<Self, ConfigError> {
        let mut bgp = Bgp {
            config: BgpConfig::new(config.asn, config.router_id),
            seed,
            neighbors: BTreeMap::new(),
            rib: Rib::default(),
            keep: Keep::default(),
            next_hops: NextHops::default(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
            outcomes: VecDeque::new(),
            routes: BTreeSet::new(),
            served: None,
        };
        bgp.reconfigure(now, config)?;
        Ok(bgp)
    }

    /// Becomes what it is told to be, as far as it is not already. A session goes on unless its ends, its hold time or its
    /// families change, or the speaker's own system or id; what it is told otherwise, it is told at once. A neighbor that was
    /// cut off for too many prefixes gets another chance when anything of its configuration changes.
    ///
    /// # Errors
    /// When the configuration contradicts itself; nothing has changed then.
    pub fn reconfigure(&mut self, now: Instant, config: BgpConfig) -> Result<(), ConfigError> {
        config.check()?;
        let before = std::mem::replace(&mut self.config, config);
        let renamed = (before.asn, before.router_id) != (self.config.asn, self.config.router_id);
        let wanted: BTreeMap<NeighborId, NeighborConfig> =
            self.config.neighbors.iter().map(|neighbor| (neighbor.id, neighbor.clone())).collect();
        let gone: Vec<NeighborId> =
            self.neighbors.keys().copied().filter(|id| !wanted.contains_key(id)).collect();
        for id in gone {
            self.with_neighbor(now, id, |neighbor, cx| neighbor.stop(&Cause::Removed, cx));
            self.neighbors.remove(&id);
        }
        for (id, neighbor) in wanted {
            self.configure(now, id, neighbor, renamed);
        }
        let multipath = |config: &BgpConfig| {
            (config.ebgp_maximum_paths, config.ibgp_maximum_paths, config.allow_multiple_as)
        };
        if multipath(&before) != multipath(&self.config) {
            self.decide_where(|_| true);
        }
        self.finish(now);
        Ok(())
    }

    fn configure(&mut self, now: Instant, id: NeighborId, config: NeighborConfig, renamed: bool) {
        let external = config.peer_as != self.config.asn;
        let Some(neighbor) = self.neighbors.get(&id) else {
            // By its own name, so that one neighbor more does not change what the others draw.
            let seed = self.seed.derive(&format!("neighbor {id}"));
            self.neighbors.insert(id, Neighbor::new(config, external, seed, now));
            self.with_neighbor(now, id, Neighbor::resume);
            return;
        };
        let before = neighbor.config.clone();
        if before == config && !renamed {
            return;
        }
        let cause = match config.enabled {
            false => Some(Cause::AdminDown),
            true if renamed || config.is_another(&before) => Some(Cause::ConfigurationChanged),
            true => None,
        };
        self.with_neighbor(now, id, |neighbor, cx| {
            if let Some(cause) = &cause {
                neighbor.stop(cause, cx);
            }
            let was_cut_off = neighbor.cut_off.take().is_some();
            (neighbor.config, neighbor.external) = (config.clone(), external);
            if cause.is_some() || was_cut_off || !before.enabled || before.passive_mode != config.passive_mode
            {
                neighbor.resume(cx);
            }
        });
        let preference = |config: &NeighborConfig| (config.local_pref, config.graceful_shutdown);
        if external && preference(&config) != preference(&before) {
            self.prefer(id, &config);
        }
        if config.tells_otherwise(&before) {
            self.tell_all(id);
        }
    }

    /// A connection to a neighbor is there: one that [`Action::Connect`] asked for, or one that came in while
    /// [`accepts`](Bgp::accepts) said so.
    pub fn handle_connected(&mut self, now: Instant, neighbor: NeighborId, direction: Direction) {
        self.with_neighbor(now, neighbor, |neighbor, cx| neighbor.connected(direction, cx));
        self.finish(now);
    }

    /// Octets have come in, as many as there are.
    pub fn handle_bytes(&mut self, now: Instant, neighbor: NeighborId, direction: Direction, bytes: &[u8]) {
        self.with_neighbor(now, neighbor, |neighbor, _| neighbor.take(direction, bytes));
        // One message at a time: what one says decides how the next is taken.
        while self.with_neighbor(now, neighbor, |neighbor, cx| neighbor.read(direction, cx)) == Some(true) {}
        self.finish(now);
    }

    /// A connection has ended, or could not be opened. After [`Action::Close`] there is no need to say so.
    pub fn handle_closed(&mut self, now: Instant, neighbor: NeighborId, direction: Direction) {
        self.with_neighbor(now, neighbor, |neighbor, cx| neighbor.closed(direction, cx));
        self.finish(now);
    }

    /// Would a connection that this neighbor opens be welcome? What is not is best refused at once. There is one that the neighbor opened
    /// at a time.
    pub fn accepts(&self, neighbor: NeighborId) -> bool {
        self.neighbors.get(&neighbor).is_some_and(Neighbor::accepts)
    }

    /// What lies below a session has failed, or is there again; until it is, there is no session. A neighbor begins with everything
    /// there.
    ///
    /// Where BFD's session is in AdminDown at either end, that is no failure (RFC 5882 3.2), and not to be told here.
    pub fn set_path(&mut self, now: Instant, neighbor: NeighborId, usable: bool, why: PathPart) {
        self.with_neighbor(now, neighbor, |neighbor, cx| neighbor.set_path(usable, why, cx));
        self.finish(now);
    }

    /// The caller has no room for more to send to a neighbor, or has again. What changes meanwhile waits here, and is told once; KEEPALIVEs
    /// do not wait.
    pub fn set_room(&mut self, now: Instant, neighbor: NeighborId, room: bool) {
        if let Some(neighbor) = self.neighbors.get_mut(&neighbor) {
            neighbor.room = room;
        }
        self.finish(now);
    }

    /// How far a next hop is, or that it cannot be reached; that is so until it is said here.
    pub fn set_next_hop(&mut self, now: Instant, next_hop: IpAddr, metric: Option<u32>) {
        if self.next_hops.set(next_hop, metric) {
            self.decide_where(|path| path.attributes.next_hop == Some(next_hop));
        }
        self.finish(now);
    }

    /// Originates a route. What `attributes` leave open follows from the neighbor that is told.
    pub fn announce(&mut self, now: Instant, prefix: IpNet, attributes: Attributes) {
        let shared = self.keep.share(attributes);
        self.place(prefix.trunc(), Source::Local, Some(shared));
        self.finish(now);
    }

    /// Originates a route no longer.
    pub fn withdraw(&mut self, now: Instant, prefix: IpNet) {
        self.place(prefix.trunc(), Source::Local, None);
        self.finish(now);
    }

    /// Ends the session with a neighbor and begins anew: what operators call a hard clear.
    pub fn reset(&mut self, now: Instant, neighbor: NeighborId) {
        self.with_neighbor(now, neighbor, |neighbor, cx| {
            neighbor.stop(&Cause::AdminReset, cx);
            neighbor.cut_off = None;
            neighbor.resume(cx);
        });
        self.finish(now);
    }

    /// Asks a neighbor to tell everything once more (RFC 2918), if it can.
    pub fn request_refresh(&mut self, now: Instant, neighbor: NeighborId) {
        self.with_neighbor(now, neighbor, Neighbor::request_refresh);
        self.finish(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due: Vec<NeighborId> = self
            .neighbors
            .iter()
            .filter(|(_, neighbor)| neighbor.next().is_some_and(|next| next <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.with_neighbor(now, id, Neighbor::expire);
        }
        self.finish(now);
    }

    /// What to do next about connections. UPDATEs are made up here, as long as there is room for them.
    pub fn poll_transmit(&mut self) -> Option<Action> {
        self.actions.pop_front().or_else(|| self.next_updates())
    }

    /// When [`handle_timeout`](Bgp::handle_timeout) is due if nothing comes from outside.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.neighbors.values().filter_map(Neighbor::next).min()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<BgpEvent> {
        self.events.pop_front()
    }

    /// What the caller's routing has to change next. Changes of one prefix that nobody has asked for are told as one.
    pub fn poll_route_change(&mut self) -> Option<RouteChange> {
        let prefix = self.routes.pop_first()?;
        Some(RouteChange { prefix, route: self.rib.route(prefix) })
    }

    /// Which next hop the caller has to follow from now on, or no longer.
    pub fn poll_next_hop_interest(&mut self) -> Option<NextHopInterest> {
        self.next_hops.poll()
    }

    /// What it was told to be.
    pub fn config(&self) -> &BgpConfig {
        &self.config
    }

    /// The state of a neighbor's session; `None` when there is no such neighbor.
    pub fn state(&self, neighbor: NeighborId) -> Option<State> {
        self.neighbors.get(&neighbor).map(Neighbor::state)
    }

    pub(crate) fn neighbors(&self) -> impl Iterator<Item = &Neighbor> {
        self.neighbors.values()
    }

    pub(crate) fn neighbor(&self, id: NeighborId) -> Option<&Neighbor> {
        self.neighbors.get(&id)
    }

    pub(crate) fn metric(&self, next_hop: IpAddr) -> Option<u32> {
        self.next_hops.metric(next_hop)
    }

    pub(crate) fn rib(&self) -> &Rib {
        &self.rib
    }

    /// Tells a neighbor something, and the routes what came of it.
    fn with_neighbor<T>(
        &mut self,
        now: Instant,
        id: NeighborId,
        tell: impl FnOnce(&mut Neighbor, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let neighbor = self.neighbors.get_mut(&id)?;
        let mut cx = Context {
            now,
            config: &self.config,
            actions: &mut self.actions,
            events: &mut self.events,
            outcomes: &mut self.outcomes,
        };
        let answer = tell(neighbor, &mut cx);
        while let Some(outcome) = self.outcomes.pop_front() {
            match outcome {
                Outcome::Up => self.tell_all(id),
                Outcome::Down => self.lose(id),
                Outcome::Routes(update) => self.take_routes(now, id, update),
                Outcome::TellAgain(family) => {
                    if let Some(neighbor) = self.neighbors.get_mut(&id) {
                        neighbor.out.tell_again(family);
                    }
                }
            }
        }
        Some(answer)
    }

    /// Lets changes be told where it is time.
    fn finish(&mut self, now: Instant) {
        for neighbor in self.neighbors.values_mut().filter(|neighbor| neighbor.established.is_some()) {
            if neighbor.out.is_due(now) {
                let interval = neighbor.jittered(neighbor.config.minimum_advertisement_interval);
                neighbor.out.open(now, interval);
            }
        }
    }

    /// All routes are to be told to a neighbor, as far as they were not.
    fn tell_all(&mut self, id: NeighborId) {
        let Some(neighbor) = self.neighbors.get_mut(&id) else { return };
        for (prefix, _) in self.rib.iter() {
            neighbor.out.change(prefix);
        }
    }

    /// All routes of a neighbor are gone.
    fn lose(&mut self, id: NeighborId) {
        let Some(neighbor) = self.neighbors.get_mut(&id) else { return };
        neighbor.out.clear();
        neighbor.refused.clear();
        for prefix in self.rib.prefixes_of(Source::Neighbor(id)) {
            self.place(prefix, Source::Neighbor(id), None);
        }
    }

    fn take_routes(&mut self, now: Instant, id: NeighborId, update: Update) {
        let Some(neighbor) = self.neighbors.get(&id).filter(|neighbor| neighbor.established.is_some()) else {
            return;
        };
        let (external, config, asn) = (neighbor.external, neighbor.config.clone(), self.config.asn);
        let mistakes = update.mistakes.into_iter();
        self.events.extend(mistakes.map(|mistake| BgpEvent::UpdateMistaken { neighbor: id, mistake }));
        for prefix in update.withdrawn {
            self.accept(id, prefix, None);
        }
        for (mut attributes, prefixes) in update.announced {
            if external {
                attributes.local_pref = Some(config.local_pref_of(&attributes));
            }
            // RFC 4271 9.1.2: what leads through ourselves is not used.
            let loops = attributes.as_path.contains(asn);
            let shared = (!loops).then(|| self.keep.share(attributes));
            for prefix in prefixes {
                self.accept(id, prefix, shared.clone());
                if loops && let Some(neighbor) = self.neighbors.get_mut(&id) {
                    neighbor.refused.insert(prefix);
                }
            }
        }
        self.mind_limits(now, id);
    }

    fn accept(&mut self, id: NeighborId, prefix: IpNet, attributes: Option<Shared>) {
        if let Some(neighbor) = self.neighbors.get_mut(&id) {
            neighbor.refused.remove(&prefix);
        }
        self.place(prefix, Source::Neighbor(id), attributes);
    }

    /// Ends the session of a neighbor that has more prefixes than it may have (RFC 4271 6.7).
    fn mind_limits(&mut self, now: Instant, id: NeighborId) {
        let Some(neighbor) = self.neighbors.get_mut(&id) else { return };
        let mut exceeded = None;
        for family in neighbor.config.families.clone() {
            let Some(limit) = family.max_prefixes else { continue };
            let (family, had) = (family.family, neighbor.had[family.family as usize]);
            let has = neighbor.prefixes(family);
            neighbor.had[family as usize] = has;
            if has > limit {
                exceeded = Some(Cause::PrefixLimitExceeded { family, limit });
            } else if has == limit && had < limit {
                self.events.push_back(BgpEvent::PrefixLimitReached { neighbor: id, family, limit });
            }
        }
        if let Some(cause) = exceeded {
            self.with_neighbor(now, id, |neighbor, cx| {
                neighbor.cut_off = Some(cause.clone());
                neighbor.stop(&cause, cx);
            });
        }
    }

    /// All routes of a neighbor in another system get another LOCAL_PREF.
    fn prefer(&mut self, id: NeighborId, config: &NeighborConfig) {
        let source = Source::Neighbor(id);
        for prefix in self.rib.prefixes_of(source) {
            let Some(path) = self.rib.path(prefix, source) else { continue };
            let local_pref = Some(config.local_pref_of(path));
            let attributes = Attributes { local_pref, ..(**path).clone() };
            let shared = self.keep.share(attributes);
            self.place(prefix, source, Some(shared));
        }
    }

    /// Puts a source's path to a prefix there, or takes it away, and sees to what follows.
    fn place(&mut self, prefix: IpNet, source: Source, attributes: Option<Shared>) {
        let before = self.rib.path(prefix, source).map(|path| path.next_hop);
        let after = attributes.as_ref().map(|shared| shared.next_hop);
        if let Source::Neighbor(id) = source {
            for next_hop in after.into_iter().flatten() {
                self.next_hops.add_path(next_hop);
            }
            for next_hop in before.into_iter().flatten() {
                self.next_hops.remove_path(next_hop);
            }
            if let Some(neighbor) = self.neighbors.get_mut(&id) {
                let accepted = &mut neighbor.accepted[Family::of(prefix) as usize];
                *accepted = *accepted + u32::from(after.is_some()) - u32::from(before.is_some());
            }
        }
        let external = match source {
            Source::Neighbor(id) => self.neighbors.get(&id).is_some_and(|neighbor| neighbor.external),
            Source::Local => false,
        };
        let path = attributes.map(|attributes| Path::new(source, external, attributes));
        let bench = Bench { config: &self.config, neighbors: &self.neighbors, next_hops: &self.next_hops };
        let changed = self.rib.place(prefix, source, path, &bench);
        self.spread(prefix, changed);
    }

    fn decide_where(&mut self, holds: impl Fn(&Path) -> bool) {
        let bench = Bench { config: &self.config, neighbors: &self.neighbors, next_hops: &self.next_hops };
        let mut all = Vec::new();
        self.rib.decide_where(holds, &bench, |prefix, changed| all.push((prefix, changed)));
        for (prefix, changed) in all {
            self.spread(prefix, changed);
        }
    }

    fn spread(&mut self, prefix: IpNet, changed: Changed) {
        if changed.route {
            self.routes.insert(prefix);
        }
        if changed.best {
            for neighbor in self.neighbors.values_mut().filter(|neighbor| neighbor.speaks(Family::of(prefix)))
            {
                neighbor.out.change(prefix);
            }
        }
    }

    /// UPDATEs for the next neighbor that has any to hear, and room for them.
    fn next_updates(&mut self) -> Option<Action> {
        let ready = |(id, neighbor): (&NeighborId, &Neighbor)| {
            let direction = neighbor.established.filter(|_| neighbor.room && neighbor.out.has_news())?;
            Some((*id, direction))
        };
        loop {
            let after = self.neighbors.iter().filter(|(id, _)| Some(**id) > self.served).find_map(ready);
            let (neighbor, direction) = after.or_else(|| self.neighbors.iter().find_map(ready))?;
            self.served = Some(neighbor);
            let bytes = self.updates_for(neighbor);
            if !bytes.is_empty() {
                return Some(Action::Send { neighbor, direction, bytes });
            }
        }
    }

    fn updates_for(&mut self, id: NeighborId) -> Bytes {
        let mut bytes = BytesMut::new();
        // What a neighbor is told of equal attributes is equal, so that it is worked out once.
        let mut exported: BTreeMap<(u64, From, Family), Option<Shared>> = BTreeMap::new();
        let Some(mut out) = self.neighbors.get_mut(&id).map(|neighbor| std::mem::take(&mut neighbor.out))
        else {
            return Bytes::new();
        };
        let mut messages = 0;
        while bytes.len() < PIECE {
            let parcel = out.next_parcel(|prefix| self.says(id, prefix, &mut exported));
            let Some(parcel) = parcel.filter(|parcel| !parcel.is_empty()) else { break };
            bytes.extend_from_slice(&parcel.next());
            messages += 1;
        }
        if let Some(neighbor) = self.neighbors.get_mut(&id) {
            neighbor.out = out;
            neighbor.sent.update += messages;
            neighbor.sent.total += messages;
        }
        bytes.freeze()
    }

    /// What a neighbor is told of a prefix; `None` for nothing.
    fn says(
        &mut self,
        id: NeighborId,
        prefix: IpNet,
        exported: &mut BTreeMap<(u64, From, Family), Option<Shared>>,
    ) -> Option<Shared> {
        let (best, neighbor) = (self.rib.best(prefix)?, self.neighbors.get(&id)?);
        let family = Family::of(prefix);
        if best.source == Source::Neighbor(id) || !neighbor.speaks(family) {
            return None;
        }
        let from = match best.source {
            Source::Local => From::Ourselves,
            Source::Neighbor(_) if best.external => From::External,
            Source::Neighbor(_) => From::Internal,
        };
        let key = (best.attributes.number(), from, family);
        if let Some(known) = exported.get(&key) {
            return known.clone();
        }
        let says = advertise::export(&best.attributes, from, self.config.asn, &neighbor.config, family);
        let says = says.filter(pack::fits).map(|attributes| self.keep.share(attributes));
        exported.insert(key, says.clone());
        says
    }
}
