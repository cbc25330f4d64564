//! The one way to print a table: aligned columns, two spaces between them, a line of names above.

use comfy_table::{CellAlignment, Table as Grid, presets};
use std::fmt::Display;

/// How a column is aligned.
#[derive(Clone, Copy)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under named columns.
pub(crate) struct Table {
    grid: Grid,
}

impl Table {
    pub(crate) fn new(columns: &[(&str, Align)]) -> Self {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING);
        grid.set_header(columns.iter().map(|(name, _)| *name));
        for (column, (_, align)) in grid.column_iter_mut().zip(columns) {
            column.set_padding((0, 2));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        Table { grid }
    }

    pub(crate) fn row(&mut self, cells: &[&dyn Display]) {
        self.grid.add_row(cells.iter().map(ToString::to_string));
    }

    /// The text, with whole lines below each row.
    pub(crate) fn with_details(&self, details: &[String]) -> String {
        let text = self.to_string();
        let (names, rows) = text.split_once('\n').unwrap_or_default();
        let rows = rows.lines().zip(details).map(|(row, details)| format!("{row}\n{details}"));
        format!("{names}\n{}", rows.collect::<String>())
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in self.grid.lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
