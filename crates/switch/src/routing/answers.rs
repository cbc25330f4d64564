//! What zebra is told to have become of its routes: the data plane forwards by them, or could not take them.
//!
//! What zebra has told in one go is a round. The programming agent comes to the end of a round behind the writes that follow from it;
//! a route of it that zebra has told again since is answered with that later round. zebra may not care: nothing on the connection says.

use crate::Switch;
use crate::routing::Routing;
use crate::routing::fpm::{Feed, Told};
use crate::routing::route::RouteSource;
use greylag_base::Instant;
use greylag_fib::Prefix;
use greylag_fpm::{Next, Outcome, RouteAdd, RoutePrefix, TableId, encode_outcome};
use ipnet::IpNet;
use std::collections::VecDeque;

/// Octets that are handed over in one go, about.
const PIECE: usize = 65_536;

/// Routes that zebra has told by the number of a next hop, in one round. Those that name their next hops themselves are not answered:
/// zebra would have to hear all that it has said, and by default it says it by number.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    round: u32,
    prefixes: Vec<IpNet>,
}

/// What a connection from zebra may be told.
#[derive(Default)]
pub(crate) struct Answers {
    /// The round of now.
    heard: Heard,
    /// Rounds of which the writes are done, the first first.
    done: VecDeque<Heard>,
    /// The last round of which they are.
    answered: u32,
    /// The last round with anything to answer.
    last: u32,
}

impl Answers {
    /// zebra has said something more.
    pub(crate) fn begin(&mut self) {
        self.heard = Heard { round: self.heard.round + 1, prefixes: Vec::new() };
    }

    /// In this round it has told of a route.
    pub(crate) fn note(&mut self, prefix: IpNet) -> u32 {
        self.heard.prefixes.push(prefix);
        self.heard.round
    }

    /// The round is over.
    pub(crate) fn heard(&mut self) -> Heard {
        let prefixes = std::mem::take(&mut self.heard.prefixes);
        if !prefixes.is_empty() {
            self.last = self.heard.round;
        }
        Heard { round: self.heard.round, prefixes }
    }
}

impl Switch {
    /// The programming agent hears which routes zebra has told.
    pub(crate) fn hear_of_zebra(&mut self, now: Instant, heard: Heard) {
        let ready = now + self.config().routing.programming.delay;
        if let Some(programmer) = &mut self.routing.programmer
            && !heard.prefixes.is_empty()
        {
            programmer.hear_of_zebra(ready, heard);
        }
    }

    /// What followed from a round is written.
    pub(crate) fn may_answer(&mut self, heard: Heard) {
        if let Some(feed) = &mut self.routing.feed {
            feed.answers.answered = feed.answers.answered.max(heard.round);
            feed.answers.done.push_back(heard);
        }
    }

    /// A route that had failed is written.
    pub(crate) fn may_answer_after_all(&mut self, prefix: IpNet) {
        if let Some(feed) = &mut self.routing.feed {
            let round = feed.answers.answered;
            feed.answers.done.push_back(Heard { round, prefixes: vec![prefix] });
        }
    }

    /// The programming agent begins anew, and has put everything right.
    pub(crate) fn answer_all(&mut self) {
        if let Some(feed) = &mut self.routing.feed {
            let prefixes = feed.routes.keys().copied().collect();
            let round = feed.answers.heard.round;
            self.may_answer(Heard { round, prefixes });
        }
    }

    /// zebra is to be told something now, or soon.
    pub fn owes_fpm(&self) -> bool {
        let owes = |answers: &Answers| answers.answered < answers.last || !answers.done.is_empty();
        self.routing.feed.as_ref().is_some_and(|feed| owes(&feed.answers))
    }

    /// The next octets for zebra, on the connection that it has.
    pub fn poll_fpm(&mut self) -> Option<Vec<u8>> {
        let Routing { feed, rib, programmer, .. } = &mut self.routing;
        let Feed { answers, routes, .. } = &mut **feed.as_mut()?;
        let mut out = Vec::new();
        while out.len() < PIECE
            && let Some(heard) = answers.done.front_mut()
        {
            let Some(prefix) = heard.prefixes.pop() else {
                answers.done.pop_front();
                continue;
            };
            let Some(told) = routes.get(&prefix).filter(|told| told.round <= heard.round) else { continue };
            if !rib.takes(prefix, RouteSource::Zebra) {
                continue;
            }
            let has_failed = programmer.as_ref().is_some_and(|programmer| programmer.has_failed(&prefix));
            let outcome = if has_failed { Outcome::Failed } else { Outcome::Offloaded };
            encode_outcome(&answer(prefix, told), outcome, &mut out).expect("a route fits a frame");
        }
        (!out.is_empty()).then_some(out)
    }
}

/// The route as zebra has told it.
fn answer(prefix: IpNet, told: &Told) -> RouteAdd<'static> {
    const CHECKED: &str = "a prefix is no longer than its address";
    let prefix = match prefix {
        IpNet::V4(net) => {
            RoutePrefix::V4(Prefix::new(net.network().to_bits(), net.prefix_len()).expect(CHECKED))
        }
        IpNet::V6(net) => {
            RoutePrefix::V6(Prefix::new(net.network().to_bits(), net.prefix_len()).expect(CHECKED))
        }
    };
    RouteAdd {
        prefix,
        table: TableId::MAIN,
        protocol: told.protocol,
        priority: told.priority,
        next: Next::Id(told.id),
        replace: false,
    }
}
