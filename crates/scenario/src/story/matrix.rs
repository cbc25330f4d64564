//! A matrix: rows and columns of patches, such as presets and failures. A cell is the base with the patch of its row, that of its column
//! over it, and what is said of the cell alone over both.

use super::variants::{self, Variant};
use super::{Choice, Scenario};
use crate::field::Field;
use crate::keys::Keys;
use crate::lab::NodeKind;
use crate::nearest::nearest;
use crate::phrase::{listed, quoted};

const KEYS: Keys = Keys::of(&["switches", "rows", "columns", "cells"]);
const CELL_KEYS: Keys = Keys::of(&["patch"]);
const EXAMPLE: &str = "{switches: [ca1, ca2], rows: {..}, columns: {..}}";

/// Between the names of a row and of a column: neither can have it.
const BETWEEN: char = '/';

/// The cells of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Switches of which is told who forwards.
    pub switches: Vec<usize>,
    /// Rows, by name, with a line for people.
    pub rows: Vec<(String, String)>,
    /// Columns, by name, with a line for people.
    pub columns: Vec<(String, String)>,
}

impl Matrix {
    /// What is to be read for a cell: it is the variant `ROW/COLUMN`.
    pub fn choice(row: &str, column: &str, assume: &[(String, String)]) -> Choice {
        Choice { variant: Some(format!("{row}{BETWEEN}{column}")), assume: assume.to_vec() }
    }

    /// All cells, by the names of row and column, row by row.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rows
            .iter()
            .flat_map(|(row, _)| self.columns.iter().map(move |(column, _)| (row.as_str(), column.as_str())))
    }
}

/// A matrix, as it is written.
pub(super) struct Draft<'d> {
    switches: Option<Field<'d>>,
    rows: Vec<Variant<'d>>,
    columns: Vec<Variant<'d>>,
    /// By the names of row and column.
    cells: Vec<(&'d str, &'d str, Option<Field<'d>>)>,
}

pub(super) fn read<'d>(root: &Field<'d>) -> Option<Draft<'d>> {
    let field = root.child("matrix")?;
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let part = |key, thing: &str| {
        let advice = format!("add one such as `{key}: {{a: {{title: .., patch: {{..}}}}}}`");
        map.required(key, &advice).map(|field| variants::read_patches(field, thing)).unwrap_or_default()
    };
    let (rows, columns) = (part("rows", "row"), part("columns", "column"));
    let switches =
        map.required("switches", "say of which it is told who forwards, such as `switches: [ca1, ca2]`");
    let cells = map.get("cells").map(|cells| read_cells(cells, &rows, &columns)).unwrap_or_default();
    Some(Draft { switches: switches.cloned(), rows, columns, cells })
}

fn read_cells<'d>(
    field: &Field<'d>,
    rows: &[Variant<'_>],
    columns: &[Variant<'_>],
) -> Vec<(&'d str, &'d str, Option<Field<'d>>)> {
    let mut cells = Vec::new();
    for (row, field) in field.named("row", "{a: {b: {patch: {..}}}}").unwrap_or_default() {
        check_name(&field, "row", row, rows);
        for (column, field) in field.named("column", "{b: {patch: {..}}}").unwrap_or_default() {
            check_name(&field, "column", column, columns);
            let map = field.mapping(&CELL_KEYS, "{patch: {..}}");
            let patch = map.as_ref().and_then(|map| map.required("patch", "add what is different there"));
            cells.push((row, column, patch.cloned()));
        }
    }
    cells
}

fn check_name(field: &Field<'_>, thing: &str, name: &str, known: &[Variant<'_>]) {
    let names = || known.iter().map(|known| known.name);
    if names().any(|known| known == name) {
        return;
    }
    let advice = match nearest(name, names()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", listed(names())),
    };
    field.refuse_key(format!("there is no {thing} {}: {advice}", quoted(name)));
}

impl<'d> Draft<'d> {
    /// The patches of the cell that a variant's name means, in the order in which they are laid; `None` when it is no cell's name.
    pub(super) fn cell(&self, name: &str) -> Option<Result<Vec<&Field<'d>>, String>> {
        let (row, column) = name.split_once(BETWEEN)?;
        let find = |known: &'_ [Variant<'d>], thing: &str, name: &str| {
            let found = known.iter().position(|known| known.name == name);
            found.ok_or_else(|| {
                let names = listed(known.iter().map(|known| known.name));
                format!("there is no {thing} {}: expected one of {names}", quoted(name))
            })
        };
        let found = find(&self.rows, "row", row)
            .and_then(|at_row| Ok((at_row, find(&self.columns, "column", column)?)))
            .map(|(at_row, at_column)| {
                let own = self.cells.iter().filter(|cell| (cell.0, cell.1) == (row, column));
                let patches = [self.rows[at_row].patch.as_ref(), self.columns[at_column].patch.as_ref()];
                patches.into_iter().chain(own.map(|cell| cell.2.as_ref())).flatten().collect()
            });
        Some(found)
    }

    /// The matrix of a scenario whose nodes are known.
    pub(super) fn finish(&self, scenario: &Scenario) -> Matrix {
        let titled = |parts: &[Variant<'_>]| {
            parts.iter().map(|part| (part.name.to_owned(), part.title.clone())).collect()
        };
        let switches = self.switches.iter().flat_map(|field| field.list("[ca1, ca2]").unwrap_or_default());
        Matrix {
            switches: switches.filter_map(|field| switch(&field, scenario)).collect(),
            rows: titled(&self.rows),
            columns: titled(&self.columns),
        }
    }
}

fn switch(field: &Field<'_>, scenario: &Scenario) -> Option<usize> {
    let name = field.text()?;
    let nodes = &scenario.lab.nodes;
    let is_switch = |node: &crate::lab::Node| matches!(node.kind, NodeKind::Greylag(_));
    let found = nodes.iter().position(|node| node.name == name && is_switch(node));
    if found.is_none() {
        let names = listed(nodes.iter().filter(|node| is_switch(node)).map(|node| node.name.as_str()));
        field.refuse(format!("there is no switch {}: expected one of {names}", quoted(name)));
    }
    found
}
