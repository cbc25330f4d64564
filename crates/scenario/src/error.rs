use serde::Serialize;
use std::fmt;
use std::path::Path;

/// How much of a long line a snippet shows, in characters.
const SNIPPET_WIDTH: usize = 110;

/// What is wrong with a file, or with a file that it names: one problem or more.
///
/// `Display` prints a line per problem; [`FileError::render`] adds the lines of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", one_per_line(.problems))]
pub struct FileError {
    problems: Vec<Problem>,
}

/// One thing that is wrong, where it is, and what would be right. Serializes as
/// `{path, line, column, field, message}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as the user called it.
    pub path: String,
    /// From 1; absent when the file as a whole cannot be read.
    pub line: Option<u32>,
    /// From 1, in characters.
    pub column: Option<u32>,
    /// The dotted path of the field, such as `topology.links[0].mtu`; empty for the whole file.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// That line of the file.
    #[serde(skip)]
    excerpt: Option<String>,
}

/// A place in a file, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl FileError {
    /// Every problem that was found: file by file, from the top of each.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// All problems, each followed by its line of the file with a caret under the column.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for problem in &self.problems {
            out.push_str(&format!("{problem}\n"));
            if let Some(snippet) = problem.snippet() {
                out.push_str(&snippet);
            }
        }
        out
    }

    /// A file of which nothing could be read.
    pub(crate) fn whole_file(path: &Path, message: String) -> Self {
        FileError { problems: vec![Problem::new(path, None, String::new(), message)] }
    }

    /// One problem that belongs to no field.
    pub(crate) fn at(path: &Path, at: Position, message: String) -> Self {
        FileError { problems: vec![Problem::new(path, Some(at), String::new(), message)] }
    }

    /// `None` when there is no problem. A problem that two nodes of a lab have in common is kept once.
    pub(crate) fn of(problems: Vec<Problem>) -> Option<Self> {
        let mut seen = std::collections::BTreeSet::new();
        let mut kept = problems;
        kept.retain(|problem| seen.insert(problem.to_string()));
        (!kept.is_empty()).then_some(FileError { problems: kept })
    }

    /// `value`, if nothing was found wrong with it.
    pub(crate) fn unless_clean<T>(value: T, problems: Vec<Problem>) -> Result<T, Self> {
        FileError::of(problems).map_or(Ok(value), Err)
    }

    /// Has what a file is not wrong in by itself (`base`) begin with the choice that brought it.
    pub(crate) fn beyond(mut self, base: Option<&FileError>, choice: &str) -> Self {
        for problem in &mut self.problems {
            let alone = base.is_some_and(|base| base.problems.contains(problem));
            if !alone && !problem.message.starts_with("--") {
                problem.message = format!("{choice}: {}", problem.message);
            }
        }
        self
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Adds the lines of `text` that the problems are on.
    pub(crate) fn with_text(mut self, text: &str) -> Self {
        quote_lines(&mut self.problems, text);
        self
    }
}

/// Gives each problem its line of `text`.
pub(crate) fn quote_lines(problems: &mut [Problem], text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    for problem in problems {
        let index = problem.line.and_then(|line| (line as usize).checked_sub(1));
        problem.excerpt = index.and_then(|index| lines.get(index)).map(|&line| line.to_owned());
    }
}

impl Problem {
    pub(crate) fn new(path: &Path, at: Option<Position>, field: String, message: String) -> Self {
        Problem {
            path: path.display().to_string(),
            line: at.map(|at| at.line),
            column: at.map(|at| at.column),
            field,
            message,
            excerpt: None,
        }
    }

    /// The line of the file with a caret under the column; `None` when there is no such line.
    pub fn snippet(&self) -> Option<String> {
        let (line, column, text) = (self.line?, self.column? as usize, self.excerpt.as_deref()?);
        // A window around the column, for files that are one long line.
        let skipped = column.saturating_sub(SNIPPET_WIDTH / 2);
        let skipped = if text.chars().count() > SNIPPET_WIDTH { skipped } else { 0 };
        let visible = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
        let shown: String = text.chars().skip(skipped).take(SNIPPET_WIDTH).map(visible).collect();
        // Tabs stay tabs, so that the caret ends up below its column whatever their width.
        let before = text.chars().skip(skipped).take(column - 1 - skipped.min(column - 1));
        let padding: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let (number, gutter) = (line.to_string(), " ".repeat(line.to_string().len()));
        Some(format!("{gutter} |\n{number} | {shown}\n{gutter} | {padding}^\n"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

fn one_per_line(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
