//! `greylag bond`: several links of a namespace as one interface.

use crate::arguments::BondArguments;
use crate::outcome::{Failure, Outcome};
use crate::run::{log, options, say, socket};
use greylag_base::PortName;
use greylag_scenario::Source;

pub(crate) fn bond(arguments: &BondArguments) -> Outcome {
    let bond = greylag_scenario::bond::parse(&Source::read(&arguments.file)?)?;
    log();
    let socket = socket(&arguments.process, &bond.name)?;
    let members: Vec<&str> = bond.members.iter().map(PortName::as_str).collect();
    let ready = format!(
        "{}: interface {}, members {}, control socket {}",
        bond.name,
        bond.interface,
        members.join(" "),
        socket.display()
    );
    let options = options(&arguments.process, socket);
    greylag_lab::bond::run(&bond, options, || say(&ready)).map_err(Failure::failed)
}
