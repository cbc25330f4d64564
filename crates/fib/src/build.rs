//! From routes to the words and nodes of a block.

use crate::arena::{Arena, Rooms};
use crate::prefix::{Address, Prefix};
use crate::ranges::Ranges;
use crate::routes::Route;
use crate::shortcut::{Shortcut, far_block};
use crate::word::{FAN, Form, STRIDE, Word};
use std::sync::atomic::Ordering;

/// The 32 parts of a block.
pub(crate) type Parts = [Word; FAN];

/// There is no room for a node.
#[derive(Debug)]
pub(crate) struct NoRoom;

/// Makes nodes that nobody sees yet.
pub(crate) struct Builder<'a> {
    pub(crate) arena: &'a Arena,
    pub(crate) rooms: &'a mut Rooms,
    /// All that were made, to be undone should room run out before anything is shown.
    pub(crate) made: &'a mut Vec<Word>,
}

/// How many parts of a block, whose parts share `end` bits, come before this address.
fn part_of(left: u128, end: u8) -> usize {
    // The last stride may reach beyond the address, see `Address::five`.
    (if end <= 128 { left >> (128 - end) } else { left << (end - 128) }) as usize
}

impl Builder<'_> {
    /// The word of a block. `routes` are all that it covers, without itself; elsewhere in it `cover` is the group.
    pub(crate) fn block<A: Address>(
        &mut self,
        block: Prefix<A>,
        cover: u32,
        routes: &[Route<A>],
    ) -> Result<Word, NoRoom> {
        if routes.is_empty() {
            return Ok(Word::value(cover));
        }
        if A::RANGES {
            if let Some(ranges) = Ranges::of(block.len(), cover, routes) {
                return self.ranges(&ranges);
            }
            if let Some(far) = far_block(block.len(), routes) {
                return self.shortcut(far, cover, routes);
            }
        }
        let mut parts = [Word::value(cover); FAN];
        self.fill(block.first(), block.len() + STRIDE, routes, &mut parts)?;
        self.node(&parts)
    }

    /// Lays routes over parts that share `end` bits each, of which the first begins at `first`.
    pub(crate) fn fill<A: Address>(
        &mut self,
        first: A,
        end: u8,
        routes: &[Route<A>],
        parts: &mut [Word],
    ) -> Result<(), NoRoom> {
        let part = |prefix: &Prefix<A>| part_of(prefix.first().left() - first.left(), end);
        let mut rest = routes;
        while let Some(((prefix, group), behind)) = rest.split_first() {
            let at = part(prefix);
            if prefix.len() <= end {
                parts[at..][..1 << (end - prefix.len())].fill(Word::value(*group));
                rest = behind;
            } else {
                // Shorter ones of this part, if any, came first.
                let deep = rest.partition_point(|(prefix, _)| part(prefix) == at);
                let block = Prefix::new(prefix.first(), end).expect("shorter than the prefix");
                parts[at] = self.block(block, parts[at].group(), &rest[..deep])?;
                rest = &rest[deep..];
            }
        }
        Ok(())
    }

    /// The word for these parts.
    pub(crate) fn node(&mut self, parts: &Parts) -> Result<Word, NoRoom> {
        let shape = Shape::of(parts);
        if shape.count == 1 && parts[0].is_value() {
            return Ok(parts[0]);
        }
        let node = self.take(shape.form, shape.bitmap)?;
        for (run, &word) in shape.runs().iter().enumerate() {
            store_run(self.arena, node, run, word, Ordering::Relaxed);
        }
        Ok(node)
    }

    fn ranges(&mut self, ranges: &Ranges) -> Result<Word, NoRoom> {
        if ranges.begins[1] == u32::MAX && ranges.groups[0] == ranges.groups[1] {
            return Ok(Word::value(ranges.groups[0]));
        }
        let node = self.take(Form::Ranges, 1)?;
        for (index, &half) in ranges.begins.iter().chain(&ranges.groups).enumerate() {
            // SAFETY: within the node, which is the writer's own as yet and used by halves from now on.
            unsafe { self.arena.half(node.place(), index) }.store(half, Ordering::Relaxed);
        }
        Ok(node)
    }

    /// A block that has all its routes in one far below it.
    fn shortcut<A: Address>(
        &mut self,
        block: Prefix<A>,
        cover: u32,
        routes: &[Route<A>],
    ) -> Result<Word, NoRoom> {
        let (inside, within) = match routes.split_first() {
            Some(((prefix, group), within)) if *prefix == block => (*group, within),
            _ => (cover, routes),
        };
        let below = self.block(block, inside, within)?;
        let node = self.take(Form::Shortcut, 1)?;
        // SAFETY: the writer's own as yet.
        unsafe { Shortcut { block, below, cover }.write(self.arena, node.place()) };
        Ok(node)
    }

    fn take(&mut self, form: Form, bitmap: u32) -> Result<Word, NoRoom> {
        let size = Word::node(form, bitmap, 0).size();
        let node = Word::node(form, bitmap, self.rooms.take(size).ok_or(NoRoom)?);
        self.made.push(node);
        Ok(node)
    }
}

/// How parts are written: equal neighbours once.
pub(crate) struct Shape {
    pub(crate) form: Form,
    pub(crate) bitmap: u32,
    words: Parts,
    count: usize,
}

impl Shape {
    pub(crate) fn of(parts: &Parts) -> Self {
        let mut shape = Shape { form: Form::Groups, bitmap: 1, words: *parts, count: 1 };
        for (part, &word) in parts.iter().enumerate().skip(1) {
            if word != shape.words[shape.count - 1] {
                shape.bitmap |= 1 << part;
                shape.words[shape.count] = word;
                shape.count += 1;
            }
        }
        if !shape.runs().iter().all(|word| word.is_value()) {
            shape.form = Form::Words;
        }
        shape
    }

    pub(crate) fn runs(&self) -> &[Word] {
        &self.words[..self.count]
    }
}

/// Writes one run of a node of groups or words.
pub(crate) fn store_run(arena: &Arena, node: Word, run: usize, word: Word, order: Ordering) {
    debug_assert!(run < node.runs());
    match node.form() {
        // SAFETY: within the node, whose form says how it is used.
        Form::Groups => unsafe { arena.half(node.place(), run) }.store(word.group(), order),
        // SAFETY: as above.
        Form::Words => unsafe { arena.word(node.place() + run) }.store(word.0, order),
        Form::Ranges | Form::Shortcut => unreachable!("they are written once"),
    }
}

/// Reads one. For the writer, who sees what it wrote.
pub(crate) fn load_run(arena: &Arena, node: Word, run: usize) -> Word {
    debug_assert!(run < node.runs());
    match node.form() {
        // SAFETY: within the node, whose form says how it is used.
        Form::Groups => Word::value(unsafe { arena.half(node.place(), run) }.load(Ordering::Relaxed)),
        // SAFETY: as above.
        Form::Words => Word(unsafe { arena.word(node.place() + run) }.load(Ordering::Relaxed)),
        Form::Ranges | Form::Shortcut => unreachable!("they have no runs of parts"),
    }
}

/// The parts that a node was made of.
pub(crate) fn parts_of(arena: &Arena, node: Word) -> Parts {
    let mut run = 0;
    let mut word = load_run(arena, node, 0);
    std::array::from_fn(|part| {
        if part > 0 && node.bitmap() >> part & 1 == 1 {
            run += 1;
            word = load_run(arena, node, run);
        }
        word
    })
}
