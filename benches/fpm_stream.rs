//! Writes what zebra would send of a whole routing table; see `tools/fpm-stream`.

use greylag_benches::table;
use greylag_benches::zebra::{self, Ways};
use std::process::ExitCode;

fn main() -> ExitCode {
    let [_, path] = &*std::env::args().collect::<Vec<_>>() else {
        eprintln!("usage: fpm-stream FILE");
        return ExitCode::from(2);
    };
    let stream = zebra::stream(&table::text(), Ways::Many);
    match std::fs::write(path, &stream) {
        Ok(()) => {
            println!("{path}: {} octets", stream.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}
