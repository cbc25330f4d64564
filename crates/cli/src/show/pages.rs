use super::understood;
use crate::arguments::Destination;
use crate::outcome::{Failure, Outcome};
use greylag_lab::answer::MOST_PREFIXES;
use greylag_lab::client;
use greylag_switch::show::{BgpPathRow, FibRow, RouteRow};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Write;
use std::path::Path;

/// A table of more prefixes is no table for people.
const SHOWN: usize = 1000;

/// A row of a list that may be longer than memory should hold.
pub(super) trait Paged: DeserializeOwned {
    /// What it is called where there is none.
    const NAME: &'static str;

    fn table(rows: &[Self]) -> String;
}

impl Paged for RouteRow {
    const NAME: &'static str = "route";

    fn table(rows: &[Self]) -> String {
        super::routing::routes(rows)
    }
}

impl Paged for FibRow {
    const NAME: &'static str = "route in the FIB";

    fn table(rows: &[Self]) -> String {
        super::routing::fib(rows)
    }
}

impl Paged for BgpPathRow {
    const NAME: &'static str = "path of BGP";

    fn table(rows: &[Self]) -> String {
        super::routing::bgp_paths(rows)
    }
}

/// Prints everything as JSON, page by page, or what a table can hold.
pub(super) fn show<T: Paged>(socket: &Path, resource: &str, to: Option<&Destination>, json: bool) -> Outcome {
    if json { print_json(socket, resource, to) } else { print_table::<T>(socket, resource, to) }
}

fn page(
    socket: &Path,
    resource: &str,
    to: Option<&Destination>,
    (after, limit): (Option<&str>, usize),
) -> Result<Vec<Value>, Failure> {
    let limit = limit.to_string();
    let mut parameters = vec![("limit", limit.as_str())];
    match to {
        Some(Destination::Within(prefix)) => parameters.push(("within", prefix)),
        Some(Destination::To(address)) => parameters.push(("to", address)),
        None => {}
    }
    parameters.extend(after.map(|after| ("after", after)));
    client::ask(socket, &client::with_parameters(resource, &parameters)).map_err(Failure::failed)
}

fn print_json(socket: &Path, resource: &str, to: Option<&Destination>) -> Outcome {
    let mut out = std::io::stdout().lock();
    let mut after: Option<String> = None;
    loop {
        let rows = page(socket, resource, to, (after.as_deref(), MOST_PREFIXES))?;
        let (prefixes, last) = (prefixes(&rows), last_prefix(&rows));
        let is_first = after.is_none();
        if !rows.is_empty() {
            let text = format!("{:#}", Value::Array(rows));
            let inner = text.trim_start_matches("[\n").trim_end_matches("\n]");
            write!(out, "{}{inner}", if is_first { "[\n" } else { ",\n" })?;
        } else if is_first {
            return Ok(writeln!(out, "[]")?);
        }
        if prefixes < MOST_PREFIXES {
            return Ok(writeln!(out, "\n]")?);
        }
        after = last;
    }
}

fn print_table<T: Paged>(socket: &Path, resource: &str, to: Option<&Destination>) -> Outcome {
    let mut rows = page(socket, resource, to, (None, SHOWN + 1))?;
    if rows.is_empty() {
        let nothing = match to {
            Some(Destination::Within(prefix)) => format!("there is no {} within {prefix}", T::NAME),
            Some(Destination::To(address)) => format!("there is no {} to {address}", T::NAME),
            None => format!("there is no {}", T::NAME),
        };
        let said = super::layer3(socket)?.map_or(nothing, str::to_owned);
        return Ok(writeln!(std::io::stdout(), "{said}")?);
    }
    let is_cut = prefixes(&rows) > SHOWN;
    if is_cut {
        let last = last_prefix(&rows);
        rows.retain(|row| row["prefix"].as_str() != last.as_deref());
    }
    let rows: Vec<T> = understood(Value::Array(rows))?;
    write!(std::io::stdout().lock(), "{}", T::table(&rows))?;
    if is_cut {
        eprintln!(
            "greylag: these are the first {SHOWN} prefixes: name a prefix or an address to see others, `-j` prints all"
        );
    }
    Ok(())
}

/// How many prefixes the rows are about; those of one follow each other.
fn prefixes(rows: &[Value]) -> usize {
    rows.chunk_by(|a, b| a["prefix"] == b["prefix"]).count()
}

fn last_prefix(rows: &[Value]) -> Option<String> {
    Some(rows.last()?["prefix"].as_str()?.to_owned())
}
