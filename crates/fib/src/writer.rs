//! Changing the table while others read it.
//!
//! A change makes new nodes beside the old ones and shows them by a single store to the word above them (one for each block
//! of the first table that a short prefix spans). Where only one run of a node changes, that run is stored in its place and nothing is made.

use crate::build::{Builder, NoRoom, Parts, Shape, load_run, parts_of, store_run};
use crate::fib::Shared;
use crate::group::GroupId;
use crate::prefix::{Address, Prefix};
use crate::routes::{Route, Routes};
use crate::shortcut::Shortcut;
use crate::word::{FAN, Form, STRIDE, Word};
use crate::{Full, Reader};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Nodes that wait before the writer looks whether some of them are free.
const PATIENCE: usize = 256;

/// The one who changes a table; see [`crate::Fib`].
pub struct Writer<A: Address> {
    shared: Arc<Shared<A>>,
    routes: Routes<A>,
    most_routes: usize,
    rooms: crate::arena::Rooms,
    /// Taken out of the table, with the epoch of that time.
    retired: VecDeque<(u64, Word)>,
    retired_since: usize,
    scratch: Scratch<A>,
}

/// What one change collects.
struct Scratch<A> {
    /// Nodes that nobody sees yet.
    made: Vec<Word>,
    /// Nodes that nobody will see any more.
    old: Vec<Word>,
    routes: Vec<Route<A>>,
}

/// A word on the way down, and where it is written.
#[derive(Clone, Copy)]
struct Step {
    depth: u8,
    word: Word,
}

impl<A: Address> Writer<A> {
    pub(crate) fn new(shared: Arc<Shared<A>>, most_routes: usize) -> Self {
        let rooms = crate::arena::Rooms::new(Shared::<A>::ROOT_WORDS, shared.arena.len());
        Writer {
            shared,
            routes: Routes::new(),
            most_routes,
            rooms,
            retired: VecDeque::new(),
            retired_since: 0,
            scratch: Scratch { made: Vec::new(), old: Vec::new(), routes: Vec::new() },
        }
    }

    /// Another reader of the same table.
    pub fn reader(&self) -> Reader<A> {
        Reader::new(Arc::clone(&self.shared))
    }

    /// How many prefixes are routed.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Is none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the table that readers see: the first table, and all nodes.
    pub fn table_bytes(&self) -> usize {
        (Shared::<A>::ROOT_WORDS + self.rooms.used()) * 8
    }

    /// Bytes of [`Writer::table_bytes`] that are no longer part of the table: a reader might still be at them.
    pub fn waiting_bytes(&self) -> usize {
        self.retired.iter().map(|(_, node)| node.size() * 8).sum()
    }

    /// The group of just this prefix.
    pub fn get(&self, prefix: Prefix<A>) -> Option<GroupId> {
        self.routes.get(prefix)
    }

    /// All prefixes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix<A>, GroupId)> {
        self.routes.iter()
    }

    /// Those from one on, in order: with it if that is `inclusive`, or those behind it.
    pub fn iter_from(&self, from: Prefix<A>, inclusive: bool) -> impl Iterator<Item = (Prefix<A>, GroupId)> {
        self.routes.iter_from(from, inclusive)
    }

    /// Routes a prefix to a group, and gives the group that it was routed to before.
    ///
    /// # Errors
    /// When there is no room; nothing has changed then.
    pub fn insert(&mut self, prefix: Prefix<A>, group: GroupId) -> Result<Option<GroupId>, Full> {
        self.set(prefix, Some(group))
    }

    /// Routes a prefix no longer, and gives the group that it was routed to.
    ///
    /// # Errors
    /// When there is no room for what comes in its place; nothing has changed then.
    pub fn remove(&mut self, prefix: Prefix<A>) -> Result<Option<GroupId>, Full> {
        if self.routes.get(prefix).is_none() {
            return Ok(None);
        }
        self.set(prefix, None)
    }

    /// Replaces all routes at once; of two for one prefix the latter counts. Many times as fast as one by one. Readers see the
    /// one route or the other for an address, and for two addresses in any combination.
    ///
    /// # Errors
    /// When there is no room; nothing has changed then.
    pub fn load(&mut self, routes: impl IntoIterator<Item = (Prefix<A>, GroupId)>) -> Result<(), Full> {
        let routes: BTreeMap<_, _> = routes.into_iter().collect();
        if routes.len() > self.most_routes {
            return Err(Full::Routes(self.most_routes));
        }
        let before = self.routes.replace(routes);
        let all = Prefix::new(A::from_left(0), 0).expect("the shortest there is");
        self.change(all).inspect_err(|_| {
            self.routes.replace(before);
        })
    }

    fn set(&mut self, prefix: Prefix<A>, group: Option<GroupId>) -> Result<Option<GroupId>, Full> {
        let before = self.routes.set(prefix, group);
        if before == group {
            return Ok(before);
        }
        let result = match self.routes.len() > self.most_routes {
            true => Err(Full::Routes(self.most_routes)),
            false => self.change(prefix),
        };
        if result.is_err() {
            self.routes.set(prefix, before);
        }
        result.map(|()| before)
    }

    /// Brings the table in line with the list, which differs from it by this prefix; or, should it be the shortest one, by anything.
    fn change(&mut self, prefix: Prefix<A>) -> Result<(), Full> {
        let mut outcome = self.try_change(prefix);
        if outcome.is_err() {
            self.undo();
            // What waits for readers may be enough.
            self.reclaim();
            outcome = self.try_change(prefix);
        }
        if outcome.is_err() {
            self.undo();
            return Err(Full::Memory(self.shared.arena.len() * 8));
        }
        self.scratch.made.clear();
        let epoch = self.shared.grace.epoch();
        self.retired_since += self.scratch.old.len();
        self.retired.extend(self.scratch.old.drain(..).map(|node| (epoch, node)));
        if self.retired_since >= PATIENCE {
            self.reclaim();
        }
        Ok(())
    }

    fn undo(&mut self) {
        self.scratch.old.clear();
        for node in self.scratch.made.drain(..) {
            self.rooms.give_back_node(node);
        }
    }

    /// Takes back nodes that no reader can see any more.
    fn reclaim(&mut self) {
        self.retired_since = 0;
        let free_below = self.shared.grace.advance();
        while let Some((_, node)) = self.retired.pop_front_if(|(epoch, _)| *epoch < free_below) {
            self.rooms.give_back_node(node);
        }
    }

    fn try_change(&mut self, prefix: Prefix<A>) -> Result<(), NoRoom> {
        match prefix.len() <= A::ROOT_BITS {
            true => self.change_slots(prefix),
            false => self.change_below(prefix),
        }
    }

    fn builder(&mut self) -> (Builder<'_>, &mut Vec<Route<A>>, &Routes<A>) {
        let Scratch { made, routes, .. } = &mut self.scratch;
        (Builder { arena: &self.shared.arena, rooms: &mut self.rooms, made }, routes, &self.routes)
    }

    /// Rebuilds all slots of the first table that a short prefix spans.
    fn change_slots(&mut self, prefix: Prefix<A>) -> Result<(), NoRoom> {
        let (mut builder, within, routes) = self.builder();
        routes.within(prefix, within);
        let mut words = vec![Word::value(routes.cover(prefix)); 1 << (A::ROOT_BITS - prefix.len())];
        builder.fill(prefix.first(), A::ROOT_BITS, within, &mut words)?;
        for (slot, word) in (prefix.first().root_slot()..).zip(words) {
            let shown = self.shared.slot(slot);
            let old = Word(shown.load(Ordering::Relaxed));
            if old != word {
                // Release: whoever sees the word sees the nodes below it.
                shown.store(word.0, Ordering::Release);
                self.retire_all(old);
            }
        }
        Ok(())
    }

    /// Rebuilds what a long prefix spans, and as much above it as that changes.
    fn change_below(&mut self, prefix: Prefix<A>) -> Result<(), NoRoom> {
        let slot = prefix.first().root_slot();
        let path = self.descend(prefix);
        let mut word;
        // Bottom up: first what the prefix itself touches, then each node above with one part replaced.
        let mut steps = path.into_iter().rev();
        let lowest = steps.next().expect("the slot's own word is on it");
        if lowest.word.is_value() || lowest.word.is_sparse() {
            self.retire_all(lowest.word);
            word = self.rebuilt(truncated(prefix, lowest.depth))?;
        } else {
            let mut parts = parts_of(&self.shared.arena, lowest.word);
            self.refill(&mut parts, lowest.depth, prefix)?;
            match self.renode(lowest.word, &parts)? {
                Some(new) => word = new,
                None => return Ok(()),
            }
        }
        for step in steps {
            let mut parts = parts_of(&self.shared.arena, step.word);
            parts[prefix.first().five(step.depth) as usize % FAN] = word;
            match self.renode(step.word, &parts)? {
                Some(new) => word = new,
                None => return Ok(()),
            }
        }
        // Release: whoever sees the word sees the nodes below it.
        self.shared.slot(slot).store(word.0, Ordering::Release);
        Ok(())
    }

    /// The nodes around a prefix, from the first table down to the one whose parts it spans, or to a block that has none.
    fn descend(&self, prefix: Prefix<A>) -> Vec<Step> {
        let mut word = Word(self.shared.slot(prefix.first().root_slot()).load(Ordering::Relaxed));
        let mut depth = A::ROOT_BITS;
        let mut path = vec![Step { depth, word }];
        while word.is(Form::Words) && prefix.len() > depth + STRIDE {
            word = load_run(&self.shared.arena, word, word.run(prefix.first().five(depth)));
            depth += STRIDE;
            path.push(Step { depth, word });
        }
        path
    }

    /// A block as the list has it.
    fn rebuilt(&mut self, block: Prefix<A>) -> Result<Word, NoRoom> {
        let (mut builder, within, routes) = self.builder();
        routes.within(block, within);
        builder.block(block, routes.cover(block), within)
    }

    /// Replaces the parts of a block that a prefix spans, or the one that it is in, by what the list has for them.
    fn refill(&mut self, parts: &mut Parts, depth: u8, prefix: Prefix<A>) -> Result<(), NoRoom> {
        let end = depth + STRIDE;
        let spanned = truncated(prefix, end);
        let begin = spanned.first().five(depth) as usize % FAN;
        let parts = &mut parts[begin..][..1 << (end - spanned.len())];
        let mut last = Word::NONE;
        for part in parts.iter() {
            // A node is in one part only, values may span several.
            if *part != std::mem::replace(&mut last, *part) {
                self.retire_all(*part);
            }
        }
        let (mut builder, within, routes) = self.builder();
        routes.within(spanned, within);
        let cover = routes.cover(spanned);
        if spanned.len() == end {
            parts[0] = builder.block(spanned, cover, within)?;
            return Ok(());
        }
        parts.fill(Word::value(cover));
        builder.fill(spanned.first(), end, within, parts)
    }

    /// Makes a node of its changed parts. `None` if what changed was one run, which could be shown in its place.
    fn renode(&mut self, node: Word, parts: &Parts) -> Result<Option<Word>, NoRoom> {
        let shape = Shape::of(parts);
        if (shape.form, shape.bitmap) == (node.form(), node.bitmap()) {
            let arena = &self.shared.arena;
            let mut changed =
                shape.runs().iter().enumerate().filter(|&(run, &word)| load_run(arena, node, run) != word);
            match (changed.next(), changed.next()) {
                (None, _) => return Ok(None),
                // Release: whoever sees the word sees the nodes below it.
                (Some((run, &word)), None) => {
                    store_run(arena, node, run, word, Ordering::Release);
                    return Ok(None);
                }
                _ => {}
            }
        }
        let new = self.builder().0.node(parts)?;
        self.scratch.old.push(node);
        Ok(Some(new))
    }

    /// Takes out a node and all below it.
    fn retire_all(&mut self, word: Word) {
        if word.is_value() {
            return;
        }
        if word.is(Form::Words) {
            for run in 0..word.runs() {
                self.retire_all(load_run(&self.shared.arena, word, run));
            }
        }
        if word.is(Form::Shortcut) {
            // SAFETY: of the table, as the writer has left it.
            let shortcut = unsafe { Shortcut::<A>::read(&self.shared.arena, word.place()) };
            self.retire_all(shortcut.below);
        }
        self.scratch.old.push(word);
    }
}

/// The prefix, or its block of `len` bits if that is shorter.
fn truncated<A: Address>(prefix: Prefix<A>, len: u8) -> Prefix<A> {
    Prefix::new(prefix.first(), prefix.len().min(len)).expect("not longer than the prefix")
}
