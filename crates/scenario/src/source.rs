use crate::error::{FileError, Position};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// No file of ours comes near it; `/dev/zero` does.
const MAXIMUM_BYTES: u64 = 16 << 20;

/// A file's text, and the path that messages call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// A text that is in memory already; `path` need not exist.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Source { path: path.into(), text: text.into() }
    }

    /// Reads a file of at most 16 MiB.
    ///
    /// # Errors
    /// The file is missing, cannot be read, is larger, or is not UTF-8.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        let path = path.into();
        let bytes = read_bytes(&path).map_err(|reason| FileError::whole_file(&path, reason))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Source { path, text }),
            Err(wrong) => {
                let valid = wrong.utf8_error().valid_up_to();
                let (bytes, text) = (wrong.as_bytes(), String::from_utf8_lossy(&wrong.as_bytes()[..valid]));
                let message = format!("byte 0x{:02x} is not UTF-8: save the file as UTF-8", bytes[valid]);
                Err(FileError::at(&path, end_of(&text), message))
            }
        }
    }

    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let explain = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
        io::ErrorKind::IsADirectory => "this is a folder: expected a file".to_owned(),
        _ => format!("it cannot be read: {error}"),
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(explain)?;
    file.take(MAXIMUM_BYTES + 1).read_to_end(&mut bytes).map_err(explain)?;
    if bytes.len() as u64 > MAXIMUM_BYTES {
        return Err("it has more than 16 MiB, which no switch or lab file needs".to_owned());
    }
    Ok(bytes)
}

/// The position right behind `text`.
fn end_of(text: &str) -> Position {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Position { line: line as u32, column: column as u32 }
}
