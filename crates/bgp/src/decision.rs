//! Which of several paths to a prefix is best, and which are as good (RFC 4271 9.1.2).
//!
//! The steps are a table. The first that tells two paths apart decides, and is the reason that the loser has. What is left before the BGP
//! Identifiers are compared is equally good, and may be used together.

use crate::config::Asn;
use core::net::{IpAddr, Ipv4Addr};
use serde::{Deserialize, Serialize};

/// LOCAL_PREF where nobody has said any.
pub(crate) const DEFAULT_LOCAL_PREF: u32 = 100;
/// LOCAL_PREF of what is on its way out: it is taken where there is nothing else (RFC 8326 4.2).
pub(crate) const LAST_LOCAL_PREF: u32 = 0;

/// What a path is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// It is a route of our own.
    pub(crate) local: bool,
    pub(crate) local_pref: u32,
    pub(crate) as_path_length: u32,
    /// As a number: the lesser is preferred.
    pub(crate) origin: u8,
    pub(crate) med: u32,
    /// `None` for a path within our own system.
    pub(crate) neighbor_as: Option<Asn>,
    /// It comes from another system.
    pub(crate) external: bool,
    /// How far the next hop is; `None` for not to be reached.
    pub(crate) metric: Option<u32>,
    /// The neighbor's BGP Identifier.
    pub(crate) id: Ipv4Addr,
    /// The neighbor's address.
    pub(crate) address: IpAddr,
}

/// What told a path from the best, with OpenConfig's words (`bgp-not-selected-bestpath`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Its next hop cannot be reached (9.1.2.1).
    NexthopUnreachable,
    /// The best is a route of our own.
    LocallyOriginatedPreferred,
    /// 9.1.1: its LOCAL_PREF is lower.
    LocalPrefLower,
    /// 9.1.2.2 a.
    AsPathLonger,
    /// 9.1.2.2 b.
    OriginTypeHigher,
    /// 9.1.2.2 c: among those by the same neighboring system.
    MedHigher,
    /// 9.1.2.2 d: the best comes from another system.
    PreferExternal,
    /// 9.1.2.2 e: its next hop is farther.
    NexthopCostHigher,
    /// 9.1.2.2 f: the neighbor's BGP Identifier.
    HigherRouterId,
    /// 9.1.2.2 g: the neighbor's address.
    HigherPeerAddress,
}

/// Where a path stands among those to its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is used, and neighbors are told of it.
    Best,
    /// It is used along with the best.
    Multipath,
    /// It is as good, but there are as many next hops as there may be, or it is by another neighboring system.
    Equal,
    /// It is not used.
    Lost(Reason),
}

/// A step: those stay that have the least.
struct Step {
    reason: Reason,
    /// Only paths by the same neighboring system are compared.
    same_neighbor_as: bool,
    least: fn(&Candidate) -> u128,
}

const fn step(reason: Reason, least: fn(&Candidate) -> u128) -> Step {
    Step { reason, same_neighbor_as: false, least }
}

/// What makes paths better or worse.
const QUALITY: &[Step] = &[
    step(Reason::NexthopUnreachable, |path| path.metric.is_none().into()),
    step(Reason::LocallyOriginatedPreferred, |path| (!path.local).into()),
    step(Reason::LocalPrefLower, |path| (u32::MAX - path.local_pref).into()),
    step(Reason::AsPathLonger, |path| path.as_path_length.into()),
    step(Reason::OriginTypeHigher, |path| path.origin.into()),
    Step { reason: Reason::MedHigher, same_neighbor_as: true, least: |path| path.med.into() },
    step(Reason::PreferExternal, |path| (!path.external).into()),
    step(Reason::NexthopCostHigher, |path| path.metric.unwrap_or(u32::MAX).into()),
];

/// What breaks the tie.
const TIE: &[Step] = &[
    step(Reason::HigherRouterId, |path| u32::from(path.id).into()),
    step(Reason::HigherPeerAddress, |path| match path.address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }),
];

/// How many paths may be used together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multipath {
    pub(crate) ebgp: u16,
    pub(crate) ibgp: u16,
    pub(crate) allow_multiple_as: bool,
}

/// Where each path stands.
pub(crate) fn decide(paths: &[Candidate], multipath: Multipath) -> Vec<Standing> {
    let mut standing = vec![Standing::Equal; paths.len()];
    let mut left: Vec<usize> = (0..paths.len()).collect();
    // Without a next hop, being the only one is not enough.
    left.retain(|&path| {
        let usable = paths[path].metric.is_some();
        if !usable {
            standing[path] = Standing::Lost(Reason::NexthopUnreachable);
        }
        usable
    });
    eliminate(paths, QUALITY, &mut left, &mut standing);
    let equal = left.clone();
    eliminate(paths, TIE, &mut left, &mut standing);
    let Some(&best) = left.first() else { return standing };
    standing[best] = Standing::Best;
    let most = if paths[best].external { multipath.ebgp } else { multipath.ibgp };
    let mut beside: Vec<usize> = equal.into_iter().filter(|&path| path != best).collect();
    beside.sort_by_key(|&path| (TIE[0].least)(&paths[path]));
    let mut used = 1;
    for path in beside {
        let may = multipath.allow_multiple_as || paths[path].neighbor_as == paths[best].neighbor_as;
        if may && !paths[best].local && used < most {
            (standing[path], used) = (Standing::Multipath, used + 1);
        } else if most > 1 {
            standing[path] = Standing::Equal;
        }
    }
    standing
}

fn eliminate(paths: &[Candidate], steps: &[Step], left: &mut Vec<usize>, standing: &mut [Standing]) {
    for step in steps {
        if left.len() < 2 {
            return;
        }
        let before = left.clone();
        left.retain(|&path| {
            let own = &paths[path];
            let better = before.iter().map(|&other| &paths[other]).any(|other| {
                (!step.same_neighbor_as || other.neighbor_as == own.neighbor_as)
                    && (step.least)(other) < (step.least)(own)
            });
            if better {
                standing[path] = Standing::Lost(step.reason);
            }
            !better
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Multipath = Multipath { ebgp: 1, ibgp: 1, allow_multiple_as: false };

    /// Of neighbor `number`, in another system.
    fn path(number: u8) -> Candidate {
        Candidate {
            local: false,
            local_pref: 100,
            as_path_length: 2,
            origin: 0,
            med: 0,
            neighbor_as: Some(Asn(65_001)),
            external: true,
            metric: Some(10),
            id: [10, 0, 0, number].into(),
            address: [192, 0, 2, number].into(),
        }
    }

    fn with(number: u8, change: impl FnOnce(&mut Candidate)) -> Candidate {
        let mut path = path(number);
        change(&mut path);
        path
    }

    #[test]
    fn each_step_decides_before_those_that_follow() {
        // The winner is worse by everything that comes later, so that only this step can have decided.
        let worst = |path: &mut Candidate| {
            (path.id, path.address) = ([10, 0, 0, 99].into(), [192, 0, 2, 99].into());
        };
        let table: &[(Reason, Candidate, Candidate)] = &[
            (
                Reason::NexthopUnreachable,
                with(1, |path| (path.local_pref, path.as_path_length) = (1, 9)),
                with(2, |path| path.metric = None),
            ),
            (
                Reason::LocallyOriginatedPreferred,
                with(1, |path| (path.local, path.local_pref) = (true, 1)),
                path(2),
            ),
            (
                Reason::LocalPrefLower,
                with(1, |path| (path.local_pref, path.as_path_length) = (101, 9)),
                path(2),
            ),
            (Reason::AsPathLonger, with(1, |path| (path.as_path_length, path.origin) = (1, 2)), path(2)),
            (Reason::OriginTypeHigher, with(1, |path| path.med = 9), with(2, |path| path.origin = 2)),
            (
                Reason::MedHigher,
                with(1, |path| (path.external, path.metric) = (false, Some(99))),
                with(2, |path| path.med = 1),
            ),
            (
                Reason::PreferExternal,
                with(1, |path| path.metric = Some(99)),
                with(2, |path| path.external = false),
            ),
            (Reason::NexthopCostHigher, with(1, worst), with(2, |path| path.metric = Some(11))),
            (Reason::HigherRouterId, with(1, |path| path.address = [192, 0, 2, 99].into()), path(2)),
            (Reason::HigherPeerAddress, path(1), with(2, |path| path.id = [10, 0, 0, 1].into())),
        ];
        for (reason, winner, loser) in table {
            let both = [Standing::Best, Standing::Lost(*reason)];
            assert_eq!(decide(&[*winner, *loser], ONE), both, "{reason:?}");
            assert_eq!(decide(&[*loser, *winner], ONE), [both[1], both[0]], "{reason:?} the other way round");
        }
    }

    #[test]
    fn a_path_whose_next_hop_cannot_be_reached_is_never_used() {
        let lost = Standing::Lost(Reason::NexthopUnreachable);
        assert_eq!(decide(&[with(1, |path| path.metric = None)], ONE), [lost]);
        assert_eq!(decide(&[], ONE), []);
    }

    #[test]
    fn meds_of_different_systems_are_not_compared() {
        // RFC 4271 9.1.2.2 c: the middle one loses to the first; the last, by another system, wins by its router id.
        let other = with(0, |path| (path.med, path.neighbor_as) = (50, Some(Asn(65_009))));
        let paths = [path(1), with(2, |path| path.med = 10), other];
        let standing =
            [Standing::Lost(Reason::HigherRouterId), Standing::Lost(Reason::MedHigher), Standing::Best];
        assert_eq!(decide(&paths, ONE), standing);
    }

    #[test]
    fn as_many_paths_are_used_as_may_be() {
        use Standing::{Best, Equal, Lost, Multipath as Used};
        let internal = |number| with(number, |path| path.external = false);
        let other = |number| with(number, |path| path.neighbor_as = Some(Asn(u32::from(number))));
        let worse = with(9, |path| path.metric = Some(11));
        type Case<'a> = (&'a [Candidate], (u16, u16, bool), &'a [Standing]);
        let table: &[Case<'_>] = &[
            (&[path(3), path(1), path(2)], (4, 1, false), &[Used, Best, Used]),
            (&[path(3), path(1), path(2)], (2, 1, false), &[Equal, Best, Used]),
            (&[path(1), worse], (4, 4, false), &[Best, Lost(Reason::NexthopCostHigher)]),
            (&[internal(1), internal(2)], (4, 1, false), &[Best, Lost(Reason::HigherRouterId)]),
            (&[internal(1), internal(2)], (1, 2, false), &[Best, Used]),
            (&[path(1), other(2)], (4, 1, false), &[Best, Equal]),
            (&[path(1), other(2)], (4, 1, true), &[Best, Used]),
        ];
        for (paths, (ebgp, ibgp, allow_multiple_as), standing) in table {
            let multipath = Multipath { ebgp: *ebgp, ibgp: *ibgp, allow_multiple_as: *allow_multiple_as };
            assert_eq!(decide(paths, multipath), *standing, "{multipath:?} {paths:?}");
        }
    }
}
