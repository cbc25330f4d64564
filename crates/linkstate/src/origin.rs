//! What this router announces of itself: which link and which prefix stands in which announcement, and when one is made anew.
//!
//! What has a place keeps it, so that a link that comes or goes changes one announcement, and nothing is missing for a moment
//! because it is on its way from one to the next.

use crate::wire::{AnnouncedPrefix, HEADER_LEN, LSA_LEN, Link, MOST_OCTETS};
use greylag_base::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// An announcement is made anew that often, though nothing has changed (RFC 2328 B, LSRefreshTime).
pub(crate) const REFRESH: Duration = Duration::from_secs(30 * 60);
/// And not more often, though something has (RFC 2328 B, MinLSInterval): if anybody was told of the last.
pub(crate) const PACE: Duration = Duration::from_secs(5);
/// The last sequence number.
pub(crate) const LAST_SEQUENCE: u32 = u32::MAX;

/// Octets for the links and prefixes of one announcement.
const ROOM: usize = MOST_OCTETS - HEADER_LEN - LSA_LEN;

/// What an announcement says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) overload: bool,
    pub(crate) links: Vec<Link>,
    pub(crate) prefixes: Vec<AnnouncedPrefix>,
}

impl Content {
    fn len(&self) -> usize {
        let prefixes: usize = self.prefixes.iter().map(AnnouncedPrefix::len).sum();
        self.links.len() * Link::LEN + prefixes
    }
}

/// One announcement of ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fragment {
    /// What it should say; `None` when it should not be there.
    pub(crate) wanted: Option<Content>,
    /// What it says; `None` when it is not there.
    pub(crate) said: Option<Content>,
    /// The greatest sequence number that was ever seen of it.
    pub(crate) sequence: u32,
    /// Somebody has an instance that we did not make: it is to be outbid.
    pub(crate) outbid: bool,
    /// It has the last sequence number, and begins anew when everybody has heard that it is withdrawn (RFC 2328 12.1.6).
    pub(crate) wraps: bool,
    made: Option<Instant>,
    /// There was somebody to be told when it was made.
    told: bool,
}

impl Fragment {
    /// When it is to be made anew.
    pub(crate) fn due(&self) -> Option<Instant> {
        let wanted = self.wanted.as_ref().filter(|_| !self.wraps)?;
        let Some(made) = self.made else { return Some(Instant::ZERO) };
        let news = self.outbid || self.said.as_ref() != Some(wanted);
        Some(match (news, self.told) {
            (true, true) => made + PACE,
            (true, false) => made,
            (false, _) => made + REFRESH,
        })
    }

    /// It was made, and somebody is told of it, or nobody is there.
    pub(crate) fn is_made(&mut self, now: Instant, told: bool) {
        self.said.clone_from(&self.wanted);
        self.outbid = false;
        (self.made, self.told) = (Some(now), told);
    }
}

/// All announcements of ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) fragments: BTreeMap<u16, Fragment>,
    /// What is announced may be another than what is wanted.
    pub(crate) stale: bool,
}

impl Origin {
    /// Finds a place for all that is wanted.
    pub(crate) fn arrange(
        &mut self,
        overload: bool,
        links: &BTreeSet<Link>,
        prefixes: &BTreeSet<AnnouncedPrefix>,
    ) {
        let (mut links, mut prefixes) = (links.clone(), prefixes.clone());
        let mut contents: BTreeMap<u16, Content> = BTreeMap::new();
        for (number, fragment) in &mut self.fragments {
            let before = fragment.wanted.take().unwrap_or_default();
            let content = Content {
                overload: overload && *number == 0,
                links: before.links.iter().filter_map(|link| take_link(&mut links, link)).collect(),
                prefixes: before
                    .prefixes
                    .iter()
                    .filter_map(|prefix| take_prefix(&mut prefixes, prefix))
                    .collect(),
            };
            contents.insert(*number, content);
        }
        for link in links {
            room_for(&mut contents, Link::LEN, overload).links.push(link);
        }
        for prefix in prefixes {
            room_for(&mut contents, prefix.len(), overload).prefixes.push(prefix);
        }
        // The first is always there: without it, the others do not count.
        room_for(&mut contents, 0, overload);
        for (number, mut content) in contents {
            content.links.sort_unstable();
            content.prefixes.sort_unstable();
            let wanted = number == 0 || content.len() > 0;
            self.fragments.entry(number).or_default().wanted = wanted.then_some(content);
        }
    }
}

/// The link as it is now, if it is still there, whatever it costs.
fn take_link(links: &mut BTreeSet<Link>, before: &Link) -> Option<Link> {
    let end = |link: &Link| (link.neighbor, link.interface, link.neighbor_interface);
    let now =
        links.range(Link { cost: 0, ..*before }..).next().copied().filter(|now| end(now) == end(before))?;
    links.take(&now)
}

/// The prefix as it is now, if it is still there, whatever its metric.
fn take_prefix(
    prefixes: &mut BTreeSet<AnnouncedPrefix>,
    before: &AnnouncedPrefix,
) -> Option<AnnouncedPrefix> {
    let least = AnnouncedPrefix { metric: 0, ..*before };
    let now = prefixes.range(least..).next().copied().filter(|now| now.prefix == before.prefix)?;
    prefixes.take(&now)
}

/// The first announcement with room for so many octets.
fn room_for(contents: &mut BTreeMap<u16, Content>, octets: usize, overload: bool) -> &mut Content {
    let with_room = contents.iter().find(|(_, content)| content.len() + octets <= ROOM);
    let number = with_room.map_or(contents.len() as u16, |(number, _)| *number);
    contents
        .entry(number)
        .or_insert_with(|| Content { overload: overload && number == 0, ..Content::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;
    use greylag_base::InterfaceId;

    fn link(number: u32) -> Link {
        let (neighbor, interface) = (Ipv4Addr::from(number), InterfaceId(1));
        Link { neighbor, interface, neighbor_interface: interface, cost: 10 }
    }

    fn contents(origin: &Origin) -> Vec<Option<Content>> {
        origin.fragments.values().map(|fragment| fragment.wanted.clone()).collect()
    }

    #[test]
    fn what_has_a_place_keeps_it() {
        let mut links: BTreeSet<Link> = (0..300).map(link).collect();
        let mut origin = Origin::default();
        origin.arrange(false, &links, &BTreeSet::new());
        let before = contents(&origin);
        let len = |content: &Option<Content>| content.as_ref().map_or(0, |content| content.links.len());
        assert_eq!(before.iter().map(len).collect::<Vec<_>>(), [119, 119, 62]);

        // One goes, one costs more: one announcement each is another.
        links.remove(&link(3));
        links.remove(&link(200));
        links.insert(Link { cost: 20, ..link(200) });
        origin.arrange(false, &links, &BTreeSet::new());
        let after = contents(&origin);
        assert_eq!(after.iter().map(len).collect::<Vec<_>>(), [118, 119, 62]);
        assert_ne!(after[1], before[1]);
        assert_eq!(after[2], before[2]);

        // One comes: it has the place that is free.
        links.insert(link(400));
        origin.arrange(false, &links, &BTreeSet::new());
        assert_eq!(contents(&origin).iter().map(len).collect::<Vec<_>>(), [119, 119, 62]);

        // What is left is not moved together.
        let rest: BTreeSet<Link> = links.into_iter().filter(|link| u32::from(link.neighbor) >= 299).collect();
        origin.arrange(true, &rest, &BTreeSet::new());
        let rest = contents(&origin);
        assert_eq!(rest.iter().map(len).collect::<Vec<_>>(), [1, 0, 1]);
        assert_eq!(rest[1], None);
        let says: Vec<bool> = rest.iter().flatten().map(|content| content.overload).collect();
        assert_eq!(says, [true, false]);
    }

    #[test]
    fn a_change_waits_for_the_pace_and_a_refresh_for_half_an_hour() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut fragment = Fragment { wanted: Some(Content::default()), ..Fragment::default() };
        assert_eq!(fragment.due(), Some(Instant::ZERO));
        fragment.is_made(at(100), true);
        assert_eq!(fragment.due(), Some(at(1900)));
        fragment.wanted = Some(Content { overload: true, ..Content::default() });
        assert_eq!(fragment.due(), Some(at(105)));
        fragment.is_made(at(105), true);
        fragment.outbid = true;
        assert_eq!(fragment.due(), Some(at(110)));
        fragment.wraps = true;
        assert_eq!(fragment.due(), None);
    }

    #[test]
    fn what_nobody_was_told_of_holds_up_nothing() {
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut fragment = Fragment { wanted: Some(Content::default()), ..Fragment::default() };
        fragment.is_made(at(100), false);
        assert_eq!(fragment.due(), Some(at(1900)));
        fragment.wanted = Some(Content { overload: true, ..Content::default() });
        assert_eq!(fragment.due(), Some(at(100)));
    }
}
