//! `greylag config`: what a running switch is told to be, and how that is changed.

use crate::arguments::{ConfigVerb, Target};
use crate::outcome::{Failure, Outcome};
use crate::show;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::answer::{Commit, Committed};
use greylag_lab::{client, login};
use greylag_scenario::{Source, switch};
use greylag_switch::DiffLine;
use serde_json::Value;
use std::io::Write;
use std::path::Path;

pub(crate) fn config(verb: &ConfigVerb) -> Outcome {
    match verb {
        ConfigVerb::Show { rollback, target } => {
            let rollback = rollback.to_string();
            let resource = client::with_parameters("/v1/config", &[("rollback", &rollback)]);
            // JSON is YAML, too.
            let answer = client::get(&show::socket(target)?, &resource).map_err(Failure::failed)?;
            Ok(writeln!(std::io::stdout(), "{answer:#}")?)
        }
        ConfigVerb::Diff { file, target } => {
            let (text, path) = candidate(file)?;
            let resource = client::with_parameters("/v1/config/diff", &[("path", &path)]);
            order(target, &resource, text, diff)
        }
        ConfigVerb::Commit { file, confirmed, target } => {
            let (text, path) = candidate(file)?;
            let author = login::name();
            let mut parameters = vec![("path", path.as_str()), ("author", &author)];
            parameters.extend(confirmed.as_deref().map(|time| ("confirm-within", time)));
            order(target, &client::with_parameters("/v1/config/commit", &parameters), text, committed)
        }
        ConfigVerb::Confirm { target } => order(target, "/v1/config/confirm", String::new(), |done| {
            Ok(format!("commit {} is confirmed\n", show::understood::<Committed>(done)?.commit))
        }),
        ConfigVerb::Rollback { steps, target } => {
            let body = serde_json::json!({"steps": steps, "author": login::name()});
            order(target, "/v1/config/rollback", body.to_string(), committed)
        }
        ConfigVerb::History { target } => {
            let answer = client::get(&show::socket(target)?, "/v1/history").map_err(Failure::failed)?;
            show::print(target.json, answer, history)
        }
    }
}

/// A candidate that is right in itself, and what messages call it.
fn candidate(file: &Path) -> Result<(String, String), Failure> {
    let source = Source::read(file)?;
    switch::parse(&source)?;
    Ok((source.text().to_owned(), file.display().to_string()))
}

fn order(
    target: &Target,
    resource: &str,
    body: String,
    text: impl FnOnce(Value) -> Result<String, Failure>,
) -> Outcome {
    let answer = client::post(&show::socket(target)?, resource, body).map_err(Failure::failed)?;
    show::print(target.json, answer, text)
}

fn diff(answer: Value) -> Result<String, Failure> {
    let lines: Vec<DiffLine> = show::understood(answer)?;
    if lines.is_empty() {
        return Ok("nothing would change\n".to_owned());
    }
    let line = |line: &DiffLine| {
        let restart = if line.is_fixed() { "  (only with a restart)" } else { "" };
        format!("{line}{restart}\n")
    };
    Ok(lines.iter().map(line).collect())
}

fn committed(answer: Value) -> Result<String, Failure> {
    let Committed { commit, changes, confirm_by } = show::understood(answer)?;
    let changes = show::count(changes, "change", "changes");
    let wait = confirm_by.map_or_else(String::new, |by| {
        format!("; it is rolled back unless `greylag config confirm` comes by {}", show::second(&by))
    });
    Ok(format!("commit {commit}: {changes}{wait}\n"))
}

fn history(answer: Value) -> Result<String, Failure> {
    let commits: Vec<Commit> = show::understood(answer)?;
    let mut table = Table::new(&[
        ("ROLLBACK", Right),
        ("COMMIT", Right),
        ("COMMITTED", Left),
        ("AUTHOR", Left),
        ("CHANGES", Right),
        ("STATE", Left),
    ]);
    for Commit { committed, row } in &commits {
        let author = row.author.as_deref().unwrap_or("-");
        let state = match (row.rollback, row.unconfirmed) {
            (0, true) => "unconfirmed",
            (0, false) => "running",
            _ => "-",
        };
        table.row(&[&row.rollback, &row.commit, &show::second(committed), &author, &row.changes, &state]);
    }
    Ok(table.to_string())
}
