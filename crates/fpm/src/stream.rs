//! One connection from zebra, from its octets to messages.
//!
//! A frame has four octets in front (FRR fpm/fpm.h): version, type, and its length with these four, the first octet of two in front. In
//! it stand whole netlink messages, one behind the other; for a route that changes, zebra puts its deletion and the new one into
//! one frame.

use crate::error::{Fault, FpmError};
use crate::message::{FpmMessage, Other};
use crate::netlink::{self, Message, Wrong};
use crate::route::{RouteAdd, RouteDelete};
use core::ops::Range;
use std::collections::BTreeMap;

pub(crate) const HEADER_LEN: usize = 4;
pub(crate) const VERSION: u8 = 1;
pub(crate) const NETLINK: u8 = 1;
/// Two of the largest frames: one that is being read, and what has come of the next.
const BUFFER_LEN: usize = 2 * (u16::MAX as usize + 1);

/// How many messages of each kind there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that have come whole.
    pub frames: u64,
    /// Routes that were added or changed.
    pub route_adds: u64,
    /// Routes that were deleted.
    pub route_deletes: u64,
    /// Deletions that a new route for the same prefix followed at once, and which were therefore not passed on.
    pub replaced: u64,
    /// Next hops and groups that were added or changed.
    pub next_hop_adds: u64,
    /// Next hops and groups that were deleted.
    pub next_hop_deletes: u64,
    /// What nobody here has a use for.
    pub others: BTreeMap<Other, u64>,
    /// Messages that cannot be read, and were passed over.
    pub errors: u64,
}

impl Counts {
    fn count(&mut self, message: &FpmMessage<'_>) {
        match message {
            FpmMessage::RouteAdd(_) => self.route_adds += 1,
            FpmMessage::RouteDelete(_) => self.route_deletes += 1,
            FpmMessage::NextHopAdd(_) => self.next_hop_adds += 1,
            FpmMessage::NextHopDelete(_) => self.next_hop_deletes += 1,
            FpmMessage::Other(other) => *self.others.entry(*other).or_default() += 1,
        }
    }
}

/// A connection from zebra; see the [crate].
pub struct Fpm {
    buffer: Box<[u8]>,
    /// Octets of the connection before the buffer.
    offset: u64,
    /// What is still to be read of the frame at hand.
    frame: Range<usize>,
    /// What the buffer is filled up to.
    end: usize,
    /// Nothing can be read any more.
    failed: Option<FpmError>,
    counts: Counts,
}

/// What stands next in the stream.
enum Step {
    /// A netlink message.
    Message(Range<usize>),
    /// A frame that was passed over.
    Skipped(u8),
}

impl Fpm {
    /// A connection that has just been opened.
    #[allow(clippy::new_without_default, reason = "a connection is opened, there is none by default")]
    pub fn new() -> Self {
        Fpm {
            buffer: vec![0; BUFFER_LEN].into(),
            offset: 0,
            frame: 0..0,
            end: 0,
            failed: None,
            counts: Counts::default(),
        }
    }

    /// Takes octets as they come in, and says how many. When there are more than it has room for it takes the first of them: the
    /// rest can be handed over once [`Fpm::poll_message`] has said that there is no more.
    #[must_use = "what was not taken has to be handed over again"]
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> usize {
        if self.failed.is_some() {
            return bytes.len();
        }
        if bytes.len() > self.buffer.len() - self.end {
            self.buffer.copy_within(self.frame.start..self.end, 0);
            self.offset += self.frame.start as u64;
            self.end -= self.frame.start;
            self.frame = 0..self.frame.len();
        }
        let taken = bytes.len().min(self.buffer.len() - self.end);
        self.buffer[self.end..][..taken].copy_from_slice(&bytes[..taken]);
        self.end += taken;
        taken
    }

    /// The next message; `None` when the rest of it is still to come.
    ///
    /// A deletion with the route that takes its place in the same frame comes as one: [`RouteAdd`] with `replace`. Routed both ways, the
    /// prefix would be without a route between the two.
    ///
    /// # Errors
    /// What is wrong and where. Of one that is not [fatal](FpmError::is_fatal) the stream goes on behind; one that is comes
    /// again and again.
    pub fn poll_message(&mut self) -> Result<Option<FpmMessage<'_>>, FpmError> {
        let range = match self.step()? {
            None => return Ok(None),
            Some(Step::Message(range)) => range,
            Some(Step::Skipped(kind)) => {
                let other = FpmMessage::Other(Other::Frame(kind));
                self.counts.count(&other);
                return Ok(Some(other));
            }
        };
        let Fpm { buffer, offset, frame, counts, .. } = self;
        let here = *offset + range.start as u64;
        let message = match FpmMessage::parse(Message::new(&buffer[range])) {
            Ok(FpmMessage::RouteDelete(old)) => match successor(&buffer[frame.clone()], &old) {
                Some((new, len)) => {
                    frame.start += len;
                    counts.replaced += 1;
                    FpmMessage::RouteAdd(new)
                }
                None => FpmMessage::RouteDelete(old),
            },
            Ok(message) => message,
            Err((at, fault)) => {
                counts.errors += 1;
                return Err(FpmError { offset: here + at as u64, fault });
            }
        };
        counts.count(&message);
        Ok(Some(message))
    }

    /// Nothing comes any more.
    ///
    /// # Errors
    /// When the end is inside a frame.
    pub fn handle_end(&self) -> Result<(), FpmError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.frame.start == self.end => Ok(()),
            None => Err(FpmError { offset: self.offset + self.end as u64, fault: Fault::Cut }),
        }
    }

    /// How many messages of each kind there were.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Goes to the next message.
    fn step(&mut self) -> Result<Option<Step>, FpmError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        while self.frame.is_empty() {
            match self.next_frame() {
                Ok(None) => return Ok(None),
                Ok(Some(NETLINK)) => {}
                Ok(Some(kind)) => {
                    self.frame.start = self.frame.end;
                    return Ok(Some(Step::Skipped(kind)));
                }
                Err(fault) => {
                    let error = FpmError { offset: self.offset + self.frame.start as u64, fault };
                    self.failed = Some(error);
                    return Err(error);
                }
            }
        }
        let Range { start, end } = self.frame;
        match Message::length(&self.buffer[start..end]) {
            Ok(len) => {
                self.frame.start = (start + netlink::aligned(len)).min(end);
                Ok(Some(Step::Message(start..start + len)))
            }
            Err(fault) => {
                // Where the next message begins is not known; where the next frame does is.
                self.frame.start = end;
                self.counts.errors += 1;
                Err(FpmError { offset: self.offset + start as u64, fault })
            }
        }
    }

    /// Begins the next frame, if all of it has come, and says of which type it is.
    fn next_frame(&mut self) -> Result<Option<u8>, Fault> {
        let start = self.frame.start;
        let Some(&[version, kind, high, low]) = self.buffer[start..self.end].first_chunk() else {
            return Ok(None);
        };
        // Either will do, as it does for zebra's own reader.
        if version != VERSION && kind != NETLINK {
            return Err(Fault::NotFpm { version, kind });
        }
        let len = u16::from_be_bytes([high, low]);
        if usize::from(len) < HEADER_LEN {
            return Err(Fault::FrameLength(len));
        }
        if self.end - start < len.into() {
            return Ok(None);
        }
        self.frame = start + HEADER_LEN..start + usize::from(len);
        self.counts.frames += 1;
        Ok(Some(kind))
    }
}

/// The route that takes the place of another, if it is what follows in the frame; and how long its message is.
fn successor<'a>(rest: &'a [u8], old: &RouteDelete) -> Option<(RouteAdd<'a>, usize)> {
    let len = Message::length(rest).ok()?;
    let next: Result<_, Wrong> = FpmMessage::parse(Message::new(&rest[..len]));
    match next {
        Ok(FpmMessage::RouteAdd(new)) if (new.prefix, new.table) == (old.prefix, old.table) => {
            Some((RouteAdd { replace: true, ..new }, netlink::aligned(len).min(rest.len())))
        }
        _ => None,
    }
}
