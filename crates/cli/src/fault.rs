//! `greylag fault`: something goes wrong, on order.

use crate::arguments::{FaultWhat, ImpairmentWords, LinkFault, PortChange, SwitchFault, Writes};
use crate::lab;
use crate::outcome::{Failure, Outcome};
use crate::show;
use greylag_lab::cable::{Cable, CableError};
use greylag_lab::client;
use greylag_scenario::story::{self, Impairment, LinkChange, SeenBy};
use greylag_scenario::{FileError, Source};
use std::io::Write;

pub(crate) fn fault(what: &FaultWhat) -> Outcome {
    match what {
        FaultWhat::Switch(fault) => at_switch(fault),
        FaultWhat::Link(fault) => at_link(fault),
        FaultWhat::Port { port, change } => at_port(port, change),
    }
}

fn at_port(port: &str, change: &PortChange) -> Outcome {
    let (verb, text, target) = match change {
        PortChange::Mend { target } => ("mend", String::new(), target),
        PortChange::Impair { impairment, unnoticed, rate, frame_rate, burst, target } => {
            let ImpairmentWords { loss, duplicate, corrupt, reorder, delay, jitter } = impairment;
            let number = |share: &Option<f64>| share.map(|share| share.to_string());
            let text = mapping(vec![
                ("loss", number(loss)),
                ("duplicate", number(duplicate)),
                ("corrupt", number(corrupt)),
                ("unnoticed", unnoticed.then(|| "true".to_owned())),
                ("reorder", number(reorder)),
                ("delay", delay.clone()),
                ("jitter", jitter.clone()),
                ("rate", rate.clone()),
                ("frame-rate", frame_rate.map(|rate| rate.to_string())),
                ("burst", burst.clone()),
            ]);
            check(greylag_scenario::parse_impairment(&Source::new("impair", &text)))?;
            ("impair", text, target)
        }
    };
    let path = format!("/v1/ports/{port}/{verb}");
    let answer = client::post(&show::socket(target)?, &path, text).map_err(Failure::failed)?;
    show::print(target.json, answer, |_| Ok(String::new()))
}

/// What is wrong with words that were put together here: its place in a text that nobody wrote says nothing.
fn check<T>(read: Result<T, FileError>) -> Result<(), Failure> {
    read.map(drop).map_err(|wrong| {
        let problem = wrong.problems().first();
        Failure::Usage(problem.map_or_else(String::new, |one| match one.field.is_empty() {
            true => one.message.clone(),
            false => format!("{}: {}", one.field, one.message),
        }))
    })
}

fn mapping(settings: Vec<(&str, Option<String>)>) -> String {
    let settings: Vec<String> =
        settings.into_iter().filter_map(|(key, value)| Some(format!("{key}: {}", value?))).collect();
    format!("{{{}}}", settings.join(", "))
}

fn at_switch(fault: &SwitchFault) -> Outcome {
    let text = words(fault);
    check(story::parse_fault(&Source::new("fault", &text)))?;
    let target = fault.target();
    let answer = client::post(&show::socket(target)?, "/v1/fault", text).map_err(Failure::failed)?;
    show::print(target.json, answer, |_| Ok(String::new()))
}

/// The fault as a timeline has it.
fn words(fault: &SwitchFault) -> String {
    let (name, settings) = match fault {
        SwitchFault::Crash { agent, dump, .. } => {
            ("crash", vec![("agent", Some(agent.agent.clone())), ("dump", dump.clone())])
        }
        SwitchFault::CrashLoop { agent, run, dump, times, while_vlan, .. } => (
            "crash-loop",
            vec![
                ("agent", Some(agent.agent.clone())),
                ("run", Some(range(run))),
                ("dump", dump.clone()),
                ("times", times.map(|times| times.to_string())),
                ("while-vlan", while_vlan.map(|vlan| vlan.to_string())),
            ],
        ),
        SwitchFault::Hang { agent, lasts, .. } => {
            ("hang", vec![("agent", Some(agent.agent.clone())), ("lasts", lasts.clone())])
        }
        SwitchFault::Slow { agent, rate, lasts, .. } => (
            "slow",
            vec![
                ("agent", Some(agent.agent.clone())),
                ("rate", Some(rate.to_string())),
                ("lasts", lasts.lasts.clone()),
            ],
        ),
        SwitchFault::LoseReports { share, lasts, .. } => {
            ("lose-reports", vec![("share", Some(share.clone())), ("lasts", lasts.lasts.clone())])
        }
        SwitchFault::DelayReports { delay, lasts, .. } => {
            ("delay-reports", vec![("delay", Some(range(delay))), ("lasts", lasts.lasts.clone())])
        }
        SwitchFault::RefuseWrites { share, lasts, .. } => {
            ("refuse-writes", vec![("share", Some(share.clone())), ("lasts", lasts.lasts.clone())])
        }
        SwitchFault::DropWrites { writes, acknowledged, .. } => {
            let acknowledged = acknowledged.map(|told| told.to_string());
            ("drop-writes", [filter(writes), vec![("acknowledged", acknowledged)]].concat())
        }
        SwitchFault::DelayWrites { writes, delay, .. } => {
            ("delay-writes", [filter(writes), vec![("delay", Some(range(delay)))]].concat())
        }
        SwitchFault::MisorderWrites { writes, .. } => ("misorder-writes", filter(writes)),
        SwitchFault::StaleMembers { writes, .. } => ("stale-members", filter(writes)),
        SwitchFault::Restart { agent, .. } => ("restart", vec![("agent", Some(agent.agent.clone()))]),
        SwitchFault::Heal { .. } => ("heal", Vec::new()),
    };
    format!("{{{name}: {}}}", mapping(settings))
}

fn filter(writes: &Writes) -> Vec<(&'static str, Option<String>)> {
    let Writes { family, prefix, buckets, worker, change, share, lasts } = writes;
    vec![
        ("family", family.clone()),
        ("prefix", prefix.as_ref().map(|prefix| format!("{prefix:?}"))),
        ("buckets", buckets.clone()),
        ("worker", worker.map(|worker| worker.to_string())),
        ("change", change.clone()),
        ("share", share.clone()),
        ("lasts", lasts.lasts.clone()),
    ]
}

/// `28s..38s` as a timeline has it.
fn range(text: &str) -> String {
    text.split_once("..").map_or_else(|| text.to_owned(), |(least, most)| format!("[{least}, {most}]"))
}

fn at_link(fault: &LinkFault) -> Outcome {
    lab::need_privilege_to("greylag fault link")?;
    let lab = lab::name(&fault.lab)?;
    let (cable, end) = Cable::find(&lab::state()?, &lab, &fault.end).map_err(explain)?;
    cable.change(&change(&fault.change, end)?).map_err(explain)?;
    Ok(std::io::stdout().flush()?)
}

/// What is not there, or cannot be, was asked for in the wrong words.
fn explain(error: CableError) -> Failure {
    match error {
        CableError::Unknown { .. } => Failure::Usage(error.to_string()),
        _ => Failure::failed(error),
    }
}

fn change(change: &crate::arguments::LinkChange, end: usize) -> Result<LinkChange, Failure> {
    use crate::arguments::LinkChange as Word;
    Ok(match *change {
        Word::Down => LinkChange::Down { seen_by: SeenBy::Both },
        Word::Dead => LinkChange::Down { seen_by: SeenBy::Nobody },
        Word::Up => LinkChange::Up,
        Word::OneWay => LinkChange::OneWay { from: end },
        Word::Impair { loss, duplicate, corrupt, reorder, delay, jitter } => {
            let impairment = Impairment {
                loss: loss.unwrap_or(0.0),
                duplicate: duplicate.unwrap_or(0.0),
                corrupt: corrupt.unwrap_or(0.0),
                unnoticed: true,
                reorder: reorder.unwrap_or(0.0),
                delay: delay.unwrap_or_default(),
                jitter: jitter.unwrap_or_default(),
                ..Impairment::default()
            };
            if impairment == (Impairment { unnoticed: true, ..Impairment::default() }) {
                let sentence =
                    "`impair` does nothing: expected one of --loss, --duplicate, --corrupt or --delay";
                return Err(Failure::Usage(sentence.to_owned()));
            }
            LinkChange::Impair { from: Some(end), impairment }
        }
    })
}
