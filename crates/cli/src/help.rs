//! `greylag help`: of commands, and of what there is to learn.

use crate::arguments::Arguments;
use crate::library::{self, LIBRARY};
use crate::outcome::{Failure, Outcome};
use crate::paragraph::wrap;
use clap::CommandFactory;
use greylag_base::DropReason;
use greylag_switch::show::RxDrop;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// What can be asked for beside commands, and the sentence for it.
pub(crate) const TOPICS: [(&str, &str); 3] = [
    ("learning-failures", "the library of failures: what to replay, and what it shows"),
    ("drop-reasons", "why frames are dropped, each under its name"),
    ("SCENARIO", "one of the library: its cause, how to notice and how to avoid it"),
];

pub(crate) fn help(words: &[String]) -> Outcome {
    let text = match words {
        [] => Arguments::command().render_long_help().to_string(),
        [topic] if topic == "learning-failures" => learning_failures()?,
        [topic] if topic == "drop-reasons" => drop_reasons(),
        [name] if library::find(Path::new(name)).is_some() => scenario(name)?,
        words => command(words)?,
    };
    Ok(write!(std::io::stdout().lock(), "{text}")?)
}

fn learning_failures() -> Result<String, Failure> {
    let mut text = String::new();
    for shelf in LIBRARY {
        let _ = writeln!(text, "{}\n", shelf.title);
        for entry in shelf.scenarios {
            let scenario = entry.read()?;
            let _ = write!(
                text,
                "  greylag replay {}\n{}",
                entry.name,
                wrap(&format!("      {}", scenario.title), 6)
            );
        }
        text.push('\n');
    }
    let more = "They come with the program: no file is needed. Each says what happened, who noticed and how, and what would have avoided it; \
                --variants all tries that. `greylag help learning/agent-dies` has only the lesson. In a clone of greylag they are below scenarios/, for you \
                to change, and docs/learning-failures.md tells of each.";
    text.push_str(&wrap(more, 0));
    Ok(text)
}

fn scenario(name: &str) -> Result<String, Failure> {
    let Some(entry) = library::find(Path::new(name)) else { return Ok(String::new()) };
    let scenario = entry.read()?;
    let mut text = format!("{}\n", wrap(&scenario.title, 0));
    if let Some(lesson) = &scenario.lesson {
        for (word, sentence) in [
            ("cause", &lesson.cause),
            ("seen", &lesson.seen),
            ("notice", &lesson.notice),
            ("avoid", &lesson.avoid),
        ] {
            text.push_str(&wrap(&format!("{word:<8}{sentence}"), 8));
        }
    }
    let _ = writeln!(text, "\ngreylag replay {}", entry.name);
    for (variant, _) in &scenario.variants {
        let _ = writeln!(text, "greylag replay {} --variant {variant}", entry.name);
    }
    Ok(text)
}

fn drop_reasons() -> String {
    let in_front = RxDrop::ALL.iter().map(|reason| (reason.name(), reason.description()));
    let inside = DropReason::ALL.iter().map(|reason| (reason.name(), reason.description()));
    let lines = in_front.chain(inside);
    lines.map(|(name, description)| wrap(&format!("{name:<22}{description}"), 22)).collect()
}

/// The help of a command, such as `lab deploy`.
fn command(words: &[String]) -> Result<String, Failure> {
    let mut command = Arguments::command();
    command.build();
    for word in words {
        let Some(next) = command.find_subcommand(word) else {
            let topics: Vec<&str> = TOPICS.iter().map(|(topic, _)| *topic).collect();
            return Err(Failure::Usage(format!(
                "there is no help for `{}`: expected a command such as `lab deploy`, or one of {}",
                words.join(" "),
                topics.join(", ")
            )));
        };
        command = next.clone();
    }
    Ok(command.render_long_help().to_string())
}
